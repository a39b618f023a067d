//! Reads and writes closures on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::closed_times::{CONFLICTS_OF_CLOSURE, list_conflicts, record_conflicts};
use super::error::SqliteResult;
use super::{SqliteStore, resources};
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

#[async_trait]
impl Closures for SqliteStore {
    async fn put_closure(
        &self,
        closure: &Closure,
        zones: ClosureZones<'_>,
        now: DateTime<Utc>,
    ) -> Result<Result<(PutOutcome, DatedClosure, Vec<BlockConflict>), ClosureRefusal>, StoreError> {
        let mut transaction = self.begin().await?;
        let zone = find_zone(&mut transaction, zones).await?;
        let (outcome, dated) = match put_in(&mut transaction, closure, zone, now).await? {
            Ok(written) => written,
            Err(refusal) => {
                self.roll_back(transaction).await?;
                return Ok(Err(refusal));
            }
        };
        let mut closed = ClosedTime::of_closure(&dated);
        record_conflicts(&mut transaction, &mut closed).await?;
        self.commit(transaction).await?;
        Ok(Ok((outcome, dated, closed.conflicts)))
    }

    async fn date_closures(&self, zones: ClosureZones<'_>) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        date_in(&mut transaction, zones).await?;
        self.commit(transaction).await
    }

    async fn find_closure(&self, id: &ClosureId) -> Result<Option<DatedClosure>, StoreError> {
        let query = sqlx::query_as(closures::FIND).bind(id.as_str());
        ClosureRow::decode_optional(self.read(query.fetch_optional(&self.readers)).await?)
    }

    async fn list_closure_conflicts(&self, id: &ClosureId) -> Result<Vec<BlockConflict>, StoreError> {
        let query = sqlx::query_as(CONFLICTS_OF_CLOSURE).bind(id.as_str());
        BlockConflictRow::decode_all(self.read(query.fetch_all(&self.readers)).await?)
    }

    async fn list_closures(&self, page: &PageRequest) -> Result<Page<DatedClosure>, StoreError> {
        let Some(start) = paging::numbered_start(page) else {
            return Ok(paging::end_of_list());
        };
        let query = sqlx::query_as(closures::LIST)
            .bind(start)
            .bind(paging::rows_wanted(page));
        ClosureRow::decode_page(self.read(query.fetch_all(&self.readers)).await?, page)
    }

    async fn delete_closure(&self, id: &ClosureId) -> Result<bool, StoreError> {
        Ok(self
            .write(sqlx::query(closures::DELETE).bind(id.as_str()))
            .await?
            > 0)
    }
}

/// Writes a closure in the caller's transaction.
pub(super) async fn put_in(
    connection: &mut SqliteConnection,
    closure: &Closure,
    (zone, rules): (ZoneName, &ZoneRules),
    now: DateTime<Utc>,
) -> SqliteResult<Result<(PutOutcome, DatedClosure), ClosureRefusal>> {
    let named = closure.resources.as_deref().unwrap_or_default();
    let unknown = resources::list_unknown(connection, named).await?;
    if !unknown.is_empty() {
        return Ok(Err(UnknownResources(unknown).into()));
    }
    let Some(dated) = closure.date_in(zone, rules) else {
        return Ok(Err(ClosureRefusal::NoSuchDay(closure.id.clone())));
    };
    // An upsert in SQLite does not tell whether it inserted.
    let is_known: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM closures WHERE id = $1)")
        .bind(closure.id.as_str())
        .fetch_one(&mut *connection)
        .await?;
    bind_closure!(sqlx::query(upsert_closure!()), dated, now)
        .execute(connection)
        .await?;
    Ok(Ok((put_outcome(!is_known), dated)))
}

define_closure_moves!(SqliteConnection, SqliteResult);
