//! Tests what only a server does: drop connections, be unreachable, abort transactions and make them wait for locks.

use std::time::Duration;

use holdfast::store::postgres::PostgresStore;
use holdfast::store::{
    Attempts as _, Claim, PlaceOutcome, Placements as _, PoolOptions, Schema as _, StoreError,
};
use metrics_exporter_prometheus::PrometheusBuilder;

use super::{
    EXPIRED, after, anyone, attempt, becomes, booking, claim_and_place, first_units, placed, segment,
    winners, with_ana,
};
use crate::support::database::{Engine, TestDatabase};

const SHORT_TIMEOUTS: PoolOptions = PoolOptions {
    max_connections: 2,
    acquire_timeout: Duration::from_millis(200),
    statement_timeout: Duration::from_secs(30),
    lock_timeout: Duration::from_millis(200),
    migration_timeout: Duration::from_secs(30),
};

/// Makes the first `times` inserts into `occupancy` fail as PostgreSQL fails the victim of a deadlock. A sequence
/// counts them, because it does not roll back.
async fn abort_inserts(database: &TestDatabase, times: u32) {
    database.execute("CREATE SEQUENCE tries").await;
    let function = format!(
        "CREATE FUNCTION abort_insert() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF nextval('tries') <= {times} THEN RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01'; END IF;
             RETURN NEW;
         END $$"
    );
    database.execute(&function).await;
    let trigger =
        "CREATE TRIGGER abort_insert BEFORE INSERT ON occupancy FOR EACH ROW EXECUTE FUNCTION abort_insert()";
    database.execute(trigger).await;
}

/// S26: PostgreSQL aborts the transaction as the victim of a deadlock.
#[tokio::test]
async fn aborted_transaction_is_repeated_and_counted() {
    let metrics = PrometheusBuilder::new().build_recorder();
    let database = TestDatabase::new(Engine::Postgres).await;
    let _of_this_thread = metrics::set_default_local_recorder(&metrics);
    abort_inserts(&database, 4).await;
    placed(&*database.store(), with_ana(0, 30)).await;
    assert_eq!(database.count("SELECT last_value FROM tries").await, 5);
    assert_eq!(database.count("SELECT count(*) FROM hold_history").await, 1);
    let shown = metrics.handle().render();
    let counted = "holdfast_store_retries_total{reason=\"deadlock\"} 4\n";
    assert!(shown.contains(counted), "{shown}");
}

#[tokio::test]
async fn transaction_that_keeps_aborting_is_unavailable() {
    let database = TestDatabase::new(Engine::Postgres).await;
    abort_inserts(&database, 1000).await;
    let (store, mine) = (database.store(), with_ana(0, 30));
    store.claim_attempt(&attempt(&mine, None, "a")).await.unwrap();
    let answer = store.place_hold(&mine, &first_units(&mine), &anyone()).await;
    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    assert_eq!(database.count("SELECT last_value FROM tries").await, 5);
    assert_eq!(database.count("SELECT count(*) FROM holds").await, 0);
}

/// S23: a server that cannot be reached counts as unavailable, and connecting does not wait for it.
#[tokio::test]
async fn unreachable_server_is_unavailable_and_connect_is_lazy() {
    let store = PostgresStore::connect("postgres://nobody@127.0.0.1:1/none", SHORT_TIMEOUTS).unwrap();
    let answer = store.is_ready().await;
    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    let answer = store.migrate().await;
    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    assert!(PostgresStore::connect("not a url", SHORT_TIMEOUTS).is_err());
}

/// S23: the server closes all connections, and the pool opens new ones.
#[tokio::test]
async fn restored_server_is_used_again_without_a_restart() {
    let database = TestDatabase::new(Engine::Postgres).await;
    let store = database.store();
    placed(&*store, with_ana(0, 30)).await;
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND application_name = 'holdfast'";
    assert!(database.execute(cut).await > 0);
    // Each closed connection may fail once.
    let mut answer = store.is_ready().await;
    for _ in 0..32 {
        if answer.is_ok() {
            break;
        }
        assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
        answer = store.is_ready().await;
    }
    assert!(answer.unwrap());
    placed(&*store, with_ana(30, 60)).await;
}

/// An open transaction on its own connection, for which the store has to wait.
struct ConcurrentTransaction(sqlx::PgConnection);

