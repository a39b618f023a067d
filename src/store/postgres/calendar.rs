//! What keeps resources busy, as of one moment. Who gets what is free is left to `placing`.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgPool;
use uuid::Uuid;

use super::super::calendar_rows::{self, CalendarColumns, CalendarEntry};
use super::super::{AvailabilityQuery, StoreError};
use super::error::Answer;
use crate::domain::availability::Availability;
use crate::domain::ids::ResourceId;

/// How some resources stand (one that nobody wrote down has one unit) and what keeps them busy, as of one moment: units
/// that are alike in one row, since a row each would cost more than all the rest of a checkout where a class is nearly
/// full. Each `OFFSET 0` is a fence: the planner would join whole tables where it expects more rows than there are.
macro_rules! calendar {
    ($units:literal) => {
        concat!(
            "SELECT w.id AS resource_id, NULL AS starts_at, NULL AS ends_at,
                 (SELECT o.hold_id FROM occupancy o WHERE o.resource_id = w.id
                  ORDER BY o.resource_id DESC, o.hold_id DESC LIMIT 1) AS hold_id,
                 coalesce(r.capacity, 1) AS capacity, NULL AS units, false AS unpaid
             FROM unnest($1) AS w (id) LEFT JOIN resources r ON r.id = w.id
             UNION ALL ",
            $units,
            " UNION ALL
             SELECT w.id, b.starts_at, b.ends_at, NULL, NULL, NULL, false
             FROM unnest($1) AS w (id)
             CROSS JOIN LATERAL (SELECT starts_at, ends_at FROM blocks
                 WHERE resource_id = w.id AND tstzrange(starts_at, ends_at) && tstzrange($2, $3) OFFSET 0) b"
        )
    };
}

const CALENDAR: &str = calendar!(
    "SELECT w.id, lower(o.during), upper(o.during), NULL, NULL, array_agg(o.unit), false
     FROM unnest($1) AS w (id)
     CROSS JOIN LATERAL (SELECT unit, during FROM occupancy
         WHERE resource_id = w.id AND during && tstzrange($2, $3) AND hold_id IS DISTINCT FROM $4 OFFSET 0) o
     GROUP BY w.id, o.during"
);

/// With who may still end. Holds are looked up among the unpaid ones: the rest of the live ones are confirmed.
const CALENDAR_WITH_TENURES: &str = calendar!(
    "SELECT w.id, lower(o.during), upper(o.during),
         CASE WHEN h.status = 'held' AND h.expires_at <= $5 THEN o.hold_id END AS overdue,
         NULL, array_agg(o.unit), h.status IS NOT NULL AS unpaid
     FROM unnest($1) AS w (id)
     CROSS JOIN LATERAL (SELECT hold_id, unit, during FROM occupancy
         WHERE resource_id = w.id AND during && tstzrange($2, $3) AND hold_id IS DISTINCT FROM $4 OFFSET 0) o
     LEFT JOIN LATERAL (SELECT status, expires_at FROM holds
         WHERE id = o.hold_id AND status IN ('held', 'processing') OFFSET 0) h ON true
     GROUP BY w.id, o.during, overdue, unpaid"
);

#[derive(sqlx::FromRow)]
struct CalendarRow {
    resource_id: String,
    starts_at: Option<DateTime<Utc>>,
    ends_at: Option<DateTime<Utc>>,
    hold_id: Option<Uuid>,
    capacity: Option<i32>,
    units: Option<Vec<i32>>,
    unpaid: bool,
}

impl CalendarRow {
    fn read(self) -> Result<CalendarEntry, StoreError> {
        let units = self
            .units
            .map(|units| units.into_iter().map(i32::unsigned_abs).collect());
        calendar_rows::calendar_entry(CalendarColumns {
            resource: self.resource_id,
            window: self.starts_at.zip(self.ends_at),
            hold: self.hold_id,
            capacity: self.capacity.map(i32::unsigned_abs),
            units,
            unpaid: self.unpaid,
        })
    }
}

pub(super) async fn read(pool: &PgPool, question: &AvailabilityQuery<'_>) -> Answer<Availability> {
    let ids: Vec<&str> = question.resources.iter().map(ResourceId::as_str).collect();
    let statement = match question.statuses_at {
        None => CALENDAR,
        Some(_) => CALENDAR_WITH_TENURES,
    };
    let asked = sqlx::query_as(statement)
        .bind(ids)
        .bind(question.within.starts_at())
        .bind(question.within.ends_at())
        .bind(question.moving.map(|hold| hold.0));
    let asked = match question.statuses_at {
        None => asked,
        Some(now) => asked.bind(now),
    };
    let found: Vec<CalendarRow> = asked.fetch_all(pool).await?;
    Ok(calendar_rows::calendar(found.into_iter().map(CalendarRow::read))?)
}
