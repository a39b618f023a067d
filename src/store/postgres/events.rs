//! Applied events on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::PostgresStore;
use crate::domain::ids::{EventId, HoldId};
use crate::domain::listing::{Page, PageRequest, StoredEvent};
use crate::store::events::{self, EventRow, Events};
use crate::store::{StoreError, paging};

#[async_trait]
impl Events for PostgresStore {
    async fn list_events(
        &self,
        hold: Option<HoldId>,
        page: &PageRequest,
    ) -> Result<Page<StoredEvent>, StoreError> {
        self.retrying(|| async {
            let Some(query) = events::list_query!(hold, page) else {
                return Ok(paging::end_of_list());
            };
            Ok(EventRow::decode_page(query.fetch_all(&self.pool).await?, page)?)
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
}

/// Clears the bodies of events that were applied before `$1`, at most `$2`.
const CLEAR_PAYLOADS: &str = "UPDATE stripe_events SET payload = NULL WHERE id = ANY (ARRAY(
         SELECT id FROM stripe_events WHERE payload IS NOT NULL AND applied_at < $1
         ORDER BY applied_at LIMIT $2 FOR UPDATE SKIP LOCKED))";

/// Deletes events without a body that were applied before `$1`, at most `$2`.
const DELETE_OLD: &str = "DELETE FROM stripe_events WHERE id = ANY (ARRAY(
         SELECT id FROM stripe_events WHERE payload IS NULL AND applied_at < $1
         ORDER BY applied_at LIMIT $2 FOR UPDATE SKIP LOCKED))";
