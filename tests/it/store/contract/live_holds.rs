//! Tests how live holds are listed by what they keep busy, and counted.

use holdfast::domain::figures::LiveHolds;
use holdfast::domain::hold::Status;
use holdfast::domain::ids::{EventTypeId, ResourceId};
use holdfast::domain::listing::StatusKind;
use holdfast::domain::time::Window;

use super::{EXPIRED, after, at, becomes, booking, eur, placed, segment, with_ana};
use crate::support::database::TestDatabase;

on_both_engines!(
    live_holds_of_resources_are_listed_by_start,
    live_holds_are_counted_by_event_type_and_status,
);

/// A hold of several resources, or of several segments, is listed once, and with its buffers.
async fn live_holds_of_resources_are_listed_by_start(database: &TestDatabase) {
    let store = database.store();
    let late = placed(&*store, with_ana(120, 150)).await;
    let mut buffered = with_ana(60, 90);
    buffered.segments[0].busy = segment("ana", 30, 100).busy;
    let buffered = placed(&*store, buffered).await;
    let both = booking(vec![segment("ana", 0, 30), segment("ben", 0, 30)]);
    let both = placed(&*store, both).await;
    let ended = placed(&*store, with_ana(200, 230)).await;
    after(&*store, &ended, becomes(&ended, EXPIRED)).await;
    placed(&*store, booking(vec![segment("cleo", 0, 30)])).await;
    let ids = |names: &[&str]| -> Vec<ResourceId> {
        let ids = names.iter().map(|name| ResourceId::parse(name).unwrap());
        ids.collect()
    };
    let list = async |names: &[&str], from: i64, to: i64, limit: u32| {
        let within = Window::new(at(from), at(to)).unwrap();
        let resources = ids(names);
        let listed = store.list_live_of_resources(&resources, within, limit);
        listed.await.unwrap()
    };
    let all = [both.clone(), buffered.clone(), late];
    assert_eq!(list(&["ana", "ben"], 0, 1000, 10).await, all);
    assert_eq!(list(&["ana", "ben"], 0, 1000, 2).await, all[..2]);
    assert_eq!(list(&["ben"], 0, 1000, 10).await, [both]);
    assert_eq!(list(&["ana"], 30, 60, 10).await, [buffered], "by its buffer");
    assert_eq!(list(&["ana"], 100, 120, 10).await, [], "windows that touch");
    assert_eq!(list(&[], 0, 1000, 10).await, []);
}

async fn live_holds_are_counted_by_event_type_and_status(database: &TestDatabase) {
    let store = database.store();
    placed(&*store, with_ana(0, 30)).await;
    let mut two = booking(vec![segment("ben", 0, 60), segment("cleo", 60, 90)]);
    two.expires_at = at(10);
    placed(&*store, two).await;
    let mut class = with_ana(300, 330);
    class.event_type = EventTypeId::parse("class").unwrap();
    placed(&*store, class).await;
    for (from, to) in [(30, 60), (600, 660)] {
        let paid = placed(&*store, with_ana(from, to)).await;
        after(&*store, &paid, becomes(&paid, Status::Confirmed)).await;
    }
    let ended = placed(&*store, with_ana(700, 730)).await;
    after(&*store, &ended, becomes(&ended, EXPIRED)).await;
    let counted = store.count_live_holds(at(100)).await.unwrap();
    let row = |event_type: &str, status: StatusKind, holds: i64, minutes: i64, expiry: i64| LiveHolds {
        event_type: EventTypeId::parse(event_type).unwrap(),
        status,
        price: eur(5000 * holds),
        holds,
        units: holds,
        busy_seconds: minutes * 60,
        first_expiry: at(expiry),
    };
    let expected = [
        row("call", StatusKind::Confirmed, 1, 60, 30),
        row("call", StatusKind::Held, 2, 120, 10),
        row("class", StatusKind::Held, 1, 30, 30),
    ];
    assert_eq!(
        counted, expected,
        "what is over and what has begun does not count"
    );
}
