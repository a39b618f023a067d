//! Tests that the catalogue stores event types with all their members.

use std::sync::LazyLock;

use holdfast::domain::catalogue::{EventType, Resource, SegmentTemplate, UnknownResources};
use holdfast::domain::change_policy::ChangePolicy;
use holdfast::domain::checkout_options::{CheckoutOptions, TaxCode};
use holdfast::domain::closure::ClosureZones;
use holdfast::domain::ids::{EventTypeId, ResourceId};
use holdfast::domain::listing::PutOutcome;
use holdfast::domain::schedule::{Exception, Hours, Schedule};
use holdfast::domain::zone::{ZoneDatabase, ZoneName};
use holdfast::store::Store;

use super::{at, eur, page, placed, with_ana};
use crate::support::database::TestDatabase;

on_both_engines!(
    an_event_type_is_written_replaced_read_and_deleted,
    event_types_are_listed_newest_first_in_pages,
);

pub(super) fn event_type(id: &str, amount: i64) -> EventType {
    EventType {
        id: EventTypeId::parse(id).unwrap(),
        name: "Intro call".into(),
        description: None,
        segments: vec![template(0, 30, &["ana"])],
        buffer_before_minutes: 0,
        buffer_after_minutes: 0,
        schedule: None,
        price: eur(amount),
        payment_methods: Vec::new(),
        change_policy: ChangePolicy::default(),
        checkout: Default::default(),
    }
}

/// The zones of a shop in UTC.
pub(super) fn closure_zones() -> ClosureZones<'static> {
    static ZONES: LazyLock<(ZoneDatabase, ZoneName)> =
        LazyLock::new(|| (ZoneDatabase::linked(), ZoneName::new("UTC")));
    ClosureZones {
        zones: &ZONES.0,
        configured: &ZONES.1,
    }
}

fn template(offset_minutes: i64, duration_minutes: i64, any_of: &[&str]) -> SegmentTemplate {
    SegmentTemplate {
        offset_minutes,
        duration_minutes,
        any_of: any_of.iter().map(|id| ResourceId::parse(id).unwrap()).collect(),
    }
}

/// Makes the resources that event types of the tests name.
pub(super) async fn put_resources(store: &dyn Store, ids: &[&str]) {
    for id in ids {
        let resource = Resource {
            id: ResourceId::parse(id).unwrap(),
            name: (*id).to_owned(),
            capacity: 1,
        };
        store.put_resource(&resource, at(0)).await.unwrap();
    }
}

/// Makes an event type that has a value in every member.
fn elaborate(id: &str) -> EventType {
    let time = |hour| chrono::NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
    let date = |day| chrono::NaiveDate::from_ymd_opt(2026, 12, day).unwrap();
    EventType {
        description: Some("A call\nand more".into()),
        segments: vec![template(0, 60, &["ben", "ana"]), template(60, 45, &["cleo"])],
        buffer_before_minutes: 5,
        buffer_after_minutes: 10,
        schedule: Some(Schedule {
            timezone: ZoneName::new("Europe/Berlin"),
            step_minutes: 15,
            min_notice_minutes: 60,
            max_advance_days: Some(90),
            weekly: vec![Hours {
                days: vec![chrono::Weekday::Mon, chrono::Weekday::Sun],
                from: time(22),
                to: time(2),
            }],
            exceptions: vec![
                Exception {
                    date: date(24),
                    hours: None,
                },
                Exception {
                    date: date(19),
                    hours: Some((time(10), time(14))),
                },
            ],
        }),
        change_policy: ChangePolicy {
            cancel_until_minutes: Some(1440),
            move_until_minutes: Some(0),
        },
        checkout: CheckoutOptions {
            promotion_codes: true,
            tax_code: TaxCode::parse("txcd_20030000").ok(),
            images: vec!["https://shop.example/call.jpg".into()],
            ..CheckoutOptions::default()
        },
        ..event_type(id, 6000)
    }
}

async fn an_event_type_is_written_replaced_read_and_deleted(database: &TestDatabase) {
    let store = database.store();
    let call = event_type("call", 5000);
    assert_eq!(store.find_event_type(&call.id).await.unwrap(), None);
    let unknown = UnknownResources(call.list_resources());
    assert_eq!(
        store.put_event_type(&call, closure_zones(), at(0)).await.unwrap(),
        Err(unknown)
    );
    assert_eq!(store.find_event_type(&call.id).await.unwrap(), None);
    put_resources(&*store, &["ana", "ben"]).await;
    assert_eq!(
        store.put_event_type(&call, closure_zones(), at(0)).await.unwrap(),
        Ok(PutOutcome::Created)
    );
    assert_eq!(store.find_event_type(&call.id).await.unwrap(), Some(call.clone()));
    let dearer = elaborate("call");
    let unknown = UnknownResources(vec![ResourceId::parse("cleo").unwrap()]);
    assert_eq!(
        store
            .put_event_type(&dearer, closure_zones(), at(1))
            .await
            .unwrap(),
        Err(unknown)
    );
    assert_eq!(store.find_event_type(&call.id).await.unwrap(), Some(call.clone()));
    put_resources(&*store, &["cleo"]).await;
    assert_eq!(
        store
            .put_event_type(&dearer, closure_zones(), at(1))
            .await
            .unwrap(),
        Ok(PutOutcome::Replaced)
    );
    assert_eq!(store.find_event_type(&call.id).await.unwrap(), Some(dearer));
    assert_eq!(database.count("SELECT count(*) FROM resources").await, 3);
    placed(&*store, with_ana(0, 30)).await;
    assert!(store.delete_event_type(&call.id, closure_zones()).await.unwrap());
    assert!(!store.delete_event_type(&call.id, closure_zones()).await.unwrap());
    assert_eq!(
        store.put_event_type(&call, closure_zones(), at(2)).await.unwrap(),
        Ok(PutOutcome::Created)
    );
}

async fn event_types_are_listed_newest_first_in_pages(database: &TestDatabase) {
    let store = database.store();
    put_resources(&*store, &["ana"]).await;
    for name in ["a", "b", "c", "d", "e"] {
        store
            .put_event_type(&event_type(name, 5000), closure_zones(), at(0))
            .await
            .unwrap()
            .unwrap();
    }
    store
        .put_event_type(&event_type("b", 6000), closure_zones(), at(1))
        .await
        .unwrap()
        .unwrap();
    let mut listed = Vec::new();
    let mut cursor = None;
    for expected in [2, 2, 1] {
        let part = store.list_event_types(&page(2, cursor)).await.unwrap();
        assert_eq!(part.entries.len(), expected);
        listed.extend(
            part.entries
                .into_iter()
                .map(|event_type| event_type.id.to_string()),
        );
        cursor = part.next;
    }
    assert_eq!(cursor, None);
    assert_eq!(listed, ["e", "d", "c", "b", "a"]);
    let end = store
        .list_event_types(&page(2, Some("made up".into())))
        .await
        .unwrap();
    assert!(end.entries.is_empty() && end.next.is_none());
}
