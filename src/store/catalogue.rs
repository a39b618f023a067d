//! The part of the books that operators write: what is on sale, who serves, and when they are busy for other reasons.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use crate::domain::catalogue::{Block, BlockConflict, EventType, Feed, Resource};
use crate::domain::ids::{EventTypeId, ResourceId};
use crate::domain::listing::{Page, PageRequest, PutOutcome};

/// What operators ask of the books; one method is one transaction, as in [`super::Store`].
#[async_trait]
pub trait Catalogue {
    /// Writes an event type, and its resources where they are new.
    async fn put_event_type(
        &self,
        event_type: &EventType,
        now: DateTime<Utc>,
    ) -> Result<PutOutcome, StoreError>;
    /// Reads one.
    async fn find_event_type(&self, id: &EventTypeId) -> Result<Option<EventType>, StoreError>;
    /// Reads all, newest first.
    async fn list_event_types(&self, page: &PageRequest) -> Result<Page<EventType>, StoreError>;
    /// Takes one out of the catalogue; holds keep their terms. `false` where there was none.
    async fn delete_event_type(&self, id: &EventTypeId) -> Result<bool, StoreError>;

    /// Writes a resource. Live holds on units that it no longer has stay.
    async fn put_resource(&self, resource: &Resource, now: DateTime<Utc>) -> Result<PutOutcome, StoreError>;
    /// Reads one.
    async fn find_resource(&self, id: &ResourceId) -> Result<Option<Resource>, StoreError>;
    /// Reads all, newest first.
    async fn list_resources(&self, page: &PageRequest) -> Result<Page<Resource>, StoreError>;
    /// Writes a block; when this has answered, no new hold comes into it. What is there stays, and is answered.
    async fn put_block(
        &self,
        resource: &ResourceId,
        block: &Block,
        now: DateTime<Utc>,
    ) -> Result<(PutOutcome, Vec<BlockConflict>), StoreError>;
    /// Removes a block that [`Self::put_block`] wrote; `false` where there was none.
    async fn delete_block(&self, resource: &ResourceId, id: &str) -> Result<bool, StoreError>;
    /// Sets a resource's calendar feed, due at once, or with `None` ends it and removes its blocks.
    async fn set_feed(
        &self,
        resource: &ResourceId,
        url: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError>;
    /// A resource's feed.
    async fn find_feed(&self, resource: &ResourceId) -> Result<Option<Feed>, StoreError>;
    /// Leases feeds that are due, the longest waiting first.
    async fn lease_due_feeds(
        &self,
        now: DateTime<Utc>,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<Feed>, StoreError>;
    /// A feed was read: its blocks are these from now on, and `fault` is what was wrong with parts of it. Nothing happens
    /// where it has another URL by now.
    async fn save_feed_blocks(
        &self,
        feed: &Feed,
        blocks: &[Block],
        fault: Option<&str>,
        now: DateTime<Utc>,
        next: DateTime<Utc>,
    ) -> Result<(), StoreError>;
    /// A feed could not be read: its blocks stay.
    async fn save_feed_failure(
        &self,
        feed: &Feed,
        fault: &str,
        next: DateTime<Utc>,
    ) -> Result<(), StoreError>;
}
