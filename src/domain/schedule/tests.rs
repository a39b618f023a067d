//! Tests of what a schedule offers: grids, nights, exceptions, notice, horizon, and days on which the clocks change.

use std::sync::LazyLock;

use chrono::{DateTime, Duration, FixedOffset, NaiveDate, NaiveTime, Utc, Weekday};

use super::{Exception, Hours, NotOffered, Schedule};
use crate::domain::time::Window;
use crate::domain::zone::{ZoneDatabase, ZoneName};

#[path = "reference_tests.rs"]
mod reference;
#[path = "zone_tests.rs"]
mod zones;

const WEEK: [Weekday; 7] = [
    Weekday::Mon,
    Weekday::Tue,
    Weekday::Wed,
    Weekday::Thu,
    Weekday::Fri,
    Weekday::Sat,
    Weekday::Sun,
];

static ZONES: LazyLock<ZoneDatabase> = LazyLock::new(ZoneDatabase::linked);

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// Parses `"09:00-17:00"` into from and to.
fn hours(text: &str) -> (NaiveTime, NaiveTime) {
    let (from, to) = text.split_once('-').unwrap();
    (from.parse().unwrap(), to.parse().unwrap())
}

/// Makes a schedule that is open every day at these hours.
fn daily(zone: &str, step: i64, texts: &[&str]) -> Schedule {
    let every_day = |text: &&str| {
        let (from, to) = hours(text);
        let days = WEEK.to_vec();
        Hours { days, from, to }
    };
    Schedule {
        timezone: ZoneName::new(zone),
        step_minutes: step,
        min_notice_minutes: 0,
        max_advance_days: None,
        weekly: texts.iter().map(every_day).collect(),
        exceptions: Vec::new(),
    }
}

fn closed(day: &str) -> Exception {
    let date = date(day);
    Exception { date, hours: None }
}

fn replaced(day: &str, text: &str) -> Exception {
    let (date, hours) = (date(day), Some(hours(text)));
    Exception { date, hours }
}

/// Returns what the wall clock of a zone shows.
fn to_local(zone: &ZoneName, at: DateTime<Utc>) -> DateTime<FixedOffset> {
    let offset = ZONES.find(zone).unwrap().offset_at(at.timestamp());
    at.with_timezone(&FixedOffset::east_opt(offset.try_into().unwrap()).unwrap())
}

const LONG_AGO: &str = "1900-01-01T00:00:00Z";

/// Lists the starts on a date of the wall clock as `HH:MM`, with the offset if the clocks change on that date.
fn starts_on(schedule: &Schedule, day: &str, minutes: i64) -> String {
    let midnight = date(day).and_time(NaiveTime::MIN).and_utc();
    let within = Window::new(midnight - Duration::days(2), midnight + Duration::days(3)).unwrap();
    let starts = schedule.list_starts(within, Duration::minutes(minutes), at(LONG_AGO), &ZONES);
    let local: Vec<DateTime<FixedOffset>> = starts
        .iter()
        .map(|start| to_local(&schedule.timezone, *start))
        .filter(|start| start.date_naive() == date(day))
        .collect();
    let one_offset = local.iter().all(|start| offset(start) == offset(&local[0]));
    let format = if one_offset { "%H:%M" } else { "%H:%M%:z" };
    let texts: Vec<String> = local
        .iter()
        .map(|start| start.format(format).to_string())
        .collect();
    texts.join(" ")
}

fn offset(local: &DateTime<FixedOffset>) -> String {
    local.format("%:z").to_string()
}

#[test]
fn grid_starts_with_its_hours_and_ends_when_length_does_not_fit() {
    let shop = daily("Europe/Berlin", 15, &["09:05-10:20"]);
    assert_eq!(starts_on(&shop, "2026-06-03", 30), "09:05 09:20 09:35 09:50");
    assert_eq!(starts_on(&shop, "2026-06-03", 75), "09:05");
    assert_eq!(starts_on(&shop, "2026-06-03", 76), "");
    assert_eq!(starts_on(&shop, "2026-06-03", 0), "");
    assert_eq!(starts_on(&shop, "2026-06-03", -5), "");
    let coarse = daily("Europe/Berlin", 50, &["09:00-12:00"]);
    assert_eq!(starts_on(&coarse, "2026-06-03", 10), "09:00 09:50 10:40 11:30");
}

#[test]
fn weekdays_are_those_of_the_zone() {
    let mut shop = daily("Pacific/Auckland", 60, &["07:00-09:00"]);
    shop.weekly[0].days = vec![Weekday::Mon];
    // Monday in Auckland is still Sunday in UTC.
    assert_eq!(starts_on(&shop, "2026-06-01", 60), "07:00 08:00");
    assert_eq!(starts_on(&shop, "2026-05-31", 60), "");
    assert_eq!(starts_on(&shop, "2026-06-02", 60), "");
}

