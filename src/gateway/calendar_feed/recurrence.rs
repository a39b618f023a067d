//! Expands a recurrence rule into the start times of its event, on the wall clock of the event's zone.
//!
//! A rule speaks of days and hours on the wall clock, but `rrule` computes in UTC. So it gets the wall clock's numbers
//! as if they were UTC; `zone` converts the results to instants. A feed comes from a stranger, so every step costs
//! budget, also a step that finds nothing, and both a rule and a feed have a limit of steps.

use std::ops::Range;

use chrono::{DateTime, NaiveDateTime, TimeZone as _};
use rrule::{Frequency, RRule, RRuleSet, Tz, Unvalidated};

use super::error::FeedEventError;
use super::values::{parse_date, parse_date_time};
use super::zone::ZonedTime;

/// The most steps of one rule: enough for a daily event of sixty years.
const MAX_STEPS_PER_RULE: u64 = 22_000;

/// The most steps of one feed: about two seconds of work, and many times what people's calendars need.
const MAX_STEPS_PER_FEED: u64 = 3_000_000;

/// The cost of finding out that a rule has no further date. `rrule` itself stops its search after so many steps.
const STEPS_OF_FAILED_SEARCH: u64 = 100_000;

/// The longest rule in bytes. No rule that a person made is longer.
const MAX_RULE_BYTES: usize = 500;

/// The most times of day in one rule, because `rrule` builds them for all of the rule's days at once.
const MAX_TIMES_PER_DAY: usize = 96;

/// The steps that are left for the rules of one feed.
pub(super) struct ExpansionBudget(u64);

impl ExpansionBudget {
    pub(super) fn new() -> Self {
        Self(MAX_STEPS_PER_FEED)
    }

    fn charge_steps(&mut self, steps: u64) {
        self.0 = self.0.saturating_sub(steps);
    }

    /// Returns whether no steps are left, so that no rule can be expanded any more.
    pub(super) fn is_spent(&self) -> bool {
        self.0 == 0
    }
}

/// Returns the start times in `range` of an event with this rule that first begins at `first`.
///
/// # Errors
/// [`FeedEventError::Rule`] if the rule is invalid, [`FeedEventError::TooOften`] if it takes too many steps to reach
/// the end of the range.
pub(super) fn expand_rule(
    text: &str,
    first: &ZonedTime,
    range: Range<NaiveDateTime>,
    budget: &mut ExpansionBudget,
) -> Result<Vec<NaiveDateTime>, FeedEventError> {
    let (rule, until) = parse_rule(text, first)?;
    let (freq, interval, count) = (rule.get_freq(), rule.get_interval(), rule.get_count());
    let wall_clock = Tz::UTC.from_utc_datetime(&first.local);
    let rule = rule.validate(wall_clock).map_err(|_| FeedEventError::Rule)?;
    let set = RRuleSet::new(wall_clock).rrule(rule).limit();
    let (mut found, mut yielded, mut steps, mut last) = (Vec::new(), 0, 0, first.local);
    let mut dates = set.into_iter();
    loop {
        if steps > MAX_STEPS_PER_RULE || budget.is_spent() {
            return Err(FeedEventError::TooOften);
        }
        let Some(local) = dates.next().map(|date: DateTime<Tz>| date.naive_utc()) else {
            // Without its UNTIL, a rule ends by its count. If it ends earlier, `rrule` searched in vain for a date that
            // does not exist, such as February 30.
            if count.is_none_or(|count| yielded < count) {
                budget.charge_steps(STEPS_OF_FAILED_SEARCH);
            }
            return Ok(found);
        };
        let cost = estimate_steps(freq, interval, local - last);
        budget.charge_steps(cost);
        (steps, last, yielded) = (steps + cost, local, yielded + 1);
        if local >= range.end || until.is_some_and(|until| local > until) {
            return Ok(found);
        }
        if local >= range.start {
            found.push(local);
        }
    }
}

/// Estimates the steps of `rrule` between two dates that are `apart`: one for each interval in which it found nothing.
fn estimate_steps(freq: Frequency, interval: u16, apart: chrono::Duration) -> u64 {
    // A yearly or monthly step costs more, because `rrule` builds a table for it.
    let (unit, weight) = match freq {
        Frequency::Yearly => (365 * 86_400, 10),
        Frequency::Monthly => (28 * 86_400, 3),
        Frequency::Weekly => (7 * 86_400, 1),
        Frequency::Daily => (86_400, 1),
        Frequency::Hourly => (3_600, 1),
        Frequency::Minutely => (60, 1),
        Frequency::Secondly => (1, 1),
    };
    let steps = apart.num_seconds().unsigned_abs() / (unit * u64::from(interval.max(1)));
    weight * steps.max(1)
}

/// Parses a rule, and its UNTIL on the wall clock.
///
/// UNTIL is kept apart from the rule: feeds write it as a date, in UTC or on the wall clock, whatever the start is, but
/// `rrule` accepts only the form that matches the start.
fn parse_rule(
    text: &str,
    first: &ZonedTime,
) -> Result<(RRule<Unvalidated>, Option<NaiveDateTime>), FeedEventError> {
    if text.len() > MAX_RULE_BYTES {
        return Err(FeedEventError::Rule);
    }
    let is_until = |part: &&str| {
        part.get(..6)
            .is_some_and(|key| key.eq_ignore_ascii_case("UNTIL="))
    };
    let parts: Vec<&str> = text.trim().split(';').filter(|part| !part.is_empty()).collect();
    let until = parts.iter().find(|part| is_until(part)).map(|part| &part[6..]);
    let rest: Vec<&str> = parts.iter().copied().filter(|part| !is_until(part)).collect();
    let rule: RRule<Unvalidated> = rest.join(";").parse().map_err(|_| FeedEventError::Rule)?;
    let lists = [
        rule.get_by_hour().len(),
        rule.get_by_minute().len(),
        rule.get_by_second().len(),
    ];
    if lists.into_iter().map(|list| list.max(1)).product::<usize>() > MAX_TIMES_PER_DAY {
        return Err(FeedEventError::TooOften);
    }
    let until = until.map(|until| parse_until(until, first).ok_or(FeedEventError::Rule));
    Ok((rule, until.transpose()?))
}

/// Parses an UNTIL value into the last moment on the wall clock of the rule's event.
fn parse_until(text: &str, first: &ZonedTime) -> Option<NaiveDateTime> {
    if let Some(date) = parse_date(text) {
        return date.and_hms_opt(23, 59, 59);
    }
    match parse_date_time(text)? {
        // Some feeds end the rule of a whole day by an instant. Its date counts.
        (at, true) if first.is_whole_day => at.date().and_hms_opt(23, 59, 59),
        (at, true) => first.zone.to_local(at.and_utc()),
        (at, false) => Some(at),
    }
}
