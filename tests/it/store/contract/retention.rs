//! Tests which data is deleted, in which order, and how many rows at a time.

use holdfast::domain::command::CommandAction;
use holdfast::domain::hold::{CancelReason, Status};
use holdfast::domain::ids::{EventId, IntentId, SessionId};
use holdfast::store::{ApplyOutcome, AttemptEnd, GuestErasure, HoldChange, LeaseRequest, StateChange, Store};

use super::{
    DONE, EXPIRED, LEASE, after, at, attempt, becomes, change, event, page, paid, payment_of, placed, read,
    with_ana,
};
use crate::support::database::TestDatabase;

on_both_engines!(
    payloads_are_cleared_before_ids_oldest_first,
    only_guests_of_ended_holds_are_erased,
    metadata_that_outlived_its_guest_is_cleared,
    released_holds_without_money_are_deleted,
    done_commands_are_deleted_and_refunds_are_kept,
    one_guest_is_erased_from_a_bounded_number_of_holds,
    open_attempts_are_listed_by_their_guest,
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
    let found = store.find_event(&EventId::new("evt_1")).await.unwrap().unwrap();
    assert_eq!((found.hold, found.has_payload), (Some(last.hold), false));
    assert!(store.find_event(&EventId::new("evt_9")).await.unwrap().is_none());
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
            assert_eq!(booking.guest.email.is_empty(), booking.metadata.is_empty());
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

/// Earlier versions erased a guest but not the metadata.
async fn metadata_that_outlived_its_guest_is_cleared(database: &TestDatabase) {
    let store = database.store();
    let mut holds = Vec::new();
    for n in 0..3 {
        let hold = placed(&*store, with_ana(30 * n, 30 * n + 30)).await;
        let status = if n == 2 { Status::Confirmed } else { EXPIRED };
        after(&*store, &hold, becomes(&hold, status)).await;
        holds.push(hold);
    }
    let forget =
        "UPDATE holds SET guest_email = NULL, guest_name = NULL, guest_id = NULL WHERE status = 'released'";
    assert_eq!(database.execute(forget).await, 2);
    let clear = async |before: i64| store.clear_leftover_metadata(at(before), 1).await.unwrap();
    assert_eq!(clear(1).await, 0, "they ended at minute 1");
    assert_eq!((clear(2).await, clear(2).await, clear(2).await), (1, 1, 0));
    let mut left = Vec::new();
    for hold in &holds {
        left.push(read(&*store, hold).await.metadata.len());
    }
    assert_eq!(left, [0, 0, 1]);
}

async fn released_holds_without_money_are_deleted(database: &TestDatabase) {
    let store = database.store();
    let mut holds = Vec::new();
    for n in 0..6 {
        holds.push(placed(&*store, with_ana(30 * n, 30 * n + 30)).await);
    }
    let cancelled = Status::Cancelled(CancelReason::Operator);
    for (n, status) in [(0, EXPIRED), (1, EXPIRED), (2, Status::Confirmed), (3, cancelled)] {
        after(&*store, &holds[n], becomes(&holds[n], status)).await;
    }
    // Hold 4 had money, which is on its way back. Hold 5 is unpaid.
    let mut late = becomes(&holds[4], EXPIRED);
    let mut payment = payment_of(&holds[4]);
    payment.give_back();
    late.next.payments.push(payment);
    after(&*store, &holds[4], late).await;
    let delete = async |before: i64| store.delete_released_holds(at(before), 1).await.unwrap();
    assert_eq!(delete(9).await, 0, "their guests are not erased yet");
    assert_eq!(store.erase_guests(at(9), 10).await.unwrap(), 4);
    assert_eq!(delete(1).await, 0, "they ended at minute 1");
    assert_eq!((delete(2).await, delete(2).await, delete(9).await), (1, 1, 0));
    let mut left = Vec::new();
    for hold in &holds {
        left.push(store.find_booking(hold.hold.id).await.unwrap().is_some());
    }
    assert_eq!(left, [false, false, true, true, true, true]);
    let orphaned = "SELECT count(*) FROM hold_history WHERE hold_id NOT IN (SELECT id FROM holds)";
    assert_eq!(database.count(orphaned).await, 0);
    assert_eq!(database.count("SELECT count(*) FROM hold_history").await, 7);
}

async fn done_commands_are_deleted_and_refunds_are_kept(database: &TestDatabase) {
    let store = database.store();
    let mine = placed(&*store, with_ana(0, 30)).await;
    let mut cancelled = becomes(&mine, Status::Cancelled(CancelReason::Operator));
    cancelled.commands = vec![
        CommandAction::ExpireSession(SessionId::new("cs_1")),
        CommandAction::ExpireSession(SessionId::new("cs_2")),
        CommandAction::ExpireSession(SessionId::new("cs_3")),
        CommandAction::Refund {
            intent: IntentId::new("pi_1"),
            money: mine.hold.price,
            order: 0,
        },
    ];
    let step = StateChange::Transition(cancelled);
    store.apply_change(&change(&mine, step)).await.unwrap();
    let request = LeaseRequest::new(at(9), LEASE, 10);
    for command in store.lease_commands(&request).await.unwrap() {
        if command.action.key() != "expire:cs_3" {
            store.finish_command(&command, at(2)).await.unwrap();
        }
    }
    let delete = async |before: i64| store.delete_done_commands(at(before), 1).await.unwrap();
    assert_eq!(delete(2).await, 0, "they were done at minute 2");
    assert_eq!((delete(3).await, delete(3).await, delete(9).await), (1, 1, 0));
    let left = "SELECT deduplication_key FROM commands ORDER BY deduplication_key";
    assert_eq!(database.texts(left).await, ["expire:cs_3", "refund:pi_1"]);
}

async fn one_guest_is_erased_from_a_bounded_number_of_holds(database: &TestDatabase) {
    let store = database.store();
    let mut other = with_ana(300, 330);
    other.guest.email = "bob@example.com".into();
    let other = placed(&*store, other).await;
    for n in 0..3 {
        let hold = placed(&*store, with_ana(30 * n, 30 * n + 30)).await;
        after(&*store, &hold, becomes(&hold, EXPIRED)).await;
    }
    let erase = async |guest: &str| store.erase_guest(guest, 2).await.unwrap();
    let erased = |holds| GuestErasure::Erased { holds, events: 0 };
    assert_eq!(erase("bob@example.com").await, GuestErasure::Unfinished);
    assert_eq!(erase("ada@example.com").await, erased(2));
    // The version before wrote a row for each guest.
    let rows =
        "INSERT INTO guests (email, held, created_at) SELECT DISTINCT guest_id, 0, created_at FROM holds
        WHERE guest_id IS NOT NULL";
    assert_eq!(database.execute(rows).await, 2);
    let guests = "SELECT email FROM guests ORDER BY email";
    assert_eq!(
        database.texts(guests).await,
        ["ada@example.com", "bob@example.com"]
    );
    assert_eq!(erase("ada@example.com").await, erased(1));
    assert_eq!(database.texts(guests).await, ["bob@example.com"]);
    assert_eq!(erase("ada@example.com").await, erased(0));
    assert_eq!(read(&*store, &other).await, other);
}

async fn open_attempts_are_listed_by_their_guest(database: &TestDatabase) {
    let store = database.store();
    let list = async |guest: &str| store.list_open_attempts(guest).await.unwrap();
    let mut mine = attempt(&with_ana(0, 30), None, "a");
    mine.terms.email = "\u{c9}lo\u{ef}se@Example.com".into();
    store.claim_attempt(&mine).await.unwrap();
    assert!(list("ada@example.com").await.is_empty());
    let found = list("\u{e9}lo\u{ef}se@example.com").await;
    assert!(found.len() == 1 && found[0] == mine.terms);
    store
        .end_attempt(mine.terms.hold, AttemptEnd::Abandoned, at(1))
        .await
        .unwrap();
    assert!(list("\u{e9}lo\u{ef}se@example.com").await.is_empty());
}
