//! What a schedule offers if the rules of its time zone are new, or unknown.

use chrono::Duration;

use super::super::NotOffered;
use super::{LONG_AGO, ZONES, at, daily};
use crate::domain::time::Window;
use crate::domain::zone::ZoneName;

#[test]
fn unknown_zone_offers_nothing() {
    let mut shop = daily("Europe/Berlin", 60, &["09:00-12:00"]);
    let (now, nine, hour) = (at(LONG_AGO), at("2026-06-03T07:00:00Z"), Duration::hours(1));
    let within = Window::new(nine, nine + hour).unwrap();
    assert_eq!(shop.list_starts(within, hour, now, &ZONES), [nine]);
    shop.timezone = ZoneName::new("Europe/Atlantis");
    assert!(shop.list_starts(within, hour, now, &ZONES).is_empty());
    assert_eq!(
        shop.check_start(nine, hour, now, &ZONES),
        Err(NotOffered::UnknownZone)
    );
}

/// The clocks of British Columbia no longer go back from 2026 on.
#[test]
fn hours_follow_the_newest_rules_of_the_zone() {
    let shop = daily("America/Vancouver", 60, &["09:00-17:00"]);
    let day = Window::new(at("2026-12-08T08:00:00Z"), at("2026-12-09T08:00:00Z")).unwrap();
    let starts = shop.list_starts(day, Duration::hours(1), at(LONG_AGO), &ZONES);
    assert_eq!(starts.first(), Some(&at("2026-12-08T16:00:00Z")));
    assert_eq!(starts.last(), Some(&at("2026-12-08T23:00:00Z")));
}
