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
    pub(super) fn add_occupancy(&mut self, occupancy: Occupancy) {
        self.longest = self.longest.max(occupancy.window.length());
        self.occupancies.push(occupancy);
    }

    pub(super) fn sort_occupancies(&mut self) {
        self.occupancies.sort_by_key(|occupancy| occupancy.window);
    }

    pub(super) fn capacity(&self) -> u32 {
        self.capacity
    }

    /// Lists the times at which the first unit is occupied, in order and merged.
    pub(super) fn list_occupied_times(&self, filter: OccupancyFilter) -> Vec<Window> {
        let is_counted = |occupancy: &&Occupancy| match &occupancy.by {
            OccupiedBy::Block => true,
            OccupiedBy::Holds { units, status } => !filter.has_excluded(*status) && units.contains(&1),
        };
        let mut times: Vec<Window> = Vec::with_capacity(self.occupancies.len());
        for occupancy in self.occupancies.iter().filter(is_counted) {
            match times.last_mut() {
                Some(last) if occupancy.window.starts_at() <= last.ends_at() => {
                    *last = last.hull(&occupancy.window);
                }
                _ => times.push(occupancy.window),
            }
        }
        times
    }

    pub(super) fn latest(&self) -> Option<HoldId> {
        self.latest
    }

    pub(super) fn occupancies(&self) -> impl Iterator<Item = &Occupancy> {
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
