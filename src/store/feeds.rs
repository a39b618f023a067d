//! Calendar feeds: the calendars from which resources get blocks, when they were last read, and what was wrong.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::types::Json;

use super::columns::DbTime;
use super::lease_request::LeaseRequest;
use super::{StoreError, encoding, paging};
use crate::domain::calendar_feed::{Feed, FeedState};
use crate::domain::catalogue::Block;
use crate::domain::ids::ResourceId;
use crate::domain::listing::{Page, PageRequest};

/// What was read from a feed.
#[derive(Clone, Debug)]
pub struct FeedRead {
    /// When resources are busy. Each block has an id of its own, so that none is dropped.
    pub blocks: Vec<Block>,
    /// The beginnings of the ids of blocks that stay although the feed does not have them: [`KEPT_PREFIX`] long, or all but
    /// the number at the end of an id that the version before made.
    pub kept: Vec<String>,
    /// How many entries the feed has.
    pub entries: i32,
    /// How many faults they have.
    pub fault_count: i32,
    /// The first of the faults.
    pub faults: Vec<String>,
    /// Until when the blocks are known. No later start is for sale.
    pub reaches_to: DateTime<Utc>,
    /// When the feed was read.
    pub read_at: DateTime<Utc>,
    /// When the feed is due again.
    pub next_at: DateTime<Utc>,
}

impl FeedRead {
    /// Returns whether everything was read; never `Failed`.
    pub fn state(&self) -> FeedState {
        match self.fault_count {
            0 => FeedState::Ok,
            _ => FeedState::Partial,
        }
    }

    /// Says how many faults the entries have, if they have any.
    pub fn describe_faults(&self) -> Option<String> {
        let faults = match self.fault_count {
            0 => return None,
            1 => "1 fault".to_owned(),
            count => format!("{count} faults"),
        };
        let entries = match self.entries {
            1 => "1 entry".to_owned(),
            count => format!("{count} entries"),
        };
        Some(format!(
            "{faults} in {entries}; each fault says what blocks instead"
        ))
    }
}

/// How many characters of a block's id say which event it is of.
pub const KEPT_PREFIX: usize = 16;

/// A calendar feed as an operator sets it.
#[derive(Clone, Debug)]
pub struct NewFeed<'a> {
    /// The address of the feed.
    pub url: &'a str,
    /// The zone of its whole days and of its times without a zone.
    pub timezone: Option<&'a str>,
    /// Until when starts are for sale before the feed is read.
    pub reaches_to: DateTime<Utc>,
}

/// The most blocks that a feed may have, with those that stay from earlier readings. An event with a fault that moves at each
/// reading would otherwise add blocks without an end.
const MAX_BLOCKS: i64 = 60_000;

/// Counts the blocks of the feed of resource `$1`.
pub(super) const COUNT_BLOCKS: &str =
    "SELECT count(*) FROM blocks WHERE resource_id = $1 AND from_feed = true";

/// A feed would have too many blocks.
#[derive(Debug, thiserror::Error)]
#[error("the feed would have {0} blocks, with those that stay from earlier readings")]
struct TooManyBlocks(i64);

/// Checks how many blocks a feed would have.
pub(super) fn check_size(blocks: i64) -> Result<(), StoreError> {
    match blocks > MAX_BLOCKS {
        true => Err(StoreError::Broken(Box::new(TooManyBlocks(blocks)))),
        false => Ok(()),
    }
}

