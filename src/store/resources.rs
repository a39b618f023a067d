//! Resources: what can be in one place at a time, with as many units as its capacity.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::types::Json;

use super::{StoreError, encoding, paging};
use crate::domain::catalogue::{Resource, ResourceNeeds};
use crate::domain::ids::ResourceId;
use crate::domain::listing::{Page, PageRequest, PutOutcome};
use crate::domain::token::CalendarSalt;

/// Resources in the database; one method is one transaction.
#[async_trait]
pub trait Resources {
    /// Writes a resource to the database. Live holds on units that it no longer has stay.
    async fn put_resource(&self, resource: &Resource, now: DateTime<Utc>) -> Result<PutOutcome, StoreError>;
    /// Reads one resource by its id.
    async fn find_resource(&self, id: &ResourceId) -> Result<Option<Resource>, StoreError>;
    /// Reads those of some resources that exist, in the order of their ids.
    async fn find_resources(&self, ids: &[ResourceId]) -> Result<Vec<Resource>, StoreError>;
    /// Deletes a resource with the blocks that keep it busy no more, unless something needs it. `false` if there is none.
    /// Holds that have ended keep its id.
    async fn delete_resource(
        &self,
        id: &ResourceId,
        now: DateTime<Utc>,
    ) -> Result<Result<bool, ResourceNeeds>, StoreError>;
    /// Lists resources, newest first.
    async fn list_resources(&self, page: &PageRequest) -> Result<Page<Resource>, StoreError>;
    /// Reads what the key of a resource's calendar export depends on; `None` if there is no such resource.
    async fn find_calendar_salt(&self, id: &ResourceId) -> Result<Option<CalendarSalt>, StoreError>;
    /// Gives a resource a new salt, which ends the key of its calendar export; `false` if there is no such resource.
    async fn renew_calendar_salt(&self, id: &ResourceId) -> Result<bool, StoreError>;
}

/// Reads the calendar salt of the resource with id `$1`.
pub(super) const FIND_SALT: &str = "SELECT calendar_salt FROM resources WHERE id = $1";

#[derive(sqlx::FromRow)]
pub(super) struct ResourceRow {
    seq: i64,
    id: String,
    name: String,
    capacity: i32,
}

/// Finds the resource with id `$1`.
pub(super) const FIND: &str = "SELECT seq, id, name, capacity FROM resources WHERE id = $1";

/// Lists resources before number `$1`, at most `$2`.
pub(super) const LIST: &str =
    "SELECT seq, id, name, capacity FROM resources WHERE seq < $1 ORDER BY seq DESC LIMIT $2";

/// How many of each kind a refusal names.
macro_rules! needs_shown {
    () => {
        "10"
    };
}
pub(super) use needs_shown;

/// Deletes the blocks of resource `$1`.
pub(super) const DELETE_BLOCKS: &str = "DELETE FROM blocks WHERE resource_id = $1";

/// Deletes the resource with id `$1`.
pub(super) const DELETE: &str = "DELETE FROM resources WHERE id = $1";

#[derive(sqlx::FromRow)]
pub(super) struct ResourceNeedsRow {
    event_types: Json<Vec<String>>,
    live_holds: i64,
    blocks: Json<Vec<String>>,
    closures: Json<Vec<String>>,
    has_feed: bool,
}

impl ResourceNeedsRow {
    /// What needs the resource.
    pub(super) fn decode(self) -> Result<ResourceNeeds, StoreError> {
        let event_types = self.event_types.0.iter();
        let closures = self.closures.0.iter();
        Ok(ResourceNeeds {
            event_types: event_types
                .map(|id| encoding::decode_event_type_id(id))
                .collect::<Result<_, StoreError>>()?,
            live_holds: self.live_holds,
            blocks: self.blocks.0,
            closures: closures
                .map(|id| encoding::decode_closure_id(id))
                .collect::<Result<_, StoreError>>()?,
            has_feed: self.has_feed,
        })
    }
}

impl ResourceRow {
    fn decode(self) -> Result<Resource, StoreError> {
        Ok(Resource {
            id: encoding::decode_resource_id(&self.id)?,
            name: self.name,
            capacity: self.capacity.unsigned_abs(),
        })
    }

    /// One resource, if there is one.
    pub(super) fn decode_optional(row: Option<Self>) -> Result<Option<Resource>, StoreError> {
        row.map(Self::decode).transpose()
    }

    /// All resources, in the order of the rows.
    pub(super) fn decode_all(rows: Vec<Self>) -> Result<Vec<Resource>, StoreError> {
        rows.into_iter().map(Self::decode).collect()
    }

    /// A page of resources, cut off rows that were read with [`LIST`].
    pub(super) fn decode_page(rows: Vec<Self>, page: &PageRequest) -> Result<Page<Resource>, StoreError> {
        let rows = paging::cut_page(rows, page, |row| paging::numbered(row.seq));
        paging::decode_page(rows, Self::decode)
    }
}

/// The result of a `put`.
pub(super) fn put_outcome(is_new: bool) -> PutOutcome {
    if is_new {
        PutOutcome::Created
    } else {
        PutOutcome::Replaced
    }
}
