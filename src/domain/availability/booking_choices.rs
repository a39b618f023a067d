//! The search for a choice of resources: one for each segment of a booking, so that no resource serves two at the same time.

use std::collections::HashMap;

use super::slot::SlotRequest;
use crate::domain::catalogue::MAX_CAPACITY;
use crate::domain::ids::ResourceId;

/// Most combinations to try before a composite event type counts as taken. The search is exponential in the number of
/// segments; real shops need far fewer tries.
const MAX_TRIES: u32 = 20_000;

/// A resource that can serve a segment.
struct Candidate<'a> {
    resource: &'a ResourceId,
    /// The same for the same resource in each segment.
    resource_number: usize,
    /// How many of its units are free.
    free: u32,
    /// How many of those are left by the bookings that were counted.
    left: u32,
}

/// The resources that can serve one segment, those that serve first in front.
struct SegmentChoice<'a> {
    candidates: Vec<Candidate<'a>>,
    /// How many candidates in front have too few units left.
    used_up: usize,
    /// For each segment, whether it overlaps this one in time.
    overlaps: Vec<bool>,
}

/// A candidate of a segment, by their positions.
pub(super) type ChosenCandidate = (usize, usize);

/// What a booking can choose from. It is made once, however many bookings and starts are counted.
pub(super) struct BookingChoices<'a> {
    quantity: u32,
    segments: Vec<SegmentChoice<'a>>,
    /// For each number of a resource, where it is a candidate.
    places: Vec<Vec<ChosenCandidate>>,
    /// The bookings that were counted, if the free units are still the same.
    counted: Option<u32>,
    chosen: Vec<ChosenCandidate>,
}

impl<'a> BookingChoices<'a> {
    /// Takes the candidates of each segment in the order in which they serve, with their free units.
    pub(super) fn new(
        request: &SlotRequest<'a>,
        candidates: impl Iterator<Item = Vec<(&'a ResourceId, u32)>>,
    ) -> Self {
        let event_type = request.event_type;
        let mut numbers: HashMap<&ResourceId, usize> = HashMap::new();
        let mut places: Vec<Vec<ChosenCandidate>> = Vec::new();
        let mut segments = Vec::with_capacity(event_type.segments.len());
        for (segment, (template, candidates)) in event_type.segments.iter().zip(candidates).enumerate() {
            let candidates = candidates
                .into_iter()
                .enumerate()
                .map(|(position, (resource, free))| {
                    let resource_number = *numbers.entry(resource).or_insert(places.len());
                    if resource_number == places.len() {
                        places.push(Vec::new());
                    }
                    places[resource_number].push((segment, position));
                    Candidate {
                        resource,
                        resource_number,
                        free,
                        left: free,
                    }
                });
            let others = event_type.segments.iter();
            segments.push(SegmentChoice {
                candidates: candidates.collect(),
                used_up: 0,
                overlaps: others
                    .map(|other| event_type.has_overlap(template, other))
                    .collect(),
            });
        }
        Self {
            quantity: request.quantity,
            segments,
            places,
            counted: None,
            chosen: Vec::new(),
        }
    }

    /// Lists the candidates of a segment in their order.
    pub(super) fn candidates_of(&self, segment: usize) -> impl Iterator<Item = &'a ResourceId> {
        let candidates = self.segments[segment].candidates.iter();
        candidates.map(|candidate| candidate.resource)
    }

    /// Returns the resource of a candidate.
    pub(super) fn resource_of(&self, (segment, candidate): ChosenCandidate) -> &'a ResourceId {
        self.segments[segment].candidates[candidate].resource
    }

    /// Sets how many units of a candidate are free at the next start.
    pub(super) fn set_free_units(&mut self, (segment, candidate): ChosenCandidate, units: u32) {
        let candidate = &mut self.segments[segment].candidates[candidate];
        if candidate.free != units {
            candidate.free = units;
            self.counted = None;
        }
    }

    /// Counts how many bookings fit at the same time, at most so many: they are added one by one until no choice is left.
    pub(super) fn count_bookings(&mut self, most: u32) -> u32 {
        if let Some(counted) = self.counted {
            return counted;
        }
        for segment in &mut self.segments {
            segment.used_up = 0;
            for candidate in &mut segment.candidates {
                candidate.left = candidate.free;
            }
        }
        let bookings = (0..most.min(MAX_CAPACITY)).take_while(|_| self.take_booking());
        let bookings = u32::try_from(bookings.count()).unwrap_or(MAX_CAPACITY);
        self.counted = Some(bookings);
        bookings
    }

    /// Chooses a candidate for each segment; `None` if there is no such choice.
    pub(super) fn choose(&mut self) -> Option<&[ChosenCandidate]> {
        let mut chosen = std::mem::take(&mut self.chosen);
        chosen.clear();
        let has_all = self.has_candidates() && self.choose_rest(&mut chosen, &mut { MAX_TRIES });
        self.chosen = chosen;
        has_all.then_some(&*self.chosen)
    }

    /// Takes the units of one more booking. Returns whether enough were left.
    fn take_booking(&mut self) -> bool {
        if self.choose().is_none() {
            return false;
        }
        for (segment, candidate) in &self.chosen {
            let number = self.segments[*segment].candidates[*candidate].resource_number;
            for (other, place) in &self.places[number] {
                let other = &mut self.segments[*other];
                if other.overlaps[*segment] {
                    let left = &mut other.candidates[*place].left;
                    *left = left.saturating_sub(self.quantity);
                }
            }
        }
        true
    }

    /// Tells whether each segment has a candidate with enough units, and skips from now on those in front that have too few.
    /// Without this, the search could try all combinations of the segments before one that has none.
    fn has_candidates(&mut self) -> bool {
        let quantity = self.quantity;
        self.segments.iter_mut().all(|segment| {
            let rest = segment.candidates[segment.used_up..].iter();
            segment.used_up += rest.take_while(|candidate| candidate.left < quantity).count();
            segment.used_up < segment.candidates.len()
        })
    }

    /// Chooses one candidate for each further segment by backtracking, so that no two use the same resource at the same
    /// time.
    fn choose_rest(&self, chosen: &mut Vec<ChosenCandidate>, tries: &mut u32) -> bool {
        let next = chosen.len();
        let Some(segment) = self.segments.get(next) else {
            return true;
        };
        let candidates = segment.candidates.iter().enumerate().skip(segment.used_up);
        for (position, candidate) in candidates {
            if candidate.left < self.quantity {
                continue;
            }
            *tries = tries.saturating_sub(1);
            if *tries == 0 {
                return false;
            }
            let has_clash = |(other, place): &ChosenCandidate| {
                let same = &self.segments[*other].candidates[*place];
                segment.overlaps[*other] && same.resource_number == candidate.resource_number
            };
            if chosen.iter().any(has_clash) {
                continue;
            }
            chosen.push((next, position));
            if self.choose_rest(chosen, tries) {
                return true;
            }
            chosen.pop();
        }
        false
    }
}
