//! Calendar feeds of other people: parses a feed in iCalendar format (RFC 5545) into the times at which its owner is
//! busy.
//!
//! Events that are free, cancelled or without a duration are left out. Repeating events are expanded within the
//! requested window only. An event that cannot be read is reported, and only its own times are missing. A feed that is
//! cut off, or that would cost too much, is refused as a whole: with half a calendar we would sell hours that are
//! taken.
//!
//! Parsing is a pure function of the text. A hostile feed can take seconds, so callers run it on a blocking thread.
//! [`fetch`] downloads a feed; what follows from busy times is left to `workflow`.

mod addresses;
mod error;
mod event;
pub mod fetch;
mod lines;
mod recurrence;
mod values;
mod vtimezone;
mod zone;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Duration, NaiveDateTime, Utc};

use crate::domain::time::Window;
use event::{ExcludedTimes, FeedEvent};
use lines::Component;
use recurrence::ExpansionBudget;
use vtimezone::FeedZones;
use zone::ZonedTime;

pub use error::{FeedError, FeedEventError, FeedFault};

/// The most busy times of one feed. No person's calendar has more.
const MAX_BUSY_TIMES: usize = 20_000;

/// A time at which the feed's owner is busy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BusyTime {
    /// The whole busy time, which may reach beyond the requested window.
    pub window: Window,
    /// The event's id in the feed. All repetitions of an event share it.
    pub uid: String,
}

/// The busy times of a feed, and the events that could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParsedFeed {
    /// The busy times in order of their start.
    pub busy: Vec<BusyTime>,
    /// The events that could not be read, in the feed's order. Their times are missing.
    pub faults: Vec<FeedFault>,
}

impl ParsedFeed {
    fn add_fault(&mut self, uid: Option<&str>, error: FeedEventError) {
        let uid = uid.unwrap_or_default().to_owned();
        self.faults.push(FeedFault { uid, error });
    }
}

/// Parses a feed into the busy times that overlap `within`.
///
/// Times without a zone, and whole days, are in the zone that the feed names (`X-WR-TIMEZONE`), or else in UTC.
///
/// # Errors
/// [`FeedError`] if the feed as a whole cannot be used.
pub fn parse_feed(feed: &str, within: Window) -> Result<ParsedFeed, FeedError> {
    let components = lines::parse_components(feed)?;
    let mut budget = ExpansionBudget::new();
    let zones = FeedZones::new(&components, within, &mut budget);
    let mut parsed = ParsedFeed::default();
    let events = parse_events(&components.events, &zones, &mut parsed);
    let replaced_times = collect_replaced_times(&events);
    for event in events.iter().filter(|event| !event.is_free) {
        let starts = match expand_starts(event, within, &mut budget) {
            Ok(starts) => starts,
            // The feed as a whole repeats too often, not only this event.
            Err(_) if budget.is_spent() => return Err(FeedError::TooMuch),
            Err(error) => {
                parsed.add_fault(Some(&event.uid), error);
                continue;
            }
        };
        let replaced = replaced_times
            .get(event.uid.as_str())
            .filter(|_| event.replaces.is_none());
        let takes_place = |start: &ZonedTime| {
            !event.excluded.contains(start) && !replaced.is_some_and(|times| times.contains(start))
        };
        let windows = starts
            .iter()
            .filter(|start| takes_place(start))
            .filter_map(|start| event.busy_window(start));
        parsed.busy.extend(
            windows
                .filter(|window| window.overlaps(&within))
                .map(|window| BusyTime {
                    window,
                    uid: event.uid.clone(),
                }),
        );
        if parsed.busy.len() > MAX_BUSY_TIMES {
            return Err(FeedError::TooMuch);
        }
    }
    parsed.busy.sort();
    parsed.busy.dedup();
    Ok(parsed)
}

fn parse_events(components: &[Component], zones: &FeedZones, parsed: &mut ParsedFeed) -> Vec<FeedEvent> {
    let mut events = Vec::new();
    for component in components {
        match FeedEvent::parse(component, zones) {
            Ok(event) => events.push(event),
            // A free event has no busy times that could be missing, unless it replaces a repetition.
            Err(_) if event::is_free(component) && component.line("RECURRENCE-ID").is_none() => {}
            Err(error) => parsed.add_fault(component.value("UID"), error),
        }
    }
    events
}

/// Collects, by event, the repetitions that have an entry of their own because they were moved, changed or cancelled.
fn collect_replaced_times(events: &[FeedEvent]) -> HashMap<&str, ExcludedTimes> {
    let mut replaced = HashMap::<_, ExcludedTimes>::new();
    for event in events {
        if let Some(time) = &event.replaces {
            replaced.entry(event.uid.as_str()).or_default().add(time);
        }
    }
    replaced
}

/// Expands an event into its start times. It finds all that overlap the window, and also some outside of it.
fn expand_starts(
    event: &FeedEvent,
    within: Window,
    budget: &mut ExpansionBudget,
) -> Result<Vec<ZonedTime>, FeedEventError> {
    // A wall clock differs from UTC by at most a day, and so does a length in days from its nominal length.
    let margin = Duration::days(2);
    let shifted = |at: DateTime<Utc>, by: Duration| at.naive_utc().checked_add_signed(by);
    let from = shifted(within.starts_at(), -(margin + event.max_length())).unwrap_or(NaiveDateTime::MIN);
    let to = shifted(within.ends_at(), margin).unwrap_or(NaiveDateTime::MAX);
    // The first occurrence is always the start of the event, whatever its rule says.
    let mut locals = HashSet::from([event.start.local]);
    for rule in &event.rules {
        locals.extend(recurrence::expand_rule(rule, &event.start, from..to, budget)?);
    }
    if locals.len() + event.further_starts.len() > MAX_BUSY_TIMES {
        return Err(FeedEventError::TooOften);
    }
    let starts = locals.into_iter().map(|local| event.start.at_local(local));
    Ok(starts.chain(event.further_starts.iter().cloned()).collect())
}
