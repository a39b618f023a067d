//! Describes slots by one pass over their starts and what occupies the resources together, both in order.
//!
//! The next start looks on where the start before has stopped, so that a long list costs little more than its length.

use std::ops::Range;

use chrono::{DateTime, Duration, Utc};

use super::booking_choices::BookingChoices;
use super::calendars::Availability;
use super::find_segments::list_candidates;
use super::occupancy::OccupancyFilter;
use super::resource_scan::{ResourceScan, ScannedWindow};
use super::slot::{Slot, SlotRequest, SlotStatus};
use crate::domain::time::Window;

/// One segment at starts that come in order.
struct SegmentScan<'a> {
    /// For which minutes, from a start on, it occupies its resource.
    minutes: Range<i64>,
    resources: Vec<ResourceScan<'a>>,
}

/// All segments of an event type, with one filter, at starts that come in order.
struct FilteredScan<'a> {
    quantity: u32,
    segments: Vec<SegmentScan<'a>>,
    /// What the segments choose from, if they compete for resources.
    choices: Option<BookingChoices<'a>>,
}

impl<'a> FilteredScan<'a> {
    fn new(
        availability: &'a Availability,
        request: &SlotRequest<'a>,
        filter: OccupancyFilter,
        is_competing: bool,
    ) -> Self {
        let choices = is_competing.then(|| availability.list_all_choices(request));
        let scan = |resource| ResourceScan::new(availability.calendar_of(resource), filter);
        let segments = request.event_type.segments.iter().enumerate();
        let segments = segments.map(|(number, template)| SegmentScan {
            minutes: request.event_type.occupied_minutes(template),
            resources: match &choices {
                Some(choices) => choices.candidates_of(number).map(scan).collect(),
                None => list_candidates(request, template).map(scan).collect(),
            },
        });
        Self {
            quantity: request.quantity,
            segments: segments.collect(),
            choices,
        }
    }

    /// Counts how many bookings fit at the same time, at most so many.
    fn count_bookings(&mut self, starts_at: DateTime<Utc>, most: u32) -> u32 {
        let mut least = most;
        for (number, segment) in self.segments.iter_mut().enumerate() {
            let window = ScannedWindow::after(starts_at, &segment.minutes);
            // One booking's units of a segment all come from one resource, so each resource is divided on its own.
            let mut bookings: u32 = 0;
            for (position, resource) in segment.resources.iter_mut().enumerate() {
                let free = resource.count_free_units(window);
                bookings = bookings.saturating_add(free / self.quantity);
                if let Some(choices) = &mut self.choices {
                    choices.set_free_units((number, position), free);
                }
            }
            if bookings == 0 {
                return 0;
            }
            least = least.min(bookings);
        }
        match &mut self.choices {
            Some(choices) => choices.count_bookings(least),
            None => least,
        }
    }
}

/// The slots of an event type at starts that come in order.
pub(super) struct SlotScan<'a> {
    /// The length of a slot, without buffers.
    length: Duration,
    occupied: FilteredScan<'a>,
    confirmed: FilteredScan<'a>,
}

impl<'a> SlotScan<'a> {
    /// Begins before the first start. `is_competing` tells whether segments compete for resources.
    pub(super) fn new(availability: &'a Availability, request: &SlotRequest<'a>, is_competing: bool) -> Self {
        let scan = |filter| FilteredScan::new(availability, request, filter, is_competing);
        Self {
            length: request.event_type.length(),
            occupied: scan(OccupancyFilter::All),
            confirmed: scan(OccupancyFilter::ExceptUnpaid),
        }
    }

    /// Describes the slot at a start; `None` if its end is beyond the range of dates.
    pub(super) fn find_slot(&mut self, starts_at: DateTime<Utc>) -> Option<Slot> {
        let window = Window::new(starts_at, starts_at.checked_add_signed(self.length)?)?;
        let available = self.occupied.count_bookings(starts_at, u32::MAX);
        let state = match available {
            0 if self.confirmed.count_bookings(starts_at, 1) > 0 => SlotStatus::Held,
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
