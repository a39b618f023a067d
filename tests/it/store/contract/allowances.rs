//! Tests that a limit on unpaid holds is exact, that an allowance ends with its hold, and which lapses are read.

use std::sync::Arc;

use holdfast::domain::booking::{Booking, ClientId};
use holdfast::domain::hold::{CancelReason, ReleaseReason, Status};
use holdfast::domain::hold_limit::{AllowanceOffer, HoldLimit, LimitScope};
use holdfast::store::{Claim, HoldLimits, LapseQuery, LimitUsageQuery, PlaceOutcome, Store};

use super::{EXPIRED, after, at, attempt, becomes, first_units, offer, read, winners, with_ana};
use crate::support::database::TestDatabase;

on_both_engines!(
    free_number_is_taken_and_limit_refuses_the_next,
    allowances_end_with_the_unpaid_status,
    concurrent_holds_never_exceed_a_limit,
    only_the_numbers_asked_for_and_above_the_limit_are_read,
    ends_of_a_client_are_read_newest_first,
);

fn limits(allowances: Vec<AllowanceOffer>, waits: bool) -> HoldLimits {
    HoldLimits {
        client: Some(ClientId("here".to_owned())),
        allowances,
        waits,
    }
}

async fn place(store: &dyn Store, booking: &Booking, limits: &HoldLimits) -> PlaceOutcome {
    let claim = store.claim_attempt(&attempt(booking, None, "body")).await;
    assert_eq!(claim.unwrap(), Claim::Free);
    store
        .place_hold(booking, &first_units(booking), limits)
        .await
        .unwrap()
}

/// Places a hold of half an hour that starts at the n-th half hour.
async fn placed(store: &dyn Store, n: i64) -> Booking {
    let booking = with_ana(30 * n, 30 * n + 30);
    let offers = vec![offer(LimitScope::Client, &(1..=64).collect::<Vec<_>>())];
    let outcome = place(store, &booking, &limits(offers, false)).await;
    assert_eq!(outcome, PlaceOutcome::Placed);
    booking
}

async fn free_number_is_taken_and_limit_refuses_the_next(database: &TestDatabase) {
    let store = database.store();
    let offers = || {
        vec![
            offer(LimitScope::Guest, &[2, 1]),
            offer(LimitScope::Network, &[7]),
            offer(LimitScope::Email, &[1, 2, 3]),
        ]
    };
    let first = limits(offers(), false);
    assert_eq!(
        place(&*store, &with_ana(0, 30), &first).await,
        PlaceOutcome::Placed
    );
    let taken = "SELECT scope || number FROM allowances ORDER BY scope";
    assert_eq!(database.texts(taken).await, ["email1", "guest2", "network7"]);
    for waits in [false, true] {
        let refused = place(&*store, &with_ana(30, 60), &limits(offers(), waits)).await;
        assert_eq!(
            refused,
            PlaceOutcome::LimitReached,
            "the network has no other number"
        );
        for table in ["allowances", "occupancy"] {
            let rows = database.count(&format!("SELECT count(*) FROM {table}")).await;
            assert_eq!(rows, if table == "allowances" { 3 } else { 1 }, "{table}");
        }
    }
    let taken_slot = limits(vec![offer(LimitScope::Guest, &[1])], false);
    let refused = place(&*store, &with_ana(0, 30), &taken_slot).await;
    assert_eq!(refused, PlaceOutcome::SlotTaken);
    let none = limits(Vec::new(), false);
    assert_eq!(
        place(&*store, &with_ana(60, 90), &none).await,
        PlaceOutcome::Placed
    );
    assert_eq!(database.count("SELECT count(*) FROM allowances").await, 3);
}

async fn allowances_end_with_the_unpaid_status(database: &TestDatabase) {
    let store = database.store();
    for (n, end) in [
        Status::Confirmed,
        EXPIRED,
        Status::Released(ReleaseReason::Guest),
        Status::Released(ReleaseReason::PaymentFailed),
    ]
    .into_iter()
    .enumerate()
    {
        let held = placed(&*store, i64::try_from(n).unwrap()).await;
        let processing = after(&*store, &held, becomes(&held, Status::Processing)).await;
        assert_eq!(database.count("SELECT count(*) FROM allowances").await, 1);
        after(&*store, &processing, becomes(&processing, end)).await;
        assert_eq!(
            database.count("SELECT count(*) FROM allowances").await,
            0,
            "{end:?}"
        );
    }
}

