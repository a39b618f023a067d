//! Tests of inputs that programs write although RFC 5545 has them otherwise, or that contradict themselves.

use super::{FeedEventError, calendar, event, faults, parse_feed, times, times_of, unread, window};

const NINE_TO_TEN: &str = "2026-06-01T09:00Z 1:00";

#[test]
fn iso_8601_with_offsets_and_colons_is_read() {
    for start in [
        "DTSTART:2026-06-01T09:00:00Z",
        "DTSTART;TZID=UTC:2026-06-01T09:00:00",
        "DTSTART:2026-06-01T11:00:00+02:00",
        "DTSTART:20260531T230000-1000",
        "DTSTART;TZID=Asia/Tokyo:20260601T110000+0200",
        "DTSTART:20260601T0900Z",
    ] {
        assert_eq!(
            times_of(&format!("{start}; DURATION:PT1H")),
            [NINE_TO_TEN],
            "{start}"
        );
    }
    for start in ["DTSTART:20260601T090000+2500", "DTSTART:20260601T090000+"] {
        let feed = calendar(&event("e", &format!("{start}; DURATION:PT1H")));
        assert_eq!(
            faults(&feed),
            [("e".to_owned(), FeedEventError::Start)],
            "{start}"
        );
    }
}

#[test]
fn quote_without_its_end_hides_no_value() {
    let lines = "DTSTART;TZID=\"Europe/Berlin:20260601T110000; DTEND;TZID=Europe/Berlin\":20260601T120000";
    assert_eq!(times_of(lines), [NINE_TO_TEN]);
}

#[test]
fn whole_day_with_a_time_or_without_length_is_a_day() {
    for lines in [
        "DTSTART;VALUE=DATE:20260601T000000",
        "DTSTART;VALUE=DATE:20260601T000000; DTEND;VALUE=DATE:20260602T000000",
        "DTSTART;VALUE=DATE:20260601; DURATION:PT0S",
        "DTSTART;VALUE=DATE:20260601; DTEND;VALUE=DATE:20260601",
        "DTSTART;VALUE=DATE:20260601; DTEND:20260601T000000",
    ] {
        assert_eq!(times_of(lines), ["2026-06-01T00:00Z 24:00"], "{lines}");
    }
    assert_eq!(times_of("DTSTART:20260601T090000Z"), [""; 0]);
}

#[test]
fn event_whose_marks_contradict_each_other_is_busy() {
    let event = "DTSTART:20260601T090000Z; DURATION:PT1H";
    for marks in [
        "TRANSP:TRANSPARENT; X-MICROSOFT-CDO-BUSYSTATUS:OOF",
        "TRANSP:OPAQUE; X-MICROSOFT-CDO-BUSYSTATUS:FREE",
        "TRANSP:TRANSPARENT; TRANSP:OPAQUE",
        "STATUS:CANCELLED; STATUS:CONFIRMED",
    ] {
        assert_eq!(times_of(&format!("{event}; {marks}")), [NINE_TO_TEN], "{marks}");
    }
    for marks in [
        "TRANSP:TRANSPARENT",
        "X-MICROSOFT-CDO-BUSYSTATUS:FREE",
        "TRANSP:TRANSPARENT; X-MICROSOFT-CDO-BUSYSTATUS:FREE",
        "TRANSP:OPAQUE; X-MICROSOFT-CDO-BUSYSTATUS:BUSY; STATUS:CANCELLED",
    ] {
        assert_eq!(times_of(&format!("{event}; {marks}")), [""; 0], "{marks}");
    }
}

#[test]
fn repetition_that_names_none_keeps_its_rule() {
    let series = event(
        "s",
        "DTSTART:20260601T090000Z; DURATION:PT1H; RRULE:FREQ=DAILY;COUNT=2; RECURRENCE-ID:soon",
    );
    let feed = calendar(&series);
    assert_eq!(
        times(&feed, "2026-01-01", "2027-01-01"),
        ["2026-06-01T09:00Z 1:00 s", "2026-06-02T09:00Z 1:00 s"]
    );
    assert_eq!(faults(&feed), [("s".to_owned(), FeedEventError::Replaced)]);
}

/// RFC 2445 had changes of all repetitions up to one. They are not read, so both times block.
#[test]
fn range_that_is_not_known_frees_nothing() {
    let series = event(
        "s",
        "DTSTART:20260601T090000Z; DURATION:PT1H; RRULE:FREQ=DAILY;COUNT=2",
    );
    let moved = event(
        "s",
        "DTSTART:20260602T150000Z; DURATION:PT1H; RECURRENCE-ID;RANGE=THISANDPRIOR:20260602T090000Z",
    );
    let feed = calendar(&format!("{series}\n{moved}"));
    assert_eq!(
        times(&feed, "2026-01-01", "2027-01-01"),
        [
            "2026-06-01T09:00Z 1:00 s",
            "2026-06-02T09:00Z 1:00 s",
            "2026-06-02T15:00Z 1:00 s"
        ]
    );
    assert_eq!(faults(&feed), [("s".to_owned(), FeedEventError::Replaced)]);
}