#[test]
fn touching_hours_join_and_overlapping_hours_offer_once() {
    let touching = daily("UTC", 60, &["09:00-12:00", "12:00-14:00"]);
    assert_eq!(starts_on(&touching, "2026-06-03", 120), "09:00 10:00 11:00 12:00");
    let overlapping = daily("UTC", 30, &["09:00-10:30", "09:30-11:00", "09:15-10:00"]);
    assert_eq!(
        starts_on(&overlapping, "2026-06-03", 30),
        "09:00 09:15 09:30 09:45 10:00 10:30"
    );
    let apart = daily("UTC", 60, &["09:00-12:00", "12:01-14:00"]);
    assert_eq!(starts_on(&apart, "2026-06-03", 120), "09:00 10:00");
}

#[test]
fn hours_past_midnight_belong_to_the_date_of_their_start() {
    let mut bar = daily("Europe/Berlin", 60, &["22:00-02:00"]);
    bar.weekly[0].days = vec![Weekday::Fri];
    assert_eq!(starts_on(&bar, "2026-06-05", 60), "22:00 23:00");
    assert_eq!(starts_on(&bar, "2026-06-06", 60), "00:00 01:00");
    assert_eq!(starts_on(&bar, "2026-06-06", 61), "00:00");
    assert_eq!(starts_on(&bar, "2026-06-07", 60), "");
    // Friday night stays open if Saturday is closed, and is closed together with Friday.
    bar.exceptions = vec![closed("2026-06-06")];
    assert_eq!(starts_on(&bar, "2026-06-06", 60), "00:00 01:00");
    bar.exceptions = vec![closed("2026-06-05")];
    assert_eq!(starts_on(&bar, "2026-06-05", 60), "");
    assert_eq!(starts_on(&bar, "2026-06-06", 60), "");
}

#[test]
fn whole_day_joins_the_night_after_it() {
    let always = daily("UTC", 360, &["00:00-00:00"]);
    assert_eq!(starts_on(&always, "2026-06-03", 60), "00:00 06:00 12:00 18:00");
    assert_eq!(
        starts_on(&always, "2026-06-03", 7 * 24 * 60),
        "00:00 06:00 12:00 18:00"
    );
    let from_nine = daily("UTC", 360, &["09:00-09:00"]);
    assert_eq!(starts_on(&from_nine, "2026-06-03", 60), "03:00 09:00 15:00 21:00");
}

#[test]
fn exception_replaces_the_hours_of_its_date_and_several_add_up() {
    let mut shop = daily("Europe/Berlin", 60, &["09:00-12:00"]);
    shop.exceptions = vec![
        closed("2026-12-24"),
        replaced("2026-12-19", "10:00-11:00"),
        replaced("2026-12-19", "14:00-15:00"),
        replaced("2026-12-31", "22:00-02:00"),
        closed("2026-12-30"),
        replaced("2026-12-30", "08:00-09:00"),
    ];
    assert_eq!(starts_on(&shop, "2026-12-23", 60), "09:00 10:00 11:00");
    assert_eq!(starts_on(&shop, "2026-12-24", 60), "");
    assert_eq!(starts_on(&shop, "2026-12-19", 60), "10:00 14:00");
    assert_eq!(starts_on(&shop, "2026-12-30", 60), "08:00");
    assert_eq!(starts_on(&shop, "2026-12-31", 60), "22:00 23:00");
    assert_eq!(
        starts_on(&shop, "2027-01-01", 60),
        "00:00 01:00 09:00 10:00 11:00"
    );
}

#[test]
fn leap_days_and_ends_of_years_are_ordinary_days() {
    let mut shop = daily("America/New_York", 60, &["09:00-10:00"]);
    assert_eq!(starts_on(&shop, "2028-02-29", 60), "09:00");
    assert_eq!(starts_on(&shop, "2026-12-31", 60), "09:00");
    shop.weekly[0].days = vec![Weekday::Tue];
    assert_eq!(starts_on(&shop, "2028-02-29", 60), "09:00");
    assert_eq!(starts_on(&shop, "2028-03-01", 60), "");
    assert_eq!(starts_on(&shop, "2028-03-07", 60), "09:00");
    let night = daily("Asia/Tokyo", 30, &["23:30-00:30"]);
    assert_eq!(starts_on(&night, "2027-01-01", 60), "23:30");
    assert_eq!(starts_on(&night, "2027-01-01", 30), "00:00 23:30");
}

