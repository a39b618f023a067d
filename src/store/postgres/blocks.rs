//! Reads and writes blocks on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::postgres::PgExecutor;

use super::PostgresStore;
use super::closed_times::record_conflicts;
use super::error::PostgresResult;
use crate::domain::catalogue::{Block, BlockConflict, ListedBlock};
use crate::domain::ids::ResourceId;
use crate::domain::listing::{BlockFilter, Page, PageRequest, PutOutcome};
use crate::store::blocks::{
    self, BlockRow, Blocks, ListedBlockRow, list_blocks, select_blocks, upsert_block,
};
use crate::store::closed_times::ClosedTime;
use crate::store::resources::put_outcome;
use crate::store::{StoreError, paging};

/// Writes a block of a resource. `xmax` is 0 only in a row version that an insert made.
const PUT: &str = concat!(upsert_block!(" FOR KEY SHARE"), " RETURNING xmax = 0");

/// Lists blocks of a resource from all sources. The window is one expression, which the index of windows has.
const LIST: &str = select_blocks!("tstzrange(starts_at, ends_at) && tstzrange($2, greatest($2, $3))");

#[async_trait]
impl Blocks for PostgresStore {
    /// Commits the block first, and then waits for the checkouts of the resource that may not have seen it.
    async fn put_block(
        &self,
        resource: &ResourceId,
        block: &Block,
        now: DateTime<Utc>,
    ) -> Result<Option<(PutOutcome, Vec<BlockConflict>)>, StoreError> {
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            let Some(outcome) = put_in(&mut *transaction, resource, block, now).await? else {
                return Ok(None);
            };
            let mut closed = ClosedTime::of_block(resource, block);
            record_conflicts(&mut transaction, &mut closed).await?;
            transaction.commit().await?;
            let recorded = self.record_late_conflicts(vec![closed]).await?.into_iter();
            Ok(Some((
                outcome,
                recorded.flat_map(|closed| closed.conflicts).collect(),
            )))
        })
        .await
    }

    async fn find_block(&self, resource: &ResourceId, id: &str) -> Result<Option<Block>, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_as(blocks::FIND).bind(resource.as_str()).bind(id);
            Ok(BlockRow::decode_optional(
                query.fetch_optional(&self.pool).await?,
            )?)
        })
        .await
    }

    async fn list_blocks(
        &self,
        resource: &ResourceId,
        filter: &BlockFilter,
        page: &PageRequest,
    ) -> Result<Page<ListedBlock>, StoreError> {
        self.retrying(|| async {
            let Some(query) = list_blocks!(LIST, resource, filter, page) else {
                return Ok(paging::end_of_list());
            };
            let rows = query.fetch_all(&self.pool).await?;
            Ok(ListedBlockRow::decode_page(rows, page)?)
        })
        .await
    }

    async fn delete_block(&self, resource: &ResourceId, id: &str) -> Result<bool, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query(blocks::DELETE).bind(resource.as_str()).bind(id);
            Ok(query.execute(&self.pool).await?.rows_affected() > 0)
        })
        .await
    }
}

/// Writes a block, which a checkout that is under way may not see; `None` if there is no such resource.
pub(super) async fn put_in(
    executor: impl PgExecutor<'_>,
    resource: &ResourceId,
    block: &Block,
    now: DateTime<Utc>,
) -> PostgresResult<Option<PutOutcome>> {
    let put = sqlx::query_scalar(PUT)
        .bind(resource.as_str())
        .bind(&block.id)
        .bind(block.window.starts_at())
        .bind(block.window.ends_at())
        .bind(&block.note)
        .bind(now);
    Ok(put.fetch_optional(executor).await?.map(put_outcome))
}
