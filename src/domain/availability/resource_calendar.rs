//! One resource's part of a calendar: how many units it has, and which of them are busy when.

use chrono::Duration;

use super::{Occupancy, OccupancyFilter, OccupiedBy, ResourceUsage};
use crate::domain::ids::HoldId;
use crate::domain::time::Window;

/// What the books say of one resource within a window.
#[derive(Clone, Debug)]
pub(super) struct ResourceCalendar {
    capacity: u32,
    latest: Option<HoldId>,
    /// By start.
    busy: Vec<Occupancy>,
    /// The longest of `busy`: nothing that begins earlier than this before a window reaches into it.
    longest: Duration,
}

impl Default for ResourceCalendar {
    /// A resource that nobody wrote down has one unit.
    fn default() -> Self {
        Self {
            capacity: 1,
            latest: None,
            busy: Vec::new(),
            longest: Duration::zero(),
        }
    }
}

impl ResourceCalendar {
    pub(super) fn stands(&mut self, standing: &ResourceUsage) {
        (self.capacity, self.latest) = (standing.capacity, standing.latest);
    }

    pub(super) fn takes(&mut self, busy: Occupancy) {
        self.longest = self.longest.max(busy.window.length());
        self.busy.push(busy);
    }

    pub(super) fn sort(&mut self) {
        self.busy.sort_by_key(|one| one.window);
    }

    /// The latest of its live holds.
    pub(super) fn latest(&self) -> Option<HoldId> {
        self.latest
    }

    /// All that is busy, by start.
    pub(super) fn busy(&self) -> impl Iterator<Item = &Occupancy> {
        self.busy.iter()
    }

    /// What is busy in some part of the window.
    pub(super) fn within(&self, window: Window) -> impl Iterator<Item = &Occupancy> {
        let earliest = window.starts_at() - self.longest;
        let first = self
            .busy
            .partition_point(|one| one.window.starts_at() <= earliest);
        let begun = self.busy[first..]
            .iter()
            .take_while(move |one| one.window.starts_at() < window.ends_at());
        begun.filter(move |one| one.window.overlaps(&window))
    }

    /// Units that nothing keeps busy in any part of the window, in order.
    pub(super) fn free(&self, window: Window) -> Vec<u32> {
        let Some(busy) = self.busy_units(window, OccupancyFilter::All) else {
            return Vec::new();
        };
        let all = 1..=self.capacity;
        all.filter(|unit| busy.binary_search(unit).is_err()).collect()
    }

    /// How many these are.
    pub(super) fn count_free(&self, window: Window, without: OccupancyFilter) -> u32 {
        self.busy_units(window, without).map_or(0, |busy| {
            self.capacity
                .saturating_sub(u32::try_from(busy.len()).unwrap_or(u32::MAX))
        })
    }

    /// Units that are busy in some part of the window, in order, each once; `None` where all are, by a block.
    fn busy_units(&self, window: Window, without: OccupancyFilter) -> Option<Vec<u32>> {
        let mut busy = Vec::new();
        for one in self.within(window) {
            match &one.by {
                OccupiedBy::Block => return None,
                OccupiedBy::Holds { status, .. } if without.leaves_out(*status) => {}
                OccupiedBy::Holds { units, .. } => {
                    busy.extend(units.iter().filter(|unit| **unit <= self.capacity))
                }
            }
        }
        busy.sort_unstable();
        busy.dedup();
        Some(busy)
    }
}
