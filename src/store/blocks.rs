//! Blocks: times when a resource is occupied for reasons other than a hold, with all its units.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::availability::decode_window;
use super::columns::{DbTime, DbUuid};
use super::{StoreError, encoding, paging};
use crate::domain::catalogue::{Block, BlockConflict, BlockSource, ListedBlock};
use crate::domain::ids::{HoldId, ResourceId};
use crate::domain::listing::{BlockFilter, Page, PageRequest, PutOutcome};

/// Blocks in the database; one method is one transaction.
#[async_trait]
pub trait Blocks {
    /// Writes a block of a resource. When this returns, no new hold can be placed in it. Live holds that it
    /// overlaps stay and are returned. `None` if there is no such resource.
    async fn put_block(
        &self,
        resource: &ResourceId,
        block: &Block,
        now: DateTime<Utc>,
    ) -> Result<Option<(PutOutcome, Vec<BlockConflict>)>, StoreError>;
    /// Reads a block that [`Self::put_block`] wrote.
    async fn find_block(&self, resource: &ResourceId, id: &str) -> Result<Option<Block>, StoreError>;
    /// Lists blocks of a resource from all sources, the latest start first.
    async fn list_blocks(
        &self,
        resource: &ResourceId,
        filter: &BlockFilter,
        page: &PageRequest,
    ) -> Result<Page<ListedBlock>, StoreError>;
    /// Deletes a block that [`Self::put_block`] wrote. `false` if there is none.
    async fn delete_block(&self, resource: &ResourceId, id: &str) -> Result<bool, StoreError>;
}

/// Writes block `$2` of resource `$1`, from `$3` to `$4`, with note `$5`, at `$6`, if there is the resource, which `$lock` keeps
/// from being deleted meanwhile.
macro_rules! upsert_block {
    ($lock:literal) => {
        concat!(
            "INSERT INTO blocks (resource_id, id, from_feed, starts_at, ends_at, note, created_at)
             SELECT id, $2, false, $3, $4, $5, $6 FROM resources WHERE id = $1",
            $lock,
            " ON CONFLICT (resource_id, from_feed, id) DO UPDATE SET
                 starts_at = excluded.starts_at, ends_at = excluded.ends_at, note = excluded.note"
        )
    };
}
pub(super) use upsert_block;

/// Finds block `$2` of resource `$1`.
pub(super) const FIND: &str = "SELECT id, starts_at, ends_at, note FROM blocks WHERE resource_id = $1 AND id = $2 AND from_feed = false";

/// Orders the blocks of a resource that start at the same time.
macro_rules! block_key {
    () => {
        "CASE WHEN from_feed THEN 'f' ELSE 'o' END || id"
    };
}
pub(super) use block_key;

/// Lists blocks of resource `$1` that overlap `$2` to `$3`, with the engine's condition for that, of operators only if `$4`, before
/// start `$5` and key `$6`, at most `$7`.
macro_rules! select_blocks {
    ($overlap:literal) => {
        concat!(
            "SELECT id, from_feed, closure_id, starts_at, ends_at, note, ",
            $crate::store::blocks::block_key!(),
            " AS key FROM blocks
             WHERE resource_id = $1 AND ",
            $overlap,
            " AND (NOT $4 OR (from_feed = false AND closure_id IS NULL)) AND (starts_at, ",
            $crate::store::blocks::block_key!(),
            ") < ($5, $6) ORDER BY starts_at DESC, key DESC LIMIT $7"
        )
    };
}
pub(super) use select_blocks;

/// Binds the engine's [`select_blocks`] to a page of blocks. `None` if the cursor was not issued for such a list.
macro_rules! list_blocks {
    ($statement:expr, $resource:expr, $filter:expr, $page:expr) => {
        $crate::store::paging::named_start($page).map(|(start, key)| {
            let (from, to) = $crate::store::blocks::bounds($filter);
            sqlx::query_as($statement)
                .bind($resource.as_str())
                .bind($crate::store::columns::DbTime(from))
                .bind($crate::store::columns::DbTime(to))
                .bind($filter.only_operators)
                .bind($crate::store::columns::DbTime(start))
                .bind(key)
                .bind($crate::store::paging::rows_wanted($page))
        })
    };
}
pub(super) use list_blocks;

/// The times between which the blocks of a list are.
pub(super) fn bounds(filter: &BlockFilter) -> (DateTime<Utc>, DateTime<Utc>) {
    let (first, last) = paging::bounds_of_time();
    (filter.from.unwrap_or(first), filter.to.unwrap_or(last))
}

/// Deletes block `$2` of resource `$1`. It compares `from_feed` with `false`, because SQLite then searches by the whole
/// key; for `NOT from_feed` it reads all blocks of the resource.
pub(super) const DELETE: &str = "DELETE FROM blocks WHERE resource_id = $1 AND id = $2 AND from_feed = false";

/// Deletes the blocks of resource `$1` that its calendar feed brought.
pub(super) const DELETE_OF_FEED: &str = "DELETE FROM blocks WHERE resource_id = $1 AND from_feed = true";

#[derive(sqlx::FromRow)]
pub(super) struct BlockRow {
    id: String,
    starts_at: DbTime,
    ends_at: DbTime,
    note: String,
}

impl BlockRow {
    fn decode(self) -> Result<Block, StoreError> {
        Ok(Block {
            id: self.id,
            window: decode_window((self.starts_at.0, self.ends_at.0))?,
            note: self.note,
        })
    }

    /// One block, if there is one.
    pub(super) fn decode_optional(row: Option<Self>) -> Result<Option<Block>, StoreError> {
        row.map(Self::decode).transpose()
    }
}

#[derive(sqlx::FromRow)]
pub(super) struct ListedBlockRow {
    key: String,
    from_feed: bool,
    closure_id: Option<String>,
    #[sqlx(flatten)]
    block: BlockRow,
}

impl ListedBlockRow {
    fn decode(self) -> Result<ListedBlock, StoreError> {
        let source = match (self.from_feed, &self.closure_id) {
            (true, _) => BlockSource::Feed,
            (false, Some(_)) => BlockSource::Closure,
            (false, None) => BlockSource::Operator,
        };
        let block = self.block.decode()?;
        Ok(ListedBlock { block, source })
    }

    /// A page of blocks, cut off rows that were read with [`select_blocks`].
    pub(super) fn decode_page(rows: Vec<Self>, page: &PageRequest) -> Result<Page<ListedBlock>, StoreError> {
        let place = |row: &Self| paging::named(row.block.starts_at.0, &row.key);
        paging::decode_page(paging::cut_page(rows, page, place), Self::decode)
    }
}

#[derive(sqlx::FromRow)]
pub(super) struct BlockConflictRow {
    hold_id: DbUuid,
    starts_at: DbTime,
    ends_at: DbTime,
    status: String,
}

impl BlockConflictRow {
    fn decode(self) -> Result<BlockConflict, StoreError> {
        Ok(BlockConflict {
            hold: HoldId(self.hold_id.0),
            window: decode_window((self.starts_at.0, self.ends_at.0))?,
            // Only live holds occupy a resource, and a live status has no reason.
            status: encoding::decode_status(&self.status, None)?,
        })
    }

    /// All conflicts, in the order of the rows.
    pub(super) fn decode_all(rows: Vec<Self>) -> Result<Vec<BlockConflict>, StoreError> {
        rows.into_iter().map(Self::decode).collect()
    }
}
