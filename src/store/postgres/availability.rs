//! What occupies resources, on PostgreSQL. `placements` decides who gets what is free.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::PostgresStore;
use super::error::PostgresResult;
use super::occupancy::occupied;
use crate::domain::availability::Availability;
use crate::store::StoreError;
use crate::store::availability::{
    AvailabilityQuery, GroupedQuery, Occupancies, OccupancyColumns, decode_availability, list_distinct,
};

/// Selects how resources are used (a resource without a row was deleted and has no unit) and what occupies them, as of one moment.
/// The time that a calendar feed does not reach counts as a block.
/// Units with the same window are one row: in a class that is nearly full, a row for each unit would cost more than the
/// rest of a checkout. Each `OFFSET 0` keeps the planner from joining whole tables, which it does when it expects more
/// rows than there are.
macro_rules! select_occupancy {
    ($($units:expr),+) => {
        concat!(
            "SELECT w.query, w.id AS resource_id, NULL AS starts_at, NULL AS ends_at,
                 (SELECT o.hold_id FROM occupancy o WHERE o.resource_id = w.id
                  ORDER BY o.resource_id DESC, o.hold_id DESC LIMIT 1) AS hold_id,
                 coalesce(r.capacity, 0) AS capacity, NULL AS units, false AS is_unpaid
             FROM unnest($1::int[], $2::text[]) AS w (query, id) LEFT JOIN resources r ON r.id = w.id
             UNION ALL ",
            $($units,)+
            " UNION ALL
             SELECT w.query, w.id, b.starts_at, b.ends_at, NULL, NULL, NULL, false
             FROM unnest($1::int[], $2::text[], $3::timestamptz[], $4::timestamptz[]) AS w (query, id, starts_at, ends_at)
             CROSS JOIN LATERAL (SELECT starts_at, ends_at FROM blocks
                 WHERE resource_id = w.id AND tstzrange(starts_at, ends_at) && tstzrange(w.starts_at, w.ends_at) OFFSET 0) b
             UNION ALL
             SELECT w.query, w.id, f.reaches_to, w.ends_at, NULL, NULL, NULL, false
             FROM unnest($1::int[], $2::text[], $4::timestamptz[]) AS w (query, id, ends_at)
             CROSS JOIN LATERAL (SELECT coalesce(reaches_to, created_at) AS reaches_to FROM calendar_feeds
                 WHERE resource_id = w.id AND coalesce(reaches_to, created_at) < w.ends_at OFFSET 0) f"
        )
    };
}

const ALL_CONFIRMED: &str = select_occupancy!(
    "SELECT w.query, w.id, lower(o.during), upper(o.during), NULL, NULL, array_agg(o.unit), false
     FROM unnest($1::int[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::uuid[])
         AS w (query, id, starts_at, ends_at, moving)
     CROSS JOIN LATERAL (SELECT unit, during FROM occupancy
         WHERE ",
    occupied!("", "w.id", "tstzrange(w.starts_at, w.ends_at)"),
    " AND hold_id IS DISTINCT FROM w.moving
         OFFSET 0) o
     GROUP BY w.query, w.id, o.during"
);

/// Also tells which holds may still end at the times `$6`. It looks holds up among the unpaid ones only: the other live ones are
/// confirmed.
const WITH_STATUSES: &str = select_occupancy!(
    "SELECT w.query, w.id, lower(o.during), upper(o.during),
         CASE WHEN h.status = 'held' AND h.expires_at <= w.now THEN o.hold_id END AS overdue,
         NULL, array_agg(o.unit), h.status IS NOT NULL AS is_unpaid
     FROM unnest($1::int[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::uuid[], $6::timestamptz[])
         AS w (query, id, starts_at, ends_at, moving, now)
     CROSS JOIN LATERAL (SELECT hold_id, unit, during FROM occupancy
         WHERE ",
    occupied!("", "w.id", "tstzrange(w.starts_at, w.ends_at)"),
    " AND hold_id IS DISTINCT FROM w.moving
         OFFSET 0) o
     LEFT JOIN LATERAL (SELECT status, expires_at FROM holds
         WHERE id = o.hold_id AND status IN ('held', 'processing') OFFSET 0) h ON true
     GROUP BY w.query, w.id, o.during, overdue, is_unpaid"
);

#[derive(sqlx::FromRow)]
struct OccupancyRow {
    query: i32,
    resource_id: String,
    starts_at: Option<DateTime<Utc>>,
    ends_at: Option<DateTime<Utc>>,
    hold_id: Option<Uuid>,
    capacity: Option<i32>,
    units: Option<Vec<i32>>,
    is_unpaid: bool,
}

impl OccupancyRow {
    fn into_columns(self) -> OccupancyColumns {
        let unsigned = |units: Vec<i32>| units.into_iter().map(i32::unsigned_abs).collect();
        OccupancyColumns {
            query: usize::try_from(self.query).unwrap_or(usize::MAX),
            resource: self.resource_id,
            window: self.starts_at.zip(self.ends_at),
            hold: self.hold_id,
            capacity: self.capacity.map(i32::unsigned_abs),
            units: self.units.map(unsigned),
            is_unpaid: self.is_unpaid,
        }
    }
}

#[async_trait]
impl Occupancies for PostgresStore {
    async fn load_availability(&self, query: &AvailabilityQuery<'_>) -> Result<Availability, StoreError> {
        let groups = &self.groups;
        // With statuses it is another statement.
        let groups = match query.statuses_at {
            None => &groups.reads.occupancies,
            Some(_) => &groups.reads.occupancies_with_statuses,
        };
        self.read_in_group(groups, query.into(), |connection, queries| {
            load_all(connection, queries).boxed()
        })
        .await
    }
}

/// Reads the availability for queries that either all ask for statuses, or none does.
pub(super) async fn load_all(
    connection: &mut PgConnection,
    queries: &[GroupedQuery],
) -> PostgresResult<Vec<Availability>> {
    let (distinct, of_callers) = list_distinct(queries);
    let (mut numbers, mut ids, mut from, mut to) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut moving, mut now) = (Vec::new(), Vec::new());
    for (number, query) in distinct.iter().enumerate() {
        for resource in &query.resources {
            numbers.push(i32::try_from(number).unwrap_or(i32::MAX));
            ids.push(resource.as_str());
            from.push(query.within.starts_at());
            to.push(query.within.ends_at());
            moving.push(query.moving.map(|hold| hold.0));
            now.extend(query.statuses_at);
        }
    }
    let statement = if now.is_empty() {
        ALL_CONFIRMED
    } else {
        WITH_STATUSES
    };
    let select = sqlx::query_as(statement)
        .bind(&numbers)
        .bind(&ids)
        .bind(&from)
        .bind(&to)
        .bind(&moving);
    let select = if now.is_empty() { select } else { select.bind(&now) };
    let rows: Vec<OccupancyRow> = select.fetch_all(connection).await?;
    let rows = rows.into_iter().map(OccupancyRow::into_columns);
    let found = decode_availability(distinct.len(), rows)?;
    Ok(of_callers.iter().map(|number| found[*number].clone()).collect())
}
