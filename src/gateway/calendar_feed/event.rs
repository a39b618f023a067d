//! One event of a feed: its start, its length, its recurrence rules, and whether it makes anybody busy.
//!
//! What cannot be read makes the event longer or leaves an exception out, never the reverse.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, Duration, NaiveDate, NaiveTime, Utc};

use super::error::FeedEventError;
use super::lines::Component;
use super::times::{ReadPeriod, ReadTime, TimeReader};
use super::values::{NominalLength, parse_duration};
use super::vtimezone::FeedZones;
use super::zone::ZonedTime;

/// The longest accepted event, in seconds: a hundred years.
const MAX_SECONDS: i64 = 36_600 * 86_400;

/// The repetitions that do not take place as the rule says.
#[derive(Debug, Default)]
pub(super) struct ExcludedTimes {
    /// The excluded instants, and whether each is on the clock of an unknown zone. Only a time on the same clock is the same.
    instants: HashSet<(bool, DateTime<Utc>)>,
    /// The whole days that are excluded. Some programs write them also for events that begin at some hour.
    dates: HashSet<NaiveDate>,
    /// The days whose midnight is excluded. For a whole day, Exchange writes it in a zone of its own.
    midnights: HashSet<NaiveDate>,
}

impl ExcludedTimes {
    pub(super) fn add(&mut self, time: &ZonedTime) {
        if time.is_whole_day {
            self.dates.insert(time.local.date());
            return;
        }
        self.instants.extend(identify(time));
        if time.local.time() == NaiveTime::MIN {
            self.midnights.insert(time.local.date());
        }
    }

    pub(super) fn contains(&self, time: &ZonedTime) -> bool {
        let date = time.local.date();
        self.dates.contains(&date)
            || time.is_whole_day && self.midnights.contains(&date)
            || identify(time).is_some_and(|at| self.instants.contains(&at))
    }
}

fn identify(time: &ZonedTime) -> Option<(bool, DateTime<Utc>)> {
    Some((time.zone.is_unknown(), time.to_instant()?))
}

/// The repetition that an entry replaces.
#[derive(Debug)]
pub(super) struct Replaced {
    pub(super) time: ZonedTime,
    /// Whether all later repetitions change in the same way.
    pub(super) is_and_future: bool,
}

/// An event of a feed, or a single repetition with an entry of its own.
#[derive(Debug)]
pub(super) struct FeedEvent {
    pub(super) uid: Arc<str>,
    /// The position in the feed, from 1.
    pub(super) position: usize,
    /// Whether the event makes nobody busy, because it is cancelled or marked as free.
    pub(super) is_free: bool,
    /// Whether this entry is of a single repetition. Then its rules do not count: some programs copy them. If nothing says
    /// which repetition it is of, they do.
    pub(super) is_repetition: bool,
    /// The repetition that this entry replaces, if it can be read.
    pub(super) replaces: Option<Replaced>,
    pub(super) start: ZonedTime,
    pub(super) length: NominalLength,
    pub(super) rules: Vec<String>,
    /// Further times, beside those of the rules, some with a length of their own.
    pub(super) further: Vec<(ZonedTime, Option<NominalLength>)>,
    pub(super) excluded: ExcludedTimes,
}

