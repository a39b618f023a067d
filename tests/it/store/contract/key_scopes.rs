//! Tests the scopes of idempotency keys: one text is another key in another network, and a key from before keys had scopes
//! is known in each of them.

use holdfast::domain::booking::{Booking, NetworkId};
use holdfast::domain::key_scope::{KeyScope, ScopedKey};
use holdfast::store::{AttemptEnd, Claim, NewAttempt, Store};

use super::{anyone, at, attempt, find_claim, first_units, key, scoped_key, with_ana};
use crate::support::database::TestDatabase;

on_both_engines!(
    key_of_a_network_is_unknown_in_other_networks,
    key_from_before_scopes_is_known_in_every_scope,
);

fn key_in(network: &str) -> ScopedKey {
    scoped_key("order-17", KeyScope::Network(NetworkId(network.to_owned())))
}

async fn claim_in(store: &dyn Store, booking: &Booking, key: ScopedKey, body: &str) -> Claim {
    let attempt = NewAttempt {
        key: Some(key),
        ..attempt(booking, None, body)
    };
    store.claim_attempt(&attempt).await.unwrap()
}

async fn key_of_a_network_is_unknown_in_other_networks(database: &TestDatabase) {
    let store = database.store();
    let mine = with_ana(0, 30);
    assert_eq!(claim_in(&*store, &mine, key_in("here"), "a").await, Claim::Free);
    let look = async |key: ScopedKey| find_claim(&*store, &key, "a").await;
    assert_eq!(look(key_in("here")).await, Claim::Running);
    assert_eq!(look(key_in("there")).await, Claim::Free);
    assert_eq!(look(key("order-17")).await, Claim::Free);
    let there = claim_in(&*store, &with_ana(30, 60), key_in("there"), "b").await;
    assert_eq!(there, Claim::Free);
    store
        .place_hold(&mine, &first_units(&mine), &anyone())
        .await
        .unwrap();
    assert_eq!(look(key_in("here")).await, Claim::Placed(mine.hold.id));
    assert_eq!(look(key_in("there")).await, Claim::Mismatch);
}

async fn key_from_before_scopes_is_known_in_every_scope(database: &TestDatabase) {
    let store = database.store();
    let before = with_ana(0, 30);
    assert_eq!(
        claim_in(&*store, &before, key("order-17"), "a").await,
        Claim::Free
    );
    // As the version before stored it.
    let as_sent = "UPDATE checkout_attempts SET idempotency_key = 'order-17'";
    assert_eq!(database.execute(as_sent).await, 1);
    for network in ["here", "there"] {
        let again = claim_in(&*store, &with_ana(0, 30), key_in(network), "a").await;
        assert_eq!(again, Claim::Running, "{network}");
        let other = claim_in(&*store, &with_ana(0, 30), key_in(network), "b").await;
        assert_eq!(other, Claim::Mismatch, "{network}");
    }
    store
        .end_attempt(before.hold.id, AttemptEnd::Abandoned, at(1))
        .await
        .unwrap();
    for network in ["here", "there"] {
        let free = claim_in(&*store, &with_ana(0, 30), key_in(network), "a").await;
        assert_eq!(free, Claim::Free, "{network}");
        let again = claim_in(&*store, &with_ana(0, 30), key_in(network), "a").await;
        assert_eq!(again, Claim::Running, "{network}");
    }
    assert_eq!(find_claim(&*store, &key("order-17"), "a").await, Claim::Free);
}
