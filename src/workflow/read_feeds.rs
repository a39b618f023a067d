//! Reads calendar feeds into blocks, every quarter of an hour. A feed that cannot be read keeps its last blocks and
//! shows its error.
//!
//! Feeds are leased, so that instances share the work. No transaction is open while a feed is fetched (I6).

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::error::WorkflowError;
use crate::domain::catalogue::{Block, Feed};
use crate::domain::time::Window;
use crate::gateway::calendar_feed::{BusyTime, FeedError, ParsedFeed, fetch, parse_feed};
use crate::store::{FeedRead, LeaseRequest};

/// How often a feed is read.
const READ_INTERVAL: chrono::Duration = chrono::Duration::minutes(15);
/// How far ahead repeating events are expanded into blocks.
const READ_AHEAD: chrono::Duration = chrono::Duration::days(366);
/// How many feeds are read at the same time.
const BATCH: u32 = 4;
/// How often the worker looks for due feeds without being woken.
const POLL: Duration = Duration::from_secs(20);

/// Reads feeds as they become due, until `stop` is cancelled.
pub async fn run_worker(context: Arc<Context>, stop: CancellationToken) {
    loop {
        if let Err(error) = read_due_feeds(&context).await {
            tracing::warn!(%error, "calendar feeds not read: the database failed");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = context.new_feeds.notified() => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

/// Reads all feeds that are due, and returns how many there were.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable; leased feeds are due again when their lease ends.
pub async fn read_due_feeds(context: &Context) -> Result<u64, WorkflowError> {
    let mut feeds = 0;
    loop {
        let store = &context.store;
        let batch = store
            .lease_due_feeds(&LeaseRequest::new(context.now(), context.settings.lease, BATCH))
            .await?;
        let is_full = batch.len() == BATCH as usize;
        feeds += batch.len() as u64;
        let results: Vec<Result<(), WorkflowError>> = futures::stream::iter(batch)
            .map(|feed| async move { read_feed(context, &feed).await })
            .buffer_unordered(BATCH as usize)
            .collect()
            .await;
        results.into_iter().collect::<Result<(), _>>()?;
        if !is_full {
            return Ok(feeds);
        }
    }
}

async fn read_feed(context: &Context, feed: &Feed) -> Result<(), WorkflowError> {
    let now = context.now();
    let reading = fetch_feed(feed, now, context.settings.calendar_allow_private).await;
    let next = context.now() + READ_INTERVAL;
    let outcome = match reading {
        Ok(reading) => {
            let faults = reading.faults.len();
            let read = FeedRead {
                blocks: reading.busy.into_iter().map(to_block).collect(),
                fault: (faults > 0).then(|| format!("{faults} of its events cannot be read and are missing")),
                read_at: now,
                next_at: next,
            };
            context.store.save_feed_blocks(feed, &read).await?;
            "read"
        }
        Err(error) => {
            let fault = format!("the feed {error}");
            tracing::warn!(resource = %feed.resource, fault, "calendar feed not read; its last blocks stay");
            context.store.save_feed_failure(feed, &fault, next).await?;
            "failed"
        }
    };
    metrics::counter!("holdfast_calendar_feeds_total", "outcome" => outcome).increment(1);
    Ok(())
}

async fn fetch_feed(feed: &Feed, now: DateTime<Utc>, allow_private: bool) -> Result<ParsedFeed, FeedError> {
    let text = fetch::fetch_feed(&feed.url, allow_private).await?;
    let Some(within) = Window::new(now, now + READ_AHEAD) else {
        return Ok(ParsedFeed::default());
    };
    // A hostile feed can keep the parser busy for seconds, which must not block the async runtime.
    let reading = tokio::task::spawn_blocking(move || parse_feed(&text, within)).await;
    reading.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic()))
}

/// Makes a block from a busy time. Repetitions share their event's id, so the block's id contains the start.
fn to_block(busy: BusyTime) -> Block {
    Block {
        id: format!("{}/{}", busy.uid, busy.window.starts_at().timestamp()),
        window: busy.window,
        note: String::new(),
    }
}
