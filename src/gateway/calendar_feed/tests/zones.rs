//! Tests of zones: which description or name counts, and which zone the times without one are in.

use super::{FeedEventError, ZONES, ZoneNames, calendar, event, faults, format_times, times, window};

/// A zone that is an hour ahead of UTC from the first of June on, and two hours before.
fn described(id: &str) -> String {
    format!(
        "BEGIN:VTIMEZONE\nTZID:{id}\nBEGIN:STANDARD\nDTSTART:20260601T000000\nTZOFFSETFROM:+0200\nTZOFFSETTO:+0100\n\
         END:STANDARD\nEND:VTIMEZONE"
    )
}

/// Returns the start times of an event at nine o'clock of the second of June, in a feed with these lines.
fn starts(before: &str, parameter: &str, names: &ZoneNames) -> Vec<String> {
    let lines = format!("DTSTART{parameter}:20260602T090000; DURATION:PT1H");
    let feed = calendar(&format!("{before}\n{}", event("e", &lines)));
    let parsed =
        super::super::parse_feed(feed.as_bytes(), window("2026-01-01", "2027-01-01"), names, &ZONES).unwrap();
    let times = format_times(&parsed);
    times.iter().map(|time| time[11..17].to_owned()).collect()
}

fn names(named: Option<&str>, of_schedules: &[&str]) -> ZoneNames {
    ZoneNames {
        named: named.map(str::to_owned),
        of_schedules: of_schedules.iter().map(|name| (*name).to_owned()).collect(),
    }
}

#[test]
fn description_counts_before_the_name() {
    let none = names(None, &[]);
    for id in [
        "EST",
        "America/Vancouver",
        "W. Europe Standard Time",
        "Customized Time Zone",
    ] {
        assert_eq!(
            starts(&described(id), &format!(";TZID={id}"), &none),
            ["08:00Z"],
            "{id}"
        );
    }
    // A description that cannot be read leaves the name.
    let broken = described("America/Vancouver").replace("+0100", "soon");
    assert_eq!(starts(&broken, ";TZID=America/Vancouver", &none), ["16:00Z"]);
}

#[test]
fn times_without_zone_are_in_the_first_known_zone() {
    let only = described("Mine");
    let written = "X-WR-TIMEZONE:Asia/Tokyo";
    let both = format!("{written}\n{only}");
    let two = format!("{only}\n{}", described("Other"));
    for (before, names, expected) in [
        (
            both.as_str(),
            names(Some("Asia/Kolkata"), &["America/New_York"]),
            vec!["03:30Z"],
        ),
        (&both, names(None, &["America/New_York"]), vec!["00:00Z"]),
        (&only, names(None, &["America/New_York"]), vec!["08:00Z"]),
        (&two, names(None, &["America/New_York"]), vec!["13:00Z"]),
        (
            "X-WR-TIMEZONE:Mars/Olympus",
            names(None, &["America/New_York"]),
            vec!["13:00Z"],
        ),
        (
            "",
            names(None, &["America/New_York", "Europe/Berlin"]),
            vec!["07:00Z", "13:00Z"],
        ),
        ("", names(None, &[]), vec!["09:00Z"]),
    ] {
        assert_eq!(starts(before, "", &names), expected, "{before} {names:?}");
        // The feed's own zone counts for an unknown name; else all the time that it can mean blocks.
        let has_own = names.named.is_some() || before.contains("Tokyo") || before == only;
        let expected = if has_own { expected } else { vec!["19:00Z"] };
        for unknown in [";TZID=(UTC+01:00) Amsterdam", ";TZID=Customized Time Zone"] {
            assert_eq!(
                starts(before, unknown, &names),
                expected,
                "{unknown} {before} {names:?}"
            );
        }
    }
    let unknown = event("e", "DTSTART;TZID=Mars/Olympus:20260602T090000; DURATION:PT1H");
    assert_eq!(
        faults(calendar(&unknown)),
        [("e".to_owned(), FeedEventError::AnyZone)]
    );
    assert_eq!(
        faults(calendar(&format!("{only}\n{unknown}"))),
        [("e".to_owned(), FeedEventError::Zone)]
    );
}

/// Clocks are at most 14 hours ahead of UTC and 12 hours behind.
#[test]
fn unknown_zone_blocks_all_hours_that_it_can_mean() {
    let start = "DTSTART;TZID=Mars:20260610T090000";
    let week = "RRULE:FREQ=WEEKLY;BYDAY=WE;UNTIL=20260616T190000Z";
    for (lines, expected) in [
        (format!("{start}; DURATION:PT1H"), "2026-06-09T19:00Z 27:00 e"),
        (
            format!("{start}; DTEND:20260610T100000"),
            "2026-06-09T19:00Z 27:00 e",
        ),
        (
            format!("{start}; DTEND:20260610T120000Z"),
            "2026-06-09T19:00Z 29:00 e",
        ),
        // The last repetition begins before the end of the rule if the clock is far ahead.
        (
            format!("{start}; DURATION:PT1H; {week}"),
            "2026-06-09T19:00Z 27:00 e 2026-06-16T19:00Z 27:00 e",
        ),
        // Nine o'clock UTC is another time than nine o'clock there.
        (
            format!("{start}; DURATION:PT1H; EXDATE:20260610T090000Z"),
            "2026-06-09T19:00Z 27:00 e",
        ),
        (
            format!("{start}; DURATION:PT1H; EXDATE;TZID=Mars:20260610T090000"),
            "",
        ),
    ] {
        let feed = calendar(&event("e", &lines));
        assert_eq!(
            times(&feed, "2026-01-01", "2027-01-01").join(" "),
            expected,
            "{lines}"
        );
        assert_eq!(
            faults(&feed),
            [("e".to_owned(), FeedEventError::AnyZone)],
            "{lines}"
        );
    }
    let often = calendar(&event(
        "e",
        &format!("{start}; DURATION:PT1H; RRULE:FREQ=SECONDLY;UNTIL=20260612T090000Z"),
    ));
    assert_eq!(
        times(&often, "2026-01-01", "2027-01-01"),
        ["2026-06-09T19:00Z 27:00 e", "2026-06-09T19:00Z 113:00 e"]
    );
}

