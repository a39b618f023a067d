//! Counts the free units of one resource in windows that come in order.

use std::ops::Range;

use chrono::{DateTime, Utc};

use super::occupancy::{OccupancyFilter, OccupiedBy};
use super::resource_calendar::ResourceCalendar;
use crate::domain::time::Window;

/// A window in microseconds, because it is compared far more often than anything else.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct ScannedWindow {
    from: i64,
    to: i64,
}

impl ScannedWindow {
    const BEFORE_ALL: Self = Self {
        from: i64::MIN,
        to: i64::MIN,
    };

    /// Makes the window from the first minute after a start until the last.
    pub(super) fn after(start: DateTime<Utc>, minutes: &Range<i64>) -> Self {
        let at = |minute: i64| start.timestamp_micros() + 60_000_000 * minute;
        Self {
            from: at(minutes.start),
            to: at(minutes.end),
        }
    }
}

impl From<Window> for ScannedWindow {
    fn from(window: Window) -> Self {
        Self {
            from: window.starts_at().timestamp_micros(),
            to: window.ends_at().timestamp_micros(),
        }
    }
}

/// Counts the units of one resource that are free in windows that come in order, by their starts and by their ends.
///
/// It keeps what overlaps the window, so that the next window costs what begins and ends in between, and allocates nothing.
pub(super) struct ResourceScan<'a> {
    /// The window that was counted last, and how many units are free in it.
    last: ScannedWindow,
    free: u32,
    /// When the next occupancy begins, and when the next one ends of those that are not over: until then the count stays.
    next_begin: i64,
    next_end: i64,
    capacity: u32,
    /// What occupies the resource from when on, in order.
    begins: Vec<(i64, &'a OccupiedBy)>,
    /// The same with the first instant after it, in order.
    ends: Vec<(i64, &'a OccupiedBy)>,
    /// How many of `begins` begin before the end of the window.
    begun: usize,
    /// How many of `ends` end before the window.
    ended: usize,
    /// For each unit, how much of what overlaps the window occupies it.
    units: Vec<u32>,
    /// How many units are occupied.
    occupied: u32,
    /// How many blocks overlap the window.
    blocks: u32,
}

impl<'a> ResourceScan<'a> {
    /// Begins before the first window. A resource without a calendar has one unit, and nothing occupies it.
    pub(super) fn new(calendar: Option<&'a ResourceCalendar>, filter: OccupancyFilter) -> Self {
        let counted = calendar
            .into_iter()
            .flat_map(ResourceCalendar::occupancies)
            .filter(|occupancy| match occupancy.by {
                OccupiedBy::Holds { status, .. } => !filter.has_excluded(status),
                OccupiedBy::Block => true,
            });
        let counted = counted.map(|one| (ScannedWindow::from(one.window), &one.by));
        let begins = counted.clone().map(|(window, by)| (window.from, by));
        let mut ends: Vec<_> = counted.map(|(window, by)| (window.to, by)).collect();
        ends.sort_by_key(|(at, _)| *at);
        let capacity = calendar.map_or(1, ResourceCalendar::capacity);
        Self {
            last: ScannedWindow::BEFORE_ALL,
            free: 0,
            // The first window is counted.
            next_begin: i64::MIN,
            next_end: i64::MIN,
            capacity,
            begins: begins.collect(),
            ends,
            begun: 0,
            ended: 0,
            units: vec![0; usize::try_from(capacity).unwrap_or_default()],
            occupied: 0,
            blocks: 0,
        }
    }

    /// Counts the units that are free in the whole window. A window that does not come in order begins again.
    pub(super) fn count_free_units(&mut self, window: ScannedWindow) -> u32 {
        if window.from < self.last.from || window.to < self.last.to {
            (self.begun, self.ended, self.occupied, self.blocks) = (0, 0, 0, 0);
            self.units.fill(0);
            (self.next_begin, self.next_end) = (i64::MIN, i64::MIN);
        }
        self.last = window;
        if self.next_begin < window.to || self.next_end <= window.from {
            self.go_on_to(window);
        }
        self.free
    }

    fn go_on_to(&mut self, window: ScannedWindow) {
        while let Some((at, by)) = self.begins.get(self.begun)
            && *at < window.to
        {
            self.begun += 1;
            self.begin(by);
        }
        // What ends before the window has begun before its end, so that it was counted.
        while let Some((at, by)) = self.ends.get(self.ended)
            && *at <= window.from
        {
            self.ended += 1;
            self.end(by);
        }
        let next = |list: &[(i64, &OccupiedBy)], number| list.get(number).map_or(i64::MAX, |(at, _)| *at);
        self.next_begin = next(&self.begins, self.begun);
        self.next_end = next(&self.ends, self.ended);
        self.free = match self.blocks {
            0 => self.capacity - self.occupied,
            _ => 0,
        };
    }

    fn begin(&mut self, by: &OccupiedBy) {
        match by {
            OccupiedBy::Block => self.blocks += 1,
            OccupiedBy::Holds { units, .. } => {
                for unit in units {
                    // A shop may lower the capacity while holds are live. Units above it are not for sale.
                    if let Some(held_by) = find_unit(&mut self.units, *unit) {
                        *held_by += 1;
                        self.occupied += u32::from(*held_by == 1);
                    }
                }
            }
        }
    }

    fn end(&mut self, by: &OccupiedBy) {
        match by {
            OccupiedBy::Block => self.blocks -= 1,
            OccupiedBy::Holds { units, .. } => {
                for unit in units {
                    if let Some(held_by) = find_unit(&mut self.units, *unit) {
                        *held_by -= 1;
                        self.occupied -= u32::from(*held_by == 0);
                    }
                }
            }
        }
    }
}

/// Finds the count of a unit; units are numbered from 1.
fn find_unit(units: &mut [u32], unit: u32) -> Option<&mut u32> {
    let position = usize::try_from(unit).ok()?.checked_sub(1)?;
    units.get_mut(position)
}
