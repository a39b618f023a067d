//! Who is free, in tables; and against a reader who looks at every minute.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::domain::booking::segments_of;
use crate::domain::catalogue::ChangePolicy;
use crate::domain::ids::EventTypeId;
use crate::domain::money::{Currency, Money};

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + minute * 60, 0).unwrap()
}

fn id(text: &str) -> ResourceId {
    ResourceId::parse(text).unwrap()
}

fn need(offset_minutes: i64, duration_minutes: i64, any_of: &[&str]) -> SegmentTemplate {
    SegmentTemplate {
        offset_minutes,
        duration_minutes,
        any_of: any_of.iter().map(|resource| id(resource)).collect(),
    }
}

fn event_type(segments: Vec<SegmentTemplate>) -> EventType {
    EventType {
        id: EventTypeId::parse("thing").unwrap(),
        name: "Thing".into(),
        segments,
        buffer_before_minutes: 0,
        buffer_after_minutes: 0,
        schedule: None,
        price: Money::price(5000, Currency::parse("eur").unwrap()).unwrap(),
        payment_methods: Vec::new(),
        change_policy: ChangePolicy::default(),
    }
}

fn stands(resource: &str, capacity: u32, latest: Option<u128>) -> ResourceUsage {
    ResourceUsage {
        resource: id(resource),
        capacity,
        latest: latest.map(|n| HoldId(Uuid::from_u128(n))),
    }
}

fn hold(resource: &str, unit: u32, (from, to): (i64, i64), status: OccupancyStatus) -> Occupancy {
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

fn slot_request(event_type: &EventType, quantity: u32) -> SlotRequest<'_> {
    SlotRequest {
        event_type,
        quantity,
        requested_resource: None,
        moving: None,
    }
}

fn who(chance: &SlotAvailability) -> Vec<&str> {
    match chance {
        SlotAvailability::Free(units) => units.iter().map(|one| one.segment.resource.as_str()).collect(),
        other => panic!("not free: {other:?}"),
    }
}

#[test]
fn work_goes_round() {
    let pool = event_type(vec![need(0, 30, &["ana", "ben", "cleo"])]);
    let standings = vec![
        stands("ana", 1, Some(2)),
        stands("ben", 1, Some(1)),
        stands("cleo", 1, None),
    ];
    let calendar = Availability::new(standings.clone(), Vec::new());
    assert_eq!(
        who(&calendar.chance(&slot_request(&pool, 1), at(0), 0)),
        ["cleo"],
        "never had one"
    );
    let busy = vec![hold("cleo", 1, (0, 30), OccupancyStatus::Confirmed)];
    let calendar = Availability::new(standings.clone(), busy);
    assert_eq!(
        who(&calendar.chance(&slot_request(&pool, 1), at(0), 0)),
        ["ben"],
        "the oldest of the latest"
    );
    let ana = id("ana");
    let wanted = SlotRequest {
        requested_resource: Some(&ana),
        ..slot_request(&pool, 1)
    };
    assert_eq!(
        who(&calendar.chance(&wanted, at(0), 0)),
        ["ana"],
        "a wish is a wish"
    );
    let zoe = id("zoe");
    let nobodys = SlotRequest {
        requested_resource: Some(&zoe),
        ..wanted
    };
    assert_eq!(calendar.chance(&nobodys, at(0), 0), SlotAvailability::Taken);
}

#[test]
fn units_are_sold_one_by_one_and_all_or_none() {
    let class = event_type(vec![need(0, 60, &["studio"])]);
    let sold = |units: u32| {
        let busy = (1..=units).map(|unit| hold("studio", unit, (0, 60), OccupancyStatus::Unpaid));
        Availability::new(vec![stands("studio", 20, None)], busy.collect())
    };
    for (units, quantity, left) in [
        (0, 1, 20),
        (18, 1, 2),
        (18, 2, 1),
        (19, 2, 0),
        (20, 1, 0),
        (0, 50, 0),
    ] {
        let slot = sold(units).slot(&slot_request(&class, quantity), at(0)).unwrap();
        assert_eq!(slot.available, left, "{units} sold, {quantity} wanted");
        let state = if left > 0 {
            SlotStatus::Free
        } else if quantity <= 20 {
            SlotStatus::Held
        } else {
            SlotStatus::Taken
        };
        assert_eq!(slot.state, state);
    }
    assert_eq!(sold(18).room(&slot_request(&class, 2), at(0)), 2, "in units");
}

