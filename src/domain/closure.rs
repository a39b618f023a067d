//! Closures: whole days on which the shop, or some of its resources, sells nothing.
//!
//! The days are those of the zone of closures. A closure keeps its resources busy by blocks, so that `availability` needs to know
//! of blocks only.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use super::ids::{ClosureId, ResourceId};
use super::time::Window;
use super::zone::{LocalInstants, ZoneDatabase, ZoneName, ZoneRules};

/// The largest number of resources that a closure may name.
pub const MAX_CLOSED_RESOURCES: usize = 1_000;

/// Days on which the shop, or some of its resources, is closed.
#[derive(Clone, PartialEq, Eq)]
pub struct Closure {
    /// Identifies the closure; the operator chooses it.
    pub id: ClosureId,
    /// The first closed day.
    pub first_day: NaiveDate,
    /// The last closed day, not before the first.
    pub last_day: NaiveDate,
    /// The reason, for the operator. May be personal, so it is never logged.
    pub note: String,
    /// The resources that are closed; if `None`, all are, also those that are made later.
    pub resources: Option<Vec<ResourceId>>,
}

impl std::fmt::Debug for Closure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Closure({}, {} to {})", self.id, self.first_day, self.last_day)
    }
}

/// A closure with the zone of its days, and the time that they are in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatedClosure {
    /// The closure by its days.
    pub closure: Closure,
    /// The zone of the days.
    pub timezone: ZoneName,
    /// The time from the first instant of the first day to the first instant after the last day.
    pub window: Window,
}

impl Closure {
    /// Says when the closure is, by the rules of a zone; `None` if the zone skips all of its days, or beyond the range of dates.
    pub fn date_in(&self, timezone: ZoneName, rules: &ZoneRules) -> Option<DatedClosure> {
        let from = rules.find_day_start(self.first_day)?;
        let to = find_day_end(rules, self.last_day)?;
        Some(DatedClosure {
            window: Window::new(from, to)?,
            timezone,
            closure: self.clone(),
        })
    }
}

/// Finds the instant after which a day does not come again: if the clocks go back over its end, the next day starts twice.
fn find_day_end(rules: &ZoneRules, day: NaiveDate) -> Option<DateTime<Utc>> {
    let next = day.succ_opt()?;
    match rules.find_instants(next.and_time(NaiveTime::MIN))? {
        LocalInstants::Twice(_, last) => Some(last),
        LocalInstants::Once(_) | LocalInstants::Skipped(_) => rules.find_day_start(next),
    }
}

/// The zones that closures can be in.
#[derive(Clone, Copy, Debug)]
pub struct ClosureZones<'a> {
    /// The rules of all zones.
    pub zones: &'a ZoneDatabase,
    /// The zone that counts unless all schedules share another one.
    pub configured: &'a ZoneName,
}

impl<'a> ClosureZones<'a> {
    /// Chooses the zone that all schedules share, else the configured one; `None` if the rules of neither are known.
    pub fn choose(&self, of_schedules: &[String]) -> Option<(ZoneName, &'a ZoneRules)> {
        let shared = match of_schedules {
            [only] => Some(ZoneName::new(only)),
            _ => None,
        };
        let known = |name: ZoneName| self.zones.find(&name).map(|rules| (name, rules));
        shared.and_then(known).or_else(|| known(self.configured.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date_in(zone: &str, first: &str, last: &str) -> Option<(String, String)> {
        let closure = Closure {
            id: ClosureId::parse("holiday").unwrap(),
            first_day: first.parse().unwrap(),
            last_day: last.parse().unwrap(),
            note: String::new(),
            resources: None,
        };
        let name = ZoneName::new(zone);
        let zones = ZoneDatabase::linked();
        let window = closure.date_in(name.clone(), zones.find(&name).unwrap())?.window;
        Some((window.starts_at().to_rfc3339(), window.ends_at().to_rfc3339()))
    }

    /// Also where midnight is skipped (Beirut) or comes twice (Azores), and where a whole day is skipped (Apia).
    #[test]
    fn closure_has_its_days_from_midnight_to_midnight() {
        for (zone, first, last, from, to) in [
            (
                "UTC",
                "2026-12-24",
                "2026-12-26",
                "2026-12-24T00:00:00",
                "2026-12-27T00:00:00",
            ),
            (
                "Europe/Berlin",
                "2026-12-24",
                "2026-12-24",
                "2026-12-23T23:00:00",
                "2026-12-24T23:00:00",
            ),
            (
                "Europe/Berlin",
                "2026-03-29",
                "2026-03-29",
                "2026-03-28T23:00:00",
                "2026-03-29T22:00:00",
            ),
            (
                "Europe/Berlin",
                "2026-10-25",
                "2026-10-25",
                "2026-10-24T22:00:00",
                "2026-10-25T23:00:00",
            ),
            (
                "Asia/Beirut",
                "2026-03-29",
                "2026-03-29",
                "2026-03-28T22:00:00",
                "2026-03-29T21:00:00",
            ),
            (
                "Atlantic/Azores",
                "2020-10-24",
                "2020-10-24",
                "2020-10-24T00:00:00",
                "2020-10-25T01:00:00",
            ),
            (
                "Atlantic/Azores",
                "2020-10-25",
                "2020-10-25",
                "2020-10-25T00:00:00",
                "2020-10-26T01:00:00",
            ),
            (
                "Pacific/Apia",
                "2011-12-29",
                "2011-12-30",
                "2011-12-29T10:00:00",
                "2011-12-30T10:00:00",
            ),
        ] {
            let expected = (format!("{from}+00:00"), format!("{to}+00:00"));
            assert_eq!(date_in(zone, first, last), Some(expected), "{zone} {first}");
        }
        assert_eq!(date_in("Pacific/Apia", "2011-12-30", "2011-12-30"), None);
    }

    #[test]
    fn zone_is_the_one_that_all_schedules_share() {
        let zones = ZoneDatabase::linked();
        let configured = ZoneName::new("Europe/Berlin");
        let shop = ClosureZones {
            zones: &zones,
            configured: &configured,
        };
        let choose = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            shop.choose(&names).unwrap().0.to_string()
        };
        assert_eq!(choose(&[]), "Europe/Berlin");
        assert_eq!(choose(&["Asia/Tokyo"]), "Asia/Tokyo");
        assert_eq!(choose(&["Asia/Tokyo", "UTC"]), "Europe/Berlin");
        assert_eq!(choose(&["Mars/Olympus"]), "Europe/Berlin");
    }
}
