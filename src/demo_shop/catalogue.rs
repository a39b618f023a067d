//! The demo catalogue: a host and a court, a salon whose cuts take several hands, a class with many places, and hosts of
//! whom any will do. Written anew at every start of the sandbox.

use chrono::{NaiveTime, Weekday};
use chrono_tz::Tz;

use crate::domain::catalogue::{EventType, Resource, SegmentTemplate};
use crate::domain::change_policy::ChangePolicy;
use crate::domain::ids::{EventTypeId, ResourceId};
use crate::domain::money::{Currency, Money};
use crate::domain::schedule::{Hours, Schedule};

/// Who serves: id, name, how many at a time.
const RESOURCES: [(&str, &str, u32); 10] = [
    ("ana", "Ana", 1),
    ("ben", "Ben", 1),
    ("cleo", "Cleo", 1),
    ("dora", "Dora", 1),
    ("emil", "Emil", 1),
    ("finn", "Finn", 1),
    ("chair-1", "Chair 1", 1),
    ("chair-2", "Chair 2", 1),
    ("court-1", "Court 1", 1),
    ("studio", "Studio", 20),
];

const WEEKDAYS: &[Weekday] = &[
    Weekday::Mon,
    Weekday::Tue,
    Weekday::Wed,
    Weekday::Thu,
    Weekday::Fri,
];
const SATURDAY: &[Weekday] = &[Weekday::Sat];
const EVERY_DAY: &[Weekday] = &[
    Weekday::Mon,
    Weekday::Tue,
    Weekday::Wed,
    Weekday::Thu,
    Weekday::Fri,
    Weekday::Sat,
    Weekday::Sun,
];

/// Everyone who serves; `None` where one of them breaks a rule of the catalogue.
pub(super) fn resources() -> Option<Vec<Resource>> {
    let resource = |(id, name, capacity): (&str, &str, u32)| {
        Some(Resource {
            id: ResourceId::parse(id).ok()?,
            name: name.to_owned(),
            capacity,
        })
    };
    RESOURCES.into_iter().map(resource).collect()
}

/// Everything on sale; `None` where some of it breaks a rule of the catalogue.
pub(super) fn event_types() -> Option<Vec<EventType>> {
    Some(vec![
        one(
            "intro-call",
            "Intro call with Ana",
            5_000,
            need(0, 30, &["ana"])?,
            office_hours(30)?,
        )?,
        one(
            "deep-dive",
            "Deep dive with Ana",
            9_000,
            need(0, 60, &["ana"])?,
            office_hours(30)?,
        )?,
        one(
            "court-1",
            "Tennis, court 1",
            2_400,
            need(0, 60, &["court-1"])?,
            office_hours(60)?,
        )?,
        salon()?,
        one("yoga", "Yoga class", 1_800, need(0, 60, &["studio"])?, classes()?)?,
        one(
            "consultation",
            "Consultation",
            4_000,
            need(0, 30, &["dora", "emil", "finn"])?,
            office_hours(30)?,
        )?,
    ])
}

/// One segment, for sale at that schedule's hours.
fn one(id: &str, name: &str, cents: i64, need: SegmentTemplate, schedule: Schedule) -> Option<EventType> {
    Some(EventType {
        id: EventTypeId::parse(id).ok()?,
        name: name.to_owned(),
        segments: vec![need],
        buffer_before_minutes: 0,
        buffer_after_minutes: 0,
        schedule: Some(schedule),
        price: Money::price(cents, Currency::parse("eur")?)?,
        payment_methods: Vec::new(),
        change_policy: ChangePolicy::default(),
    })
}

/// A cut, then colour from other hands, on one chair throughout.
fn salon() -> Option<EventType> {
    let hours = vec![open(WEEKDAYS, 9..17)?, open(SATURDAY, 9..13)?];
    let schedule = Schedule {
        timezone: Tz::Europe__Berlin,
        min_notice_minutes: 60,
        max_advance_days: Some(90),
        ..every(15, hours)
    };
    let cut = need(0, 60, &["ana", "ben"])?;
    let day_before = Some(24 * 60);
    let salon = one("cut-and-colour", "Cut and colour", 9_000, cut.clone(), schedule)?;
    Some(EventType {
        segments: vec![
            cut,
            need(60, 45, &["cleo"])?,
            need(0, 105, &["chair-1", "chair-2"])?,
        ],
        buffer_after_minutes: 10,
        change_policy: ChangePolicy {
            cancel_until_minutes: day_before,
            move_until_minutes: day_before,
        },
        ..salon
    })
}

fn need(offset_minutes: i64, duration_minutes: i64, any_of: &[&str]) -> Option<SegmentTemplate> {
    let any_of = any_of.iter().map(|id| ResourceId::parse(id).ok());
    Some(SegmentTemplate {
        offset_minutes,
        duration_minutes,
        any_of: any_of.collect::<Option<_>>()?,
    })
}

fn office_hours(step_minutes: i64) -> Option<Schedule> {
    Some(every(step_minutes, vec![open(EVERY_DAY, 9..17)?]))
}

/// One start in the morning and one in the evening: the class fits into its hours once.
fn classes() -> Option<Schedule> {
    Some(every(60, vec![open(EVERY_DAY, 9..10)?, open(EVERY_DAY, 18..19)?]))
}

/// On the wall clock of UTC, at any time to come.
fn every(step_minutes: i64, weekly: Vec<Hours>) -> Schedule {
    Schedule {
        timezone: Tz::UTC,
        step_minutes,
        min_notice_minutes: 0,
        max_advance_days: None,
        weekly,
        exceptions: Vec::new(),
    }
}

fn open(days: &[Weekday], hours: std::ops::Range<u32>) -> Option<Hours> {
    Some(Hours {
        days: days.to_vec(),
        from: NaiveTime::from_hms_opt(hours.start, 0, 0)?,
        to: NaiveTime::from_hms_opt(hours.end, 0, 0)?,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chrono::{DateTime, Timelike as _, Utc};

    use super::*;
    use crate::domain::availability::{Availability, SlotAvailability, SlotRequest};
    use crate::domain::time::Window;

    /// A Monday.
    fn monday() -> Window {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        Window::new(at("2026-12-07T00:00:00Z"), at("2026-12-08T00:00:00Z")).unwrap()
    }

    #[test]
    fn all_of_it_can_be_had_on_a_working_day_and_everyone_is_known() {
        let known: BTreeSet<_> = resources()
            .unwrap()
            .into_iter()
            .map(|resource| resource.id)
            .collect();
        for event_type in event_types().unwrap() {
            assert!(
                event_type.list_resources().iter().all(|id| known.contains(id)),
                "{}",
                event_type.id
            );
            let starts = event_type.list_starts(monday(), monday().starts_at());
            let wish = SlotRequest {
                event_type: &event_type,
                quantity: 1,
                requested_resource: None,
                moving: None,
            };
            let chance = starts
                .first()
                .map(|start| Availability::default().check_slot(&wish, *start, 0));
            assert!(
                matches!(chance, Some(SlotAvailability::Free(_))),
                "{}",
                event_type.id
            );
        }
    }

    #[test]
    fn a_class_starts_twice_a_day() {
        let all = event_types().unwrap();
        let yoga = all.iter().find(|one| one.id.as_str() == "yoga").unwrap();
        let hours: Vec<_> = yoga
            .list_starts(monday(), monday().starts_at())
            .iter()
            .map(|at| at.hour())
            .collect();
        assert_eq!(hours, [9, 18]);
    }
}
