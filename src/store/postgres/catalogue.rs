//! The catalogue on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;

use super::error::PostgresResult;
use super::{PostgresStore, closures, resources};
use crate::domain::catalogue::{EventType, UnknownResources};
use crate::domain::closure::ClosureZones;
use crate::domain::ids::{EventTypeId, ResourceId};
use crate::domain::listing::{Page, PageRequest, PutOutcome};
use crate::store::catalogue::{self, Catalogue, EventTypeRow, bind_event_type, upsert_event_type};
use crate::store::columns::{DbJson, DbTime};
use crate::store::resources::put_outcome;
use crate::store::{StoreError, checkout_json, encoding, paging, schedule_json};

/// Writes an event type. `xmax` is 0 only in a row version that an insert made.
const PUT: &str = concat!(upsert_event_type!(), " RETURNING xmax = 0");

#[async_trait]
impl Catalogue for PostgresStore {
    async fn put_event_type(
        &self,
        event_type: &EventType,
        zones: ClosureZones<'_>,
        now: DateTime<Utc>,
    ) -> Result<Result<PutOutcome, UnknownResources>, StoreError> {
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            resources::lock_closures(&mut transaction).await?;
            let outcome = match put_in(&mut transaction, event_type, now).await? {
                Ok(outcome) => outcome,
                Err(unknown) => return Ok(Err(unknown)),
            };
            let closed = closures::date_in(&mut transaction, zones).await?;
            transaction.commit().await?;
            self.record_late_conflicts(closed).await?;
            Ok(Ok(outcome))
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

    async fn list_all_schedule_zones(&self) -> Result<Vec<String>, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_scalar(catalogue::LIST_ZONES);
            Ok(query.fetch_all(&self.pool).await?)
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

    async fn delete_event_type(&self, id: &EventTypeId, zones: ClosureZones<'_>) -> Result<bool, StoreError> {
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            resources::lock_closures(&mut transaction).await?;
            let done = sqlx::query(catalogue::DELETE)
                .bind(id.as_str())
                .execute(&mut *transaction)
                .await?;
            let closed = closures::date_in(&mut transaction, zones).await?;
            transaction.commit().await?;
            self.record_late_conflicts(closed).await?;
            Ok(done.rows_affected() > 0)
        })
        .await
    }
}

/// Writes an event type in the caller's transaction, if its resources exist.
pub(super) async fn put_in(
    connection: &mut PgConnection,
    event_type: &EventType,
    now: DateTime<Utc>,
) -> PostgresResult<Result<PutOutcome, UnknownResources>> {
    let unknown = resources::lock_resources(connection, &event_type.list_resources()).await?;
    if !unknown.is_empty() {
        return Ok(Err(UnknownResources(unknown)));
    }
    let query = bind_event_type!(sqlx::query_scalar(PUT), event_type, now);
    Ok(Ok(put_outcome(query.fetch_one(connection).await?)))
}
