//! Tests of single lines of a feed: what they mean, and what a broken line costs.

mod exports;
mod fail_closed;
mod hostile;
mod odd_inputs;
mod recurrence;
mod zones;

use std::sync::LazyLock;

use chrono::{NaiveDate, NaiveTime};

use super::{FeedError, FeedEventError, FeedFault, ParsedFeed, ZoneNames};
use crate::domain::time::Window;
use crate::domain::zone::ZoneDatabase;

static ZONES: LazyLock<ZoneDatabase> = LazyLock::new(ZoneDatabase::linked);

fn window(from: &str, to: &str) -> Window {
    let midnight = |date: &str| {
        date.parse::<NaiveDate>()
            .unwrap()
            .and_time(NaiveTime::MIN)
            .and_utc()
    };
    Window::new(midnight(from), midnight(to)).unwrap()
}

/// Parses a feed for a resource without schedules.
fn parse_feed(feed: impl AsRef<[u8]>, within: Window) -> Result<ParsedFeed, FeedError> {
    super::parse_feed(feed.as_ref(), within, &ZoneNames::default(), &ZONES)
}

/// Returns start, length and id of each busy time between two dates.
fn times(feed: impl AsRef<[u8]>, from: &str, to: &str) -> Vec<String> {
    format_times(&parse_feed(feed, window(from, to)).unwrap())
}

fn format_times(parsed: &ParsedFeed) -> Vec<String> {
    let busy = parsed.busy.iter();
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

fn faults(feed: impl AsRef<[u8]>) -> Vec<(String, FeedEventError)> {
    let parsed = parse_feed(feed, window("2026-01-01", "2027-01-01")).unwrap();
    let faults = parsed.faults.into_iter();
    faults
        .map(|FeedFault { uid, error, .. }| (uid.to_string(), error))
        .collect()
}

/// Returns the ids of the events whose last blocks stay.
fn unread(feed: &str) -> Vec<String> {
    let parsed = parse_feed(feed, window("2026-01-01", "2027-01-01")).unwrap();
    parsed.unread.iter().map(ToString::to_string).collect()
}

fn calendar(body: &str) -> String {
    format!("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Test//EN\n{body}\nEND:VCALENDAR\n")
}

fn event(uid: &str, lines: &str) -> String {
    format!(
        "BEGIN:VEVENT\nUID:{uid}\n{}\nEND:VEVENT",
        lines.replace("; ", "\n")
    )
}

/// Returns one event's times in 2026, without its id.
fn times_of(lines: &str) -> Vec<String> {
    let feed = calendar(&event("e", lines));
    assert_eq!(faults(&feed), [], "{lines}");
    let times = times(&feed, "2026-01-01", "2027-01-01");
    times
        .iter()
        .map(|time| time.trim_end_matches(" e").to_owned())
        .collect()
}

/// Returns the days of June on which an event takes place.
fn days_of(lines: &str) -> String {
    let times = times_of(&format!("{lines}; DURATION:P1D"));
    let days: Vec<&str> = times.iter().map(|time| &time[8..10]).collect();
    days.join(" ")
}

fn error_of(lines: &str) -> FeedEventError {
    let found = faults(calendar(&event("e", lines)));
    assert_eq!(found.len(), 1, "{lines}");
    found[0].1
}

#[test]
fn start_end_and_duration_are_read_in_every_form() {
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
        assert_eq!(times_of(lines).join(" "), expected, "{lines}");
    }
}

#[test]
fn zone_is_found_by_any_of_its_names() {
    for (lines, expected) in [
        // Without a zone, the feed's zone counts. This feed names none, so it is UTC.
        (
            "DTSTART:20260601T090000; DTEND:20260601T093000",
            "2026-06-01T09:00Z 0:30",
        ),
        (
            "dtstart;tzid=Europe/Berlin:20260601T090000; dtend:20260601T080000Z",
            "2026-06-01T07:00Z 1:00",
        ),
        (
            "DTSTART;TZID=america/new york:20260601T090000; DURATION:PT1H",
            "2026-06-01T13:00Z 1:00",
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
        // In Berlin the clocks skip the first time, which is then an hour later. The second occurs twice: the first
        // occurrence counts.
        (
            "DTSTART;TZID=Europe/Berlin:20260329T023000; DURATION:PT1H",
            "2026-03-29T01:30Z 1:00",
        ),
        (
            "DTSTART;TZID=Europe/Berlin:20261025T023000; DURATION:PT1H",
            "2026-10-25T00:30Z 1:00",
        ),
        // `P1D` is a day on the wall clock; in this night the clocks go forward, so it has 23 hours.
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
        assert_eq!(times_of(lines).join(" "), expected, "{lines}");
    }
}

#[test]
fn free_cancelled_and_empty_events_are_left_out() {
    for lines in [
        "DTSTART:20260601T090000Z",
        "DTSTART:20260601T090000Z; DTEND:20260601T090000Z",
        "DTSTART:20260601T090000Z; DURATION:PT1H; STATUS:CANCELLED",
        "DTSTART:20260601T090000Z; DURATION:PT1H; TRANSP:transparent",
        "DTSTART:broken; TRANSP:TRANSPARENT",
    ] {
        assert_eq!(times_of(lines), [""; 0], "{lines}");
    }
    let others = "BEGIN:VTODO\nDTSTART:20260601T090000Z\nDUE:20260601T100000Z\nEND:VTODO\n\
                  BEGIN:VFREEBUSY\nFREEBUSY;FBTYPE=FREE:20260601T090000Z/PT1H\nEND:VFREEBUSY";
    assert_eq!(times(calendar(others), "2026-01-01", "2027-01-01"), [""; 0]);
    assert_eq!(faults(calendar(others)), []);
}

#[test]
fn feeds_zone_applies_to_whole_days_and_floating_times() {
    let day = event("day", "DTSTART;VALUE=DATE:20260601");
    let floating = event("floating", "DTSTART:20260603T090000; DURATION:PT1H");
    let feed = calendar(&format!("X-WR-TIMEZONE:America/New_York\n{day}\n{floating}"));
    assert_eq!(
        times(&feed, "2026-01-01", "2027-01-01"),
        ["2026-06-01T04:00Z 24:00 day", "2026-06-03T13:00Z 1:00 floating"]
    );
}

#[test]
fn text_that_is_not_a_calendar_is_refused() {
    let unbegun = calendar("UID:a\nDTSTART:20260601T090000Z\nDURATION:PT1H\nEND:VEVENT");
    let after = calendar("") + "DTSTART:20260601T090000Z\nEND:VEVENT\n";
    let nested = format!("BEGIN:VCALENDAR\n{}", "BEGIN:VEVENTS\n".repeat(100_000));
    for (feed, expected) in [
        ("", FeedError::NotACalendar),
        ("<!doctype html><p>Sign in</p>", FeedError::NotACalendar),
        ("BEGIN:VCARD\nEND:VCARD", FeedError::NotACalendar),
        ("END:VCALENDAR", FeedError::NotACalendar),
        (unbegun.as_str(), FeedError::NotACalendar),
        (after.as_str(), FeedError::NotACalendar),
        (nested.as_str(), FeedError::TooMuch),
    ] {
        assert_eq!(
            parse_feed(feed, window("2026-01-01", "2027-01-01")),
            Err(expected)
        );
    }
}
