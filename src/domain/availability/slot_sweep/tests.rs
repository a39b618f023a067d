//! Compares the sweep with the search that looks at each start alone.

use proptest::prelude::*;
use uuid::Uuid;

use crate::domain::availability::tests::{at, event_type, hold, id, segment_template, slot_request, usage};
use crate::domain::availability::{Availability, Occupancy, OccupancyStatus, OccupiedBy, Slot};
use crate::domain::ids::HoldId;
use crate::domain::time::Window;

const RESOURCES: [&str; 4] = ["ana", "ben", "cleo", "dora"];

/// Makes something that occupies a resource: a hold on one of three units, or a block.
fn occupancy() -> impl Strategy<Value = Occupancy> {
    let status = prop_oneof![
        Just(OccupancyStatus::Confirmed),
        Just(OccupancyStatus::Unpaid),
        Just(OccupancyStatus::Overdue(HoldId(Uuid::from_u128(7)))),
    ];
    let times = (0_i64..300, 1_i64..90);
    (0_usize..4, times, 1_u32..=3, status, 0_u32..10).prop_map(
        |(resource, (from, length), unit, status, kind)| {
            let mut occupancy = hold(RESOURCES[resource], unit, (from, from + length), status);
            if kind == 0 {
                occupancy.by = OccupiedBy::Block;
            }
            occupancy
        },
    )
}

proptest! {
    #[test]
    fn sweep_finds_what_the_search_finds(
        occupancies in prop::collection::vec(occupancy(), 0..40),
        capacities in prop::array::uniform4(0_u32..=3),
        quantity in 1_u32..=2,
        buffer in 0_i64..20,
        offset in 20_i64..60,
        step in 5_usize..40,
    ) {
        // Dora has no row in the store.
        let usages = RESOURCES[..3].iter().zip(capacities);
        let usages = usages.map(|(resource, capacity)| usage(resource, capacity, None)).collect();
        let availability = Availability::new(usages, occupancies);
        let mut offered = event_type(vec![
            segment_template(0, 20, &["ana", "ben"]),
            segment_template(offset, 30, &["cleo", "dora"]),
        ]);
        offered.buffer_before_minutes = buffer;
        offered.buffer_after_minutes = buffer / 2;
        let request = slot_request(&offered, quantity);
        let starts: Vec<_> = (-60..360).step_by(step).map(at).collect();
        let search = starts.iter().filter_map(|start| availability.find_competing_slot(&request, *start));
        let search: Vec<Slot> = search.collect();
        let sweep: Vec<Slot> = availability.list_slots(&request, starts.iter().copied()).collect();
        prop_assert_eq!(&sweep, &search);
        let mut backwards: Vec<Slot> = availability.list_slots(&request, starts.into_iter().rev()).collect();
        backwards.reverse();
        prop_assert_eq!(&backwards, &search, "also if the starts are not in order");
    }
}

#[test]
fn start_after_a_long_time_is_free() {
    let occupancies = (0..5).map(|n| hold("ana", 1, (n * 10, n * 10 + 10), OccupancyStatus::Confirmed));
    let availability = Availability::new(vec![usage("ana", 1, None)], occupancies.collect());
    let calendar = availability.calendar_of(&id("ana")).unwrap();
    let merged = calendar.list_occupied_times(super::OccupancyFilter::All);
    assert_eq!(
        merged,
        [Window::new(at(0), at(50)).unwrap()],
        "times that touch are one"
    );
    let offered = event_type(vec![segment_template(0, 10, &["ana"])]);
    let request = slot_request(&offered, 1);
    let slots = availability.list_slots(&request, [-10, -5, 45, 50].map(at).into_iter());
    let free: Vec<u32> = slots.map(|slot| slot.available).collect();
    assert_eq!(free, [1, 0, 0, 1]);
}
