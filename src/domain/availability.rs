//! Who is free: from what the books say is busy, to the segments that a booking gets, and to the slots on show.
//!
//! Pure, so that a checkout, a move, a page of slots and the alternatives of a refusal all reckon alike. Fairness is
//! here too: of several that are free, the one whose latest live hold is the oldest goes first, so that work goes round.
//! What is reckoned here may be stale the moment after: who gets a slot is decided by the database (I1).

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};

use super::booking::{Allocation, Segment};
use super::catalogue::{EventType, MAX_CAPACITY, SegmentTemplate};
use super::ids::{HoldId, ResourceId};
use super::time::Window;

mod occupancy;
mod resource_calendar;
mod units;

pub use occupancy::{Occupancy, OccupancyStatus, OccupiedBy, ResourceUsage};
use resource_calendar::ResourceCalendar;

/// How many combinations are tried before a composite counts as taken; far more than any shop's has.
const TRIES: u32 = 20_000;

/// How many alternatives a refusal names.
pub const ALTERNATIVES: usize = 5;

/// How far around a refused start alternatives are looked for: near first, since that is where most are found.
pub const REACH: [Duration; 3] = [Duration::days(1), Duration::days(7), Duration::days(31)];

/// What the books say about some resources within a window.
#[derive(Clone, Debug, Default)]
pub struct Availability(BTreeMap<ResourceId, ResourceCalendar>);

/// What is left out of the reckoning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OccupancyFilter {
    All,
    /// Holds whose guest's time is over: they are asked about, and then mostly gone.
    ExceptOverdue,
    /// Whatever may come back.
    ExceptUnpaid,
}

impl OccupancyFilter {
    fn leaves_out(self, status: OccupancyStatus) -> bool {
        match self {
            Self::All => false,
            Self::ExceptOverdue => matches!(status, OccupancyStatus::Overdue(_)),
            Self::ExceptUnpaid => status != OccupancyStatus::Confirmed,
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
    pub state: SlotStatus,
}

/// Whether a slot can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SlotStatus {
    /// Yes.
    Free,
    /// Not now, but it may come back: somebody has not paid yet.
    Held,
    /// No.
    Taken,
}

/// Who wants what.
#[derive(Clone, Copy, Debug)]
pub struct SlotRequest<'a> {
    /// What.
    pub event_type: &'a EventType,
    /// How many units of each segment.
    pub quantity: u32,
    /// Whom, where that matters to the guest.
    pub requested_resource: Option<&'a ResourceId>,
    /// The hold that is to be moved there: its own windows do not stand in its way, so that the books are asked for a
    /// calendar without them.
    pub moving: Option<HoldId>,
}

/// What a checkout can do about a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SlotAvailability {
    /// It is free: these units.
    Free(Vec<Allocation>),
    /// It would be free without these holds, whose time is over.
    Overdue(Vec<HoldId>),
    /// It is taken.
    Taken,
}

impl Availability {
    /// What the books said, in any order.
    pub fn new(standings: Vec<ResourceUsage>, found: Vec<Occupancy>) -> Self {
        let mut sheets: BTreeMap<ResourceId, ResourceCalendar> = BTreeMap::new();
        for one in standings {
            sheets.entry(one.resource.clone()).or_default().stands(&one);
        }
        for one in found {
            sheets.entry(one.resource.clone()).or_default().takes(one);
        }
        sheets.values_mut().for_each(ResourceCalendar::sort);
        Self(sheets)
    }

    /// All that is busy, by resource and start.
    pub fn busy(&self) -> impl Iterator<Item = &Occupancy> {
        self.0.values().flat_map(ResourceCalendar::busy)
    }

    /// Units for a booking from `starts_at` on, where there are as many; `unit_offset` as in [`Self::allocate`].
    pub fn units(
        &self,
        slot_request: &SlotRequest<'_>,
        starts_at: DateTime<Utc>,
        unit_offset: u32,
    ) -> Option<Vec<Allocation>> {
        let segments = self.fit(slot_request, starts_at, OccupancyFilter::All)?;
        self.allocate(segments, slot_request.quantity, unit_offset)
    }

    /// What a checkout from `starts_at` on can do; `unit_offset` as in [`Self::allocate`].
    pub fn chance(
        &self,
        slot_request: &SlotRequest<'_>,
        starts_at: DateTime<Utc>,
        unit_offset: u32,
    ) -> SlotAvailability {
        if let Some(units) = self.units(slot_request, starts_at, unit_offset) {
            return SlotAvailability::Free(units);
        }
        match self.fit(slot_request, starts_at, OccupancyFilter::ExceptOverdue) {
            Some(segments) => SlotAvailability::Overdue(self.overdue_in(slot_request, &segments)),
            None => SlotAvailability::Taken,
        }
    }

    /// How many units could be sold from `starts_at` on, overdue holds not counted.
    pub fn room(&self, slot_request: &SlotRequest<'_>, starts_at: DateTime<Utc>) -> u32 {
        let one = SlotRequest {
            quantity: 1,
            ..*slot_request
        };
        self.available(&one, starts_at, OccupancyFilter::ExceptOverdue)
    }

