//! What occupies resources, on SQLite. `placements` decides who gets what is free.

use async_trait::async_trait;
use chrono::serde::ts_milliseconds;
use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use serde_json::{Value, json};
use sqlx::SqliteConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::SqliteStore;
use super::error::SqliteResult;
use crate::domain::availability::Availability;
use crate::domain::catalogue::MAX_BUSY;
use crate::domain::ids::ResourceId;
use crate::domain::time::Window;
use crate::store::StoreError;
use crate::store::availability::{
    AvailabilityQuery, GroupedQuery, Occupancies, OccupiedColumns, ResourceColumns, decode_availability,
    list_distinct,
};
use crate::store::columns::{DbTime, DbUuid};
use crate::store::encoding::deserialize_bool;

/// Selects how resources are used (a resource without a row was deleted and has no unit) and what occupies them, as of one moment: a row
/// for each resource of each query, because passing a row for each window from one thread to another costs more than reading it. Units
/// with the same window and status are together: in a class that is nearly full, each on its own would cost more than the rest of a
/// checkout.
macro_rules! select_occupancy {
    ($occupied:literal) => {
        concat!(
            "WITH w AS MATERIALIZED (
                 SELECT q.value ->> 'query' AS query, r.value AS id, q.value ->> 'from' AS starts_at,
                     q.value ->> 'to' AS ends_at, q.value ->> 'last_end' AS last_end, q.value ->> 'moving' AS moving,
                     q.value ->> 'now' AS now
                 FROM jsonb_each($1) q CROSS JOIN jsonb_each(q.value, '$.resources') r)
             SELECT w.query, w.id AS resource_id,
                 coalesce((SELECT r.capacity FROM resources r WHERE r.id = w.id), 0) AS capacity,
                 (SELECT o.hold_id FROM occupancy o WHERE o.resource_id = w.id
                  ORDER BY o.hold_id DESC LIMIT 1) AS latest,
                 (SELECT json_group_array(json_array(t.starts_at, t.ends_at, t.overdue, json(t.units), t.is_unpaid)) FROM (",
            $occupied,
            ") t) AS occupied,
                 (SELECT json_group_array(json_array(b.starts_at, b.ends_at)) FROM blocks b
                  WHERE b.resource_id = w.id AND b.ends_at > w.starts_at AND b.starts_at < w.ends_at) AS blocks,
                 (SELECT coalesce(f.reaches_to, f.created_at) FROM calendar_feeds f
                  WHERE f.resource_id = w.id AND coalesce(f.reaches_to, f.created_at) < w.ends_at) AS feed_reaches_to
             FROM w"
        )
    };
}

pub(super) const ALL_CONFIRMED: &str = select_occupancy!(
    "SELECT o.starts_at, o.ends_at, NULL AS overdue, json_group_array(o.unit) AS units, 0 AS is_unpaid
     FROM occupancy o
     WHERE o.resource_id = w.id AND o.ends_at > w.starts_at AND o.ends_at < w.last_end AND o.starts_at < w.ends_at
       AND o.hold_id IS NOT w.moving
     GROUP BY o.starts_at, o.ends_at"
);

/// Also tells which holds may still end at the time of each query. It looks holds up among the unpaid ones only, in their small index, which
/// SQLite does not choose by itself: the other live ones are confirmed.
pub(super) const WITH_STATUSES: &str = select_occupancy!(
    "SELECT o.starts_at, o.ends_at,
         CASE WHEN h.status = 'held' AND h.expires_at <= w.now THEN o.hold_id END AS overdue,
         json_group_array(o.unit) AS units, h.status IS NOT NULL AS is_unpaid
     FROM occupancy o LEFT JOIN holds h INDEXED BY holds_unpaid
         ON h.id = o.hold_id AND h.status IN ('held', 'processing')
     WHERE o.resource_id = w.id AND o.ends_at > w.starts_at AND o.ends_at < w.last_end AND o.starts_at < w.ends_at
       AND o.hold_id IS NOT w.moving
     GROUP BY o.starts_at, o.ends_at, overdue, is_unpaid"
);

/// The members of an [`OccupiedColumns`], in the order of the JSON array.
#[derive(serde::Deserialize)]
struct OccupiedRow {
    #[serde(with = "ts_milliseconds")]
    starts_at: DateTime<Utc>,
    #[serde(with = "ts_milliseconds")]
    ends_at: DateTime<Utc>,
    overdue: Option<Uuid>,
    units: Vec<u32>,
    #[serde(deserialize_with = "deserialize_bool")]
    is_unpaid: bool,
}

/// The window of a block, as a JSON array.
#[derive(serde::Deserialize)]
struct BlockRow {
    #[serde(with = "ts_milliseconds")]
    starts_at: DateTime<Utc>,
    #[serde(with = "ts_milliseconds")]
    ends_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct ResourceRow {
    query: u32,
    resource_id: String,
    capacity: u32,
    latest: Option<DbUuid>,
    occupied: Json<Vec<OccupiedRow>>,
    blocks: Json<Vec<BlockRow>>,
    feed_reaches_to: Option<DbTime>,
}

impl ResourceRow {
    fn into_columns(self) -> ResourceColumns {
        let to_columns = |row: OccupiedRow| OccupiedColumns {
            window: Some((row.starts_at, row.ends_at)),
            overdue: row.overdue,
            units: row.units,
            is_unpaid: row.is_unpaid,
        };
        let blocks = self.blocks.0.into_iter();
        ResourceColumns {
            query: usize::try_from(self.query).unwrap_or(usize::MAX),
            resource: self.resource_id,
            capacity: self.capacity,
            latest: self.latest.map(|id| id.0),
            occupied: self.occupied.0.into_iter().map(to_columns).collect(),
            blocks: blocks.map(|block| (block.starts_at, block.ends_at)).collect(),
            feed_reaches_to: self.feed_reaches_to.map(|at| at.0),
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
    let rows: Vec<ResourceRow> = select.fetch_all(connection).await?;
    let rows = rows.into_iter().map(ResourceRow::into_columns);
    let found = decode_availability(&distinct, rows)?;
    Ok(of_callers.iter().map(|number| found[*number].clone()).collect())
}
