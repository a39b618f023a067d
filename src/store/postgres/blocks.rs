//! Reads and writes blocks on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::postgres::PgExecutor;

use super::PostgresStore;
use super::error::PostgresResult;
use super::occupancy::occupied;
use crate::domain::catalogue::{Block, BlockConflict, ListedBlock};
use crate::domain::ids::ResourceId;
use crate::domain::listing::{BlockFilter, Page, PageRequest, PutOutcome};
use crate::store::blocks::{
    self, BlockConflictRow, BlockRow, Blocks, ListedBlockRow, list_blocks, upsert_block,
};
use crate::store::events_out::insert_conflict;
use crate::store::resources::put_outcome;
use crate::store::{StoreError, paging};

/// Writes a block of a resource. `xmax` is 0 only in a row version that an insert made.
const PUT: &str = concat!(upsert_block!(" FOR KEY SHARE"), " RETURNING xmax = 0");

#[async_trait]
impl Blocks for PostgresStore {
    /// Commits the block first, and then waits for the checkouts of the resource that may not have seen it: their holds are
    /// among the conflicts, of which events are written. Later checkouts see the block, because the trigger
    /// `occupancy_rows_see_blocks` looks for it with the resource locked. If the process dies in between, the operator has no
    /// answer and puts the block again, which writes the events.
    async fn put_block(
        &self,
        resource: &ResourceId,
        block: &Block,
        now: DateTime<Utc>,
    ) -> Result<Option<(PutOutcome, Vec<BlockConflict>)>, StoreError> {
        self.retrying(|| async {
            let Some(outcome) = put_in(&self.pool, resource, block, now).await? else {
                return Ok(None);
            };
            let mut transaction = self.begin().await?;
            sqlx::query("SELECT pg_advisory_xact_lock(14, hashtext($1))")
                .bind(resource.as_str())
                .execute(&mut *transaction)
                .await?;
            let rows = sqlx::query_as(concat!(
                "SELECT DISTINCT ON (h.starts_at, h.id)
                     h.id AS hold_id, lower(o.during) AS starts_at, upper(o.during) AS ends_at, h.status
                 FROM occupancy o JOIN holds h ON h.id = o.hold_id
                 WHERE ",
                occupied!("o.", "$1", "tstzrange($2, $3)"),
                " ORDER BY h.starts_at, h.id",
            ))
            .bind(resource.as_str())
            .bind(block.window.starts_at())
            .bind(block.window.ends_at())
            .fetch_all(&mut *transaction)
            .await?;
            let conflicts = BlockConflictRow::decode_all(rows)?;
            for conflict in &conflicts {
                insert_conflict!(conflict.hold, Some(resource), &block.id, block.window)
                    .execute(&mut *transaction)
                    .await?;
            }
            transaction.commit().await?;
            Ok(Some((outcome, conflicts)))
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
            let Some(query) = list_blocks!(resource, filter, page) else {
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