async fn concurrent_holds_never_exceed_a_limit(database: &TestDatabase) {
    let stores = [database.store(), database.another_store().await];
    let start = Arc::new(tokio::sync::Barrier::new(24));
    let tasks: Vec<_> = (0..24)
        .map(|n| {
            let (store, start) = (Arc::clone(&stores[n % 2]), Arc::clone(&start));
            let from = 30 * i64::try_from(n).unwrap();
            tokio::spawn(async move {
                let offers = vec![
                    offer(LimitScope::Email, &[1, 2, 3, 4, 5]),
                    offer(LimitScope::Client, &[3, 1, 2]),
                ];
                let booking = with_ana(from, from + 30);
                let claim = store.claim_attempt(&attempt(&booking, None, "body")).await;
                assert_eq!(claim.unwrap(), Claim::Free);
                start.wait().await;
                store
                    .place_hold(&booking, &first_units(&booking), &limits(offers, true))
                    .await
                    .unwrap()
            })
        })
        .collect();
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await.unwrap());
    }
    assert!((1..=3).contains(&winners(&outcomes)), "{outcomes:?}");
    let counted = i64::try_from(winners(&outcomes)).unwrap();
    for table in ["holds", "occupancy", "allowances WHERE scope = 'client'"] {
        let rows = database.count(&format!("SELECT count(*) FROM {table}")).await;
        assert_eq!(rows, counted, "{table}");
    }
}

async fn only_the_numbers_asked_for_and_above_the_limit_are_read(database: &TestDatabase) {
    let store = database.store();
    for (n, number) in [1, 5, 6, 64, 65].into_iter().enumerate() {
        let from = 30 * i64::try_from(n).unwrap();
        let offers = vec![
            offer(LimitScope::Client, &[number]),
            offer(LimitScope::Guest, &[number]),
        ];
        let outcome = place(&*store, &with_ana(from, from + 30), &limits(offers, false)).await;
        assert_eq!(outcome, PlaceOutcome::Placed);
    }
    let limit = |subject: &str| HoldLimit {
        subject: subject.to_owned(),
        ..offer(LimitScope::Client, &[]).limit
    };
    let ranges = [limit("ada@example.com"), limit("other")].map(|limit| {
        let mut range = limit.sample(0);
        (range.first, range.last) = (5, 7);
        range
    });
    let query = LimitUsageQuery {
        ranges: &ranges,
        lapses: None,
    };
    let mut usage = store.load_limit_usage(&query).await.unwrap();
    usage.taken.sort_unstable();
    assert_eq!(usage.taken, [5, 6, 65].map(|number| (LimitScope::Client, number)));
    assert!(usage.ends.is_empty());
}

async fn ends_of_a_client_are_read_newest_first(database: &TestDatabase) {
    let store = database.store();
    let operator = Status::Released(ReleaseReason::Operator);
    let ends = [EXPIRED, operator, Status::Confirmed, Status::Processing];
    for (n, end) in (0..).zip(ends) {
        let held = placed(&*store, n).await;
        let mut change = super::change(&held, super::StateChange::Transition(becomes(&held, end)));
        change.now = at(10 + n);
        assert_eq!(store.apply_change(&change).await.unwrap(), super::DONE);
        if end == Status::Confirmed {
            // A later change of the hold is no later end.
            let paid = read(&*store, &held).await;
            after(
                &*store,
                &paid,
                becomes(&paid, Status::Cancelled(CancelReason::Guest)),
            )
            .await;
        }
    }
    let load = async |client: &str, since| {
        let query = LimitUsageQuery {
            ranges: &[],
            lapses: Some(LapseQuery {
                client: &ClientId(client.to_owned()),
                since: at(since),
            }),
        };
        let ends = store.load_limit_usage(&query).await.unwrap().ends;
        ends.into_iter()
            .map(|end| (end.status, end.at))
            .collect::<Vec<_>>()
    };
    let cancelled = (Status::Cancelled(CancelReason::Guest), at(12));
    assert_eq!(load("here", 9).await, [cancelled, (EXPIRED, at(10))]);
    assert_eq!(load("here", 10).await, [cancelled]);
    assert_eq!(load("there", 0).await, []);
}
