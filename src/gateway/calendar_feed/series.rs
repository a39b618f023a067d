//! Expands a series: an event with its rules, its exceptions, and the repetitions that have an entry of their own.

use std::collections::HashSet;
use std::ops::Range;

use chrono::{DateTime, Duration, NaiveDateTime, Utc};

use super::error::{FeedError, FeedEventError};
use super::event::{ExcludedTimes, FeedEvent};
use super::recurrence::{self, ExpansionBudget};
use super::values::NominalLength;
use super::zone::{Zone, ZonedTime};
use crate::domain::time::Window;

/// What the entries with one id say.
#[derive(Default)]
pub(super) struct SeriesTimes {
    /// The busy times, also some outside of the window.
    pub(super) busy: Vec<Window>,
    /// What could not be expanded, with the entry's position in the feed.
    pub(super) faults: Vec<(usize, FeedEventError)>,
}

/// A change from one repetition on.
struct Shift<'a> {
    /// The first repetition that changes, on the wall clock of its series.
    from: NaiveDateTime,
    by: Duration,
    /// The zone of the changed repetitions.
    zone: Zone,
    event: &'a FeedEvent,
}

/// Expands the entries that share an id.
///
/// # Errors
/// [`FeedError::TooMuch`] if the budget is spent.
pub(super) fn expand_series(
    events: &[FeedEvent],
    within: Window,
    budget: &mut ExpansionBudget,
) -> Result<SeriesTimes, FeedError> {
    let mut times = SeriesTimes::default();
    let mut replaced = ExcludedTimes::default();
    let mut changes = Vec::new();
    for event in events.iter().filter(|event| event.is_repetition) {
        match &event.replaces {
            Some(change) if change.is_and_future => changes.push(event),
            Some(single) => replaced.add(&single.time),
            None => {}
        }
        // Also the first of changed repetitions, because the series may not have it.
        if !event.is_free {
            times.busy.extend(event.start.window(event.length));
        }
    }
    let rules_of_series: HashSet<&[String]> = events
        .iter()
        .filter(|event| !event.is_repetition)
        .map(|event| event.rules.as_slice())
        .collect();
    // A change of all later repetitions may have a rule of its own. Which of the two counts then is not known, so both do.
    let has_own_rule = |event: &FeedEvent| {
        let is_and_future = event.replaces.as_ref().is_some_and(|change| change.is_and_future);
        is_and_future && !event.rules.is_empty() && !rules_of_series.contains(event.rules.as_slice())
    };
    for event in events
        .iter()
        .filter(|event| !event.is_repetition || has_own_rule(event))
    {
        budget.charge_steps(changes.len() as u64);
        if budget.is_spent() {
            return Err(FeedError::TooMuch);
        }
        let shifts = match event.is_repetition {
            true => Vec::new(),
            false => list_shifts(event, &changes),
        };
        // A series that is free needs no expansion, unless some of it is not.
        if event.is_free && shifts.is_empty() {
            continue;
        }
        let starts = expand_starts(event, &shifts, within, budget, &mut times)?;
        let further = event
            .further
            .iter()
            .map(|(start, length)| (start.clone(), *length));
        for (start, own_length) in starts.into_iter().map(|start| (start, None)).chain(further) {
            if event.excluded.contains(&start) || replaced.contains(&start) {
                continue;
            }
            let (start, length, is_free) = shift_repetition(event, &shifts, start);
            if !is_free {
                times.busy.extend(start.window(own_length.unwrap_or(length)));
            }
        }
    }
    Ok(times)
}

