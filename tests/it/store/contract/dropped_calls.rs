//! Drops a call at each point where it waits, as a deadline or a client that hangs up does. No transaction stays open.

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use futures::future::join_all;
use holdfast::domain::booking::Booking;
use holdfast::domain::catalogue::Resource;
use holdfast::domain::ids::ResourceId;
use holdfast::store::postgres::PostgresStore;
use holdfast::store::{Claim, PlaceOutcome, PoolOptions, Store};

use super::{anyone, at, attempt, first_units, placed, with_ana};
use crate::support::database::{Engine, TestDatabase};

on_both_engines!(
    no_transaction_stays_open,
    no_transaction_of_a_checkout_stays_open,
    group_goes_on_without_its_callers,
);

const SEEN: &str = "SELECT count(*) FROM resources";

/// Polls a future at most `polls` times, each time after it woke its task, and drops it then; `false` if it was dropped.
async fn poll_at_most(polls: usize, future: impl Future<Output = ()>) -> bool {
    let mut future = pin!(future);
    let mut left = polls;
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(()) => Poll::Ready(true),
        Poll::Pending => {
            left -= 1;
            match left {
                0 => Poll::Ready(false),
                _ => Poll::Pending,
            }
        }
    })
    .await
}

/// Opens a store with one connection for what it writes: the next call gets the connection of the last one.
async fn with_one_connection(database: &TestDatabase) -> Arc<dyn Store> {
    if database.engine() == Engine::Sqlite {
        return database.another_store().await;
    }
    let options = PoolOptions {
        max_connections: 1,
        ..PoolOptions::default()
    };
    Arc::new(PostgresStore::connect(database.url(), options).unwrap())
}

fn resource(number: i64) -> Resource {
    Resource {
        id: ResourceId::parse(&format!("room-{number}")).unwrap(),
        name: String::new(),
        capacity: 1,
    }
}

/// Drops a call after one poll, then after two, and so on, until it ends before. `prepare` comes before each call; both get the
/// number of the call.
async fn drop_at_each_poll(
    database: &TestDatabase,
    store: &dyn Store,
    prepare: impl AsyncFn(usize),
    call: impl AsyncFn(usize),
) {
    let mut polls = 1;
    for number in 1.. {
        prepare(number).await;
        // Until this is answered, the store's connection has returned to its pool: the call does not wait for it.
        let before = database.count(SEEN).await;
        let is_done = poll_at_most(polls, call(number)).await;
        // Within a transaction that stayed open, this would succeed as well, but nobody else would see it.
        store.put_resource(&resource(before + 1), at(0)).await.unwrap();
        assert_eq!(database.count(SEEN).await, before + 1, "after {polls} polls");
        match (is_done, polls) {
            (false, _) => polls += 1,
            // The database may answer before it is asked for the answer. SQLite always may.
            (true, 1) if database.engine() == Engine::Postgres => {}
            (true, _) => return,
        }
    }
}

async fn no_transaction_stays_open(database: &TestDatabase) {
    let store = with_one_connection(database).await;
    store.put_resource(&resource(1), at(0)).await.unwrap();
    let call = async |_| assert!(store.set_feed(&resource(1).id, None, at(0)).await.unwrap());
    drop_at_each_poll(database, &*store, async |_| (), call).await;
}

/// The claim finds its key in use, which takes it a transaction on each engine; the slot is taken.
async fn no_transaction_of_a_checkout_stays_open(database: &TestDatabase) {
    let store = with_one_connection(database).await;
    store.put_resource(&resource(1), at(0)).await.unwrap();
    placed(&*store, with_ana(0, 30)).await;
    let mine: Vec<Booking> = (0..1000).map(|_| with_ana(0, 30)).collect();
    let claim = async |n: usize, key: &str| {
        let new = attempt(&mine[n], Some(key), "body");
        store.claim_attempt(&new).await.unwrap()
    };
    claim(0, "in-use").await;
    let call = async |n| assert_eq!(claim(n, "in-use").await, Claim::Running);
    drop_at_each_poll(database, &*store, async |_| (), call).await;
    let prepare = async |n: usize| assert_eq!(claim(500 + n, &format!("key-{n}")).await, Claim::Free);
    let call = async |n: usize| {
        let mine = &mine[500 + n];
        let outcome = store.place_hold(mine, &first_units(mine), &anyone()).await;
        assert_eq!(outcome.unwrap(), PlaceOutcome::SlotTaken);
    };
    drop_at_each_poll(database, &*store, prepare, call).await;
}

/// All callers of some groups go away. What they wanted is done or not, and nothing stays open.
async fn group_goes_on_without_its_callers(database: &TestDatabase) {
    let store = with_one_connection(database).await;
    for polls in 1..20 {
        let calls = (0..40).map(|_| async {
            let new = attempt(&with_ana(0, 30), None, "body");
            store.claim_attempt(&new).await.unwrap();
        });
        poll_at_most(polls, async { drop(join_all(calls).await) }).await;
        // Waits for the groups that are under way.
        let last = attempt(&with_ana(0, 30), None, "body");
        assert_eq!(store.claim_attempt(&last).await.unwrap(), Claim::Free);
        let seen = format!(
            "SELECT count(*) FROM checkout_attempts WHERE hold_id = '{}'",
            last.terms.hold
        );
        assert_eq!(database.count(&seen).await, 1, "after {polls} polls");
    }
}
