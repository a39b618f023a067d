//! One event of a feed: its start, its length, its recurrence rules, and whether it makes anybody busy.

use std::collections::HashSet;

use chrono::{DateTime, Days, Duration, NaiveDate, Utc};

use super::error::FeedEventError;
use super::lines::{Component, ContentLine};
use super::values::{NominalLength, parse_date, parse_date_time, parse_duration};
use super::vtimezone::FeedZones;
use super::zone::{Zone, ZonedTime};
use crate::domain::time::Window;

/// The longest id in bytes, because each busy time has a copy of it.
const MAX_UID_BYTES: usize = 1_000;

/// The longest accepted event, in days. A longer one is not an appointment, and would make us search further
/// into the past.
const MAX_DAYS: i64 = 3_660;

const SECONDS_PER_DAY: i64 = 86_400;

/// Parses all values of a line, which are separated by commas.
fn parse_times(line: &ContentLine, zones: &FeedZones) -> Result<Vec<ZonedTime>, FeedEventError> {
    let values = line
        .value
        .split(',')
        .map(str::trim)
        .filter(|value| !value.is_empty());
    values.map(|value| parse_value(value, line, zones)).collect()
}

fn parse_time(line: &ContentLine, zones: &FeedZones) -> Result<ZonedTime, FeedEventError> {
    parse_value(line.value.trim(), line, zones)
}

fn parse_value(value: &str, line: &ContentLine, zones: &FeedZones) -> Result<ZonedTime, FeedEventError> {
    if let Some(date) = parse_date(value) {
        return Ok(ZonedTime::from_whole_day(date, zones.default.clone()));
    }
    let (local, is_utc) = parse_date_time(value).ok_or(FeedEventError::Time)?;
    let zone = match line.parameter("TZID") {
        _ if is_utc => Zone::Known(chrono_tz::Tz::UTC),
        Some(id) => zones.find_zone(id).ok_or(FeedEventError::Zone)?,
        None => zones.default.clone(),
    };
    Ok(ZonedTime::new(local, zone))
}

/// The repetitions that do not take place as the rule says.
#[derive(Debug, Default)]
pub(super) struct ExcludedTimes {
    instants: HashSet<DateTime<Utc>>,
    /// The whole days that are excluded. Some programs write them also for events that begin at some hour.
    dates: HashSet<NaiveDate>,
}

impl ExcludedTimes {
    pub(super) fn add(&mut self, time: &ZonedTime) {
        if time.is_whole_day {
            self.dates.insert(time.local.date());
        } else {
            self.instants.extend(time.to_instant());
        }
    }

    pub(super) fn contains(&self, time: &ZonedTime) -> bool {
        self.dates.contains(&time.local.date())
            || time.to_instant().is_some_and(|at| self.instants.contains(&at))
    }
}

/// An event of a feed, or a single repetition with an entry of its own.
#[derive(Debug)]
pub(super) struct FeedEvent {
    pub(super) uid: String,
    /// Whether the event makes nobody busy, because it is cancelled or marked as free.
    pub(super) is_free: bool,
    /// The repetition that this entry replaces.
    pub(super) replaces: Option<ZonedTime>,
    pub(super) start: ZonedTime,
    length: NominalLength,
    pub(super) rules: Vec<String>,
    /// Further start times, beside those of the rules.
    pub(super) further_starts: Vec<ZonedTime>,
    pub(super) excluded: ExcludedTimes,
}

impl FeedEvent {
    /// Parses a `VEVENT` component.
    ///
    /// # Errors
    /// [`FeedEventError`] says what is wrong with it.
    pub(super) fn parse(component: &Component, zones: &FeedZones) -> Result<Self, FeedEventError> {
        let uid = component.value("UID").unwrap_or_default();
        if component.is_broken || uid.len() > MAX_UID_BYTES {
            return Err(FeedEventError::Line);
        }
        let line = component.line("DTSTART").ok_or(FeedEventError::Time)?;
        let start = parse_time(line, zones)?;
        let replaces = component
            .line("RECURRENCE-ID")
            .map(|line| parse_time(line, zones));
        let mut further_starts = Vec::new();
        for line in component.lines("RDATE") {
            further_starts.extend(parse_times(line, zones)?);
        }
        let mut excluded = ExcludedTimes::default();
        for line in component.lines("EXDATE") {
            parse_times(line, zones)?
                .iter()
                .for_each(|time| excluded.add(time));
        }
        Ok(Self {
            uid: uid.to_owned(),
            is_free: is_free(component),
            replaces: replaces.transpose()?,
            length: parse_length(component, &start, zones)?,
            rules: component.lines("RRULE").map(|line| line.value.clone()).collect(),
            start,
            further_starts,
            excluded,
        })
    }

    /// Returns the busy time of the repetition that begins at `start`, or `None` if it takes no time.
    pub(super) fn busy_window(&self, start: &ZonedTime) -> Option<Window> {
        let last_day = start
            .local
            .checked_add_days(Days::new(self.length.days.unsigned_abs()))?;
        let end = start
            .at_local(last_day)
            .to_instant()?
            .checked_add_signed(Duration::seconds(self.length.seconds))?;
        Window::new(start.to_instant()?, end)
    }

    /// Returns an upper limit of the event's length.
    pub(super) fn max_length(&self) -> Duration {
        // A day on the wall clock may be longer than 24 hours, so one day is added.
        Duration::days(self.length.days + 1) + Duration::seconds(self.length.seconds)
    }
}

/// Returns whether an event makes nobody busy, because it is cancelled or marked as free.
pub(super) fn is_free(component: &Component) -> bool {
    let has_value = |name: &str, expected: &str| {
        component
            .value(name)
            .is_some_and(|value| value.eq_ignore_ascii_case(expected))
    };
    has_value("STATUS", "CANCELLED")
        || has_value("TRANSP", "TRANSPARENT")
        || has_value("X-MICROSOFT-CDO-BUSYSTATUS", "FREE")
}

/// Returns an event's length: whole days and durations by the wall clock, else exact seconds (RFC 5545, 3.8.5.3).
fn parse_length(
    component: &Component,
    start: &ZonedTime,
    zones: &FeedZones,
) -> Result<NominalLength, FeedEventError> {
    let (days, seconds) = match (component.line("DTEND"), component.value("DURATION")) {
        (Some(line), _) => {
            let end = parse_time(line, zones)?;
            let (from, to) = (
                start.to_instant().ok_or(FeedEventError::Time)?,
                end.to_instant().ok_or(FeedEventError::Time)?,
            );
            match start.is_whole_day && end.is_whole_day {
                // Some programs write the day itself as its end.
                true if end.local == start.local => (1, 0),
                true => ((end.local - start.local).num_days(), 0),
                false => (0, (to - from).num_seconds()),
            }
        }
        (None, Some(text)) => {
            let NominalLength { days, seconds } = parse_duration(text).ok_or(FeedEventError::Time)?;
            (days, seconds)
        }
        (None, None) => (i64::from(start.is_whole_day), 0),
    };
    if days < 0 || seconds < 0 {
        return Err(FeedEventError::Backwards);
    }
    if days > MAX_DAYS || seconds > MAX_DAYS * SECONDS_PER_DAY {
        return Err(FeedEventError::Time);
    }
    Ok(NominalLength { days, seconds })
}
