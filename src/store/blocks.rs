//! Blocks: times when a resource is occupied for reasons other than a hold, with all its units.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::availability::decode_window;
use super::columns::{DbTime, DbUuid};
use super::{StoreError, encoding};
use crate::domain::catalogue::{Block, BlockConflict};
use crate::domain::ids::{HoldId, ResourceId};
use crate::domain::listing::PutOutcome;

/// Blocks in the database; one method is one transaction.
#[async_trait]
pub trait Blocks {
    /// Writes a block of a resource. When this returns, no new hold can be placed in it. Live holds that it
    /// overlaps stay and are returned.
    async fn put_block(
        &self,
        resource: &ResourceId,
        block: &Block,
        now: DateTime<Utc>,
    ) -> Result<(PutOutcome, Vec<BlockConflict>), StoreError>;
    /// Reads a block that [`Self::put_block`] wrote.
    async fn find_block(&self, resource: &ResourceId, id: &str) -> Result<Option<Block>, StoreError>;
    /// Deletes a block that [`Self::put_block`] wrote. `false` if there is none.
    async fn delete_block(&self, resource: &ResourceId, id: &str) -> Result<bool, StoreError>;
}

/// Writes block `$2` of resource `$1`, from `$3` to `$4`, with note `$5`, at `$6`.
macro_rules! upsert_block {
    () => {
        "INSERT INTO blocks (resource_id, id, from_feed, starts_at, ends_at, note, created_at)
         VALUES ($1, $2, false, $3, $4, $5, $6)
         ON CONFLICT (resource_id, from_feed, id) DO UPDATE SET
             starts_at = excluded.starts_at, ends_at = excluded.ends_at, note = excluded.note"
    };
}
pub(super) use upsert_block;

/// Finds block `$2` of resource `$1`.
pub(super) const FIND: &str = "SELECT id, starts_at, ends_at, note FROM blocks WHERE resource_id = $1 AND id = $2 AND from_feed = false";

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
            window: decode_window(Some((self.starts_at.0, self.ends_at.0)))?,
            note: self.note,
        })
    }

    /// One block, if there is one.
    pub(super) fn decode_optional(row: Option<Self>) -> Result<Option<Block>, StoreError> {
        row.map(Self::decode).transpose()
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
            window: decode_window(Some((self.starts_at.0, self.ends_at.0)))?,
            // Only live holds occupy a resource, and a live status has no reason.
            status: encoding::decode_status(&self.status, None)?,
        })
    }

    /// All conflicts, in the order of the rows.
    pub(super) fn decode_all(rows: Vec<Self>) -> Result<Vec<BlockConflict>, StoreError> {
        rows.into_iter().map(Self::decode).collect()
    }
}
