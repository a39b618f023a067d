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
    AvailabilityQuery, GroupedQuery, Occupancies, OccupiedColumns, ResourceColumns, decode_availability,
    list_distinct,
};

/// Selects how resources are used (a resource without a row was deleted and has no unit) and what occupies them, as of one moment: a row
/// for each resource of each query, because the service needs longer to decode a row for each window than the server needs to find it.
/// Units with the same window and status are together: in a class that is nearly full, each on its own would cost more than the
/// rest of a checkout.
///
/// `$is_overdue` tells of a hold whether it is overdue; it is null if the hold counts as confirmed. Without `OFFSET 0` the planner would
/// compute it for each of the columns that use it. No subquery becomes a join, so the planner cannot choose a join of whole
/// tables because it expects more rows than there are.
macro_rules! select_occupancy {
    ($is_overdue:literal) => {
        concat!(
            "SELECT w.query, w.id AS resource_id, coalesce((SELECT capacity FROM resources WHERE id = w.id), 0) AS capacity,
                 (SELECT hold_id FROM occupancy WHERE resource_id = w.id
                  ORDER BY resource_id DESC, hold_id DESC LIMIT 1) AS latest,
                 ARRAY(
                     SELECT ROW(lower(t.during), upper(t.during), CASE WHEN t.is_overdue THEN t.hold_id END,
                         array_agg(t.unit), t.is_overdue IS NOT NULL)
                     FROM (SELECT o.unit, o.during, o.hold_id, ",
            $is_overdue,
            " AS is_overdue FROM occupancy o WHERE ",
            occupied!("o.", "w.id", "tstzrange(w.starts_at, w.ends_at)"),
            " AND o.hold_id IS DISTINCT FROM w.moving OFFSET 0) t
                     GROUP BY lower(t.during), upper(t.during), CASE WHEN t.is_overdue THEN t.hold_id END,
                         t.is_overdue IS NOT NULL) AS occupied,
                 ARRAY(
                     SELECT ROW(starts_at, ends_at) FROM blocks
                     WHERE resource_id = w.id AND tstzrange(starts_at, ends_at) && tstzrange(w.starts_at, w.ends_at)) AS blocks,
                 (SELECT coalesce(reaches_to, created_at) FROM calendar_feeds
                  WHERE resource_id = w.id AND coalesce(reaches_to, created_at) < w.ends_at) AS feed_reaches_to
             FROM unnest($1::int[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::uuid[], $6::timestamptz[])
                 AS w (query, id, starts_at, ends_at, moving, now)"
        )
    };
}

const ALL_CONFIRMED: &str = select_occupancy!("NULL::boolean");

/// Also tells which holds may still end at the times `$6`. It looks holds up among the unpaid ones only: the other live ones are
/// confirmed.
const WITH_STATUSES: &str = select_occupancy!(
    "(SELECT h.status = 'held' AND coalesce(h.expires_at <= w.now, false) FROM holds h
      WHERE h.id = o.hold_id AND h.status IN ('held', 'processing'))"
);

/// A start, an end, the overdue hold, units, and whether they are not paid yet.
type OccupiedRow = (
    Option<DateTime<Utc>>,
    Option<DateTime<Utc>>,
    Option<Uuid>,
    Vec<i32>,
    bool,
);

#[derive(sqlx::FromRow)]
struct ResourceRow {
    query: i32,
    resource_id: String,
    capacity: i32,
    latest: Option<Uuid>,
    occupied: Vec<OccupiedRow>,
    blocks: Vec<(DateTime<Utc>, DateTime<Utc>)>,
    feed_reaches_to: Option<DateTime<Utc>>,
}

impl ResourceRow {
    fn into_columns(self) -> ResourceColumns {
        let to_columns = |(from, to, overdue, units, is_unpaid): OccupiedRow| OccupiedColumns {
            window: from.zip(to),
            overdue,
            units: units.into_iter().map(i32::unsigned_abs).collect(),
            is_unpaid,
        };
        ResourceColumns {
            query: usize::try_from(self.query).unwrap_or(usize::MAX),
            resource: self.resource_id,
            capacity: self.capacity.unsigned_abs(),
            latest: self.latest,
            occupied: self.occupied.into_iter().map(to_columns).collect(),
            blocks: self.blocks,
            feed_reaches_to: self.feed_reaches_to,
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
            now.push(query.statuses_at);
        }
    }
    let statement = if queries.iter().any(|query| query.statuses_at.is_some()) {
        WITH_STATUSES
    } else {
        ALL_CONFIRMED
    };
    let select = sqlx::query_as(statement)
        .bind(&numbers)
        .bind(&ids)
        .bind(&from)
        .bind(&to)
        .bind(&moving)
        .bind(&now);
    let rows: Vec<ResourceRow> = select.fetch_all(connection).await?;
    let rows = rows.into_iter().map(ResourceRow::into_columns);
    let found = decode_availability(&distinct, rows)?;
    Ok(of_callers.iter().map(|number| found[*number].clone()).collect())
}
