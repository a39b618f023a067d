//! The choice of resources: one for each segment of an event type, so that no resource serves two at the same time.

use chrono::{DateTime, Utc};

use super::calendars::Availability;
use super::occupancy::OccupancyFilter;
use super::slot::SlotRequest;
use crate::domain::catalogue::SegmentTemplate;
use crate::domain::ids::ResourceId;
use crate::domain::segment::Segment;
use crate::domain::time::Window;

/// Most combinations to try before a composite event type counts as taken. The search is exponential in the number of
/// segments; real shops need far fewer tries.
const MAX_TRIES: u32 = 20_000;

/// A resource that can serve a segment, and how many of its units are left for it.
#[derive(Clone, Copy)]
struct Candidate<'a> {
    resource: &'a ResourceId,
    left: u32,
}

/// The resources that can serve one segment, those that serve first in front.
struct SegmentChoice<'a> {
    template: &'a SegmentTemplate,
    busy: Window,
    candidates: Vec<Candidate<'a>>,
}

/// What a booking at one start can choose from. It is computed once for a start, however many bookings are counted.
pub(super) struct BookingChoices<'a> {
    quantity: u32,
    segments: Vec<SegmentChoice<'a>>,
}

/// A choice of one resource for one segment, by its positions.
type ChosenCandidate = (usize, usize);

impl Availability {
    /// Chooses a free resource for each segment of a booking; `None` if there is no such choice.
    pub(super) fn find_segments(
        &self,
        request: &SlotRequest<'_>,
        starts_at: DateTime<Utc>,
        filter: OccupancyFilter,
    ) -> Option<Vec<Segment>> {
        let choices = self.list_choices(request, starts_at, filter)?;
        let chosen = choices.choose()?;
        let segments = chosen.into_iter().map(|(segment, candidate)| {
            let segment = &choices.segments[segment];
            let resource = segment.candidates[candidate].resource;
            request
                .event_type
                .segment_for(segment.template, resource, starts_at)
        });
        segments.collect()
    }

    /// Lists what a booking can choose from; `None` beyond the range of dates.
    pub(super) fn list_choices<'a>(
        &self,
        request: &SlotRequest<'a>,
        starts_at: DateTime<Utc>,
        filter: OccupancyFilter,
    ) -> Option<BookingChoices<'a>> {
        let mut segments = Vec::with_capacity(request.event_type.segments.len());
        for template in &request.event_type.segments {
            let busy = request.event_type.occupied_window(template, starts_at)?;
            let count = |resource| {
                let (left, latest) = self.count_units_in(resource, busy, filter);
                (left >= request.quantity).then_some((latest, Candidate { resource, left }))
            };
            let mut free: Vec<_> = list_candidates(request, template).filter_map(count).collect();
            // Fairness: the resource whose latest live hold is oldest serves first. The sort is stable, so resources
            // without a hold keep the order of the shop's configuration.
            free.sort_by_key(|(latest, _)| *latest);
            segments.push(SegmentChoice {
                template,
                busy,
                candidates: free.into_iter().map(|(_, candidate)| candidate).collect(),
            });
        }
        Some(BookingChoices {
            quantity: request.quantity,
            segments,
        })
    }
}

impl BookingChoices<'_> {
    /// Takes the units of one more booking. Returns whether enough were left.
    pub(super) fn take_booking(&mut self) -> bool {
        let Some(chosen) = self.choose() else {
            return false;
        };
        for (segment, candidate) in chosen {
            let (busy, resource) = {
                let segment = &self.segments[segment];
                (segment.busy, segment.candidates[candidate].resource)
            };
            let sharing = self
                .segments
                .iter_mut()
                .filter(|other| other.busy.overlaps(&busy));
            for other in sharing {
                let same = other
                    .candidates
                    .iter_mut()
                    .find(|other| other.resource == resource);
                if let Some(same) = same {
                    same.left = same.left.saturating_sub(self.quantity);
                }
            }
        }
        true
    }

    fn choose(&self) -> Option<Vec<ChosenCandidate>> {
        let mut chosen = Vec::with_capacity(self.segments.len());
        self.choose_rest(&mut chosen, &mut { MAX_TRIES })
            .then_some(chosen)
    }

    /// Chooses one candidate for each further segment by backtracking, so that no two use the same resource at the same
    /// time.
    fn choose_rest(&self, chosen: &mut Vec<ChosenCandidate>, tries: &mut u32) -> bool {
        let next = chosen.len();
        let Some(segment) = self.segments.get(next) else {
            return true;
        };
        for (number, candidate) in segment.candidates.iter().enumerate() {
            if candidate.left < self.quantity {
                continue;
            }
            *tries = tries.saturating_sub(1);
            if *tries == 0 {
                return false;
            }
            let has_clash = |(other, number): &ChosenCandidate| {
                let other = &self.segments[*other];
                other.busy.overlaps(&segment.busy) && other.candidates[*number].resource == candidate.resource
            };
            if chosen.iter().any(has_clash) {
                continue;
            }
            chosen.push((next, number));
            if self.choose_rest(chosen, tries) {
                return true;
            }
            chosen.pop();
        }
        false
    }
}

/// Lists the resources that may serve a segment.
///
/// A requested resource restricts the first segment that can use it. If no segment can, no resource may serve at all.
pub(super) fn list_candidates<'a>(
    request: &SlotRequest<'a>,
    template: &'a SegmentTemplate,
) -> impl Iterator<Item = &'a ResourceId> + use<'a> {
    let required = request.requested_resource.filter(|requested| {
        let first = request
            .event_type
            .segments
            .iter()
            .find(|segment| segment.any_of.contains(requested));
        first.is_none_or(|first| std::ptr::eq(first, template))
    });
    template
        .any_of
        .iter()
        .filter(move |resource| required.is_none_or(|required| required == *resource))
}
