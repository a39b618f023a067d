//! Parses and writes the times of day of a schedule.
//!
//! Parsing is strict, so that a typo does not pass.

use chrono::NaiveTime;
use serde::Serializer;

/// The end of a day in responses. Requests may also write `00:00`.
const END_OF_DAY: &str = "24:00";

/// Parses a time of day, exactly `HH:MM`.
fn parse_wall_time(text: &str) -> Option<NaiveTime> {
    let (hour, minute) = text.split_once(':')?;
    let number = |digits: &str| {
        let is_plain = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_digit());
        is_plain.then(|| digits.parse().ok()).flatten()
    };
    NaiveTime::from_hms_opt(number(hour)?, number(minute)?, 0)
}

/// Parses the first open minute, which is before 24:00.
pub(super) fn parse_start_time(text: &str) -> Result<NaiveTime, String> {
    parse_wall_time(text).ok_or_else(|| "must be a time from 00:00 to 23:59".to_owned())
}

/// Parses the first closed minute. Midnight at the end of the day becomes `00:00`, because `NaiveTime` has no 24:00.
pub(super) fn parse_end_time(text: &str) -> Result<NaiveTime, String> {
    let time = if text == END_OF_DAY {
        Some(NaiveTime::MIN)
    } else {
        parse_wall_time(text)
    };
    time.ok_or_else(|| "must be a time from 00:00 to 24:00".to_owned())
}

pub(super) fn parse_optional_start_time(text: Option<String>) -> Result<Option<NaiveTime>, String> {
    text.as_deref().map(parse_start_time).transpose()
}

pub(super) fn parse_optional_end_time(text: Option<String>) -> Result<Option<NaiveTime>, String> {
    text.as_deref().map(parse_end_time).transpose()
}

pub(super) fn serialize_start_time<S: Serializer>(time: &NaiveTime, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&time.format("%H:%M"))
}

pub(super) fn serialize_end_time<S: Serializer>(time: &NaiveTime, to: S) -> Result<S::Ok, S::Error> {
    if *time == NaiveTime::MIN {
        to.serialize_str(END_OF_DAY)
    } else {
        serialize_start_time(time, to)
    }
}

pub(super) fn serialize_optional_start_time<S: Serializer>(
    time: &Option<NaiveTime>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serialize_start_time(time, to),
        None => to.serialize_none(),
    }
}

pub(super) fn serialize_optional_end_time<S: Serializer>(
    time: &Option<NaiveTime>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serialize_end_time(time, to),
        None => to.serialize_none(),
    }
}
