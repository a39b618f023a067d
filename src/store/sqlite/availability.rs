//! What occupies resources, on SQLite. `placements` decides who gets what is free.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use serde_json::{Value, json};
use sqlx::SqliteConnection;
use sqlx::types::Json;

use super::SqliteStore;
use super::error::SqliteResult;
use crate::domain::availability::Availability;
use crate::domain::catalogue::MAX_BUSY;
use crate::domain::ids::ResourceId;
use crate::domain::time::Window;
use crate::store::StoreError;
use crate::store::availability::{
    AvailabilityQuery, GroupedQuery, Occupancies, OccupancyColumns, decode_availability, list_distinct,
};
use crate::store::columns::{DbTime, DbUuid};

/// Selects how resources are used (a resource without a row was deleted and has no unit) and what occupies them, as of one moment.
/// The time that a calendar feed does not reach counts as a block.
/// Units with the same window are one row: in a class that is nearly full, a row for each unit would cost more than the
/// rest of a checkout.
macro_rules! select_occupancy {
    ($units:literal) => {
        concat!(
            "WITH w AS MATERIALIZED (
                 SELECT q.value ->> 'query' AS query, r.value AS id, q.value ->> 'from' AS starts_at,
                     q.value ->> 'to' AS ends_at, q.value ->> 'last_end' AS last_end, q.value ->> 'moving' AS moving,
                     q.value ->> 'now' AS now
                 FROM jsonb_each($1) q CROSS JOIN jsonb_each(q.value, '$.resources') r)
             SELECT w.query, w.id AS resource_id, NULL AS starts_at, NULL AS ends_at,
                 (SELECT o.hold_id FROM occupancy o WHERE o.resource_id = w.id
                  ORDER BY o.hold_id DESC LIMIT 1) AS hold_id,
                 coalesce(r.capacity, 0) AS capacity, NULL AS units, 0 AS is_unpaid
             FROM w LEFT JOIN resources r ON r.id = w.id
             UNION ALL ",
            $units,
            " UNION ALL
             SELECT w.query, b.resource_id, b.starts_at, b.ends_at, NULL, NULL, NULL, 0
             FROM w CROSS JOIN blocks b
             WHERE b.resource_id = w.id AND b.ends_at > w.starts_at AND b.starts_at < w.ends_at
             UNION ALL
             SELECT w.query, f.resource_id, coalesce(f.reaches_to, f.created_at), w.ends_at, NULL, NULL, NULL, 0
             FROM w CROSS JOIN calendar_feeds f
             WHERE f.resource_id = w.id AND coalesce(f.reaches_to, f.created_at) < w.ends_at"
        )
    };
}

pub(super) const ALL_CONFIRMED: &str = select_occupancy!(
    "SELECT w.query, o.resource_id, o.starts_at, o.ends_at, NULL, NULL, json_group_array(o.unit), 0
     FROM w CROSS JOIN occupancy o
     WHERE o.resource_id = w.id AND o.ends_at > w.starts_at AND o.ends_at < w.last_end AND o.starts_at < w.ends_at
       AND o.hold_id IS NOT w.moving
     GROUP BY w.query, o.resource_id, o.starts_at, o.ends_at"
);

/// Also tells which holds may still end at the time of each query. It looks holds up among the unpaid ones only, in their small index, which
/// SQLite does not choose by itself: the other live ones are confirmed.
pub(super) const WITH_STATUSES: &str = select_occupancy!(
    "SELECT w.query, o.resource_id, o.starts_at, o.ends_at,
         CASE WHEN h.status = 'held' AND h.expires_at <= w.now THEN o.hold_id END AS overdue,
         NULL, json_group_array(o.unit), h.status IS NOT NULL AS is_unpaid
     FROM w CROSS JOIN occupancy o LEFT JOIN holds h INDEXED BY holds_unpaid
         ON h.id = o.hold_id AND h.status IN ('held', 'processing')
     WHERE o.resource_id = w.id AND o.ends_at > w.starts_at AND o.ends_at < w.last_end AND o.starts_at < w.ends_at
       AND o.hold_id IS NOT w.moving
     GROUP BY w.query, o.resource_id, o.starts_at, o.ends_at, overdue, is_unpaid"
);

#[derive(sqlx::FromRow)]
struct OccupancyRow {
    query: u32,
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
            query: usize::try_from(self.query).unwrap_or(usize::MAX),
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
        let reads = &self.groups.reads;
        // With statuses it is another statement.
        let groups = match query.statuses_at {
            None => &reads.occupancies,
            Some(_) => &reads.occupancies_with_statuses,
        };
        self.read_in_group(groups, query.into(), |connection, queries| {
            load_all(connection, queries).boxed()
        })
        .await
    }
}

/// What overlaps a window ends before this: no row that ends later need be read.
pub(super) fn last_end_of_overlap(window: Window) -> DateTime<Utc> {
    window.ends_at() + MAX_BUSY
}

/// Reads the availability for queries that either all ask for statuses, or none does.
pub(super) async fn load_all(
    connection: &mut SqliteConnection,
    queries: &[GroupedQuery],
) -> SqliteResult<Vec<Availability>> {
    let (distinct, of_callers) = list_distinct(queries);
    let encode = |(number, query): (usize, &&GroupedQuery)| {
        let ids: Vec<&str> = query.resources.iter().map(ResourceId::as_str).collect();
        json!({
            "query": number,
            "resources": ids,
            "from": query.within.starts_at().timestamp_millis(),
            "to": query.within.ends_at().timestamp_millis(),
            "last_end": last_end_of_overlap(query.within).timestamp_millis(),
            "moving": query.moving.map(|hold| hold.0),
            "now": query.statuses_at.map(|now| now.timestamp_millis()),
        })
    };
    let encoded: Vec<Value> = distinct.iter().enumerate().map(encode).collect();
    let with_statuses = queries.iter().any(|query| query.statuses_at.is_some());
    let statement = if with_statuses {
        WITH_STATUSES
    } else {
        ALL_CONFIRMED
    };
    let select = sqlx::query_as(statement).bind(Json(encoded));
    let rows: Vec<OccupancyRow> = select.fetch_all(connection).await?;
    let rows = rows.into_iter().map(OccupancyRow::into_columns);
    let found = decode_availability(distinct.len(), rows)?;
    Ok(of_callers.iter().map(|number| found[*number].clone()).collect())
}
