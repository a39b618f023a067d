//! Time zones, and times on a zone's wall clock: converts between the wall clock and instants.

use std::rc::Rc;

use chrono::{
    DateTime, Duration, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, Offset as _, TimeZone as _, Utc,
};
use chrono_tz::{GapInfo, Tz};

/// A time zone that a feed uses.
#[derive(Clone, Debug)]
pub(super) enum Zone {
    /// A zone of the IANA database.
    Known(Tz),
    /// The offset changes that a feed describes, in order.
    Described(Rc<[OffsetChange]>),
}

/// A change of a zone's offset. Offsets are in seconds ahead of UTC.
#[derive(Debug)]
pub(super) struct OffsetChange {
    /// The time of the change on the wall clock before the change.
    pub(super) local: NaiveDateTime,
    pub(super) from: i64,
    pub(super) to: i64,
}

impl Zone {
    /// Returns the instant of a time on this zone's wall clock.
    ///
    /// As RFC 5545 (3.3.5) demands, a time that occurs twice means its first occurrence, and a time that the clocks
    /// skip has the offset from before the change.
    pub(super) fn to_instant(&self, local: NaiveDateTime) -> Option<DateTime<Utc>> {
        let offset = match self {
            Self::Known(zone) => return known_zone_to_instant(*zone, local),
            Self::Described(changes) => {
                let after = changes.partition_point(|change| change.local <= local);
                match after.checked_sub(1).and_then(|index| changes.get(index)) {
                    None => changes.first()?.from,
                    // The clocks skipped this time.
                    Some(last) if local < last.local + Duration::seconds(last.to - last.from) => last.from,
                    Some(last) => last.to,
                }
            }
        };
        Some(local.checked_sub_signed(Duration::seconds(offset))?.and_utc())
    }

    /// Returns what this zone's wall clock shows at an instant.
    pub(super) fn to_local(&self, at: DateTime<Utc>) -> Option<NaiveDateTime> {
        let offset = match self {
            Self::Known(zone) => i64::from(
                zone.offset_from_utc_datetime(&at.naive_utc())
                    .fix()
                    .local_minus_utc(),
            ),
            Self::Described(changes) => {
                let has_begun =
                    |change: &OffsetChange| change.local - Duration::seconds(change.from) <= at.naive_utc();
                let last = changes.iter().rev().find(|change| has_begun(change));
                last.map_or_else(|| changes.first().map(|first| first.from), |last| Some(last.to))?
            }
        };
        at.naive_utc().checked_add_signed(Duration::seconds(offset))
    }
}

fn known_zone_to_instant(zone: Tz, local: NaiveDateTime) -> Option<DateTime<Utc>> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Some(at.to_utc()),
        LocalResult::None => {
            let (_, before) = GapInfo::new(&local, &zone)?.begin?;
            let before = Duration::seconds(i64::from(before.fix().local_minus_utc()));
            Some(local.checked_sub_signed(before)?.and_utc())
        }
    }
}

/// A time on a zone's wall clock.
#[derive(Clone, Debug)]
pub(super) struct ZonedTime {
    /// What the clock shows. For a whole day, its midnight.
    pub(super) local: NaiveDateTime,
    pub(super) zone: Zone,
    pub(super) is_whole_day: bool,
}

impl ZonedTime {
    pub(super) fn new(local: NaiveDateTime, zone: Zone) -> Self {
        Self {
            local,
            zone,
            is_whole_day: false,
        }
    }

    pub(super) fn from_whole_day(date: NaiveDate, zone: Zone) -> Self {
        Self {
            local: date.and_time(NaiveTime::MIN),
            zone,
            is_whole_day: true,
        }
    }

    /// Returns another time on the same clock.
    pub(super) fn at_local(&self, local: NaiveDateTime) -> Self {
        Self {
            local,
            ..self.clone()
        }
    }

    pub(super) fn to_instant(&self) -> Option<DateTime<Utc>> {
        self.zone.to_instant(self.local)
    }
}
