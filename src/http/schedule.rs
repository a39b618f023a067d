//! A schedule as a member of an event type. Requests and responses have the same form, so a response can be sent back.
//!
//! This file checks the values. What a schedule offers is decided in `domain::schedule`.

use std::collections::HashMap;

use chrono::{NaiveDate, NaiveTime, Weekday};
use deserr::{Deserr, ValuePointerRef};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use self::time_text::{
    parse_end_time, parse_optional_end_time, parse_optional_start_time, parse_start_time, serialize_end_time,
    serialize_optional_end_time, serialize_optional_start_time, serialize_start_time,
};
use super::field_errors::FieldErrors;
use super::field_values::{check_between, check_optional_between};
use crate::domain::schedule::{Exception, Hours, MAX_STEP_MINUTES, Schedule};
use crate::domain::zone::{ZoneDatabase, ZoneName};

mod time_text;

const MAX_WEEKLY: usize = 100;
const MAX_EXCEPTIONS: usize = 1_000;
/// The longest notice: a year, in minutes.
const MAX_NOTICE_MINUTES: i64 = 366 * 24 * 60;
const MAX_ADVANCE_DAYS: i64 = 3_660;
const STEP_MINUTES: i64 = 15;

/// When an event type may start.
#[derive(Debug, Deserr, Serialize, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
#[serde(deny_unknown_fields)]
#[schema(as = Schedule)]
pub(super) struct ScheduleMembers {
    /// The time zone of all hours: a name of the IANA time zone database.
    #[schema(example = "Europe/Berlin")]
    timezone: String,
    /// Minutes on the wall clock from one start to the next, counted from the beginning of the hours; 15 if
    /// absent.
    #[deserr(default = STEP_MINUTES, try_from(i64) = check_between::<1, MAX_STEP_MINUTES> -> String)]
    #[schema(required = false, minimum = 1, maximum = 1440)]
    step_minutes: i64,
    /// The fewest minutes from now to a start; 0 if absent.
    #[deserr(default, try_from(i64) = check_between::<0, MAX_NOTICE_MINUTES> -> String)]
    #[schema(required = false, minimum = 0, maximum = 527040)]
    min_notice_minutes: i64,
    /// The most days from now to a start; ten years if absent.
    #[deserr(default, try_from(Option<i64>) = check_optional_between::<1, MAX_ADVANCE_DAYS> -> String)]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1, maximum = 3660)]
    max_advance_days: Option<i64>,
    /// The hours of each week. An event that lasts longer than the hours is not offered in them.
    #[deserr(default, try_from(Vec<HoursMembers>) = check_weekly -> String)]
    #[schema(required = false, max_items = 100)]
    weekly: Vec<HoursMembers>,
    /// Dates whose hours replace the weekly ones. Several exceptions of one date add up.
    #[deserr(default, try_from(Vec<ExceptionMembers>) = check_exceptions -> FieldErrors)]
    #[schema(required = false, max_items = 1000)]
    exceptions: Vec<ExceptionMembers>,
}

/// Open hours on some days of each week.
#[derive(Debug, Deserr, Serialize, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, validate = check_hours -> FieldErrors)]
#[serde(deny_unknown_fields)]
#[schema(as = WeeklyHours)]
struct HoursMembers {
    /// The days on which the hours begin, each named once.
    #[deserr(try_from(Vec<Day>) = check_days -> String)]
    #[schema(min_items = 1, max_items = 7, example = json!(["mon", "tue"]))]
    days: Vec<Day>,
    /// The first open minute.
    #[deserr(try_from(&String) = parse_start_time -> String)]
    #[serde(serialize_with = "serialize_start_time")]
    #[schema(value_type = String, example = "09:00", pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    from: NaiveTime,
    /// The first closed minute, up to 24:00. If it is not after `from`, it is on the next day.
    #[deserr(try_from(&String) = parse_end_time -> String)]
    #[serde(serialize_with = "serialize_end_time")]
    #[schema(value_type = String, example = "17:00", pattern = "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]
    to: NaiveTime,
}

/// A date whose hours replace the weekly ones: `closed`, or open from `from` to `to`.
#[derive(Debug, Deserr, Serialize, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, validate = check_exception -> FieldErrors)]
#[serde(deny_unknown_fields)]
#[schema(as = ScheduleException)]
struct ExceptionMembers {
    /// The date that the exception is for.
    #[schema(value_type = String, format = Date, example = "2026-12-24")]
    date: NaiveDate,
    /// Whether no hours begin on the date.
    #[deserr(default)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    closed: bool,
    /// The first open minute.
    #[deserr(default, try_from(Option<String>) = parse_optional_start_time -> String)]
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "serialize_optional_start_time"
    )]
    #[schema(
        value_type = Option<String>,
        nullable = false,
        example = "10:00",
        pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$"
    )]
    from: Option<NaiveTime>,
    /// The first closed minute, up to 24:00. If it is not after `from`, it is on the next day.
    #[deserr(default, try_from(Option<String>) = parse_optional_end_time -> String)]
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "serialize_optional_end_time"
    )]
    #[schema(
        value_type = Option<String>,
        nullable = false,
        example = "14:00",
        pattern = "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"
    )]
    to: Option<NaiveTime>,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr, Serialize, ToSchema)]
#[deserr(error = FieldErrors, rename_all = lowercase)]
#[serde(rename_all = "lowercase")]
enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// Checks that the database has the time zone of a body's schedule. Comes before the members are parsed, so that all errors
/// are reported at once; parsing reports a name that is missing or no text.
pub(super) fn check_timezone(body: &Value, zones: &ZoneDatabase, errors: &mut FieldErrors) {
    let name = body.pointer("/schedule/timezone").and_then(Value::as_str);
    if name.is_some_and(|name| zones.find(&ZoneName::new(name)).is_none()) {
        let detail = "must be a name of the IANA time zone database, such as Europe/Berlin";
        errors.add("schedule.timezone", detail);
    }
}

