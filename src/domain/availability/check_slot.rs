//! Questions about single slots: which units are free, how many bookings fit, which free slots are near.

use chrono::{DateTime, Duration, Utc};

use super::calendars::Availability;
use super::find_segments::list_candidates;
use super::occupancy::OccupancyFilter;
use super::slot::{Slot, SlotAvailability, SlotRequest, SlotSelection, SlotStatus};
use super::slot_scan::SlotScan;
use crate::domain::catalogue::SegmentTemplate;
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
        let is_competing = has_competing_segments(&single);
        self.count_bookings(&single, starts_at, OccupancyFilter::ExceptOverdue, is_competing)
    }

    /// Describes the selected slots of those with these starts, in order. Leaves out those whose end is beyond the range of
    /// dates.
    pub fn list_slots<'a>(
        &'a self,
        request: &'a SlotRequest<'_>,
        selection: SlotSelection,
        starts: impl Iterator<Item = DateTime<Utc>> + 'a,
    ) -> impl Iterator<Item = Slot> + 'a {
        let mut scan = SlotScan::new(self, request, has_competing_segments(request));
        starts
            .filter_map(move |start| scan.find_slot(start))
            .filter(move |slot| !selection.only_free || slot.state == SlotStatus::Free)
            .take(selection.limit.unwrap_or(usize::MAX))
    }

    fn find_free_slot(
        &self,
        request: &SlotRequest<'_>,
        starts_at: DateTime<Utc>,
        is_competing: bool,
    ) -> Option<Slot> {
        let available = self.count_bookings(request, starts_at, OccupancyFilter::All, is_competing);
        let window = Window::new(starts_at, starts_at + request.event_type.length())?;
        (available > 0).then_some(Slot {
            window,
            available,
            state: SlotStatus::Free,
        })
    }

    /// Finds the free slots nearest to a refused start, nearest first; of two at the same distance, the earlier.
    ///
    /// `starts` are the starts that are for sale. The search stops as soon as it has [`ALTERNATIVES`] slots, or
    /// `is_cancelled`.
    pub fn nearest_free_slots(
        &self,
        request: &SlotRequest<'_>,
        mut starts: Vec<DateTime<Utc>>,
        refused: DateTime<Utc>,
        is_cancelled: impl Fn() -> bool,
    ) -> Vec<Slot> {
        let is_competing = has_competing_segments(request);
        starts.sort_by_key(|start| ((*start - refused).abs(), *start));
        let others = starts.into_iter().filter(|start| *start != refused);
        let others = others.take_while(|_| !is_cancelled());
        let free = others.filter_map(|start| self.find_free_slot(request, start, is_competing));
        free.take(ALTERNATIVES).collect()
    }

    /// Counts how many bookings of the requested quantity fit at the same time. `is_competing` tells whether two segments
    /// of the event type compete: it is the same for all starts, and costs more than a start.
    pub(super) fn count_bookings(
        &self,
        request: &SlotRequest<'_>,
        starts_at: DateTime<Utc>,
        filter: OccupancyFilter,
        is_competing: bool,
    ) -> u32 {
        let templates = &request.event_type.segments;
        if !is_competing {
            // No two segments can use one resource at the same time, so each is counted on its own.
            let counts = templates
                .iter()
                .map(|template| self.count_bookings_of_segment(request, template, starts_at, filter));
            return counts.min().unwrap_or_default();
        }
        self.list_choices(request, starts_at, filter)
            .map_or(0, |mut choices| choices.count_bookings(u32::MAX))
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
            .map(|resource| self.count_units_in(resource, window, filter).0 / request.quantity);
        counts.sum()
    }
}

/// Tells whether two segments that overlap in time can use the same resource.
pub(super) fn has_competing_segments(request: &SlotRequest<'_>) -> bool {
    let event_type = request.event_type;
    let templates = &event_type.segments;
    templates.iter().enumerate().any(|(n, template)| {
        let rest = templates[n + 1..].iter();
        rest.filter(|other| event_type.has_overlap(template, other))
            .any(|other| template.shares_resource_with(other))
    })
}
