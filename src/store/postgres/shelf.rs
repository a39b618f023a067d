//! The catalogue's part of the books, method by method.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::super::{Catalogue, StoreError};
use super::{PostgresStore, catalogue, resources};
use crate::domain::catalogue::{Block, BlockConflict, EventType, Feed, Resource};
use crate::domain::ids::{EventTypeId, ResourceId};
use crate::domain::listing::{Page, PageRequest, PutOutcome};

#[async_trait]
impl Catalogue for PostgresStore {
    async fn put_event_type(
        &self,
        event_type: &EventType,
        now: DateTime<Utc>,
    ) -> Result<PutOutcome, StoreError> {
        self.retrying(|| catalogue::put(&self.pool, event_type, now))
            .await
    }

    async fn find_event_type(&self, id: &EventTypeId) -> Result<Option<EventType>, StoreError> {
        self.retrying(|| catalogue::read(&self.pool, id)).await
    }

    async fn list_event_types(&self, page: &PageRequest) -> Result<Page<EventType>, StoreError> {
        self.retrying(|| catalogue::list(&self.pool, page)).await
    }

    async fn delete_event_type(&self, id: &EventTypeId) -> Result<bool, StoreError> {
        self.retrying(|| catalogue::delete(&self.pool, id)).await
    }

    async fn put_resource(&self, resource: &Resource, now: DateTime<Utc>) -> Result<PutOutcome, StoreError> {
        self.retrying(|| resources::write(&self.pool, resource, now))
            .await
    }

    async fn find_resource(&self, id: &ResourceId) -> Result<Option<Resource>, StoreError> {
        self.retrying(|| resources::read(&self.pool, id)).await
    }

    async fn list_resources(&self, page: &PageRequest) -> Result<Page<Resource>, StoreError> {
        self.retrying(|| resources::list(&self.pool, page)).await
    }

    async fn put_block(
        &self,
        resource: &ResourceId,
        block: &Block,
        now: DateTime<Utc>,
    ) -> Result<(PutOutcome, Vec<BlockConflict>), StoreError> {
        self.retrying(|| resources::put_block(&self.pool, resource, block, now))
            .await
    }

    async fn delete_block(&self, resource: &ResourceId, id: &str) -> Result<bool, StoreError> {
        self.retrying(|| resources::delete_block(&self.pool, resource, id))
            .await
    }

    async fn set_feed(
        &self,
        resource: &ResourceId,
        url: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.retrying(|| resources::set_feed(&self.pool, resource, url, now))
            .await
    }

    async fn find_feed(&self, resource: &ResourceId) -> Result<Option<Feed>, StoreError> {
        self.retrying(|| resources::feed(&self.pool, resource)).await
    }

    async fn lease_due_feeds(
        &self,
        now: DateTime<Utc>,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<Feed>, StoreError> {
        self.retrying(|| resources::lease_due_feeds(&self.pool, now, lease, limit))
            .await
    }

    async fn save_feed_blocks(
        &self,
        feed: &Feed,
        blocks: &[Block],
        fault: Option<&str>,
        now: DateTime<Utc>,
        next: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.retrying(|| resources::feed_read(&self.pool, feed, blocks, fault, now, next))
            .await
    }

    async fn save_feed_failure(
        &self,
        feed: &Feed,
        fault: &str,
        next: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.retrying(|| resources::feed_failed(&self.pool, feed, fault, next))
            .await
    }
}
