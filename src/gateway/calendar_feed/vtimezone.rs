//! Finds the time zones of a feed: first by the feed's own descriptions (`VTIMEZONE`), which RFC 5545 (3.6.5) makes the
//! authority, and then by their names.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
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
    described: HashMap<String, Zone>,
    /// The zones that were looked up by their names, because a feed names the same ones again and again.
    named: RefCell<HashMap<String, Option<Zone>>>,
    /// The zone of whole days, and of times without a zone or in an unknown one. `None` if the feed names none.
    own: Option<Zone>,
    fallback: Zone,
    is_fallback_used: Cell<bool>,
}

impl<'a> FeedZones<'a> {
    /// Reads the descriptions of the zones. One that is invalid is left out, so that its zone is found by its name.
    ///
    /// The feed's own zone is the one `named` beside the feed, else `X-WR-TIMEZONE`, else its only described zone.
    pub(super) fn new(
        components: &CalendarComponents,
        named: Option<&str>,
        within: Window,
        budget: &mut ExpansionBudget,
        database: &'a ZoneDatabase,
    ) -> Self {
        let mut described = HashMap::new();
        for component in &components.zones {
            let Some(id) = component.value("TZID").filter(|id| !described.contains_key(*id)) else {
                continue;
            };
            let zone = parse_description(component, within, budget)
                .or_else(|| Zone::find_named(component.value("X-LIC-LOCATION")?, database));
            described.extend(zone.map(|zone| (id.to_owned(), zone)));
        }
        let mut zones = Self {
            database,
            described,
            named: RefCell::default(),
            own: None,
            fallback: Zone::Utc,
            is_fallback_used: Cell::new(false),
        };
        let written = || zones.find_zone(components.default_zone.as_deref()?);
        let only = || {
            zones
                .described
                .values()
                .next()
                .filter(|_| zones.described.len() == 1)
        };
        let own = named
            .and_then(|name| Zone::find_named(name, database))
            .or_else(written);
        zones.own = own.or_else(|| only().cloned());
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

    /// Returns the zone with this name.
    pub(super) fn find_zone(&self, id: &str) -> Option<Zone> {
        let id = id.trim();
        let find = || {
            let mut named = self.named.borrow_mut();
            let known = named.get(id).cloned();
            known.unwrap_or_else(|| {
                let found = Zone::find_named(id, self.database);
                named.insert(id.to_owned(), found.clone());
                found
            })
        };
        self.described.get(id).cloned().or_else(find)
    }

    /// Returns the zone of whole days, and of times without a zone.
    pub(super) fn default_zone(&self) -> Zone {
        self.own.clone().unwrap_or_else(|| {
            self.is_fallback_used.set(true);
            self.fallback.clone()
        })
    }
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
