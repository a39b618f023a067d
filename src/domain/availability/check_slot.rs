//! Questions about single slots: which units are free, how many bookings fit, which free slots are near.

use chrono::{DateTime, Duration, Utc};

use super::calendars::Availability;
use super::find_segments::list_candidates;
use super::occupancy::OccupancyFilter;
use super::slot::{Slot, SlotAvailability, SlotRequest, SlotStatus};
use crate::domain::catalogue::{MAX_CAPACITY, SegmentTemplate};
use crate::domain::segment::Allocation;
use crate::domain::time::Window;

/// How many alternatives a refusal names.
pub const ALTERNATIVES: usize = 5;

/// How far around a refused start to look for alternatives. The search starts near, where most are found.
pub const ALTERNATIVE_RANGES: [Duration; 3] = [Duration::days(1), Duration::days(7), Duration::days(31)];

impl Availability {
    /// Finds free units for a booking; `None` if there are too few. For `unit_offset` see [`Self::allocate_units`].
    pub fn find_units(
        &self,
        request: &SlotRequest<'_>,
        starts_at: DateTime<Utc>,
        unit_offset: u32,
    ) -> Option<Vec<Allocation>> {
        let segments = self.find_segments(request, starts_at, OccupancyFilter::All)?;
        self.allocate_units(segments, request.quantity, unit_offset)
    }

    /// Tells what a checkout can do about a slot. For `unit_offset` see [`Self::allocate_units`].
    pub fn check_slot(
        &self,
        request: &SlotRequest<'_>,
        starts_at: DateTime<Utc>,
        unit_offset: u32,
    ) -> SlotAvailability {
        if let Some(units) = self.find_units(request, starts_at, unit_offset) {
            return SlotAvailability::Free(units);
        }
        match self.find_segments(request, starts_at, OccupancyFilter::ExceptOverdue) {
            Some(segments) => SlotAvailability::Overdue(self.list_overdue_holds(&segments, request.quantity)),
            None => SlotAvailability::Taken,
        }
    }

    /// Counts the units that can be sold from `starts_at` on. Overdue holds do not count as occupied.
    pub fn count_free_units(&self, request: &SlotRequest<'_>, starts_at: DateTime<Utc>) -> u32 {
        let single = SlotRequest {
            quantity: 1,
            ..*request
        };
        self.count_bookings(&single, starts_at, OccupancyFilter::ExceptOverdue)
    }

    /// Describes the slot that starts at `starts_at`; `None` if its end is beyond the range of dates.
    pub fn find_slot(&self, request: &SlotRequest<'_>, starts_at: DateTime<Utc>) -> Option<Slot> {
        let free = self.find_free_slot(request, starts_at);
        free.or_else(|| {
            let may_become_free = self
                .find_segments(request, starts_at, OccupancyFilter::ExceptUnpaid)
                .is_some();
            Some(Slot {
                window: Window::new(starts_at, starts_at + request.event_type.length())?,
                available: 0,
                state: if may_become_free {
                    SlotStatus::Held
                } else {
                    SlotStatus::Taken
                },
            })
        })
    }

    fn find_free_slot(&self, request: &SlotRequest<'_>, starts_at: DateTime<Utc>) -> Option<Slot> {
        let available = self.count_bookings(request, starts_at, OccupancyFilter::All);
        let window = Window::new(starts_at, starts_at + request.event_type.length())?;
        (available > 0).then_some(Slot {
            window,
            available,
            state: SlotStatus::Free,
        })
    }

    /// Finds the free slots nearest to a refused start, nearest first; of two at the same distance, the earlier.
    ///
    /// `starts` are the starts that are for sale. The search stops as soon as it has [`ALTERNATIVES`] slots.
    pub fn nearest_free_slots(
        &self,
        request: &SlotRequest<'_>,
        mut starts: Vec<DateTime<Utc>>,
        refused: DateTime<Utc>,
    ) -> Vec<Slot> {
        starts.sort_by_key(|start| ((*start - refused).abs(), *start));
        let others = starts.into_iter().filter(|start| *start != refused);
        let free = others.filter_map(|start| self.find_free_slot(request, start));
        free.take(ALTERNATIVES).collect()
    }

    /// Counts how many bookings of the requested quantity fit at the same time.
    fn count_bookings(
        &self,
        request: &SlotRequest<'_>,
        starts_at: DateTime<Utc>,
        filter: OccupancyFilter,
    ) -> u32 {
        let templates = &request.event_type.segments;
        if !has_competing_segments(request, starts_at) {
            // No two segments can use one resource at the same time, so each is counted on its own.
            let counts = templates
                .iter()
                .map(|template| self.count_bookings_of_segment(request, template, starts_at, filter));
            return counts.min().unwrap_or_default();
        }
        // Segments compete for a resource: bookings are added one by one until no combination is left.
        let mut taken = Vec::new();
        for count in 0..MAX_CAPACITY {
            match self.find_segments_beside(request, starts_at, filter, &taken) {
                Some(segments) => taken.extend(segments),
                None => return count,
            }
        }
        MAX_CAPACITY
    }

    fn count_bookings_of_segment(
        &self,
        request: &SlotRequest<'_>,
        template: &SegmentTemplate,
        starts_at: DateTime<Utc>,
        filter: OccupancyFilter,
    ) -> u32 {
        let Some(window) = request.event_type.occupied_window(template, starts_at) else {
            return 0;
        };
        // One booking's units of a segment all come from one resource, so each resource is divided on its own.
        let counts = list_candidates(request, template)
            .map(|resource| self.count_units_in(resource, window, filter) / request.quantity);
        counts.sum()
    }
}

/// Tells whether two segments that overlap in time can use the same resource.
fn has_competing_segments(request: &SlotRequest<'_>, starts_at: DateTime<Utc>) -> bool {
    let templates = &request.event_type.segments;
    let is_overlapping = |a: &SegmentTemplate, b: &SegmentTemplate| {
        let windows = request
            .event_type
            .occupied_window(a, starts_at)
            .zip(request.event_type.occupied_window(b, starts_at));
        windows.is_some_and(|(one, other)| one.overlaps(&other))
    };
    templates.iter().enumerate().any(|(n, template)| {
        let rest = templates[n + 1..].iter();
        rest.filter(|other| template.shares_resource_with(other))
            .any(|other| is_overlapping(template, other))
    })
}
