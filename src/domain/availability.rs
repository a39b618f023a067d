//! Who is free: from what the books say is busy, to the segments that a booking gets, and to the slots on show.
//!
//! Pure, so that a checkout, a move, a page of slots and the alternatives of a refusal all reckon alike. Fairness is
//! here too: of several that are free, the one whose latest live hold is the oldest goes first, so that work goes round.
//! What is reckoned here may be stale the moment after: who gets a slot is decided by the database (I1).

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};

use super::booking::{Allocation, Segment};
use super::catalogue::{EventType, MAX_CAPACITY, Need};
use super::ids::{HoldId, ResourceId};
use super::time::Window;

mod busy;
mod sheet;
mod units;

pub use busy::{Busy, By, Standing, Tenure};
use sheet::Sheet;

/// How many combinations are tried before a composite counts as taken; far more than any shop's has.
const TRIES: u32 = 20_000;

/// How many alternatives a refusal names.
pub const ALTERNATIVES: usize = 5;

/// How far around a refused start alternatives are looked for: near first, since that is where most are found.
pub const REACH: [Duration; 3] = [Duration::days(1), Duration::days(7), Duration::days(31)];

/// What the books say about some resources within a window.
#[derive(Clone, Debug, Default)]
pub struct Calendar(BTreeMap<ResourceId, Sheet>);

/// What is left out of the reckoning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Without {
    Nothing,
    /// Holds whose guest's time is over: they are asked about, and then mostly gone.
    Overdue,
    /// Whatever may come back.
    Unpaid,
}

impl Without {
    fn leaves_out(self, tenure: Tenure) -> bool {
        match self {
            Self::Nothing => false,
            Self::Overdue => matches!(tenure, Tenure::Overdue(_)),
            Self::Unpaid => tenure != Tenure::Firm,
        }
    }
}

/// A slot on show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// As the guest sees it.
    pub window: Window,
    /// How many bookings of the quantity that was asked for it still takes.
    pub available: u32,
    /// Whether it can be had, or may come back.
    pub state: SlotState,
}

/// Whether a slot can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SlotState {
    /// Yes.
    Free,
    /// Not now, but it may come back: somebody has not paid yet.
    Held,
    /// No.
    Taken,
}

/// Who wants what.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// What.
    pub event_type: &'a EventType,
    /// How many units of each segment.
    pub quantity: u32,
    /// Whom, where that matters to the guest.
    pub resource: Option<&'a ResourceId>,
    /// The hold that is to be moved there: its own windows do not stand in its way, so that the books are asked for a
    /// calendar without them.
    pub moving: Option<HoldId>,
}

/// What a checkout can do about a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chance {
    /// It is free: these units.
    Free(Vec<Allocation>),
    /// It would be free without these holds, whose time is over.
    Overdue(Vec<HoldId>),
    /// It is taken.
    Taken,
}

impl Calendar {
    /// What the books said, in any order.
    pub fn new(standings: Vec<Standing>, found: Vec<Busy>) -> Self {
        let mut sheets: BTreeMap<ResourceId, Sheet> = BTreeMap::new();
        for one in standings {
            sheets.entry(one.resource.clone()).or_default().stands(&one);
        }
        for one in found {
            sheets.entry(one.resource.clone()).or_default().takes(one);
        }
        sheets.values_mut().for_each(Sheet::sort);
        Self(sheets)
    }

    /// All that is busy, by resource and start.
    pub fn busy(&self) -> impl Iterator<Item = &Busy> {
        self.0.values().flat_map(Sheet::busy)
    }

    /// Units for a booking from `starts_at` on, where there are as many; `rivals` as in [`Self::allocate`].
    pub fn units(&self, wish: &Wish<'_>, starts_at: DateTime<Utc>, rivals: u32) -> Option<Vec<Allocation>> {
        let segments = self.fit(wish, starts_at, Without::Nothing)?;
        self.allocate(segments, wish.quantity, rivals)
    }

    /// What a checkout from `starts_at` on can do; `rivals` as in [`Self::allocate`].
    pub fn chance(&self, wish: &Wish<'_>, starts_at: DateTime<Utc>, rivals: u32) -> Chance {
        if let Some(units) = self.units(wish, starts_at, rivals) {
            return Chance::Free(units);
        }
        match self.fit(wish, starts_at, Without::Overdue) {
            Some(segments) => Chance::Overdue(self.overdue_in(wish, &segments)),
            None => Chance::Taken,
        }
    }

    /// How many units could be sold from `starts_at` on, overdue holds not counted.
    pub fn room(&self, wish: &Wish<'_>, starts_at: DateTime<Utc>) -> u32 {
        let one = Wish { quantity: 1, ..*wish };
        self.available(&one, starts_at, Without::Overdue)
    }

    /// The slot from `starts_at` on; `None` where time itself is at its end.
    pub fn slot(&self, wish: &Wish<'_>, starts_at: DateTime<Utc>) -> Option<Slot> {
        let free = self.free_slot(wish, starts_at);
        free.or_else(|| {
            let may_come_back = self.fit(wish, starts_at, Without::Unpaid).is_some();
            Some(Slot {
                window: Window::new(starts_at, starts_at + wish.event_type.length())?,
                available: 0,
                state: if may_come_back {
                    SlotState::Held
                } else {
                    SlotState::Taken
                },
            })
        })
    }

