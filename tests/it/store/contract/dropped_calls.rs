//! Drops a call at each point where it waits, as a deadline or a client that hangs up does. No transaction stays open.

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use holdfast::domain::catalogue::Resource;
use holdfast::domain::ids::ResourceId;
use holdfast::store::postgres::PostgresStore;
use holdfast::store::{PoolOptions, Store};

use super::at;
use crate::support::database::{Engine, TestDatabase};

on_both_engines!(no_transaction_stays_open);

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

fn resource(number: usize) -> Resource {
    Resource {
        id: ResourceId::parse(&format!("room-{number}")).unwrap(),
        name: String::new(),
        capacity: 1,
    }
}

async fn no_transaction_stays_open(database: &TestDatabase) {
    let store = with_one_connection(database).await;
    store.put_resource(&resource(1), at(0)).await.unwrap();
    for polls in 1.. {
        // Until this is answered, the store's connection has returned to its pool: the call does not wait for it.
        let before = database.count(SEEN).await;
        let call = async { store.set_feed(&resource(1).id, None, at(0)).await.unwrap() };
        let is_done = poll_at_most(polls, call).await;
        // Within a transaction that stayed open, this would succeed as well, but nobody else would see it.
        store.put_resource(&resource(polls + 1), at(0)).await.unwrap();
        assert_eq!(database.count(SEEN).await, before + 1, "after {polls} polls");
        if is_done {
            // SQLite may answer before it is asked for the answer.
            assert!(
                polls > 2 || database.engine() == Engine::Sqlite,
                "the call never waited"
            );
            return;
        }
    }
}
