//! Tests which data is deleted, in which order, and how many rows at a time.

use holdfast::domain::hold::{CancelReason, Status};
use holdfast::domain::ids::EventId;
use holdfast::store::{ApplyOutcome, HoldChange, StateChange, Store};

use super::{DONE, EXPIRED, after, at, becomes, change, event, page, paid, placed, read, with_ana};
use crate::support::database::TestDatabase;

on_both_engines!(
    payloads_are_cleared_before_ids_oldest_first,
    only_guests_of_ended_holds_are_erased,
);

/// Records events at minutes 0, 1 and 2, each named after its minute.
async fn three_events(store: &dyn Store) -> HoldChange {
    let mine = placed(store, with_ana(0, 30)).await;
    let mut note = change(&mine, StateChange::Transition(paid(&mine)));
    note.step = None;
    for n in [1, 0, 2] {
        note.event = Some(event(&format!("evt_{n}")));
        note.now = at(n);
        assert_eq!(store.apply_change(&note).await.unwrap(), DONE);
    }
    note
}

async fn payloads_are_cleared_before_ids_oldest_first(database: &TestDatabase) {
    let store = database.store();
    let last = three_events(&*store).await;
    let body = async |n: i64| {
        let id = EventId::new(format!("evt_{n}"));
        store.find_event_payload(&id).await.unwrap()
    };
    assert_eq!(
        store.delete_old_events(at(9), 10).await.unwrap(),
        0,
        "the payloads still exist"
    );
    assert_eq!(
        store.clear_event_payloads(at(0), 10).await.unwrap(),
        0,
        "no event is that old"
    );
    assert_eq!(store.clear_event_payloads(at(9), 1).await.unwrap(), 1);
    assert_eq!((body(0).await, body(1).await), (None, Some("{}".to_owned())));
    assert_eq!(store.clear_event_payloads(at(2), 10).await.unwrap(), 1);
    assert_eq!((body(1).await, body(2).await), (None, Some("{}".to_owned())));
    assert_eq!(store.clear_event_payloads(at(2), 10).await.unwrap(), 0);
    let kept = store.list_events(None, &page(10, None)).await.unwrap().entries;
    assert_eq!(kept.iter().filter(|event| event.has_payload).count(), 1);

    assert_eq!(store.delete_old_events(at(9), 1).await.unwrap(), 1);
    assert_eq!(
        database
            .count("SELECT count(*) FROM stripe_events WHERE id = 'evt_0'")
            .await,
        0
    );
    let again = HoldChange {
        event: Some(event("evt_1")),
        ..last
    };
    assert_eq!(
        store.apply_change(&again).await.unwrap(),
        ApplyOutcome::Duplicate,
        "without its body it is still known"
    );
    assert_eq!(store.delete_old_events(at(9), 10).await.unwrap(), 1);
    assert_eq!(database.count("SELECT count(*) FROM stripe_events").await, 1);
    assert_eq!(body(7).await, None);
}

async fn only_guests_of_ended_holds_are_erased(database: &TestDatabase) {
    let store = database.store();
    let mut holds = Vec::new();
    for n in 0..5 {
        holds.push(placed(&*store, with_ana(30 * n, 30 * n + 30)).await);
    }
    let cancelled = Status::Cancelled(CancelReason::Operator);
    for (n, status) in [
        (1, Status::Processing),
        (2, Status::Confirmed),
        (3, EXPIRED),
        (4, cancelled),
    ] {
        after(&*store, &holds[n], becomes(&holds[n], status)).await;
    }
    let known = async || {
        let mut known = Vec::new();
        for hold in &holds {
            let booking = read(&*store, hold).await;
            assert_eq!(booking.guest.email.is_empty(), booking.guest.name.is_none());
            known.push(booking.guest.name.is_some());
        }
        known
    };
    assert_eq!(
        store.erase_guests(at(1), 10).await.unwrap(),
        0,
        "they ended at minute 1"
    );
    let before = read(&*store, &holds[3]).await;
    assert_eq!(store.erase_guests(at(2), 1).await.unwrap(), 1);
    assert_eq!(known().await.iter().filter(|known| !**known).count(), 1);
    assert_eq!(store.erase_guests(at(2), 10).await.unwrap(), 1);
    assert_eq!(store.erase_guests(at(2), 10).await.unwrap(), 0);
    assert_eq!(known().await, [true, true, true, false, false]);
    let now = read(&*store, &holds[3]).await;
    assert_eq!((now.version, now.updated_at), (before.version, before.updated_at));
}
