//! Calendar feeds of other people: parses a feed in iCalendar format (RFC 5545) into the times at which its owner is
//! busy.
//!
//! Events that are free, cancelled or without a duration are left out. Repeating events are expanded within the
//! requested window only. What cannot be read blocks rather than frees: an event blocks by what can be read of it, a broken
//! exception does not count, and an event that may be at other times too is named in [`ParsedFeed::unread`], so that its last
//! blocks stay. All of that is a fault. A feed that is cut off, or that would cost too much, is refused as a whole: with
//! half a calendar we would sell hours that are taken.
//!
//! Parsing is a pure function of the bytes. A hostile feed can take seconds, so callers run it on a blocking thread.
//! [`fetch`] downloads a feed; what follows from busy times is left to `workflow`.

mod error;
mod event;
pub mod fetch;
mod free_busy;
mod lines;
mod recurrence;
mod series;
mod times;
mod values;
mod vtimezone;
mod zone;

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use indexmap::IndexMap;

use crate::domain::time::Window;
use crate::domain::zone::ZoneDatabase;
use event::FeedEvent;
use lines::CalendarComponents;
use recurrence::ExpansionBudget;
use vtimezone::FeedZones;
use zone::Zone;

pub use error::{FeedError, FeedEventError, FeedFault};

/// The most busy times of one feed. No person's calendar has more.
const MAX_BUSY_TIMES: usize = 60_000;

/// A time at which the feed's owner is busy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BusyTime {
    /// The whole busy time, which may reach beyond the requested window.
    pub window: Window,
    /// The event's id in the feed. All repetitions of an event share it. Empty if the event has none.
    pub uid: Arc<str>,
}

/// The busy times of a feed, and what could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParsedFeed {
    /// The busy times in order of their start, each once.
    pub busy: Vec<BusyTime>,
    /// How many entries the feed has: events, repetitions with an entry of their own, and lists of busy times.
    pub entries: usize,
    /// What could not be read, in the feed's order; each kind once for each entry.
    pub faults: Vec<FeedFault>,
    /// The ids of the events whose last blocks stay, because the event may be at other times than those that were read.
    pub unread: BTreeSet<Arc<str>>,
}

/// The zones of a feed's whole days, and of its times without a zone, by their names.
#[derive(Clone, Debug, Default)]
pub struct ZoneNames {
    /// The zone that the operator named beside the feed. It counts before those that the feed names.
    pub named: Option<String>,
    /// The zones of the schedules of the feed's resource. They count if the feed names none; then it is busy in each.
    pub of_schedules: Vec<String>,
}

/// Tells whether a zone has this name, which is IANA's or Windows's.
pub fn is_zone_name(name: &str, zones: &ZoneDatabase) -> bool {
    Zone::find_named(name, zones).is_some()
}

/// Parses a feed into the busy times that overlap `within`.
///
/// # Errors
/// [`FeedError`] if the feed as a whole cannot be used.
pub fn parse_feed(
    feed: &[u8],
    within: Window,
    names: &ZoneNames,
    database: &ZoneDatabase,
) -> Result<ParsedFeed, FeedError> {
    let components = lines::parse_components(feed)?;
    let mut budget = ExpansionBudget::new();
    let mut zones = FeedZones::new(&components, names.named.as_deref(), within, &mut budget, database);
    let of_schedules = names
        .of_schedules
        .iter()
        .filter_map(|name| Zone::find_named(name, database));
    let mut fallbacks = of_schedules;
    zones.set_fallback(fallbacks.next().unwrap_or(Zone::Utc));
    let mut parsed = read_components(&components, &zones, within, &mut budget)?;
    for fallback in fallbacks {
        if !zones.is_fallback_used() {
            break;
        }
        zones.set_fallback(fallback);
        // The faults are the same in each zone.
        let read = read_components(&components, &zones, within, &mut budget)?;
        parsed.busy.extend(read.busy);
        parsed.check_size()?;
    }
    parsed.busy.sort();
    parsed.busy.dedup();
    Ok(parsed)
}

/// Reads a feed with one fallback for its zone.
fn read_components(
    components: &CalendarComponents,
    zones: &FeedZones<'_>,
    within: Window,
    budget: &mut ExpansionBudget,
) -> Result<ParsedFeed, FeedError> {
    let mut parsed = ParsedFeed {
        entries: components.events.len() + components.free_busy.len() + components.availability.len(),
        ..ParsedFeed::default()
    };
    for (series, uid) in group_events(components, zones, &mut parsed) {
        let times = series::expand_series(&series, within, budget)?;
        for (position, error) in times.faults {
            parsed.add_fault(position, &uid, error);
        }
        parsed.add_busy_times(times.busy, &uid, within)?;
    }
    let lists = components.free_busy.iter().chain(&components.availability);
    for (index, component) in lists.enumerate() {
        let uid = Arc::from(component.value("UID").unwrap_or_default());
        let mut faults = Vec::new();
        let busy = match index < components.free_busy.len() {
            true => free_busy::list_busy_times(component, zones, &mut faults),
            false => free_busy::list_unavailable_times(component, zones, within, &mut faults),
        };
        for error in faults {
            parsed.add_fault(components.events.len() + index + 1, &uid, error);
        }
        parsed.add_busy_times(busy, &uid, within)?;
    }
    parsed.faults.sort_by_key(|fault| fault.position);
    let mut known = HashSet::new();
    parsed
        .faults
        .retain(|fault| known.insert((fault.position, fault.error)));
    Ok(parsed)
}

/// Parses the events, and groups them by their ids. Events without an id belong to no group.
fn group_events(
    components: &CalendarComponents,
    zones: &FeedZones<'_>,
    parsed: &mut ParsedFeed,
) -> Vec<(Vec<FeedEvent>, Arc<str>)> {
    let mut groups: IndexMap<Arc<str>, Vec<FeedEvent>> = IndexMap::new();
    let mut others = Vec::new();
    for (index, component) in components.events.iter().enumerate() {
        let position = index + 1;
        let mut faults = Vec::new();
        let event = FeedEvent::parse(component, position, zones, &mut faults);
        // A free event has no busy times that could be missing, unless it replaces a repetition.
        if !event::is_free(component) || component.line("RECURRENCE-ID").is_some() {
            let uid = Arc::from(component.value("UID").unwrap_or_default());
            for error in faults {
                parsed.add_fault(position, &uid, error);
            }
        }
        match event {
            Some(event) if event.uid.is_empty() => others.push((vec![event], Arc::from(""))),
            Some(event) => groups.entry(Arc::clone(&event.uid)).or_default().push(event),
            None => {}
        }
    }
    let groups = groups.into_iter().map(|(uid, events)| (events, uid));
    groups.chain(others).collect()
}

impl ParsedFeed {
    fn add_fault(&mut self, position: usize, uid: &Arc<str>, error: FeedEventError) {
        if !error.frees_nothing() {
            self.unread.insert(Arc::clone(uid));
        }
        let uid = Arc::clone(uid);
        self.faults.push(FeedFault { position, uid, error });
    }

    fn add_busy_times(&mut self, busy: Vec<Window>, uid: &Arc<str>, within: Window) -> Result<(), FeedError> {
        let overlapping = busy.into_iter().filter(|window| window.overlaps(&within));
        self.busy.extend(overlapping.map(|window| BusyTime {
            window,
            uid: Arc::clone(uid),
        }));
        self.check_size()
    }

    fn check_size(&self) -> Result<(), FeedError> {
        match self.busy.len() > MAX_BUSY_TIMES {
            true => Err(FeedError::TooMuch),
            false => Ok(()),
        }
    }
}