    /// The slot from `starts_at` on, if it can be had.
    fn free_slot(&self, wish: &Wish<'_>, starts_at: DateTime<Utc>) -> Option<Slot> {
        let available = self.available(wish, starts_at, Without::Nothing);
        let window = Window::new(starts_at, starts_at + wish.event_type.length())?;
        (available > 0).then_some(Slot {
            window,
            available,
            state: SlotState::Free,
        })
    }

    /// The free slots nearest to a start that was refused, nearest first; of two as near, the earlier. `starts` are those
    /// that are for sale; no more of them are reckoned than it takes.
    pub fn nearest(
        &self,
        wish: &Wish<'_>,
        mut starts: Vec<DateTime<Utc>>,
        refused: DateTime<Utc>,
    ) -> Vec<Slot> {
        starts.sort_by_key(|start| ((*start - refused).abs(), *start));
        let others = starts.into_iter().filter(|start| *start != refused);
        let free = others.filter_map(|start| self.free_slot(wish, start));
        free.take(ALTERNATIVES).collect()
    }

    fn available(&self, wish: &Wish<'_>, starts_at: DateTime<Utc>, without: Without) -> u32 {
        let needs = &wish.event_type.needs;
        let overlap = |a: &Need, b: &Need| {
            let windows = wish
                .event_type
                .busy(a, starts_at)
                .zip(wish.event_type.busy(b, starts_at));
            windows.is_some_and(|(one, other)| one.overlaps(&other))
        };
        let alone = needs.iter().enumerate().all(|(n, need)| {
            let rest = needs[n + 1..].iter();
            rest.filter(|other| need.shares_with(other))
                .all(|other| !overlap(need, other))
        });
        if alone {
            // No two segments want one resource at one time: each is counted for itself.
            let each = needs
                .iter()
                .map(|need| self.places(wish, need, starts_at, without));
            return each.min().unwrap_or_default();
        }
        let mut taken = Vec::new();
        for count in 0..MAX_CAPACITY {
            match self.fit_beside(wish, starts_at, without, &taken) {
                Some(segments) => taken.extend(segments),
                None => return count,
            }
        }
        MAX_CAPACITY
    }

    /// How many bookings of the quantity one segment's resources still take.
    fn places(&self, wish: &Wish<'_>, need: &Need, starts_at: DateTime<Utc>, without: Without) -> u32 {
        let Some(window) = wish.event_type.busy(need, starts_at) else {
            return 0;
        };
        let free =
            choice(wish, need).map(|resource| self.free_units(resource, window, without) / wish.quantity);
        free.sum()
    }

    fn fit(&self, wish: &Wish<'_>, starts_at: DateTime<Utc>, without: Without) -> Option<Vec<Segment>> {
        self.fit_beside(wish, starts_at, without, &[])
    }

    /// Segments for one booking beside those that others of the same quantity have `taken`.
    fn fit_beside(
        &self,
        wish: &Wish<'_>,
        starts_at: DateTime<Utc>,
        without: Without,
        taken: &[Segment],
    ) -> Option<Vec<Segment>> {
        let mut candidates = Vec::new();
        for need in &wish.event_type.needs {
            let window = wish.event_type.busy(need, starts_at)?;
            let enough = |resource: &&ResourceId| {
                let mine = taken
                    .iter()
                    .filter(|one| one.resource == **resource && one.busy.overlaps(&window));
                let gone = wish.quantity * u32::try_from(mine.count()).unwrap_or(u32::MAX);
                self.free_units(resource, window, without) >= gone.saturating_add(wish.quantity)
            };
            let mut free: Vec<_> = choice(wish, need).filter(enough).collect();
            // Stable: who never had a hold goes first, in the order that the shop wrote.
            free.sort_by_key(|resource| self.0.get(*resource).and_then(Sheet::latest));
            let segments = free
                .into_iter()
                .map(|resource| wish.event_type.segment(need, resource, starts_at));
            candidates.push(segments.collect::<Option<Vec<_>>>()?);
        }
        let mut chosen = Vec::new();
        choose(&candidates, &mut chosen, &mut { TRIES }).then_some(chosen)
    }
}

/// Whom the guest accepts for a need: a wish concerns the first segment that names the resource. One that none names is
/// granted by nobody.
fn choice<'a>(wish: &Wish<'a>, need: &'a Need) -> impl Iterator<Item = &'a ResourceId> {
    let wanted = wish.resource.filter(|wanted| {
        let first = wish
            .event_type
            .needs
            .iter()
            .find(|one| one.any_of.contains(wanted));
        first.is_none_or(|first| std::ptr::eq(first, need))
    });
    need.any_of
        .iter()
        .filter(move |one| wanted.is_none_or(|wanted| wanted == *one))
}

/// Picks one candidate for each segment, so that no two share a resource at one time.
fn choose(candidates: &[Vec<Segment>], chosen: &mut Vec<Segment>, tries: &mut u32) -> bool {
    let Some((next, rest)) = candidates.split_first() else {
        return true;
    };
    for candidate in next {
        *tries = tries.saturating_sub(1);
        if *tries == 0 {
            return false;
        }
        let clash =
            |other: &Segment| other.resource == candidate.resource && other.busy.overlaps(&candidate.busy);
        if chosen.iter().any(clash) {
            continue;
        }
        chosen.push(candidate.clone());
        if choose(rest, chosen, tries) {
            return true;
        }
        chosen.pop();
    }
    false
}

#[cfg(test)]
mod tests;
