//! When an event type may start: weekly hours, exceptions, steps, notice, horizon, all on the wall clock of one time zone.
//!
//! A start is offered where it stands on the grid of an opening (its first minute, and each step from there on the wall
//! clock), where the whole length lies in open time without a pause, and where it is neither too soon nor too far. Hours
//! keep their place on the wall clock when the clocks change: a local time that does not exist is not offered, one that
//! comes twice is offered twice. Whether anybody is free then is left to the books.
//!
//! Reckons in whole seconds since 1970, so that no date is too early or too late to reckon with.

use std::collections::HashMap;
use std::ops::Range;

use chrono::{
    DateTime, Datelike as _, Duration, NaiveDate, NaiveTime, Offset as _, TimeZone as _, Timelike as _, Utc,
    Weekday,
};
use chrono_tz::Tz;

use super::time::Window;

const DAY: i64 = 24 * 60 * 60;

/// How far apart the zone is asked for its offset. No zone has ever changed its clocks twice within four days.
const PROBE: i64 = DAY / 2;

/// Longer than anything that is sold: the work of an answer is bounded.
const LONGEST: i64 = 366 * DAY;

/// The longest step, in minutes: a day. The shortest is one minute.
pub const MAX_STEP_MINUTES: i64 = 24 * 60;

/// When an event type may start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// On whose wall clock all hours are.
    pub timezone: Tz,
    /// Minutes on the wall clock from one start to the next, `1..=MAX_STEP_MINUTES`.
    pub step_minutes: i64,
    /// Least minutes from the present to a start, not negative.
    pub min_notice_minutes: i64,
    /// Most days of 24 hours from the present to a start; none: as far as the catalogue lets.
    pub max_advance_days: Option<i64>,
    /// Hours of each week.
    pub weekly: Vec<Hours>,
    /// Dates with other hours, or with none.
    pub exceptions: Vec<Exception>,
}

/// Hours that are open on some days of each week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    /// The days on which they begin.
    pub days: Vec<Weekday>,
    /// First open moment.
    pub from: NaiveTime,
    /// First closed moment; not after `from`: on the day after. So 00:00 to 00:00 is a whole day.
    pub to: NaiveTime,
}

/// A date on which the weekly hours that begin then do not hold. Several of one date add up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// Which.
    pub date: NaiveDate,
    /// From and to, as in [`Hours`], instead of the weekly ones; none: closed.
    pub hours: Option<(NaiveTime, NaiveTime)>,
}

/// Why a schedule does not offer a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOffered {
    /// It is past, or nearer than the notice.
    #[error("is too soon")]
    TooSoon,
    /// It is beyond the horizon.
    #[error("is too far in the future")]
    TooFar,
    /// It is off the grid, or not all of its length is within the hours.
    #[error("is not within the hours that are offered")]
    Closed,
}

/// A stretch of time in which the zone keeps one offset.
struct Span {
    instants: Range<i64>,
    offset: i64,
}

/// Wall-clock seconds (since 1970-01-01 00:00 on that wall) from first open to first closed.
type Opening = Range<i64>;

impl Schedule {
    /// All starts within the window at which something of this length fits, in order, each once.
    ///
    /// Costs as much as the window is long: bounding it is the caller's part.
    pub fn starts(&self, within: Window, length: Duration, now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        let from = ceil(within.starts_at()).max(self.earliest(now));
        let to = ceil(within.ends_at()).min(self.latest(now).saturating_add(1));
        let starts = self.offered(from..to, length).into_iter();
        starts
            .filter_map(|start| DateTime::from_timestamp(start, 0))
            .collect()
    }

    /// Whether [`Self::starts`] would name this start.
    ///
    /// # Errors
    /// [`NotOffered`] where it would not.
    pub fn allows(
        &self,
        start: DateTime<Utc>,
        length: Duration,
        now: DateTime<Utc>,
    ) -> Result<(), NotOffered> {
        let second = start.timestamp();
        if ceil(start) < self.earliest(now) {
            return Err(NotOffered::TooSoon);
        }
        if second > self.latest(now) {
            return Err(NotOffered::TooFar);
        }
        let whole = start.timestamp_subsec_nanos() == 0;
        if whole && self.offered(second..second + 1, length) == [second] {
            return Ok(());
        }
        Err(NotOffered::Closed)
    }

    /// First second that is after the present and leaves the notice.
    fn earliest(&self, now: DateTime<Utc>) -> i64 {
        let noticed = ceil(now).saturating_add(self.min_notice_minutes.saturating_mul(60));
        noticed.max(now.timestamp() + 1)
    }

    /// Last second within the horizon.
    fn latest(&self, now: DateTime<Utc>) -> i64 {
        let days = self.max_advance_days.unwrap_or(i64::MAX);
        now.timestamp().saturating_add(days.saturating_mul(DAY))
    }