impl FeedEvent {
    /// Parses a `VEVENT` component, and adds what it could not read to `faults`. Returns `None` if nothing says when the
    /// event is.
    pub(super) fn parse(
        component: &Component,
        position: usize,
        zones: &FeedZones<'_>,
        faults: &mut Vec<FeedEventError>,
    ) -> Option<Self> {
        if component.is_unended {
            faults.push(FeedEventError::Unended);
        }
        let mut reader = TimeReader::new(zones, component.calendar);
        let Some((start, is_guessed)) = parse_start(component, &reader, faults) else {
            faults.push(FeedEventError::Unreadable);
            return None;
        };
        reader.of_start = Some(start.zone.clone());
        let line = component.line("DTSTART");
        reader.name_of_start = line.and_then(|line| line.parameter("TZID")).map(str::to_owned);
        let mut length = parse_length(component, &start, &reader, faults);
        if is_guessed && length.nominal_seconds() < NominalLength::DAY.nominal_seconds() {
            length = NominalLength::DAY;
        }
        let replaces = parse_replaced(component, &reader, faults);
        Some(Self {
            uid: Arc::from(component.value("UID").unwrap_or_default()),
            position,
            is_free: is_free(component),
            is_repetition: replaces.is_some(),
            replaces,
            rules: component.lines("RRULE").map(|line| line.value.clone()).collect(),
            further: parse_further(component, &start, &reader, faults),
            excluded: parse_excluded(component, &reader, faults),
            start,
            length,
        })
    }

    /// Returns an upper limit of the event's length.
    pub(super) fn max_length(&self) -> Duration {
        let own = self.further.iter().filter_map(|(_, length)| *length);
        let longest = own.chain([self.length]).map(NominalLength::nominal_seconds).max();
        // A day on the wall clock may be longer than 24 hours, so one day is added.
        Duration::seconds(longest.unwrap_or_default()) + Duration::days(1)
    }
}

/// Returns whether an event makes nobody busy, because it is cancelled or marked as free. What contradicts itself is busy.
pub(super) fn is_free(component: &Component) -> bool {
    let is_all = |name: &str, expected: &str| {
        let mut values = component.lines(name).map(|line| line.value.trim());
        values.next().map(|first| {
            let mut values = values.chain([first]);
            values.all(|value| value.eq_ignore_ascii_case(expected))
        })
    };
    let marks = [
        is_all("TRANSP", "TRANSPARENT"),
        is_all("X-MICROSOFT-CDO-BUSYSTATUS", "FREE"),
    ];
    is_all("STATUS", "CANCELLED") == Some(true)
        || marks.contains(&Some(true)) && !marks.contains(&Some(false))
}

/// Returns the start, and whether it is a guess: the whole day that some other line names.
fn parse_start(
    component: &Component,
    reader: &TimeReader<'_>,
    faults: &mut Vec<FeedEventError>,
) -> Option<(ZonedTime, bool)> {
    let read = |name: &str| {
        component
            .line(name)
            .map_or(ReadTime::Nothing, |line| reader.read_line(line))
    };
    match read("DTSTART") {
        ReadTime::Whole(start) => return Some((start, false)),
        ReadTime::UnknownZone(start) => {
            faults.push(match start.zone.is_unknown() {
                true => FeedEventError::AnyZone,
                false => FeedEventError::Zone,
            });
            return Some((start, false));
        }
        ReadTime::Day(start) => {
            faults.push(FeedEventError::Start);
            return Some((start, true));
        }
        ReadTime::Nothing => {}
    }
    let end = read("DTEND").into_time().and_then(|end| {
        // The end is not part of the event.
        Some(end.at_local(end.local.checked_sub_signed(Duration::seconds(1))?))
    });
    // A repetition may have moved to an earlier day than its own.
    let others = read("RECURRENCE-ID").into_time().into_iter().chain(end);
    let other = others.min_by_key(|time| time.local)?;
    faults.push(FeedEventError::Start);
    Some((other.to_whole_day(), true))
}