/// Lists the changes from some repetition on, in order.
fn list_shifts<'a>(series: &FeedEvent, changes: &[&'a FeedEvent]) -> Vec<Shift<'a>> {
    let zone = &series.start.zone;
    let to_shift = |event: &&'a FeedEvent| {
        let replaced = &event.replaces.as_ref()?.time;
        let from = match replaced.is_whole_day || series.start.is_whole_day {
            true => replaced.local.date().and_time(series.start.local.time()),
            false => zone.to_local(replaced.to_instant()?)?,
        };
        // A time in UTC is moved on the clock of its series, so that it follows the changes of that clock.
        let is_converted =
            event.start.zone.is_utc() && !event.start.is_whole_day && !series.start.is_whole_day;
        let (local, zone) = match is_converted {
            true => (zone.to_local(event.start.to_instant()?)?, zone.clone()),
            false => (event.start.local, event.start.zone.clone()),
        };
        Some(Shift {
            from,
            by: local - from,
            zone,
            event,
        })
    };
    let mut shifts: Vec<Shift<'a>> = changes.iter().filter_map(to_shift).collect();
    shifts.sort_by_key(|shift| shift.from);
    shifts
}

/// Returns when a repetition takes place, how long it is, and whether it makes nobody busy.
fn shift_repetition(
    event: &FeedEvent,
    shifts: &[Shift<'_>],
    start: ZonedTime,
) -> (ZonedTime, NominalLength, bool) {
    let begun = shifts.partition_point(|shift| shift.from <= start.local);
    let last = begun.checked_sub(1).and_then(|index| shifts.get(index));
    let shifted = last.and_then(|shift| {
        let time = ZonedTime {
            local: start.local.checked_add_signed(shift.by)?,
            zone: shift.zone.clone(),
            is_whole_day: shift.event.start.is_whole_day,
        };
        Some((time, shift.event.length, shift.event.is_free))
    });
    shifted.unwrap_or((start, event.length, event.is_free))
}

/// Expands an event into its start times. It finds all that overlap the window, and also some outside of it.
///
/// # Errors
/// [`FeedError::TooMuch`] if the budget is spent.
fn expand_starts(
    event: &FeedEvent,
    shifts: &[Shift<'_>],
    within: Window,
    budget: &mut ExpansionBudget,
    times: &mut SeriesTimes,
) -> Result<Vec<ZonedTime>, FeedError> {
    let range = search_range(event, shifts, within);
    // The first occurrence is always the start of the event, whatever its rule says.
    let mut locals = HashSet::from([event.start.local]);
    for rule in &event.rules {
        let expansion = recurrence::expand_rule(rule, &event.start, range.clone(), budget);
        // The feed as a whole repeats too often, not only this event.
        if budget.is_spent() {
            return Err(FeedError::TooMuch);
        }
        let expansion = match expansion {
            Ok(expansion) => expansion,
            Err(error) => {
                times.faults.push((event.position, error));
                continue;
            }
        };
        if expansion.is_until_broken {
            times.faults.push((event.position, FeedEventError::Until));
        }
        if !expansion.is_whole {
            times.faults.push((event.position, FeedEventError::TooOften));
            let until = expansion
                .until
                .and_then(|until| event.start.zone.to_instant(until));
            let last_end = until.and_then(|until| until.checked_add_signed(event.max_length()));
            let from = event.start.to_instant().unwrap_or(within.starts_at());
            times.busy.extend(
                event
                    .start
                    .zone
                    .window(from, last_end.unwrap_or(within.ends_at())),
            );
            continue;
        }
        locals.extend(expansion.starts);
    }
    Ok(locals
        .into_iter()
        .map(|local| event.start.at_local(local))
        .collect())
}

/// Returns the range of starts on the wall clock, before any shift, that can overlap the window.
fn search_range(event: &FeedEvent, shifts: &[Shift<'_>], within: Window) -> Range<NaiveDateTime> {
    // A wall clock differs from UTC by at most a day, and so does a length in days from its nominal length.
    let shift = shifts
        .iter()
        .map(|shift| shift.by.abs())
        .max()
        .unwrap_or_default();
    let margin = Duration::days(2) + shift;
    let lengths = shifts.iter().map(|shift| shift.event.max_length());
    let length = lengths.fold(event.max_length(), Duration::max);
    let shifted = |at: DateTime<Utc>, by: Duration| at.naive_utc().checked_add_signed(by);
    let from = shifted(within.starts_at(), -(margin + length)).unwrap_or(NaiveDateTime::MIN);
    let to = shifted(within.ends_at(), margin).unwrap_or(NaiveDateTime::MAX);
    from..to
}
