//! Reads and writes blocks on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::SqliteStore;
use super::error::SqliteResult;
use crate::domain::catalogue::{Block, BlockConflict, ListedBlock};
use crate::domain::ids::ResourceId;
use crate::domain::listing::{BlockFilter, Page, PageRequest, PutOutcome};
use crate::store::blocks::{
    self, BlockConflictRow, BlockRow, Blocks, ListedBlockRow, list_blocks, upsert_block,
};
use crate::store::columns::DbTime;
use crate::store::events_out::insert_conflict;
use crate::store::resources::put_outcome;
use crate::store::{StoreError, paging};

#[async_trait]
impl Blocks for SqliteStore {
    /// There is one writer: a checkout that wrote before is among the conflicts, and a later one sees the block.
    async fn put_block(
        &self,
        resource: &ResourceId,
        block: &Block,
        now: DateTime<Utc>,
    ) -> Result<Option<(PutOutcome, Vec<BlockConflict>)>, StoreError> {
        let mut transaction = self.begin().await?;
        let Some(outcome) = put_in(&mut transaction, resource, block, now).await? else {
            self.roll_back(transaction).await?;
            return Ok(None);
        };
        let conflicts = record_conflicts(&mut transaction, resource, block).await?;
        self.commit(transaction).await?;
        Ok(Some((outcome, conflicts)))
    }

    async fn find_block(&self, resource: &ResourceId, id: &str) -> Result<Option<Block>, StoreError> {
        let query = sqlx::query_as(blocks::FIND).bind(resource.as_str()).bind(id);
        BlockRow::decode_optional(self.read(query.fetch_optional(&self.readers)).await?)
    }

    async fn list_blocks(
        &self,
        resource: &ResourceId,
        filter: &BlockFilter,
        page: &PageRequest,
    ) -> Result<Page<ListedBlock>, StoreError> {
        let Some(query) = list_blocks!(resource, filter, page) else {
            return Ok(paging::end_of_list());
        };
        ListedBlockRow::decode_page(self.read(query.fetch_all(&self.readers)).await?, page)
    }

    async fn delete_block(&self, resource: &ResourceId, id: &str) -> Result<bool, StoreError> {
        let query = sqlx::query(blocks::DELETE).bind(resource.as_str()).bind(id);
        Ok(self.write(query).await? > 0)
    }
}

/// Finds out whether resource `$1` has block `$2` of the operator.
pub(super) const EXISTS: &str =
    "SELECT EXISTS (SELECT 1 FROM blocks WHERE resource_id = $1 AND id = $2 AND from_feed = false)";

/// Lists holds that overlap `$2` to `$3` on resource `$1`, each once, with the first of its units: beside `min`, SQLite takes
/// the other columns from the row that has the minimum.
pub(super) const CONFLICTS: &str = "SELECT o.hold_id, o.starts_at, o.ends_at, min(o.unit) AS unit, h.status
     FROM occupancy o CROSS JOIN holds h ON h.id = o.hold_id
     WHERE o.resource_id = $1 AND o.ends_at > $2 AND o.starts_at < $3
     GROUP BY o.hold_id ORDER BY h.starts_at, o.hold_id";

/// Writes a block in the caller's transaction; `None` if there is no such resource.
pub(super) async fn put_in(
    connection: &mut SqliteConnection,
    resource: &ResourceId,
    block: &Block,
    now: DateTime<Utc>,
) -> SqliteResult<Option<PutOutcome>> {
    // An upsert in SQLite does not tell whether it inserted.
    let is_known: bool = sqlx::query_scalar(EXISTS)
        .bind(resource.as_str())
        .bind(&block.id)
        .fetch_one(&mut *connection)
        .await?;
    let written = sqlx::query(upsert_block!(""))
        .bind(resource.as_str())
        .bind(&block.id)
        .bind(DbTime(block.window.starts_at()))
        .bind(DbTime(block.window.ends_at()))
        .bind(&block.note)
        .bind(DbTime(now))
        .execute(connection)
        .await?;
    Ok((written.rows_affected() > 0).then(|| put_outcome(!is_known)))
}

/// Lists the holds that a block overlaps, and writes an event of each.
async fn record_conflicts(
    connection: &mut SqliteConnection,
    resource: &ResourceId,
    block: &Block,
) -> SqliteResult<Vec<BlockConflict>> {
    let conflicts = sqlx::query_as(CONFLICTS)
        .bind(resource.as_str())
        .bind(DbTime(block.window.starts_at()))
        .bind(DbTime(block.window.ends_at()))
        .fetch_all(&mut *connection)
        .await?;
    let conflicts = BlockConflictRow::decode_all(conflicts)?;
    for conflict in &conflicts {
        insert_conflict!(conflict.hold, Some(resource), &block.id, block.window)
            .execute(&mut *connection)
            .await?;
    }
    Ok(conflicts)
}
