//! The choice of resources: one for each segment of an event type, so that no resource serves two at the same time.

use chrono::{DateTime, Utc};

use super::calendars::Availability;
use super::occupancy::OccupancyFilter;
use super::slot::SlotRequest;
use crate::domain::catalogue::SegmentTemplate;
use crate::domain::ids::ResourceId;
use crate::domain::segment::Segment;

/// Most combinations to try before a composite event type counts as taken. The search is exponential in the number of
/// segments; real shops need far fewer tries.
const MAX_TRIES: u32 = 20_000;

impl Availability {
    /// Chooses a free resource for each segment of a booking; `None` if there is no such choice.
    pub(super) fn find_segments(
        &self,
        request: &SlotRequest<'_>,
        starts_at: DateTime<Utc>,
        filter: OccupancyFilter,
    ) -> Option<Vec<Segment>> {
        self.find_segments_beside(request, starts_at, filter, &[])
    }

    /// Chooses segments for one booking, beside the segments that other bookings of the same quantity have `taken`.
    pub(super) fn find_segments_beside(
        &self,
        request: &SlotRequest<'_>,
        starts_at: DateTime<Utc>,
        filter: OccupancyFilter,
        taken: &[Segment],
    ) -> Option<Vec<Segment>> {
        let mut candidates = Vec::new();
        for template in &request.event_type.segments {
            let window = request.event_type.occupied_window(template, starts_at)?;
            let has_enough_units = |resource: &&ResourceId| {
                let bookings = taken
                    .iter()
                    .filter(|segment| segment.resource == **resource && segment.busy.overlaps(&window));
                let used = request.quantity * u32::try_from(bookings.count()).unwrap_or(u32::MAX);
                self.count_units_in(resource, window, filter) >= used.saturating_add(request.quantity)
            };
            let mut free: Vec<_> = list_candidates(request, template)
                .filter(has_enough_units)
                .collect();
            // Fairness: the resource whose latest live hold is oldest serves first. The sort is stable, so resources
            // without a hold keep the order of the shop's configuration.
            free.sort_by_key(|resource| self.latest_hold(resource));
            let segments = free
                .into_iter()
                .map(|resource| request.event_type.segment_for(template, resource, starts_at));
            candidates.push(segments.collect::<Option<Vec<_>>>()?);
        }
        let mut chosen = Vec::new();
        choose_segments(&candidates, &mut chosen, &mut { MAX_TRIES }).then_some(chosen)
    }
}

/// Lists the resources that may serve a segment.
///
/// A requested resource restricts the first segment that can use it. If no segment can, no resource may serve at all.
pub(super) fn list_candidates<'a>(
    request: &SlotRequest<'a>,
    template: &'a SegmentTemplate,
) -> impl Iterator<Item = &'a ResourceId> {
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

/// Chooses one candidate for each segment by backtracking, so that no two use the same resource at the same time.
fn choose_segments(candidates: &[Vec<Segment>], chosen: &mut Vec<Segment>, tries: &mut u32) -> bool {
    let Some((next, rest)) = candidates.split_first() else {
        return true;
    };
    for candidate in next {
        *tries = tries.saturating_sub(1);
        if *tries == 0 {
            return false;
        }
        let has_clash =
            |other: &Segment| other.resource == candidate.resource && other.busy.overlaps(&candidate.busy);
        if chosen.iter().any(has_clash) {
            continue;
        }
        chosen.push(candidate.clone());
        if choose_segments(rest, chosen, tries) {
            return true;
        }
        chosen.pop();
    }
    false
}
