//! Tests of what cannot be read: it blocks rather than frees, and it is a fault.

use super::{FeedEventError, calendar, event, faults, times, unread};

/// Returns the busy times of an event, and its faults.
fn read(lines: &str) -> (Vec<String>, Vec<FeedEventError>) {
    let feed = calendar(&event("e", lines));
    let times = times(&feed, "2026-01-01", "2027-01-01");
    let times = times.iter().map(|time| time.trim_end_matches(" e").to_owned());
    let faults = faults(&feed).into_iter().map(|(_, error)| error);
    (times.collect(), faults.collect())
}

/// Checks what blocks of an event with these lines, and the one fault that it has.
fn assert_blocks(cases: &[(&str, &str, FeedEventError)]) {
    for (lines, expected, error) in cases {
        let (times, faults) = read(lines);
        assert_eq!(
            (times.join(" ").as_str(), faults),
            (*expected, vec![*error]),
            "{lines}"
        );
    }
}

#[test]
fn broken_start_blocks_its_day() {
    assert_blocks(&[
        (
            "DTSTART:2026-06-01; DURATION:PT1H",
            "2026-06-01T00:00Z 24:00",
            FeedEventError::Start,
        ),
        (
            "DTSTART:2026-06-01 09:00:00; DURATION:PT1H",
            "2026-06-01T00:00Z 24:00",
            FeedEventError::Start,
        ),
        (
            "DTSTART;TZID=Asia/Tokyo:20260601T09Z; DURATION:PT1H",
            "2026-06-01T00:00Z 24:00",
            FeedEventError::Start,
        ),
        (
            "DTSTART:tomorrow; DTEND:20260608T120000Z; RECURRENCE-ID:20260610T090000Z",
            "2026-06-08T00:00Z 24:00",
            FeedEventError::Start,
        ),
        (
            "DTSTART:20260601T60Z; DURATION:PT1H",
            "2026-06-01T00:00Z 24:00",
            FeedEventError::Start,
        ),
        (
            "DTSTART:20260601T0é0060Z; DURATION:P3D",
            "2026-06-01T00:00Z 72:00",
            FeedEventError::Start,
        ),
        (
            "DTSTART:tomorrow; DTEND:20260602T000000Z",
            "2026-06-01T00:00Z 24:00",
            FeedEventError::Start,
        ),
        (
            "DTEND:20260601T100000Z",
            "2026-06-01T00:00Z 24:00",
            FeedEventError::Start,
        ),
        (
            "RECURRENCE-ID:20260601T100000Z",
            "2026-06-01T00:00Z 24:00",
            FeedEventError::Start,
        ),
    ]);
}

#[test]
fn broken_end_blocks_a_day_or_more() {
    assert_blocks(&[
        (
            "DTSTART:20260601T090000Z; DURATION:1H",
            "2026-06-01T09:00Z 24:00",
            FeedEventError::End,
        ),
        (
            "DTSTART:20260601T090000Z; DURATION:P1M",
            "2026-06-01T09:00Z 24:00",
            FeedEventError::End,
        ),
        (
            "DTSTART:20260601T090000Z; DURATION:PT",
            "2026-06-01T09:00Z 24:00",
            FeedEventError::End,
        ),
        (
            "DTSTART:20260601T090000Z; DTEND",
            "2026-06-01T09:00Z 24:00",
            FeedEventError::End,
        ),
        (
            "DTSTART:20260601T090000Z; DTEND;TZID=Mars:20260602T100000",
            "2026-06-01T09:00Z 63:00",
            FeedEventError::End,
        ),
        (
            "DTSTART:20260601T090000Z; DTEND:20260602T25",
            "2026-06-01T09:00Z 39:00",
            FeedEventError::End,
        ),
        (
            "DTSTART:20260601T090000Z; DTEND:20260601T080000Z",
            "2026-06-01T09:00Z 24:00",
            FeedEventError::Backwards,
        ),
        (
            "DTSTART:20260601T090000Z; DURATION:-PT1H",
            "2026-06-01T09:00Z 24:00",
            FeedEventError::Backwards,
        ),
        (
            "DTSTART:20260601T090000Z; DURATION:P99999999D",
            "2026-06-01T09:00Z 878400:00",
            FeedEventError::TooLong,
        ),
    ]);
}

