//! Tests calendar feeds in the database: when they are due, and which readings are stored.

use holdfast::domain::calendar_feed::Feed;
use holdfast::domain::catalogue::{Block, Resource};
use holdfast::store::{FeedRead, LeaseRequest, NewFeed, Store, StoreError};

use super::{LEASE, at, page, segment};
use crate::support::database::TestDatabase;

on_both_engines!(
    blocks_that_stay_do_not_grow_without_an_end,
    feeds_are_listed_newest_first,
    reading_that_began_before_a_change_is_not_stored,
);

async fn lease(store: &dyn Store, minute: i64) -> Vec<Feed> {
    let request = LeaseRequest::new(at(minute), LEASE, 10);
    store.lease_due_feeds(&request).await.unwrap()
}

/// What the blocks depend on changes while the feed is fetched: it is read again, and not in a quarter of an hour.
async fn reading_that_began_before_a_change_is_not_stored(database: &TestDatabase) {
    let store = database.store();
    let (id, window) = (segment("ana", 0, 1).resource, segment("ana", 0, 30).busy);
    let ana = Resource {
        id: id.clone(),
        name: "Ana".into(),
        capacity: 1,
    };
    store.put_resource(&ana, at(0)).await.unwrap();
    let new = NewFeed {
        url: "https://calendar.example/",
        timezone: None,
        reaches_to: at(10_000),
    };
    store.set_feed(&id, Some(&new), at(0)).await.unwrap();
    let read = FeedRead {
        blocks: vec![Block {
            id: "one".into(),
            window,
            note: String::new(),
        }],
        kept: Vec::new(),
        entries: 1,
        fault_count: 0,
        faults: Vec::new(),
        reaches_to: at(10_000),
        read_at: at(1),
        next_at: at(16),
    };
    let before = lease(&*store, 0).await;
    assert!(lease(&*store, 1).await.is_empty(), "it is leased");
    store.make_feed_due(&id, at(1)).await.unwrap();
    store.save_feed_blocks(&before[0], &read).await.unwrap();
    store
        .save_feed_failure(&before[0], "the feed is gone", at(16))
        .await
        .unwrap();
    assert_eq!(store.find_feed(&id).await.unwrap().unwrap().state, None);
    assert_eq!(database.count("SELECT count(*) FROM blocks").await, 0);
    let again = lease(&*store, 1).await;
    assert_eq!(again.len(), 1, "it is due at once");
    store.save_feed_blocks(&again[0], &read).await.unwrap();
    assert_eq!(database.count("SELECT count(*) FROM blocks").await, 1);
    assert!(lease(&*store, 15).await.is_empty());
    assert_eq!(lease(&*store, 16).await.len(), 1);
}

/// An event with a lasting fault keeps its last blocks, and may be at other times at each reading.
async fn blocks_that_stay_do_not_grow_without_an_end(database: &TestDatabase) {
    const COUNT: &str = "SELECT count(*) FROM blocks";
    let store = database.store();
    let (id, window) = (segment("ana", 0, 1).resource, segment("ana", 0, 30).busy);
    let ana = Resource {
        id: id.clone(),
        name: "Ana".into(),
        capacity: 1,
    };
    store.put_resource(&ana, at(0)).await.unwrap();
    let new = NewFeed {
        url: "https://calendar.example/",
        timezone: None,
        reaches_to: at(10_000),
    };
    store.set_feed(&id, Some(&new), at(0)).await.unwrap();
    let block = |number: i64| Block {
        id: format!("0123456789abcdef/{number}"),
        window,
        note: String::new(),
    };
    let read = |from: i64, minute: i64| FeedRead {
        blocks: (from..from + 40_000).map(block).collect(),
        kept: vec!["0123456789abcdef".to_owned()],
        entries: 1,
        fault_count: 1,
        faults: Vec::new(),
        reaches_to: at(10_000),
        read_at: at(minute),
        next_at: at(minute + 15),
    };
    let first = lease(&*store, 0).await;
    store.save_feed_blocks(&first[0], &read(0, 1)).await.unwrap();
    let second = lease(&*store, 20).await;
    let refused = store.save_feed_blocks(&second[0], &read(100_000, 21)).await;
    assert!(matches!(refused, Err(StoreError::Broken(_))), "{refused:?}");
    assert_eq!(database.count(COUNT).await, 40_000, "the last blocks stay");
}

async fn feeds_are_listed_newest_first(database: &TestDatabase) {
    let store = database.store();
    // Two of one moment, so that the resource decides the order.
    for (minute, id) in [(1, "ana"), (2, "ben"), (2, "cleo"), (3, "dora")] {
        let resource = Resource {
            id: segment(id, 0, 1).resource,
            name: id.to_owned(),
            capacity: 1,
        };
        store.put_resource(&resource, at(0)).await.unwrap();
        let new = NewFeed {
            url: "https://calendar.example/",
            timezone: None,
            reaches_to: at(10_000),
        };
        store
            .set_feed(&resource.id, Some(&new), at(minute))
            .await
            .unwrap();
    }
    let (mut listed, mut cursor) = (Vec::new(), None);
    loop {
        let part = store.list_feeds(&page(2, cursor)).await.unwrap();
        assert!(part.entries.len() <= 2);
        listed.extend(part.entries.into_iter().map(|feed| feed.resource.to_string()));
        cursor = part.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(listed, ["dora", "cleo", "ben", "ana"]);
    let made_up = page(2, Some("made up".to_owned()));
    assert!(store.list_feeds(&made_up).await.unwrap().entries.is_empty());
}
