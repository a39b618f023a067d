//! Tests claims of idempotency keys, and attempts that no checkout finished.

use holdfast::domain::booking::Booking;
use holdfast::domain::ids::SessionId;
use holdfast::domain::refusal_code::RefusalCode;
use holdfast::store::{AttemptEnd, Claim, LatestEnd, LeaseRequest, PlaceOutcome, StaleAttempt, Store};

use super::{
    EXPIRED, LEASE, after, age_leases, anyone, at, attempt, becomes, claim_and_place, find_claim,
    first_units, key, placed, read, with_ana,
};
use crate::support::database::TestDatabase;

on_both_engines!(
    a_key_is_free_then_running_and_refuses_another_body,
    a_claim_that_is_repeated_for_the_same_hold_is_still_free,
    attempts_without_a_key_are_independent,
    key_returns_its_hold_while_live_and_is_free_afterwards,
    key_is_free_again_after_its_attempt_fails_or_is_unsettled,
    one_of_many_requests_with_one_key_continues,
    stale_attempt_is_leased_once_and_cannot_place_its_hold,
    an_unsettled_attempt_is_due_at_once_and_a_deferred_one_later,
    checkout_cannot_close_an_attempt_that_the_sweep_leased,
    stray_session_gets_one_expire_command,
    a_placed_hold_is_not_abandoned,
    ended_attempts_are_deleted_and_open_ones_are_kept,
    latest_attempts_are_listed_with_their_refusals,
    place_repeated_after_the_hold_ended_takes_nothing,
);

async fn claim(store: &dyn Store, booking: &Booking, name: &str, body: &str) -> Claim {
    store
        .claim_attempt(&attempt(booking, Some(name), body))
        .await
        .unwrap()
}

/// Leases the attempts that are to be recovered at this minute.
async fn lease_stale(store: &dyn Store, minute: i64) -> Vec<StaleAttempt> {
    let request = LeaseRequest::new(at(minute), LEASE, 10);
    store.lease_stale_attempts(&request).await.unwrap()
}

async fn a_key_is_free_then_running_and_refuses_another_body(database: &TestDatabase) {
    let store = database.store();
    let look = async |body: &str| find_claim(&*store, &key("k"), body).await;
    assert_eq!(look("a").await, Claim::Free);
    assert_eq!(claim(&*store, &with_ana(0, 30), "k", "a").await, Claim::Free);
    assert_eq!(claim(&*store, &with_ana(0, 30), "k", "a").await, Claim::Running);
    assert_eq!(look("a").await, Claim::Running);
    assert_eq!(claim(&*store, &with_ana(0, 30), "k", "b").await, Claim::Mismatch);
    assert_eq!(look("b").await, Claim::Mismatch);
    assert_eq!(claim(&*store, &with_ana(0, 30), "other", "b").await, Claim::Free);
    assert_eq!(database.count("SELECT count(*) FROM checkout_attempts").await, 2);
}

async fn a_claim_that_is_repeated_for_the_same_hold_is_still_free(database: &TestDatabase) {
    let store = database.store();
    let mine = with_ana(0, 30);
    for name in [Some("k"), Some("k")] {
        let claim = store.claim_attempt(&attempt(&mine, name, "a")).await.unwrap();
        assert_eq!(claim, Claim::Free);
    }
    let keyless = with_ana(0, 30);
    for _ in 0..2 {
        let claim = store.claim_attempt(&attempt(&keyless, None, "a")).await.unwrap();
        assert_eq!(claim, Claim::Free);
    }
    assert_eq!(database.count("SELECT count(*) FROM checkout_attempts").await, 2);
}

async fn attempts_without_a_key_are_independent(database: &TestDatabase) {
    let store = database.store();
    for _ in 0..2 {
        let claim = store
            .claim_attempt(&attempt(&with_ana(0, 30), None, "a"))
            .await
            .unwrap();
        assert_eq!(claim, Claim::Free);
    }
}

