//! One resource's calendar: how many units it has, and which of them are occupied when.

use chrono::Duration;

use super::occupancy::{Occupancy, OccupancyFilter, OccupiedBy, ResourceUsage};
use crate::domain::ids::HoldId;
use crate::domain::time::Window;

/// One resource's occupancies within a window, in order of their start.
#[derive(Clone, Debug)]
pub(super) struct ResourceCalendar {
    capacity: u32,
    latest: Option<HoldId>,
    occupancies: Vec<Occupancy>,
    /// Length of the longest occupancy. It bounds how far before a window an overlapping occupancy can start.
    longest: Duration,
}

impl Default for ResourceCalendar {
    /// Makes the calendar of a resource that nobody configured: one free unit.
    fn default() -> Self {
        Self {
            capacity: 1,
            latest: None,
            occupancies: Vec::new(),
            longest: Duration::zero(),
        }
    }
}

impl ResourceCalendar {
    pub(super) fn set_usage(&mut self, usage: &ResourceUsage) {
        (self.capacity, self.latest) = (usage.capacity, usage.latest);
    }

    /// Adds an occupancy; [`Self::sort_occupancies`] must follow before the first question.
    pub(super) fn add_occupancy(&mut self, mut occupancy: Occupancy) {
        if let OccupiedBy::Holds { units, .. } = &mut occupancy.by {
            units.sort_unstable();
        }
        self.longest = self.longest.max(occupancy.window.length());
        self.occupancies.push(occupancy);
    }

    /// Sorts the occupancies by start. What has the same window has an order too, so that the same rows always make the same calendar.
    pub(super) fn sort_occupancies(&mut self) {
        self.occupancies
            .sort_unstable_by(|one, other| (one.window, &one.by).cmp(&(other.window, &other.by)));
    }

    pub(super) fn capacity(&self) -> u32 {
        self.capacity
    }

    pub(super) fn latest(&self) -> Option<HoldId> {
        self.latest
    }

    pub(super) fn occupancies(&self) -> impl Iterator<Item = &Occupancy> + Clone {
        self.occupancies.iter()
    }

    /// Lists the occupancies that overlap the window.
    pub(super) fn list_overlapping(&self, window: Window) -> impl Iterator<Item = &Occupancy> {
        // The binary search skips what ended before the window, so that a long list of slots stays cheap.
        let earliest = window.starts_at() - self.longest;
        let first = self
            .occupancies
            .partition_point(|occupancy| occupancy.window.starts_at() <= earliest);
        let started = self.occupancies[first..]
            .iter()
            .take_while(move |occupancy| occupancy.window.starts_at() < window.ends_at());
        started.filter(move |occupancy| occupancy.window.overlaps(&window))
    }

    /// Lists the units that are free in the whole window, in order.
    pub(super) fn list_free_units(&self, window: Window) -> Vec<u32> {
        let Some(occupied) = self.list_occupied_units(window, OccupancyFilter::All) else {
            return Vec::new();
        };
        let all = 1..=self.capacity;
        all.filter(|unit| occupied.binary_search(unit).is_err()).collect()
    }

    /// Counts the units that are free in the whole window.
    pub(super) fn count_free_units(&self, window: Window, filter: OccupancyFilter) -> u32 {
        self.list_occupied_units(window, filter).map_or(0, |occupied| {
            self.capacity
                .saturating_sub(u32::try_from(occupied.len()).unwrap_or(u32::MAX))
        })
    }

    /// Lists the units that are occupied in some part of the window; `None` if a block occupies all.
    ///
    /// The list is sorted and has each unit once.
    fn list_occupied_units(&self, window: Window, filter: OccupancyFilter) -> Option<Vec<u32>> {
        let mut occupied = Vec::new();
        for occupancy in self.list_overlapping(window) {
            match &occupancy.by {
                OccupiedBy::Block => return None,
                OccupiedBy::Holds { status, .. } if filter.has_excluded(*status) => {}
                OccupiedBy::Holds { units, .. } => {
                    // A shop may lower the capacity while holds are live. Units above the new capacity are not for sale.
                    occupied.extend(units.iter().filter(|unit| **unit <= self.capacity))
                }
            }
        }
        occupied.sort_unstable();
        occupied.dedup();
        Some(occupied)
    }
}