#[test]
fn list_of_available_times_blocks_all_of_its_time() {
    let available = "BEGIN:AVAILABLE\nDTSTART:20260601T090000Z\nDTEND:20260601T170000Z\nEND:AVAILABLE";
    for (limits, expected) in [
        (
            "DTSTART:20260601T000000Z\nDTEND:20260608T000000Z\n",
            "2026-06-01T00:00Z 168:00 a",
        ),
        ("DTSTART:20261231T000000Z\n", "2026-12-31T00:00Z 24:00 a"),
        ("", "2026-01-01T00:00Z 8760:00 a"),
    ] {
        let list = format!("BEGIN:VAVAILABILITY\nUID:a\n{limits}{available}\nEND:VAVAILABILITY");
        let feed = calendar(&list);
        assert_eq!(times(&feed, "2026-01-01", "2027-01-01"), [expected]);
        assert_eq!(faults(&feed), [("a".to_owned(), FeedEventError::Availability)]);
    }
}

#[test]
fn event_without_its_end_keeps_its_last_blocks() {
    let unended = "BEGIN:VEVENT\nUID:e\nDTSTART:20260601T090000Z\nDURATION:PT1H\nBEGIN:VALARM\nRRULE:FREQ=DAILY\nEND:VEVENT";
    let parsed = parse_feed(calendar(unended), window("2026-01-01", "2027-01-01")).unwrap();
    assert_eq!(
        parsed.unread.iter().map(AsRef::as_ref).collect::<Vec<&str>>(),
        ["e"]
    );
}

#[test]
fn zone_names_of_outlook_are_found() {
    for zone in ["tzone://Microsoft/Utc", "/example.org/x/europe/london", "gmt"] {
        let lines = format!("DTSTART;TZID={zone}:20261201T090000; DURATION:PT1H");
        assert_eq!(times_of(&lines), ["2026-12-01T09:00Z 1:00"], "{zone}");
    }
}

#[test]
fn list_of_available_times_blocks_to_each_limit_that_is_known() {
    let read = |lines: &str| {
        let lines = lines.replace("; ", "\n");
        let feed = calendar(&format!("BEGIN:VAVAILABILITY\nUID:a\n{lines}\nEND:VAVAILABILITY"));
        let times = times(&feed, "2026-06-01", "2026-07-01").join(" ");
        let faults = faults(&feed).into_iter().map(|(_, error)| error);
        (
            times,
            faults
                .filter(|error| *error != FeedEventError::Availability)
                .collect::<Vec<_>>(),
        )
    };
    let all = "2026-06-01T00:00Z 720:00 a";
    for (lines, expected, fault) in [
        ("SUMMARY:x", all, None),
        ("DTSTART:20260630T000000Z", "2026-06-30T00:00Z 24:00 a", None),
        ("DTSTART:20300630T000000Z", "", None),
        ("DTEND:20260602T000000Z", "2026-06-01T00:00Z 24:00 a", None),
        (
            "DTSTART:20260610T000000Z; DTEND:20260611T000000Z",
            "2026-06-10T00:00Z 24:00 a",
            None,
        ),
        (
            "DTSTART:20260610T000000Z; DURATION:PT3H",
            "2026-06-10T00:00Z 3:00 a",
            None,
        ),
        (
            "DTSTART:20260630T000000Z; DTEND:soon",
            "2026-06-30T00:00Z 24:00 a",
            Some(FeedEventError::Limit),
        ),
        (
            "DTSTART:20260630T9; DTEND:20260602T000000Z",
            "2026-06-01T00:00Z 24:00 a",
            Some(FeedEventError::Limit),
        ),
        (
            "DTSTART:20260610T000000Z; DTEND:20260602T000000Z",
            all,
            Some(FeedEventError::Limit),
        ),
    ] {
        assert_eq!(
            read(lines),
            (expected.to_owned(), Vec::from_iter(fault)),
            "{lines}"
        );
    }
    let unended = "BEGIN:VAVAILABILITY\nUID:a\nDTEND:20260602T000000Z\nBEGIN:AVAILABLE\nEND:VAVAILABILITY";
    assert_eq!(unread(&calendar(unended)), ["a"]);
}