    /// The slot from `starts_at` on; `None` where time itself is at its end.
    pub fn slot(&self, slot_request: &SlotRequest<'_>, starts_at: DateTime<Utc>) -> Option<Slot> {
        let free = self.free_slot(slot_request, starts_at);
        free.or_else(|| {
            let may_come_back = self
                .fit(slot_request, starts_at, OccupancyFilter::ExceptUnpaid)
                .is_some();
            Some(Slot {
                window: Window::new(starts_at, starts_at + slot_request.event_type.length())?,
                available: 0,
                state: if may_come_back {
                    SlotStatus::Held
                } else {
                    SlotStatus::Taken
                },
            })
        })
    }

    /// The slot from `starts_at` on, if it can be had.
    fn free_slot(&self, slot_request: &SlotRequest<'_>, starts_at: DateTime<Utc>) -> Option<Slot> {
        let available = self.available(slot_request, starts_at, OccupancyFilter::All);
        let window = Window::new(starts_at, starts_at + slot_request.event_type.length())?;
        (available > 0).then_some(Slot {
            window,
            available,
            state: SlotStatus::Free,
        })
    }

    /// The free slots nearest to a start that was refused, nearest first; of two as near, the earlier. `starts` are those
    /// that are for sale; no more of them are reckoned than it takes.
    pub fn nearest(
        &self,
        slot_request: &SlotRequest<'_>,
        mut starts: Vec<DateTime<Utc>>,
        refused: DateTime<Utc>,
    ) -> Vec<Slot> {
        starts.sort_by_key(|start| ((*start - refused).abs(), *start));
        let others = starts.into_iter().filter(|start| *start != refused);
        let free = others.filter_map(|start| self.free_slot(slot_request, start));
        free.take(ALTERNATIVES).collect()
    }

    fn available(
        &self,
        slot_request: &SlotRequest<'_>,
        starts_at: DateTime<Utc>,
        without: OccupancyFilter,
    ) -> u32 {
        let templates = &slot_request.event_type.segments;
        let overlap = |a: &SegmentTemplate, b: &SegmentTemplate| {
            let windows = slot_request
                .event_type
                .busy(a, starts_at)
                .zip(slot_request.event_type.busy(b, starts_at));
            windows.is_some_and(|(one, other)| one.overlaps(&other))
        };
        let alone = templates.iter().enumerate().all(|(n, need)| {
            let rest = templates[n + 1..].iter();
            rest.filter(|other| need.shares_resource_with(other))
                .all(|other| !overlap(need, other))
        });
        if alone {
            // No two segments want one resource at one time: each is counted for itself.
            let each = templates
                .iter()
                .map(|need| self.places(slot_request, need, starts_at, without));
            return each.min().unwrap_or_default();
        }
        let mut taken = Vec::new();
        for count in 0..MAX_CAPACITY {
            match self.fit_beside(slot_request, starts_at, without, &taken) {
                Some(segments) => taken.extend(segments),
                None => return count,
            }
        }
        MAX_CAPACITY
    }

    /// How many bookings of the quantity one segment's resources still take.
    fn places(
        &self,
        slot_request: &SlotRequest<'_>,
        need: &SegmentTemplate,
        starts_at: DateTime<Utc>,
        without: OccupancyFilter,
    ) -> u32 {
        let Some(window) = slot_request.event_type.busy(need, starts_at) else {
            return 0;
        };
        let free = choice(slot_request, need)
            .map(|resource| self.free_units(resource, window, without) / slot_request.quantity);
        free.sum()
    }

    fn fit(
        &self,
        slot_request: &SlotRequest<'_>,
        starts_at: DateTime<Utc>,
        without: OccupancyFilter,
    ) -> Option<Vec<Segment>> {
        self.fit_beside(slot_request, starts_at, without, &[])
    }

    /// Segments for one booking beside those that others of the same quantity have `taken`.
    fn fit_beside(
        &self,
        slot_request: &SlotRequest<'_>,
        starts_at: DateTime<Utc>,
        without: OccupancyFilter,
        taken: &[Segment],
    ) -> Option<Vec<Segment>> {
        let mut candidates = Vec::new();
        for need in &slot_request.event_type.segments {
            let window = slot_request.event_type.busy(need, starts_at)?;
            let enough = |resource: &&ResourceId| {
                let mine = taken
                    .iter()
                    .filter(|one| one.resource == **resource && one.busy.overlaps(&window));
                let gone = slot_request.quantity * u32::try_from(mine.count()).unwrap_or(u32::MAX);
                self.free_units(resource, window, without) >= gone.saturating_add(slot_request.quantity)
            };
            let mut free: Vec<_> = choice(slot_request, need).filter(enough).collect();
            // Stable: who never had a hold goes first, in the order that the shop wrote.
            free.sort_by_key(|resource| self.0.get(*resource).and_then(ResourceCalendar::latest));
            let segments = free
                .into_iter()
                .map(|resource| slot_request.event_type.segment(need, resource, starts_at));
            candidates.push(segments.collect::<Option<Vec<_>>>()?);
        }
        let mut chosen = Vec::new();
        choose(&candidates, &mut chosen, &mut { TRIES }).then_some(chosen)
    }
}

/// Whom the guest accepts for a need: a wish concerns the first segment that names the resource. One that none names is
/// granted by nobody.
fn choice<'a>(
    slot_request: &SlotRequest<'a>,
    need: &'a SegmentTemplate,
) -> impl Iterator<Item = &'a ResourceId> {
    let wanted = slot_request.requested_resource.filter(|wanted| {
        let first = slot_request
            .event_type
            .segments
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