/// Returns an event's length: whole days and durations by the wall clock, else exact seconds (RFC 5545, 3.8.5.3). If it
/// cannot be read, it is a day.
fn parse_length(
    component: &Component,
    start: &ZonedTime,
    reader: &TimeReader<'_>,
    faults: &mut Vec<FeedEventError>,
) -> NominalLength {
    let length = match (component.line("DTEND"), component.value("DURATION")) {
        (Some(line), duration) => match reader.read_line(line) {
            ReadTime::Whole(end) => length_until(start, &end),
            ReadTime::UnknownZone(end) | ReadTime::Day(end) => {
                faults.push(FeedEventError::End);
                let end = end.to_whole_day();
                // In an unknown zone, the day may end on the next day of the clock that is taken for it.
                let days = 1 + i64::from(end.zone.is_unknown());
                let day_after = end.local.checked_add_signed(Duration::days(days));
                day_after.and_then(|day_after| length_until(start, &end.at_local(day_after)))
            }
            ReadTime::Nothing => duration.and_then(parse_duration),
        },
        (None, Some(text)) => parse_duration(text),
        (None, None) => Some(NominalLength {
            days: i64::from(start.is_whole_day),
            seconds: 0,
        }),
    };
    match length {
        None => {
            faults.push(FeedEventError::End);
            NominalLength::DAY
        }
        // Some programs write the day itself as its end, or no length.
        Some(length) if start.is_whole_day && length.nominal_seconds() == 0 => NominalLength::DAY,
        Some(length) if !length.is_forward() => {
            faults.push(FeedEventError::Backwards);
            NominalLength::DAY
        }
        Some(length) if length.nominal_seconds() > MAX_SECONDS => {
            faults.push(FeedEventError::TooLong);
            NominalLength::from_seconds(MAX_SECONDS)
        }
        Some(length) => length,
    }
}

fn length_until(start: &ZonedTime, end: &ZonedTime) -> Option<NominalLength> {
    if !start.is_whole_day || !end.is_whole_day {
        return start.seconds_until(end).map(NominalLength::from_seconds);
    }
    Some(NominalLength {
        days: (end.local - start.local).num_days(),
        seconds: 0,
    })
}

fn parse_replaced(
    component: &Component,
    reader: &TimeReader<'_>,
    faults: &mut Vec<FeedEventError>,
) -> Option<Replaced> {
    let line = component.line("RECURRENCE-ID")?;
    let range = line.parameter("RANGE").unwrap_or_default();
    let is_and_future = range.eq_ignore_ascii_case("THISANDFUTURE");
    match reader.read_line(line) {
        // RFC 2445 also had THISANDPRIOR.
        ReadTime::Whole(time) if range.is_empty() || is_and_future => Some(Replaced { time, is_and_future }),
        _ => {
            faults.push(FeedEventError::Replaced);
            None
        }
    }
}

fn parse_further(
    component: &Component,
    start: &ZonedTime,
    reader: &TimeReader<'_>,
    faults: &mut Vec<FeedEventError>,
) -> Vec<(ZonedTime, Option<NominalLength>)> {
    let mut further = Vec::new();
    for line in component.lines("RDATE") {
        for value in line.values() {
            let day = if value.contains('/') {
                match reader.read_period(value, line) {
                    ReadPeriod::Whole(start, length) => {
                        further.push((start, Some(length)));
                        continue;
                    }
                    ReadPeriod::Day(day) => Some(day),
                    ReadPeriod::Nothing => None,
                }
            } else {
                match reader.read(value, line) {
                    ReadTime::Whole(time) => {
                        let is_day_of_hours = time.is_whole_day && !start.is_whole_day;
                        further.push((time, is_day_of_hours.then_some(NominalLength::DAY)));
                        continue;
                    }
                    ReadTime::UnknownZone(day) | ReadTime::Day(day) => Some(day.to_whole_day()),
                    ReadTime::Nothing => None,
                }
            };
            faults.push(FeedEventError::FurtherDate);
            further.extend(day.map(|day| (day, Some(NominalLength::DAY))));
        }
    }
    further
}

fn parse_excluded(
    component: &Component,
    reader: &TimeReader<'_>,
    faults: &mut Vec<FeedEventError>,
) -> ExcludedTimes {
    let mut excluded = ExcludedTimes::default();
    for line in component.lines("EXDATE") {
        for value in line.values() {
            match reader.read(value, line) {
                ReadTime::Whole(time) => excluded.add(&time),
                _ => faults.push(FeedEventError::Exception),
            }
        }
    }
    excluded
}
