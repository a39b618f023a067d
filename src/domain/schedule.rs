//! When an event type may start, by opening hours on the wall clock of one time zone.
//!
//! A schedule has weekly hours, exceptions, a step, a notice and a horizon. A start is offered if three conditions
//! hold. It is on the grid of an opening: the opening's first minute, and each
//! step from there on the wall clock. The whole length is open time without a gap. And it is neither too soon nor too
//! far away. Opening hours follow the wall clock when the clocks change: a local time that does not exist is not
//! offered, and one that occurs twice is offered twice. `availability` tells whether resources are free then.
//!
//! All arithmetic is in whole seconds since 1970, so that no date overflows.

use std::collections::HashMap;
use std::ops::Range;

use chrono::{DateTime, Datelike as _, Duration, NaiveDate, NaiveTime, Timelike as _, Utc, Weekday};

use super::time::Window;
use super::zone::{ZoneDatabase, ZoneName, ZoneRules};

mod open_windows;

const DAY: i64 = 24 * 60 * 60;

/// The longest length to compute with. It is longer than anything that is sold, and bounds the work of one question.
const MAX_LENGTH: i64 = 366 * DAY;

/// The longest step in minutes: a day. The shortest is one minute.
pub const MAX_STEP_MINUTES: i64 = 24 * 60;

/// When an event type may start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The time zone whose wall clock all hours are on.
    pub timezone: ZoneName,
    /// Minutes on the wall clock between two starts, `1..=MAX_STEP_MINUTES`.
    pub step_minutes: i64,
    /// The shortest notice: minutes from now to a start, not negative.
    pub min_notice_minutes: i64,
    /// The horizon: days of 24 hours from now to the latest start. If `None`, only the catalogue's limit applies.
    pub max_advance_days: Option<i64>,
    /// The opening hours of each week.
    pub weekly: Vec<Hours>,
    /// Dates with other opening hours, or with none.
    pub exceptions: Vec<Exception>,
}

/// Opening hours on some days of each week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    /// The days on which the opening starts.
    pub days: Vec<Weekday>,
    /// The first open instant.
    pub from: NaiveTime,
    /// The first closed instant. If it is not after `from`, it is on the next day: 00:00 to 00:00 is a whole day.
    pub to: NaiveTime,
}

/// A date on which the weekly hours do not apply. Several exceptions for one date add up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// The date on which the replaced hours would start.
    pub date: NaiveDate,
    /// From and to, as in [`Hours`], instead of the weekly hours. If `None`, the date is closed.
    pub hours: Option<(NaiveTime, NaiveTime)>,
}

/// Why a schedule does not offer a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOffered {
    /// The start is in the past, or sooner than the notice allows.
    #[error("is too soon")]
    TooSoon,
    /// The start is beyond the horizon.
    #[error("is too far in the future")]
    TooFar,
    /// The start is off the grid, or not all of the length is within opening hours.
    #[error("is not within the hours that are offered")]
    Closed,
    /// The database of time zones does not have the schedule's zone, so its hours are unknown.
    #[error("cannot be offered: the schedule's time zone is not known")]
    UnknownZone,
}

/// An opening in wall-clock seconds (since 1970-01-01 00:00 on that wall clock), from first open to first closed.
type Opening = Range<i64>;

impl Schedule {
    /// Lists the starts within the window at which something of this length fits, in order, each once.
    ///
    /// The work grows with the window, so the caller must bound it. If `zones` does not have the schedule's zone, lists
    /// none.
    pub fn list_starts(
        &self,
        within: Window,
        length: Duration,
        now: DateTime<Utc>,
        zones: &ZoneDatabase,
    ) -> Vec<DateTime<Utc>> {
        let Some(zone) = zones.find(&self.timezone) else {
            return Vec::new();
        };
        let from = ceil_to_second(within.starts_at()).max(self.earliest(now));
        let to = ceil_to_second(within.ends_at()).min(self.latest(now).saturating_add(1));
        let starts = self.list_offered_seconds(zone, from..to, length).into_iter();
        starts
            .filter_map(|start| DateTime::from_timestamp(start, 0))
            .collect()
    }

    /// Checks that [`Self::list_starts`] contains this start.
    ///
    /// # Errors
    /// [`NotOffered`] if it does not.
    pub fn check_start(
        &self,
        start: DateTime<Utc>,
        length: Duration,
        now: DateTime<Utc>,
        zones: &ZoneDatabase,
    ) -> Result<(), NotOffered> {
        let zone = zones.find(&self.timezone).ok_or(NotOffered::UnknownZone)?;
        let second = start.timestamp();
        if ceil_to_second(start) < self.earliest(now) {
            return Err(NotOffered::TooSoon);
        }
        if second > self.latest(now) {
            return Err(NotOffered::TooFar);
        }
        let is_whole = start.timestamp_subsec_nanos() == 0;
        if is_whole && self.list_offered_seconds(zone, second..second + 1, length) == [second] {
            return Ok(());
        }
        Err(NotOffered::Closed)
    }

    /// Returns the first second in the future that keeps the notice.
    fn earliest(&self, now: DateTime<Utc>) -> i64 {
        let noticed = ceil_to_second(now).saturating_add(self.min_notice_minutes.saturating_mul(60));
        noticed.max(now.timestamp() + 1)
    }