async fn key_returns_its_hold_while_live_and_is_free_afterwards(database: &TestDatabase) {
    let store = database.store();
    let mine = with_ana(0, 30);
    claim(&*store, &mine, "k", "a").await;
    assert_eq!(
        store
            .place_hold(&mine, &first_units(&mine), &anyone())
            .await
            .unwrap(),
        PlaceOutcome::Placed
    );
    let answer = Claim::Placed(mine.hold.id);
    assert_eq!(claim(&*store, &with_ana(0, 30), "k", "a").await, answer);
    assert_eq!(find_claim(&*store, &key("k"), "a").await, answer);
    assert_eq!(claim(&*store, &with_ana(0, 30), "k", "b").await, Claim::Mismatch);

    after(&*store, &mine, becomes(&mine, EXPIRED)).await;
    assert_eq!(find_claim(&*store, &key("k"), "b").await, Claim::Free);
    assert_eq!(claim(&*store, &with_ana(0, 30), "k", "b").await, Claim::Free);
    assert_eq!(find_claim(&*store, &key("k"), "b").await, Claim::Running);
}

async fn key_is_free_again_after_its_attempt_fails_or_is_unsettled(database: &TestDatabase) {
    let store = database.store();
    placed(&*store, with_ana(0, 30)).await;
    let loser = with_ana(0, 30);
    claim(&*store, &loser, "lost", "a").await;
    assert!(matches!(
        store
            .place_hold(&loser, &first_units(&loser), &anyone())
            .await
            .unwrap(),
        PlaceOutcome::SlotTaken
    ));
    let lost = store
        .close_lost_attempt(loser.hold.id, &loser.hold.session, at(1))
        .await;
    assert!(lost.unwrap().is_some());
    for (name, end) in [
        ("abandoned", AttemptEnd::Abandoned),
        ("unsettled", AttemptEnd::Unsettled),
    ] {
        let booking = with_ana(0, 30);
        claim(&*store, &booking, name, "a").await;
        store.end_attempt(booking.hold.id, end, at(1)).await.unwrap();
    }
    for name in ["lost", "abandoned", "unsettled"] {
        assert_eq!(find_claim(&*store, &key(name), "b").await, Claim::Free, "{name}");
        assert_eq!(
            claim(&*store, &with_ana(0, 30), name, "b").await,
            Claim::Free,
            "{name}"
        );
        assert_eq!(
            claim(&*store, &with_ana(0, 30), name, "b").await,
            Claim::Running,
            "{name}"
        );
    }
}

/// S27 for idempotency keys: concurrent requests with one key, the cause of S3.
async fn one_of_many_requests_with_one_key_continues(database: &TestDatabase) {
    // One key is new, the other belongs to an attempt that has ended.
    let store = database.store();
    let over = with_ana(0, 30);
    claim(&*store, &over, "used", "a").await;
    store
        .end_attempt(over.hold.id, AttemptEnd::Abandoned, at(1))
        .await
        .unwrap();
    for name in ["new", "used"] {
        let claims = (0..16).map(|_| {
            let store = database.store();
            tokio::spawn(async move { claim(&*store, &with_ana(0, 30), name, "a").await })
        });
        let mut free = 0;
        for claim in claims.collect::<Vec<_>>() {
            match claim.await.unwrap() {
                Claim::Free => free += 1,
                other => assert_eq!(other, Claim::Running, "{name}"),
            }
        }
        assert_eq!(free, 1, "{name}");
    }
}

async fn stale_attempt_is_leased_once_and_cannot_place_its_hold(database: &TestDatabase) {
    let store = database.store();
    let mine = with_ana(0, 30);
    claim(&*store, &mine, "k", "a").await;
    let lease = async || lease_stale(&*store, 20).await;
    assert!(lease().await.is_empty(), "its checkout is running");
    age_leases(database, "checkout_attempts").await;
    let stale = lease().await;
    assert_eq!(stale.len(), 1);
    assert!(stale[0].terms == attempt(&mine, None, "a").terms);
    assert_eq!(stale[0].tries, 0);
    assert!(lease().await.is_empty(), "leased");
    assert_eq!(
        store
            .place_hold(&mine, &first_units(&mine), &anyone())
            .await
            .unwrap(),
        PlaceOutcome::AttemptClosed
    );
    age_leases(database, "checkout_attempts").await;
    assert_eq!(lease().await.len(), 1, "the lease ran out");
}

