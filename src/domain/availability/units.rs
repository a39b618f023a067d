//! Single units of resources: which are free, which of these a hold is to take, and who must end for more of them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Availability, OccupancyFilter, OccupancyStatus, OccupiedBy, SlotRequest};
use crate::domain::booking::{Allocation, Segment};
use crate::domain::ids::{HoldId, ResourceId};
use crate::domain::time::Window;

impl Availability {
    /// Free units for each of the segments, or `None` where there are not as many: the first ones, so that bookings of
    /// different lengths lie close together and long ones still find a unit. That many are passed over as `unit_offset` want,
    /// who look at the same moment; round and round, where there are fewer.
    pub fn allocate(
        &self,
        segments: Vec<Segment>,
        quantity: u32,
        unit_offset: u32,
    ) -> Option<Vec<Allocation>> {
        let wanted = usize::try_from(quantity).ok()?;
        let allocation = |segment: Segment| {
            let sheet = self.0.get(&segment.resource);
            let free = sheet.map_or_else(|| vec![1], |sheet| sheet.free(segment.busy));
            let first = usize::try_from(unit_offset).ok()?.checked_rem(free.len())?;
            let units = (free.len() >= wanted).then(|| free.iter().cycle().skip(first).take(wanted))?;
            Some(Allocation {
                units: units.copied().collect(),
                segment,
            })
        };
        segments.into_iter().map(allocation).collect()
    }

    /// How many units nothing keeps busy in any part of the window.
    pub(super) fn free_units(&self, resource: &ResourceId, window: Window, without: OccupancyFilter) -> u32 {
        // One that the books say nothing of has one unit, and nobody has it.
        let sheet = self.0.get(resource);
        sheet.map_or(1, |sheet| sheet.count_free(window, without))
    }

    /// As many overdue holds as must end for these segments.
    pub(super) fn overdue_in(&self, slot_request: &SlotRequest<'_>, segments: &[Segment]) -> Vec<HoldId> {
        let mut ids = BTreeSet::new();
        for segment in segments {
            let free = self.free_units(&segment.resource, segment.busy, OccupancyFilter::All);
            let wanted = usize::try_from(slot_request.quantity.saturating_sub(free)).unwrap_or(usize::MAX);
            // A unit is free only when all that keep it busy are gone, and some of them may not be overdue.
            let mut stays: BTreeSet<u32> = BTreeSet::new();
            let mut overdue: BTreeMap<u32, Vec<HoldId>> = BTreeMap::new();
            let sheet = self.0.get(&segment.resource);
            for one in sheet.into_iter().flat_map(|sheet| sheet.within(segment.busy)) {
                match &one.by {
                    OccupiedBy::Holds {
                        units,
                        status: OccupancyStatus::Overdue(id),
                    } => units
                        .iter()
                        .for_each(|unit| overdue.entry(*unit).or_default().push(*id)),
                    OccupiedBy::Holds { units, .. } => stays.extend(units),
                    OccupiedBy::Block => {}
                }
            }
            overdue.retain(|unit, _| !stays.contains(unit));
            ids.extend(overdue.into_values().take(wanted).flatten());
        }
        ids.into_iter().collect()
    }
}
