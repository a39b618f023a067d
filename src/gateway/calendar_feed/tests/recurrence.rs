//! Tests of repeating events: rules, exceptions, further dates and replaced repetitions.

use super::{FeedEventError, calendar, days_of, error_of, event, faults, times};

#[test]
fn rule_ends_by_count_or_until_in_every_form() {
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
        (
            "DTSTART:20260601T090000Z; RRULE:RSCALE=GREGORIAN;FREQ=DAILY;COUNT=3;SKIP=OMIT;",
            "01 02 03",
        ),
        ("DTSTART:20260601T090000Z; rrule:freq=daily;count=3", "01 02 03"),
    ] {
        assert_eq!(days_of(lines), expected, "{lines}");
    }
}

#[test]
fn excluded_and_further_dates_are_applied() {
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
        // The first occurrence is always the start of the event, whatever its rule says.
        (
            "DTSTART:20260602T090000Z; RRULE:FREQ=WEEKLY;UNTIL=20260612;BYDAY=MO",
            "02 08",
        ),
        (
            "DTSTART:20260601T090000Z; RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
            "01",
        ),
        // The event begins long before the window.
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
fn event_from_before_the_window_counts_if_it_overlaps() {
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
fn own_entry_replaces_its_repetition() {
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
    // An entry may come before its series, or have no series.
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
fn longer_repetition_at_the_time_of_another_counts() {
    let series = event(
        "s",
        "DTSTART:20261207T090000Z; DTEND:20261207T093000Z; RRULE:FREQ=DAILY;COUNT=4",
    );
    let moved = event(
        "s",
        "RECURRENCE-ID:20261208T090000Z; DTSTART:20261209T090000Z; DTEND:20261209T120000Z",
    );
    assert_eq!(
        times(
            calendar(&format!("{series}\n{moved}")),
            "2026-12-09",
            "2026-12-10"
        ),
        ["2026-12-09T09:00Z 0:30 s", "2026-12-09T09:00Z 3:00 s"]
    );
}

#[test]
fn periods_and_days_among_further_dates_have_their_own_length() {
    assert_eq!(
        super::times_of(
            "DTSTART:20261210T090000Z; DTEND:20261210T100000Z; \
             RDATE;VALUE=PERIOD:20261211T120000Z/20261211T150000Z,20261212T120000Z/PT30M; RDATE;VALUE=DATE:20261213"
        ),
        [
            "2026-12-10T09:00Z 1:00",
            "2026-12-11T12:00Z 3:00",
            "2026-12-12T12:00Z 0:30",
            "2026-12-13T00:00Z 24:00"
        ]
    );
}

#[test]
fn change_of_this_and_future_applies_to_all_later_ones() {
    let series = event(
        "s",
        "DTSTART;TZID=Europe/Berlin:20261023T090000; DURATION:PT1H; RRULE:FREQ=DAILY;COUNT=6; \
         EXDATE;TZID=Europe/Berlin:20261027T090000",
    );
    let later = event(
        "s",
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20261024T070000Z; DTSTART:20261024T120000Z; DTEND:20261024T140000Z",
    );
    let single = event(
        "s",
        "RECURRENCE-ID;TZID=Europe/Berlin:20261026T090000; DTSTART:20261026T200000Z; DURATION:PT5M",
    );
    let gone = event(
        "s",
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20261028T080000Z; DTSTART:20261028T130000Z; STATUS:CANCELLED",
    );
    assert_eq!(
        times(
            calendar(&[later, series, gone, single].join("\n")),
            "2026-01-01",
            "2027-01-01"
        ),
        [
            "2026-10-23T07:00Z 1:00 s",
            "2026-10-24T12:00Z 2:00 s",
            // On the 25th the clocks have changed, and the 27th is excluded.
            "2026-10-25T13:00Z 2:00 s",
            "2026-10-26T20:00Z 0:05 s",
        ]
    );
}

#[test]
fn rule_that_a_repetition_copies_does_not_count() {
    let series = event(
        "s",
        "DTSTART:20261207T090000Z; DURATION:PT1H; RRULE:FREQ=DAILY;COUNT=3",
    );
    let moved = event(
        "s",
        "RECURRENCE-ID:20261208T090000Z; DTSTART:20261208T140000Z; DURATION:PT1H; RRULE:FREQ=DAILY;COUNT=3",
    );
    assert_eq!(
        times(
            calendar(&format!("{series}\n{moved}")),
            "2026-01-01",
            "2027-01-01"
        ),
        [
            "2026-12-07T09:00Z 1:00 s",
            "2026-12-08T14:00Z 1:00 s",
            "2026-12-09T09:00Z 1:00 s"
        ]
    );
}

#[test]
fn change_with_a_rule_of_its_own_frees_nothing() {
    let series = event(
        "s",
        "DTSTART:20261201T090000Z; DURATION:PT1H; RRULE:FREQ=WEEKLY;COUNT=3",
    );
    let change = |rule: &str| {
        let lines =
            "DTSTART:20261208T140000Z; DURATION:PT1H; RECURRENCE-ID;RANGE=THISANDFUTURE:20261208T090000Z";
        let feed = format!("{series}\n{}", event("s", &format!("{lines}; RRULE:{rule}")));
        let found = times(calendar(&feed), "2026-01-01", "2027-01-01");
        found
            .iter()
            .map(|time| time[8..13].to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(change("FREQ=WEEKLY;COUNT=3"), "01T09 08T14 15T14", "a copy");
    assert_eq!(change("FREQ=DAILY;COUNT=3"), "01T09 08T14 09T14 10T14 15T14");
}

#[test]
fn whole_day_is_excluded_by_its_midnight_in_any_zone() {
    for exception in [
        "EXDATE;TZID=W. Europe Standard Time:20261210T000000",
        "EXDATE:20261210T000000Z",
    ] {
        assert_eq!(
            super::times_of(&format!(
                "DTSTART;VALUE=DATE:20261209; DTEND;VALUE=DATE:20261210; RRULE:FREQ=DAILY;COUNT=3; {exception}"
            )),
            ["2026-12-09T00:00Z 24:00", "2026-12-11T00:00Z 24:00"],
            "{exception}"
        );
    }
}

#[test]
fn latest_meaning_of_an_end_counts() {
    let days_of = |zone: &str, rule: &str| {
        let lines = format!("DTSTART;VALUE=DATE:20260601; RRULE:FREQ=DAILY;{rule}");
        let feed = calendar(&format!("X-WR-TIMEZONE:{zone}\n{}", event("e", &lines)));
        assert_eq!(faults(&feed), [], "{rule}");
        times(&feed, "2026-01-01", "2027-01-01").len()
    };
    // Of a whole day, the date in UTC or that on the zone's clock.
    assert_eq!(days_of("America/New_York", "UNTIL=20260603T000000Z"), 3);
    assert_eq!(days_of("Asia/Tokyo", "UNTIL=20260602T150000Z"), 3);
    for rule in ["UNTIL=20260602;UNTIL=20260603", "UNTIL=20260603;UNTIL=20260602"] {
        assert_eq!(days_of("UTC", rule), 3, "{rule}");
    }
    for rule in ["UNTIL=20260602;UNTIL=never", "UNTIL=never;UNTIL=20260602"] {
        let lines = format!("DTSTART:20260601T090000Z; RRULE:FREQ=DAILY;{rule}");
        assert_eq!(error_of(&lines), FeedEventError::Until, "{rule}");
    }
}
