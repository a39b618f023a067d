//! The catalogue on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;
use sqlx::types::Json;

use super::SqliteStore;
use super::error::SqliteResult;
use crate::domain::catalogue::EventType;
use crate::domain::ids::{EventTypeId, ResourceId};
use crate::domain::listing::{Page, PageRequest, PutOutcome};
use crate::store::catalogue::{self, Catalogue, EventTypeRow, bind_event_type, upsert_event_type};
use crate::store::columns::{DbJson, DbTime};
use crate::store::resources::put_outcome;
use crate::store::{StoreError, encoding, paging, schedule_json};

#[async_trait]
impl Catalogue for SqliteStore {
    async fn put_event_type(
        &self,
        event_type: &EventType,
        now: DateTime<Utc>,
    ) -> Result<PutOutcome, StoreError> {
        let mut transaction = self.begin().await?;
        let outcome = put_in(&mut transaction, event_type, now).await?;
        self.commit(transaction).await?;
        Ok(outcome)
    }

    async fn find_event_type(&self, id: &EventTypeId) -> Result<Option<EventType>, StoreError> {
        let query = sqlx::query_as(catalogue::FIND).bind(id.as_str());
        EventTypeRow::decode_optional(self.read(query.fetch_optional(&self.readers)).await?)
    }

    async fn list_event_types(&self, page: &PageRequest) -> Result<Page<EventType>, StoreError> {
        let Some(start) = paging::numbered_start(page) else {
            return Ok(paging::end_of_list());
        };
        let query = sqlx::query_as(catalogue::LIST)
            .bind(start)
            .bind(paging::rows_wanted(page));
        EventTypeRow::decode_page(self.read(query.fetch_all(&self.readers)).await?, page)
    }

    async fn list_schedule_zones(&self, resource: &ResourceId) -> Result<Vec<String>, StoreError> {
        let query = sqlx::query_scalar(
            "SELECT DISTINCT e.schedule ->> 'timezone' AS timezone FROM event_types e
             WHERE e.schedule IS NOT NULL AND EXISTS (
                 SELECT 1 FROM json_each(e.segments) s, json_each(s.value, '$.any_of') r WHERE r.value = $1)
             ORDER BY timezone",
        );
        self.read(query.bind(resource.as_str()).fetch_all(&self.readers))
            .await
    }

    async fn delete_event_type(&self, id: &EventTypeId) -> Result<bool, StoreError> {
        Ok(self
            .write(sqlx::query(catalogue::DELETE).bind(id.as_str()))
            .await?
            > 0)
    }
}

/// Creates resources that are new and writes the event type, in the caller's transaction.
async fn put_in(
    connection: &mut SqliteConnection,
    event_type: &EventType,
    now: DateTime<Utc>,
) -> SqliteResult<PutOutcome> {
    let resources = event_type.list_resources();
    let ids: Vec<&str> = resources.iter().map(ResourceId::as_str).collect();
    sqlx::query(
        "INSERT INTO resources (id, name, created_at, calendar_salt)
         SELECT value, value, $2, lower(hex(randomblob(16))) FROM json_each($1) WHERE true ORDER BY value ON CONFLICT (id) DO NOTHING",
    )
    .bind(Json(ids))
    .bind(DbTime(now))
    .execute(&mut *connection)
    .await?;
    // An upsert in SQLite does not tell whether it inserted.
    let is_known: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM event_types WHERE id = $1)")
        .bind(event_type.id.as_str())
        .fetch_one(&mut *connection)
        .await?;
    let query = bind_event_type!(sqlx::query(upsert_event_type!()), event_type, now);
    query.execute(connection).await?;
    Ok(put_outcome(!is_known))
}