/// The zones of the schedules together have no more busy times than one.
#[test]
fn busy_times_of_all_zones_are_counted() {
    let dates: Vec<String> = (0..35_000)
        .map(|minute| {
            format!(
                "202606{:02}T{:02}{:02}{:02}",
                1 + minute / 6_000,
                minute / 300 % 20,
                minute / 5 % 60,
                minute % 5
            )
        })
        .collect();
    let feed = calendar(&event(
        "e",
        &format!(
            "DTSTART:20260601T000000; DURATION:PT1H; RDATE:{}",
            dates.join(",")
        ),
    ));
    let read = |of_schedules: &[&str]| {
        let names = names(None, of_schedules);
        super::super::parse_feed(
            feed.as_bytes(),
            window("2026-01-01", "2027-01-01"),
            &names,
            &ZONES,
        )
    };
    assert_eq!(read(&["Asia/Tokyo"]).map(|parsed| parsed.busy.len()), Ok(35_000));
    assert_eq!(
        read(&["Asia/Tokyo", "Asia/Kolkata"]),
        Err(super::FeedError::TooMuch)
    );
}

#[test]
fn whole_days_are_in_the_schedules_zone() {
    let feed = calendar(&event("e", "DTSTART;VALUE=DATE:20261210"));
    let names = names(None, &["America/Los_Angeles"]);
    let parsed = super::super::parse_feed(
        feed.as_bytes(),
        window("2026-01-01", "2027-01-01"),
        &names,
        &ZONES,
    )
    .unwrap();
    assert_eq!(format_times(&parsed), ["2026-12-10T08:00Z 24:00 e"]);
    assert_eq!(
        times(&feed, "2026-01-01", "2027-01-01"),
        ["2026-12-10T00:00Z 24:00 e"]
    );
}

#[test]
fn other_times_of_an_event_are_in_the_zone_of_its_start() {
    let lines = "DTSTART;TZID=Europe/Berlin:20260601T090000; DTEND:20260601T100000; RRULE:FREQ=DAILY;COUNT=3; \
                 EXDATE:20260602T090000; RDATE:20260610T090000";
    assert_eq!(
        super::times_of(lines),
        [
            "2026-06-01T07:00Z 1:00",
            "2026-06-03T07:00Z 1:00",
            "2026-06-10T07:00Z 1:00"
        ]
    );
}

#[test]
fn exceptions_in_the_unknown_zone_of_their_event_count() {
    let lines = "DTSTART;TZID=Mars:20260601T090000; DTEND;TZID=Mars:20260601T100000; RRULE:FREQ=DAILY;COUNT=3; \
                 EXDATE;TZID=Mars:20260602T090000";
    let feed = calendar(&event("e", lines));
    assert_eq!(
        times(&feed, "2026-01-01", "2027-01-01"),
        ["2026-05-31T19:00Z 27:00 e", "2026-06-02T19:00Z 27:00 e"]
    );
    assert_eq!(faults(&feed), [("e".to_owned(), FeedEventError::AnyZone)]);
}

/// A zone's name has a meaning in its own calendar only: Outlook calls each of its own zones `Customized Time Zone`.
#[test]
fn each_calendar_of_a_feed_has_its_own_zones() {
    let part = |lines: &str, uid: &str, parameter: &str| {
        let times = format!("DTSTART{parameter}:20260602T090000; DURATION:PT1H");
        calendar(&format!("{lines}\n{}", event(uid, &times)))
    };
    let (named, id) = (";TZID=Mine", described("Mine"));
    let feed = [
        part(&id, "a", named),
        part(&id.replace("+0100", "+0300"), "b", named),
        part("", "c", named),
        part("X-WR-TIMEZONE:Asia/Tokyo", "d", ""),
        part("X-WR-TIMEZONE:Asia/Kolkata", "e", ""),
        part("", "f", ""),
    ];
    assert_eq!(
        times(feed.concat(), "2026-01-01", "2027-01-01"),
        [
            "2026-06-02T00:00Z 1:00 d",
            "2026-06-02T00:00Z 1:00 f",
            "2026-06-02T03:30Z 1:00 e",
            "2026-06-02T06:00Z 1:00 b",
            "2026-06-02T08:00Z 1:00 a",
            "2026-06-02T08:00Z 1:00 c",
        ]
    );
}
