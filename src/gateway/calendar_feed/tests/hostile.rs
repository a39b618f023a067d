//! Tests with hostile and meaningless feeds: they stay within the budget, and never cause a panic.

use chrono::{DateTime, Utc};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::{FeedError, FeedEventError, calendar, error_of, event, faults, parse_feed, times, window};
use crate::domain::time::Window;

#[test]
fn event_without_an_end_is_reported_and_the_next_is_read() {
    let good = event("good", "DTSTART:20260601T090000Z; DURATION:PT1H");
    let unended = "BEGIN:VEVENT\nUID:bad\nDTSTART:20260602T090000Z\nBEGIN:VALARM";
    let feed = calendar(&format!("{unended}\n{good}"));
    assert_eq!(
        times(&feed, "2026-01-01", "2027-01-01"),
        ["2026-06-01T09:00Z 1:00 good"]
    );
    assert_eq!(faults(&feed), [("bad".to_owned(), FeedEventError::Unended)]);
}

/// Every rule of a large feed costs as many steps as possible.
#[test]
fn hostile_feed_is_refused_within_its_budget() {
    let within = window("2026-01-01", "2027-01-01");
    for rule in [
        "FREQ=HOURLY",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11;BYMINUTE=0,15,30,45",
    ] {
        let one = event(
            "e",
            &format!("DTSTART:20000101T090000Z; DURATION:PT1H; RRULE:{rule}"),
        );
        let feed = calendar(&vec![one; 2_000].join("\n"));
        assert_eq!(parse_feed(&feed, within), Err(FeedError::TooMuch), "{rule}");
    }
    let long = calendar(&format!("X-LONG:{}", "x".repeat(5_000_000)));
    assert!(parse_feed(&long, within).unwrap().busy.is_empty());
    let dates = vec!["20260601T090000Z"; 60_001].join(",");
    let further = calendar(&event(
        "e",
        &format!("DTSTART:20260101T090000Z; DURATION:PT1H; RDATE:{dates}"),
    ));
    assert_eq!(parse_feed(&further, within), Err(FeedError::TooMuch));
    // Every series has thousands of changes.
    let series = event("e", "DTSTART:20260601T090000Z; DURATION:PT1H");
    let change = event(
        "e",
        "DTSTART:20260602T090000Z; RECURRENCE-ID;RANGE=THISANDFUTURE:20260601T090000Z",
    );
    let changes = calendar(&[vec![series; 3_000], vec![change; 3_000]].concat().join("\n"));
    assert_eq!(parse_feed(&changes, within), Err(FeedError::TooMuch));
}

/// Their sum is more than any clock can count.
#[test]
fn durations_without_end_block_a_long_time() {
    for units in [1, 20, 20_000] {
        for unit in ["999999999W", "T999999999H"] {
            let length = format!("P{}", unit.repeat(units));
            let start = "DTSTART:20260601T090000Z; DURATION";
            assert_eq!(error_of(&format!("{start}:{length}")), FeedEventError::TooLong);
            assert_eq!(error_of(&format!("{start}:-{length}")), FeedEventError::Backwards);
            let further = format!("{start}:PT1H; RDATE;VALUE=PERIOD:20260701T090000Z/{length}");
            let found = times(calendar(&event("e", &further)), "2026-01-01", "2027-01-01");
            assert_eq!(found.len(), 2, "{found:?}");
            assert!(found[1].starts_with("2026-07-01T09:00Z 960000:"), "{found:?}");
        }
    }
}

#[test]
fn event_that_repeats_too_often_blocks_all_of_its_time() {
    for rule in [
        "FREQ=SECONDLY",
        "FREQ=MINUTELY;BYMONTH=12;BYMONTHDAY=31;UNTIL=20261231T235959Z",
    ] {
        let lines = format!("DTSTART:20260601T090000Z; DURATION:PT1H; RRULE:{rule}");
        let found = times(calendar(&event("e", &lines)), "2026-01-01", "2027-01-01");
        assert_eq!(found[0], "2026-06-01T09:00Z 1:00 e", "{rule}");
        assert!(
            found.iter().any(|time| time.starts_with("2026-06-01T09:00Z 51")),
            "{rule}: {found:?}"
        );
        assert_eq!(error_of(&lines), FeedEventError::TooOften);
    }
    let times_of_day = "FREQ=DAILY;BYHOUR=1,2,3;BYMINUTE=1,2,3,4,5,6,7,8,9;BYSECOND=1,2,3,4,5,6,7,8,9";
    assert_eq!(
        error_of(&format!("DTSTART:20260101T090000Z; RRULE:{times_of_day}")),
        FeedEventError::TooOften
    );
}