async fn an_unsettled_attempt_is_due_at_once_and_a_deferred_one_later(database: &TestDatabase) {
    let store = database.store();
    let mine = with_ana(0, 30);
    claim(&*store, &mine, "k", "a").await;
    store
        .end_attempt(mine.hold.id, AttemptEnd::Unsettled, at(5))
        .await
        .unwrap();
    let lease = async |now: i64| lease_stale(&*store, now).await;
    assert!(lease(4).await.is_empty(), "not due yet");
    assert_eq!(lease(5).await.len(), 1);
    store
        .end_attempt(mine.hold.id, AttemptEnd::Unsettled, at(5))
        .await
        .unwrap();
    assert!(
        lease(5).await.is_empty(),
        "ending it again does not free the lease"
    );
    store.defer_attempt(mine.hold.id, at(9)).await.unwrap();
    assert!(lease(8).await.is_empty(), "deferred");
    let again = lease(9).await;
    assert_eq!(again[0].tries, 1);
    store
        .end_attempt(mine.hold.id, AttemptEnd::NoSession, at(10))
        .await
        .unwrap();
    age_leases_if_any(database).await;
    assert!(lease(60).await.is_empty(), "over");
    assert_eq!(
        database
            .count("SELECT count(*) FROM checkout_attempts WHERE terms IS NOT NULL")
            .await,
        0
    );
}

/// A slow checkout reports that its own call made no session, but the call of the sweep may have made one.
async fn checkout_cannot_close_an_attempt_that_the_sweep_leased(database: &TestDatabase) {
    let store = database.store();
    let mine = with_ana(0, 30);
    claim(&*store, &mine, "k", "a").await;
    let lease = async || lease_stale(&*store, 20).await.len();
    age_leases(database, "checkout_attempts").await;
    assert_eq!(lease().await, 1);
    store
        .end_attempt(mine.hold.id, AttemptEnd::Abandoned, at(21))
        .await
        .unwrap();
    assert_eq!(lease().await, 0, "still leased");
    age_leases(database, "checkout_attempts").await;
    assert_eq!(
        lease().await,
        1,
        "the next sweep leases it after the first one died"
    );
}

async fn age_leases_if_any(database: &TestDatabase) {
    database
        .execute("UPDATE checkout_attempts SET leased_until = NULL")
        .await;
}

async fn stray_session_gets_one_expire_command(database: &TestDatabase) {
    let store = database.store();
    let mine = with_ana(0, 30);
    claim(&*store, &mine, "k", "a").await;
    age_leases(database, "checkout_attempts").await;
    lease_stale(&*store, 10).await;
    let session = SessionId::new("cs_stray");
    let first = store
        .abandon_attempt(mine.hold.id, &session, at(11))
        .await
        .unwrap();
    let again = store
        .abandon_attempt(mine.hold.id, &session, at(12))
        .await
        .unwrap();
    assert_eq!(first, again);
    assert_eq!(database.count("SELECT count(*) FROM commands").await, 1);
    let abandoned = "SELECT count(*) FROM checkout_attempts WHERE state = 'abandoned'";
    assert_eq!(database.count(abandoned).await, 1);
}

async fn a_placed_hold_is_not_abandoned(database: &TestDatabase) {
    let store = database.store();
    let mine = placed(&*store, with_ana(0, 30)).await;
    store
        .end_attempt(mine.hold.id, AttemptEnd::Abandoned, at(1))
        .await
        .unwrap();
    store
        .end_attempt(mine.hold.id, AttemptEnd::Unsettled, at(1))
        .await
        .unwrap();
    store
        .abandon_attempt(mine.hold.id, &mine.hold.session, at(1))
        .await
        .unwrap_err();
    assert_eq!(database.count("SELECT count(*) FROM commands").await, 0);
    assert_eq!(read(&*store, &mine).await, mine);
    assert!(lease_stale(&*store, 60).await.is_empty());
}

