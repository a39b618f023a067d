//! Occupancy on SQLite: the units that a hold takes and gives back. `take_units_statement!` is the one statement that decides
//! who gets a slot (I1): a hold that is placed, one that gets its slot back and one that moves all use it.

use serde_json::{Value, json};
use sqlx::SqliteConnection;
use sqlx::types::Json;

use super::error::SqliteResult;
use crate::domain::ids::HoldId;
use crate::domain::segment::{Allocation, Segment};
use crate::store::columns::DbUuid;
use crate::store::occupancy;

/// Takes the units in JSON `$units`, those that are free and for which `$condition` holds. A lookup found them free; this
/// re-checks capacities, overlaps, blocks and how far the calendar feed reaches, which may have changed since. SQLite has no exclusion
/// constraint, so triggers refuse an overlap as the last guard. Windows of one unit do not overlap, so that only the first one that ends
/// after the start can overlap: a unit may have thousands after it.
macro_rules! take_units_statement {
    ($units:literal, $condition:literal) => {
        concat!(
            "WITH w AS MATERIALIZED (
         SELECT l.value ->> 'hold' AS hold_id, l.value ->> 'limits' AS limits, l.value ->> 'resource' AS resource_id,
             u.value AS unit, l.value ->> 'from' AS starts_at, l.value ->> 'to' AS ends_at
         FROM jsonb_each(",
            $units,
            ") l CROSS JOIN jsonb_each(l.value, '$.units') u)
     INSERT INTO occupancy (hold_id, resource_id, unit, starts_at, ends_at)
     SELECT w.hold_id, w.resource_id, w.unit, w.starts_at, w.ends_at FROM w
     WHERE ",
            $condition,
            " AND w.unit <= coalesce((SELECT r.capacity FROM resources r WHERE r.id = w.resource_id), 1)
       AND coalesce(w.ends_at <= (
           SELECT o.starts_at FROM occupancy o
           WHERE o.resource_id = w.resource_id AND o.unit = w.unit AND o.ends_at > w.starts_at
           ORDER BY o.ends_at LIMIT 1), TRUE)
       AND NOT EXISTS (
           SELECT 1 FROM blocks b
           WHERE b.resource_id = w.resource_id AND b.ends_at > w.starts_at AND b.starts_at < w.ends_at)
       AND NOT EXISTS (
           SELECT 1 FROM calendar_feeds f
           WHERE f.resource_id = w.resource_id AND coalesce(f.reaches_to, f.created_at) < w.ends_at)
     RETURNING hold_id"
        )
    };
}
pub(super) use take_units_statement;

/// Takes the units in JSON `$1`.
pub(super) const TAKE_UNITS: &str = take_units_statement!("$1", "TRUE");

/// Units in the JSON that the statement takes: which hold takes which of them.
pub(super) fn encode_units(
    hold: HoldId,
    limits: usize,
    allocations: &[Allocation],
) -> impl Iterator<Item = Value> {
    allocations.iter().map(move |Allocation { segment, units }| {
        json!({
            "hold": hold.0,
            "limits": limits,
            "resource": segment.resource.as_str(),
            "from": segment.busy.starts_at().timestamp_millis(),
            "to": segment.busy.ends_at().timestamp_millis(),
            "units": units,
        })
    })
}

/// Takes `quantity` units of each segment. `false` if another hold has some of them: then the caller must roll back.
pub(super) async fn take_units(
    connection: &mut SqliteConnection,
    hold: HoldId,
    allocations: &[Allocation],
    quantity: u32,
) -> SqliteResult<bool> {
    let quantity = usize::try_from(quantity).unwrap_or(usize::MAX);
    let units: Vec<Value> = encode_units(hold, 0, allocations).collect();
    let query = sqlx::query(TAKE_UNITS).bind(Json(units));
    let taken = query.fetch_all(connection).await?.len();
    Ok(taken == allocations.len().saturating_mul(quantity))
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
