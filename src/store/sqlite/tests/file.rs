//! Tests the file, its schema, a full disk and the plans of frequent queries.

use futures::FutureExt as _;

use super::super::{
    allowances, attempts, availability, blocks, commands, events, feeds, guests, holds, ledger, occupancy,
    payments, refund_requests, unowned_facts,
};
use super::*;
use crate::domain::listing::{Attention, HoldFilter, PageRequest, PaymentFilter};
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

/// The tables that grow, with the short names that statements give them.
const TABLES: [&str; 27] = [
    "allowances",
    "a",
    "holds",
    "h",
    "payments",
    "p",
    "occupancy",
    "o",
    "blocks",
    "b",
    "resources",
    "r",
    "guests",
    "clients",
    "calendar_feeds",
    "f",
    "commands",
    "checkout_attempts",
    "stripe_events",
    "hold_history",
    "a",
    "unowned_facts",
    "refunds",
    "refund_requests",
    "disputes",
    "d",
    "c",
];

/// Frequent queries must not read old rows: they search a table, or read an index of live rows.
#[tokio::test]
async fn frequent_queries_never_scan_a_whole_table() {
    let TestStore { store, .. } = &test_store().await;
    let frequent = [
        occupancy::TAKE_UNITS,
        allowances::LOAD_USAGE,
        allowances::TAKE,
        availability::ALL_CONFIRMED,
        availability::WITH_STATUSES,
        blocks::CONFLICTS,
        feeds::LEASE_DUE,
        holds::LEASE_DUE,
        holds::FIND,
        holds::FIND_BY_REFS,
        holds::LIST_CONFIRMED,
        commands::LEASE_DUE,
        attempts::LEASE_STALE,
        crate::store::events::LIST_OF_HOLD,
        events::CLEAR_PAYLOADS,
        events::DELETE_OLD,
        attempts::DELETE_OLD,
        commands::DELETE_DONE,
        crate::store::attempts::FIND_BY_KEY,
        crate::store::attempts::LIST_OPEN,
        crate::store::events::COPY_OF_HOLD,
        crate::store::events::COPY_OF_ORPHANS,
        crate::store::guests::COUNT_UNPAID_OF_GUEST,
        guests::CLEAR_METADATA,
        guests::CLEAR_BODIES_OF_HOLDS,
        guests::SELECT_OF_GUEST,
        holds::DELETE,
        holds::DELETE_HISTORY,
        holds::SELECT_RELEASED,
        crate::store::unowned_facts::FIND,
        crate::store::unowned_facts::LIST_TIED,
        unowned_facts::DELETE_OLD,
        guests::SELECT_DUE,
        guests::ERASE,
        guests::DELETE_GUESTS,
        guests::DELETE_IDLE_CLIENTS,
        crate::store::figures::COUNT,
        ledger::FIND_FACTS,
        ledger::LEASE_UNVERIFIED,
        ledger::DELETE_FOREIGN_REFUNDS,
        ledger::DELETE_FOREIGN_DISPUTES,
        payments::FIND_ORPHAN,
        refund_requests::DELETE_OLD,
        crate::store::refund_requests::FIND,
        crate::store::ledger::IS_KNOWN,
        crate::store::ledger::TOUCH_HOLD,
        crate::store::ledger::NOTE_REFUNDS,
        crate::store::ledger::NOTE_DISPUTES,
        crate::store::ledger::LIST_UNNOTED,
        super::super::figures::COUNT_SOLD_TWICE,
    ];
    for query in frequent {
        let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {query}"));
        let plan: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(explain).fetch_all(&store.writer).await.unwrap();
        assert!(plan.iter().any(|step| step.3.contains("INDEX")), "{plan:?}");
        for (.., step) in plan {
            let whole = TABLES.map(|table| format!("SCAN {table}"));
            assert!(!whole.contains(&step), "{step}: {query}");
            // This index has the done commands too.
            assert!(!step.contains("commands_newest"), "{step}: {query}");
        }
    }
}

/// Payments without a hold stay; those that wait for one are few.
#[tokio::test]
async fn waiting_money_is_found_by_its_own_index() {
    let TestStore { store, .. } = &test_store().await;
    for statement in [
        crate::store::waiting_payments::LIST_OF_HOLD,
        crate::store::waiting_payments::LIST_INTENTS,
        crate::store::waiting_payments::LIST_UNSETTLED,
        crate::store::figures::COUNT,
    ] {
        let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
        let plan: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(explain).fetch_all(&store.writer).await.unwrap();
        assert!(
            plan.iter().any(|step| step.3.contains("payments_waiting")),
            "{plan:?}"
        );
    }
}

/// What an operator must look at is little, however many holds and payments there are.
#[tokio::test]
async fn attention_is_found_by_its_own_indexes() {
    let TestStore { store, .. } = &test_store().await;
    let page = PageRequest {
        limit: 50,
        cursor: None,
    };
    for attention in [
        Attention::MoneyWithoutSlot,
        Attention::SlotWithoutMoney,
        Attention::RefundFailed,
        Attention::PriceMismatch,
        Attention::Disputed,
    ] {
        let holds = HoldFilter {
            attention: Some(attention),
            ..HoldFilter::default()
        };
        let payments = PaymentFilter {
            attention: Some(attention),
            ..PaymentFilter::default()
        };
        let lists = [
            holds::list_query(&holds, &page).unwrap(),
            payments::list_query(&payments, &page).unwrap(),
        ];
        for list in lists {
            let explain = format!("EXPLAIN QUERY PLAN {}", list.into_string());
            let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(sqlx::AssertSqlSafe(explain))
                .fetch_all(&store.writer)
                .await
                .unwrap();
            let is_walk = |step: &str| {
                step.contains("_newest") || TABLES.iter().any(|table| step == format!("SCAN {table}"))
            };
            assert!(
                !plan.iter().any(|step| is_walk(&step.3)),
                "{attention:?}: {plan:?}"
            );
        }
    }
}

/// The view shows one payment without a look at the orders of all others.
#[tokio::test]
async fn sums_of_one_payment_are_found_by_its_intent() {
    let TestStore { store, .. } = &test_store().await;
    let explain = "EXPLAIN QUERY PLAN SELECT * FROM payment_ledger WHERE intent_id = 'pi_1'";
    let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(explain).fetch_all(&store.writer).await.unwrap();
    let is_whole = |step: &str| step.starts_with("SCAN") || step.starts_with("MATERIALIZE");
    assert!(!plan.iter().any(|step| is_whole(&step.3)), "{plan:?}");
}

/// A resource may have thousands of blocks of its feed; a block of the operator is found without reading them.
#[tokio::test]
async fn block_is_found_by_its_whole_key() {
    let TestStore { store, .. } = &test_store().await;
    for statement in [crate::store::blocks::DELETE, blocks::EXISTS] {
        let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
        let plan: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(explain).fetch_all(&store.writer).await.unwrap();
        let key = "(resource_id=? AND from_feed=? AND id=?)";
        assert!(plan.iter().any(|step| step.3.contains(key)), "{plan:?}");
    }
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
