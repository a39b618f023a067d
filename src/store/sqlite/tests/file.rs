//! Tests the file, its schema, a full disk and pages of lists.

use futures::FutureExt as _;

use super::*;
use crate::domain::listing::{HoldFilter, PageRequest};
use crate::store::{PlaceOutcome, StoreError};

#[tokio::test]
async fn connect_refuses_databases_that_are_not_files() {
    for path in ["", ":memory:", "file::memory:?cache=shared"] {
        let refused = connect(path, OPTIONS).await;
        assert!(matches!(refused, Err(StoreError::Broken(_))), "{path}");
    }
    let nowhere = connect("/nowhere/at/all/store.db", OPTIONS).await;
    assert!(matches!(nowhere, Err(StoreError::Unavailable(_))));
}

#[cfg(unix)]
#[tokio::test]
async fn a_new_file_and_its_side_files_are_for_the_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let test = test_store().await;
    for suffix in ["", "-wal", "-shm"] {
        let meta = std::fs::metadata(format!("{}{suffix}", test.path)).unwrap();
        assert_eq!(meta.permissions().mode() & 0o777, 0o600, "{suffix}");
    }
}

#[tokio::test]
async fn connection_uses_wal_full_sync_and_foreign_keys() {
    let TestStore { store, .. } = &test_store().await;
    let pragma = async |question: &'static str| -> String {
        sqlx::query_scalar::<_, sqlx::types::Text<String>>(question)
            .fetch_one(&store.writer)
            .await
            .unwrap()
            .0
    };
    assert_eq!(
        pragma("SELECT journal_mode FROM pragma_journal_mode").await,
        "wal"
    );
    assert_eq!(
        pragma("SELECT CAST(synchronous AS TEXT) FROM pragma_synchronous").await,
        "2"
    );
    assert_eq!(
        pragma("SELECT CAST(foreign_keys AS TEXT) FROM pragma_foreign_keys").await,
        "1"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn processes_that_start_together_migrate_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db").to_str().unwrap().to_owned();
    let mut stores = Vec::new();
    for _ in 0..8 {
        stores.push(connect(&path, OPTIONS).await.unwrap());
    }
    assert!(!stores[0].is_ready().await.unwrap());
    let starts = stores
        .iter()
        .cloned()
        .map(|store| tokio::spawn(async move { store.migrate().await }));
    for start in futures::future::join_all(starts).await {
        start.unwrap().unwrap();
    }
    assert!(stores[0].is_ready().await.unwrap());
    sqlx::query("UPDATE _sqlx_migrations SET checksum = x'00'")
        .execute(&stores[0].writer)
        .await
        .unwrap();
    assert!(!stores[0].is_ready().await.unwrap(), "another program's schema");
}

/// SQLite rolls the transaction back when the disk is full; the one writer must stay usable.
#[tokio::test]
async fn full_disk_is_unavailable_until_it_has_space() {
    let TestStore { store, .. } = &test_store().await;
    sqlx::query("PRAGMA max_page_count = 1")
        .execute(&store.writer)
        .await
        .unwrap();
    let mut large = booking(1, 60, 90);
    large.metadata.insert("large".into(), "x".repeat(1_000_000));
    store.claim_attempt(&attempt(&large, None)).await.unwrap();
    for _ in 0..3 {
        match store.place_hold(&large, &units(&large), &limits()).await {
            Err(StoreError::Unavailable(_)) => {}
            other => panic!("{other:?}"),
        }
        // A replaced connection does not have the limit.
        sqlx::query("PRAGMA max_page_count = 1")
            .execute(&store.writer)
            .await
            .unwrap();
    }
    sqlx::query("PRAGMA max_page_count = 4294967294")
        .execute(&store.writer)
        .await
        .unwrap();
    assert_eq!(
        store.place_hold(&large, &units(&large), &limits()).await.unwrap(),
        PlaceOutcome::Placed
    );
}

#[tokio::test]
async fn list_continues_where_the_last_page_ended() {
    let TestStore { store, .. } = &test_store().await;
    for n in 1..=5 {
        let from = i64::try_from(n).unwrap() * 60;
        let mut booking = booking(n, from, from + 30);
        booking.created_at = minute(from / 120);
        place(store, &booking).await;
    }
    let mut seen = Vec::new();
    let mut request = PageRequest {
        limit: 2,
        cursor: None,
    };
    loop {
        let page = store
            .list_bookings(&HoldFilter::default(), &request)
            .await
            .unwrap();
        seen.extend(page.entries.iter().map(|booking| booking.hold.id.0.as_u128()));
        request.cursor = page.next;
        if request.cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, [5, 4, 3, 2, 1]);
    request.cursor = Some("not ours".into());
    let page = store
        .list_bookings(&HoldFilter::default(), &request)
        .await
        .unwrap();
    assert!(page.entries.is_empty() && page.next.is_none());
}

/// A closed connection drops the request at any await point; the one writer must stay usable.
#[tokio::test]
async fn dropped_request_leaves_the_writer_usable() {
    let TestStore { store, .. } = &test_store().await;
    for n in 1..=60 {
        let booking = booking(n, 60, 90);
        let mut placing = Box::pin(place(store, &booking));
        for _ in 0..n * n {
            if (&mut placing).now_or_never().is_some() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    let last = booking(1000, 600, 630);
    assert_eq!(place(store, &last).await, PlaceOutcome::Placed);
    let incomplete = "SELECT count(*) FROM holds h
                 WHERE NOT EXISTS (SELECT 1 FROM occupancy o WHERE o.hold_id = h.id)
                    OR NOT EXISTS (SELECT 1 FROM hold_history l WHERE l.hold_id = h.id)";
    assert_eq!(count(store, incomplete).await, 0);
}
