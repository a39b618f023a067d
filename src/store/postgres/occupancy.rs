//! Occupancy on PostgreSQL: the units that a hold takes and gives back. `take_units_statement!` is the one
//! statement that decides who gets a slot (I1): a hold that is placed, one that gets its slot back and one that
//! moves all use it.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::error::PostgresResult;
use crate::domain::ids::HoldId;
use crate::domain::segment::{Allocation, Segment};
use crate::store::columns::DbUuid;
use crate::store::occupancy;

/// Whether a row of occupancy, `$row`, is of resource `$resource` and overlaps `$window`. The index has a number for the resource; the
/// name is compared as an expression, because the planner else reads all windows that the resource ever had (`occupancy_latest`).
macro_rules! occupied {
    ($row:literal, $resource:literal, $window:literal) => {
        concat!(
            "hashtextextended(",
            $row,
            "resource_id, 0) = hashtextextended(",
            $resource,
            ", 0) AND ",
            $row,
            "resource_id || '' = ",
            $resource,
            " AND ",
            $row,
            "during && ",
            $window
        )
    };
}
pub(super) use occupied;

/// Takes units (`$2` resources, `$3` starts, `$4` ends, `$5` units) for holds `$1`, those that are free, provided that `$condition`
/// holds. A lookup found them free; this re-checks the guard, capacities, blocks and how far the calendar feed reaches, which may have changed since. Blocks are counted: with
/// `EXISTS` the planner chose a table scan. It waits for a concurrent request that has not committed, and
/// takes units in one order, so that two checkouts for the same units do not deadlock.
macro_rules! take_units_statement {
    ($condition:literal) => {
        concat!(
            "INSERT INTO occupancy (hold_id, resource_id, unit, during)
         SELECT w.hold_id, w.resource_id, w.unit, w.during
         FROM (SELECT hold_id, resource_id, unit, tstzrange(starts_at, ends_at) AS during
               FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::int[])
                   AS u (hold_id, resource_id, starts_at, ends_at, unit)) w
         WHERE ",
            $condition,
            " AND w.unit <= coalesce((SELECT capacity FROM resources r WHERE r.id = w.resource_id), 1)
           AND (SELECT count(*) FROM blocks b
               WHERE b.resource_id = w.resource_id AND tstzrange(b.starts_at, b.ends_at) && w.during) = 0
           AND (SELECT count(*) FROM calendar_feeds f
               WHERE f.resource_id = w.resource_id AND coalesce(f.reaches_to, f.created_at) < upper(w.during)) = 0
         ORDER BY w.resource_id, w.unit, w.during
         ON CONFLICT DO NOTHING"
        )
    };
}
pub(super) use take_units_statement;

/// Units as columns for `unnest`: which hold takes which unit of which resource from when to when.
#[derive(Default)]
pub(super) struct UnitColumns<'a> {
    pub(super) holds: Vec<Uuid>,
    pub(super) resources: Vec<&'a str>,
    pub(super) starts: Vec<DateTime<Utc>>,
    pub(super) ends: Vec<DateTime<Utc>>,
    pub(super) units: Vec<i32>,
}

impl<'a> UnitColumns<'a> {
    /// Adds the units that a hold takes.
    pub(super) fn add(&mut self, hold: HoldId, allocations: &'a [Allocation]) {
        for Allocation { segment, units } in allocations {
            for unit in units {
                self.holds.push(hold.0);
                self.resources.push(segment.resource.as_str());
                self.starts.push(segment.busy.starts_at());
                self.ends.push(segment.busy.ends_at());
                self.units.push(signed(*unit));
            }
        }
    }
}

/// Counts are small, and PostgreSQL has no unsigned integers.
pub(super) fn signed(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// Takes `quantity` units of each segment. `false` if another hold has some of them: then the caller must roll back.
pub(super) async fn take_units(
    connection: &mut PgConnection,
    hold: HoldId,
    allocations: &[Allocation],
    quantity: u32,
) -> PostgresResult<bool> {
    let mut units = UnitColumns::default();
    units.add(hold, allocations);
    let wanted = allocations.len() as u64 * u64::from(quantity);
    let done = sqlx::query(take_units_statement!("true"))
        .bind(units.holds)
        .bind(units.resources)
        .bind(units.starts)
        .bind(units.ends)
        .bind(units.units)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == wanted)
}

/// Deletes the occupancy of a hold.
pub(super) async fn delete_occupancy(connection: &mut PgConnection, hold: HoldId) -> PostgresResult<()> {
    let query = sqlx::query(occupancy::DELETE).bind(DbUuid(hold.0));
    query.execute(connection).await?;
    Ok(())
}

/// Writes the segments that a hold has from now on.
pub(super) async fn update_segments(
    connection: &mut PgConnection,
    hold: HoldId,
    segments: &[Segment],
) -> PostgresResult<()> {
    occupancy::update_segments!(hold, segments)
        .execute(connection)
        .await?;
    Ok(())
}
