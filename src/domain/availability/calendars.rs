//! The calendars of several resources, and the choice of single units from them.

use std::collections::{BTreeMap, BTreeSet};

use super::occupancy::{Occupancy, OccupancyFilter, OccupancyStatus, OccupiedBy, ResourceUsage};
use super::resource_calendar::ResourceCalendar;
use crate::domain::ids::{HoldId, ResourceId};
use crate::domain::segment::{Allocation, Segment};
use crate::domain::time::Window;

/// What occupies some resources within a window.
#[derive(Clone, Debug, Default)]
pub struct Availability(BTreeMap<ResourceId, ResourceCalendar>);

impl Availability {
    /// Builds the calendars from what the store found, in any order.
    pub fn new(usages: Vec<ResourceUsage>, occupancies: Vec<Occupancy>) -> Self {
        let mut calendars: BTreeMap<ResourceId, ResourceCalendar> = BTreeMap::new();
        for usage in usages {
            calendars
                .entry(usage.resource.clone())
                .or_default()
                .set_usage(&usage);
        }
        for occupancy in occupancies {
            calendars
                .entry(occupancy.resource.clone())
                .or_default()
                .add_occupancy(occupancy);
        }
        calendars
            .values_mut()
            .for_each(ResourceCalendar::sort_occupancies);
        Self(calendars)
    }

    /// The calendar of a resource, if the store has found something about it.
    pub(super) fn calendar_of(&self, resource: &ResourceId) -> Option<&ResourceCalendar> {
        self.0.get(resource)
    }

    /// Lists the calendars in the order of their resources.
    pub(super) fn calendars(&self) -> impl Iterator<Item = (&ResourceId, &ResourceCalendar)> {
        self.0.iter()
    }

    /// Lists all occupancies, by resource and start.
    pub fn occupancies(&self) -> impl Iterator<Item = &Occupancy> {
        self.0.values().flat_map(ResourceCalendar::occupancies)
    }

    /// Chooses free units for each of the segments; `None` if some segment has too few.
    ///
    /// Takes the lowest free numbers, so that short bookings share units and long ones still find a free unit. Skips
    /// `unit_offset` free units first, wrapping around: concurrent checkouts with different offsets choose different
    /// units and do not compete.
    pub fn allocate_units(
        &self,
        segments: Vec<Segment>,
        quantity: u32,
        unit_offset: u32,
    ) -> Option<Vec<Allocation>> {
        let wanted = usize::try_from(quantity).ok()?;
        let allocate = |segment: Segment| {
            let calendar = self.0.get(&segment.resource);
            let free = calendar.map_or_else(|| vec![1], |calendar| calendar.list_free_units(segment.busy));
            let first = usize::try_from(unit_offset).ok()?.checked_rem(free.len())?;
            let units = (free.len() >= wanted).then(|| free.iter().cycle().skip(first).take(wanted))?;
            Some(Allocation {
                units: units.copied().collect(),
                segment,
            })
        };
        segments.into_iter().map(allocate).collect()
    }

    /// Counts a resource's units that are free in the whole window. Also returns the resource's latest live hold.
    pub(super) fn count_units_in(
        &self,
        resource: &ResourceId,
        window: Window,
        filter: OccupancyFilter,
    ) -> (u32, Option<HoldId>) {
        match self.0.get(resource) {
            Some(calendar) => (calendar.count_free_units(window, filter), calendar.latest()),
            // A resource without a row in the store has one unit, and nothing occupies it.
            None => (1, None),
        }
    }

    /// Lists the overdue holds that must be released for these segments, and no more than needed.
    pub(super) fn list_overdue_holds(&self, segments: &[Segment], quantity: u32) -> Vec<HoldId> {
        let mut ids = BTreeSet::new();
        for segment in segments {
            let (free, _) = self.count_units_in(&segment.resource, segment.busy, OccupancyFilter::All);
            let missing = usize::try_from(quantity.saturating_sub(free)).unwrap_or(usize::MAX);
            // A unit becomes free only if all its occupancies end, so one hold that is not overdue keeps it occupied.
            let mut kept: BTreeSet<u32> = BTreeSet::new();
            let mut overdue: BTreeMap<u32, Vec<HoldId>> = BTreeMap::new();
            let calendar = self.0.get(&segment.resource);
            let overlapping = calendar
                .into_iter()
                .flat_map(|calendar| calendar.list_overlapping(segment.busy));
            for occupancy in overlapping {
                match &occupancy.by {
                    OccupiedBy::Holds {
                        units,
                        status: OccupancyStatus::Overdue(id),
                    } => units
                        .iter()
                        .for_each(|unit| overdue.entry(*unit).or_default().push(*id)),
                    OccupiedBy::Holds { units, .. } => kept.extend(units),
                    OccupiedBy::Block => {}
                }
            }
            overdue.retain(|unit, _| !kept.contains(unit));
            ids.extend(overdue.into_values().take(missing).flatten());
        }
        ids.into_iter().collect()
    }
}
