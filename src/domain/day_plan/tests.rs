//! Tests of plans: what a resource does, in order, and where it has gaps.

use chrono::{DateTime, NaiveTime, Utc, Weekday};
use uuid::Uuid;

use super::*;
use crate::domain::booking::Guest;
use crate::domain::catalogue::tests::fixture;
use crate::domain::change_policy::ChangePolicy;
use crate::domain::hold::Hold;
use crate::domain::ids::{HoldId, SessionId};
use crate::domain::money::{Currency, Money};
use crate::domain::schedule::{Hours, Schedule};
use crate::domain::segment::Segment;
use crate::domain::zone::ZoneName;

fn at(time: &str) -> DateTime<Utc> {
    format!("2026-11-27T{time}:00Z").parse().unwrap()
}

fn window(from: &str, to: &str) -> Window {
    Window::new(at(from), at(to)).unwrap()
}

fn ana() -> ResourceId {
    ResourceId::parse("ana").unwrap()
}

fn price() -> Money {
    Money::price(5000, Currency::parse("eur").unwrap()).unwrap()
}

/// Makes a booking of `ana`, who is busy for 10 minutes after it.
fn booking(number: u128, from: &str, to: &str) -> Booking {
    let window = window(from, to);
    let busy = Window::new(window.starts_at(), window.ends_at() + Duration::minutes(10)).unwrap();
    Booking {
        hold: Hold::new(
            HoldId(Uuid::from_u128(number)),
            SessionId::new("cs".to_owned()),
            price(),
        ),
        event_type: EventTypeId::parse("call").unwrap(),
        names: Default::default(),
        segments: vec![Segment {
            resource: ana(),
            window,
            busy,
        }],
        quantity: 1,
        requested_resource: None,
        change_policy: ChangePolicy::default(),
        cancel_right_passed: false,
        replaced_by: None,
        guest: Guest {
            email: String::new(),
            name: None,
        },
        metadata: BTreeMap::new(),
        token_key: None,
        payment_page: None,
        expires_at: at("00:00"),
        session_expires_at: at("00:00"),
        created_at: at("00:00"),
        updated_at: at("00:00"),
        changed_at: Default::default(),
        due_at: None,
        tries: 0,
        version: 1,
    }
}

/// Makes a call of 30 minutes with `ana`, offered in Berlin from 10 to 18 o'clock, or at any time.
fn call(is_scheduled: bool) -> EventType {
    let time = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
    let schedule = Schedule {
        timezone: ZoneName::new("Europe/Berlin"),
        step_minutes: 15,
        min_notice_minutes: 60,
        max_advance_days: Some(1),
        weekly: vec![Hours {
            days: vec![Weekday::Fri],
            from: time(10),
            to: time(18),
        }],
        exceptions: Vec::new(),
    };
    EventType {
        buffer_after_minutes: 10,
        schedule: is_scheduled.then_some(schedule),
        ..fixture::call()
    }
}

/// Writes the plan of `ana` on that day as text.
fn plan(bookings: &[Booking], blocks: &[Window], event_types: &[EventType]) -> Vec<String> {
    let resource = Resource {
        id: ana(),
        name: "Ana".to_owned(),
        capacity: 1,
    };
    let blocks: Vec<_> = blocks.iter().map(|window| (ana(), *window)).collect();
    let day = Window::new(at("00:00"), at("00:00") + Duration::days(1)).unwrap();
    let facts = PlanFacts {
        within: day,
        resources: &[resource],
        bookings,
        blocks: &blocks,
        event_types,
    };
    let plans = plan_resources(facts, &ZoneDatabase::linked());
    let write = |entry: &PlanEntry| {
        let time = |at: DateTime<Utc>| at.format("%H:%M").to_string();
        let kind = match &entry.kind {
            PlanEntryKind::Bookings(bookings) => format!("booked {bookings:?}"),
            PlanEntryKind::Closed => "closed".to_owned(),
            PlanEntryKind::Gap => "gap".to_owned(),
        };
        let window = entry.window;
        format!("{}-{} {kind}", time(window.starts_at()), time(window.ends_at()))
    };
    plans[0].entries.iter().map(write).collect()
}

#[test]
fn gaps_are_the_open_times_in_which_something_fits() {
    let bookings = [
        booking(1, "09:00", "10:00"),
        booking(2, "10:30", "11:00"),
        booking(3, "11:45", "12:00"),
    ];
    // From 11:10 to 11:45 a call fits; after 10:10 only 20 minutes are left.
    let expected = [
        "09:00-10:00 booked [0]",
        "10:30-11:00 booked [1]",
        "11:10-11:45 gap",
        "11:45-12:00 booked [2]",
        "12:10-13:00 gap",
        "13:00-15:00 closed",
        "15:00-17:00 gap",
    ];
    let blocks = [window("13:00", "14:30"), window("14:00", "15:00")];
    assert_eq!(plan(&bookings, &blocks, &[call(true)]), expected);
}

#[test]
fn resource_without_schedule_has_gaps_between_its_bookings() {
    let bookings = [booking(1, "09:00", "10:00"), booking(2, "12:00", "13:00")];
    let expected = [
        "09:00-10:00 booked [0]",
        "10:10-12:00 gap",
        "12:00-13:00 booked [1]",
    ];
    assert_eq!(plan(&bookings, &[], &[call(false)]), expected);
    assert_eq!(plan(&[], &[], &[call(false)]), Vec::<String>::new());
    assert_eq!(
        plan(&[], &[window("09:00", "10:00")], &[]),
        ["09:00-10:00 closed"]
    );
}

#[test]
fn bookings_of_one_time_are_one_entry() {
    let bookings = [booking(1, "09:00", "10:00"), booking(2, "09:00", "10:00")];
    assert_eq!(plan(&bookings, &[], &[]), ["09:00-10:00 booked [0, 1]"]);
}

#[test]
fn what_reaches_into_the_day_is_a_part_of_it() {
    let mut long = booking(1, "09:00", "10:00");
    let day_before = Window::new(at("09:00") - Duration::days(1), at("09:30")).unwrap();
    long.segments[0].window = day_before;
    long.segments[0].busy = day_before;
    let expected = ["09:00-09:30 booked [0]", "09:30-17:00 gap"];
    assert_eq!(plan(&[long], &[], &[call(true)]), expected);
}
