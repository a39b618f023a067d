//! Reads and writes blocks on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::SqliteStore;
use super::closed_times::record_conflicts;
use super::error::SqliteResult;
use crate::domain::catalogue::{Block, BlockConflict, ListedBlock};
use crate::domain::ids::ResourceId;
use crate::domain::listing::{BlockFilter, Page, PageRequest, PutOutcome};
use crate::store::blocks::{
    self, BlockRow, Blocks, ListedBlockRow, list_blocks, select_blocks, upsert_block,
};
use crate::store::closed_times::ClosedTime;
use crate::store::columns::DbTime;
use crate::store::resources::put_outcome;
use crate::store::{StoreError, paging};

/// Lists blocks of a resource from all sources.
pub(super) const LIST: &str = select_blocks!("ends_at > $2 AND starts_at < $3");

#[async_trait]
impl Blocks for SqliteStore {
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
        let mut closed = ClosedTime::of_block(resource, block);
        record_conflicts(&mut transaction, &mut closed).await?;
        self.commit(transaction).await?;
        Ok(Some((outcome, closed.conflicts)))
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
        let Some(query) = list_blocks!(LIST, resource, filter, page) else {
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
