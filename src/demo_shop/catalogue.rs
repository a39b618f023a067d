//! The demo catalogue, one example of each kind of event type.
//!
//! It has calls with one host, a tennis court, a salon appointment with several segments, a class with many places, and
//! a consultation that any of three people can give.

use chrono::{NaiveTime, Weekday};

use crate::domain::catalogue::{EventType, Resource, SegmentTemplate};
use crate::domain::change_policy::ChangePolicy;
use crate::domain::ids::{EventTypeId, ResourceId};
use crate::domain::money::{Currency, Money};
use crate::domain::schedule::{Hours, Schedule};
use crate::domain::zone::ZoneName;

/// The resources: id, name and capacity.
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

/// Returns the demo resources, or `None` if one of them is invalid.
pub(super) fn build_resources() -> Option<Vec<Resource>> {
    let build_resource = |(id, name, capacity): (&str, &str, u32)| {
        Some(Resource {
            id: ResourceId::parse(id).ok()?,
            name: name.to_owned(),
            capacity,
        })
    };
    RESOURCES.into_iter().map(build_resource).collect()
}

/// Returns the demo event types, or `None` if one of them is invalid.
pub(super) fn build_event_types() -> Option<Vec<EventType>> {
    Some(vec![
        single_segment_event_type(
            "intro-call",
            "Intro call with Ana",
            5_000,
            segment_template(0, 30, &["ana"])?,
            office_hours_schedule(30)?,
        )?,
        single_segment_event_type(
            "deep-dive",
            "Deep dive with Ana",
            9_000,
            segment_template(0, 60, &["ana"])?,
            office_hours_schedule(30)?,
        )?,
        single_segment_event_type(
            "court-1",
            "Tennis, court 1",
            2_400,
            segment_template(0, 60, &["court-1"])?,
            office_hours_schedule(60)?,
        )?,
        salon_event_type()?,
        single_segment_event_type(
            "yoga",
            "Yoga class",
            1_800,
            segment_template(0, 60, &["studio"])?,
            class_schedule()?,
        )?,
        single_segment_event_type(
            "consultation",
            "Consultation",
            4_000,
            segment_template(0, 30, &["dora", "emil", "finn"])?,
            office_hours_schedule(30)?,
        )?,
    ])
}

/// Builds an event type with one segment; the price is in cents.
fn single_segment_event_type(
    id: &str,
    name: &str,
    cents: i64,
    segment: SegmentTemplate,
    schedule: Schedule,
) -> Option<EventType> {
    Some(EventType {
        id: EventTypeId::parse(id).ok()?,
        name: name.to_owned(),
        description: None,
        segments: vec![segment],
        buffer_before_minutes: 0,
        buffer_after_minutes: 0,
        schedule: Some(schedule),
        price: Money::price(cents, Currency::parse("eur")?)?,
        payment_methods: Vec::new(),
        change_policy: ChangePolicy::default(),
        checkout: Default::default(),
    })
}

/// Builds an appointment for a cut by Ana or Ben and then colour by Cleo, on one chair for the whole time.
fn salon_event_type() -> Option<EventType> {
    let hours = vec![opening_hours(WEEKDAYS, 9..17)?, opening_hours(SATURDAY, 9..13)?];
    let schedule = Schedule {
        timezone: ZoneName::new("Europe/Berlin"),
        min_notice_minutes: 60,
        max_advance_days: Some(90),
        ..weekly_schedule(15, hours)
    };
    let cut = segment_template(0, 60, &["ana", "ben"])?;
    let day_before = Some(24 * 60);
    let salon = single_segment_event_type("cut-and-colour", "Cut and colour", 9_000, cut.clone(), schedule)?;
    Some(EventType {
        segments: vec![
            cut,
            segment_template(60, 45, &["cleo"])?,
            segment_template(0, 105, &["chair-1", "chair-2"])?,
        ],
        buffer_after_minutes: 10,
        change_policy: ChangePolicy {
            cancel_until_minutes: day_before,
            move_until_minutes: day_before,
        },
        ..salon
    })
}

fn segment_template(offset_minutes: i64, duration_minutes: i64, any_of: &[&str]) -> Option<SegmentTemplate> {
    let any_of = any_of.iter().map(|id| ResourceId::parse(id).ok());
    Some(SegmentTemplate {
        offset_minutes,
        duration_minutes,
        any_of: any_of.collect::<Option<_>>()?,
    })
}

fn office_hours_schedule(step_minutes: i64) -> Option<Schedule> {
    Some(weekly_schedule(
        step_minutes,
        vec![opening_hours(EVERY_DAY, 9..17)?],
    ))
}

/// Builds opening hours of one hour in the morning and one in the evening, so that each holds one class.
fn class_schedule() -> Option<Schedule> {
    Some(weekly_schedule(
        60,
        vec![
            opening_hours(EVERY_DAY, 9..10)?,
            opening_hours(EVERY_DAY, 18..19)?,
        ],
    ))
}

/// Builds a schedule in UTC without notice period and without limit in the future.
fn weekly_schedule(step_minutes: i64, weekly: Vec<Hours>) -> Schedule {
    Schedule {
        timezone: ZoneName::new("UTC"),
        step_minutes,
        min_notice_minutes: 0,
        max_advance_days: None,
        weekly,
        exceptions: Vec::new(),
    }
}

fn opening_hours(days: &[Weekday], hours: std::ops::Range<u32>) -> Option<Hours> {
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
    use crate::domain::zone::ZoneDatabase;

    fn list_starts_of_a_monday(event_type: &EventType) -> Vec<DateTime<Utc>> {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let monday = Window::new(at("2026-12-07T00:00:00Z"), at("2026-12-08T00:00:00Z")).unwrap();
        event_type.list_starts(monday, monday.starts_at(), &ZoneDatabase::linked())
    }

    #[test]
    fn every_event_type_is_free_on_monday_with_known_resources() {
        let known: BTreeSet<_> = build_resources()
            .unwrap()
            .into_iter()
            .map(|resource| resource.id)
            .collect();
        for event_type in build_event_types().unwrap() {
            assert!(
                event_type.list_resources().iter().all(|id| known.contains(id)),
                "{}",
                event_type.id
            );
            let starts = list_starts_of_a_monday(&event_type);
            let request = SlotRequest {
                event_type: &event_type,
                quantity: 1,
                requested_resource: None,
                moving: None,
            };
            let availability = starts
                .first()
                .map(|start| Availability::default().check_slot(&request, *start, 0));
            assert!(
                matches!(availability, Some(SlotAvailability::Free(_))),
                "{}",
                event_type.id
            );
        }
    }

    #[test]
    fn class_starts_at_nine_and_at_eighteen() {
        let all = build_event_types().unwrap();
        let yoga = all
            .iter()
            .find(|event_type| event_type.id.as_str() == "yoga")
            .unwrap();
        let starts = list_starts_of_a_monday(yoga);
        let hours: Vec<_> = starts.iter().map(|at| at.hour()).collect();
        assert_eq!(hours, [9, 18]);
    }
}
