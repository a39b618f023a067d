//! Compares the number of bookings that a slot takes, if its segments compete for resources, with bookings that are
//! placed one after the other.

use proptest::prelude::*;

use super::tests::{at, event_type, find_slot, hold, segment_template, slot_request, usage};
use super::*;

const RESOURCES: [&str; 4] = ["ana", "ben", "cleo", "dora"];
const CAPACITY: u32 = 3;

/// Counts bookings by placing them until no more units are free.
fn count_placed(usages: &[ResourceUsage], mut occupancies: Vec<Occupancy>, request: &SlotRequest<'_>) -> u32 {
    let mut placed = 0;
    loop {
        let availability = Availability::new(usages.to_vec(), occupancies.clone());
        let Some(allocations) = availability.find_units(request, at(0), 0) else {
            return placed;
        };
        placed += 1;
        occupancies.extend(allocations.into_iter().map(|allocation| Occupancy {
            resource: allocation.segment.resource,
            window: allocation.segment.busy,
            by: OccupiedBy::Holds {
                units: allocation.units,
                status: OccupancyStatus::Confirmed,
            },
        }));
    }
}

/// The resources of a segment: some of all, at least one.
fn any_of() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(RESOURCES.to_vec(), 1..=RESOURCES.len())
}

proptest! {
    #[test]
    fn competing_segments_take_as_many_bookings_as_can_be_placed(
        segments in prop::collection::vec(any_of(), 2..=3),
        latest in prop::collection::vec(prop::option::of(0..9_u128), RESOURCES.len()),
        occupied in prop::collection::vec((prop::sample::select(RESOURCES.to_vec()), 1..=CAPACITY), 0..6),
        quantity in 1..=2_u32,
    ) {
        let templates = segments.iter().map(|any_of| segment_template(0, 60, any_of));
        let both = event_type(templates.collect());
        let usages: Vec<_> = RESOURCES.iter().zip(latest).map(|(one, latest)| usage(one, CAPACITY, latest)).collect();
        let holds = occupied.into_iter().map(|(one, unit)| hold(one, unit, (0, 60), OccupancyStatus::Confirmed));
        let occupancies: Vec<_> = holds.collect();
        let request = slot_request(&both, quantity);
        let availability = Availability::new(usages.clone(), occupancies.clone());
        let slot = find_slot(&availability, &request, at(0)).unwrap();
        prop_assert_eq!(slot.available, count_placed(&usages, occupancies, &request));
    }
}
