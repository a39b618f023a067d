//! Between rows and what can be booked: an event type's needs and schedule, and what keeps resources busy. Beside `rows`,
//! for both engines alike; a state is spelled there.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc, Weekday};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::StoreError;
use super::rows::{self, unreadable};
use crate::domain::availability::{Availability, Occupancy, OccupancyStatus, OccupiedBy, ResourceUsage};
use crate::domain::catalogue::{BlockConflict, SegmentTemplate};
use crate::domain::ids::{HoldId, ResourceId};
use crate::domain::schedule::{Exception, Hours, Schedule};
use crate::domain::time::Window;

/// One row of a calendar: how a resource stands, where there is a `capacity`; units that are taken, where there are
/// `units`; else a block.
pub(super) struct CalendarColumns {
    pub(super) resource: String,
    pub(super) window: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// Beside a capacity, the resource's latest; beside units, who has them, where that one is overdue.
    pub(super) hold: Option<Uuid>,
    pub(super) capacity: Option<u32>,
    pub(super) units: Option<Vec<u32>>,
    pub(super) unpaid: bool,
}

/// What one row of a calendar says.
pub(super) enum CalendarEntry {
    Stands(ResourceUsage),
    Is(Occupancy),
}

pub(super) fn calendar_entry(row: CalendarColumns) -> Result<CalendarEntry, StoreError> {
    let resource = rows::resource(&row.resource)?;
    let hold = row.hold.map(HoldId);
    if let Some(capacity) = row.capacity {
        let latest = hold;
        return Ok(CalendarEntry::Stands(ResourceUsage {
            resource,
            capacity,
            latest,
        }));
    }
    let window = window(row.window)?;
    let status = match hold {
        Some(overdue) => OccupancyStatus::Overdue(overdue),
        None if row.unpaid => OccupancyStatus::Unpaid,
        None => OccupancyStatus::Confirmed,
    };
    let by = row
        .units
        .map_or(OccupiedBy::Block, |units| OccupiedBy::Holds { units, status });
    Ok(CalendarEntry::Is(Occupancy { resource, window, by }))
}

/// A live hold beside a block.
pub(super) fn conflict(
    hold: Uuid,
    ends: (DateTime<Utc>, DateTime<Utc>),
    status: &str,
) -> Result<BlockConflict, StoreError> {
    Ok(BlockConflict {
        hold: HoldId(hold),
        window: window(Some(ends))?,
        // Live ones have no reason.
        status: rows::status(status, None)?,
    })
}

fn window(ends: Option<(DateTime<Utc>, DateTime<Utc>)>) -> Result<Window, StoreError> {
    let (from, to) = ends.ok_or_else(|| unreadable("window", "none"))?;
    Window::new(from, to).ok_or_else(|| unreadable("window", &from.to_rfc3339()))
}

pub(super) fn calendar(
    entries: impl Iterator<Item = Result<CalendarEntry, StoreError>>,
) -> Result<Availability, StoreError> {
    let (mut standings, mut busy) = (Vec::new(), Vec::new());
    for entry in entries {
        match entry? {
            CalendarEntry::Stands(one) => standings.push(one),
            CalendarEntry::Is(one) => busy.push(one),
        }
    }
    Ok(Availability::new(standings, busy))
}

#[derive(Serialize, Deserialize)]
struct SegmentTemplateRow {
    offset_minutes: i64,
    duration_minutes: i64,
    any_of: Vec<String>,
}

pub(super) fn needs_json(needs: &[SegmentTemplate]) -> serde_json::Value {
    let row = |need: &SegmentTemplate| {
        serde_json::json!({
            "offset_minutes": need.offset_minutes,
            "duration_minutes": need.duration_minutes,
            "any_of": need.any_of.iter().map(ResourceId::as_str).collect::<Vec<_>>(),
        })
    };
    needs.iter().map(row).collect()
}

pub(super) fn needs(json: serde_json::Value) -> Result<Vec<SegmentTemplate>, StoreError> {
    let found: Vec<SegmentTemplateRow> = serde_json::from_value(json).map_err(|_| unreadable("needs", ""))?;
    let need = |row: SegmentTemplateRow| {
        let any_of = row.any_of.iter().map(|id| rows::resource(id));
        Ok(SegmentTemplate {
            offset_minutes: row.offset_minutes,
            duration_minutes: row.duration_minutes,
            any_of: any_of.collect::<Result<_, StoreError>>()?,
        })
    };
    found.into_iter().map(need).collect()
}

#[derive(Serialize, Deserialize)]
struct ScheduleRow {
    timezone: String,
    step_minutes: i64,
    min_notice_minutes: i64,
    max_advance_days: Option<i64>,
    weekly: Vec<HoursRow>,
    exceptions: Vec<ExceptionRow>,
}

#[derive(Serialize, Deserialize)]
struct HoursRow {
    /// From Monday, 0, on.
    days: Vec<u8>,
    from: NaiveTime,
    to: NaiveTime,
}

#[derive(Serialize, Deserialize)]
struct ExceptionRow {
    date: NaiveDate,
    hours: Option<(NaiveTime, NaiveTime)>,
}

pub(super) fn schedule_json(schedule: &Schedule) -> Result<serde_json::Value, StoreError> {
    let hours = |hours: &Hours| HoursRow {
        days: hours.days.iter().map(|day| *day as u8).collect(),
        from: hours.from,
        to: hours.to,
    };
    let exception = |exception: &Exception| ExceptionRow {
        date: exception.date,
        hours: exception.hours,
    };
    let row = ScheduleRow {
        timezone: schedule.timezone.name().to_owned(),
        step_minutes: schedule.step_minutes,
        min_notice_minutes: schedule.min_notice_minutes,
        max_advance_days: schedule.max_advance_days,
        weekly: schedule.weekly.iter().map(hours).collect(),
        exceptions: schedule.exceptions.iter().map(exception).collect(),
    };
    serde_json::to_value(row).map_err(|error| StoreError::Broken(Box::new(error)))
}

pub(super) fn schedule(json: serde_json::Value) -> Result<Schedule, StoreError> {
    let row: ScheduleRow = serde_json::from_value(json).map_err(|_| unreadable("schedule", ""))?;
    let timezone = row
        .timezone
        .parse()
        .map_err(|_| unreadable("time zone", &row.timezone))?;
    let hours = |row: HoursRow| {
        let day = |day: u8| Weekday::try_from(day).map_err(|_| unreadable("weekday", &day.to_string()));
        Ok(Hours {
            days: row.days.into_iter().map(day).collect::<Result<_, StoreError>>()?,
            from: row.from,
            to: row.to,
        })
    };
    let exception = |row: ExceptionRow| Exception {
        date: row.date,
        hours: row.hours,
    };
    Ok(Schedule {
        timezone,
        step_minutes: row.step_minutes,
        min_notice_minutes: row.min_notice_minutes,
        max_advance_days: row.max_advance_days,
        weekly: row
            .weekly
            .into_iter()
            .map(hours)
            .collect::<Result<_, StoreError>>()?,
        exceptions: row.exceptions.into_iter().map(exception).collect(),
    })
}
