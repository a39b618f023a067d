//! The catalogue on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::PostgresStore;
use crate::domain::catalogue::EventType;
use crate::domain::ids::{EventTypeId, ResourceId};
use crate::domain::listing::{Page, PageRequest, PutOutcome};
use crate::store::catalogue::{self, Catalogue, EventTypeRow, bind_event_type, upsert_event_type};
use crate::store::columns::{DbJson, DbTime};
use crate::store::resources::put_outcome;
use crate::store::{StoreError, encoding, paging, schedule_json};

/// Creates resources (`$13`) that are new, and writes the event type. `xmax` is 0 only in a row version that an insert made.
const PUT: &str = concat!(
    "WITH resource AS (
         INSERT INTO resources (id, name, created_at, calendar_salt)
         SELECT id, id, $12, gen_random_uuid()::text FROM unnest($13) AS u (id) ORDER BY id
         ON CONFLICT DO NOTHING) ",
    upsert_event_type!(),
    " RETURNING xmax = 0"
);

#[async_trait]
impl Catalogue for PostgresStore {
    async fn put_event_type(
        &self,
        event_type: &EventType,
        now: DateTime<Utc>,
    ) -> Result<PutOutcome, StoreError> {
        let resources = event_type.list_resources();
        let resources: Vec<&str> = resources.iter().map(ResourceId::as_str).collect();
        self.retrying(|| async {
            let query = bind_event_type!(sqlx::query_scalar(PUT), event_type, now).bind(&resources);
            Ok(put_outcome(query.fetch_one(&self.pool).await?))
        })
        .await
    }

    async fn find_event_type(&self, id: &EventTypeId) -> Result<Option<EventType>, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_as(catalogue::FIND).bind(id.as_str());
            Ok(EventTypeRow::decode_optional(
                query.fetch_optional(&self.pool).await?,
            )?)
        })
        .await
    }

    async fn list_event_types(&self, page: &PageRequest) -> Result<Page<EventType>, StoreError> {
        let Some(start) = paging::numbered_start(page) else {
            return Ok(paging::end_of_list());
        };
        self.retrying(|| async {
            let query = sqlx::query_as(catalogue::LIST)
                .bind(start)
                .bind(paging::rows_wanted(page));
            Ok(EventTypeRow::decode_page(
                query.fetch_all(&self.pool).await?,
                page,
            )?)
        })
        .await
    }

    async fn list_schedule_zones(&self, resource: &ResourceId) -> Result<Vec<String>, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_scalar(
                "SELECT DISTINCT schedule ->> 'timezone' AS timezone FROM event_types
                 WHERE schedule IS NOT NULL
                   AND segments @> jsonb_build_array(jsonb_build_object('any_of', jsonb_build_array($1::text)))
                 ORDER BY timezone",
            );
            Ok(query.bind(resource.as_str()).fetch_all(&self.pool).await?)
        })
        .await
    }

    async fn delete_event_type(&self, id: &EventTypeId) -> Result<bool, StoreError> {
        self.retrying(|| async {
            let done = sqlx::query(catalogue::DELETE)
                .bind(id.as_str())
                .execute(&self.pool)
                .await?;
            Ok(done.rows_affected() > 0)
        })
        .await
    }
}
