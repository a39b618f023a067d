//! What single lines of a feed mean, and what broken ones cost.

use chrono::{NaiveDate, NaiveTime};

use super::{Fault, FeedError, Flaw, Reading, busy};
use crate::domain::time::Window;

pub(super) fn window(from: &str, to: &str) -> Window {
    let midnight = |date: &str| {
        date.parse::<NaiveDate>()
            .unwrap()
            .and_time(NaiveTime::MIN)
            .and_utc()
    };
    Window::new(midnight(from), midnight(to)).unwrap()
}

/// Start, length and id of all that is busy between two dates.
pub(super) fn times(feed: &str, from: &str, to: &str) -> Vec<String> {
    let reading = busy(feed, window(from, to)).unwrap();
    let busy = reading.busy.iter();
    busy.map(|time| {
        let (start, end) = (time.window.starts_at(), time.window.ends_at());
        let minutes = (end - start).num_minutes();
        let (hours, rest) = (minutes / 60, minutes % 60);
        format!(
            "{} {hours}:{rest:02} {}",
            start.format("%Y-%m-%dT%H:%MZ"),
            time.uid
        )
    })
    .collect()
}

pub(super) fn faults(feed: &str) -> Vec<(String, Flaw)> {
    let reading = busy(feed, window("2026-01-01", "2027-01-01")).unwrap();
    let faults = reading.faults.into_iter();
    faults.map(|Fault { uid, flaw }| (uid, flaw)).collect()
}

pub(super) fn calendar(body: &str) -> String {
    format!("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Test//EN\n{body}\nEND:VCALENDAR\n")
}

pub(super) fn event(uid: &str, lines: &str) -> String {
    format!(
        "BEGIN:VEVENT\nUID:{uid}\n{}\nEND:VEVENT",
        lines.replace("; ", "\n")
    )
}

/// One event's times in 2026, without its id.
fn of(lines: &str) -> Vec<String> {
    let feed = calendar(&event("e", lines));
    assert_eq!(faults(&feed), [], "{lines}");
    let times = times(&feed, "2026-01-01", "2027-01-01");
    times
        .iter()
        .map(|time| time.trim_end_matches(" e").to_owned())
        .collect()
}

/// The days of June on which an event takes place.
fn days_of(lines: &str) -> String {
    let times = of(&format!("{lines}; DURATION:P1D"));
    let days: Vec<&str> = times.iter().map(|time| &time[8..10]).collect();
    days.join(" ")
}

pub(super) fn flaw(lines: &str) -> Flaw {
    let found = faults(&calendar(&event("e", lines)));
    assert_eq!(found.len(), 1, "{lines}");
    found[0].1
}

#[test]
fn a_start_an_end_or_a_duration_in_each_of_their_forms() {
    for (lines, expected) in [
        (
            "DTSTART:20260601T090000Z; DTEND:20260601T100000Z",
            "2026-06-01T09:00Z 1:00",
        ),
        (
            "DTSTART:20260601T090000Z; DURATION:PT1H30M",
            "2026-06-01T09:00Z 1:30",
        ),
        (
            "DTSTART:20260601T090000Z; DURATION:P1DT15M",
            "2026-06-01T09:00Z 24:15",
        ),
        (
            "DTSTART:20260601T090000Z; DURATION:+P1W",
            "2026-06-01T09:00Z 168:00",
        ),
        ("DTSTART;VALUE=DATE:20260601", "2026-06-01T00:00Z 24:00"),
        (
            "DTSTART;VALUE=DATE:20260601; DTEND;VALUE=DATE:20260601",
            "2026-06-01T00:00Z 24:00",
        ),
        (
            "DTSTART;VALUE=DATE:20260601; DURATION:P2D",
            "2026-06-01T00:00Z 48:00",
        ),
    ] {
        assert_eq!(of(lines).join(" "), expected, "{lines}");
    }
}

