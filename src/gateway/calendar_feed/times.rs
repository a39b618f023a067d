//! Reads the times of content lines in their zones, as far as they can be read.

use chrono::NaiveDate;

use super::lines::ContentLine;
use super::values::{NominalLength, parse_date, parse_date_time, parse_duration, parse_leading_date};
use super::vtimezone::FeedZones;
use super::zone::{Zone, ZonedTime};

/// How much of a time could be read.
pub(super) enum ReadTime {
    /// All of the time.
    Whole(ZonedTime),
    /// All but its zone, for which the feed's own zone is taken, or else [`Zone::Unknown`].
    UnknownZone(ZonedTime),
    /// Its date only, as a whole day.
    Day(ZonedTime),
    Nothing,
}

impl ReadTime {
    /// Returns what was read; a date only as its midnight.
    pub(super) fn into_time(self) -> Option<ZonedTime> {
        match self {
            Self::Whole(time) | Self::UnknownZone(time) | Self::Day(time) => Some(time),
            Self::Nothing => None,
        }
    }
}

/// A length of time from a start on.
pub(super) enum ReadPeriod {
    /// The whole period was read.
    Whole(ZonedTime, NominalLength),
    /// The day of its start, because the rest cannot be read.
    Day(ZonedTime),
    Nothing,
}

/// Reads the times of one event.
pub(super) struct TimeReader<'a> {
    pub(super) zones: &'a FeedZones<'a>,
    /// The number of the event's `VCALENDAR`.
    pub(super) calendar: usize,
    /// The zone of the event's start, which is that of its other times unless they name another.
    pub(super) of_start: Option<Zone>,
    /// The name of that zone. If it is unknown, times with the same name are still in the same zone.
    pub(super) name_of_start: Option<String>,
}

impl<'a> TimeReader<'a> {
    pub(super) fn new(zones: &'a FeedZones<'a>, calendar: usize) -> Self {
        Self {
            zones,
            calendar,
            of_start: None,
            name_of_start: None,
        }
    }

    /// Reads the value of a line that has one.
    pub(super) fn read_line(&self, line: &ContentLine) -> ReadTime {
        self.read(line.value.trim(), line)
    }

    /// Reads one value of a line.
    pub(super) fn read(&self, value: &str, line: &ContentLine) -> ReadTime {
        let named = line.parameter("TZID");
        let found = named.and_then(|id| self.zones.find_zone(id, self.calendar));
        let is_of_start = self.of_start.is_some() && named == self.name_of_start.as_deref();
        let is_unknown = named.is_some() && found.is_none() && !is_of_start;
        let is_date = line
            .parameter("VALUE")
            .is_some_and(|kind| kind.eq_ignore_ascii_case("DATE"));
        let day = is_date.then(|| parse_date_time(value)).flatten();
        let date = parse_date(value).or_else(|| Some(day?.0.date()));
        // A date has no zone, so it does not matter what its name means.
        let of_unknown =
            || (is_unknown && date.is_none()).then(|| self.zones.zone_of_unknown_name(self.calendar));
        let zone = || {
            let named = found.or_else(of_unknown).or_else(|| self.of_start.clone());
            named.unwrap_or_else(|| self.zones.default_zone(self.calendar))
        };
        if let Some(date) = date {
            return ReadTime::Whole(ZonedTime::from_whole_day(date, zone()));
        }
        match parse_date_time(value) {
            Some((local, true)) => ReadTime::Whole(ZonedTime::new(local, Zone::Utc)),
            Some((local, false)) if is_unknown => ReadTime::UnknownZone(ZonedTime::new(local, zone())),
            Some((local, false)) => ReadTime::Whole(ZonedTime::new(local, zone())),
            None => parse_leading_date(value).map_or(ReadTime::Nothing, |date: NaiveDate| {
                let is_utc = value.ends_with(['Z', 'z']);
                ReadTime::Day(ZonedTime::from_whole_day(
                    date,
                    if is_utc { Zone::Utc } else { zone() },
                ))
            }),
        }
    }

    /// Reads a period, such as `20260601T090000Z/PT1H`, one value of a line.
    pub(super) fn read_period(&self, value: &str, line: &ContentLine) -> ReadPeriod {
        let (start, end) = value.split_once('/').unwrap_or((value, ""));
        let start = match self.read(start, line) {
            ReadTime::Whole(start) => start,
            ReadTime::UnknownZone(start) | ReadTime::Day(start) => {
                return ReadPeriod::Day(start.to_whole_day());
            }
            ReadTime::Nothing => return ReadPeriod::Nothing,
        };
        let length = parse_duration(end).or_else(|| match self.read(end, line) {
            ReadTime::Whole(end) => start.seconds_until(&end).map(NominalLength::from_seconds),
            _ => None,
        });
        match length {
            Some(length) if length.is_forward() => ReadPeriod::Whole(start, length),
            _ => ReadPeriod::Day(start.to_whole_day()),
        }
    }
}
