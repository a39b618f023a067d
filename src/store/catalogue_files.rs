//! The catalogue as one file: what an import writes together.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use super::closed_times::ClosedConflicts;
use super::closures::ClosureRefusal;
use crate::domain::calendar_feed::FeedSetting;
use crate::domain::catalogue::{Block, EventType, Resource};
use crate::domain::closure::{Closure, ClosureZones};
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
    pub closures: Vec<Closure>,
    /// Until when starts are for sale before a new feed is read.
    pub feeds_reach_to: DateTime<Utc>,
}

/// Writing a catalogue; one method is one transaction.
#[async_trait]
pub trait CatalogueFiles {
    /// Writes all of it, or nothing. Closures are in their zone as it is then, also those that are not part of it. The
    /// calendar feeds of the event types are read again. When this returns, no new hold can be placed in what it closes. Live
    /// holds stay and are returned.
    async fn write_catalogue(
        &self,
        change: &CatalogueChange,
        zones: ClosureZones<'_>,
        now: DateTime<Utc>,
    ) -> Result<Result<Vec<ClosedConflicts>, ClosureRefusal>, StoreError>;
}
