//! Reads and writes blocks on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::SqliteStore;
use super::error::SqliteResult;
use crate::domain::catalogue::{Block, BlockConflict};
use crate::domain::ids::ResourceId;
use crate::domain::listing::PutOutcome;
use crate::store::StoreError;
use crate::store::blocks::{self, BlockConflictRow, BlockRow, Blocks, upsert_block};
use crate::store::columns::DbTime;
use crate::store::resources::put_outcome;

#[async_trait]
impl Blocks for SqliteStore {
    /// There is one writer: a checkout that wrote before is among the conflicts, and a later one sees the block.
    async fn put_block(
        &self,
        resource: &ResourceId,
        block: &Block,
        now: DateTime<Utc>,
    ) -> Result<(PutOutcome, Vec<BlockConflict>), StoreError> {
        let mut transaction = self.begin().await?;
        let (outcome, rows) = put_in(&mut transaction, resource, block, now).await?;
        self.commit(transaction).await?;
        Ok((outcome, BlockConflictRow::decode_all(rows)?))
    }

    async fn find_block(&self, resource: &ResourceId, id: &str) -> Result<Option<Block>, StoreError> {
        let query = sqlx::query_as(blocks::FIND).bind(resource.as_str()).bind(id);
        BlockRow::decode_optional(self.read(query.fetch_optional(&self.readers)).await?)
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

async fn put_in(
    connection: &mut SqliteConnection,
    resource: &ResourceId,
    block: &Block,
    now: DateTime<Utc>,
) -> SqliteResult<(PutOutcome, Vec<BlockConflictRow>)> {
    // An upsert in SQLite does not tell whether it inserted.
    let is_known: bool = sqlx::query_scalar(EXISTS)
        .bind(resource.as_str())
        .bind(&block.id)
        .fetch_one(&mut *connection)
        .await?;
    sqlx::query(upsert_block!())
        .bind(resource.as_str())
        .bind(&block.id)
        .bind(DbTime(block.window.starts_at()))
        .bind(DbTime(block.window.ends_at()))
        .bind(&block.note)
        .bind(DbTime(now))
        .execute(&mut *connection)
        .await?;
    let conflicts = sqlx::query_as(CONFLICTS)
        .bind(resource.as_str())
        .bind(DbTime(block.window.starts_at()))
        .bind(DbTime(block.window.ends_at()))
        .fetch_all(connection)
        .await?;
    Ok((put_outcome(!is_known), conflicts))
}
