//! Reads calendar feeds into blocks, every quarter of an hour. A feed that cannot be read keeps its last blocks and
//! shows its error. A feed that can be read in part shows its faults, each of which says what blocks instead.
//!
//! Feeds are leased, so that instances share the work. No transaction is open while a feed is fetched (I6).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::StreamExt;
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::error::WorkflowError;
use crate::domain::calendar_feed::{FEED_REACH, Feed};
use crate::domain::catalogue::Block;
use crate::domain::time::Window;
use crate::gateway::calendar_feed::{
    BusyTime, FeedError, FeedFault, ParsedFeed, ZoneNames, fetch, parse_feed,
};
use crate::store::{FeedRead, KEPT_PREFIX, LeaseRequest, StoreError};

/// How often a feed is read.
const READ_INTERVAL: chrono::Duration = chrono::Duration::minutes(15);
/// How many faults of a feed are kept for the operator.
const FAULTS_SHOWN: usize = 10;
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
    let zones = ZoneNames {
        named: feed.timezone.clone(),
        of_schedules: context.store.list_schedule_zones(&feed.resource).await?,
    };
    let reading = fetch_feed(context, feed, now, zones).await;
    let next = context.now() + READ_INTERVAL;
    let outcome = match reading {
        Ok(reading) => save_reading(context, feed, reading, (now, next)).await?,
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

/// Saves what was read, and returns the outcome for the metric. If the database refuses the reading itself, the feed has
/// failed, so that other feeds do not wait for it. If the database is away, the lease ends and the feed is read again.
async fn save_reading(
    context: &Context,
    feed: &Feed,
    reading: ParsedFeed,
    (read_at, next): (DateTime<Utc>, DateTime<Utc>),
) -> Result<&'static str, WorkflowError> {
    let read = to_feed_read(reading, read_at, next);
    match context.store.save_feed_blocks(feed, &read).await {
        Err(error @ StoreError::Broken(_)) => {
            tracing::warn!(resource = %feed.resource, %error, "calendar feed not saved; its last blocks stay");
            let fault = "the feed was read, but the database did not take it";
            context.store.save_feed_failure(feed, fault, next).await?;
            return Ok("failed");
        }
        saved => saved?,
    }
    let Some(fault) = read.describe_faults() else {
        return Ok("read");
    };
    tracing::warn!(resource = %feed.resource, fault, "calendar feed read in part; its faults say what blocks instead");
    Ok("partial")
}

async fn fetch_feed(
    context: &Context,
    feed: &Feed,
    now: DateTime<Utc>,
    zones: ZoneNames,
) -> Result<ParsedFeed, FeedError> {
    let bytes = fetch::fetch_feed(&feed.url, context.settings.calendar_allow_private).await?;
    let within = Window::new(now, now + FEED_REACH).ok_or(FeedError::Bug)?;
    // A hostile feed can keep the parser busy for seconds, which must not block the async runtime. If it makes the parser
    // panic, the other feeds are still read.
    let database = context.settings.zones.clone();
    let reading = tokio::task::spawn_blocking(move || parse_feed(&bytes, within, &zones, &database)).await;
    reading.unwrap_or(Err(FeedError::Bug))
}

fn to_feed_read(reading: ParsedFeed, read_at: DateTime<Utc>, next_at: DateTime<Utc>) -> FeedRead {
    let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    let unread = reading.unread.iter();
    FeedRead {
        kept: unread
            .flat_map(|uid| [event_key(uid), old_event_key(uid)])
            .collect(),
        entries: count(reading.entries),
        fault_count: count(reading.faults.len()),
        faults: reading
            .faults
            .iter()
            .take(FAULTS_SHOWN)
            .map(FeedFault::to_string)
            .collect(),
        blocks: to_blocks(reading.busy),
        reaches_to: read_at + FEED_REACH,
        read_at,
        next_at,
    }
}

/// Makes blocks from busy times. A block's id is all that the block is: its event, its start and its end. So two blocks with
/// one id are the same, and none is lost. The event is a digest, because its id in the feed may be personal or no valid text.
fn to_blocks(busy: Vec<BusyTime>) -> Vec<Block> {
    let to_block = |time: &BusyTime| {
        let (starts_at, ends_at) = (
            time.window.starts_at().timestamp(),
            time.window.ends_at().timestamp(),
        );
        let id = format!("{}/{starts_at}/{ends_at}", event_key(&time.uid));
        let note = String::new();
        let window = time.window;
        (id.clone(), Block { id, window, note })
    };
    let blocks: BTreeMap<String, Block> = busy.iter().map(to_block).collect();
    blocks.into_values().collect()
}

/// Returns the beginning of the ids that the version before gave to an event's blocks; a start follows.
fn old_event_key(uid: &str) -> String {
    format!("{uid}/")
}

/// Returns the beginning of the ids of an event's blocks.
fn event_key(uid: &str) -> String {
    let mut key = hex::encode(Sha256::digest(uid));
    key.truncate(KEPT_PREFIX);
    key
}
