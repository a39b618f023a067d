//! The catalogue of a replayed workflow: one event type that never changes. The workflows of the model need no more.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use holdfast::domain::calendar_feed::Feed;
use holdfast::domain::catalogue::{
    Block, BlockConflict, EventType, ListedBlock, Resource, ResourceNeeds, UnknownResources,
};
use holdfast::domain::closure::{Closure, ClosureZones, DatedClosure};
use holdfast::domain::ids::{ClosureId, EventTypeId, ResourceId};
use holdfast::domain::listing::{BlockFilter, Page, PageRequest, PutOutcome};
use holdfast::domain::token::CalendarSalt;
use holdfast::store::{
    Blocks, Catalogue, CatalogueChange, CatalogueFiles, ClosedConflicts, ClosureRefusal, Closures, FeedRead,
    Feeds, LeaseRequest, NewFeed, Resources, StoreError,
};

use crate::doubles::Script;
use crate::fixture;

#[async_trait]
impl Blocks for Script {
    async fn put_block(
        &self,
        _: &ResourceId,
        _: &Block,
        _: DateTime<Utc>,
    ) -> Result<Option<(PutOutcome, Vec<BlockConflict>)>, StoreError> {
        unimplemented!()
    }

    async fn find_block(&self, _: &ResourceId, _: &str) -> Result<Option<Block>, StoreError> {
        unimplemented!()
    }

    async fn list_blocks(
        &self,
        _: &ResourceId,
        _: &BlockFilter,
        _: &PageRequest,
    ) -> Result<Page<ListedBlock>, StoreError> {
        unimplemented!()
    }

    async fn delete_block(&self, _: &ResourceId, _: &str) -> Result<bool, StoreError> {
        unimplemented!()
    }
}

#[async_trait]
impl Catalogue for Script {
    async fn put_event_type(
        &self,
        _: &EventType,
        _: ClosureZones<'_>,
        _: DateTime<Utc>,
    ) -> Result<Result<PutOutcome, UnknownResources>, StoreError> {
        unimplemented!()
    }

    async fn find_event_type(&self, _: &EventTypeId) -> Result<Option<EventType>, StoreError> {
        Ok(Some(fixture::event_type()))
    }

    async fn list_event_types(&self, _: &PageRequest) -> Result<Page<EventType>, StoreError> {
        unimplemented!()
    }

    async fn list_all_schedule_zones(&self) -> Result<Vec<String>, StoreError> {
        unimplemented!()
    }

    async fn list_schedule_zones(&self, _: &ResourceId) -> Result<Vec<String>, StoreError> {
        unimplemented!()
    }

    async fn delete_event_type(&self, _: &EventTypeId, _: ClosureZones<'_>) -> Result<bool, StoreError> {
        unimplemented!()
    }
}

#[async_trait]
impl CatalogueFiles for Script {
    async fn write_catalogue(
        &self,
        _: &CatalogueChange,
        _: ClosureZones<'_>,
        _: DateTime<Utc>,
    ) -> Result<Result<Vec<ClosedConflicts>, ClosureRefusal>, StoreError> {
        unimplemented!()
    }
}

/// The shop of the model is never closed.
#[async_trait]
impl Closures for Script {
    async fn put_closure(
        &self,
        _: &Closure,
        _: ClosureZones<'_>,
        _: DateTime<Utc>,
    ) -> Result<Result<(PutOutcome, DatedClosure, Vec<BlockConflict>), ClosureRefusal>, StoreError> {
        unimplemented!()
    }

    async fn date_closures(&self, _: ClosureZones<'_>) -> Result<(), StoreError> {
        unimplemented!()
    }

    async fn find_closure(&self, _: &ClosureId) -> Result<Option<DatedClosure>, StoreError> {
        unimplemented!()
    }

    async fn list_closure_conflicts(&self, _: &ClosureId) -> Result<Vec<BlockConflict>, StoreError> {
        unimplemented!()
    }

    async fn list_closures(&self, _: &PageRequest) -> Result<Page<DatedClosure>, StoreError> {
        Ok(Page {
            entries: Vec::new(),
            next: None,
        })
    }

    async fn delete_closure(&self, _: &ClosureId) -> Result<bool, StoreError> {
        unimplemented!()
    }
}

#[async_trait]
impl Feeds for Script {
    async fn set_feed(
        &self,
        _: &ResourceId,
        _: Option<&NewFeed<'_>>,
        _: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        unimplemented!()
    }

    async fn list_faulty_feeds(&self, _: u32) -> Result<Vec<Feed>, StoreError> {
        unimplemented!()
    }

    async fn list_feeds(&self, _: &PageRequest) -> Result<Page<Feed>, StoreError> {
        unimplemented!()
    }

    async fn find_feed(&self, _: &ResourceId) -> Result<Option<Feed>, StoreError> {
        unimplemented!()
    }

    async fn lease_due_feeds(&self, _: &LeaseRequest) -> Result<Vec<Feed>, StoreError> {
        unimplemented!()
    }

    async fn make_feed_due(&self, _: &ResourceId, _: DateTime<Utc>) -> Result<(), StoreError> {
        unimplemented!()
    }

    async fn save_feed_blocks(&self, _: &Feed, _: &FeedRead) -> Result<(), StoreError> {
        unimplemented!()
    }

    async fn save_feed_failure(&self, _: &Feed, _: &str, _: DateTime<Utc>) -> Result<(), StoreError> {
        unimplemented!()
    }
}

#[async_trait]
impl Resources for Script {
    async fn put_resource(&self, _: &Resource, _: DateTime<Utc>) -> Result<PutOutcome, StoreError> {
        unimplemented!()
    }

    async fn find_resource(&self, _: &ResourceId) -> Result<Option<Resource>, StoreError> {
        unimplemented!()
    }

    async fn find_resources(&self, _: &[ResourceId]) -> Result<Vec<Resource>, StoreError> {
        unimplemented!()
    }

    async fn delete_resource(
        &self,
        _: &ResourceId,
        _: DateTime<Utc>,
    ) -> Result<Result<bool, ResourceNeeds>, StoreError> {
        unimplemented!()
    }

    async fn list_resources(&self, _: &PageRequest) -> Result<Page<Resource>, StoreError> {
        unimplemented!()
    }

    async fn find_calendar_salt(&self, _: &ResourceId) -> Result<Option<CalendarSalt>, StoreError> {
        unimplemented!()
    }

    async fn renew_calendar_salt(&self, _: &ResourceId) -> Result<bool, StoreError> {
        unimplemented!()
    }
}