/// Calendar feeds in the database; one method is one transaction.
#[async_trait]
pub trait Feeds {
    /// Sets a resource's calendar feed, due at once. `None` ends the feed and deletes its blocks. `false` if there is no such
    /// resource.
    async fn set_feed(
        &self,
        resource: &ResourceId,
        feed: Option<&NewFeed<'_>>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError>;
    /// Reads a resource's feed.
    async fn find_feed(&self, resource: &ResourceId) -> Result<Option<Feed>, StoreError>;
    /// Lists at most `limit` feeds whose last read found faults, or failed, by resource.
    async fn list_faulty_feeds(&self, limit: u32) -> Result<Vec<Feed>, StoreError>;
    /// Lists all feeds, the one that was set up last first.
    async fn list_feeds(&self, page: &PageRequest) -> Result<Page<Feed>, StoreError>;
    /// Leases feeds that are due, the one that has waited longest first.
    async fn lease_due_feeds(&self, request: &LeaseRequest) -> Result<Vec<Feed>, StoreError>;
    /// Makes a resource's feed due at once, if it has one, because its blocks depend on something that has changed.
    async fn make_feed_due(&self, resource: &ResourceId, now: DateTime<Utc>) -> Result<(), StoreError>;
    /// Stores what was read: its blocks replace the feed's. Does nothing if the feed was changed or made due meanwhile.
    async fn save_feed_blocks(&self, feed: &Feed, read: &FeedRead) -> Result<(), StoreError>;
    /// Stores why a feed could not be read. Its blocks stay. Does nothing if the feed was changed or made due meanwhile.
    async fn save_feed_failure(
        &self,
        feed: &Feed,
        fault: &str,
        next: DateTime<Utc>,
    ) -> Result<(), StoreError>;
}

#[derive(sqlx::FromRow)]
pub(super) struct FeedRow {
    resource_id: String,
    url: String,
    timezone: Option<String>,
    read_at: Option<DbTime>,
    state: Option<String>,
    fault: Option<String>,
    entries: i32,
    fault_count: i32,
    faults: Json<Vec<String>>,
    due_at: DbTime,
    created_at: DbTime,
}

/// The columns of [`FeedRow`].
macro_rules! feed_columns {
    () => {
        "resource_id, url, timezone, read_at, state, fault, entries, fault_count, faults, due_at, created_at"
    };
}
pub(super) use feed_columns;

/// Finds the feed of resource `$1`.
pub(super) const FIND: &str = concat!(
    "SELECT ",
    feed_columns!(),
    " FROM calendar_feeds WHERE resource_id = $1"
);

/// Lists feeds with faults, at most `$1`. The condition is that of an index.
pub(super) const LIST_FAULTY: &str = concat!(
    "SELECT ",
    feed_columns!(),
    " FROM calendar_feeds WHERE state IN ('partial', 'failed') ORDER BY resource_id LIMIT $1"
);

/// Lists feeds before time `$1` and resource `$2`, at most `$3`.
pub(super) const LIST: &str = concat!(
    "SELECT ",
    feed_columns!(),
    " FROM calendar_feeds WHERE (created_at, resource_id) < ($1, $2) ORDER BY created_at DESC, resource_id DESC LIMIT $3"
);

/// Builds the statement that reads a page of feeds. `None` if the cursor was not issued for such a list.
macro_rules! list_feeds {
    ($page:expr) => {
        $crate::store::paging::named_start($page).map(|(at, resource)| {
            sqlx::query_as($crate::store::feeds::LIST)
                .bind($crate::store::columns::DbTime(at))
                .bind(resource)
                .bind($crate::store::paging::rows_wanted($page))
        })
    };
}
pub(super) use list_feeds;

/// Builds the statement that sets the feed of a resource, due at once.
macro_rules! upsert_feed {
    ($resource:expr, $feed:expr, $now:expr) => {
        sqlx::query(
            "INSERT INTO calendar_feeds (resource_id, url, due_at, created_at, timezone, reaches_to)
             VALUES ($1, $2, $3, $3, $4, $5)
             ON CONFLICT (resource_id) DO UPDATE SET url = excluded.url, due_at = excluded.due_at,
                 timezone = excluded.timezone, leased_until = NULL, read_at = NULL, state = NULL, fault = NULL,
                 entries = 0, fault_count = 0, faults = '[]'",
        )
        .bind($resource.as_str())
        .bind($feed.url)
        .bind($crate::store::columns::DbTime($now))
        .bind($feed.timezone)
        .bind($crate::store::columns::DbTime($feed.reaches_to))
    };
}
pub(super) use upsert_feed;

/// Deletes the feed of resource `$1`.
pub(super) const DELETE: &str = "DELETE FROM calendar_feeds WHERE resource_id = $1";

/// Builds the statement that makes the feed of a resource due, also if it is being read.
macro_rules! make_due {
    ($resource:expr, $now:expr) => {
        sqlx::query("UPDATE calendar_feeds SET due_at = $2, leased_until = NULL WHERE resource_id = $1")
            .bind($resource.as_str())
            .bind($crate::store::columns::DbTime($now))
    };
}
pub(super) use make_due;

/// Builds the statement that stores when a feed was read and what was wrong, if it is the same still.
macro_rules! save_read {
    ($feed:expr, $read:expr) => {
        sqlx::query(
            "UPDATE calendar_feeds SET due_at = $3, leased_until = NULL, read_at = $4, fault = $5, state = $7,
                 entries = $8, fault_count = $9, faults = $10, reaches_to = $11
             WHERE resource_id = $1 AND url = $2 AND timezone IS NOT DISTINCT FROM $6 AND due_at = $12",
        )
        .bind($feed.resource.as_str())
        .bind(&$feed.url)
        .bind($crate::store::columns::DbTime($read.next_at))
        .bind($crate::store::columns::DbTime($read.read_at))
        .bind($read.describe_faults())
        .bind(&$feed.timezone)
        .bind($crate::store::encoding::encode_feed_state($read.state()))
        .bind($read.entries)
        .bind($read.fault_count)
        .bind(sqlx::types::Json(&$read.faults))
        .bind($crate::store::columns::DbTime($read.reaches_to))
        .bind($crate::store::columns::DbTime($feed.due_at))
    };
}
pub(super) use save_read;

/// Builds the statement that stores why a feed could not be read, and when it is due again. The entries and their faults stay
/// those of the last read.
macro_rules! save_failure {
    ($feed:expr, $fault:expr, $next:expr) => {
        sqlx::query(
            "UPDATE calendar_feeds SET due_at = $3, leased_until = NULL, fault = $4, state = 'failed'
             WHERE resource_id = $1 AND url = $2 AND due_at = $5",
        )
        .bind($feed.resource.as_str())
        .bind(&$feed.url)
        .bind($crate::store::columns::DbTime($next))
        .bind($fault)
        .bind($crate::store::columns::DbTime($feed.due_at))
    };
}
pub(super) use save_failure;

impl FeedRow {
    fn decode(self) -> Result<Feed, StoreError> {
        Ok(Feed {
            resource: encoding::decode_resource_id(&self.resource_id)?,
            url: self.url,
            timezone: self.timezone,
            due_at: self.due_at.0,
            read_at: self.read_at.map(|at| at.0),
            state: self
                .state
                .as_deref()
                .map(encoding::decode_feed_state)
                .transpose()?,
            fault: self.fault,
            entries: self.entries,
            fault_count: self.fault_count,
            faults: self.faults.0,
        })
    }

    /// One feed, if there is one.
    pub(super) fn decode_optional(row: Option<Self>) -> Result<Option<Feed>, StoreError> {
        row.map(Self::decode).transpose()
    }

    /// A page of feeds, cut off rows that were read with [`list_feeds`].
    pub(super) fn decode_page(rows: Vec<Self>, page: &PageRequest) -> Result<Page<Feed>, StoreError> {
        let place = |row: &Self| paging::named(row.created_at.0, &row.resource_id);
        paging::decode_page(paging::cut_page(rows, page, place), Self::decode)
    }

    /// All feeds, in the order of the rows.
    pub(super) fn decode_all(rows: Vec<Self>) -> Result<Vec<Feed>, StoreError> {
        rows.into_iter().map(Self::decode).collect()
    }

    /// The leased feeds, the one that has waited longest first: `RETURNING` guarantees no order.
    pub(super) fn decode_leased(mut rows: Vec<Self>) -> Result<Vec<Feed>, StoreError> {
        rows.sort_by_key(|row| row.due_at);
        Self::decode_all(rows)
    }
}