#[test]
fn broken_rule_or_exception_frees_nothing() {
    assert_blocks(&[
        (
            "DTSTART:20260601T090000Z; DURATION:PT1H; RRULE:FREQ=SOMETIMES",
            "2026-06-01T09:00Z 1:00",
            FeedEventError::Rule,
        ),
        (
            "DTSTART:20260601T090000Z; DURATION:PT1H; RRULE:FREQ=DAILY;COUNT=0",
            "2026-06-01T09:00Z 1:00",
            FeedEventError::Rule,
        ),
        (
            "DTSTART:20260601T090000Z; DURATION:PT1H; RRULE:RSCALE=CHINESE;FREQ=DAILY;COUNT=2",
            "2026-06-01T09:00Z 1:00",
            FeedEventError::Rule,
        ),
        (
            "DTSTART:20260601T090000Z; DURATION:PT1H; RRULE",
            "2026-06-01T09:00Z 1:00",
            FeedEventError::Rule,
        ),
        (
            "DTSTART:20260601T090000Z; DURATION:PT1H; RDATE:20260602T25,never",
            "2026-06-01T09:00Z 1:00 2026-06-02T00:00Z 24:00",
            FeedEventError::FurtherDate,
        ),
        (
            "DTSTART:20260601T090000Z; DURATION:PT1H; RDATE;TZID=Mars/Olympus:20260603T090000",
            "2026-06-01T09:00Z 1:00 2026-06-02T10:00Z 50:00",
            FeedEventError::FurtherDate,
        ),
        (
            "DTSTART:20260601T090000Z; DURATION:PT1H; RDATE;VALUE=PERIOD:20260602T090000Z/soon",
            "2026-06-01T09:00Z 1:00 2026-06-02T00:00Z 24:00",
            FeedEventError::FurtherDate,
        ),
        (
            "DTSTART:20260601T090000Z; DURATION:PT1H; RRULE:FREQ=DAILY;COUNT=2; EXDATE;TZID=Mars/Olympus:20260602T090000",
            "2026-06-01T09:00Z 1:00 2026-06-02T09:00Z 1:00",
            FeedEventError::Exception,
        ),
        (
            "DTSTART:20260601T090000Z; DURATION:PT1H; RRULE:FREQ=DAILY;COUNT=2; EXDATE:20260602T9",
            "2026-06-01T09:00Z 1:00 2026-06-02T09:00Z 1:00",
            FeedEventError::Exception,
        ),
    ]);
}

#[test]
fn rule_without_a_readable_end_has_none() {
    let (times, faults) = read("DTSTART:20261229T090000Z; DURATION:PT1H; RRULE:FREQ=DAILY;UNTIL=never");
    assert_eq!(times.len(), 3);
    assert_eq!(faults, [FeedEventError::Until]);
}

/// Each line can be what is left of an event that was at other times too.
#[test]
fn event_that_may_be_at_other_times_keeps_its_last_blocks() {
    let start = "DTSTART:20260601T090000Z";
    for lines in [
        format!("{start}; DTEND:2026"),
        format!("{start}; DURATION:P2X"),
        format!("{start}; DTEND:20260501T090000Z"),
        "DTEND:20260614T100000Z".to_owned(),
        "RECURRENCE-ID:20260601T100000Z".to_owned(),
        "DTSTART:20260601T9; DURATION:P14D".to_owned(),
        format!("{start}; DURATION:PT1H; RDATE:20260602T090000Z,never"),
        format!("{start}; DURATION:PT1H; RDATE;VALUE=PERIOD:20260602T090000Z/soon"),
        format!("{start}; DURATION:PT1H; RRULE:FREQ=SOMETIMES"),
    ] {
        assert_eq!(unread(&calendar(&event("e", &lines))), ["e"], "{lines}");
    }
    for line in ["FREEBUSY:20260602T090000Z/soon", "FREEBUSY:never"] {
        let list = format!("BEGIN:VFREEBUSY\nUID:e\n{line}\nEND:VFREEBUSY");
        assert_eq!(unread(&calendar(&list)), ["e"], "{line}");
    }
    let in_feeds_zone = event("e", "DTSTART;TZID=Mars:20260601T090000; DURATION:PT1H");
    let feed = calendar(&format!("X-WR-TIMEZONE:Asia/Tokyo\n{in_feeds_zone}"));
    assert_eq!(unread(&feed), ["e"]);
    // What blocks more than the event can mean needs no earlier blocks, which would stay when the event moves.
    for lines in [
        format!("{start}; DURATION:PT1H; RRULE:FREQ=DAILY;COUNT=2; EXDATE:20260602T9"),
        format!("{start}; DURATION:PT1H; RRULE:FREQ=DAILY;UNTIL=never"),
        format!("{start}; DURATION:PT1H; RRULE:FREQ=SECONDLY"),
        format!("{start}; DURATION:PT1H; RECURRENCE-ID:never"),
        "DTSTART;TZID=Mars:20260601T090000; DURATION:PT1H".to_owned(),
    ] {
        let feed = calendar(&event("e", &lines));
        assert_eq!((unread(&feed).len(), faults(&feed).len()), (0, 1), "{lines}");
    }
}

