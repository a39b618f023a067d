//! Segment templates and schedules as JSON, as the `event_types` table stores them.

use chrono::{NaiveDate, NaiveTime, Weekday};
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::encoding::{self, unreadable_column};
use crate::domain::catalogue::SegmentTemplate;
use crate::domain::ids::ResourceId;
use crate::domain::schedule::{Exception, Hours, Schedule};
use crate::domain::zone::ZoneName;

#[derive(Serialize, Deserialize)]
struct SegmentTemplateRow {
    offset_minutes: i64,
    duration_minutes: i64,
    any_of: Vec<String>,
}

pub(super) fn encode_segment_templates(templates: &[SegmentTemplate]) -> serde_json::Value {
    let row = |template: &SegmentTemplate| {
        serde_json::json!({
            "offset_minutes": template.offset_minutes,
            "duration_minutes": template.duration_minutes,
            "any_of": template.any_of.iter().map(ResourceId::as_str).collect::<Vec<_>>(),
        })
    };
    templates.iter().map(row).collect()
}

pub(super) fn decode_segment_templates(json: serde_json::Value) -> Result<Vec<SegmentTemplate>, StoreError> {
    let found: Vec<SegmentTemplateRow> =
        serde_json::from_value(json).map_err(|_| unreadable_column("segments", ""))?;
    let decode = |row: SegmentTemplateRow| {
        let any_of = row.any_of.iter().map(|id| encoding::decode_resource_id(id));
        Ok(SegmentTemplate {
            offset_minutes: row.offset_minutes,
            duration_minutes: row.duration_minutes,
            any_of: any_of.collect::<Result<_, StoreError>>()?,
        })
    };
    found.into_iter().map(decode).collect()
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
    /// The days of the week, where Monday is 0.
    days: Vec<u8>,
    from: NaiveTime,
    to: NaiveTime,
}

#[derive(Serialize, Deserialize)]
struct ExceptionRow {
    date: NaiveDate,
    hours: Option<(NaiveTime, NaiveTime)>,
}

fn encode_schedule(schedule: &Schedule) -> Result<serde_json::Value, StoreError> {
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
        timezone: schedule.timezone.to_string(),
        step_minutes: schedule.step_minutes,
        min_notice_minutes: schedule.min_notice_minutes,
        max_advance_days: schedule.max_advance_days,
        weekly: schedule.weekly.iter().map(hours).collect(),
        exceptions: schedule.exceptions.iter().map(exception).collect(),
    };
    serde_json::to_value(row).map_err(|error| StoreError::Broken(Box::new(error)))
}

/// An optional schedule as JSON.
pub(super) fn encode_optional_schedule(
    schedule: Option<&Schedule>,
) -> Result<Option<serde_json::Value>, StoreError> {
    schedule.map(encode_schedule).transpose()
}

pub(super) fn decode_schedule(json: serde_json::Value) -> Result<Schedule, StoreError> {
    let row: ScheduleRow = serde_json::from_value(json).map_err(|_| unreadable_column("schedule", ""))?;
    let hours = |row: HoursRow| {
        let day =
            |day: u8| Weekday::try_from(day).map_err(|_| unreadable_column("weekday", &day.to_string()));
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
        timezone: ZoneName::new(row.timezone),
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
