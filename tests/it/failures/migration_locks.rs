//! Holds a lock that a migration needs, as a backup or a long query does. The migration makes no reader wait, goes on when
//! the lock is given back, and otherwise says who keeps it.

use std::time::Duration;

use holdfast::store::postgres::PostgresStore;
use holdfast::store::{PoolOptions, Schema as _, StoreError};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;

use crate::support::app::{TestApp, variables};
use crate::support::database::{Engine, TestDatabase};
use crate::support::process::Process;
use crate::support::wait_for::eventually;

/// The last version whose next migration changes `hold_history`.
const VERSION: i64 = 9;
const READ: &str = "SELECT count(*) FROM hold_history WHERE actor = 'ada'";
const WAITING: &str =
    "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'hold_history'::regclass";

async fn connect(database: &TestDatabase) -> PgConnection {
    PgConnection::connect(database.url()).await.unwrap()
}

async fn run(connection: &mut PgConnection, statement: &'static str) {
    let done = sqlx::query(AssertSqlSafe(statement)).execute(connection).await;
    done.unwrap_or_else(|error| panic!("{statement}: {error}"));
}

/// Keeps a lock that only an exclusive one conflicts with.
async fn start_backup(database: &TestDatabase) -> PgConnection {
    let mut backup = connect(database).await;
    for statement in ["SET application_name = 'pg_dump'", "BEGIN", READ] {
        run(&mut backup, statement).await;
    }
    backup
}

async fn until_waiting(database: &TestDatabase) {
    eventually("the migration waits for the lock", async || {
        (database.count(WAITING).await > 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migration_that_waits_makes_no_reader_wait() {
    let database = TestDatabase::of_version(Engine::Postgres, VERSION).await;
    let mut backup = start_backup(&database).await;
    let mut reader = connect(&database).await;
    run(&mut reader, "SET statement_timeout = '3s'").await;
    let store = database.store();
    let migrating = tokio::spawn(async move { store.migrate().await });
    until_waiting(&database).await;
    run(&mut reader, READ).await;
    // Another instance, which starts now, waits no longer than this one.
    let other = database.another_store().await;
    let other = tokio::spawn(async move { other.migrate().await });
    until_waiting(&database).await;
    run(&mut reader, READ).await;
    assert!(!migrating.is_finished() && !other.is_finished());
    run(&mut backup, "COMMIT").await;
    migrating.await.unwrap().unwrap();
    other.await.unwrap().unwrap();
    assert!(database.store().is_ready().await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migration_without_its_lock_names_who_keeps_it() {
    let database = TestDatabase::of_version(Engine::Postgres, VERSION).await;
    let mut backup = start_backup(&database).await;
    let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
        .fetch_one(&mut backup)
        .await
        .unwrap();
    run(&mut backup, READ).await;
    let options = PoolOptions {
        // For two tries.
        migration_timeout: Duration::from_secs(7),
        ..PoolOptions::default()
    };
    let store = PostgresStore::connect(database.url(), options).unwrap();
    let refused = store.migrate().await.unwrap_err();
    assert!(matches!(refused, StoreError::Unsuitable(_)), "{refused:?}");
    let text = refused.to_string();
    for words in [
        &format!("process {pid}"),
        "application pg_dump",
        "its query began at",
    ] {
        assert!(text.contains(words), "{text}");
    }
    assert!(!text.contains("ada") && !text.contains("SELECT"), "{text}");
    assert!(!store.is_ready().await.unwrap());
}

/// A service manager that stops the process must not wait for the lock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stop_signal_ends_the_wait_for_a_lock() {
    let app = TestApp::start(Engine::Postgres).await;
    let database = TestDatabase::of_version(Engine::Postgres, VERSION).await;
    let _backup = start_backup(&database).await;
    let directory = TempDir::new().unwrap();
    let variables = variables(database.url(), app.stripe_url());
    let mut process = Process::start(directory.path(), &["serve"], &variables);
    process.says("a migration needs a lock").await;
    assert!(process.output().contains("pg_dump"), "{}", process.output());
    process.terminate().await;
    assert!(process.ends().await.success(), "{}", process.output());
}

/// The last version before the ledger.
const BEFORE_LEDGER: i64 = 16;
/// SQL that returns 0 while no migration waits for `holds`, else 1 and how many locks on `payments` it keeps.
const KEPT_BY_WAITING: &str = "SELECT coalesce(max(1 + (
         SELECT count(*) FROM pg_locks kept
         WHERE kept.pid = waiting.pid AND kept.granted AND kept.relation = 'payments'::regclass)), 0)
     FROM pg_locks waiting WHERE NOT waiting.granted AND waiting.relation = 'holds'::regclass";

/// A table that is read as a whole under a lock gets a migration of its own, so that a wait for the next table keeps nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migration_that_waits_for_one_table_keeps_no_other() {
    let database = TestDatabase::of_version(Engine::Postgres, BEFORE_LEDGER).await;
    let mut instance = connect(&database).await;
    for statement in ["BEGIN", "UPDATE holds SET version = version"] {
        run(&mut instance, statement).await;
    }
    let store = database.store();
    let migrating = tokio::spawn(async move { store.migrate().await });
    let kept = eventually("the migration waits for the holds", async || {
        let kept = database.count(KEPT_BY_WAITING).await;
        (kept > 0).then_some(kept)
    })
    .await;
    assert_eq!(kept, 1, "locks on payments, and one");
    run(&mut instance, "COMMIT").await;
    migrating.await.unwrap().unwrap();
}