#[test]
fn a_composite_takes_different_people_for_what_overlaps() {
    let both = event_type(vec![
        need(0, 60, &["ana", "ben"]),
        need(30, 60, &["ana", "ben"]),
        need(90, 30, &["ana"]),
    ]);
    let standings = || vec![stands("ana", 1, None), stands("ben", 1, Some(1))];
    let calendar = Availability::new(standings(), Vec::new());
    let chance = calendar.chance(&slot_request(&both, 1), at(0), 0);
    assert_eq!(who(&chance), ["ana", "ben", "ana"]);
    assert_eq!(
        calendar.slot(&slot_request(&both, 1), at(0)).unwrap().available,
        1
    );
    // Ana cannot begin, so that she must be second.
    let busy = vec![hold("ana", 1, (0, 10), OccupancyStatus::Confirmed)];
    let calendar = Availability::new(standings(), busy);
    assert_eq!(
        who(&calendar.chance(&slot_request(&both, 1), at(0), 0)),
        ["ben", "ana", "ana"]
    );
    let busy = vec![hold("ana", 1, (0, 40), OccupancyStatus::Confirmed)];
    let calendar = Availability::new(standings(), busy);
    assert_eq!(
        calendar.chance(&slot_request(&both, 1), at(0), 0),
        SlotAvailability::Taken,
        "nobody for the overlap"
    );
}

#[test]
fn buffers_keep_busy_and_touching_windows_do_not() {
    let mut call = event_type(vec![need(0, 30, &["ana"])]);
    (call.buffer_before_minutes, call.buffer_after_minutes) = (5, 10);
    let calendar = Availability::new(
        Vec::new(),
        vec![hold("ana", 1, (60, 90), OccupancyStatus::Unpaid)],
    );
    for (start, free) in [(20, true), (21, false), (95, true), (94, false)] {
        let slot = calendar.slot(&slot_request(&call, 1), at(start)).unwrap();
        assert_eq!(slot.state == SlotStatus::Free, free, "{start}");
    }
}

#[test]
fn a_block_takes_all_units_and_does_not_come_back() {
    let class = event_type(vec![need(0, 60, &["studio"])]);
    let calendar = Availability::new(vec![stands("studio", 20, None)], vec![block("studio", (59, 61))]);
    let slot = calendar.slot(&slot_request(&class, 1), at(0)).unwrap();
    assert_eq!((slot.available, slot.state), (0, SlotStatus::Taken));
    assert_eq!(
        calendar.slot(&slot_request(&class, 1), at(61)).unwrap().available,
        20
    );
}

#[test]
fn only_as_many_overdue_holds_as_must_end_are_named() {
    let class = event_type(vec![need(0, 60, &["studio"])]);
    let busy = vec![
        hold("studio", 1, (0, 60), OccupancyStatus::Confirmed),
        hold("studio", 2, (0, 60), overdue(2)),
        hold("studio", 3, (0, 30), overdue(3)),
        hold("studio", 3, (30, 60), OccupancyStatus::Unpaid),
        hold("studio", 4, (0, 60), overdue(5)),
    ];
    let calendar = Availability::new(vec![stands("studio", 4, None)], busy);
    let chance = |quantity| calendar.chance(&slot_request(&class, quantity), at(0), 0);
    let named =
        |ids: &[u128]| SlotAvailability::Overdue(ids.iter().map(|n| HoldId(Uuid::from_u128(*n))).collect());
    assert_eq!(chance(1), named(&[2]));
    assert_eq!(
        chance(2),
        named(&[2, 5]),
        "ending the third would not free its unit"
    );
    assert_eq!(chance(3), SlotAvailability::Taken);
}

#[test]
fn the_first_free_units_are_taken_and_rivals_are_left_theirs() {
    let class = event_type(vec![need(0, 60, &["studio"])]);
    let busy = vec![
        hold("studio", 2, (0, 30), OccupancyStatus::Confirmed),
        hold("studio", 4, (30, 60), overdue(1)),
        hold("studio", 1, (60, 90), OccupancyStatus::Confirmed),
    ];
    let calendar = Availability::new(vec![stands("studio", 6, None)], busy);
    let units =
        |quantity, unit_offset| match calendar.chance(&slot_request(&class, quantity), at(0), unit_offset) {
            SlotAvailability::Free(units) => units[0].units.clone(),
            other => panic!("not free: {other:?}"),
        };
    assert_eq!(units(2, 0), [1, 3]);
    assert_eq!(units(2, 2), [5, 6]);
    assert_eq!(units(2, 3), [6, 1], "round and round");
    assert_eq!(units(4, u32::MAX).len(), 4);
    let segments = vec![class.segment(&class.segments[0], &id("studio"), at(0)).unwrap()];
    assert_eq!(calendar.allocate(segments, 5, 0), None);
}

