//! Tests of availability: tables of cases, and a comparison with a minute-by-minute count.

use proptest::prelude::*;
use uuid::Uuid;

use chrono::{DateTime, Utc};

use super::*;
use crate::domain::catalogue::tests::fixture;
use crate::domain::catalogue::{EventType, SegmentTemplate};
use crate::domain::ids::{HoldId, ResourceId};
use crate::domain::segment::{Segment, allocated_segments};
use crate::domain::time::Window;

pub(super) fn at(minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + minute * 60, 0).unwrap()
}

pub(super) fn id(text: &str) -> ResourceId {
    ResourceId::parse(text).unwrap()
}

pub(super) fn segment_template(
    offset_minutes: i64,
    duration_minutes: i64,
    any_of: &[&str],
) -> SegmentTemplate {
    SegmentTemplate {
        offset_minutes,
        duration_minutes,
        any_of: any_of.iter().map(|resource| id(resource)).collect(),
    }
}

pub(super) fn event_type(segments: Vec<SegmentTemplate>) -> EventType {
    EventType {
        segments,
        ..fixture::call()
    }
}

pub(super) fn usage(resource: &str, capacity: u32, latest: Option<u128>) -> ResourceUsage {
    ResourceUsage {
        resource: id(resource),
        capacity,
        latest: latest.map(|n| HoldId(Uuid::from_u128(n))),
    }
}

pub(super) fn hold(resource: &str, unit: u32, (from, to): (i64, i64), status: OccupancyStatus) -> Occupancy {
    Occupancy {
        resource: id(resource),
        window: Window::new(at(from), at(to)).unwrap(),
        by: OccupiedBy::Holds {
            units: vec![unit],
            status,
        },
    }
}

fn overdue(n: u128) -> OccupancyStatus {
    OccupancyStatus::Overdue(HoldId(Uuid::from_u128(n)))
}

fn block(resource: &str, (from, to): (i64, i64)) -> Occupancy {
    Occupancy {
        resource: id(resource),
        window: Window::new(at(from), at(to)).unwrap(),
        by: OccupiedBy::Block,
    }
}

pub(super) fn slot_request(event_type: &EventType, quantity: u32) -> SlotRequest<'_> {
    SlotRequest {
        event_type,
        quantity,
        requested_resource: None,
        moving: None,
    }
}

/// Returns the slot that starts then.
pub(super) fn find_slot(
    calendar: &Availability,
    request: &SlotRequest<'_>,
    starts_at: DateTime<Utc>,
) -> Option<Slot> {
    calendar
        .list_slots(request, SlotSelection::default(), std::iter::once(starts_at))
        .next()
}

fn resources_of(availability: &SlotAvailability) -> Vec<&str> {
    match availability {
        SlotAvailability::Free(units) => units.iter().map(|one| one.segment.resource.as_str()).collect(),
        other => panic!("not free: {other:?}"),
    }
}

#[test]
fn bookings_are_spread_over_resources() {
    let pool = event_type(vec![segment_template(0, 30, &["ana", "ben", "cleo"])]);
    let usages = vec![
        usage("ana", 1, Some(2)),
        usage("ben", 1, Some(1)),
        usage("cleo", 1, None),
    ];
    let calendar = Availability::new(usages.clone(), Vec::new());
    assert_eq!(
        resources_of(&calendar.check_slot(&slot_request(&pool, 1), at(0), 0)),
        ["cleo"],
        "never had one"
    );
    let busy = vec![hold("cleo", 1, (0, 30), OccupancyStatus::Confirmed)];
    let calendar = Availability::new(usages.clone(), busy);
    assert_eq!(
        resources_of(&calendar.check_slot(&slot_request(&pool, 1), at(0), 0)),
        ["ben"],
        "the oldest of the latest"
    );
    let ana = id("ana");
    let requested = SlotRequest {
        requested_resource: Some(&ana),
        ..slot_request(&pool, 1)
    };
    assert_eq!(
        resources_of(&calendar.check_slot(&requested, at(0), 0)),
        ["ana"],
        "the requested resource serves"
    );
    let zoe = id("zoe");
    let unknown = SlotRequest {
        requested_resource: Some(&zoe),
        ..requested
    };
    assert_eq!(calendar.check_slot(&unknown, at(0), 0), SlotAvailability::Taken);
}

