//! Parses the durations that variables have, and the schedule of the sweep.

use std::ops::RangeInclusive;
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);
const LONGEST: Duration = Duration::from_hours(3650 * 24);

pub(super) fn parse_hold_ttl(text: &str) -> Result<Duration, &'static str> {
    let range = Duration::from_secs(1)..=Duration::from_hours(23);
    parse_duration(text, range).ok_or("must be a duration from 1s to 23h, such as 30m")
}

/// Parses how long the sweep leaves something alone: at least a minute, because a sweep runs far more often than it
/// should act.
pub(super) fn parse_period(text: &str) -> Result<Duration, &'static str> {
    let range = Duration::from_mins(1)..=LONGEST;
    parse_duration(text, range).ok_or("must be a duration from 1m to 3650d, such as 30d")
}

/// Parses how long something is kept that must not be deleted soon.
pub(super) fn parse_long_period(text: &str) -> Result<Duration, &'static str> {
    let range = 90 * DAY..=LONGEST;
    parse_duration(text, range).ok_or("must be a duration from 90d to 3650d, such as 400d")
}

/// Parses how long a client waits after too many lapses.
pub(super) fn parse_cooldown(text: &str) -> Result<Duration, &'static str> {
    let range = Duration::ZERO..=Duration::from_hours(24);
    parse_duration(text, range).ok_or("must be a duration from 0s to 24h, such as 15m")
}

fn parse_duration(text: &str, range: RangeInclusive<Duration>) -> Option<Duration> {
    humantime::parse_duration(text)
        .ok()
        .filter(|given| range.contains(given))
}

pub(super) fn check_cron(text: &str) -> Result<String, &'static str> {
    let detail = "must be a schedule of six fields, seconds first, such as */10 * * * * *";
    if text.split_whitespace().count() != 6 {
        return Err(detail);
    }
    tokio_cron_scheduler::Job::new(text, |_, _| {})
        .map(|_| text.to_owned())
        .map_err(|_| detail)
}