#[test]
fn missing_local_time_is_not_offered() {
    // Clocks go from 02:00 to 03:00, and at Lord Howe from 02:00 to 02:30; in Havana and Beirut from 00:00 to 01:00.
    for (zone, day, texts, minutes, offered) in [
        (
            "Europe/Berlin",
            "2026-03-29",
            "01:00-05:00",
            30,
            "01:00+01:00 01:30+01:00 03:00+02:00 03:30+02:00 04:00+02:00 04:30+02:00",
        ),
        (
            "America/New_York",
            "2026-03-08",
            "01:00-04:00",
            30,
            "01:00-05:00 01:30-05:00 03:00-04:00 03:30-04:00",
        ),
        (
            "Australia/Lord_Howe",
            "2026-10-04",
            "01:00-04:00",
            30,
            "01:00+10:30 01:30+10:30 02:30+11:00 03:00+11:00 03:30+11:00",
        ),
        ("America/Havana", "2026-03-08", "00:00-02:00", 30, "01:00 01:30"),
        ("Asia/Beirut", "2026-03-29", "00:30-02:00", 30, "01:00 01:30"),
        // Only the existing part of the hours is open.
        ("Europe/Berlin", "2026-03-29", "02:30-04:00", 30, "03:00 03:30"),
        ("Europe/Berlin", "2026-03-29", "02:15-02:45", 1, ""),
        // 03:00 follows 02:00 at once, so an hour from 01:30 on ends at 03:30.
        ("Europe/Berlin", "2026-03-29", "01:30-03:30", 60, "01:30"),
        ("Europe/Berlin", "2026-03-29", "01:30-03:30", 61, ""),
    ] {
        let shop = daily(zone, 30, &[texts]);
        assert_eq!(
            starts_on(&shop, day, minutes),
            offered,
            "{zone} {texts} for {minutes}"
        );
    }
}

#[test]
fn repeated_local_time_is_offered_twice() {
    // Clocks go from 03:00 to 02:00 in Berlin, from 02:00 to 01:00 in New York, from 02:00 to 01:30 at Lord Howe, from
    // 01:00 to 00:00 in Havana, from 00:00 to 23:00 of the day before in Beirut.
    for (zone, day, texts, minutes, offered) in [
        (
            "Europe/Berlin",
            "2026-10-25",
            "01:00-04:00",
            30,
            "01:00+02:00 01:30+02:00 02:00+02:00 02:30+02:00 02:00+01:00 02:30+01:00 03:00+01:00 03:30+01:00",
        ),
        (
            "America/New_York",
            "2026-11-01",
            "00:30-02:30",
            30,
            "00:30-04:00 01:00-04:00 01:30-04:00 01:00-05:00 01:30-05:00 02:00-05:00",
        ),
        (
            "Australia/Lord_Howe",
            "2026-04-05",
            "01:00-02:30",
            30,
            "01:00+11:00 01:30+11:00 01:30+10:30 02:00+10:30",
        ),
        (
            "America/Havana",
            "2027-11-07",
            "00:00-01:30",
            30,
            "00:00-04:00 00:30-04:00 00:00-05:00 00:30-05:00 01:00-05:00",
        ),
        (
            "Asia/Beirut",
            "2026-10-24",
            "22:30-00:00",
            30,
            "22:30+03:00 23:00+03:00 23:30+03:00 23:00+02:00 23:30+02:00",
        ),
        // Open until half past two on both passes of the clock: it is closed in between, so an hour fits only before.
        ("Europe/Berlin", "2026-10-25", "01:00-02:30", 60, "01:00 01:30"),
        ("Europe/Berlin", "2026-10-25", "01:00-02:30", 90, "01:00"),
        ("Europe/Berlin", "2026-10-25", "01:00-02:30", 91, ""),
        (
            "Europe/Berlin",
            "2026-10-25",
            "01:00-02:30",
            30,
            "01:00+02:00 01:30+02:00 02:00+02:00 02:00+01:00",
        ),
        // Open through the repeated hour: two hours on the wall clock last three.
        ("Europe/Berlin", "2026-10-25", "01:30-03:30", 180, "01:30"),
        ("Europe/Berlin", "2026-10-25", "01:30-03:30", 181, ""),
    ] {
        let shop = daily(zone, 30, &[texts]);
        assert_eq!(
            starts_on(&shop, day, minutes),
            offered,
            "{zone} {texts} for {minutes}"
        );
    }
}

