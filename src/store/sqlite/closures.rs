//! Reads and writes closures on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::error::SqliteResult;
use super::{SqliteStore, resources};
use crate::domain::catalogue::{BlockConflict, UnknownResources};
use crate::domain::closure::DatedClosure;
use crate::domain::ids::ClosureId;
use crate::domain::listing::{Page, PageRequest, PutOutcome};
use crate::store::blocks::BlockConflictRow;
use crate::store::closures::{self, ClosureRow, Closures, bind_closure, date_closure, upsert_closure};
use crate::store::events_out::insert_conflict;
use crate::store::resources::put_outcome;
use crate::store::{StoreError, paging};

/// Lists holds that overlap closure `$1` on some resource, each once, with the first of its windows: beside `min`, SQLite takes
/// the other columns from the row that has the minimum.
const CONFLICTS: &str = "SELECT o.hold_id, min(o.starts_at) AS starts_at, o.ends_at, h.status
     FROM blocks b CROSS JOIN occupancy o CROSS JOIN holds h
     WHERE b.closure_id = $1 AND o.resource_id = b.resource_id AND o.ends_at > b.starts_at AND o.starts_at < b.ends_at
       AND h.id = o.hold_id
     GROUP BY o.hold_id ORDER BY h.starts_at, o.hold_id";

#[async_trait]
impl Closures for SqliteStore {
    /// There is one writer: a checkout that wrote before is among the conflicts, and a later one sees the blocks.
    async fn put_closure(
        &self,
        closure: &DatedClosure,
        now: DateTime<Utc>,
    ) -> Result<Result<(PutOutcome, Vec<BlockConflict>), UnknownResources>, StoreError> {
        let mut transaction = self.begin().await?;
        let outcome = match put_in(&mut transaction, closure, now).await? {
            Ok(outcome) => outcome,
            Err(unknown) => {
                self.roll_back(transaction).await?;
                return Ok(Err(unknown));
            }
        };
        let conflicts = sqlx::query_as(CONFLICTS).bind(closure.closure.id.as_str());
        let rows = self
            .in_transaction(conflicts.fetch_all(&mut *transaction))
            .await?;
        let conflicts = BlockConflictRow::decode_all(rows)?;
        for conflict in &conflicts {
            let event = insert_conflict!(conflict.hold, None, closure.closure.id.as_str(), closure.window);
            self.in_transaction(event.execute(&mut *transaction)).await?;
        }
        self.commit(transaction).await?;
        Ok(Ok((outcome, conflicts)))
    }

    async fn date_closure(&self, closure: &DatedClosure) -> Result<bool, StoreError> {
        Ok(self.write(date_closure!(closure)).await? > 0)
    }

    async fn find_closure(&self, id: &ClosureId) -> Result<Option<DatedClosure>, StoreError> {
        let query = sqlx::query_as(closures::FIND).bind(id.as_str());
        ClosureRow::decode_optional(self.read(query.fetch_optional(&self.readers)).await?)
    }

    async fn list_closure_conflicts(&self, id: &ClosureId) -> Result<Vec<BlockConflict>, StoreError> {
        let query = sqlx::query_as(CONFLICTS).bind(id.as_str());
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

/// Writes a closure in the caller's transaction, if the resources that it names exist.
pub(super) async fn put_in(
    connection: &mut SqliteConnection,
    closure: &DatedClosure,
    now: DateTime<Utc>,
) -> SqliteResult<Result<PutOutcome, UnknownResources>> {
    let named = closure.closure.resources.as_deref().unwrap_or_default();
    let unknown = resources::list_unknown(connection, named).await?;
    if !unknown.is_empty() {
        return Ok(Err(UnknownResources(unknown)));
    }
    // An upsert in SQLite does not tell whether it inserted.
    let is_known: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM closures WHERE id = $1)")
        .bind(closure.closure.id.as_str())
        .fetch_one(&mut *connection)
        .await?;
    bind_closure!(sqlx::query(upsert_closure!()), closure, now)
        .execute(connection)
        .await?;
    Ok(Ok(put_outcome(!is_known)))
}