    /// Returns the last second within the horizon.
    fn latest(&self, now: DateTime<Utc>) -> i64 {
        let days = self.max_advance_days.unwrap_or(i64::MAX);
        now.timestamp().saturating_add(days.saturating_mul(DAY))
    }

    /// Lists the seconds in `within` that are on a grid and are followed by `length` of open time.
    fn list_offered_seconds(&self, zone: &ZoneRules, within: Range<i64>, length: Duration) -> Vec<i64> {
        let length = length.num_seconds() + i64::from(length.subsec_nanos() > 0);
        if within.is_empty() || !(1..=MAX_LENGTH).contains(&length) {
            return Vec::new();
        }
        let exceptions = self.group_exceptions_by_date();
        let (mut open, mut grid) = (Vec::new(), Vec::new());
        for span in zone.list_offset_spans(within.start..within.end.saturating_add(length)) {
            let wall = span.instants.start + span.offset..span.instants.end + span.offset;
            for opening in self.list_openings(&wall, &exceptions) {
                let piece = opening.start.max(wall.start)..opening.end.min(wall.end);
                let instants = piece.start - span.offset..piece.end - span.offset;
                let wanted = instants.start.max(within.start)..instants.end.min(within.end);
                grid.extend(self.list_grid(&opening, wanted, span.offset));
                open.push(instants);
            }
        }
        let open = merge_ranges(open);
        grid.sort_unstable();
        grid.dedup();
        grid.retain(|start| is_within(&open, *start..start.saturating_add(length)));
        grid
    }

    /// Lists the instants in `wanted` that are a whole number of steps after the opening, on the wall clock.
    fn list_grid(
        &self,
        opening: &Opening,
        wanted: Range<i64>,
        offset: i64,
    ) -> impl Iterator<Item = i64> + use<> {
        let step = self.step_minutes.clamp(1, MAX_STEP_MINUTES) * 60;
        let missed = (wanted.start + offset - opening.start).rem_euclid(step);
        let first = wanted.start + (step - missed) % step;
        std::iter::successors(Some(first), move |at| Some(at + step)).take_while(move |at| *at < wanted.end)
    }

    /// Lists the openings that overlap this range of the wall clock.
    fn list_openings(
        &self,
        wall: &Range<i64>,
        exceptions: &HashMap<NaiveDate, Vec<&Exception>>,
    ) -> Vec<Opening> {
        // An opening that starts on the day before can reach into this range.
        let days = wall.start.div_euclid(DAY) - 1..=(wall.end - 1).div_euclid(DAY);
        let mut openings = Vec::new();
        for day in days {
            let Some(date) = i32::try_from(day).ok().and_then(NaiveDate::from_epoch_days) else {
                continue;
            };
            let hours = self.hours_on(date, exceptions);
            openings.extend(
                hours
                    .into_iter()
                    .map(|(from, to)| to_opening(day * DAY, from, to)),
            );
        }
        openings.retain(|opening| opening.start < wall.end && wall.start < opening.end);
        openings
    }

    /// Lists the openings that start on a date, as from and to.
    fn hours_on(
        &self,
        date: NaiveDate,
        exceptions: &HashMap<NaiveDate, Vec<&Exception>>,
    ) -> Vec<(NaiveTime, NaiveTime)> {
        if let Some(exceptions) = exceptions.get(&date) {
            return exceptions
                .iter()
                .filter_map(|exception| exception.hours)
                .collect();
        }
        let weekly = self.weekly.iter();
        let today = weekly.filter(|hours| hours.days.contains(&date.weekday()));
        today.map(|hours| (hours.from, hours.to)).collect()
    }

    fn group_exceptions_by_date(&self) -> HashMap<NaiveDate, Vec<&Exception>> {
        let mut by_date = HashMap::<_, Vec<_>>::new();
        for exception in &self.exceptions {
            by_date.entry(exception.date).or_default().push(exception);
        }
        by_date
    }
}

/// Makes the opening that starts on the day with this midnight.
fn to_opening(midnight: i64, from: NaiveTime, to: NaiveTime) -> Opening {
    let second = |time: NaiveTime| i64::from(time.num_seconds_from_midnight());
    let next_day = if second(to) > second(from) { 0 } else { DAY };
    midnight + second(from)..midnight + next_day + second(to)
}

/// Merges ranges that overlap or touch, and sorts them.
fn merge_ranges(mut ranges: Vec<Range<i64>>) -> Vec<Range<i64>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut merged: Vec<Range<i64>> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// Tells whether one of the merged ranges contains all of `slot`.
fn is_within(ranges: &[Range<i64>], slot: Range<i64>) -> bool {
    let after = ranges.partition_point(|range| range.start <= slot.start);
    after > 0 && slot.end <= ranges[after - 1].end
}

/// Returns the first whole second at or after this instant.
fn ceil_to_second(at: DateTime<Utc>) -> i64 {
    at.timestamp() + i64::from(at.timestamp_subsec_nanos() > 0)
}

#[cfg(test)]
mod tests;
