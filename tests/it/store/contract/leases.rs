//! Tests leases on holds: only the process with the lease asks Stripe about a hold.

use holdfast::clock::SystemClock;
use holdfast::domain::booking::Booking;
use holdfast::domain::hold::{ReleaseRequester, Status};
use holdfast::domain::ids::HoldId;
use holdfast::domain::time::Clock;
use holdfast::store::{LeaseRequest, ReleaseLease, Store};
use uuid::Uuid;

use super::{EXPIRED, LEASE, after, age_leases, at, becomes, booking, placed, read, segment, with_ana};
use crate::support::database::TestDatabase;

on_both_engines!(
    a_held_hold_is_leased_to_one_until_the_lease_runs_out,
    only_held_holds_are_leased_for_release,
    release_requester_is_kept_until_it_is_cleared,
    due_holds_are_leased_oldest_first_and_once,
    concurrent_workers_lease_each_due_hold_once,
    a_deferred_hold_is_due_later_and_its_try_is_counted,
    a_lease_on_demand_never_makes_a_hold_due_later,
    the_clock_of_the_database_is_read,
);

/// Leases at most `limit` holds that are due at this minute.
async fn lease_due(store: &dyn Store, minute: i64, limit: u32) -> Vec<Booking> {
    let request = LeaseRequest::new(at(minute), LEASE, limit);
    store.lease_due_holds(&request).await.unwrap()
}

async fn a_held_hold_is_leased_to_one_until_the_lease_runs_out(database: &TestDatabase) {
    let (store, other) = (database.store(), database.another_store().await);
    let mine = placed(&*store, with_ana(0, 30)).await;
    let lease = store.lease_release(mine.hold.id, None, LEASE).await.unwrap();
    let ReleaseLease::Leased(leased) = lease else {
        panic!("it is free: {lease:?}");
    };
    assert_eq!(leased, mine, "a lease does not touch the version");
    let second = other.lease_release(mine.hold.id, None, LEASE).await.unwrap();
    assert!(matches!(second, ReleaseLease::LeasedElsewhere), "{second:?}");
    age_leases(database, "holds").await;
    let third = other.lease_release(mine.hold.id, None, LEASE).await.unwrap();
    assert!(matches!(third, ReleaseLease::Leased(_)), "{third:?}");
}

async fn only_held_holds_are_leased_for_release(database: &TestDatabase) {
    let store = database.store();
    let nobody = HoldId(Uuid::new_v4());
    let missing = store
        .lease_release(nobody, Some(ReleaseRequester::Guest), LEASE)
        .await
        .unwrap();
    assert!(matches!(missing, ReleaseLease::Missing), "{missing:?}");
    for (n, status) in [Status::Processing, Status::Confirmed, EXPIRED]
        .into_iter()
        .enumerate()
    {
        let from = 30 * i64::try_from(n).unwrap();
        let mine = placed(&*store, with_ana(from, from + 30)).await;
        let mine = after(&*store, &mine, becomes(&mine, status)).await;
        let lease = store
            .lease_release(mine.hold.id, Some(ReleaseRequester::Guest), LEASE)
            .await
            .unwrap();
        let ReleaseLease::NotHeld(found) = lease else {
            panic!("{status:?}: {lease:?}");
        };
        assert_eq!(found, mine, "no requester is recorded");
    }
}

async fn release_requester_is_kept_until_it_is_cleared(database: &TestDatabase) {
    let store = database.store();
    let mine = placed(&*store, with_ana(0, 30)).await;
    let id = mine.hold.id;
    store
        .lease_release(id, Some(ReleaseRequester::Guest), LEASE)
        .await
        .unwrap();
    store
        .lease_release(id, Some(ReleaseRequester::Operator), LEASE)
        .await
        .unwrap();
    assert_eq!(
        read(&*store, &mine).await.hold.requested_by,
        Some(ReleaseRequester::Guest),
        "the second caller got no lease"
    );
    store.defer_hold(id, at(31), false).await.unwrap();
    store.lease_release(id, None, LEASE).await.unwrap();
    assert_eq!(
        read(&*store, &mine).await.hold.requested_by,
        Some(ReleaseRequester::Guest)
    );
    store.defer_hold(id, at(31), true).await.unwrap();
    assert_eq!(read(&*store, &mine).await.hold.requested_by, None);
}

