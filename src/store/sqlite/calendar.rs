//! What keeps resources busy, as of one moment. Who gets what is free is left to `placing`.

use sqlx::types::Json;
use uuid::fmt::Hyphenated;

use super::SqliteStore;
use super::error::Answer;
use crate::domain::availability::Availability;
use crate::domain::ids::ResourceId;
use crate::store::calendar_rows::{self, CalendarColumns, CalendarEntry};
use crate::store::{AvailabilityQuery, StoreError, rows};

/// How some resources stand (one that nobody wrote down has one unit) and what keeps them busy, as of one moment: units
/// that are alike in one row, since a row each would cost more than all the rest of a checkout where a class is nearly
/// full.
macro_rules! calendar {
    ($units:literal) => {
        concat!(
            "SELECT w.value AS resource_id, NULL AS starts_at, NULL AS ends_at,
                    (SELECT o.hold_id FROM occupancy o WHERE o.resource_id = w.value
                      ORDER BY o.hold_id DESC LIMIT 1) AS hold_id,
                    coalesce(r.capacity, 1) AS capacity, NULL AS units, 0 AS unpaid
               FROM json_each(?1) w LEFT JOIN resources r ON r.id = w.value
             UNION ALL ",
            $units,
            " UNION ALL
             SELECT b.resource_id, b.starts_at, b.ends_at, NULL, NULL, NULL, 0
               FROM blocks b
              WHERE b.resource_id IN (SELECT value FROM json_each(?1)) AND b.ends_at > ?2 AND b.starts_at < ?3"
        )
    };
}

pub(super) const CALENDAR: &str = calendar!(
    "SELECT o.resource_id, o.starts_at, o.ends_at, NULL, NULL, json_group_array(o.unit), 0
       FROM occupancy o
      WHERE o.resource_id IN (SELECT value FROM json_each(?1)) AND o.ends_at > ?2 AND o.starts_at < ?3
        AND o.hold_id IS NOT ?4
      GROUP BY o.resource_id, o.starts_at, o.ends_at"
);

/// With who may still end. Holds are looked up among the unpaid ones, in their small index, which SQLite would not choose
/// by itself: the rest of the live ones are confirmed.
pub(super) const CALENDAR_WITH_TENURES: &str = calendar!(
    "SELECT o.resource_id, o.starts_at, o.ends_at,
            CASE WHEN h.status = 'held' AND h.expires_at <= ?5 THEN o.hold_id END AS overdue,
            NULL, json_group_array(o.unit), h.status IS NOT NULL AS unpaid
       FROM occupancy o LEFT JOIN holds h INDEXED BY holds_unpaid
              ON h.id = o.hold_id AND h.status IN ('held', 'processing')
      WHERE o.resource_id IN (SELECT value FROM json_each(?1)) AND o.ends_at > ?2 AND o.starts_at < ?3
        AND o.hold_id IS NOT ?4
      GROUP BY o.resource_id, o.starts_at, o.ends_at, overdue, unpaid"
);

#[derive(sqlx::FromRow)]
struct CalendarRow {
    resource_id: String,
    starts_at: Option<i64>,
    ends_at: Option<i64>,
    hold_id: Option<Hyphenated>,
    capacity: Option<u32>,
    units: Option<Json<Vec<u32>>>,
    unpaid: bool,
}

impl CalendarRow {
    fn read(self) -> Result<CalendarEntry, StoreError> {
        let starts_at = self.starts_at.map(rows::instant).transpose()?;
        let ends_at = self.ends_at.map(rows::instant).transpose()?;
        calendar_rows::calendar_entry(CalendarColumns {
            resource: self.resource_id,
            window: starts_at.zip(ends_at),
            hold: self.hold_id.map(Hyphenated::into_uuid),
            capacity: self.capacity,
            units: self.units.map(|units| units.0),
            unpaid: self.unpaid,
        })
    }
}

pub(super) async fn read(store: &SqliteStore, question: &AvailabilityQuery<'_>) -> Answer<Availability> {
    let ids: Vec<&str> = question.resources.iter().map(ResourceId::as_str).collect();
    let statement = match question.statuses_at {
        None => CALENDAR,
        Some(_) => CALENDAR_WITH_TENURES,
    };
    let asked = sqlx::query_as::<_, CalendarRow>(statement)
        .bind(Json(ids))
        .bind(question.within.starts_at().timestamp_millis())
        .bind(question.within.ends_at().timestamp_millis())
        .bind(question.moving.map(|hold| hold.0.hyphenated()));
    let asked = match question.statuses_at {
        None => asked,
        Some(now) => asked.bind(now.timestamp_millis()),
    };
    let found = store.read(asked.fetch_all(&store.readers)).await?;
    Ok(calendar_rows::calendar(found.into_iter().map(CalendarRow::read))?)
}