    /// The seconds in `within` that are on a grid and followed by `length` of open time.
    fn offered(&self, within: Range<i64>, length: Duration) -> Vec<i64> {
        let length = length.num_seconds() + i64::from(length.subsec_nanos() > 0);
        if within.is_empty() || !(1..=LONGEST).contains(&length) {
            return Vec::new();
        }
        let exceptions = self.exceptions_by_date();
        let (mut open, mut grid) = (Vec::new(), Vec::new());
        for span in self.spans(within.start..within.end.saturating_add(length)) {
            let wall = span.instants.start + span.offset..span.instants.end + span.offset;
            for opening in self.openings(&wall, &exceptions) {
                let piece = opening.start.max(wall.start)..opening.end.min(wall.end);
                let instants = piece.start - span.offset..piece.end - span.offset;
                let wanted = instants.start.max(within.start)..instants.end.min(within.end);
                grid.extend(self.grid(&opening, wanted, span.offset));
                open.push(instants);
            }
        }
        let open = joined(open);
        grid.sort_unstable();
        grid.dedup();
        grid.retain(|start| lies_within(&open, *start..start.saturating_add(length)));
        grid
    }

    /// The instants in `wanted` whose wall-clock time is a whole number of steps after the opening.
    fn grid(&self, opening: &Opening, wanted: Range<i64>, offset: i64) -> impl Iterator<Item = i64> + use<> {
        let step = self.step_minutes.clamp(1, MAX_STEP_MINUTES) * 60;
        let missed = (wanted.start + offset - opening.start).rem_euclid(step);
        let first = wanted.start + (step - missed) % step;
        std::iter::successors(Some(first), move |at| Some(at + step)).take_while(move |at| *at < wanted.end)
    }

    /// The zone's offsets over a range of instants.
    fn spans(&self, range: Range<i64>) -> Vec<Span> {
        let mut spans = Vec::new();
        let (mut start, mut at, mut offset) = (range.start, range.start, self.offset(range.start));
        while at < range.end {
            let next = at.saturating_add(PROBE).min(range.end);
            if self.offset(next) == offset {
                at = next;
                continue;
            }
            at = self.change(at, next, offset);
            spans.push(Span {
                instants: start..at,
                offset,
            });
            (start, offset) = (at, self.offset(at));
        }
        if start < range.end {
            let instants = start..range.end;
            spans.push(Span { instants, offset });
        }
        spans
    }

    /// The first second after `before` at which the offset is another; at `after` it is.
    fn change(&self, before: i64, after: i64, offset: i64) -> i64 {
        let (mut before, mut after) = (before, after);
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            if self.offset(middle) == offset {
                before = middle;
            } else {
                after = middle;
            }
        }
        after
    }

    /// Seconds that the wall clock is ahead of UTC.
    fn offset(&self, at: i64) -> i64 {
        let known = DateTime::from_timestamp(at, 0).unwrap_or(DateTime::<Utc>::MAX_UTC);
        let offset = self.timezone.offset_from_utc_datetime(&known.naive_utc());
        i64::from(offset.fix().local_minus_utc())
    }

    /// Every opening that shares a moment with this stretch of the wall clock.
    fn openings(&self, wall: &Range<i64>, exceptions: &HashMap<NaiveDate, Vec<&Exception>>) -> Vec<Opening> {
        // Hours reach at most to the end of the day after the one on which they begin.
        let days = wall.start.div_euclid(DAY) - 1..=(wall.end - 1).div_euclid(DAY);
        let mut openings = Vec::new();
        for day in days {
            let Some(date) = i32::try_from(day).ok().and_then(NaiveDate::from_epoch_days) else {
                continue;
            };
            let hours = self.hours_on(date, exceptions);
            openings.extend(hours.into_iter().map(|(from, to)| opening(day * DAY, from, to)));
        }
        openings.retain(|opening| opening.start < wall.end && wall.start < opening.end);
        openings
    }

    /// The hours that begin on a date.
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

    fn exceptions_by_date(&self) -> HashMap<NaiveDate, Vec<&Exception>> {
        let mut by_date = HashMap::<_, Vec<_>>::new();
        for exception in &self.exceptions {
            by_date.entry(exception.date).or_default().push(exception);
        }
        by_date
    }
}

/// The hours that begin on the day whose midnight this is.
fn opening(midnight: i64, from: NaiveTime, to: NaiveTime) -> Opening {
    let second = |time: NaiveTime| i64::from(time.num_seconds_from_midnight());
    let next_day = if second(to) > second(from) { 0 } else { DAY };
    midnight + second(from)..midnight + next_day + second(to)
}

/// Stretches in order, those that overlap or touch made one.
fn joined(mut stretches: Vec<Range<i64>>) -> Vec<Range<i64>> {
    stretches.sort_unstable_by_key(|stretch| stretch.start);
    let mut joined: Vec<Range<i64>> = Vec::new();
    for stretch in stretches {
        match joined.last_mut() {
            Some(last) if stretch.start <= last.end => last.end = last.end.max(stretch.end),
            _ => joined.push(stretch),
        }
    }
    joined
}

/// Whether one of the stretches, which are in order and apart, has all of `slot` in it.
fn lies_within(stretches: &[Range<i64>], slot: Range<i64>) -> bool {
    let after = stretches.partition_point(|stretch| stretch.start <= slot.start);
    after > 0 && slot.end <= stretches[after - 1].end
}

/// The first whole second that is not before this instant.
fn ceil(at: DateTime<Utc>) -> i64 {
    at.timestamp() + i64::from(at.timestamp_subsec_nanos() > 0)
}

#[cfg(test)]
mod tests;
