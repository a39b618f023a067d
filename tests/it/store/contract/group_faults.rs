//! Tests that a checkout of a group that fails, or is refused, harms no other of its group, and what a group may take of the
//! database.

use std::sync::Arc;

use holdfast::domain::booking::Booking;
use holdfast::domain::hold_limit::{AllowanceOffer, HoldLimit, LimitScope};
use holdfast::store::{HoldLimits, PlaceOutcome, StoreError};

use super::{attempt, booking, first_units, segment};
use crate::support::database::{Engine, TestDatabase};

on_both_engines!(
    checkout_that_fails_harms_no_other_of_its_group,
    checkouts_over_their_limit_harm_no_other_of_their_group,
);

/// A hold to place, with its limits.
type Order = (Booking, HoldLimits);

/// The `n`-th slot of Ana, with the only number of each limit.
fn order(n: i64, limits: &[(LimitScope, &str)]) -> Order {
    let offer = |(scope, subject): &(LimitScope, &str)| AllowanceOffer {
        limit: HoldLimit {
            scope: *scope,
            subject: (*subject).to_owned(),
            most: 1,
        },
        numbers: vec![1],
    };
    let limits = HoldLimits {
        client: None,
        allowances: limits.iter().map(offer).collect(),
        waits: true,
    };
    (booking(vec![segment("ana", 30 * n, 30 * n + 30)]), limits)
}

/// Claims all attempts, then places all holds at the same time.
async fn place_together(
    database: &TestDatabase,
    orders: Vec<Order>,
) -> Vec<Result<PlaceOutcome, StoreError>> {
    let store = database.store();
    let start = Arc::new(tokio::sync::Barrier::new(orders.len()));
    let place = |(booking, limits): Order| {
        let (store, start) = (Arc::clone(&store), Arc::clone(&start));
        tokio::spawn(async move {
            let claim = store.claim_attempt(&attempt(&booking, None, "body")).await;
            claim.unwrap();
            start.wait().await;
            store.place_hold(&booking, &first_units(&booking), &limits).await
        })
    };
    let tasks: Vec<_> = orders.into_iter().map(place).collect();
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await.unwrap());
    }
    outcomes
}

/// One checkout violates a constraint of the table; the others are placed, and it alone fails.
async fn checkout_that_fails_harms_no_other_of_its_group(database: &TestDatabase) {
    let mut orders: Vec<Order> = (0..20).map(|n| order(n, &[])).collect();
    orders[11].0.hold.session = orders[3].0.hold.session.clone();
    let mut failed = Vec::new();
    for (n, outcome) in place_together(database, orders).await.into_iter().enumerate() {
        match outcome {
            Ok(outcome) => assert_eq!(outcome, PlaceOutcome::Placed),
            Err(_) => failed.push(n),
        }
    }
    assert!(failed == [3] || failed == [11], "{failed:?}");
    assert_eq!(database.count("SELECT count(*) FROM holds").await, 19);
    assert_eq!(database.count("SELECT count(*) FROM occupancy").await, 19);
}

/// Counts the rows that are written to `occupancy`, also those that are rolled back.
async fn count_taken_units(database: &TestDatabase) {
    if database.engine() == Engine::Postgres {
        for statement in [
            "CREATE SEQUENCE taken MINVALUE 0 START 0",
            "SELECT nextval('taken')",
            "CREATE FUNCTION count_taken() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN PERFORM nextval(''taken''); RETURN NEW; END'",
            "CREATE TRIGGER count_taken BEFORE INSERT ON occupancy FOR EACH ROW EXECUTE FUNCTION count_taken()",
        ] {
            database.execute(statement).await;
        }
    }
}

/// Ten holds have a limit that is full. The others are placed at the first try: no statement that took their units failed.
async fn checkouts_over_their_limit_harm_no_other_of_their_group(database: &TestDatabase) {
    let client = LimitScope::Client;
    let first = place_together(database, vec![order(0, &[(client, "full")])]).await;
    assert!(matches!(first[..], [Ok(PlaceOutcome::Placed)]), "{first:?}");
    count_taken_units(database).await;
    let is_over = |n: i64| n % 2 == 0;
    let orders = (1..=20).map(|n| match is_over(n) {
        true => order(n, &[(client, "full")]),
        false => order(n, &[(client, &n.to_string())]),
    });
    let outcomes = place_together(database, orders.collect()).await;
    for (n, outcome) in (1..).zip(outcomes) {
        let expected = match is_over(n) {
            true => PlaceOutcome::LimitReached,
            false => PlaceOutcome::Placed,
        };
        assert_eq!(outcome.unwrap(), expected, "{n}");
    }
    assert_eq!(database.count("SELECT count(*) FROM occupancy").await, 11);
    if database.engine() == Engine::Postgres {
        assert_eq!(database.count("SELECT last_value FROM taken").await, 10);
    }
}

/// All locks of a server are in one table. Each hold takes one for each of its limits, and all of them one for Ana.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn group_of_holds_takes_few_locks() {
    let database = TestDatabase::new(Engine::Postgres).await;
    for statement in [
        "CREATE TABLE locks_of_statement (locks bigint)",
        "CREATE FUNCTION count_locks() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN INSERT INTO locks_of_statement
              SELECT count(*) FROM pg_locks WHERE locktype = ''advisory'' AND pid = pg_backend_pid();
          RETURN NULL; END'",
        "CREATE TRIGGER count_locks AFTER INSERT ON holds FOR EACH STATEMENT EXECUTE FUNCTION count_locks()",
    ] {
        database.execute(statement).await;
    }
    let limits = [
        LimitScope::Guest,
        LimitScope::Email,
        LimitScope::Client,
        LimitScope::Network,
    ];
    let orders = (0..300).map(|n| {
        let subject = n.to_string();
        order(n, &limits.map(|scope| (scope, &*subject)))
    });
    for outcome in place_together(&database, orders.collect()).await {
        assert_eq!(outcome.unwrap(), PlaceOutcome::Placed);
    }
    let most = database.count("SELECT max(locks) FROM locks_of_statement").await;
    assert!(most > 4 + 1, "no statement placed several holds");
    assert!(most <= 4 * 32 + 1, "{most} locks at the same time");
}