#[test]
fn event_of_which_nothing_is_known_is_named() {
    for lines in [
        "SUMMARY:x",
        "DTSTART:soon",
        "DTSTART:20260631T090000Z; DURATION:PT1H",
        "DTSTART; DURATION:PT1H",
    ] {
        let good = event("good", "DTSTART:20260601T090000Z; DURATION:PT1H");
        let feed = calendar(&[good.clone(), event("bad", lines), good].join("\n"));
        assert_eq!(
            times(&feed, "2026-01-01", "2027-01-01"),
            ["2026-06-01T09:00Z 1:00 good"]
        );
        assert_eq!(
            faults(&feed),
            [("bad".to_owned(), FeedEventError::Unreadable)],
            "{lines}"
        );
        assert_eq!(unread(&feed), ["bad"]);
        let parsed = super::parse_feed(&feed, super::window("2026-01-01", "2027-01-01")).unwrap();
        assert_eq!(parsed.entries, 3);
        assert_eq!(
            parsed.faults[0].to_string(),
            "entry 2: nothing says when it is; its last blocks stay"
        );
    }
}

#[test]
fn repetition_whose_original_is_unknown_frees_nothing() {
    let series = event(
        "s",
        "DTSTART:20260601T090000Z; DURATION:PT1H; RRULE:FREQ=DAILY;COUNT=2",
    );
    for replaced in [
        "RECURRENCE-ID;TZID=Mars/Olympus:20260602T090000",
        "RECURRENCE-ID:20260602T",
    ] {
        let gone = event(
            "s",
            &format!("DTSTART:20260602T120000Z; DURATION:PT1H; STATUS:CANCELLED; {replaced}"),
        );
        let feed = calendar(&format!("{series}\n{gone}"));
        assert_eq!(
            times(&feed, "2026-01-01", "2027-01-01"),
            ["2026-06-01T09:00Z 1:00 s", "2026-06-02T09:00Z 1:00 s"],
            "{replaced}"
        );
        assert_eq!(
            faults(&feed),
            [("s".to_owned(), FeedEventError::Replaced)],
            "{replaced}"
        );
    }
    // Entries without an id belong to no series.
    let series = "BEGIN:VEVENT\nDTSTART:20260601T090000Z\nDURATION:PT1H\nEND:VEVENT";
    let other = "BEGIN:VEVENT\nDTSTART:20260603T090000Z\nRECURRENCE-ID:20260601T090000Z\nEND:VEVENT";
    let feed = calendar(&format!("{series}\n{other}"));
    assert_eq!(
        times(&feed, "2026-01-01", "2027-01-01"),
        ["2026-06-01T09:00Z 1:00 "]
    );
}

#[test]
fn bytes_are_read_in_every_encoding() {
    let text = calendar(&event("é", "DTSTART:20260601T090000Z; DURATION:PT1H; SUMMARY:x"));
    let expected = ["2026-06-01T09:00Z 1:00 é"];
    let utf16 = |to_bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        let units = "\u{feff}".encode_utf16().chain(text.encode_utf16());
        units.flat_map(to_bytes).collect()
    };
    let at = text.find('é').unwrap();
    let folded = [&text.as_bytes()[..=at], b"\r\n ", &text.as_bytes()[at + 1..]].concat();
    let latin1: Vec<u8> = text
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect();
    for (bytes, name) in [
        (text.clone().into_bytes(), "UTF-8"),
        (format!("\u{feff}{text}").into_bytes(), "with a byte order mark"),
        (folded, "folded in a character"),
        (latin1, "Latin-1"),
        (utf16(u16::to_le_bytes), "UTF-16"),
        (utf16(u16::to_be_bytes), "UTF-16, most significant byte first"),
        (text.replace('\n', "\r").into_bytes(), "with carriage returns"),
        (text.replace("é", "é\0").into_bytes(), "with NUL"),
        (
            text.replace('\n', "\r\r\n").into_bytes(),
            "with doubled line ends",
        ),
        (
            format!("{text}<!-- served by x -->\n").into_bytes(),
            "with text after its end",
        ),
    ] {
        assert_eq!(times(&bytes, "2026-01-01", "2027-01-01"), expected, "{name}");
        assert_eq!(faults(&bytes), [], "{name}");
    }
}

#[test]
fn busy_times_without_events_are_read() {
    let list = "BEGIN:VFREEBUSY\nUID:f\nFREEBUSY;FBTYPE=BUSY:20260601T090000Z/20260601T100000Z,20260602T090000Z/PT30M\n\
                FREEBUSY;FBTYPE=FREE:20260603T090000Z/PT1H\nFREEBUSY;FBTYPE=X-OTHER:20260604T090000Z/PT1H\n\
                FREEBUSY:20260605T090000Z/PT1H\nFREEBUSY:20260606T090000Z\nFREEBUSY:x\nEND:VFREEBUSY";
    let feed = calendar(list);
    assert_eq!(
        times(&feed, "2026-01-01", "2027-01-01"),
        [
            "2026-06-01T09:00Z 1:00 f",
            "2026-06-02T09:00Z 0:30 f",
            "2026-06-04T09:00Z 1:00 f",
            "2026-06-05T09:00Z 1:00 f",
            "2026-06-06T00:00Z 24:00 f",
        ]
    );
    assert_eq!(faults(&feed), [("f".to_owned(), FeedEventError::BusyTime)]);
}