fn check_days(days: Vec<Day>) -> Result<Vec<Day>, String> {
    let is_unique = days.iter().enumerate().all(|(n, day)| !days[..n].contains(day));
    if days.is_empty() || !is_unique {
        return Err("must be 1 to 7 days, each once".to_owned());
    }
    Ok(days)
}

fn check_weekly(hours: Vec<HoursMembers>) -> Result<Vec<HoursMembers>, String> {
    if hours.len() > MAX_WEEKLY {
        return Err(format!("must be at most {MAX_WEEKLY} entries"));
    }
    Ok(hours)
}

/// Refuses a date that is closed in one exception and open in another, because one of them would be ignored.
fn check_exceptions(exceptions: Vec<ExceptionMembers>) -> Result<Vec<ExceptionMembers>, FieldErrors> {
    let mut errors = FieldErrors::default();
    if exceptions.len() > MAX_EXCEPTIONS {
        errors.add(
            "schedule.exceptions",
            format_args!("must be at most {MAX_EXCEPTIONS} entries"),
        );
    }
    let mut closed = HashMap::new();
    for (n, exception) in exceptions.iter().enumerate() {
        if *closed.entry(exception.date).or_insert(exception.closed) != exception.closed {
            errors.add(
                &format!("schedule.exceptions[{n}].date"),
                "is closed in one exception and open in another",
            );
        }
    }
    if errors.is_empty() {
        Ok(exceptions)
    } else {
        Err(errors)
    }
}

/// Returns whether hours have no length. From midnight to midnight is a whole day; other equal times are taken for a
/// typo.
fn is_empty_range(from: NaiveTime, to: NaiveTime) -> bool {
    from == to && from != NaiveTime::MIN
}

const EMPTY_RANGE: &str = "must not be the same as from; a whole day is 00:00 to 24:00";

fn check_hours(hours: HoursMembers, location: ValuePointerRef<'_>) -> Result<HoursMembers, FieldErrors> {
    if is_empty_range(hours.from, hours.to) {
        return Err(FieldErrors::at_location(location.push_key("to"), EMPTY_RANGE));
    }
    Ok(hours)
}

fn check_exception(
    exception: ExceptionMembers,
    location: ValuePointerRef<'_>,
) -> Result<ExceptionMembers, FieldErrors> {
    let error = |member, detail| Err(FieldErrors::at_location(location.push_key(member), detail));
    match (exception.closed, exception.from, exception.to) {
        (true, None, None) => Ok(exception),
        (true, ..) => error("closed", "cannot be beside from and to"),
        (false, None, None) => error("closed", "must be true if from and to are not given"),
        (false, None, _) => error("from", "is missing"),
        (false, _, None) => error("to", "is missing"),
        (false, Some(from), Some(to)) if is_empty_range(from, to) => error("to", EMPTY_RANGE),
        (false, Some(_), Some(_)) => Ok(exception),
    }
}

impl From<ScheduleMembers> for Schedule {
    fn from(members: ScheduleMembers) -> Self {
        let hours = |hours: HoursMembers| Hours {
            days: hours.days.into_iter().map(Weekday::from).collect(),
            from: hours.from,
            to: hours.to,
        };
        let exception = |exception: ExceptionMembers| Exception {
            date: exception.date,
            hours: exception.from.zip(exception.to),
        };
        Self {
            timezone: ZoneName::new(members.timezone),
            step_minutes: members.step_minutes,
            min_notice_minutes: members.min_notice_minutes,
            max_advance_days: members.max_advance_days,
            weekly: members.weekly.into_iter().map(hours).collect(),
            exceptions: members.exceptions.into_iter().map(exception).collect(),
        }
    }
}

impl From<&Schedule> for ScheduleMembers {
    fn from(schedule: &Schedule) -> Self {
        let hours = |hours: &Hours| HoursMembers {
            days: hours.days.iter().copied().map(Day::from).collect(),
            from: hours.from,
            to: hours.to,
        };
        let exception = |exception: &Exception| ExceptionMembers {
            date: exception.date,
            closed: exception.hours.is_none(),
            from: exception.hours.map(|(from, _)| from),
            to: exception.hours.map(|(_, to)| to),
        };
        Self {
            timezone: schedule.timezone.to_string(),
            step_minutes: schedule.step_minutes,
            min_notice_minutes: schedule.min_notice_minutes,
            max_advance_days: schedule.max_advance_days,
            weekly: schedule.weekly.iter().map(hours).collect(),
            exceptions: schedule.exceptions.iter().map(exception).collect(),
        }
    }
}

impl From<Day> for Weekday {
    fn from(day: Day) -> Self {
        match day {
            Day::Mon => Self::Mon,
            Day::Tue => Self::Tue,
            Day::Wed => Self::Wed,
            Day::Thu => Self::Thu,
            Day::Fri => Self::Fri,
            Day::Sat => Self::Sat,
            Day::Sun => Self::Sun,
        }
    }
}

impl From<Weekday> for Day {
    fn from(day: Weekday) -> Self {
        match day {
            Weekday::Mon => Self::Mon,
            Weekday::Tue => Self::Tue,
            Weekday::Wed => Self::Wed,
            Weekday::Thu => Self::Thu,
            Weekday::Fri => Self::Fri,
            Weekday::Sat => Self::Sat,
            Weekday::Sun => Self::Sun,
        }
    }
}

#[cfg(test)]
mod tests;
