//! What repeats: a recurrence rule as the times at which its event begins, on the wall clock of the event's zone.
//!
//! `rrule` reckons in UTC, to which the wall clock's figures are given as if they were UTC's: a rule speaks of days and
//! hours on the wall, and which instants these are is `zone`'s to say. A feed is a stranger's, so each step is counted, also
//! those on which a rule finds nothing, and both a rule and a feed have a limit of steps.

use std::ops::Range;

use chrono::{DateTime, NaiveDateTime, TimeZone as _};
use rrule::{Frequency, RRule, RRuleSet, Tz, Unvalidated};

use super::Flaw;
use super::event::{self, Moment};

/// Most steps of one rule: a daily event of sixty years.
const OF_A_RULE: u64 = 22_000;

/// Most steps of one feed: two seconds' work, and many times what people's calendars need.
const OF_A_FEED: u64 = 3_000_000;

/// What it costs to find that a rule has no further day: `rrule` itself stops looking then.
const IN_VAIN: u64 = 100_000;

/// Longer than any rule that a person made.
const MAX_LENGTH: usize = 500;

/// Most times of a day that a rule may name; they are made for all its days at once.
const MAX_TIMES: usize = 96;

/// Steps that are left to a feed.
pub(super) struct Budget(u64);

impl Budget {
    pub(super) fn new() -> Self {
        Self(OF_A_FEED)
    }

    fn charge(&mut self, steps: u64) {
        self.0 = self.0.saturating_sub(steps);
    }

    /// Whether nothing is left: then nothing more is expanded.
    pub(super) fn is_spent(&self) -> bool {
        self.0 == 0
    }
}

/// The times in `range` at which a rule has an event begin that first began at `first`.
///
/// # Errors
/// [`Flaw::Rule`] for what is no rule, [`Flaw::TooOften`] where it takes too many steps to the end of the range.
pub(super) fn starts(
    text: &str,
    first: &Moment,
    range: Range<NaiveDateTime>,
    budget: &mut Budget,
) -> Result<Vec<NaiveDateTime>, Flaw> {
    let (rule, until) = parse(text, first)?;
    let (freq, interval, count) = (rule.get_freq(), rule.get_interval(), rule.get_count());
    let wall = Tz::UTC.from_utc_datetime(&first.local);
    let rule = rule.validate(wall).map_err(|_| Flaw::Rule)?;
    let set = RRuleSet::new(wall).rrule(rule).limit();
    let (mut found, mut given, mut steps, mut last) = (Vec::new(), 0, 0, first.local);
    let mut dates = set.into_iter();
    loop {
        if steps > OF_A_RULE || budget.is_spent() {
            return Err(Flaw::TooOften);
        }
        let Some(local) = dates.next().map(|date: DateTime<Tz>| date.naive_utc()) else {
            // Rules do not end but by their count, unless there is no such day.
            if count.is_none_or(|count| given < count) {
                budget.charge(IN_VAIN);
            }
            return Ok(found);
        };
        let step = cost(freq, interval, local - last);
        budget.charge(step);
        (steps, last, given) = (steps + step, local, given + 1);
        if local >= range.end || until.is_some_and(|until| local > until) {
            return Ok(found);
        }
        if local >= range.start {
            found.push(local);
        }
    }
}

/// The steps from one date to the next: those in between found nothing. A year's and a month's take longer, for their tables.
fn cost(freq: Frequency, interval: u16, apart: chrono::Duration) -> u64 {
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

/// A rule and its end, on the wall clock. The end is ours to watch: feeds write it as a date, in UTC and on the wall, whatever
/// the start is, and `rrule` takes only what fits the start.
fn parse(text: &str, first: &Moment) -> Result<(RRule<Unvalidated>, Option<NaiveDateTime>), Flaw> {
    if text.len() > MAX_LENGTH {
        return Err(Flaw::Rule);
    }
    let is_end = |part: &&str| {
        part.get(..6)
            .is_some_and(|key| key.eq_ignore_ascii_case("UNTIL="))
    };
    let parts: Vec<&str> = text.trim().split(';').filter(|part| !part.is_empty()).collect();
    let end = parts.iter().find(|part| is_end(part)).map(|part| &part[6..]);
    let rest: Vec<&str> = parts.iter().copied().filter(|part| !is_end(part)).collect();
    let rule: RRule<Unvalidated> = rest.join(";").parse().map_err(|_| Flaw::Rule)?;
    let lists = [
        rule.get_by_hour().len(),
        rule.get_by_minute().len(),
        rule.get_by_second().len(),
    ];
    if lists.into_iter().map(|list| list.max(1)).product::<usize>() > MAX_TIMES {
        return Err(Flaw::TooOften);
    }
    let until = end.map(|end| event::last_moment(end, first).ok_or(Flaw::Rule));
    Ok((rule, until.transpose()?))
}
