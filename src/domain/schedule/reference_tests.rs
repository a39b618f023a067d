//! Compares the schedule with a minute-by-minute reference, in many time zones and around their clock changes.

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::super::{Exception, Hours, NotOffered, Schedule};
use super::{WEEK, ZONES, at, to_local};
use crate::domain::time::Window;
use crate::domain::zone::ZoneName;

/// Time zones, and instants near which they change their clocks.
const CHANGES: &[(&str, &str)] = &[
    ("Europe/Berlin", "2026-03-29T01:00:00Z"),
    ("Europe/Berlin", "2026-10-25T01:00:00Z"),
    ("America/New_York", "2026-03-08T07:00:00Z"),
    ("America/New_York", "2026-11-01T06:00:00Z"),
    ("Australia/Lord_Howe", "2026-10-03T15:30:00Z"),
    ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
    ("America/Havana", "2026-03-08T05:00:00Z"),
    ("America/Havana", "2027-11-07T05:00:00Z"),
    ("Asia/Beirut", "2026-03-28T22:00:00Z"),
    ("Asia/Beirut", "2026-10-24T21:00:00Z"),
    ("Pacific/Apia", "2011-12-30T10:00:00Z"),
    ("Africa/Casablanca", "2026-02-15T02:00:00Z"),
    ("Africa/Casablanca", "2026-03-22T02:00:00Z"),
    ("Antarctica/Troll", "2026-03-29T01:00:00Z"),
    ("Antarctica/Troll", "2026-10-25T01:00:00Z"),
    ("Asia/Kathmandu", "2026-12-31T18:15:00Z"),
    ("UTC", "2028-02-29T00:00:00Z"),
];

fn minute_of_day() -> impl Strategy<Value = NaiveTime> {
    let round = (0..24u32, select(vec![0, 15, 30, 45])).prop_map(|(hour, minute)| hour * 60 + minute);
    prop_oneof![3 => round, 1 => 0..1440u32]
        .prop_map(|minute| NaiveTime::from_num_seconds_from_midnight_opt(minute * 60, 0).unwrap())
}

fn some_hours() -> impl Strategy<Value = Hours> {
    (
        subsequence(WEEK.to_vec(), 1..=7),
        minute_of_day(),
        minute_of_day(),
    )
        .prop_map(|(days, from, to)| Hours { days, from, to })
}

fn exception(near: NaiveDate) -> impl Strategy<Value = Exception> {
    let hours = prop::option::of((minute_of_day(), minute_of_day()));
    (-2..3i64, hours).prop_map(move |(days, hours)| Exception {
        date: near + Duration::days(days),
        hours,
    })
}

/// A schedule, and an instant near which its zone may change its clocks.
fn schedule_and_instant() -> impl Strategy<Value = (Schedule, DateTime<Utc>)> {
    select(CHANGES).prop_flat_map(|(zone, instant)| {
        let near = at(instant);
        let parts = (
            prop_oneof![select(vec![5i64, 15, 20, 30, 50, 60, 1440]), 1..1441i64],
            prop_oneof![Just(0), 0..600i64],
            prop::option::of(0..3i64),
            vec(some_hours(), 0..4),
            vec(exception(near.date_naive()), 0..3),
        );
        parts.prop_map(
            move |(step_minutes, min_notice_minutes, max_advance_days, weekly, exceptions)| {
                let schedule = Schedule {
                    timezone: ZoneName::new(zone),
                    step_minutes,
                    min_notice_minutes,
                    max_advance_days,
                    weekly,
                    exceptions,
                };
                (schedule, near)
            },
        )
    })
}

/// The openings that start on a date, on the wall clock.
fn openings(schedule: &Schedule, date: NaiveDate) -> Vec<(NaiveDateTime, NaiveDateTime)> {
    let exceptions: Vec<_> = schedule.exceptions.iter().filter(|e| e.date == date).collect();
    let weekly = schedule.weekly.iter();
    let weekly = weekly.filter(|hours| {
        hours
            .days
            .iter()
            .any(|day| date.format("%a").to_string() == day.to_string())
    });
    let pairs: Vec<_> = if exceptions.is_empty() {
        weekly.map(|hours| (hours.from, hours.to)).collect()
    } else {
        exceptions.iter().filter_map(|e| e.hours).collect()
    };
    let ends = |from, to| if to > from { date } else { date.succ_opt().unwrap() };
    pairs
        .into_iter()
        .map(|(from, to)| (date.and_time(from), ends(from, to).and_time(to)))
        .collect()
}

/// Tells whether a minute is open, and whether it is on the grid of an opening.
fn check_minute(schedule: &Schedule, minute: DateTime<Utc>) -> (bool, bool) {
    let wall = to_local(&schedule.timezone, minute).naive_local();
    let days = [wall.date().pred_opt().unwrap(), wall.date()];
    let openings = days.iter().flat_map(|date| openings(schedule, *date));
    let mut found = (false, false);
    for (from, _) in openings.filter(|(from, to)| (*from..*to).contains(&wall)) {
        found.0 = true;
        found.1 |= (wall - from).num_minutes() % schedule.step_minutes == 0;
    }
    found
}

