//! Occupancy on SQLite: the units that a hold takes and gives back. `TAKE_UNITS` is the one statement that decides
//! who gets a slot (I1): a hold that is placed, one that gets its slot back and one that moves all use it.

use sqlx::SqliteConnection;
use sqlx::types::Json;

use super::error::SqliteResult;
use crate::domain::ids::HoldId;
use crate::domain::segment::{Allocation, Segment};
use crate::store::columns::{DbTime, DbUuid};
use crate::store::occupancy;

/// Takes units (JSON `$5`) of resource `$2` from `$3` to `$4` for hold `$1`, those that are free. A lookup found them free; this
/// re-checks capacities, overlaps, blocks and how far the calendar feed reaches, which may have changed since. SQLite has no exclusion constraint, so
/// triggers refuse an overlap as the last guard.
pub(super) const TAKE_UNITS: &str = "INSERT INTO occupancy (hold_id, resource_id, unit, starts_at, ends_at)
     SELECT $1, $2, u.value, $3, $4 FROM json_each($5) u
     WHERE u.value <= coalesce((SELECT r.capacity FROM resources r WHERE r.id = $2), 1)
       AND NOT EXISTS (
           SELECT 1 FROM occupancy o
           WHERE o.resource_id = $2 AND o.unit = u.value AND o.ends_at > $3 AND o.starts_at < $4)
       AND NOT EXISTS (
           SELECT 1 FROM blocks b WHERE b.resource_id = $2 AND b.ends_at > $3 AND b.starts_at < $4)
       AND NOT EXISTS (
           SELECT 1 FROM calendar_feeds f WHERE f.resource_id = $2 AND coalesce(f.reaches_to, f.created_at) < $4)";

/// Takes `quantity` units of each segment. `false` if another hold has some of them: then the caller must roll back.
pub(super) async fn take_units(
    connection: &mut SqliteConnection,
    hold: HoldId,
    allocations: &[Allocation],
    quantity: u32,
) -> SqliteResult<bool> {
    for Allocation { segment, units } in allocations {
        let taken = sqlx::query(TAKE_UNITS)
            .bind(DbUuid(hold.0))
            .bind(segment.resource.as_str())
            .bind(DbTime(segment.busy.starts_at()))
            .bind(DbTime(segment.busy.ends_at()))
            .bind(Json(units))
            .execute(&mut *connection)
            .await?;
        if taken.rows_affected() != u64::from(quantity) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Deletes the occupancy of a hold.
pub(super) async fn delete_occupancy(connection: &mut SqliteConnection, hold: HoldId) -> SqliteResult<()> {
    let query = sqlx::query(occupancy::DELETE).bind(DbUuid(hold.0));
    query.execute(connection).await?;
    Ok(())
}

/// Writes the segments that a hold has from now on.
pub(super) async fn update_segments(
    connection: &mut SqliteConnection,
    hold: HoldId,
    segments: &[Segment],
) -> SqliteResult<()> {
    occupancy::update_segments!(hold, segments)
        .execute(connection)
        .await?;
    Ok(())
}