async fn ended_attempts_are_deleted_and_open_ones_are_kept(database: &TestDatabase) {
    let store = database.store();
    // One placed and two lost attempts that ended at minute 0, and one that still runs.
    placed(&*store, with_ana(0, 30)).await;
    for loser in [with_ana(0, 30), with_ana(0, 30)] {
        claim_and_place(&*store, &loser).await;
        store
            .close_lost_attempt(loser.hold.id, &loser.hold.session, at(0))
            .await
            .unwrap();
    }
    claim(&*store, &with_ana(0, 30), "k", "a").await;
    assert_eq!(store.delete_old_attempts(at(0), 10).await.unwrap(), 0);
    assert_eq!(store.delete_old_attempts(at(1), 2).await.unwrap(), 2);
    assert_eq!(store.delete_old_attempts(at(1), 2).await.unwrap(), 1);
    assert_eq!(database.count("SELECT count(*) FROM checkout_attempts").await, 1);
    assert_eq!(database.count("SELECT count(*) FROM holds").await, 1);
}

async fn latest_attempts_are_listed_with_their_refusals(database: &TestDatabase) {
    let store = database.store();
    assert!(store.list_latest_ends(20).await.unwrap().is_empty());
    let too_small = AttemptEnd::Refused(RefusalCode::classify(400, Some("amount_too_small"), None));
    let key_refused = AttemptEnd::Refused(RefusalCode::classify(401, None, None));
    for (minute, end) in [
        (3, key_refused),
        (1, too_small),
        (2, AttemptEnd::Abandoned),
        (4, AttemptEnd::Unsettled),
    ] {
        let booking = with_ana(0, 30);
        claim(&*store, &booking, &minute.to_string(), "a").await;
        store.end_attempt(booking.hold.id, end, at(minute)).await.unwrap();
        // An attempt ends once.
        store
            .end_attempt(booking.hold.id, key_refused, at(9))
            .await
            .unwrap();
    }
    claim(&*store, &with_ana(0, 30), "running", "a").await;
    let latest = store.list_latest_ends(20).await.unwrap();
    let latest: Vec<_> = latest
        .iter()
        .map(|end| (end.refusal.as_deref(), end.has_session))
        .collect();
    let refused = |code| (Some(code), false);
    assert_eq!(
        latest,
        [refused("key_refused"), (None, false), refused("amount_too_small")]
    );
    assert_eq!(store.list_latest_ends(2).await.unwrap().len(), 2);
    let booking = with_ana(0, 30);
    claim(&*store, &booking, "lost", "a").await;
    store
        .close_lost_attempt(booking.hold.id, &booking.hold.session, at(5))
        .await
        .unwrap();
    let lost = LatestEnd {
        refusal: None,
        has_session: true,
    };
    assert_eq!(store.list_latest_ends(1).await.unwrap(), [lost]);
    assert_eq!(find_claim(&*store, &key("1"), "b").await, Claim::Free);
}

/// The answer of a call was lost. Before it is repeated, the hold ends and its slot is free.
async fn place_repeated_after_the_hold_ended_takes_nothing(database: &TestDatabase) {
    let store = database.store();
    let mine = placed(&*store, with_ana(60, 120)).await;
    after(&*store, &mine, becomes(&mine, EXPIRED)).await;
    let again = store.place_hold(&mine, &first_units(&mine), &anyone()).await;
    assert_eq!(again.unwrap(), PlaceOutcome::Placed);
    for rows in ["occupancy", "allowances"] {
        let count = format!("SELECT count(*) FROM {rows}");
        assert_eq!(database.count(&count).await, 0, "{rows}");
    }
    placed(&*store, with_ana(60, 120)).await;
}
