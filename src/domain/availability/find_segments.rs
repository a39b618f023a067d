//! Which resources can serve the segments of an event type, and in which order they serve.

use chrono::{DateTime, Utc};

use super::booking_choices::BookingChoices;
use super::calendars::Availability;
use super::occupancy::OccupancyFilter;
use super::slot::SlotRequest;
use crate::domain::catalogue::SegmentTemplate;
use crate::domain::ids::ResourceId;
use crate::domain::segment::Segment;

impl Availability {
    /// Chooses a free resource for each segment of a booking; `None` if there is no such choice.
    pub(super) fn find_segments(
        &self,
        request: &SlotRequest<'_>,
        starts_at: DateTime<Utc>,
        filter: OccupancyFilter,
    ) -> Option<Vec<Segment>> {
        let mut choices = self.list_choices(request, starts_at, filter)?;
        let chosen = choices.choose()?.to_vec();
        let segments = chosen.into_iter().zip(&request.event_type.segments);
        let segments = segments.map(|(candidate, template)| {
            let resource = choices.resource_of(candidate);
            request.event_type.segment_for(template, resource, starts_at)
        });
        segments.collect()
    }

    /// Lists what a booking can choose from; `None` if a segment has no free resource, or beyond the range of dates.
    pub(super) fn list_choices<'a>(
        &self,
        request: &SlotRequest<'a>,
        starts_at: DateTime<Utc>,
        filter: OccupancyFilter,
    ) -> Option<BookingChoices<'a>> {
        let list_free = |template: &'a SegmentTemplate| {
            let busy = request.event_type.occupied_window(template, starts_at)?;
            let count = |resource| {
                let (free, latest) = self.count_units_in(resource, busy, filter);
                (free >= request.quantity).then_some((latest, (resource, free)))
            };
            let free: Vec<_> = list_candidates(request, template).filter_map(count).collect();
            (!free.is_empty()).then(|| order_fairly(free))
        };
        let templates = request.event_type.segments.iter();
        let candidates: Vec<_> = templates.map(list_free).collect::<Option<_>>()?;
        Some(BookingChoices::new(request, candidates.into_iter()))
    }

    /// Lists all that a booking may ever choose from, without free units.
    pub(super) fn list_all_choices<'a>(&self, request: &SlotRequest<'a>) -> BookingChoices<'a> {
        let templates = request.event_type.segments.iter();
        let candidates = templates.map(|template| {
            let of_resource = |resource| {
                let calendar = self.calendar_of(resource);
                (calendar.and_then(|calendar| calendar.latest()), (resource, 0))
            };
            order_fairly(list_candidates(request, template).map(of_resource).collect())
        });
        BookingChoices::new(request, candidates)
    }
}

/// Orders resources fairly: the one whose latest live hold is oldest serves first. The sort is stable, so resources without
/// a hold keep the order of the shop's configuration.
fn order_fairly<L: Ord + Copy, R>(mut candidates: Vec<(L, R)>) -> Vec<R> {
    candidates.sort_by_key(|(latest, _)| *latest);
    candidates.into_iter().map(|(_, candidate)| candidate).collect()
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
