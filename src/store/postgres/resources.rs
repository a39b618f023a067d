//! Reads and writes resources on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::PostgresStore;
use crate::domain::catalogue::Resource;
use crate::domain::ids::ResourceId;
use crate::domain::listing::{Page, PageRequest, PutOutcome};
use crate::domain::token::CalendarSalt;
use crate::store::resources::{self, ResourceRow, Resources, put_outcome};
use crate::store::{StoreError, encoding, paging};

#[async_trait]
impl Resources for PostgresStore {
    async fn put_resource(&self, resource: &Resource, now: DateTime<Utc>) -> Result<PutOutcome, StoreError> {
        self.retrying(|| async {
            // `xmax` is 0 only in a row version that an insert made.
            let is_new = sqlx::query_scalar(
                "INSERT INTO resources (id, name, capacity, created_at, calendar_salt)
                 VALUES ($1, $2, $3, $4, gen_random_uuid()::text)
                 ON CONFLICT (id) DO UPDATE SET name = excluded.name, capacity = excluded.capacity
                 RETURNING xmax = 0",
            )
            .bind(resource.id.as_str())
            .bind(&resource.name)
            .bind(encoding::encode_minutes(Some(resource.capacity.into()))?)
            .bind(now)
            .fetch_one(&self.pool)
            .await?;
            Ok(put_outcome(is_new))
        })
        .await
    }

    async fn find_resource(&self, id: &ResourceId) -> Result<Option<Resource>, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_as(resources::FIND).bind(id.as_str());
            Ok(ResourceRow::decode_optional(
                query.fetch_optional(&self.pool).await?,
            )?)
        })
        .await
    }

    async fn list_resources(&self, page: &PageRequest) -> Result<Page<Resource>, StoreError> {
        let Some(start) = paging::numbered_start(page) else {
            return Ok(paging::end_of_list());
        };
        self.retrying(|| async {
            let query = sqlx::query_as(resources::LIST)
                .bind(start)
                .bind(paging::rows_wanted(page));
            Ok(ResourceRow::decode_page(
                query.fetch_all(&self.pool).await?,
                page,
            )?)
        })
        .await
    }

    async fn find_calendar_salt(&self, id: &ResourceId) -> Result<Option<CalendarSalt>, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_scalar(resources::FIND_SALT).bind(id.as_str());
            Ok(query.fetch_optional(&self.pool).await?.map(CalendarSalt))
        })
        .await
    }

    async fn renew_calendar_salt(&self, id: &ResourceId) -> Result<bool, StoreError> {
        self.retrying(|| async {
            let renew = "UPDATE resources SET calendar_salt = gen_random_uuid()::text WHERE id = $1";
            let query = sqlx::query(renew).bind(id.as_str());
            Ok(query.execute(&self.pool).await?.rows_affected() > 0)
        })
        .await
    }
}
