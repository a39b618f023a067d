//! Describes slots by one pass over their starts and the occupied times together, both in order.
//!
//! It serves event types whose segments do not compete for resources, so that each segment is counted on its own. The next
//! start looks on where the start before has stopped, so that a long list costs little more than its length.

use chrono::{DateTime, Utc};

use super::calendars::Availability;
use super::find_segments::list_candidates;
use super::occupancy::OccupancyFilter;
use super::resource_calendar::ResourceCalendar;
use super::slot::{Slot, SlotRequest, SlotStatus};
use crate::domain::catalogue::{EventType, SegmentTemplate};
use crate::domain::time::Window;

/// The units of one resource at starts that come in order.
enum ResourceSweep<'a> {
    /// One unit, which is occupied at these times. All times before number `next` are over.
    Single { occupied: Vec<Window>, next: usize },
    /// Several units, which are counted anew for each start.
    Several {
        calendar: &'a ResourceCalendar,
        filter: OccupancyFilter,
    },
}

impl<'a> ResourceSweep<'a> {
    fn new(calendar: Option<&'a ResourceCalendar>, filter: OccupancyFilter) -> Self {
        match calendar {
            Some(calendar) if calendar.capacity() != 1 => Self::Several { calendar, filter },
            // A resource without a row in the store has one unit, and nothing occupies it.
            one => Self::Single {
                occupied: one
                    .map(|calendar| calendar.list_occupied_times(filter))
                    .unwrap_or_default(),
                next: 0,
            },
        }
    }

    /// Counts the units that are free in the whole window.
    fn count_free_units(&mut self, window: Window) -> u32 {
        match self {
            Self::Several { calendar, filter } => calendar.count_free_units(window, *filter),
            Self::Single { occupied, next } => {
                let is_over = |time: &Window| time.ends_at() <= window.starts_at();
                // A start that does not come in order begins again.
                if *next > 0 && occupied.get(*next - 1).is_some_and(|time| !is_over(time)) {
                    *next = 0;
                }
                while occupied.get(*next).is_some_and(is_over) {
                    *next += 1;
                }
                u32::from(occupied.get(*next).is_none_or(|time| !time.overlaps(&window)))
            }
        }
    }
}

/// One segment at starts that come in order.
struct SegmentSweep<'a> {
    template: &'a SegmentTemplate,
    resources: Vec<ResourceSweep<'a>>,
}

/// All segments of an event type, with one filter, at starts that come in order.
struct FilteredSweep<'a> {
    event_type: &'a EventType,
    quantity: u32,
    segments: Vec<SegmentSweep<'a>>,
}

impl<'a> FilteredSweep<'a> {
    fn new(availability: &'a Availability, request: &SlotRequest<'a>, filter: OccupancyFilter) -> Self {
        let resources = |template| {
            let candidates = list_candidates(request, template);
            candidates.map(|resource| ResourceSweep::new(availability.calendar_of(resource), filter))
        };
        let segments = request.event_type.segments.iter().map(|template| SegmentSweep {
            template,
            resources: resources(template).collect(),
        });
        Self {
            event_type: request.event_type,
            quantity: request.quantity,
            segments: segments.collect(),
        }
    }

    /// Counts how many bookings fit at the same time.
    fn count_bookings(&mut self, starts_at: DateTime<Utc>) -> u32 {
        let mut least = None;
        for segment in &mut self.segments {
            let Some(window) = self.event_type.occupied_window(segment.template, starts_at) else {
                return 0;
            };
            // One booking's units of a segment all come from one resource, so each resource is divided on its own.
            let resources = segment.resources.iter_mut();
            let bookings: u32 = resources
                .map(|resource| resource.count_free_units(window) / self.quantity)
                .sum();
            if bookings == 0 {
                return 0;
            }
            least = Some(least.map_or(bookings, |least: u32| least.min(bookings)));
        }
        least.unwrap_or_default()
    }
}

/// The slots of an event type at starts that come in order.
pub(super) struct SlotSweep<'a> {
    occupied: FilteredSweep<'a>,
    confirmed: FilteredSweep<'a>,
}

impl<'a> SlotSweep<'a> {
    /// Begins before the first start. The segments of the event type must not compete for resources.
    pub(super) fn new(availability: &'a Availability, request: &SlotRequest<'a>) -> Self {
        Self {
            occupied: FilteredSweep::new(availability, request, OccupancyFilter::All),
            confirmed: FilteredSweep::new(availability, request, OccupancyFilter::ExceptUnpaid),
        }
    }

    /// Describes the slot at a start; `None` if its end is beyond the range of dates.
    pub(super) fn find_slot(&mut self, starts_at: DateTime<Utc>) -> Option<Slot> {
        let length = self.occupied.event_type.length();
        let window = Window::new(starts_at, starts_at.checked_add_signed(length)?)?;
        let available = self.occupied.count_bookings(starts_at);
        let state = match available {
            0 if self.confirmed.count_bookings(starts_at) > 0 => SlotStatus::Held,
            0 => SlotStatus::Taken,
            _ => SlotStatus::Free,
        };
        Some(Slot {
            window,
            available,
            state,
        })
    }
}

#[cfg(test)]
mod tests;
