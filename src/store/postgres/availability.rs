//! What occupies resources, on PostgreSQL. `placements` decides who gets what is free.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::PostgresStore;
use crate::domain::availability::Availability;
use crate::domain::ids::ResourceId;
use crate::store::StoreError;
use crate::store::availability::{AvailabilityQuery, Occupancies, OccupancyColumns, decode_availability};

/// Selects how resources are used (a resource without a row has one unit) and what occupies them, as of one moment.
/// The time that a calendar feed does not reach counts as a block.
/// Units with the same window are one row: in a class that is nearly full, a row for each unit would cost more than the
/// rest of a checkout. Each `OFFSET 0` keeps the planner from joining whole tables, which it does when it expects more
/// rows than there are.
macro_rules! select_occupancy {
    ($units:literal) => {
        concat!(
            "SELECT w.id AS resource_id, NULL AS starts_at, NULL AS ends_at,
                 (SELECT o.hold_id FROM occupancy o WHERE o.resource_id = w.id
                  ORDER BY o.resource_id DESC, o.hold_id DESC LIMIT 1) AS hold_id,
                 coalesce(r.capacity, 1) AS capacity, NULL AS units, false AS is_unpaid
             FROM unnest($1) AS w (id) LEFT JOIN resources r ON r.id = w.id
             UNION ALL ",
            $units,
            " UNION ALL
             SELECT w.id, b.starts_at, b.ends_at, NULL, NULL, NULL, false
             FROM unnest($1) AS w (id)
             CROSS JOIN LATERAL (SELECT starts_at, ends_at FROM blocks
                 WHERE resource_id = w.id AND tstzrange(starts_at, ends_at) && tstzrange($2, $3) OFFSET 0) b
             UNION ALL
             SELECT w.id, f.reaches_to, $3, NULL, NULL, NULL, false
             FROM unnest($1) AS w (id)
             CROSS JOIN LATERAL (SELECT coalesce(reaches_to, created_at) AS reaches_to FROM calendar_feeds
                 WHERE resource_id = w.id AND coalesce(reaches_to, created_at) < $3 OFFSET 0) f"
        )
    };
}

const ALL_CONFIRMED: &str = select_occupancy!(
    "SELECT w.id, lower(o.during), upper(o.during), NULL, NULL, array_agg(o.unit), false
     FROM unnest($1) AS w (id)
     CROSS JOIN LATERAL (SELECT unit, during FROM occupancy
         WHERE resource_id = w.id AND during && tstzrange($2, $3) AND hold_id IS DISTINCT FROM $4 OFFSET 0) o
     GROUP BY w.id, o.during"
);

/// Also tells which holds may still end at `$5`. It looks holds up among the unpaid ones only: the other live ones are
/// confirmed.
const WITH_STATUSES: &str = select_occupancy!(
    "SELECT w.id, lower(o.during), upper(o.during),
         CASE WHEN h.status = 'held' AND h.expires_at <= $5 THEN o.hold_id END AS overdue,
         NULL, array_agg(o.unit), h.status IS NOT NULL AS is_unpaid
     FROM unnest($1) AS w (id)
     CROSS JOIN LATERAL (SELECT hold_id, unit, during FROM occupancy
         WHERE resource_id = w.id AND during && tstzrange($2, $3) AND hold_id IS DISTINCT FROM $4 OFFSET 0) o
     LEFT JOIN LATERAL (SELECT status, expires_at FROM holds
         WHERE id = o.hold_id AND status IN ('held', 'processing') OFFSET 0) h ON true
     GROUP BY w.id, o.during, overdue, is_unpaid"
);

#[derive(sqlx::FromRow)]
struct OccupancyRow {
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
        let ids: Vec<&str> = query.resources.iter().map(ResourceId::as_str).collect();
        let statement = query.statuses_at.map_or(ALL_CONFIRMED, |_| WITH_STATUSES);
        self.retrying(|| async {
            let select = sqlx::query_as(statement)
                .bind(&ids)
                .bind(query.within.starts_at())
                .bind(query.within.ends_at())
                .bind(query.moving.map(|hold| hold.0));
            let select = match query.statuses_at {
                Some(now) => select.bind(now),
                None => select,
            };
            let rows: Vec<OccupancyRow> = select.fetch_all(&self.pool).await?;
            Ok(decode_availability(
                rows.into_iter().map(OccupancyRow::into_columns),
            )?)
        })
        .await
    }
}
