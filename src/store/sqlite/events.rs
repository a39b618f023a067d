//! Applied events on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::SqliteExecutor;

use super::SqliteStore;
use crate::domain::ids::{EventId, HoldId};
use crate::domain::listing::{EventCopy, Page, PageRequest, StoredEvent};
use crate::store::columns::DbUuid;
use crate::store::events::{self, EventCopyRow, EventRow, Events};
use crate::store::{StoreError, paging};

#[async_trait]
impl Events for SqliteStore {
    async fn list_events(
        &self,
        hold: Option<HoldId>,
        page: &PageRequest,
    ) -> Result<Page<StoredEvent>, StoreError> {
        let Some(query) = events::list_query!(hold, page) else {
            return Ok(paging::end_of_list());
        };
        EventRow::decode_page(self.read(query.fetch_all(&self.readers)).await?, page)
    }

    async fn find_event(&self, id: &EventId) -> Result<Option<StoredEvent>, StoreError> {
        let query = sqlx::query_as(events::FIND).bind(id.as_str());
        EventRow::decode_optional(self.read(query.fetch_optional(&self.readers)).await?)
    }

    async fn find_event_payload(&self, id: &EventId) -> Result<Option<String>, StoreError> {
        let query = sqlx::query_scalar(events::FIND_PAYLOAD).bind(id.as_str());
        self.read(query.fetch_optional(&self.readers)).await
    }

    async fn clear_event_payloads(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        self.delete_or_clear(CLEAR_PAYLOADS, before, limit).await
    }

    async fn delete_old_events(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        self.delete_or_clear(DELETE_OLD, before, limit).await
    }

    async fn copy_events(&self, hold: HoldId) -> Result<Vec<EventCopy>, StoreError> {
        let query = sqlx::query_as(events::COPY_OF_HOLD).bind(DbUuid(hold.0));
        EventCopyRow::decode_all(self.read(query.fetch_all(&self.readers)).await?)
    }

    async fn copy_orphan_events(&self, guest: &str) -> Result<Vec<EventCopy>, StoreError> {
        let rows = self.read(select_orphan_events(&self.readers)).await?;
        EventCopyRow::decode_of_guest(rows, guest)
    }
}

/// Selects the events of payments without a hold.
pub(super) async fn select_orphan_events(
    executor: impl SqliteExecutor<'_>,
) -> sqlx::Result<Vec<EventCopyRow>> {
    sqlx::query_as(events::COPY_OF_ORPHANS).fetch_all(executor).await
}

/// Clears the bodies of events that were applied before `$1`, at most `$2`.
pub(super) const CLEAR_PAYLOADS: &str = "UPDATE stripe_events SET payload = NULL WHERE seq IN (
         SELECT seq FROM stripe_events WHERE payload IS NOT NULL AND applied_at < $1 ORDER BY applied_at LIMIT $2)";

/// Deletes events without a body that were applied before `$1`, at most `$2`.
pub(super) const DELETE_OLD: &str = "DELETE FROM stripe_events WHERE seq IN (
         SELECT seq FROM stripe_events WHERE payload IS NULL AND applied_at < $1 ORDER BY applied_at LIMIT $2)";