/// Generates one fragment of a feed.
fn fragment() -> impl Strategy<Value = String> {
    let fragments = [
        "BEGIN:VCALENDAR",
        "END:VCALENDAR",
        "BEGIN:VEVENT",
        "END:VEVENT",
        "BEGIN:VTIMEZONE",
        "END:VTIMEZONE",
        "BEGIN:STANDARD",
        "END:STANDARD",
        "\n",
        "\r\n",
        "\n ",
        ":",
        ";",
        ",",
        "\"",
        "DTSTART",
        "DTEND",
        "DURATION",
        "RRULE:FREQ=YEARLY",
        "RRULE:FREQ=MONTHLY",
        ";BYDAY=-1SU",
        ";BYSETPOS=-1",
        ";BYWEEKNO=53",
        ";COUNT=0",
        ";INTERVAL=0",
        ";BYYEARDAY=-366",
        ";UNTIL=",
        "RDATE:",
        "EXDATE:",
        "RECURRENCE-ID:",
        ";TZID=X:",
        "TZID:X",
        "TZOFFSETFROM:+0100",
        "TZOFFSETTO:-9999",
        ":99991231T235959Z",
        ":00000101T000000",
        "20261025T023000",
        ";VALUE=DATE:20260229",
        "P9999D",
        "\u{feff}",
        "é",
        "UID:u",
    ];
    prop_oneof![9 => select(fragments.map(str::to_owned).to_vec()), 1 => "\\PC{0,6}"]
}

/// Generates a feed with an event whose lines are almost correct.
fn almost_correct_feed() -> impl Strategy<Value = String> {
    let rules = [
        "FREQ=YEARLY;BYWEEKNO=-53;BYDAY=SU",
        "FREQ=MONTHLY;BYSETPOS=-31,31;BYDAY=MO,FR",
        "FREQ=DAILY;INTERVAL=65535",
        "FREQ=WEEKLY;WKST=SU;BYDAY=SU",
        "FREQ=YEARLY;BYYEARDAY=366,-366",
        "FREQ=MONTHLY;BYMONTHDAY=-31",
        "FREQ=HOURLY;COUNT=9",
        "FREQ=MINUTELY;BYSECOND=59;UNTIL=99991231T235959Z",
        "FREQ=YEARLY;COUNT=4294967295",
        "FREQ=DAILY;BYHOUR=24",
        "",
        "FREQ=YEARLY;BYEASTER=0",
        "FREQ=WEEKLY;BYMONTHDAY=1",
        "FREQ=YEARLY;BYDAY=-53MO,53MO;BYMONTH=2",
    ];
    let dates = [
        "00000101T000000",
        "99991231T235959Z",
        "20260329T023000",
        "20261025T023000",
        "16010101T000000",
        "20260229",
        "20240229",
        "99991231",
        "00010101",
    ];
    let zone = select(vec!["", ";TZID=Europe/Berlin", ";TZID=X", ";TZID=Pacific/Apia"]);
    let date = || select(dates.to_vec());
    let length = select(vec![
        "DURATION:P3660D",
        "DURATION:PT1S",
        "DURATION:P0D",
        "DTEND:99991231T235959Z",
        "X:",
    ]);
    (zone, date(), date(), select(rules.to_vec()), length).prop_map(|(zone, start, other, rule, length)| {
        let described = "BEGIN:VTIMEZONE\nTZID:X\nBEGIN:DAYLIGHT\nDTSTART:00000101T000000\nTZOFFSETFROM:-9959\n\
            TZOFFSETTO:+9959\nRRULE:FREQ=YEARLY\nEND:DAYLIGHT\nEND:VTIMEZONE";
        let lines = format!("DTSTART{zone}:{start}; {length}; RRULE:{rule}; RDATE{zone}:{other}; EXDATE:{other}");
        calendar(&format!("{described}\n{}", event("n", &lines)))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn arbitrary_text_never_panics(
        fragments in vec(fragment(), 0..60),
        feed in almost_correct_feed(),
        at in select(vec!["0000-01-01", "1601-01-01", "2026-01-01", "9999-12-01"]),
    ) {
        let from: DateTime<Utc> = window(at, "+10000-01-01").starts_at();
        let within = Window::new(from, from + chrono::Duration::days(400)).unwrap();
        let _ = parse_feed(fragments.concat(), within);
        let _ = parse_feed(calendar(&fragments.concat()), within);
        if let Ok(parsed) = parse_feed(&feed, within) {
            prop_assert!(parsed.busy.iter().all(|time| time.window.overlaps(&within)));
            prop_assert!(parsed.busy.is_sorted());
        }
    }
}
