//! What occupies resources, on SQLite. `placements` decides who gets what is free.

use async_trait::async_trait;
use sqlx::types::Json;

use super::SqliteStore;
use crate::domain::availability::Availability;
use crate::domain::ids::ResourceId;
use crate::store::StoreError;
use crate::store::availability::{AvailabilityQuery, Occupancies, OccupancyColumns, decode_availability};
use crate::store::columns::{DbTime, DbUuid};

/// Selects how resources are used (a resource without a row has one unit) and what occupies them, as of one moment.
/// The time that a calendar feed does not reach counts as a block.
/// Units with the same window are one row: in a class that is nearly full, a row for each unit would cost more than the
/// rest of a checkout.
macro_rules! select_occupancy {
    ($units:literal) => {
        concat!(
            "SELECT w.value AS resource_id, NULL AS starts_at, NULL AS ends_at,
                 (SELECT o.hold_id FROM occupancy o WHERE o.resource_id = w.value
                  ORDER BY o.hold_id DESC LIMIT 1) AS hold_id,
                 coalesce(r.capacity, 1) AS capacity, NULL AS units, 0 AS is_unpaid
             FROM json_each($1) w LEFT JOIN resources r ON r.id = w.value
             UNION ALL ",
            $units,
            " UNION ALL
             SELECT b.resource_id, b.starts_at, b.ends_at, NULL, NULL, NULL, 0
             FROM blocks b
             WHERE b.resource_id IN (SELECT value FROM json_each($1)) AND b.ends_at > $2 AND b.starts_at < $3
             UNION ALL
             SELECT f.resource_id, coalesce(f.reaches_to, f.created_at), $3, NULL, NULL, NULL, 0
             FROM calendar_feeds f
             WHERE f.resource_id IN (SELECT value FROM json_each($1)) AND coalesce(f.reaches_to, f.created_at) < $3"
        )
    };
}

pub(super) const ALL_CONFIRMED: &str = select_occupancy!(
    "SELECT o.resource_id, o.starts_at, o.ends_at, NULL, NULL, json_group_array(o.unit), 0
     FROM occupancy o
     WHERE o.resource_id IN (SELECT value FROM json_each($1)) AND o.ends_at > $2 AND o.starts_at < $3
       AND o.hold_id IS NOT $4
     GROUP BY o.resource_id, o.starts_at, o.ends_at"
);

/// Also tells which holds may still end at `$5`. It looks holds up among the unpaid ones only, in their small index, which
/// SQLite does not choose by itself: the other live ones are confirmed.
pub(super) const WITH_STATUSES: &str = select_occupancy!(
    "SELECT o.resource_id, o.starts_at, o.ends_at,
         CASE WHEN h.status = 'held' AND h.expires_at <= $5 THEN o.hold_id END AS overdue,
         NULL, json_group_array(o.unit), h.status IS NOT NULL AS is_unpaid
     FROM occupancy o LEFT JOIN holds h INDEXED BY holds_unpaid
         ON h.id = o.hold_id AND h.status IN ('held', 'processing')
     WHERE o.resource_id IN (SELECT value FROM json_each($1)) AND o.ends_at > $2 AND o.starts_at < $3
       AND o.hold_id IS NOT $4
     GROUP BY o.resource_id, o.starts_at, o.ends_at, overdue, is_unpaid"
);

#[derive(sqlx::FromRow)]
struct OccupancyRow {
    resource_id: String,
    starts_at: Option<DbTime>,
    ends_at: Option<DbTime>,
    hold_id: Option<DbUuid>,
    capacity: Option<u32>,
    units: Option<Json<Vec<u32>>>,
    is_unpaid: bool,
}

impl OccupancyRow {
    fn into_columns(self) -> OccupancyColumns {
        let window = self.starts_at.zip(self.ends_at);
        OccupancyColumns {
            resource: self.resource_id,
            window: window.map(|(starts_at, ends_at)| (starts_at.0, ends_at.0)),
            hold: self.hold_id.map(|id| id.0),
            capacity: self.capacity,
            units: self.units.map(|units| units.0),
            is_unpaid: self.is_unpaid,
        }
    }
}

#[async_trait]
impl Occupancies for SqliteStore {
    async fn load_availability(&self, query: &AvailabilityQuery<'_>) -> Result<Availability, StoreError> {
        let ids: Vec<&str> = query.resources.iter().map(ResourceId::as_str).collect();
        let statement = query.statuses_at.map_or(ALL_CONFIRMED, |_| WITH_STATUSES);
        let select = sqlx::query_as(statement)
            .bind(Json(ids))
            .bind(DbTime(query.within.starts_at()))
            .bind(DbTime(query.within.ends_at()))
            .bind(query.moving.map(|hold| DbUuid(hold.0)));
        let select = match query.statuses_at {
            Some(now) => select.bind(DbTime(now)),
            None => select,
        };
        let rows: Vec<OccupancyRow> = self.read(select.fetch_all(&self.readers)).await?;
        decode_availability(rows.into_iter().map(OccupancyRow::into_columns))
    }
}
