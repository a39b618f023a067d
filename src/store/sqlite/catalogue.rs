//! The catalogue on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::error::SqliteResult;
use super::{SqliteStore, closures, resources};
use crate::domain::catalogue::{EventType, UnknownResources};
use crate::domain::closure::ClosureZones;
use crate::domain::ids::{EventTypeId, ResourceId};
use crate::domain::listing::{Page, PageRequest, PutOutcome};
use crate::store::catalogue::{self, Catalogue, EventTypeRow, bind_event_type, upsert_event_type};
use crate::store::columns::{DbJson, DbTime};
use crate::store::resources::put_outcome;
use crate::store::{StoreError, checkout_json, encoding, paging, schedule_json};

#[async_trait]
impl Catalogue for SqliteStore {
    async fn put_event_type(
        &self,
        event_type: &EventType,
        zones: ClosureZones<'_>,
        now: DateTime<Utc>,
    ) -> Result<Result<PutOutcome, UnknownResources>, StoreError> {
        let mut transaction = self.begin().await?;
        let outcome = put_in(&mut transaction, event_type, now).await?;
        match outcome {
            Ok(_) => {
                closures::date_in(&mut transaction, zones).await?;
                self.commit(transaction).await?;
            }
            Err(_) => self.roll_back(transaction).await?,
        }
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

    async fn list_all_schedule_zones(&self) -> Result<Vec<String>, StoreError> {
        let query = sqlx::query_scalar(catalogue::LIST_ZONES);
        self.read(query.fetch_all(&self.readers)).await
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

    async fn delete_event_type(&self, id: &EventTypeId, zones: ClosureZones<'_>) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let query = sqlx::query(catalogue::DELETE).bind(id.as_str());
        let done = self.in_transaction(query.execute(&mut *transaction)).await?;
        closures::date_in(&mut transaction, zones).await?;
        self.commit(transaction).await?;
        Ok(done.rows_affected() > 0)
    }
}

/// Writes an event type in the caller's transaction, if its resources exist.
pub(super) async fn put_in(
    connection: &mut SqliteConnection,
    event_type: &EventType,
    now: DateTime<Utc>,
) -> SqliteResult<Result<PutOutcome, UnknownResources>> {
    let unknown = resources::list_unknown(connection, &event_type.list_resources()).await?;
    if !unknown.is_empty() {
        return Ok(Err(UnknownResources(unknown)));
    }
    // An upsert in SQLite does not tell whether it inserted.
    let is_known: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM event_types WHERE id = $1)")
        .bind(event_type.id.as_str())
        .fetch_one(&mut *connection)
        .await?;
    let query = bind_event_type!(sqlx::query(upsert_event_type!()), event_type, now);
    query.execute(connection).await?;
    Ok(Ok(put_outcome(!is_known)))
}
