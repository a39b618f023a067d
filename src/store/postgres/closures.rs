//! Reads and writes closures on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;

use super::PostgresStore;
use super::closed_times::{CONFLICTS_OF_CLOSURE, list_conflicts, record_conflicts};
use super::error::PostgresResult;
use super::resources::{lock_closures, lock_resources};
use crate::domain::catalogue::{BlockConflict, UnknownResources};
use crate::domain::closure::{Closure, ClosureZones, DatedClosure};
use crate::domain::ids::ClosureId;
use crate::domain::listing::{Page, PageRequest, PutOutcome};
use crate::domain::zone::{ZoneName, ZoneRules};
use crate::store::blocks::BlockConflictRow;
use crate::store::catalogue_writes::define_closure_moves;
use crate::store::closed_times::ClosedTime;
use crate::store::closures::{self, ClosureRefusal, ClosureRow, Closures, bind_closure, upsert_closure};
use crate::store::resources::put_outcome;
use crate::store::{StoreError, catalogue, paging};

/// Writes a closure and its days. `xmax` is 0 only in a row version that an insert made.
const PUT: &str = concat!(upsert_closure!(), " RETURNING xmax = 0");

#[async_trait]
impl Closures for PostgresStore {
    /// Commits the closure first, and then waits for the checkouts that may not have seen its blocks.
    async fn put_closure(
        &self,
        closure: &Closure,
        zones: ClosureZones<'_>,
        now: DateTime<Utc>,
    ) -> Result<Result<(PutOutcome, DatedClosure, Vec<BlockConflict>), ClosureRefusal>, StoreError> {
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            lock_closures(&mut transaction).await?;
            let zone = find_zone(&mut transaction, zones).await?;
            let (outcome, dated) = match put_in(&mut transaction, closure, zone, now).await? {
                Ok(written) => written,
                Err(refusal) => return Ok(Err(refusal)),
            };
            let mut closed = ClosedTime::of_closure(&dated);
            record_conflicts(&mut transaction, &mut closed).await?;
            transaction.commit().await?;
            let recorded = self.record_late_conflicts(vec![closed]).await?.into_iter();
            let conflicts = recorded.flat_map(|closed| closed.conflicts).collect();
            Ok(Ok((outcome, dated, conflicts)))
        })
        .await
    }

    async fn date_closures(&self, zones: ClosureZones<'_>) -> Result<(), StoreError> {
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            lock_closures(&mut transaction).await?;
            let closed = date_in(&mut transaction, zones).await?;
            transaction.commit().await?;
            self.record_late_conflicts(closed).await?;
            Ok(())
        })
        .await
    }

    async fn find_closure(&self, id: &ClosureId) -> Result<Option<DatedClosure>, StoreError> {
        fetch_row!(self, ClosureRow, sqlx::query_as(closures::FIND).bind(id.as_str()))
    }

    async fn list_closure_conflicts(&self, id: &ClosureId) -> Result<Vec<BlockConflict>, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_as(CONFLICTS_OF_CLOSURE).bind(id.as_str());
            Ok(BlockConflictRow::decode_all(query.fetch_all(&self.pool).await?)?)
        })
        .await
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

/// Writes a closure in the caller's transaction, which has the lock of closures.
pub(super) async fn put_in(
    connection: &mut PgConnection,
    closure: &Closure,
    (zone, rules): (ZoneName, &ZoneRules),
    now: DateTime<Utc>,
) -> PostgresResult<Result<(PutOutcome, DatedClosure), ClosureRefusal>> {
    let unknown = lock_resources(connection, closure.resources.as_deref().unwrap_or_default()).await?;
    if !unknown.is_empty() {
        return Ok(Err(UnknownResources(unknown).into()));
    }
    let Some(dated) = closure.date_in(zone, rules) else {
        return Ok(Err(ClosureRefusal::NoSuchDay(closure.id.clone())));
    };
    let query = bind_closure!(sqlx::query_scalar(PUT), dated, now);
    Ok(Ok((put_outcome(query.fetch_one(connection).await?), dated)))
}

define_closure_moves!(PgConnection, PostgresResult);
