//! One slot, one buyer (I1).

use futures::future::join_all;
use sqlx::SqlitePool;

use super::*;
use crate::store::Placement;

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

/// Books with the window `[100, 200)` of ana's occupied.
async fn busy_books() -> Books {
    let books = books().await;
    place(&books.store, &booking(1, 1000, 1030)).await;
    insert(&books.store.writer, "ana", 100, 200).await.unwrap();
    books
}

#[tokio::test]
async fn a_hand_written_insert_cannot_overlap() {
    let books = busy_books().await;
    let writer = &books.store.writer;
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
async fn windows_that_touch_and_other_resources_are_fine() {
    let books = busy_books().await;
    let writer = &books.store.writer;
    insert(writer, "ana", 200, 300).await.unwrap();
    insert(writer, "ana", 0, 100).await.unwrap();
    insert(writer, "ben", 100, 200).await.unwrap();
}

#[tokio::test]
async fn a_hand_written_update_cannot_overlap_but_may_cover_its_own_old_window() {
    let books = busy_books().await;
    let writer = &books.store.writer;
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

/// The control: without its trigger the same statement goes through, so it is the trigger that refuses.
#[tokio::test]
async fn without_the_trigger_a_slot_is_sold_twice() {
    let books = busy_books().await;
    let writer = &books.store.writer;
    sqlx::query("DROP TRIGGER occupancy_one_buyer_insert")
        .execute(writer)
        .await
        .unwrap();
    insert(writer, "ana", 150, 250).await.unwrap();
}

#[tokio::test]
async fn a_window_belongs_to_a_hold_that_exists() {
    let books = books().await;
    let orphan = insert(&books.store.writer, "ana", 100, 200).await;
    assert!(orphan.unwrap_err().to_string().contains("FOREIGN KEY"));
}

/// Two stores on one file, as two processes have it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_at_once_exactly_one_gets_the_slot() {
    let books = books().await;
    let other = connect(&books.path, OPTIONS).await.unwrap();
    let bookings: Vec<Booking> = (1..=32)
        .map(|n| booking(n, 60 + i64::try_from(n).unwrap() % 7, 90))
        .collect();
    let race = bookings.iter().enumerate().map(|(n, booking)| {
        let store = if n % 2 == 0 { &books.store } else { &other }.clone();
        let booking = booking.clone();
        tokio::spawn(async move { place(&store, &booking).await })
    });
    let placements: Vec<Placement> = join_all(race).await.into_iter().map(Result::unwrap).collect();
    let placed = placements.iter().filter(|p| **p == Placement::Placed).count();
    assert_eq!(placed, 1, "{placements:?}");
    assert_eq!(count(&books.store, "SELECT count(*) FROM occupancy").await, 1);
    assert_eq!(count(&books.store, "SELECT count(*) FROM holds").await, 1);
    let orders = "SELECT count(*) FROM commands WHERE kind = 'expire_session' AND done_at IS NULL";
    assert_eq!(count(&books.store, orders).await, 31);
    let lost = "SELECT count(*) FROM checkout_attempts WHERE state = 'lost' AND terms IS NULL";
    assert_eq!(count(&books.store, lost).await, 31);
}

#[tokio::test]
async fn of_several_windows_all_are_taken_or_none() {
    let Books { store, .. } = &books().await;
    assert_eq!(place(store, &booking(1, 60, 90)).await, Placement::Placed);
    let mut both = booking(2, 60, 90);
    both.segments = vec![segment("ben", 60, 90), segment("ana", 89, 120)];
    let Placement::SlotTaken(command) = place(store, &both).await else {
        panic!("ana is busy");
    };
    assert_eq!(count(store, "SELECT count(*) FROM occupancy").await, 1);
    let order = store.lease_command(command, LONG).await.unwrap().unwrap().order;
    assert_eq!(order, crate::store::expire_order(&both.hold.session));
    // Repeats after an answer that was lost.
    assert_eq!(store.place(&both).await.unwrap(), Placement::SlotTaken(command));
    assert_eq!(store.place(&booking(1, 60, 90)).await.unwrap(), Placement::Placed);
    assert_eq!(count(store, "SELECT count(*) FROM holds").await, 1);
}

#[tokio::test]
async fn what_was_placed_reads_as_it_was_and_stands_in_the_way() {
    let Books { store, .. } = &books().await;
    let placed = booking(1, 60, 90);
    place(store, &placed).await;
    assert_eq!(read(store, &placed).await, placed);
    let blockers = async |from, to, now| store.blockers(&[segment("ana", from, to)], now).await.unwrap();
    assert_eq!(blockers(90, 120, now()).await, []);
    assert_eq!(blockers(30, 60, now()).await, []);
    for (at, overdue) in [(now(), false), (minute(30), true)] {
        let found = blockers(89, 120, at).await;
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].hold, found[0].overdue), (placed.hold.id, overdue));
    }
}
