//! Calendar feeds: the calendars from which resources get blocks, when they were last read, and what was wrong.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::columns::DbTime;
use super::lease_request::LeaseRequest;
use super::{StoreError, encoding};
use crate::domain::catalogue::{Block, Feed};
use crate::domain::ids::ResourceId;

/// What was read from a feed.
#[derive(Clone, Debug)]
pub struct FeedRead {
    /// When resources are busy.
    pub blocks: Vec<Block>,
    /// What was wrong with parts of the calendar.
    pub fault: Option<String>,
    /// When the feed was read.
    pub read_at: DateTime<Utc>,
    /// When the feed is due again.
    pub next_at: DateTime<Utc>,
}

/// Calendar feeds in the database; one method is one transaction.
#[async_trait]
pub trait Feeds {
    /// Sets a resource's calendar feed, due at once. `None` ends the feed and deletes its blocks.
    async fn set_feed(
        &self,
        resource: &ResourceId,
        url: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError>;
    /// Reads a resource's feed.
    async fn find_feed(&self, resource: &ResourceId) -> Result<Option<Feed>, StoreError>;
    /// Leases feeds that are due, the one that has waited longest first.
    async fn lease_due_feeds(&self, request: &LeaseRequest) -> Result<Vec<Feed>, StoreError>;
    /// Stores what was read: its blocks replace the feed's. Does nothing if the feed has another URL by now.
    async fn save_feed_blocks(&self, feed: &Feed, read: &FeedRead) -> Result<(), StoreError>;
    /// Stores why a feed could not be read. Its blocks stay.
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
    read_at: Option<DbTime>,
    fault: Option<String>,
    due_at: DbTime,
}

/// The columns of [`FeedRow`].
macro_rules! feed_columns {
    () => {
        "resource_id, url, read_at, fault, due_at"
    };
}
pub(super) use feed_columns;

/// Finds the feed of resource `$1`.
pub(super) const FIND: &str = concat!(
    "SELECT ",
    feed_columns!(),
    " FROM calendar_feeds WHERE resource_id = $1"
);

/// Builds the statement that sets the feed of a resource, due at once.
macro_rules! upsert_feed {
    ($resource:expr, $url:expr, $now:expr) => {
        sqlx::query(
            "INSERT INTO calendar_feeds (resource_id, url, due_at, created_at) VALUES ($1, $2, $3, $3)
             ON CONFLICT (resource_id) DO UPDATE SET url = excluded.url, due_at = excluded.due_at,
                 leased_until = NULL, read_at = NULL, fault = NULL",
        )
        .bind($resource.as_str())
        .bind($url)
        .bind($crate::store::columns::DbTime($now))
    };
}
pub(super) use upsert_feed;

/// Deletes the feed of resource `$1`.
pub(super) const DELETE: &str = "DELETE FROM calendar_feeds WHERE resource_id = $1";

/// Builds the statement that stores when a feed was read and what was wrong, if it has the same URL still.
macro_rules! save_read {
    ($feed:expr, $read:expr) => {
        sqlx::query(
            "UPDATE calendar_feeds SET due_at = $3, leased_until = NULL, read_at = $4, fault = $5
             WHERE resource_id = $1 AND url = $2",
        )
        .bind($feed.resource.as_str())
        .bind(&$feed.url)
        .bind($crate::store::columns::DbTime($read.next_at))
        .bind($crate::store::columns::DbTime($read.read_at))
        .bind(&$read.fault)
    };
}
pub(super) use save_read;

/// Builds the statement that stores why a feed could not be read, and when it is due again.
macro_rules! save_failure {
    ($feed:expr, $fault:expr, $next:expr) => {
        sqlx::query(
            "UPDATE calendar_feeds SET due_at = $3, leased_until = NULL, fault = $4 WHERE resource_id = $1 AND url = $2",
        )
        .bind($feed.resource.as_str())
        .bind(&$feed.url)
        .bind($crate::store::columns::DbTime($next))
        .bind($fault)
    };
}
pub(super) use save_failure;

impl FeedRow {
    fn decode(self) -> Result<Feed, StoreError> {
        Ok(Feed {
            resource: encoding::decode_resource_id(&self.resource_id)?,
            url: self.url,
            read_at: self.read_at.map(|at| at.0),
            fault: self.fault,
        })
    }

    /// One feed, if there is one.
    pub(super) fn decode_optional(row: Option<Self>) -> Result<Option<Feed>, StoreError> {
        row.map(Self::decode).transpose()
    }

    /// The leased feeds, the one that has waited longest first: `RETURNING` guarantees no order.
    pub(super) fn decode_leased(mut rows: Vec<Self>) -> Result<Vec<Feed>, StoreError> {
        rows.sort_by_key(|row| row.due_at);
        rows.into_iter().map(Self::decode).collect()
    }
}
