//! Calendar feeds: read every quarter of an hour into blocks. A feed that cannot be read keeps its last blocks and shows
//! what is wrong with it.
//!
//! Feeds are leased, so that instances share them; nothing here holds the database while a feed is fetched (I6).

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use super::{Context, WorkflowError};
use crate::domain::catalogue::{Block, Feed};
use crate::domain::time::Window;
use crate::gateway::calendar_feed::fetch::fetch_feed;
use crate::gateway::calendar_feed::{BusyTime, FeedError, ParsedFeed as Reading, parse_feed};

/// How often a feed is read.
const EVERY: chrono::Duration = chrono::Duration::minutes(15);
/// How far ahead what repeats is written out.
const AHEAD: chrono::Duration = chrono::Duration::days(366);
/// How many are read at a time.
const BATCH: u32 = 4;
/// How often due ones are looked for.
const POLL: Duration = Duration::from_secs(20);

/// Reads feeds as they are due, until told to stop.
pub async fn work(context: Arc<Context>, stop: CancellationToken) {
    loop {
        if let Err(error) = run_due(&context).await {
            tracing::warn!(%error, "calendar feeds wait for the database");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = context.new_feeds.notified() => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

/// Reads all feeds that are due; how many there were.
///
/// # Errors
/// [`WorkflowError::Store`] where the database is away; what is leased comes back when the lease ends.
pub async fn run_due(context: &Context) -> Result<u64, WorkflowError> {
    let mut read = 0;
    loop {
        let store = &context.store;
        let batch = store
            .lease_due_feeds(context.now(), context.settings.lease, BATCH)
            .await?;
        let full = batch.len() == BATCH as usize;
        read += batch.len() as u64;
        let done: Vec<Result<(), WorkflowError>> = futures::stream::iter(batch)
            .map(|feed| async move { read_one(context, &feed).await })
            .buffer_unordered(BATCH as usize)
            .collect()
            .await;
        done.into_iter().collect::<Result<(), _>>()?;
        if !full {
            return Ok(read);
        }
    }
}

async fn read_one(context: &Context, feed: &Feed) -> Result<(), WorkflowError> {
    let now = context.now();
    let read = read(feed, now, context.settings.calendar_allow_private).await;
    let next = context.now() + EVERY;
    let outcome = match read {
        Ok(reading) => {
            let blocks: Vec<Block> = reading.busy.into_iter().map(block).collect();
            let faults = reading.faults.len();
            let fault =
                (faults > 0).then(|| format!("{faults} of its events cannot be read and are missing"));
            context
                .store
                .save_feed_blocks(feed, &blocks, fault.as_deref(), now, next)
                .await?;
            "read"
        }
        Err(error) => {
            let fault = format!("the feed {error}");
            tracing::warn!(resource = %feed.resource, fault, "calendar feed not read; its blocks stay");
            context.store.save_feed_failure(feed, &fault, next).await?;
            "failed"
        }
    };
    metrics::counter!("holdfast_calendar_feeds_total", "outcome" => outcome).increment(1);
    Ok(())
}

async fn read(feed: &Feed, now: DateTime<Utc>, allow_private: bool) -> Result<Reading, FeedError> {
    let text = fetch_feed(&feed.url, allow_private).await?;
    let Some(within) = Window::new(now, now + AHEAD) else {
        return Ok(Reading::default());
    };
    // Takes up to seconds where somebody wants that.
    let reading = tokio::task::spawn_blocking(move || parse_feed(&text, within)).await;
    reading.unwrap_or_else(|died| std::panic::resume_unwind(died.into_panic()))
}

/// Repetitions share their event's id, so the start is part of the block's.
fn block(busy: BusyTime) -> Block {
    Block {
        id: format!("{}/{}", busy.uid, busy.window.starts_at().timestamp()),
        window: busy.window,
        note: String::new(),
    }
}
