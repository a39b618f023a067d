//! Time zones, and times on a zone's wall clock: converts between the wall clock and instants.

use std::rc::Rc;

use chrono::{DateTime, Days, Duration, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use windows_timezones::WindowsTimezone;

use super::values::NominalLength;
use crate::domain::time::Window;
use crate::domain::zone::{LocalInstants, ZoneDatabase, ZoneName, ZoneRules};

/// The most parts of a prefix before a zone's name.
const MAX_PREFIX_PARTS: usize = 6;

/// A time zone that a feed uses.
#[derive(Clone, Debug)]
pub(super) enum Zone {
    /// The zone of times that end with `Z`.
    Utc,
    /// A zone of the IANA database.
    Known(ZoneRules),
    /// The offset changes that a feed describes, in order.
    Described(Rc<[OffsetChange]>),
    /// A zone of which only a name is known that says nothing. Its clock is read as that of UTC, and a window on it contains
    /// all the time that it can mean.
    Unknown,
}

/// How far clocks are ahead of UTC at most.
const MOST_AHEAD: Duration = Duration::hours(14);

/// How far clocks are behind UTC at most.
const MOST_BEHIND: Duration = Duration::hours(12);

/// A change of a zone's offset. Offsets are in seconds ahead of UTC.
#[derive(Debug)]
pub(super) struct OffsetChange {
    /// The time of the change on the wall clock before the change.
    pub(super) local: NaiveDateTime,
    pub(super) from: i64,
    pub(super) to: i64,
}

impl Zone {
    /// Finds a zone by its IANA name, in upper or lower case, or by the Windows name that Outlook writes.
    pub(super) fn find_named(id: &str, zones: &ZoneDatabase) -> Option<Self> {
        let id = id.trim();
        if let Ok(windows) = id.parse::<WindowsTimezone>() {
            let name = ZoneName::new(windows.tzdb_id());
            return zones.find(&name).cloned().map(Self::Known);
        }
        // Some programs write a prefix: `/example.org/2026/Europe/Berlin`, `tzone://Microsoft/Utc`.
        let suffixes = id.match_indices('/').map(|(index, _)| &id[index + 1..]);
        let mut names = [id].into_iter().chain(suffixes.take(MAX_PREFIX_PARTS));
        names.find_map(|name| {
            let exact = zones.find(&ZoneName::new(name));
            let similar = || zones.find(&zones.find_name_ignoring_case(&name.replace(' ', "_"))?);
            exact.or_else(similar).cloned().map(Self::Known)
        })
    }

    pub(super) fn is_utc(&self) -> bool {
        matches!(self, Self::Utc)
    }

    pub(super) fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }

    /// Returns the instant of a time on this zone's wall clock.
    ///
    /// As RFC 5545 (3.3.5) demands, a time that occurs twice means its first occurrence, and a time that the clocks
    /// skip has the offset from before the change.
    pub(super) fn to_instant(&self, local: NaiveDateTime) -> Option<DateTime<Utc>> {
        let offset = match self {
            Self::Utc | Self::Unknown => return Some(local.and_utc()),
            Self::Known(rules) => {
                let (LocalInstants::Once(at) | LocalInstants::Twice(at, _) | LocalInstants::Skipped(at)) =
                    rules.find_instants(local)?;
                return Some(at);
            }
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
            Self::Utc | Self::Unknown => 0,
            Self::Known(rules) => rules.offset_at(at.timestamp()),
            Self::Described(changes) => {
                let has_begun =
                    |change: &OffsetChange| change.local - Duration::seconds(change.from) <= at.naive_utc();
                let last = changes.iter().rev().find(|change| has_begun(change));
                last.map_or_else(|| changes.first().map(|first| first.from), |last| Some(last.to))?
            }
        };
        at.naive_utc().checked_add_signed(Duration::seconds(offset))
    }

    /// Returns the latest that this zone's wall clock can show at an instant.
    pub(super) fn to_latest_local(&self, at: DateTime<Utc>) -> Option<NaiveDateTime> {
        self.to_local(at)?.checked_add_signed(self.uncertainty().0)
    }

    /// Returns how much earlier and later than computed an instant on this zone's clock can be.
    fn uncertainty(&self) -> (Duration, Duration) {
        match self {
            Self::Unknown => (MOST_AHEAD, MOST_BEHIND),
            _ => (Duration::zero(), Duration::zero()),
        }
    }

    /// Returns the window from one instant on this zone's clock to another, longer by what is not known of the zone. `None`
    /// if it is empty.
    pub(super) fn window(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Option<Window> {
        let exact = Window::new(from, to)?;
        let (earlier, later) = self.uncertainty();
        Window::new(
            exact.starts_at().checked_sub_signed(earlier)?,
            exact.ends_at().checked_add_signed(later)?,
        )
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

    /// Returns the whole day of this time.
    pub(super) fn to_whole_day(&self) -> Self {
        Self::from_whole_day(self.local.date(), self.zone.clone())
    }

    pub(super) fn to_instant(&self) -> Option<DateTime<Utc>> {
        self.zone.to_instant(self.local)
    }

    /// Returns the exact seconds from this time to another, negative if the other is earlier.
    pub(super) fn seconds_until(&self, end: &Self) -> Option<i64> {
        Some((end.to_instant()? - self.to_instant()?).num_seconds())
    }

    /// Returns the window of this length from this time on: days on the wall clock, seconds exactly. `None` if it is empty. If
    /// the zone is unknown, it contains all the time that it can mean.
    pub(super) fn window(&self, length: NominalLength) -> Option<Window> {
        let last_day = self
            .local
            .checked_add_days(Days::new(length.days.unsigned_abs()))?;
        let end = self
            .at_local(last_day)
            .to_instant()?
            .checked_add_signed(Duration::try_seconds(length.seconds)?)?;
        self.zone.window(self.to_instant()?, end)
    }
}
