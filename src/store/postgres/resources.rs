//! Reads and writes resources on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnection, PgExecutor};

use super::PostgresStore;
use super::error::PostgresResult;
use super::occupancy::occupied;
use crate::domain::catalogue::{Resource, ResourceNeeds};
use crate::domain::ids::ResourceId;
use crate::domain::listing::{Page, PageRequest, PutOutcome};
use crate::domain::token::CalendarSalt;
use crate::store::resources::{self, ResourceNeedsRow, ResourceRow, Resources, needs_shown, put_outcome};
use crate::store::{StoreError, encoding, paging};

#[async_trait]
impl Resources for PostgresStore {
    async fn put_resource(&self, resource: &Resource, now: DateTime<Utc>) -> Result<PutOutcome, StoreError> {
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            // The trigger of a new resource takes this lock too, but after the row: an import takes them in this order.
            sqlx::query("SELECT pg_advisory_xact_lock_shared(23, 0)")
                .execute(&mut *transaction)
                .await?;
            let outcome = put_in(&mut *transaction, resource, now).await?;
            transaction.commit().await?;
            Ok(outcome)
        })
        .await
    }

    async fn find_resources(&self, ids: &[ResourceId]) -> Result<Vec<Resource>, StoreError> {
        let ids: Vec<&str> = ids.iter().map(ResourceId::as_str).collect();
        self.retrying(|| async {
            let query = sqlx::query_as(
                "SELECT seq, id, name, capacity FROM resources WHERE id = ANY ($1) ORDER BY id COLLATE \"C\"",
            );
            let rows = query.bind(&ids).fetch_all(&self.pool).await?;
            Ok(ResourceRow::decode_all(rows)?)
        })
        .await
    }

    async fn delete_resource(
        &self,
        id: &ResourceId,
        now: DateTime<Utc>,
    ) -> Result<Result<bool, ResourceNeeds>, StoreError> {
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            lock_closures(&mut transaction).await?;
            // A writer of something that names the resource has its row locked, or waits for this.
            let is_known = sqlx::query("SELECT id FROM resources WHERE id = $1 FOR UPDATE").bind(id.as_str());
            if is_known.fetch_optional(&mut *transaction).await?.is_none() {
                return Ok(Ok(false));
            }
            let needs = sqlx::query_as(FIND_NEEDS).bind(id.as_str()).bind(now);
            let needs: ResourceNeedsRow = needs.fetch_one(&mut *transaction).await?;
            let needs = needs.decode()?;
            if !needs.is_empty() {
                return Ok(Err(needs));
            }
            for statement in [resources::DELETE_BLOCKS, resources::DELETE] {
                sqlx::query(statement)
                    .bind(id.as_str())
                    .execute(&mut *transaction)
                    .await?;
            }
            transaction.commit().await?;
            Ok(Ok(true))
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

/// Finds what needs resource `$1` at `$2`, of each kind the first ones.
const FIND_NEEDS: &str = concat!(
    "SELECT
         (SELECT coalesce(jsonb_agg(id), '[]') FROM (SELECT id FROM event_types
          WHERE segments @> jsonb_build_array(jsonb_build_object('any_of', jsonb_build_array($1::text)))
          ORDER BY id LIMIT ",
    needs_shown!(),
    ") e) AS event_types,
         (SELECT count(DISTINCT hold_id) FROM occupancy WHERE ",
    occupied!("", "$1", "tstzrange($2, NULL)"),
    ") AS live_holds,
         (SELECT coalesce(jsonb_agg(id), '[]') FROM (SELECT id FROM blocks
          WHERE resource_id = $1 AND from_feed = false AND closure_id IS NULL AND ends_at > $2
          ORDER BY id LIMIT ",
    needs_shown!(),
    ") b) AS blocks,
         (SELECT coalesce(jsonb_agg(id), '[]') FROM (SELECT id FROM closures
          WHERE resources @> to_jsonb($1::text) ORDER BY id LIMIT ",
    needs_shown!(),
    ") c) AS closures,
         EXISTS (SELECT 1 FROM calendar_feeds WHERE resource_id = $1) AS has_feed"
);

/// Writes a resource to the catalogue. `xmax` is 0 only in a row version that an insert made.
pub(super) async fn put_in(
    executor: impl PgExecutor<'_>,
    resource: &Resource,
    now: DateTime<Utc>,
) -> PostgresResult<PutOutcome> {
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
    .fetch_one(executor)
    .await?;
    Ok(put_outcome(is_new))
}

/// Keeps resources from being deleted until the transaction ends, and lists those that do not exist.
pub(super) async fn lock_resources(
    connection: &mut PgConnection,
    ids: &[ResourceId],
) -> PostgresResult<Vec<ResourceId>> {
    let texts: Vec<&str> = ids.iter().map(ResourceId::as_str).collect();
    let query = sqlx::query_scalar("SELECT id FROM resources WHERE id = ANY ($1) ORDER BY id FOR KEY SHARE");
    let known: Vec<String> = query.bind(&texts).fetch_all(connection).await?;
    let is_unknown = |id: &&ResourceId| !known.iter().any(|known| known == id.as_str());
    Ok(ids.iter().filter(is_unknown).cloned().collect())
}

/// Waits for other transactions that write closures or schedules, or write or delete resources, and keeps others waiting until this one ends. The
/// triggers of the migration `0023_closures` take this lock too.
pub(super) async fn lock_closures(connection: &mut PgConnection) -> PostgresResult<()> {
    sqlx::query("SELECT pg_advisory_xact_lock(23, 0)")
        .execute(connection)
        .await?;
    Ok(())
}