#[test]
fn night_over_a_clock_change_keeps_its_wall_clock_hours() {
    let bar = daily("Europe/Berlin", 60, &["22:00-04:00"]);
    assert_eq!(starts_on(&bar, "2026-03-28", 4 * 60), "00:00 22:00 23:00");
    assert_eq!(starts_on(&bar, "2026-03-28", 5 * 60), "22:00");
    assert_eq!(starts_on(&bar, "2026-03-28", 5 * 60 + 1), "");
    assert_eq!(starts_on(&bar, "2026-10-24", 7 * 60), "22:00");
    let late = daily("Europe/Berlin", 60, &["23:00-04:00"]);
    assert_eq!(
        starts_on(&late, "2026-03-29", 60),
        "00:00+01:00 01:00+01:00 03:00+02:00 23:00+02:00"
    );
}

#[test]
fn hours_follow_the_wall_clock_in_summer_and_winter() {
    let shop = daily("America/New_York", 60, &["09:00-10:00"]);
    let now = at("2026-01-01T00:00:00Z");
    let hour = Duration::hours(1);
    assert_eq!(
        shop.check_start(at("2026-03-07T14:00:00Z"), hour, now, &ZONES),
        Ok(())
    );
    assert_eq!(
        shop.check_start(at("2026-03-08T13:00:00Z"), hour, now, &ZONES),
        Ok(())
    );
    assert_eq!(
        shop.check_start(at("2026-03-08T14:00:00Z"), hour, now, &ZONES),
        Err(NotOffered::Closed)
    );
}

#[test]
fn date_that_a_zone_skipped_has_no_hours() {
    // Samoa skipped the 30th.
    let shop = daily("Pacific/Apia", 60, &["10:00-12:00"]);
    assert_eq!(starts_on(&shop, "2011-12-29", 60), "10:00 11:00");
    assert_eq!(starts_on(&shop, "2011-12-30", 60), "");
    assert_eq!(starts_on(&shop, "2011-12-31", 60), "10:00 11:00");
}

#[test]
fn notice_and_horizon_include_their_ends() {
    let mut shop = daily("UTC", 15, &["00:00-00:00"]);
    shop.min_notice_minutes = 60;
    shop.max_advance_days = Some(1);
    let (now, length) = (at("2026-06-03T10:00:00Z"), Duration::minutes(30));
    let allows = |start: &str| shop.check_start(at(start), length, now, &ZONES);
    assert_eq!(allows("2026-06-03T10:45:00Z"), Err(NotOffered::TooSoon));
    assert_eq!(allows("2026-06-03T11:00:00Z"), Ok(()));
    assert_eq!(allows("2026-06-04T10:00:00Z"), Ok(()));
    assert_eq!(allows("2026-06-04T10:15:00Z"), Err(NotOffered::TooFar));
    assert_eq!(allows("2026-06-03T11:01:00Z"), Err(NotOffered::Closed));
    assert_eq!(allows("2026-06-03T11:15:00.5Z"), Err(NotOffered::Closed));
    let within = Window::new(at("2020-01-01T00:00:00Z"), at("2030-01-01T00:00:00Z")).unwrap();
    let starts = shop.list_starts(within, length, now, &ZONES);
    assert_eq!(starts.len(), 23 * 4 + 1);
    assert_eq!(starts.first(), Some(&at("2026-06-03T11:00:00Z")));
    assert_eq!(starts.last(), Some(&at("2026-06-04T10:00:00Z")));
    // A fraction of a second counts too.
    let later = now + Duration::milliseconds(1);
    assert_eq!(
        shop.list_starts(within, length, later, &ZONES)[0],
        at("2026-06-03T11:15:00Z")
    );
}

#[test]
fn start_without_notice_is_still_in_the_future() {
    let shop = daily("UTC", 15, &["00:00-00:00"]);
    let (now, length) = (at("2026-06-03T10:00:00Z"), Duration::minutes(30));
    assert_eq!(
        shop.check_start(now, length, now, &ZONES),
        Err(NotOffered::TooSoon)
    );
    assert_eq!(
        shop.check_start(now + Duration::minutes(15), length, now, &ZONES),
        Ok(())
    );
    let a_moment_ago = now - Duration::milliseconds(1);
    assert_eq!(shop.check_start(now, length, a_moment_ago, &ZONES), Ok(()));
}

#[test]
fn window_includes_its_first_instant_and_not_its_end() {
    let shop = daily("UTC", 30, &["09:00-12:00"]);
    let within = Window::new(at("2026-06-03T09:30:00Z"), at("2026-06-03T10:30:00Z")).unwrap();
    // A booking that starts inside may end outside.
    let starts = shop.list_starts(within, Duration::hours(1), at(LONG_AGO), &ZONES);
    assert_eq!(starts, [at("2026-06-03T09:30:00Z"), at("2026-06-03T10:00:00Z")]);
}
