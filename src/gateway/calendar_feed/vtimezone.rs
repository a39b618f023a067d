//! Finds the time zones that a feed names: by their IANA names, by the Windows names that Outlook writes, or else by
//! the feed's own descriptions (`VTIMEZONE`).

use std::collections::HashMap;
use std::rc::Rc;

use chrono::Duration;
use chrono_tz::Tz;
use windows_timezones::WindowsTimezone;

use super::lines::{CalendarComponents, Component};
use super::recurrence::{self, ExpansionBudget};
use super::values::{parse_date_time, parse_utc_offset};
use super::zone::{OffsetChange, Zone, ZonedTime};
use crate::domain::time::Window;

/// The most offset changes in one described zone. Two changes each year since 1601 are fewer.
const MAX_OFFSET_CHANGES: usize = 2_000;

/// How many days after the window the changes of a described zone are expanded.
const DAYS_AFTER_WINDOW: i64 = 400;

/// The time zones of one feed.
pub(super) struct FeedZones {
    described: HashMap<String, Zone>,
    /// The zone of whole days and of times without a zone.
    pub(super) default: Zone,
}

impl FeedZones {
    /// Reads the descriptions of the zones whose names are not known. A zone with an invalid description stays unknown,
    /// which is an error only of the events that use it.
    pub(super) fn new(components: &CalendarComponents, within: Window, budget: &mut ExpansionBudget) -> Self {
        let mut described = HashMap::new();
        for component in &components.zones {
            let id = component.value("TZID").unwrap_or_default();
            if find_known_zone(id).is_some() || described.contains_key(id) {
                continue;
            }
            let known = component.value("X-LIC-LOCATION").and_then(find_known_zone);
            let zone = known
                .map(Zone::Known)
                .or_else(|| parse_description(component, within, budget));
            described.extend(zone.map(|zone| (id.to_owned(), zone)));
        }
        let mut zones = Self {
            described,
            default: Zone::Known(Tz::UTC),
        };
        let default = components.default_zone.as_deref();
        if let Some(zone) = default.and_then(|id| zones.find_zone(id)) {
            zones.default = zone;
        }
        zones
    }

    /// Returns the zone with this name.
    pub(super) fn find_zone(&self, id: &str) -> Option<Zone> {
        let id = id.trim();
        find_known_zone(id)
            .map(Zone::Known)
            .or_else(|| self.described.get(id).cloned())
    }
}

fn find_known_zone(id: &str) -> Option<Tz> {
    if let Ok(windows) = id.parse::<WindowsTimezone>() {
        return Some(Tz::from(windows));
    }
    // Some programs write a prefix: `/example.org/2026/Europe/Berlin`.
    let suffixes = id.match_indices('/').map(|(index, _)| &id[index + 1..]);
    [id].into_iter()
        .chain(suffixes.take(6))
        .find_map(|name| name.parse().ok())
}

/// Parses a zone's description. Returns `None` if the description is invalid.
fn parse_description(component: &Component, within: Window, budget: &mut ExpansionBudget) -> Option<Zone> {
    let mut changes = Vec::new();
    for part in &component.parts {
        let from = parse_utc_offset(part.value("TZOFFSETFROM")?)?;
        let to = parse_utc_offset(part.value("TZOFFSETTO")?)?;
        let (first, _) = parse_date_time(part.value("DTSTART")?)?;
        // The rule's times are on the wall clock before the change.
        let offset_before = Zone::Described(Rc::new([OffsetChange {
            local: first,
            from,
            to: from,
        }]));
        let start = ZonedTime::new(first, offset_before);
        let end = within
            .ends_at()
            .naive_utc()
            .checked_add_signed(Duration::days(DAYS_AFTER_WINDOW))?;
        let mut locals = vec![first];
        for rule in part.lines("RRULE") {
            locals.extend(recurrence::expand_rule(&rule.value, &start, first..end, budget).ok()?);
        }
        for line in part.lines("RDATE") {
            locals.extend(
                line.value
                    .split(',')
                    .filter_map(parse_date_time)
                    .map(|(local, _)| local),
            );
        }
        changes.extend(locals.into_iter().map(|local| OffsetChange { local, from, to }));
    }
    changes.sort_by_key(|change| change.local);
    (1..=MAX_OFFSET_CHANGES)
        .contains(&changes.len())
        .then(|| Zone::Described(changes.into()))
}
