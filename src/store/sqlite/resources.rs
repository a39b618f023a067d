//! Reads and writes resources on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;
use sqlx::types::Json;

use super::SqliteStore;
use super::error::SqliteResult;
use crate::domain::catalogue::{Resource, ResourceNeeds};
use crate::domain::ids::ResourceId;
use crate::domain::listing::{Page, PageRequest, PutOutcome};
use crate::domain::token::CalendarSalt;
use crate::store::columns::DbTime;
use crate::store::resources::{self, ResourceNeedsRow, ResourceRow, Resources, needs_shown, put_outcome};
use crate::store::{StoreError, encoding, paging};

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

    async fn find_resources(&self, ids: &[ResourceId]) -> Result<Vec<Resource>, StoreError> {
        let query = sqlx::query_as(
            "SELECT seq, id, name, capacity FROM resources WHERE id IN (SELECT value FROM json_each($1)) ORDER BY id",
        );
        let query = query.bind(to_json(ids));
        ResourceRow::decode_all(self.read(query.fetch_all(&self.readers)).await?)
    }

    async fn delete_resource(
        &self,
        id: &ResourceId,
        now: DateTime<Utc>,
    ) -> Result<Result<bool, ResourceNeeds>, StoreError> {
        let mut transaction = self.begin().await?;
        let needs = sqlx::query_as(FIND_NEEDS).bind(id.as_str()).bind(DbTime(now));
        let needs: ResourceNeedsRow = self.in_transaction(needs.fetch_one(&mut *transaction)).await?;
        let needs = needs.decode()?;
        if !needs.is_empty() {
            self.roll_back(transaction).await?;
            return Ok(Err(needs));
        }
        let mut deleted = 0;
        for statement in [resources::DELETE_BLOCKS, resources::DELETE] {
            let query = sqlx::query(statement).bind(id.as_str());
            let done = self.in_transaction(query.execute(&mut *transaction)).await?;
            deleted = done.rows_affected();
        }
        self.commit(transaction).await?;
        Ok(Ok(deleted > 0))
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

/// Finds what needs resource `$1` at `$2`, of each kind the first ones.
const FIND_NEEDS: &str = concat!(
    "SELECT
         (SELECT json_group_array(id) FROM (SELECT e.id FROM event_types e WHERE EXISTS (
              SELECT 1 FROM json_each(e.segments) s, json_each(s.value, '$.any_of') r WHERE r.value = $1)
          ORDER BY e.id LIMIT ",
    needs_shown!(),
    ")) AS event_types,
         (SELECT count(DISTINCT hold_id) FROM occupancy WHERE resource_id = $1 AND ends_at > $2) AS live_holds,
         (SELECT json_group_array(id) FROM (SELECT id FROM blocks
          WHERE resource_id = $1 AND from_feed = false AND closure_id IS NULL AND ends_at > $2
          ORDER BY id LIMIT ",
    needs_shown!(),
    ")) AS blocks,
         (SELECT json_group_array(id) FROM (SELECT c.id FROM closures c
          WHERE c.resources IS NOT NULL AND EXISTS (SELECT 1 FROM json_each(c.resources) r WHERE r.value = $1)
          ORDER BY c.id LIMIT ",
    needs_shown!(),
    ")) AS closures,
         EXISTS (SELECT 1 FROM calendar_feeds WHERE resource_id = $1) AS has_feed"
);

/// Ids as a JSON array, for `json_each`.
fn to_json(ids: &[ResourceId]) -> Json<Vec<&str>> {
    Json(ids.iter().map(ResourceId::as_str).collect())
}

/// Lists those of some resources that do not exist.
pub(super) async fn list_unknown(
    connection: &mut SqliteConnection,
    ids: &[ResourceId],
) -> SqliteResult<Vec<ResourceId>> {
    let query = sqlx::query_scalar(
        "SELECT value FROM json_each($1) WHERE value NOT IN (SELECT id FROM resources) ORDER BY value",
    );
    let unknown: Vec<String> = query.bind(to_json(ids)).fetch_all(connection).await?;
    let ids = unknown.iter().map(|id| encoding::decode_resource_id(id));
    Ok(ids.collect::<Result<_, StoreError>>()?)
}

/// Writes a resource in the caller's transaction.
pub(super) async fn put_in(
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