async fn due_holds_are_leased_oldest_first_and_once(database: &TestDatabase) {
    let (store, other) = (database.store(), database.another_store().await);
    let mut due = Vec::new();
    for (n, due_at) in [5, 3, 4, 60].into_iter().enumerate() {
        let mut mine = booking(vec![segment(&format!("room-{n}"), 0, 30)]);
        mine.due_at = Some(at(due_at));
        due.push(placed(&*store, mine).await);
    }
    let processing = after(&*store, &due[2], becomes(&due[2], Status::Processing)).await;
    let two = lease_due(&*store, 5, 2).await;
    assert_eq!(two, [due[1].clone(), processing]);
    let rest = lease_due(&*other, 5, 10).await;
    assert_eq!(rest, [due[0].clone()]);
    assert!(lease_due(&*store, 5, 10).await.is_empty());
    let busy = store.lease_release(due[0].hold.id, None, LEASE).await.unwrap();
    assert!(
        matches!(busy, ReleaseLease::LeasedElsewhere),
        "sweep and release share one lease: {busy:?}"
    );
    age_leases(database, "holds").await;
    assert_eq!(lease_due(&*store, 5, 10).await.len(), 3);
}

/// S25: two workers never get the same hold.
async fn concurrent_workers_lease_each_due_hold_once(database: &TestDatabase) {
    let store = database.store();
    for n in 0..40 {
        placed(&*store, booking(vec![segment(&format!("room-{n}"), 0, 30)])).await;
    }
    let workers = (0..8).map(|_| {
        let store = database.store();
        tokio::spawn(async move {
            let mut mine = Vec::new();
            loop {
                let leased = lease_due(&*store, 30, 3).await;
                if leased.is_empty() {
                    return mine;
                }
                mine.extend(leased.into_iter().map(|booking| booking.hold.id));
            }
        })
    });
    let mut leased = Vec::new();
    for worker in workers.collect::<Vec<_>>() {
        leased.extend(worker.await.unwrap());
    }
    // A worker may stop while other workers have locked the remaining rows, so the rest is leased here.
    leased.extend(
        lease_due(&*store, 30, 100)
            .await
            .iter()
            .map(|booking| booking.hold.id),
    );
    assert_eq!(leased.len(), 40);
    leased.sort();
    leased.dedup();
    assert_eq!(leased.len(), 40, "one was leased twice");
}

async fn a_deferred_hold_is_due_later_and_its_try_is_counted(database: &TestDatabase) {
    let store = database.store();
    let mine = placed(&*store, with_ana(0, 30)).await;
    lease_due(&*store, 30, 1).await;
    store.defer_hold(mine.hold.id, at(40), false).await.unwrap();
    assert!(lease_due(&*store, 39, 1).await.is_empty());
    let again = lease_due(&*store, 40, 1).await;
    assert_eq!((again[0].tries, again[0].version), (1, 1));
    let confirmed = after(&*store, &mine, becomes(&mine, Status::Confirmed)).await;
    store.defer_hold(mine.hold.id, at(50), true).await.unwrap();
    assert_eq!(read(&*store, &mine).await, confirmed, "nothing to defer");
}

/// Requests without an answer from Stripe, however many, do not make the sweep wait.
async fn a_lease_on_demand_never_makes_a_hold_due_later(database: &TestDatabase) {
    let store = database.store();
    let mine = placed(&*store, with_ana(0, 30)).await;
    let id = mine.hold.id;
    for (due_at, forgets, due) in [(50, false, 30), (30, true, 30), (20, false, 20), (25, false, 20)] {
        let lease = store.lease_release(id, Some(ReleaseRequester::Guest), LEASE);
        assert!(matches!(lease.await.unwrap(), ReleaseLease::Leased(_)));
        store.return_lease(id, at(due_at), forgets).await.unwrap();
        let shown = read(&*store, &mine).await;
        assert_eq!((shown.due_at, shown.tries), (Some(at(due)), 0));
        assert_eq!(shown.hold.requested_by.is_none(), forgets);
    }
    assert!(lease_due(&*store, 19, 1).await.is_empty());
    assert_eq!(lease_due(&*store, 20, 1).await.len(), 1);
    // Each request made a new version.
    let mine = read(&*store, &mine).await;
    let confirmed = after(&*store, &mine, becomes(&mine, Status::Confirmed)).await;
    store.return_lease(id, at(10), true).await.unwrap();
    assert_eq!(read(&*store, &mine).await, confirmed, "nothing to give back");
}

/// The test's database runs on this machine, or on one with the right time.
async fn the_clock_of_the_database_is_read(database: &TestDatabase) {
    let store = database.store();
    let first = store.read_clock().await.unwrap();
    let second = store.read_clock().await.unwrap();
    assert!(first <= second, "{first} {second}");
    assert_eq!(first.timestamp_subsec_nanos() % 1_000_000, 0, "{first}");
    let apart = (SystemClock.now() - second).num_seconds().abs();
    assert!(apart < 60, "{apart} s");
}
