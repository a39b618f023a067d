//! The catalogue's part of the books, method by method.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{SqliteStore, catalogue, resources};
use crate::domain::catalogue::{Block, BlockConflict, EventType, Feed, Resource};
use crate::domain::ids::{EventTypeId, ResourceId};
use crate::domain::listing::{Page, PageRequest, PutOutcome};
use crate::store::{Catalogue, StoreError};

#[async_trait]
impl Catalogue for SqliteStore {
    async fn put_event_type(
        &self,
        event_type: &EventType,
        now: DateTime<Utc>,
    ) -> Result<PutOutcome, StoreError> {
        Ok(catalogue::put_event_type(self, event_type, now).await?)
    }
    async fn find_event_type(&self, id: &EventTypeId) -> Result<Option<EventType>, StoreError> {
        Ok(catalogue::event_type(self, id).await?)
    }
    async fn list_event_types(&self, page: &PageRequest) -> Result<Page<EventType>, StoreError> {
        Ok(catalogue::event_types(self, page).await?)
    }
    async fn delete_event_type(&self, id: &EventTypeId) -> Result<bool, StoreError> {
        Ok(catalogue::delete_event_type(self, id).await?)
    }

    async fn put_resource(&self, resource: &Resource, now: DateTime<Utc>) -> Result<PutOutcome, StoreError> {
        Ok(resources::write(self, resource, now).await?)
    }
    async fn find_resource(&self, id: &ResourceId) -> Result<Option<Resource>, StoreError> {
        Ok(resources::read(self, id).await?)
    }
    async fn list_resources(&self, page: &PageRequest) -> Result<Page<Resource>, StoreError> {
        Ok(resources::list(self, page).await?)
    }
    async fn put_block(
        &self,
        resource: &ResourceId,
        block: &Block,
        now: DateTime<Utc>,
    ) -> Result<(PutOutcome, Vec<BlockConflict>), StoreError> {
        Ok(resources::put_block(self, resource, block, now).await?)
    }
    async fn delete_block(&self, resource: &ResourceId, id: &str) -> Result<bool, StoreError> {
        Ok(resources::delete_block(self, resource, id).await?)
    }

    async fn set_feed(
        &self,
        resource: &ResourceId,
        url: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        Ok(resources::set_feed(self, resource, url, now).await?)
    }
    async fn find_feed(&self, resource: &ResourceId) -> Result<Option<Feed>, StoreError> {
        Ok(resources::feed(self, resource).await?)
    }
    async fn lease_due_feeds(
        &self,
        now: DateTime<Utc>,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<Feed>, StoreError> {
        Ok(resources::lease_due_feeds(self, now, lease, limit).await?)
    }
    async fn save_feed_blocks(
        &self,
        feed: &Feed,
        blocks: &[Block],
        fault: Option<&str>,
        now: DateTime<Utc>,
        next: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        Ok(resources::feed_read(self, feed, blocks, fault, now, next).await?)
    }
    async fn save_feed_failure(
        &self,
        feed: &Feed,
        fault: &str,
        next: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        Ok(resources::feed_failed(self, feed, fault, next).await?)
    }
}