#[test]
fn quantity_is_sold_whole_or_not_at_all() {
    let class = event_type(vec![segment_template(0, 60, &["studio"])]);
    let sold = |units: u32| {
        let busy = (1..=units).map(|unit| hold("studio", unit, (0, 60), OccupancyStatus::Unpaid));
        Availability::new(vec![usage("studio", 20, None)], busy.collect())
    };
    for (units, quantity, left) in [
        (0, 1, 20),
        (18, 1, 2),
        (18, 2, 1),
        (19, 2, 0),
        (20, 1, 0),
        (0, 50, 0),
    ] {
        let slot = find_slot(&sold(units), &slot_request(&class, quantity), at(0)).unwrap();
        assert_eq!(slot.available, left, "{units} sold, {quantity} requested");
        let state = if left > 0 {
            SlotStatus::Free
        } else if quantity <= 20 {
            SlotStatus::Held
        } else {
            SlotStatus::Taken
        };
        assert_eq!(slot.state, state);
    }
    assert_eq!(
        sold(18).count_free_units(&slot_request(&class, 2), at(0)),
        2,
        "in units"
    );
}

#[test]
fn overlapping_segments_get_different_resources() {
    let both = event_type(vec![
        segment_template(0, 60, &["ana", "ben"]),
        segment_template(30, 60, &["ana", "ben"]),
        segment_template(90, 30, &["ana"]),
    ]);
    let usages = || vec![usage("ana", 1, None), usage("ben", 1, Some(1))];
    let calendar = Availability::new(usages(), Vec::new());
    let availability = calendar.check_slot(&slot_request(&both, 1), at(0), 0);
    assert_eq!(resources_of(&availability), ["ana", "ben", "ana"]);
    let slot = find_slot(&calendar, &slot_request(&both, 1), at(0)).unwrap();
    assert_eq!(slot.available, 1);
    // Ana is busy at the start, so she can only serve the second segment.
    let busy = vec![hold("ana", 1, (0, 10), OccupancyStatus::Confirmed)];
    let calendar = Availability::new(usages(), busy);
    assert_eq!(
        resources_of(&calendar.check_slot(&slot_request(&both, 1), at(0), 0)),
        ["ben", "ana", "ana"]
    );
    let busy = vec![hold("ana", 1, (0, 40), OccupancyStatus::Confirmed)];
    let calendar = Availability::new(usages(), busy);
    assert_eq!(
        calendar.check_slot(&slot_request(&both, 1), at(0), 0),
        SlotAvailability::Taken,
        "no resource for the overlap"
    );
}

#[test]
fn buffers_occupy_and_touching_windows_do_not() {
    let mut call = event_type(vec![segment_template(0, 30, &["ana"])]);
    (call.buffer_before_minutes, call.buffer_after_minutes) = (5, 10);
    let calendar = Availability::new(
        Vec::new(),
        vec![hold("ana", 1, (60, 90), OccupancyStatus::Unpaid)],
    );
    for (start, free) in [(20, true), (21, false), (95, true), (94, false)] {
        let slot = find_slot(&calendar, &slot_request(&call, 1), at(start)).unwrap();
        assert_eq!(slot.state == SlotStatus::Free, free, "{start}");
    }
}

#[test]
fn block_occupies_all_units_for_good() {
    let class = event_type(vec![segment_template(0, 60, &["studio"])]);
    let calendar = Availability::new(vec![usage("studio", 20, None)], vec![block("studio", (59, 61))]);
    let slot = find_slot(&calendar, &slot_request(&class, 1), at(0)).unwrap();
    assert_eq!((slot.available, slot.state), (0, SlotStatus::Taken));
    let slot = find_slot(&calendar, &slot_request(&class, 1), at(61)).unwrap();
    assert_eq!(slot.available, 20);
}