/// Lists the starts in the `minutes` after `from` by checking each minute.
fn list_reference_starts(
    schedule: &Schedule,
    from: DateTime<Utc>,
    minutes: i64,
    length: i64,
    now: DateTime<Utc>,
) -> Vec<DateTime<Utc>> {
    let minute = |n: i64| from + Duration::minutes(n);
    let checks: Vec<_> = (0..minutes + length)
        .map(|n| check_minute(schedule, minute(n)))
        .collect();
    let in_time = |start: DateTime<Utc>| {
        let ahead = start - now;
        let near = schedule
            .max_advance_days
            .is_none_or(|days| ahead <= Duration::days(days));
        near && start > now && ahead >= Duration::minutes(schedule.min_notice_minutes)
    };
    let fits = |n: i64| {
        checks[n as usize].1
            && checks[n as usize..(n + length) as usize]
                .iter()
                .all(|check| check.0)
    };
    (0..minutes)
        .filter(|n| fits(*n) && in_time(minute(*n)))
        .map(minute)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn starts_are_those_of_the_minute_by_minute_reference(
        (schedule, near) in schedule_and_instant(),
        before in 0..2000i64,
        minutes in 1..3000i64,
        length in prop_oneof![3 => 1..200i64, 1 => 200..3000i64],
        now in -4000..3000i64,
    ) {
        let (from, now) = (near - Duration::minutes(before), near + Duration::minutes(now));
        let within = Window::new(from, from + Duration::minutes(minutes)).unwrap();
        let starts = schedule.list_starts(within, Duration::minutes(length), now, &ZONES);
        prop_assert!(starts.is_sorted_by(|a, b| a < b), "in order, each once");
        prop_assert_eq!(&starts, &list_reference_starts(&schedule, from, minutes, length, now));
        for n in 0..minutes {
            let start = from + Duration::minutes(n);
            let allowed = schedule.check_start(start, Duration::minutes(length), now, &ZONES);
            prop_assert_eq!(allowed.is_ok(), starts.binary_search(&start).is_ok(), "{}: {:?}", start, allowed);
        }
    }

    #[test]
    fn no_date_length_or_number_overflows(
        zone in select(ZONES.list_names().collect::<Vec<_>>()),
        numbers in (any::<i64>(), any::<i64>(), prop::option::of(any::<i64>())),
        from in DateTime::<Utc>::MIN_UTC.timestamp()..=DateTime::<Utc>::MAX_UTC.timestamp(),
        end in prop_oneof![Just(DateTime::<Utc>::MIN_UTC), Just(DateTime::<Utc>::MAX_UTC)],
        length in prop_oneof![Just(i64::MIN / 1_000_000), Just(i64::MAX / 1_000_000), 0..100_000i64],
        hours in vec(some_hours(), 1..3),
        now in DateTime::<Utc>::MIN_UTC.timestamp()..=DateTime::<Utc>::MAX_UTC.timestamp(),
    ) {
        let (step_minutes, min_notice_minutes, max_advance_days) = numbers;
        let exception = Exception { date: NaiveDate::MAX, hours: None };
        let schedule = Schedule {
            timezone: zone,
            step_minutes,
            min_notice_minutes,
            max_advance_days,
            weekly: hours,
            exceptions: vec![exception],
        };
        let second = |at: i64| DateTime::from_timestamp(at, 0).unwrap();
        let length = Duration::seconds(length);
        for start in [second(from), end] {
            for now in [second(now), DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC, start] {
                let _: Result<(), NotOffered> = schedule.check_start(start, length, now, &ZONES);
                let day = Duration::days(1);
                let ends = start.checked_add_signed(day).unwrap_or(DateTime::<Utc>::MAX_UTC);
                if let Some(within) = Window::new(start, ends) {
                    for start in schedule.list_starts(within, length, now, &ZONES) {
                        prop_assert_eq!(schedule.check_start(start, length, now, &ZONES), Ok(()));
                    }
                }
            }
        }
    }
}

/// Historic zones had offsets with odd seconds.
#[test]
fn zone_with_odd_seconds_offers_its_own_whole_minutes() {
    let mut schedule = super::daily("Europe/Amsterdam", 30, &["09:00-10:00"]);
    schedule.max_advance_days = None;
    let within = Window::new(at("1860-05-01T00:00:00Z"), at("1860-05-02T00:00:00Z")).unwrap();
    let starts = schedule.list_starts(within, Duration::minutes(30), at("1850-01-01T00:00:00Z"), &ZONES);
    let local: Vec<_> = starts
        .iter()
        .map(|start| to_local(&schedule.timezone, *start).time().to_string())
        .collect();
    assert_eq!(local, ["09:00:00", "09:30:00"]);
}