#[test]
fn a_time_in_a_zone_by_any_of_its_names() {
    for (lines, expected) in [
        // No zone at all: the feed's own, here none is named.
        (
            "DTSTART:20260601T090000; DTEND:20260601T093000",
            "2026-06-01T09:00Z 0:30",
        ),
        (
            "dtstart;tzid=Europe/Berlin:20260601T090000; dtend:20260601T080000Z",
            "2026-06-01T07:00Z 1:00",
        ),
        (
            "DTSTART;TZID=\"Europe/Berlin\":20260601T090000; DURATION:PT1H",
            "2026-06-01T07:00Z 1:00",
        ),
        (
            "DTSTART;TZID=/example.org/2026a/Europe/Berlin:20260601T090000; DURATION:PT1H",
            "2026-06-01T07:00Z 1:00",
        ),
        (
            "DTSTART;TZID=Eastern Standard Time:20260601T090000; DURATION:PT1H",
            "2026-06-01T13:00Z 1:00",
        ),
        (
            "DTSTART;TZID=E. South America Standard Time:20260601T090000; DURATION:PT1H",
            "2026-06-01T12:00Z 1:00",
        ),
        // Clocks in Berlin: the time that does not exist is the one an hour on, of two the first is meant.
        (
            "DTSTART;TZID=Europe/Berlin:20260329T023000; DURATION:PT1H",
            "2026-03-29T01:30Z 1:00",
        ),
        (
            "DTSTART;TZID=Europe/Berlin:20261025T023000; DURATION:PT1H",
            "2026-10-25T00:30Z 1:00",
        ),
        // A day on the wall.
        (
            "DTSTART;TZID=Europe/Berlin:20260328T120000; DURATION:P1D",
            "2026-03-28T11:00Z 23:00",
        ),
        ("DTSTART:20261231T235960Z; DURATION:PT1H", ""),
        (
            "DTSTART:20260630T235960Z; DURATION:PT1H",
            "2026-07-01T00:00Z 1:00",
        ),
    ] {
        assert_eq!(of(lines).join(" "), expected, "{lines}");
    }
}

#[test]
fn what_takes_no_time_or_keeps_nobody_busy_is_left_out() {
    for lines in [
        "DTSTART:20260601T090000Z",
        "DTSTART:20260601T090000Z; DTEND:20260601T090000Z",
        "DTSTART:20260601T090000Z; DURATION:PT1H; STATUS:CANCELLED",
        "DTSTART:20260601T090000Z; DURATION:PT1H; TRANSP:transparent",
        "DTSTART:broken; TRANSP:TRANSPARENT",
    ] {
        assert_eq!(of(lines), [""; 0], "{lines}");
    }
    let others = "BEGIN:VTODO\nDTSTART:20260601T090000Z\nDUE:20260601T100000Z\nEND:VTODO\nBEGIN:VFREEBUSY\nEND:VFREEBUSY";
    assert_eq!(
        busy(&calendar(others), window("2026-01-01", "2027-01-01")),
        Ok(Reading::default())
    );
}

#[test]
fn the_feeds_own_zone_is_that_of_whole_days_and_of_times_without_one() {
    let day = event("day", "DTSTART;VALUE=DATE:20260601");
    let floating = event("floating", "DTSTART:20260603T090000; DURATION:PT1H");
    let feed = calendar(&format!("X-WR-TIMEZONE:America/New_York\n{day}\n{floating}"));
    assert_eq!(
        times(&feed, "2026-01-01", "2027-01-01"),
        ["2026-06-01T04:00Z 24:00 day", "2026-06-03T13:00Z 1:00 floating"]
    );
}

