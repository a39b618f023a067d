//! Reads and writes resources on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::SqliteStore;
use super::error::SqliteResult;
use crate::domain::catalogue::Resource;
use crate::domain::ids::ResourceId;
use crate::domain::listing::{Page, PageRequest, PutOutcome};
use crate::domain::token::CalendarSalt;
use crate::store::columns::DbTime;
use crate::store::resources::{self, ResourceRow, Resources, put_outcome};
use crate::store::{StoreError, paging};

#[async_trait]
impl Resources for SqliteStore {
    async fn put_resource(&self, resource: &Resource, now: DateTime<Utc>) -> Result<PutOutcome, StoreError> {
        let mut transaction = self.begin().await?;
        let outcome = put_in(&mut transaction, resource, now).await?;
        self.commit(transaction).await?;
        Ok(outcome)
    }

    async fn find_resource(&self, id: &ResourceId) -> Result<Option<Resource>, StoreError> {
        let query = sqlx::query_as(resources::FIND).bind(id.as_str());
        ResourceRow::decode_optional(self.read(query.fetch_optional(&self.readers)).await?)
    }

    async fn list_resources(&self, page: &PageRequest) -> Result<Page<Resource>, StoreError> {
        let Some(start) = paging::numbered_start(page) else {
            return Ok(paging::end_of_list());
        };
        let query = sqlx::query_as(resources::LIST)
            .bind(start)
            .bind(paging::rows_wanted(page));
        ResourceRow::decode_page(self.read(query.fetch_all(&self.readers)).await?, page)
    }

    async fn find_calendar_salt(&self, id: &ResourceId) -> Result<Option<CalendarSalt>, StoreError> {
        let query = sqlx::query_scalar(resources::FIND_SALT).bind(id.as_str());
        let salt = self.read(query.fetch_optional(&self.readers)).await?;
        Ok(salt.map(CalendarSalt))
    }

    async fn renew_calendar_salt(&self, id: &ResourceId) -> Result<bool, StoreError> {
        let renew = "UPDATE resources SET calendar_salt = lower(hex(randomblob(16))) WHERE id = $1";
        Ok(self.write(sqlx::query(renew).bind(id.as_str())).await? > 0)
    }
}

async fn put_in(
    connection: &mut SqliteConnection,
    resource: &Resource,
    now: DateTime<Utc>,
) -> SqliteResult<PutOutcome> {
    // An upsert in SQLite does not tell whether it inserted.
    let is_known: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM resources WHERE id = $1)")
        .bind(resource.id.as_str())
        .fetch_one(&mut *connection)
        .await?;
    sqlx::query(
        "INSERT INTO resources (id, name, capacity, created_at, calendar_salt)
         VALUES ($1, $2, $3, $4, lower(hex(randomblob(16))))
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, capacity = excluded.capacity",
    )
    .bind(resource.id.as_str())
    .bind(&resource.name)
    .bind(resource.capacity)
    .bind(DbTime(now))
    .execute(connection)
    .await?;
    Ok(put_outcome(!is_known))
}
