//! Reads and writes closures on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;

use super::PostgresStore;
use super::error::PostgresResult;
use super::occupancy::occupied;
use super::resources::{lock_closures, lock_resources};
use crate::domain::catalogue::{BlockConflict, UnknownResources};
use crate::domain::closure::DatedClosure;
use crate::domain::ids::ClosureId;
use crate::domain::listing::{Page, PageRequest, PutOutcome};
use crate::store::blocks::BlockConflictRow;
use crate::store::closures::{self, ClosureRow, Closures, bind_closure, date_closure, upsert_closure};
use crate::store::events_out::insert_conflict;
use crate::store::resources::put_outcome;
use crate::store::{StoreError, paging};

/// Writes a closure and its days. `xmax` is 0 only in a row version that an insert made.
const PUT: &str = concat!(upsert_closure!(), " RETURNING xmax = 0");

/// Lists holds that overlap closure `$1` on some resource, each once. `OFFSET 0` keeps the planner from joining whole tables.
const CONFLICTS: &str = concat!(
    "SELECT DISTINCT ON (h.starts_at, h.id)
         h.id AS hold_id, lower(o.during) AS starts_at, upper(o.during) AS ends_at, h.status
     FROM blocks b
     CROSS JOIN LATERAL (SELECT hold_id, during FROM occupancy WHERE ",
    occupied!("", "b.resource_id", "tstzrange(b.starts_at, b.ends_at)"),
    " OFFSET 0) o
     JOIN holds h ON h.id = o.hold_id
     WHERE b.closure_id = $1 ORDER BY h.starts_at, h.id, o.during"
);

#[async_trait]
impl Closures for PostgresStore {
    /// Commits the closure first, and then waits for the checkouts that may not have seen its blocks, as `put_block` does. It
    /// waits for one resource after the other: a checkout of several resources would wait for this in another order. Events of
    /// the holds that it overlaps come last.
    async fn put_closure(
        &self,
        closure: &DatedClosure,
        now: DateTime<Utc>,
    ) -> Result<Result<(PutOutcome, Vec<BlockConflict>), UnknownResources>, StoreError> {
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            lock_closures(&mut transaction).await?;
            let outcome = match put_in(&mut transaction, closure, now).await? {
                Ok(outcome) => outcome,
                Err(unknown) => return Ok(Err(unknown)),
            };
            transaction.commit().await?;
            let resources = sqlx::query_scalar("SELECT resource_id FROM blocks WHERE closure_id = $1");
            let resources: Vec<String> = resources
                .bind(closure.closure.id.as_str())
                .fetch_all(&self.pool)
                .await?;
            for resource in resources {
                sqlx::query("SELECT pg_advisory_xact_lock(14, hashtext($1))")
                    .bind(resource)
                    .execute(&self.pool)
                    .await?;
            }
            let conflicts = self.list_conflicts(&closure.closure.id).await?;
            let mut transaction = self.begin().await?;
            for conflict in &conflicts {
                insert_conflict!(conflict.hold, None, closure.closure.id.as_str(), closure.window)
                    .execute(&mut *transaction)
                    .await?;
            }
            transaction.commit().await?;
            Ok(Ok((outcome, conflicts)))
        })
        .await
    }

    async fn date_closure(&self, closure: &DatedClosure) -> Result<bool, StoreError> {
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            lock_closures(&mut transaction).await?;
            let done = date_closure!(closure).execute(&mut *transaction).await?;
            transaction.commit().await?;
            Ok(done.rows_affected() > 0)
        })
        .await
    }

    async fn find_closure(&self, id: &ClosureId) -> Result<Option<DatedClosure>, StoreError> {
        fetch_row!(self, ClosureRow, sqlx::query_as(closures::FIND).bind(id.as_str()))
    }

    async fn list_closure_conflicts(&self, id: &ClosureId) -> Result<Vec<BlockConflict>, StoreError> {
        self.retrying(|| self.list_conflicts(id)).await
    }

    async fn list_closures(&self, page: &PageRequest) -> Result<Page<DatedClosure>, StoreError> {
        let Some(start) = paging::numbered_start(page) else {
            return Ok(paging::end_of_list());
        };
        self.retrying(|| async {
            let query = sqlx::query_as(closures::LIST)
                .bind(start)
                .bind(paging::rows_wanted(page));
            Ok(ClosureRow::decode_page(query.fetch_all(&self.pool).await?, page)?)
        })
        .await
    }

    async fn delete_closure(&self, id: &ClosureId) -> Result<bool, StoreError> {
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            lock_closures(&mut transaction).await?;
            let query = sqlx::query(closures::DELETE).bind(id.as_str());
            let done = query.execute(&mut *transaction).await?;
            transaction.commit().await?;
            Ok(done.rows_affected() > 0)
        })
        .await
    }
}

impl PostgresStore {
    async fn list_conflicts(&self, id: &ClosureId) -> PostgresResult<Vec<BlockConflict>> {
        let query = sqlx::query_as(CONFLICTS).bind(id.as_str());
        Ok(BlockConflictRow::decode_all(query.fetch_all(&self.pool).await?)?)
    }
}

/// Writes a closure in the caller's transaction, which has the lock of closures, if the resources that it names exist.
pub(super) async fn put_in(
    connection: &mut PgConnection,
    closure: &DatedClosure,
    now: DateTime<Utc>,
) -> PostgresResult<Result<PutOutcome, UnknownResources>> {
    let named = closure.closure.resources.as_deref().unwrap_or_default();
    let unknown = lock_resources(connection, named).await?;
    if !unknown.is_empty() {
        return Ok(Err(UnknownResources(unknown)));
    }
    let query = bind_closure!(sqlx::query_scalar(PUT), closure, now);
    Ok(Ok(put_outcome(query.fetch_one(connection).await?)))
}
