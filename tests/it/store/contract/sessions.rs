//! Tests which session a key is tried with, and the count of what is left to do in Stripe's other mode.

use chrono::{DateTime, Utc};
use holdfast::domain::booking::Booking;
use holdfast::domain::catalogue::Resource;
use holdfast::domain::figures::OtherModeWork;
use holdfast::domain::hold::Status;
use holdfast::domain::ids::{HoldId, ResourceId, SessionId};
use holdfast::store::{AttemptEnd, NewAttempt, OrphanPayment, SessionSearch, Store};
use uuid::Uuid;

use super::{EXPIRED, after, at, attempt, becomes, claim_and_place, orphan, paid, placed, with_ana};
use crate::support::database::TestDatabase;

on_both_engines!(
    newest_session_is_of_the_keys_mode,
    newest_unpaid_session_is_of_a_live_hold,
    work_of_the_other_mode_is_counted_by_kind,
    finished_work_of_the_other_mode_does_not_count,
);

/// The id of the n-th hold; ids of holds grow with time.
fn id(n: u128) -> HoldId {
    HoldId(Uuid::from_u128((1_800_000_000_000 + n) << 80))
}

/// Writes the resource, as every shop does before it sells.
async fn put_ana(store: &dyn Store) {
    let ana = Resource {
        id: ResourceId::parse("ana").unwrap(),
        name: "Ana".into(),
        capacity: 1,
    };
    store.put_resource(&ana, at(0)).await.unwrap();
}

/// Places the n-th hold, with this session.
async fn hold(store: &dyn Store, n: u128, session: &str) -> Booking {
    let start = i64::try_from(n).unwrap() * 30;
    let mut booking = with_ana(start, start + 30);
    booking.hold.id = id(n);
    booking.hold.session = SessionId::new(session);
    placed(store, booking).await
}

async fn newest(
    store: &dyn Store,
    livemode: bool,
    older_than: Option<HoldId>,
    except: &str,
) -> Option<String> {
    let search = SessionSearch {
        livemode,
        older_than,
        except: Some(SessionId::new(except)),
    };
    let found = store.find_newest_session(&search).await.unwrap();
    found.map(|session| session.id.to_string())
}

async fn newest_session_is_of_the_keys_mode(database: &TestDatabase) {
    let store = database.store();
    assert_eq!(newest(&*store, false, None, "").await, None);
    let first = hold(&*store, 1, "cs_test_1").await;
    hold(&*store, 2, "cs_live_2").await;
    after(&*store, &first, becomes(&first, EXPIRED)).await;
    hold(&*store, 3, "cs_3").await;
    hold(&*store, 4, "cs_test_4").await;
    store
        .abandon_attempt(id(5), &SessionId::new("cs_live_5"), at(9))
        .await
        .unwrap();
    let found = async |livemode, older_than, except| newest(&*store, livemode, older_than, except).await;
    assert_eq!(found(false, None, "").await.as_deref(), Some("cs_test_4"));
    assert_eq!(
        found(false, None, "cs_test_4").await.as_deref(),
        Some("cs_3"),
        "it may be of either mode"
    );
    assert_eq!(found(false, Some(id(3)), "").await.as_deref(), Some("cs_test_1"));
    assert_eq!(found(false, Some(id(1)), "").await, None);
    assert_eq!(found(true, Some(id(3)), "").await.as_deref(), Some("cs_live_2"));
    assert_eq!(
        found(true, None, "cs_3").await.as_deref(),
        Some("cs_live_2"),
        "a command's session does not count"
    );
}

