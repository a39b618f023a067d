//! The catalogue as one file: what an import writes together.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use crate::domain::calendar_feed::FeedSetting;
use crate::domain::catalogue::{Block, EventType, Resource, UnknownResources};
use crate::domain::closure::DatedClosure;
use crate::domain::ids::ResourceId;

/// What an import writes, in this order.
#[derive(Clone, Debug, Default)]
pub struct CatalogueChange {
    /// The resources to make or to change.
    pub resources: Vec<Resource>,
    /// The calendar feeds to set or to end.
    pub feeds: Vec<FeedSetting>,
    /// The event types to make or to change.
    pub event_types: Vec<EventType>,
    /// The blocks to make or to change.
    pub blocks: Vec<(ResourceId, Block)>,
    /// The closures to make or to change.
    pub closures: Vec<DatedClosure>,
    /// Until when starts are for sale before a new feed is read.
    pub feeds_reach_to: DateTime<Utc>,
}

/// Writing a catalogue; one method is one transaction.
#[async_trait]
pub trait CatalogueFiles {
    /// Writes all of it, or nothing if something names a resource that does not exist.
    async fn write_catalogue(
        &self,
        change: &CatalogueChange,
        now: DateTime<Utc>,
    ) -> Result<Result<(), UnknownResources>, StoreError>;
}
