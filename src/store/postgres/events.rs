//! Applied events on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::postgres::PgExecutor;

use super::PostgresStore;
use super::error::PostgresResult;
use crate::domain::ids::{EventId, HoldId};
use crate::domain::listing::{EventCopy, Page, PageRequest, StoredEvent};
use crate::store::StoreError;
use crate::store::columns::DbUuid;
use crate::store::events::{self, EventCopyRow, EventRow, Events};

#[async_trait]
impl Events for PostgresStore {
    async fn list_events(
        &self,
        hold: Option<HoldId>,
        page: &PageRequest,
    ) -> Result<Page<StoredEvent>, StoreError> {
        fetch_page!(self, EventRow, events::list_query!(hold, page), page)
    }

    async fn find_event(&self, id: &EventId) -> Result<Option<StoredEvent>, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_as(events::FIND).bind(id.as_str());
            Ok(EventRow::decode_optional(
                query.fetch_optional(&self.pool).await?,
            )?)
        })
        .await
    }

    async fn find_event_payload(&self, id: &EventId) -> Result<Option<String>, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_scalar(events::FIND_PAYLOAD).bind(id.as_str());
            Ok(query.fetch_optional(&self.pool).await?)
        })
        .await
    }

    async fn clear_event_payloads(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        self.delete_or_clear(CLEAR_PAYLOADS, before, limit).await
    }

    async fn delete_old_events(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        self.delete_or_clear(DELETE_OLD, before, limit).await
    }

    async fn copy_events(&self, hold: HoldId) -> Result<Vec<EventCopy>, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_as(events::COPY_OF_HOLD).bind(DbUuid(hold.0));
            Ok(EventCopyRow::decode_all(query.fetch_all(&self.pool).await?)?)
        })
        .await
    }

    async fn copy_orphan_events(&self, guest: &str) -> Result<Vec<EventCopy>, StoreError> {
        self.retrying(|| find_orphan_events(&self.pool, guest)).await
    }
}

/// Finds the events of payments without a hold that name a guest.
pub(super) async fn find_orphan_events(
    executor: impl PgExecutor<'_>,
    guest: &str,
) -> PostgresResult<Vec<EventCopy>> {
    let rows = sqlx::query_as(events::COPY_OF_ORPHANS)
        .fetch_all(executor)
        .await?;
    Ok(EventCopyRow::decode_of_guest(rows, guest)?)
}

/// Clears the bodies of events that were applied before `$1`, at most `$2`.
const CLEAR_PAYLOADS: &str = "UPDATE stripe_events SET payload = NULL WHERE id = ANY (ARRAY(
         SELECT id FROM stripe_events WHERE payload IS NOT NULL AND applied_at < $1
         ORDER BY applied_at LIMIT $2 FOR UPDATE SKIP LOCKED))";

/// Deletes events without a body that were applied before `$1`, at most `$2`.
const DELETE_OLD: &str = "DELETE FROM stripe_events WHERE id = ANY (ARRAY(
         SELECT id FROM stripe_events WHERE payload IS NULL AND applied_at < $1
         ORDER BY applied_at LIMIT $2 FOR UPDATE SKIP LOCKED))";