/// Half an hour and then half an hour lie on one unit, so that the other has room for a whole one.
#[test]
fn short_bookings_lie_close_together_so_that_long_ones_find_a_unit() {
    let class = event_type(vec![need(0, 60, &["court"])]);
    let half = event_type(vec![need(0, 30, &["court"])]);
    let standings = || vec![stands("court", 2, None)];
    let mut busy = vec![hold("court", 1, (0, 30), OccupancyStatus::Confirmed)];
    let calendar = Availability::new(standings(), busy.clone());
    let SlotAvailability::Free(units) = calendar.chance(&slot_request(&half, 1), at(30), 0) else {
        panic!("nobody is there");
    };
    busy.push(hold(
        "court",
        units[0].units[0],
        (30, 60),
        OccupancyStatus::Confirmed,
    ));
    let calendar = Availability::new(standings(), busy);
    assert_eq!(
        calendar.slot(&slot_request(&class, 1), at(0)).unwrap().available,
        1
    );
}

#[test]
fn the_nearest_five_that_are_free() {
    let call = event_type(vec![need(0, 30, &["ana"])]);
    let busy = vec![
        hold("ana", 1, (0, 30), OccupancyStatus::Confirmed),
        hold("ana", 1, (60, 90), OccupancyStatus::Unpaid),
    ];
    let calendar = Availability::new(Vec::new(), busy);
    let starts: Vec<_> = (-4..=4).map(|n| at(n * 30)).collect();
    let found = calendar.nearest(&slot_request(&call, 1), starts, at(0));
    let found: Vec<_> = found
        .iter()
        .map(|slot| (slot.window.starts_at() - at(0)).num_minutes())
        .collect();
    assert_eq!(found, [-30, 30, -60, -90, 90]);
    assert_eq!(
        calendar.nearest(&slot_request(&call, 1), vec![at(0)], at(0)),
        [],
        "not the one that was refused"
    );
}

fn some_busy() -> impl Strategy<Value = Vec<(u8, u32, i64, i64)>> {
    prop::collection::vec((0..3_u8, 1..4_u32, 0..10_i64, 1..5_i64), 0..12)
}

const NAMES: [&str; 3] = ["ana", "ben", "cleo"];

proptest! {
    /// Minute by minute, for one need: what a reader without an index would count.
    #[test]
    fn free_units_are_those_that_nobody_has_in_any_minute(
        found in some_busy(), start in 0..10_i64, length in 1..5_i64, quantity in 1..3_u32, unit_offset in 0..5_u32,
    ) {
        let busy: Vec<_> = found.iter().map(|(who, unit, from, minutes)| {
            hold(NAMES[usize::from(*who)], *unit, (*from, from + minutes), OccupancyStatus::Confirmed)
        }).collect();
        let calendar = Availability::new(NAMES.map(|name| stands(name, 3, None)).into(), busy);
        let pool = event_type(vec![need(0, length, &NAMES)]);
        let is_free = |resource: usize, unit: u32| (start..start + length).all(|minute| {
            !found.iter().any(|(who, its, from, minutes)| {
                usize::from(*who) == resource && *its == unit && (*from..from + minutes).contains(&minute)
            })
        });
        let places: u32 = (0..3).map(|resource| {
            let free = (1..=3).filter(|unit| is_free(resource, *unit));
            u32::try_from(free.count()).unwrap() / quantity
        }).sum();
        let slot = calendar.slot(&slot_request(&pool, quantity), at(start)).unwrap();
        prop_assert_eq!(slot.available, places);
        prop_assert_eq!(slot.state == SlotStatus::Free, places > 0);
        let chosen = calendar.units(&slot_request(&pool, quantity), at(start), unit_offset);
        prop_assert_eq!(chosen.is_some(), places > 0);
        for one in chosen.into_iter().flatten() {
            let resource = NAMES.iter().position(|name| *name == one.segment.resource.as_str()).unwrap();
            let units: std::collections::BTreeSet<_> = one.units.iter().copied().collect();
            prop_assert_eq!(units.len(), usize::try_from(quantity).unwrap(), "each once");
            prop_assert!(units.into_iter().all(|unit| is_free(resource, unit)));
        }
    }

    /// Whatever is chosen is free, and nobody is in two places at once.
    #[test]
    fn what_is_chosen_is_free_and_apart(found in some_busy(), start in 0..10_i64, split in 0..4_i64) {
        let busy: Vec<_> = found.iter().map(|(who, unit, from, minutes)| {
            hold(NAMES[usize::from(*who)], *unit, (*from, from + minutes), OccupancyStatus::Unpaid)
        }).collect();
        let calendar = Availability::new(NAMES.map(|name| stands(name, 1, None)).into(), busy.clone());
        let both = event_type(vec![need(0, 3, &["ana", "ben"]), need(split, 3, &["ben", "cleo"])]);
        if let SlotAvailability::Free(units) = calendar.chance(&slot_request(&both, 1), at(start), 0) {
            let segments = segments_of(&units);
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
