//! Which instant a wall clock means: zones by the IANA's names, by Windows' names as Outlook writes them, or, where the
//! name says nothing, by the offsets that the feed describes.

use std::collections::HashMap;
use std::rc::Rc;

use chrono::{DateTime, Duration, LocalResult, NaiveDateTime, Offset as _, TimeZone as _, Utc};
use chrono_tz::{GapInfo, Tz};
use windows_timezones::WindowsTimezone;

use super::event::{self, Moment};
use super::lines::{Calendar, Component};
use super::repeat::{self, Budget};
use crate::domain::time::Window;

/// Most changes of the clocks that a feed may describe for a zone: two a year since 1601 are fewer.
const MAX_CHANGES: usize = 2_000;

/// A zone.
#[derive(Clone, Debug)]
pub(super) enum Zone {
    /// One that everybody knows.
    Known(Tz),
    /// The changes that a feed describes, in order.
    Described(Rc<[Change]>),
}

/// The clocks go to another offset; all in seconds ahead of UTC.
#[derive(Debug)]
pub(super) struct Change {
    /// When, on the wall clock that it ends.
    local: NaiveDateTime,
    from: i64,
    to: i64,
}

impl Zone {
    /// The instant of a time on this zone's wall clock: the first where it comes twice; where it does not exist, as if the
    /// clocks had not changed yet (RFC 5545, 3.3.5).
    pub(super) fn instant(&self, local: NaiveDateTime) -> Option<DateTime<Utc>> {
        let offset = match self {
            Self::Known(zone) => return known_instant(*zone, local),
            Self::Described(changes) => {
                let after = changes.partition_point(|change| change.local <= local);
                match after.checked_sub(1).and_then(|index| changes.get(index)) {
                    None => changes.first()?.from,
                    Some(last) if local < last.local + Duration::seconds(last.to - last.from) => last.from,
                    Some(last) => last.to,
                }
            }
        };
        Some(local.checked_sub_signed(Duration::seconds(offset))?.and_utc())
    }

    /// This zone's wall clock at an instant.
    pub(super) fn local(&self, at: DateTime<Utc>) -> Option<NaiveDateTime> {
        let offset = match self {
            Self::Known(zone) => i64::from(
                zone.offset_from_utc_datetime(&at.naive_utc())
                    .fix()
                    .local_minus_utc(),
            ),
            Self::Described(changes) => {
                let begun = |change: &Change| change.local - Duration::seconds(change.from) <= at.naive_utc();
                let last = changes.iter().rev().find(|change| begun(change));
                last.map_or_else(|| changes.first().map(|first| first.from), |last| Some(last.to))?
            }
        };
        at.naive_utc().checked_add_signed(Duration::seconds(offset))
    }
}

fn known_instant(zone: Tz, local: NaiveDateTime) -> Option<DateTime<Utc>> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Some(at.to_utc()),
        LocalResult::None => {
            let (_, before) = GapInfo::new(&local, &zone)?.begin?;
            let before = Duration::seconds(i64::from(before.fix().local_minus_utc()));
            Some(local.checked_sub_signed(before)?.and_utc())
        }
    }
}

/// The zones of one feed.
pub(super) struct Zones {
    described: HashMap<String, Zone>,
    /// For whole days and for times without a zone.
    pub(super) own: Zone,
}

impl Zones {
    /// Reads the descriptions whose names say nothing; what is wrong with one shows where it is used.
    pub(super) fn new(calendar: &Calendar, within: Window, budget: &mut Budget) -> Self {
        let mut described = HashMap::new();
        for component in &calendar.zones {
            let id = component.value("TZID").unwrap_or_default();
            if named(id).is_some() || described.contains_key(id) {
                continue;
            }
            let known = component.value("X-LIC-LOCATION").and_then(named);
            let zone = known
                .map(Zone::Known)
                .or_else(|| describe(component, within, budget));
            described.extend(zone.map(|zone| (id.to_owned(), zone)));
        }
        let mut zones = Self {
            described,
            own: Zone::Known(Tz::UTC),
        };
        if let Some(own) = calendar.zone.as_deref().and_then(|id| zones.find(id)) {
            zones.own = own;
        }
        zones
    }

    /// The zone of this name.
    pub(super) fn find(&self, id: &str) -> Option<Zone> {
        let id = id.trim();
        named(id)
            .map(Zone::Known)
            .or_else(|| self.described.get(id).cloned())
    }
}

/// A zone by a name that is known everywhere. Some programs put their own in front: `/example.org/2026/Europe/Berlin`.
fn named(id: &str) -> Option<Tz> {
    if let Ok(windows) = id.parse::<WindowsTimezone>() {
        return Some(Tz::from(windows));
    }
    let ends = id.match_indices('/').map(|(index, _)| &id[index + 1..]);
    [id].into_iter()
        .chain(ends.take(6))
        .find_map(|name| name.parse().ok())
}

/// A zone by its description; none where that is broken.
fn describe(component: &Component, within: Window, budget: &mut Budget) -> Option<Zone> {
    let mut changes = Vec::new();
    for part in &component.parts {
        let from = offset(part.value("TZOFFSETFROM")?)?;
        let to = offset(part.value("TZOFFSETTO")?)?;
        let (first, _) = event::date_time(part.value("DTSTART")?)?;
        let before = Zone::Described(Rc::new([Change {
            local: first,
            from,
            to: from,
        }]));
        let start = Moment::new(first, before);
        let end = within
            .ends_at()
            .naive_utc()
            .checked_add_signed(Duration::days(400))?;
        let mut locals = vec![first];
        for rule in part.lines("RRULE") {
            locals.extend(repeat::starts(&rule.value, &start, first..end, budget).ok()?);
        }
        for line in part.lines("RDATE") {
            locals.extend(
                line.value
                    .split(',')
                    .filter_map(event::date_time)
                    .map(|(local, _)| local),
            );
        }
        changes.extend(locals.into_iter().map(|local| Change { local, from, to }));
    }
    changes.sort_by_key(|change| change.local);
    (1..=MAX_CHANGES)
        .contains(&changes.len())
        .then(|| Zone::Described(changes.into()))
}

/// `+0130` or `-013000` as seconds.
fn offset(text: &str) -> Option<i64> {
    let sign = match text.get(..1)? {
        "-" => -1,
        "+" => 1,
        _ => return None,
    };
    let digits = text
        .get(1..)
        .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
    let part = |range: std::ops::Range<usize>| digits.get(range).and_then(|part| part.parse::<i64>().ok());
    let seconds = if digits.len() == 6 { part(4..6)? } else { 0 };
    let whole = matches!(digits.len(), 4 | 6);
    whole.then_some(sign * (part(0..2)? * 3600 + part(2..4)? * 60 + seconds))
}