async fn newest_unpaid_session_is_of_a_live_hold(database: &TestDatabase) {
    let store = database.store();
    let found = async |livemode| {
        let session = store.find_newest_unpaid_session(livemode).await.unwrap();
        session.map(|session| session.to_string())
    };
    assert_eq!(found(false).await, None);
    hold(&*store, 1, "cs_test_1").await;
    let slow = hold(&*store, 2, "cs_test_2").await;
    after(&*store, &slow, becomes(&slow, Status::Processing)).await;
    let over = hold(&*store, 3, "cs_test_3").await;
    after(&*store, &over, becomes(&over, EXPIRED)).await;
    let sold = hold(&*store, 4, "cs_test_4").await;
    after(&*store, &sold, paid(&sold)).await;
    assert_eq!(
        (found(false).await.as_deref(), found(true).await),
        (Some("cs_test_2"), None)
    );
}

/// Claims an attempt of live mode that is not finished.
async fn open_attempt(store: &dyn Store, n: u128, end: Option<AttemptEnd>) {
    let mut booking = with_ana(600, 630);
    booking.hold.id = id(n);
    let live = NewAttempt {
        livemode: true,
        ..attempt(&booking, None, "body")
    };
    store.claim_attempt(&live).await.unwrap();
    if let Some(end) = end {
        store.end_attempt(booking.hold.id, end, at(1)).await.unwrap();
    }
}

async fn record_orphan(store: &dyn Store, intent: &str, livemode: bool) {
    let orphan = OrphanPayment {
        livemode,
        ..orphan(None, None, intent)
    };
    store.record_orphan_payment(&orphan).await.unwrap();
}

async fn work_of_the_other_mode_is_counted_by_kind(database: &TestDatabase) {
    let store = database.store();
    let count =
        async |livemode, now: DateTime<Utc>| store.count_other_mode_work(livemode, now).await.unwrap();
    let none = OtherModeWork::default();
    assert_eq!(
        (count(false, at(0)).await, count(true, at(0)).await),
        (none, none)
    );
    put_ana(&*store).await;
    hold(&*store, 1, "cs_live_1").await;
    let slow = hold(&*store, 2, "cs_live_2").await;
    after(&*store, &slow, becomes(&slow, Status::Processing)).await;
    for (n, session) in [(3, "cs_live_3"), (4, "cs_live_4"), (5, "cs_test_5")] {
        let sold = hold(&*store, n, session).await;
        after(&*store, &sold, paid(&sold)).await;
    }
    open_attempt(&*store, 6, None).await;
    open_attempt(&*store, 7, Some(AttemptEnd::Unsettled)).await;
    store
        .abandon_attempt(id(8), &SessionId::new("cs_live_8"), at(1))
        .await
        .unwrap();
    record_orphan(&*store, "pi_live", true).await;
    record_orphan(&*store, "pi_test", false).await;
    let live = OtherModeWork {
        held: 1,
        processing: 1,
        future_bookings: 2,
        attempts: 2,
        commands: 2,
    };
    assert_eq!(count(false, at(0)).await, live);
    assert_eq!(
        count(false, at(90)).await.future_bookings,
        1,
        "the first of them has begun"
    );
    let test = OtherModeWork {
        future_bookings: 1,
        commands: 1,
        ..none
    };
    assert_eq!(count(true, at(0)).await, test);
}

async fn finished_work_of_the_other_mode_does_not_count(database: &TestDatabase) {
    let store = database.store();
    put_ana(&*store).await;
    let over = hold(&*store, 1, "cs_live_1").await;
    after(&*store, &over, becomes(&over, EXPIRED)).await;
    let past = hold(&*store, 2, "cs_live_2").await;
    after(&*store, &past, paid(&past)).await;
    open_attempt(&*store, 3, Some(AttemptEnd::Abandoned)).await;
    let done = store
        .abandon_attempt(id(4), &SessionId::new("cs_live_4"), at(1))
        .await
        .unwrap();
    let done = store.find_command(done).await.unwrap().unwrap();
    store.finish_command(&done, at(2)).await.unwrap();
    let mut known = with_ana(900, 930);
    known.hold.session = SessionId::new("cs_without_mode");
    claim_and_place(&*store, &known).await;
    assert_eq!(
        store.count_other_mode_work(false, at(500)).await.unwrap(),
        OtherModeWork::default()
    );
}
