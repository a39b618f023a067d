//! Events of the holds in a closed time on SQLite.

use sqlx::SqliteConnection;

use super::error::SqliteResult;
use crate::domain::catalogue::BlockConflict;
use crate::store::blocks::BlockConflictRow;
use crate::store::closed_times::{ClosedTime, insert_conflict};

/// Lists holds that overlap certain blocks on their resources, each once, with the first of its windows: beside `min`, SQLite
/// takes the other columns from the row that has the minimum.
macro_rules! list_conflicts {
    ($blocks:literal) => {
        concat!(
            "SELECT o.hold_id, min(o.starts_at) AS starts_at, o.ends_at, h.status
             FROM blocks b CROSS JOIN occupancy o CROSS JOIN holds h
             WHERE ",
            $blocks,
            " AND o.resource_id = b.resource_id AND o.ends_at > b.starts_at AND o.starts_at < b.ends_at
               AND h.id = o.hold_id
             GROUP BY o.hold_id ORDER BY h.starts_at, o.hold_id"
        )
    };
}

/// Lists the conflicts of closure `$1`.
pub(super) const CONFLICTS_OF_CLOSURE: &str = list_conflicts!("b.closure_id = $1");

/// Lists the conflicts of block `$1` of resource `$2`.
pub(super) const CONFLICTS_OF_BLOCK: &str =
    list_conflicts!("b.id = $1 AND b.resource_id = $2 AND b.from_feed = false");

/// Lists the live holds in a closed time.
pub(super) async fn list_conflicts(
    connection: &mut SqliteConnection,
    closed: &ClosedTime,
) -> SqliteResult<Vec<BlockConflict>> {
    let query = match &closed.resource {
        Some(resource) => sqlx::query_as(CONFLICTS_OF_BLOCK)
            .bind(&closed.id)
            .bind(resource.as_str()),
        None => sqlx::query_as(CONFLICTS_OF_CLOSURE).bind(&closed.id),
    };
    Ok(BlockConflictRow::decode_all(query.fetch_all(connection).await?)?)
}

/// Lists the live holds in a closed time, and writes an event of each one that has got none of it. There is one writer: a
/// checkout that wrote before is among them, and a later one sees the block.
pub(super) async fn record_conflicts(
    connection: &mut SqliteConnection,
    closed: &mut ClosedTime,
) -> SqliteResult<()> {
    closed.conflicts = list_conflicts(&mut *connection, closed).await?;
    for hold in closed.find_unrecorded(&closed.conflicts) {
        insert_conflict!(hold, closed).execute(&mut *connection).await?;
    }
    Ok(())
}
