//! Finds the time zones of a feed: first by the feed's own descriptions (`VTIMEZONE`), which RFC 5545 (3.6.5) makes the
//! authority, and then by their names.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use chrono::Duration;

use super::lines::{CalendarComponents, Component};
use super::recurrence::{self, ExpansionBudget};
use super::values::{parse_date_time, parse_utc_offset};
use super::zone::{OffsetChange, Zone, ZonedTime};
use crate::domain::time::Window;
use crate::domain::zone::ZoneDatabase;

/// The most offset changes in one described zone. Two changes each year since 1601 are fewer.
const MAX_OFFSET_CHANGES: usize = 2_000;

/// How many days after the window the changes of a described zone are expanded.
const DAYS_AFTER_WINDOW: i64 = 400;

/// The time zones of one feed.
pub(super) struct FeedZones<'a> {
    database: &'a ZoneDatabase,
    /// The descriptions of each name, with the numbers of their `VCALENDAR`, in order.
    described: HashMap<String, Vec<(usize, Zone)>>,
    /// The zones that were looked up by their names, because a feed names the same ones again and again.
    found: RefCell<HashMap<String, Option<Zone>>>,
    /// The zone that the operator named.
    named: Option<Zone>,
    /// The zones that the `VCALENDAR` with these numbers name.
    written: BTreeMap<usize, Zone>,
    fallback: Zone,
    is_fallback_used: Cell<bool>,
}

impl<'a> FeedZones<'a> {
    /// Reads the descriptions of the zones. One that is invalid is left out, so that its zone is found by its name.
    pub(super) fn new(
        components: &CalendarComponents,
        named: Option<&str>,
        within: Window,
        budget: &mut ExpansionBudget,
        database: &'a ZoneDatabase,
    ) -> Self {
        let mut zones = Self {
            database,
            described: HashMap::new(),
            found: RefCell::default(),
            named: named.and_then(|name| Zone::find_named(name, database)),
            written: BTreeMap::new(),
            fallback: Zone::Utc,
            is_fallback_used: Cell::new(false),
        };
        for component in &components.zones {
            let Some(id) = component.value("TZID") else {
                continue;
            };
            let of_name = zones.described.get(id).and_then(|all| all.last());
            if of_name.is_some_and(|(calendar, _)| *calendar == component.calendar) {
                continue;
            }
            let zone = parse_description(component, within, budget)
                .or_else(|| Zone::find_named(component.value("X-LIC-LOCATION")?, database));
            if let Some(zone) = zone {
                let all = zones.described.entry(id.to_owned()).or_default();
                all.push((component.calendar, zone));
            }
        }
        let written = components.default_zones.iter();
        zones.written = written
            .filter_map(|(calendar, name)| Some((*calendar, zones.find_zone(name, *calendar)?)))
            .collect();
        zones
    }

    /// Sets the zone that is the default if the feed names none.
    pub(super) fn set_fallback(&mut self, zone: Zone) {
        self.fallback = zone;
    }

    /// Tells whether an event's time depends on the zone that [`Self::set_fallback`] sets.
    pub(super) fn is_fallback_used(&self) -> bool {
        self.is_fallback_used.get()
    }

    /// Returns the zone with this name: as its own `VCALENDAR` describes it, else another one, else by the name.
    pub(super) fn find_zone(&self, id: &str, calendar: usize) -> Option<Zone> {
        let id = id.trim();
        let described = self.described.get(id).and_then(|all| choose(all, calendar));
        described.cloned().or_else(|| {
            let mut found = self.found.borrow_mut();
            let known = found.get(id).cloned();
            known.unwrap_or_else(|| {
                let zone = Zone::find_named(id, self.database);
                found.insert(id.to_owned(), zone.clone());
                zone
            })
        })
    }

    /// Returns the zone of times in a zone with an unknown name: that of the feed. The fallback does not count, because
    /// such a time names another zone.
    pub(super) fn zone_of_unknown_name(&self, calendar: usize) -> Zone {
        self.find_zone_of_feed(calendar).cloned().unwrap_or(Zone::Unknown)
    }

    /// Returns the zone of whole days and of times without a zone: that of the feed, else the fallback.
    pub(super) fn default_zone(&self, calendar: usize) -> Zone {
        self.find_zone_of_feed(calendar).cloned().unwrap_or_else(|| {
            self.is_fallback_used.set(true);
            self.fallback.clone()
        })
    }

    /// Finds the zone of a feed: the one that is named beside it, else `X-WR-TIMEZONE`, else the only described zone.
    fn find_zone_of_feed(&self, calendar: usize) -> Option<&Zone> {
        let own = self.named.as_ref().or_else(|| self.written.get(&calendar));
        let of_feed = own.or_else(|| self.written.values().next());
        of_feed.or_else(|| self.find_only_described(calendar))
    }

    fn find_only_described(&self, calendar: usize) -> Option<&Zone> {
        let mut all = self.described.values();
        all.next()
            .filter(|_| self.described.len() == 1)
            .and_then(|all| choose(all, calendar))
    }
}

/// Chooses the description in a `VCALENDAR`, else the first in the feed.
fn choose(all: &[(usize, Zone)], calendar: usize) -> Option<&Zone> {
    let own = all.binary_search_by_key(&calendar, |(number, _)| *number);
    all.get(own.unwrap_or_default()).map(|(_, zone)| zone)
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
            let expansion = recurrence::expand_rule(&rule.value, &start, first..end, budget).ok()?;
            // A zone that is described in part would be wrong by an hour.
            expansion.is_whole.then_some(())?;
            locals.extend(expansion.starts);
        }
        for line in part.lines("RDATE") {
            locals.extend(line.values().filter_map(parse_date_time).map(|(local, _)| local));
        }
        changes.extend(locals.into_iter().map(|local| OffsetChange { local, from, to }));
    }
    changes.sort_by_key(|change| change.local);
    (1..=MAX_OFFSET_CHANGES)
        .contains(&changes.len())
        .then(|| Zone::Described(changes.into()))
}