impl ConcurrentTransaction {
    async fn start(database: &TestDatabase, statements: &[&str]) -> Self {
        let connection = <sqlx::PgConnection as sqlx::Connection>::connect(database.url()).await;
        let mut concurrent = Self(connection.unwrap());
        for statement in statements {
            concurrent.execute(statement).await;
        }
        concurrent
    }

    async fn execute(&mut self, statement: &str) {
        let statement = sqlx::query(sqlx::AssertSqlSafe(statement));
        statement.execute(&mut self.0).await.unwrap();
    }
}

/// Waits until this many connections wait for a lock. The query runs outside of a transaction, because a transaction
/// sees the activity of its first query only.
async fn until_waiting(database: &TestDatabase, connections: i64) {
    let waiting = "SELECT count(*) FROM pg_stat_activity
                   WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0";
    while database.count(waiting).await != connections {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_lock_that_is_not_freed_in_time_is_unavailable() {
    let database = TestDatabase::new(Engine::Postgres).await;
    let store = PostgresStore::connect(database.url(), SHORT_TIMEOUTS).unwrap();
    placed(&store, with_ana(0, 30)).await;
    let again = with_ana(0, 30);
    store
        .claim_attempt(&attempt(&again, Some("k"), "a"))
        .await
        .unwrap();
    let mut table_lock = ConcurrentTransaction::start(
        &database,
        &["BEGIN", "LOCK TABLE occupancy IN ACCESS EXCLUSIVE MODE"],
    )
    .await;
    let (units, limits) = (first_units(&again), anyone());
    let (answer, ()) = tokio::join!(
        store.place_hold(&again, &units, &limits),
        until_waiting(&database, 1)
    );
    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    table_lock.execute("ROLLBACK").await;
    assert_eq!(
        store
            .place_hold(&again, &first_units(&again), &anyone())
            .await
            .unwrap(),
        PlaceOutcome::SlotTaken
    );
}

/// A higher isolation would hide a new block from the trigger that looks for it, without the disk a commit may be lost, and a
/// short time in a transaction would cut off checkouts.
#[tokio::test]
async fn settings_of_the_database_do_not_weaken_a_commit() {
    let database = TestDatabase::new(Engine::Postgres).await;
    for setting in [
        "default_transaction_isolation = 'repeatable read'",
        "synchronous_commit = off",
        "idle_in_transaction_session_timeout = 1",
    ] {
        let statement = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET ', current_database()) || ";
        database
            .execute(&format!("{statement} $s${setting}$s$; END $$"))
            .await;
    }
    let seen = "CREATE TABLE seen (isolation text, durability text, idle text)";
    let function = "CREATE FUNCTION note_settings() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO seen SELECT current_setting('transaction_isolation'), current_setting('synchronous_commit'),
            current_setting('idle_in_transaction_session_timeout');
        RETURN NEW; END $$";
    let trigger = "CREATE TRIGGER note_settings BEFORE INSERT ON occupancy FOR EACH ROW EXECUTE FUNCTION note_settings()";
    for statement in [seen, function, trigger] {
        database.execute(statement).await;
    }
    let store = database.another_store().await;
    placed(&*store, with_ana(0, 30)).await;
    let noted = database
        .texts("SELECT concat_ws(', ', isolation, durability, idle) FROM seen")
        .await;
    assert_eq!(noted, ["read committed, on, 30s"]);
}

/// S1: a concurrent transaction has inserted the same window and has not committed.
#[tokio::test]
async fn place_waits_for_an_uncommitted_concurrent_insert() {
    for (outcome, taken) in [("COMMIT", true), ("ROLLBACK", false)] {
        let database = TestDatabase::new(Engine::Postgres).await;
        let store = database.store();
        let away = placed(&*store, with_ana(600, 630)).await;
        let insert = format!(
            "INSERT INTO occupancy (hold_id, resource_id, during)
             VALUES ('{}', 'ana', tstzrange(to_timestamp(1800000000), to_timestamp(1800001800)))",
            away.hold.id
        );
        let mut concurrent = ConcurrentTransaction::start(&database, &["BEGIN", &insert]).await;
        let waiting = tokio::spawn(async move { claim_and_place(&*store, &with_ana(0, 30)).await });
        until_waiting(&database, 1).await;
        concurrent.execute(outcome).await;
        let placement = waiting.await.unwrap();
        assert_eq!(
            placement == PlaceOutcome::SlotTaken,
            taken,
            "{outcome}: {placement:?}"
        );
    }
}

/// S26: if windows were locked in the order of the request, each of the two requests would lock one end, wait for the
/// concurrent transaction in the middle, and then for the other request.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn windows_are_locked_in_one_order() {
    let database = TestDatabase::new(Engine::Postgres).await;
    let store = database.store();
    let away = placed(&*store, with_ana(600, 630)).await;
    let middle = format!(
        "INSERT INTO occupancy (hold_id, resource_id, during)
         VALUES ('{}', 'mia', tstzrange(to_timestamp(1800000000), to_timestamp(1800001800)))",
        away.hold.id
    );
    // PostgreSQL does not detect a deadlock in this time, so it would end in the lock timeout.
    let name = database.url().split(['/', '?']).nth(3).unwrap();
    database
        .execute(&format!("ALTER DATABASE {name} SET deadlock_timeout = '10min'"))
        .await;
    let mut concurrent = ConcurrentTransaction::start(&database, &["BEGIN", &middle]).await;
    let store = database.another_store().await;
    let waiting = [["ana", "mia", "zoe"], ["zoe", "mia", "ana"]].map(|resources| {
        let store = std::sync::Arc::clone(&store);
        let mine = booking(resources.map(|resource| segment(resource, 0, 30)).into());
        tokio::spawn(async move { claim_and_place(&*store, &mine).await })
    });
    until_waiting(&database, 2).await;
    concurrent.execute("ROLLBACK").await;
    let mut placements = Vec::new();
    for waiting in waiting {
        placements.push(waiting.await.unwrap());
    }
    assert_eq!(winners(&placements), 1, "{placements:?}");
}

/// The second request with a key arrives before the first commits its hold. A claim that read the new attempt and the
/// old hold would give the key to a second hold.
#[tokio::test]
async fn claim_waits_for_a_concurrent_commit_and_returns_its_hold() {
    let database = TestDatabase::new(Engine::Postgres).await;
    let store = database.store();
    let first = with_ana(0, 30);
    store
        .claim_attempt(&attempt(&first, Some("k"), "a"))
        .await
        .unwrap();
    // The rows that `place_hold` writes, before its commit.
    let mut template = with_ana(600, 630);
    template.hold.session = holdfast::domain::ids::SessionId::new("cs_template");
    placed(&*store, template.clone()).await;
    let hold = format!(
        "INSERT INTO holds SELECT (jsonb_populate_record(h, jsonb_build_object('id', '{}', 'session_id', 'cs_first'))).*
         FROM holds h WHERE session_id = 'cs_template'",
        first.hold.id
    );
    let attempt_placed = format!(
        "UPDATE checkout_attempts SET state = 'placed', terms = NULL WHERE hold_id = '{}'",
        first.hold.id
    );
    let lock = "SELECT 1 FROM checkout_attempts FOR UPDATE";
    let mut concurrent = ConcurrentTransaction::start(&database, &["BEGIN", lock]).await;
    let waiting = tokio::spawn(async move {
        store
            .claim_attempt(&attempt(&with_ana(0, 30), Some("k"), "a"))
            .await
            .unwrap()
    });
    until_waiting(&database, 1).await;
    for statement in [&attempt_placed, &hold, "COMMIT"] {
        concurrent.execute(statement).await;
    }
    assert_eq!(waiting.await.unwrap(), Claim::Placed(first.hold.id));
}

/// A caller repeats a call without waiting for its answer. While the second call waits, the first one is committed, and its
/// hold ends.
#[tokio::test]
async fn repeated_place_waits_for_the_first_call_and_takes_nothing() {
    let database = TestDatabase::new(Engine::Postgres).await;
    let store = database.store();
    let mine = placed(&*store, with_ana(0, 30)).await;
    after(&*store, &mine, becomes(&mine, EXPIRED)).await;
    // As it was before the first call ended.
    let running = "UPDATE checkout_attempts SET state = 'running', terms = '{}', ended_at = NULL";
    assert_eq!(database.execute(running).await, 1);
    let end = "UPDATE checkout_attempts SET state = 'placed', terms = NULL, ended_at = now()";
    let mut first = ConcurrentTransaction::start(&database, &["BEGIN", end]).await;
    let again = tokio::spawn(async move {
        let place = store.place_hold(&mine, &first_units(&mine), &anyone()).await;
        place.unwrap()
    });
    until_waiting(&database, 1).await;
    first.execute("COMMIT").await;
    assert_eq!(again.await.unwrap(), PlaceOutcome::Placed);
    for rows in ["occupancy", "allowances"] {
        let count = format!("SELECT count(*) FROM {rows}");
        assert_eq!(database.count(&count).await, 0, "{rows}");
    }
}