#[test]
fn only_needed_overdue_holds_are_listed() {
    let class = event_type(vec![segment_template(0, 60, &["studio"])]);
    let busy = vec![
        hold("studio", 1, (0, 60), OccupancyStatus::Confirmed),
        hold("studio", 2, (0, 60), overdue(2)),
        hold("studio", 3, (0, 30), overdue(3)),
        hold("studio", 3, (30, 60), OccupancyStatus::Unpaid),
        hold("studio", 4, (0, 60), overdue(5)),
    ];
    let calendar = Availability::new(vec![usage("studio", 4, None)], busy);
    let check = |quantity| calendar.check_slot(&slot_request(&class, quantity), at(0), 0);
    let named =
        |ids: &[u128]| SlotAvailability::Overdue(ids.iter().map(|n| HoldId(Uuid::from_u128(*n))).collect());
    assert_eq!(check(1), named(&[2]));
    assert_eq!(
        check(2),
        named(&[2, 5]),
        "releasing the third would not free its unit"
    );
    assert_eq!(check(3), SlotAvailability::Taken);
}

#[test]
fn lowest_free_units_are_chosen_after_the_offset() {
    let class = event_type(vec![segment_template(0, 60, &["studio"])]);
    let busy = vec![
        hold("studio", 2, (0, 30), OccupancyStatus::Confirmed),
        hold("studio", 4, (30, 60), overdue(1)),
        hold("studio", 1, (60, 90), OccupancyStatus::Confirmed),
    ];
    let calendar = Availability::new(vec![usage("studio", 6, None)], busy);
    let units = |quantity, unit_offset| match calendar.check_slot(
        &slot_request(&class, quantity),
        at(0),
        unit_offset,
    ) {
        SlotAvailability::Free(units) => units[0].units.clone(),
        other => panic!("not free: {other:?}"),
    };
    assert_eq!(units(2, 0), [1, 3]);
    assert_eq!(units(2, 2), [5, 6]);
    assert_eq!(units(2, 3), [6, 1], "wraps around");
    assert_eq!(units(4, u32::MAX).len(), 4);
    let segments = vec![
        class
            .segment_for(&class.segments[0], &id("studio"), at(0))
            .unwrap(),
    ];
    assert_eq!(calendar.allocate_units(segments, 5, 0), None);
}

/// Two bookings of half an hour share one unit, so that a booking of an hour finds the other unit free.
#[test]
fn short_bookings_share_a_unit_and_leave_one_for_long_ones() {
    let class = event_type(vec![segment_template(0, 60, &["court"])]);
    let half = event_type(vec![segment_template(0, 30, &["court"])]);
    let usages = || vec![usage("court", 2, None)];
    let mut busy = vec![hold("court", 1, (0, 30), OccupancyStatus::Confirmed)];
    let calendar = Availability::new(usages(), busy.clone());
    let SlotAvailability::Free(units) = calendar.check_slot(&slot_request(&half, 1), at(30), 0) else {
        panic!("a unit is free");
    };
    busy.push(hold(
        "court",
        units[0].units[0],
        (30, 60),
        OccupancyStatus::Confirmed,
    ));
    let calendar = Availability::new(usages(), busy);
    let slot = find_slot(&calendar, &slot_request(&class, 1), at(0)).unwrap();
    assert_eq!(slot.available, 1);
}

#[test]
fn five_nearest_free_slots_are_found() {
    let call = event_type(vec![segment_template(0, 30, &["ana"])]);
    let busy = vec![
        hold("ana", 1, (0, 30), OccupancyStatus::Confirmed),
        hold("ana", 1, (60, 90), OccupancyStatus::Unpaid),
    ];
    let calendar = Availability::new(Vec::new(), busy);
    let starts: Vec<_> = (-4..=4).map(|n| at(n * 30)).collect();
    let found = calendar.nearest_free_slots(&slot_request(&call, 1), starts, at(0), || false);
    let found: Vec<_> = found
        .iter()
        .map(|slot| (slot.window.starts_at() - at(0)).num_minutes())
        .collect();
    assert_eq!(found, [-30, 30, -60, -90, 90]);
    assert_eq!(
        calendar.nearest_free_slots(&slot_request(&call, 1), vec![at(0)], at(0), || false),
        [],
        "not the refused one"
    );
}

