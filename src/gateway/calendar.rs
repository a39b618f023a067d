//! Other people's calendars: a feed in iCalendar (RFC 5545), read as the times at which somebody is busy.
//!
//! What is free, cancelled or over by the feed's own word is left out; what repeats is expanded inside the window that is
//! asked for and nowhere else. An event that cannot be read is reported and costs only itself. A feed that would cost too
//! much, or that is not whole, is refused: half a calendar would sell hours that are taken. Reading is a pure function of
//! the text and takes at most seconds, so callers run it beside the runtime's threads. Where the text comes from is
//! [`fetch`]'s part; what follows from busy times is left to `workflow`.

mod addresses;
mod event;
pub mod fetch;
mod lines;
mod repeat;
mod zone;

#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod samples_tests;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Duration, NaiveDateTime, Utc};

use crate::domain::time::Window;
use event::{Event, Excluded, Moment};
use repeat::Budget;
use zone::Zones;

/// Most busy times that one feed gives; more is no person's calendar.
const MAX_BUSY: usize = 20_000;

/// A time that a feed says is taken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BusyTime {
    /// When; may reach out of the window that was asked for.
    pub window: Window,
    /// The event's own id, which all its repetitions share.
    pub uid: String,
}

/// What a feed says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// In order of time.
    pub busy: Vec<BusyTime>,
    /// Events that could not be read, in the feed's order. Their times are missing.
    pub faults: Vec<Fault>,
}

/// One event that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The event's id; empty where it has none.
    pub uid: String,
    /// What is wrong with it.
    pub flaw: Flaw,
}

/// Why an event cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// A line that is needed is not `NAME;PARAMETER=value:value`, or the event has no end.
    #[error("a line that is needed is broken")]
    Line,
    /// There is no start, or a date or a duration is none.
    #[error("a date or a duration is missing or broken")]
    Time,
    /// Neither the IANA's nor Windows' name of a zone, nor described in the feed.
    #[error("the time zone is unknown")]
    Zone,
    /// It ends before it begins.
    #[error("it ends before it begins")]
    Backwards,
    /// A recurrence rule that is none.
    #[error("the recurrence rule is broken")]
    Rule,
    /// A rule of thousands of repetitions.
    #[error("it repeats too often")]
    TooOften,
}

/// Why a feed gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// Not a calendar, or not all of one.
    #[error("is not a whole iCalendar file")]
    NotACalendar,
    /// Nested too deep, or repeating too often in sum.
    #[error("has more in it than a calendar should")]
    TooMuch,
    /// The address is not one from which feeds are read: its scheme, or a user's name in it.
    #[error("must be an https address without credentials")]
    Address,
    /// The address, or one that it redirects to, is inside some private network.
    #[error("leads to an address that is not public")]
    NotPublic,
    /// Nobody answers there, or not in HTTP over TLS.
    #[error("cannot be reached")]
    Unreachable,
    /// Too many redirects, or one that leads nowhere.
    #[error("redirects too often")]
    Redirects,
    /// An answer other than 200.
    #[error("answered with status {0}")]
    Status(u16),
    /// More than the limit of bytes.
    #[error("is too large")]
    TooLarge,
    /// Not whole within the time allowed.
    #[error("took too long")]
    TooSlow,
    /// Not UTF-8.
    #[error("is not UTF-8")]
    NotText,
}

/// The times at which the feed's owner is busy, as far as they share an instant with `within`.
///
/// Dates without a zone, and whole days, are read in the zone that the feed names (`X-WR-TIMEZONE`), else in UTC.
///
/// # Errors
/// [`FeedError`] where the feed as a whole cannot be used.
pub fn busy(feed: &str, within: Window) -> Result<Reading, FeedError> {
    let calendar = lines::read(feed)?;
    let mut budget = Budget::new();
    let zones = Zones::new(&calendar, within, &mut budget);
    let mut reading = Reading::default();
    let mut events = Vec::new();
    for component in &calendar.events {
        match Event::read(component, &zones) {
            Ok(event) => events.push(event),
            // Nobody misses it, unless it takes a repetition's place.
            Err(_) if event::is_free(component) && component.line("RECURRENCE-ID").is_none() => {}
            Err(flaw) => reading.fault(component.value("UID"), flaw),
        }
    }
    let replaced = replaced(&events);
    for event in events.iter().filter(|event| !event.free) {
        let occurrences = match occurrences(event, within, &mut budget) {
            Ok(occurrences) => occurrences,
            Err(_) if budget.is_spent() => return Err(FeedError::TooMuch),
            Err(flaw) => {
                reading.fault(Some(&event.uid), flaw);
                continue;
            }
        };
        let replaced = replaced
            .get(event.uid.as_str())
            .filter(|_| event.replaces.is_none());
        let left = |moment: &Moment| !event.excluded.has(moment) && !replaced.is_some_and(|r| r.has(moment));
        let windows = occurrences
            .iter()
            .filter(|moment| left(moment))
            .filter_map(|moment| event.window(moment));
        reading.busy.extend(
            windows
                .filter(|window| window.overlaps(&within))
                .map(|window| BusyTime {
                    window,
                    uid: event.uid.clone(),
                }),
        );
        if reading.busy.len() > MAX_BUSY {
            return Err(FeedError::TooMuch);
        }
    }
    reading.busy.sort();
    reading.busy.dedup();
    Ok(reading)
}

impl Reading {
    fn fault(&mut self, uid: Option<&str>, flaw: Flaw) {
        let uid = uid.unwrap_or_default().to_owned();
        self.faults.push(Fault { uid, flaw });
    }
}

/// By event, the repetitions that have an entry of their own: moved, changed or cancelled.
fn replaced(events: &[Event]) -> HashMap<&str, Excluded> {
    let mut replaced = HashMap::<_, Excluded>::new();
    for event in events {
        if let Some(moment) = &event.replaces {
            replaced.entry(event.uid.as_str()).or_default().add(moment);
        }
    }
    replaced
}

/// When an event begins, each time, near the window: nothing inside is missing, what is outside is left to the caller.
fn occurrences(event: &Event, within: Window, budget: &mut Budget) -> Result<Vec<Moment>, Flaw> {
    // The wall clock is never more than a day from UTC's, and a length in days not more than a day from its nominal one.
    let margin = Duration::days(2);
    let local = |at: DateTime<Utc>, by: Duration| at.naive_utc().checked_add_signed(by);
    let from = local(within.starts_at(), -(margin + event.longest())).unwrap_or(NaiveDateTime::MIN);
    let to = local(within.ends_at(), margin).unwrap_or(NaiveDateTime::MAX);
    let mut locals = HashSet::from([event.start.local]);
    for rule in &event.rules {
        locals.extend(repeat::starts(rule, &event.start, from..to, budget)?);
    }
    if locals.len() + event.more.len() > MAX_BUSY {
        return Err(Flaw::TooOften);
    }
    let moments = locals.into_iter().map(|local| event.start.at(local));
    Ok(moments.chain(event.more.iter().cloned()).collect())
}
