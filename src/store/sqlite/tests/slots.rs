//! Tests that a slot has one buyer (I1).

use futures::future::join_all;
use sqlx::SqlitePool;

use super::*;
use crate::domain::availability::{SlotAvailability, SlotRequest};
use crate::domain::catalogue::tests::fixture::call;
use crate::domain::catalogue::{Block, Resource};
use crate::domain::listing::PutOutcome;

async fn insert(writer: &SqlitePool, resource: &str, from: i64, to: i64) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO occupancy (hold_id, resource_id, starts_at, ends_at) VALUES (?, ?, ?, ?)")
        .bind(Uuid::from_u128(1).hyphenated())
        .bind(resource)
        .bind(from)
        .bind(to)
        .execute(writer)
        .await
        .map(drop)
}

fn assert_refused(result: sqlx::Result<impl std::fmt::Debug>, what: &str) {
    let error = result.expect_err(what).to_string();
    assert!(error.contains("occupancy_one_buyer"), "{what}: {error}");
}

/// Opens a store in which the window `[100, 200)` of `ana` is occupied.
async fn busy_store() -> TestStore {
    let test = test_store().await;
    place(&test.store, &booking(1, 1000, 1030)).await;
    insert(&test.store.writer, "ana", 100, 200).await.unwrap();
    test
}

#[tokio::test]
async fn a_hand_written_insert_cannot_overlap() {
    let test = busy_store().await;
    let writer = &test.store.writer;
    for (from, to) in [(100, 200), (199, 300), (50, 101), (50, 300), (120, 130)] {
        let what = format!("[{from}, {to})");
        assert_refused(insert(writer, "ana", from, to).await, &what);
    }
    assert_refused(
        sqlx::query("INSERT OR IGNORE INTO occupancy SELECT * FROM occupancy")
            .execute(writer)
            .await,
        "or ignore",
    );
    assert_refused(
        sqlx::query("REPLACE INTO occupancy SELECT * FROM occupancy")
            .execute(writer)
            .await,
        "or replace",
    );
}

#[tokio::test]
async fn adjacent_windows_and_other_resources_do_not_conflict() {
    let test = busy_store().await;
    let writer = &test.store.writer;
    for (resource, from, to) in [("ana", 200, 300), ("ana", 0, 100), ("ben", 100, 200)] {
        insert(writer, resource, from, to).await.unwrap();
    }
}

#[tokio::test]
async fn hand_written_update_may_overlap_only_its_own_window() {
    let test = busy_store().await;
    let writer = &test.store.writer;
    insert(writer, "ana", 300, 400).await.unwrap();
    insert(writer, "ben", 100, 200).await.unwrap();
    let update = |sql: &'static str| sqlx::query(sql).execute(writer);
    assert_refused(
        update("UPDATE occupancy SET starts_at = 199 WHERE starts_at = 300").await,
        "start",
    );
    assert_refused(
        update("UPDATE occupancy SET resource_id = 'ana' WHERE resource_id = 'ben'").await,
        "resource",
    );
    update("UPDATE occupancy SET starts_at = 250, ends_at = 350 WHERE starts_at = 300")
        .await
        .unwrap();
}

/// The negative control: without the trigger the same statement succeeds, so the trigger is what refuses it.
#[tokio::test]
async fn without_the_trigger_a_slot_is_sold_twice() {
    let test = busy_store().await;
    let writer = &test.store.writer;
    sqlx::query("DROP TRIGGER occupancy_one_buyer_insert")
        .execute(writer)
        .await
        .unwrap();
    insert(writer, "ana", 150, 250).await.unwrap();
}

#[tokio::test]
async fn a_window_belongs_to_a_hold_that_exists() {
    let test = test_store().await;
    let orphan = insert(&test.store.writer, "ana", 100, 200).await;
    assert!(orphan.unwrap_err().to_string().contains("FOREIGN KEY"));
}