fn some_occupancies() -> impl Strategy<Value = Vec<(u8, u32, i64, i64)>> {
    prop::collection::vec((0..3_u8, 1..4_u32, 0..10_i64, 1..5_i64), 0..12)
}

const NAMES: [&str; 3] = ["ana", "ben", "cleo"];

proptest! {
    /// For one segment, the free units are those that no occupancy has in any minute of it.
    #[test]
    fn free_units_are_free_in_every_minute(
        found in some_occupancies(),
        start in 0..10_i64,
        length in 1..5_i64,
        quantity in 1..3_u32,
        unit_offset in 0..5_u32,
    ) {
        let busy: Vec<_> = found.iter().map(|(resource_index, unit, from, minutes)| {
            hold(NAMES[usize::from(*resource_index)], *unit, (*from, from + minutes), OccupancyStatus::Confirmed)
        }).collect();
        let calendar = Availability::new(NAMES.map(|name| usage(name, 3, None)).into(), busy);
        let pool = event_type(vec![segment_template(0, length, &NAMES)]);
        let is_free = |resource: usize, unit: u32| (start..start + length).all(|minute| {
            !found.iter().any(|(resource_index, its, from, minutes)| {
                usize::from(*resource_index) == resource && *its == unit && (*from..from + minutes).contains(&minute)
            })
        });
        let bookings: u32 = (0..3).map(|resource| {
            let free = (1..=3).filter(|unit| is_free(resource, *unit));
            u32::try_from(free.count()).unwrap() / quantity
        }).sum();
        let slot = find_slot(&calendar, &slot_request(&pool, quantity), at(start)).unwrap();
        prop_assert_eq!(slot.available, bookings);
        prop_assert_eq!(slot.state == SlotStatus::Free, bookings > 0);
        let chosen = calendar.find_units(&slot_request(&pool, quantity), at(start), unit_offset);
        prop_assert_eq!(chosen.is_some(), bookings > 0);
        for one in chosen.into_iter().flatten() {
            let resource = NAMES.iter().position(|name| *name == one.segment.resource.as_str()).unwrap();
            let units: std::collections::BTreeSet<_> = one.units.iter().copied().collect();
            prop_assert_eq!(units.len(), usize::try_from(quantity).unwrap(), "each once");
            prop_assert!(units.into_iter().all(|unit| is_free(resource, unit)));
        }
    }

    /// Chosen segments are free, and no resource serves two at the same time.
    #[test]
    fn chosen_segments_are_free_and_do_not_clash(found in some_occupancies(), start in 0..10_i64, split in 0..4_i64) {
        let busy: Vec<_> = found.iter().map(|(resource_index, unit, from, minutes)| {
            hold(NAMES[usize::from(*resource_index)], *unit, (*from, from + minutes), OccupancyStatus::Unpaid)
        }).collect();
        let calendar = Availability::new(NAMES.map(|name| usage(name, 1, None)).into(), busy.clone());
        let first = segment_template(0, 3, &["ana", "ben"]);
        let second = segment_template(split, 3, &["ben", "cleo"]);
        let both = event_type(vec![first, second]);
        if let SlotAvailability::Free(units) = calendar.check_slot(&slot_request(&both, 1), at(start), 0) {
            let segments = allocated_segments(&units);
            for (n, segment) in segments.iter().enumerate() {
                let taken = |one: &Occupancy| one.resource == segment.resource && one.window.overlaps(&segment.busy)
                    && matches!(&one.by, OccupiedBy::Holds { units, .. } if units.contains(&1));
                let taken = busy.iter().any(taken);
                prop_assert!(!taken);
                let clash = |other: &Segment| {
                    other.resource == segment.resource && other.busy.overlaps(&segment.busy)
                };
                prop_assert!(!segments[n + 1..].iter().any(clash));
            }
        }
    }
}
