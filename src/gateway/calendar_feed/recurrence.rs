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

/// The most steps of one rule: enough for an hourly event of twenty years.
const MAX_STEPS_PER_RULE: u64 = 200_000;

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

    pub(super) fn charge_steps(&mut self, steps: u64) {
        self.0 = self.0.saturating_sub(steps);
    }

    /// Returns whether no steps are left, so that no rule can be expanded any more.
    pub(super) fn is_spent(&self) -> bool {
        self.0 == 0
    }
}

/// What a rule expands to.
#[derive(Debug)]
pub(super) struct Expansion {
    /// The start times, as far as they were found.
    pub(super) starts: Vec<NaiveDateTime>,
    /// Whether these are all. If not, the rule has too many times.
    pub(super) is_whole: bool,
    /// The last moment of the rule, on the wall clock.
    pub(super) until: Option<NaiveDateTime>,
    /// Whether the rule has an UNTIL that cannot be read, so that it has no end.
    pub(super) is_until_broken: bool,
}

/// Returns the start times in `range` of an event with this rule that first begins at `first`.
///
/// # Errors
/// [`FeedEventError::Rule`] if the rule is invalid.
pub(super) fn expand_rule(
    text: &str,
    first: &ZonedTime,
    range: Range<NaiveDateTime>,
    budget: &mut ExpansionBudget,
) -> Result<Expansion, FeedEventError> {
    let (rule, mut expansion) = parse_rule(text, first)?;
    let (freq, interval, count) = (rule.get_freq(), rule.get_interval(), rule.get_count());
    let lists = [
        rule.get_by_hour().len(),
        rule.get_by_minute().len(),
        rule.get_by_second().len(),
    ];
    if lists.into_iter().map(|list| list.max(1)).product::<usize>() > MAX_TIMES_PER_DAY {
        return Ok(expansion);
    }
    let wall_clock = Tz::UTC.from_utc_datetime(&first.local);
    let rule = rule.validate(wall_clock).map_err(|_| FeedEventError::Rule)?;
    let set = RRuleSet::new(wall_clock).rrule(rule).limit();
    let (mut yielded, mut steps, mut last) = (0, 0, first.local);
    let mut dates = set.into_iter();
    while steps <= MAX_STEPS_PER_RULE && !budget.is_spent() {
        let Some(local) = dates.next().map(|date: DateTime<Tz>| date.naive_utc()) else {
            // Without its UNTIL, a rule ends by its count. If it ends earlier, `rrule` searched in vain: for a date that
            // does not exist, such as February 30, or for one that is too many minutes away.
            let is_by_count = count.is_some_and(|count| yielded >= count);
            if !is_by_count {
                budget.charge_steps(STEPS_OF_FAILED_SEARCH);
            }
            expansion.is_whole = is_by_count || !matches!(freq, Frequency::Minutely | Frequency::Secondly);
            return Ok(expansion);
        };
        let cost = estimate_steps(freq, interval, local - last);
        budget.charge_steps(cost);
        (steps, last, yielded) = (steps + cost, local, yielded + 1);
        if local >= range.end || expansion.until.is_some_and(|until| local > until) {
            expansion.is_whole = true;
            return Ok(expansion);
        }
        if local >= range.start {
            expansion.starts.push(local);
        }
    }
    Ok(expansion)
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

/// Parses a rule, and its UNTIL on the wall clock as an expansion without times.
///
/// UNTIL is kept apart from the rule: feeds write it as a date, in UTC or on the wall clock, whatever the start is, but
/// `rrule` accepts only the form that matches the start.
fn parse_rule(text: &str, first: &ZonedTime) -> Result<(RRule<Unvalidated>, Expansion), FeedEventError> {
    if text.len() > MAX_RULE_BYTES {
        return Err(FeedEventError::Rule);
    }
    let find_until = |part: &&str| strip_until(part).is_some();
    let parts = text
        .trim()
        .split(';')
        .map(str::trim)
        .filter(|part| !part.is_empty() && !is_default_part(part));
    let (untils, rest): (Vec<&str>, Vec<&str>) = parts.partition(find_until);
    let rule: RRule<Unvalidated> = rest.join(";").parse().map_err(|_| FeedEventError::Rule)?;
    if rule.get_count() == Some(0) {
        return Err(FeedEventError::Rule);
    }
    // The last of several counts. If one cannot be read, it may be the last.
    let read = untils
        .iter()
        .filter_map(|part| strip_until(part))
        .map(|until| parse_until(until, first));
    let read: Option<Vec<NaiveDateTime>> = read.collect();
    let expansion = Expansion {
        starts: Vec::new(),
        is_whole: false,
        is_until_broken: read.is_none(),
        until: read.and_then(|untils| untils.into_iter().max()),
    };
    Ok((rule, expansion))
}

/// Tells whether a part of a rule says what counts without it: the additions of RFC 7529, which `rrule` does not know.
fn is_default_part(part: &str) -> bool {
    let defaults = ["RSCALE=GREGORIAN", "SKIP=OMIT"];
    defaults.iter().any(|default| part.eq_ignore_ascii_case(default))
}

fn strip_until(part: &str) -> Option<&str> {
    let (key, until) = part.split_once('=')?;
    key.trim().eq_ignore_ascii_case("UNTIL").then_some(until.trim())
}

/// Parses an UNTIL value into the last moment on the wall clock of the rule's event.
fn parse_until(text: &str, first: &ZonedTime) -> Option<NaiveDateTime> {
    if let Some(date) = parse_date(text) {
        return date.and_hms_opt(23, 59, 59);
    }
    let (at, is_utc) = parse_date_time(text)?;
    let local = match is_utc {
        true => first.zone.to_latest_local(at.and_utc())?,
        false => at,
    };
    // Some feeds end the rule of a whole day by an instant, whose date is meant in UTC or on the wall clock. The later counts.
    match first.is_whole_day {
        true => local.date().max(at.date()).and_hms_opt(23, 59, 59),
        false => Some(local),
    }
}