/// Opens two stores on one file, as two processes do.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_many_concurrent_checkouts_gets_the_slot() {
    let test = test_store().await;
    let other = connect(&test.path, OPTIONS).await.unwrap();
    let bookings: Vec<Booking> = (1..=32)
        .map(|n| booking(n, 60 + i64::try_from(n).unwrap() % 7, 90))
        .collect();
    let race = bookings.iter().enumerate().map(|(n, booking)| {
        let store = if n % 2 == 0 { &test.store } else { &other }.clone();
        let booking = booking.clone();
        tokio::spawn(async move { place(&store, &booking).await })
    });
    let placements: Vec<PlaceOutcome> = join_all(race).await.into_iter().map(Result::unwrap).collect();
    let placed = placements.iter().filter(|p| **p == PlaceOutcome::Placed).count();
    assert_eq!(placed, 1, "{placements:?}");
    assert_eq!(count(&test.store, "SELECT count(*) FROM occupancy").await, 1);
    assert_eq!(count(&test.store, "SELECT count(*) FROM holds").await, 1);
    // A lost attempt wrote nothing and is still open.
    assert_eq!(count(&test.store, "SELECT count(*) FROM allowances").await, 1);
    let running = "SELECT count(*) FROM checkout_attempts WHERE state = 'running'";
    assert_eq!(count(&test.store, running).await, 31);
}

#[tokio::test]
async fn all_windows_of_a_booking_are_placed_or_none() {
    let TestStore { store, .. } = &test_store().await;
    assert_eq!(place(store, &booking(1, 60, 90)).await, PlaceOutcome::Placed);
    let mut both = booking(2, 60, 90);
    both.segments = vec![segment("ben", 60, 90), segment("ana", 89, 120)];
    assert_eq!(place(store, &both).await, PlaceOutcome::SlotTaken);
    assert_eq!(count(store, "SELECT count(*) FROM occupancy").await, 1);
    let lose = async || {
        store
            .close_lost_attempt(both.hold.id, &both.hold.session, now())
            .await
            .unwrap()
    };
    let command = lose().await.unwrap();
    assert_eq!(lose().await, Some(command), "repeated after a lost answer");
    let order = store.lease_command(command, LONG).await.unwrap().unwrap().action;
    assert_eq!(order, crate::store::commands::expire_session(&both.hold.session));
    assert_eq!(
        store.place_hold(&both, &units(&both), &limits()).await.unwrap(),
        PlaceOutcome::AttemptClosed
    );
    let first = booking(1, 60, 90);
    assert_eq!(
        store.place_hold(&first, &units(&first), &limits()).await.unwrap(),
        PlaceOutcome::Placed
    );
    assert_eq!(
        store
            .close_lost_attempt(first.hold.id, &first.hold.session, now())
            .await
            .unwrap(),
        None
    );
    assert_eq!(count(store, "SELECT count(*) FROM holds").await, 1);
}

#[tokio::test]
async fn placed_hold_reads_back_and_blocks_its_window() {
    let TestStore { store, .. } = &test_store().await;
    put_ana(store, 1).await;
    let placed = booking(1, 60, 90);
    place(store, &placed).await;
    assert_eq!(read(store, &placed).await, placed);
    let day = Window::new(minute(0), minute(1000)).unwrap();
    let call = call();
    let slot_request = SlotRequest {
        event_type: &call,
        quantity: 1,
        requested_resource: None,
        moving: None,
    };
    let availability = async |from, now| {
        let question = AvailabilityQuery {
            resources: &call.list_resources(),
            within: day,
            moving: None,
            statuses_at: Some(now),
        };
        let calendar = store.load_availability(&question).await.unwrap();
        calendar.check_slot(&slot_request, minute(from), 0)
    };
    let free = |from| SlotAvailability::Free(units(&booking(2, from, from + 30)));
    assert_eq!(availability(90, now()).await, free(90));
    assert_eq!(availability(30, now()).await, free(30));
    assert_eq!(availability(89, now()).await, SlotAvailability::Taken);
    assert_eq!(
        availability(89, minute(30)).await,
        SlotAvailability::Overdue(vec![placed.hold.id])
    );
}

pub(super) async fn put_ana(store: &SqliteStore, capacity: u32) -> PutOutcome {
    let resource = Resource {
        id: segment("ana", 0, 1).resource,
        name: "Ana".into(),
        capacity,
    };
    store.put_resource(&resource, now()).await.unwrap()
}

async fn place_from(store: &SqliteStore, first: u32, booking: &Booking) -> PlaceOutcome {
    store.claim_attempt(&attempt(booking, None)).await.unwrap();
    let units = units_from(first, booking);
    store.place_hold(booking, &units, &limits()).await.unwrap()
}