#[test]
fn rules_with_their_ends() {
    for (lines, expected) in [
        ("DTSTART:20260601T090000Z; RRULE:FREQ=DAILY;COUNT=3", "01 02 03"),
        (
            "DTSTART:20260601T090000Z; RRULE:FREQ=DAILY;UNTIL=20260603",
            "01 02 03",
        ),
        (
            "DTSTART:20260601T090000Z; RRULE:FREQ=DAILY;UNTIL=20260603T085959Z",
            "01 02",
        ),
        (
            "DTSTART;TZID=Europe/Berlin:20260601T090000; RRULE:FREQ=DAILY;UNTIL=20260603T070000Z",
            "01 02 03",
        ),
        (
            "DTSTART;TZID=Europe/Berlin:20260601T090000; RRULE:FREQ=DAILY;UNTIL=20260603T085959",
            "01 02",
        ),
        (
            "DTSTART;VALUE=DATE:20260601; RRULE:FREQ=DAILY;UNTIL=20260603T000000Z",
            "01 02 03",
        ),
        (
            "DTSTART:20260601T090000Z; RRULE:FREQ=WEEKLY;COUNT=4;BYDAY=MO,WE;WKST=SU",
            "01 03 08 10",
        ),
        (
            "DTSTART:20260601T090000Z; RRULE:FREQ=MONTHLY;UNTIL=20260615;BYDAY=1MO",
            "01",
        ),
    ] {
        assert_eq!(days_of(lines), expected, "{lines}");
    }
}

#[test]
fn exceptions_further_dates_and_rules_that_begin_elsewhere() {
    for (lines, expected) in [
        (
            "DTSTART:20260601T090000Z; RRULE:FREQ=DAILY;COUNT=3; EXDATE:20260602T090000Z",
            "01 03",
        ),
        (
            "DTSTART:20260601T090000Z; RRULE:FREQ=DAILY;COUNT=3; EXDATE;VALUE=DATE:20260602,20260603",
            "01",
        ),
        (
            "DTSTART:20260601T090000Z; RRULE:FREQ=DAILY;COUNT=3; EXDATE;TZID=Europe/Berlin:20260602T110000",
            "01 03",
        ),
        (
            "DTSTART:20260601T090000Z; RDATE:20260603T090000Z,20260604T090000Z; EXDATE:20260604T090000Z",
            "01 03",
        ),
        // It takes place when it begins, whatever its rule says.
        (
            "DTSTART:20260602T090000Z; RRULE:FREQ=WEEKLY;UNTIL=20260612;BYDAY=MO",
            "02 08",
        ),
        (
            "DTSTART:20260601T090000Z; RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
            "01",
        ),
        // Begun long ago.
        (
            "DTSTART:19800602T090000Z; RRULE:FREQ=MONTHLY;BYMONTH=6;BYMONTHDAY=2",
            "02",
        ),
        (
            "DTSTART:20100101T090000Z; RRULE:FREQ=DAILY;BYMONTH=6;BYDAY=MO",
            "01 08 15 22 29",
        ),
    ] {
        assert_eq!(days_of(lines), expected, "{lines}");
    }
}

#[test]
fn what_began_before_the_window_is_found_while_it_lasts_and_what_only_touches_it_is_not() {
    let long = event("long", "DTSTART;VALUE=DATE:20260501; DTEND;VALUE=DATE:20260620");
    let nights = event(
        "nights",
        "DTSTART:20260101T220000Z; DURATION:PT4H; RRULE:FREQ=DAILY",
    );
    let touching = event(
        "touching",
        "DTSTART:20260609T230000Z; DURATION:PT1H; RRULE:FREQ=YEARLY",
    );
    let weeks = event(
        "weeks",
        "DTSTART:20260101T000000Z; DURATION:P6DT1H; RRULE:FREQ=WEEKLY",
    );
    let feed = calendar(&[long, nights, touching, weeks].join("\n"));
    assert_eq!(
        times(&feed, "2026-06-10", "2026-06-11"),
        [
            "2026-05-01T00:00Z 1200:00 long",
            "2026-06-04T00:00Z 145:00 weeks",
            "2026-06-09T22:00Z 4:00 nights",
            "2026-06-10T22:00Z 4:00 nights"
        ]
    );
}

