//! Compares the scan with the search that looks at each start alone.

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use uuid::Uuid;

use crate::domain::availability::occupancy::OccupancyFilter;
use crate::domain::availability::tests::{at, event_type, hold, segment_template, slot_request, usage};
use crate::domain::availability::{
    Availability, Occupancy, OccupancyStatus, OccupiedBy, Slot, SlotRequest, SlotSelection, SlotStatus,
};
use crate::domain::catalogue::EventType;
use crate::domain::ids::HoldId;
use crate::domain::time::Window;

const RESOURCES: [&str; 4] = ["ana", "ben", "cleo", "dora"];

/// Makes something that occupies a resource: a hold on one or two of three units, or a block.
fn occupancy() -> impl Strategy<Value = Occupancy> {
    let status = prop_oneof![
        Just(OccupancyStatus::Confirmed),
        Just(OccupancyStatus::Unpaid),
        Just(OccupancyStatus::Overdue(HoldId(Uuid::from_u128(7)))),
    ];
    let times = (0_i64..300, 1_i64..90);
    (0_usize..4, times, 1_u32..=3, 1_u32..=3, status, 0_u32..10).prop_map(
        |(resource, (from, length), unit, other, status, kind)| {
            let mut occupancy = hold(RESOURCES[resource], unit, (from, from + length), status);
            match (&mut occupancy.by, kind) {
                (by, 0) => *by = OccupiedBy::Block,
                (OccupiedBy::Holds { units, .. }, 1..4) if other != unit => units.push(other),
                _ => {}
            }
            occupancy
        },
    )
}

/// Describes the slot by looking at this start alone, and by adding bookings one by one.
fn search_slot(availability: &Availability, request: &SlotRequest<'_>, start: DateTime<Utc>) -> Slot {
    let count = |filter| availability.count_bookings(request, start, filter, true);
    let available = count(OccupancyFilter::All);
    let state = match available {
        0 if count(OccupancyFilter::ExceptUnpaid) > 0 => SlotStatus::Held,
        0 => SlotStatus::Taken,
        _ => SlotStatus::Free,
    };
    Slot {
        window: Window::new(start, start + request.event_type.length()).unwrap(),
        available,
        state,
    }
}

/// Compares the scan with the search, with the starts in order and backwards.
fn compare(
    availability: &Availability,
    offered: &EventType,
    quantity: u32,
    starts: &[DateTime<Utc>],
) -> Result<(), TestCaseError> {
    let request = slot_request(offered, quantity);
    let search = starts
        .iter()
        .map(|start| search_slot(availability, &request, *start));
    let search: Vec<Slot> = search.collect();
    let scan: Vec<Slot> = availability
        .list_slots(&request, SlotSelection::default(), starts.iter().copied())
        .collect();
    prop_assert_eq!(&scan, &search);
    let mut backwards: Vec<Slot> = availability
        .list_slots(&request, SlotSelection::default(), starts.iter().rev().copied())
        .collect();
    backwards.reverse();
    prop_assert_eq!(&backwards, &search, "also if the starts are not in order");
    Ok(())
}

/// The resources of a segment: some of all, at least one.
fn any_of() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(RESOURCES.to_vec(), 1..=RESOURCES.len())
}

proptest! {
    #[test]
    fn scan_finds_what_the_search_finds(
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
        let starts: Vec<_> = (-60..360).step_by(step).map(at).collect();
        compare(&availability, &offered, quantity, &starts)?;
    }

    #[test]
    fn scan_of_competing_segments_finds_what_the_search_finds(
        occupancies in prop::collection::vec(occupancy(), 0..40),
        capacities in prop::array::uniform4(0_u32..=3),
        latest in prop::array::uniform4(prop::option::of(0..9_u128)),
        segments in prop::collection::vec((any_of(), 0_i64..60), 2..=4),
        quantity in 1_u32..=2,
        buffer in 0_i64..20,
        step in 5_usize..40,
    ) {
        let usages = RESOURCES[..3].iter().zip(capacities).zip(latest);
        let usages = usages.map(|((resource, capacity), latest)| usage(resource, capacity, latest)).collect();
        let availability = Availability::new(usages, occupancies);
        let templates = segments.iter().map(|(any_of, offset)| segment_template(*offset, 30, any_of));
        let mut offered = event_type(templates.collect());
        offered.buffer_before_minutes = buffer;
        let starts: Vec<_> = (-60..360).step_by(step).map(at).collect();
        compare(&availability, &offered, quantity, &starts)?;
    }
}

#[test]
fn start_after_a_long_time_is_free() {
    let occupancies = (0..5).map(|n| hold("ana", 1, (n * 10, n * 10 + 10), OccupancyStatus::Confirmed));
    let availability = Availability::new(vec![usage("ana", 1, None)], occupancies.collect());
    let offered = event_type(vec![segment_template(0, 10, &["ana"])]);
    let request = slot_request(&offered, 1);
    let slots = availability.list_slots(
        &request,
        SlotSelection::default(),
        [-10, -5, 45, 50].map(at).into_iter(),
    );
    let free: Vec<u32> = slots.map(|slot| slot.available).collect();
    assert_eq!(free, [1, 0, 0, 1]);
}