#[tokio::test]
async fn hold_gets_all_its_units_or_none_and_block_takes_all() {
    let TestStore { store, .. } = &test_store().await;
    assert_eq!(put_ana(store, 3).await, PutOutcome::Created);
    let mut two = booking(1, 60, 90);
    two.quantity = 2;
    assert_eq!(place(store, &two).await, PlaceOutcome::Placed);
    let mut more = booking(2, 80, 100);
    more.quantity = 2;
    for first in 1..=3 {
        let placed = place_from(store, first, &more).await;
        assert_eq!(placed, PlaceOutcome::SlotTaken, "{first}");
    }
    let one = booking(3, 80, 100);
    assert_eq!(place_from(store, 3, &one).await, PlaceOutcome::Placed);
    assert_eq!(
        count(store, "SELECT count(DISTINCT unit) FROM occupancy").await,
        3
    );
    let block = Block {
        id: "lunch".into(),
        window: Window::new(minute(85), minute(200)).unwrap(),
        note: String::new(),
    };
    let ana = segment("ana", 0, 1).resource;
    let (put, conflicts) = store.put_block(&ana, &block, now()).await.unwrap().unwrap();
    assert_eq!((put, conflicts.len()), (PutOutcome::Created, 2));
    assert_eq!(place(store, &booking(4, 199, 210)).await, PlaceOutcome::SlotTaken);
    assert!(store.delete_block(&ana, "lunch").await.unwrap());
    assert_eq!(place(store, &booking(5, 199, 210)).await, PlaceOutcome::Placed);
}

#[tokio::test]
async fn move_is_atomic_and_may_overlap_its_own_window() {
    let TestStore { store, .. } = &test_store().await;
    let held = booking(1, 60, 90);
    place(store, &held).await;
    place(store, &booking(2, 120, 150)).await;
    let moved = async |version, from, to| {
        let order = HoldMove {
            hold: held.hold.id,
            version,
            to: units(&booking(1, from, to)),
            requested_resource: None,
            cancel_right_passed: false,
            message: "moved".into(),
            actor: Actor::Guest,
            now: minute(1),
        };
        store.move_hold(&order).await.unwrap()
    };
    assert_eq!(moved(1, 100, 130).await, MoveOutcome::SlotTaken);
    assert_eq!(read(store, &held).await, held);
    assert_eq!(moved(1, 75, 105).await, MoveOutcome::Done);
    assert_eq!(moved(1, 200, 230).await, MoveOutcome::Conflict);
    let after = read(store, &held).await;
    assert_eq!(
        (after.version, after.segments),
        (2, vec![segment("ana", 75, 105)])
    );
    assert_eq!(place(store, &booking(3, 60, 75)).await, PlaceOutcome::Placed);
    let history = store.list_history(held.hold.id).await.unwrap();
    assert_eq!((history.len(), history[1].message.as_str()), (2, "moved"));
}

#[tokio::test]
async fn guest_hold_limit_applies_until_the_hold_ends() {
    let TestStore { store, .. } = &test_store().await;
    let (first, second) = (booking(1, 60, 90), booking(2, 90, 120));
    let only_one = HoldLimits {
        allowances: vec![allowances_of_guest(1)],
        ..limits()
    };
    place(store, &first).await;
    store.claim_attempt(&attempt(&second, None)).await.unwrap();
    let place_second = async || {
        store
            .place_hold(&second, &units(&second), &only_one)
            .await
            .unwrap()
    };
    assert_eq!(place_second().await, PlaceOutcome::LimitReached);
    assert_eq!(count(store, "SELECT count(*) FROM allowances").await, 1);
    store
        .apply_change(&change(&first, "evt_1", &Fact::SessionDead))
        .await
        .unwrap();
    assert_eq!(count(store, "SELECT count(*) FROM allowances").await, 0);
    assert_eq!(place_second().await, PlaceOutcome::Placed);
}

/// The version before writes a row for each guest and client.
#[tokio::test]
async fn guests_and_clients_of_the_version_before_are_deleted() {
    let TestStore { store, .. } = &test_store().await;
    let mine = booking(1, 60, 90);
    place(store, &mine).await;
    let insert = "INSERT INTO guests VALUES ('guest@example.com', 0, 0);
        INSERT INTO clients VALUES ('idle', 0, 0, NULL, 0), ('busy', 1, 0, NULL, 0)";
    sqlx::raw_sql(insert).execute(&store.writer).await.unwrap();
    assert_eq!(store.delete_idle_clients(minute(9), 10).await.unwrap(), 1);
    assert_eq!(count(store, "SELECT count(*) FROM clients").await, 1);
    assert_eq!(store.erase_guests(minute(9), 10).await.unwrap(), 0);
    store
        .apply_change(&change(&mine, "evt_1", &Fact::SessionDead))
        .await
        .unwrap();
    assert_eq!(store.erase_guests(minute(9), 10).await.unwrap(), 1);
    assert_eq!(count(store, "SELECT count(*) FROM guests").await, 0);
}