#[test]
fn a_repetition_with_an_entry_of_its_own_is_where_that_says() {
    let series = event(
        "s",
        "DTSTART;TZID=Europe/Berlin:20260601T090000; DURATION:PT1H; RRULE:FREQ=DAILY;COUNT=4",
    );
    let moved = event(
        "s",
        "DTSTART:20260602T150000Z; DURATION:PT2H; RECURRENCE-ID:20260602T070000Z",
    );
    let gone = event(
        "s",
        "DTSTART:20260603T150000Z; STATUS:CANCELLED; RECURRENCE-ID;VALUE=DATE:20260603",
    );
    let other = event(
        "t",
        "DTSTART:20260610T150000Z; DURATION:PT1H; RECURRENCE-ID:20260604T070000Z",
    );
    // An entry may stand before its series, or without one.
    let feed = calendar(&[moved, series, gone, other].join("\n"));
    assert_eq!(
        times(&feed, "2026-01-01", "2027-01-01"),
        [
            "2026-06-01T07:00Z 1:00 s",
            "2026-06-02T15:00Z 2:00 s",
            "2026-06-04T07:00Z 1:00 s",
            "2026-06-10T15:00Z 1:00 t"
        ]
    );
}

#[test]
fn a_broken_event_is_reported_and_costs_only_itself() {
    for (lines, expected) in [
        ("DURATION:PT1H", Flaw::Time),
        ("DTSTART:2026-06-01; DURATION:PT1H", Flaw::Time),
        ("DTSTART:20260631T090000Z; DURATION:PT1H", Flaw::Time),
        ("DTSTART:20260601T60Z; DURATION:PT1H", Flaw::Time),
        ("DTSTART:20260601T0é0060Z; DURATION:PT1H", Flaw::Time),
        ("DTSTART:20260601T090000Z; DURATION:1H", Flaw::Time),
        ("DTSTART:20260601T090000Z; DURATION:PT", Flaw::Time),
        ("DTSTART:20260601T090000Z; DURATION:PT99999999H", Flaw::Time),
        ("DTSTART; DURATION:PT1H", Flaw::Line),
        (
            "DTSTART:20260601T090000Z; DTEND:20260601T080000Z",
            Flaw::Backwards,
        ),
        ("DTSTART:20260601T090000Z; DURATION:-PT1H", Flaw::Backwards),
        (
            "DTSTART;TZID=Mars/Olympus:20260601T090000; DURATION:PT1H",
            Flaw::Zone,
        ),
        (
            "DTSTART:20260601T090000Z; DURATION:PT1H; RRULE:FREQ=SOMETIMES",
            Flaw::Rule,
        ),
        (
            "DTSTART:20260601T090000Z; DURATION:PT1H; RRULE:FREQ=DAILY;UNTIL=never",
            Flaw::Rule,
        ),
        (
            "DTSTART:20260601T090000Z; DURATION:PT1H; RRULE:FREQ=SECONDLY",
            Flaw::TooOften,
        ),
        (
            "DTSTART:00010101T090000Z; DURATION:PT1H; RRULE:FREQ=HOURLY",
            Flaw::TooOften,
        ),
    ] {
        assert_eq!(flaw(lines), expected, "{lines}");
        let good = event("good", "DTSTART:20260601T090000Z; DURATION:PT1H");
        let feed = calendar(&[good.clone(), event("bad", lines), good].join("\n"));
        assert_eq!(
            times(&feed, "2026-01-01", "2027-01-01"),
            ["2026-06-01T09:00Z 1:00 good"]
        );
        assert_eq!(faults(&feed), [("bad".to_owned(), expected)]);
    }
}

#[test]
fn what_is_no_calendar_is_refused() {
    let nested = format!("BEGIN:VCALENDAR\n{}", "BEGIN:VEVENTS\n".repeat(100_000));
    for (feed, expected) in [
        ("", FeedError::NotACalendar),
        ("<!doctype html><p>Sign in</p>", FeedError::NotACalendar),
        ("BEGIN:VCARD\nEND:VCARD", FeedError::NotACalendar),
        ("END:VCALENDAR", FeedError::NotACalendar),
        (nested.as_str(), FeedError::TooMuch),
    ] {
        assert_eq!(busy(feed, window("2026-01-01", "2027-01-01")), Err(expected));
    }
    // A byte order mark is not its fault.
    assert!(
        busy(
            &format!("\u{feff}{}", calendar("")),
            window("2026-01-01", "2027-01-01")
        )
        .is_ok()
    );
}
