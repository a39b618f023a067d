//! Tests that the statements of a checkout and of an event use their indexes, in whatever state the database was when
//! PostgreSQL made their plans: just made, just analysed while it was empty, or large. The plans of SQLite are tested beside
//! its statements.
//!
//! As in `query_plans.rs`, no EXPLAIN is used: PostgreSQL counts the rows that the statements read.

use std::ops::Range;

use holdfast::domain::availability::{SlotAvailability, SlotRequest};
use holdfast::domain::booking::{Booking, ClientId};
use holdfast::domain::hold_limit::{AllowanceRange, HoldLimit, LimitScope};
use holdfast::domain::ids::{EventTypeId, IntentId, ResourceId};
use holdfast::domain::ledger::snapshots::PaymentFacts;
use holdfast::domain::session::HoldRefs;
use holdfast::domain::time::Window;
use holdfast::store::postgres::PostgresStore;
use holdfast::store::{
    AttemptEnd, AvailabilityQuery, Claim, DatabaseClock as _, HoldLimits, LapseQuery, LimitUsageQuery,
    LookupQuery, OwnHoldQuery, PlaceOutcome, PoolOptions, SlotQuery, StateChange, Store,
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::catalogue::{closure_zones, event_type, put_resources};
use super::{DONE, at, attempt, change, event, first_units, key, offer, paid, with_ana};
use crate::store::query_plans::{PAST_ROWS, end_all_connections};
use crate::support::database::{Engine, TestDatabase};
use crate::support::wait_for::eventually;

/// The state of the database when the plans are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    JustMade,
    /// PostgreSQL knows that the tables are empty.
    JustAnalysed,
    Large,
}

/// The tables that grow, or have many rows.
const TABLES: [&str; 12] = [
    "allowances",
    "blocks",
    "checkout_attempts",
    "commands",
    "disputes",
    "hold_history",
    "holds",
    "occupancy",
    "payments",
    "refunds",
    "stripe_events",
    "unowned_facts",
];

/// SQL that makes more past rows: holds of many clients and of one whose limits they count in.
const MORE_ROWS: [&str; 2] = [
    "UPDATE holds SET client_id = 'client' || right(session_id, 2), unpaid_until = created_at WHERE session_id ~ '^cs_[0-9]+$'",
    "INSERT INTO allowances (scope, subject, number, hold_id)
     SELECT 'client', right(session_id, 2), row_number() OVER (), id FROM holds",
];

/// How many past holds there are.
const PAST_HOLDS: i64 = 20_000;

/// How many rows the statements of some checkouts may read of a table. Each checkout has a few.
const MOST_READ: i64 = 300;

/// After so many uses of its connections a store makes its plans anew, and later once more.
const USES: usize = 1000;

async fn write_past_rows(database: &TestDatabase) {
    let mut by_hand = PgConnection::connect(database.url()).await.unwrap();
    let all = PAST_ROWS
        .iter()
        .filter(|sql| **sql != "ANALYZE")
        .chain(&MORE_ROWS);
    for statement in all {
        let statement = statement
            .replace("'holdfast'", "'past'")
            .replace(
                "generate_series(1, 100000)",
                &format!("generate_series(1, {PAST_HOLDS})"),
            )
            .replace("now())", "now()) ON CONFLICT DO NOTHING")
            .replace("FROM holds", "FROM holds WHERE session_id ~ '^cs_[0-9]+$'");
        let done = sqlx::query(AssertSqlSafe(statement.clone()))
            .execute(&mut by_hand)
            .await;
        done.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    by_hand.close().await.unwrap();
    // PostgreSQL counts what it read only when it ends.
    let connections = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'past'";
    eventually("the connection is closed", async || {
        (database.count(connections).await == 0).then_some(())
    })
    .await;
}

/// The part of a limit that checkouts read. Many past holds count in it.
fn limit_range() -> AllowanceRange {
    let (scope, subject, most) = (LimitScope::Client, "17".to_owned(), 100_000);
    let limit = HoldLimit { scope, subject, most };
    let (first, last) = (1, 32);
    AllowanceRange { limit, first, last }
}

/// Reads what a checkout of the `n`-th slot reads before it claims its attempt.
async fn read_as_checkout(store: &dyn Store, mine: &Booking, name: &str) {
    let client = ClientId("client17".to_owned());
    let lookup = LookupQuery {
        event_type: EventTypeId::parse("call").unwrap(),
        key: Some((key(name), "body".to_owned())),
        slot: Some(SlotQuery {
            starts_at: mine.window().starts_at(),
            ranges: vec![limit_range()],
            lapses: Some((client.clone(), at(-60))),
        }),
    };
    let found = store.look_up(&lookup).await.unwrap();
    let names: Vec<_> = found.resource_names.into_values().collect();
    assert_eq!((found.claim, names), (Claim::Free, vec!["ana".to_owned()]));
    assert!(found.slot.is_some());
    for statuses_at in [None, Some(at(0))] {
        let query = AvailabilityQuery {
            resources: &[ResourceId::parse("ana").unwrap()],
            within: mine.segments[0].busy,
            moving: None,
            statuses_at,
        };
        store.load_availability(&query).await.unwrap();
    }
    let usage = LimitUsageQuery {
        ranges: &[limit_range()],
        lapses: Some(LapseQuery {
            client: &client,
            since: at(-60),
        }),
    };
    store.load_limit_usage(&usage).await.unwrap();
}

/// Reads what a checkout that is refused reads of the slot that an unpaid hold has.
async fn read_taken_slot(store: &dyn Store, mine: &Booking) {
    let busy = mine.segments[0].busy;
    let query = AvailabilityQuery {
        resources: &[ResourceId::parse("ana").unwrap()],
        within: busy,
        moving: None,
        statuses_at: Some(at(-60)),
    };
    let found = store.load_availability(&query).await.unwrap();
    let slot = SlotRequest {
        event_type: &event_type("call", 5000),
        quantity: 1,
        requested_resource: None,
        moving: None,
    };
    let state = found.check_slot(&slot, mine.window().starts_at(), 0);
    assert_eq!(state, SlotAvailability::Taken);
    let own = OwnHoldQuery {
        resources: vec![ResourceId::parse("ana").unwrap()],
        within: busy,
        guest: mine.guest.normalized_email(),
        client: ClientId("client17".to_owned()),
        except: None,
    };
    assert!(store.is_kept_by_guest(&own).await.unwrap());
}

/// Reads what looks for windows of all resources.
async fn read_coming_windows(store: &dyn Store) {
    assert_eq!(store.count_units_sold_twice(at(0)).await.unwrap(), 0);
    store.count_other_mode_work(false, at(0)).await.unwrap();
    let ana = ResourceId::parse("ana").unwrap();
    store.list_confirmed_of_resource(&ana, at(0), 10).await.unwrap();
    let within = Window::new(at(0), at(60)).unwrap();
    store.list_live_of_resources(&[ana], within, 10).await.unwrap();
    store.count_live_holds(at(0)).await.unwrap();
}

/// Reads and writes what an event that reports the payment of a hold does.
async fn apply_event(store: &dyn Store, mine: &Booking) {
    let intent = IntentId::new(format!("pi_{}", mine.hold.id));
    let refs = HoldRefs {
        hold: Some(mine.hold.id),
        session: Some(mine.hold.session.clone()),
        intent: Some(intent.clone()),
        paid: Some(intent.clone()),
    };
    let mut found = store.find_booking_by_refs(&refs).await.unwrap().unwrap();
    let reported = found.hold.unmatched.remove(&intent);
    assert_eq!((&found, reported), (mine, Some(PaymentFacts::default())));
    assert!(!store.is_payment_known(&intent).await.unwrap());
    store.find_money_facts(&intent).await.unwrap();
    assert!(store.find_unowned_facts(&intent).await.unwrap().is_empty());
    assert!(!store.is_money_reported(&intent).await.unwrap());
    let mut confirm = change(mine, StateChange::Transition(paid(mine)));
    confirm.event = Some(event(&format!("evt_{}", mine.hold.id)));
    assert_eq!(store.apply_change(&confirm).await.unwrap(), DONE);
}

/// Runs the statements of some checkouts: one is placed and paid, one loses its slot, and one fails.
async fn run_hot_statements(store: &dyn Store, checkouts: Range<i64>) {
    for n in checkouts {
        let [mine, late, failed] = [0; 3].map(|_| with_ana(60 * n, 60 * n + 30));
        read_as_checkout(store, &mine, &format!("key-{n}")).await;
        for (booking, name) in [(&mine, "key"), (&late, "late"), (&failed, "failed")] {
            let claimed = attempt(booking, Some(&format!("{name}-{n}")), "body");
            assert_eq!(store.claim_attempt(&claimed).await.unwrap(), Claim::Free);
        }
        let limits = HoldLimits {
            client: Some(ClientId("client17".to_owned())),
            allowances: vec![offer(LimitScope::Client, &[1, 2, 3])],
            waits: false,
        };
        let placed = store.place_hold(&mine, &first_units(&mine), &limits).await;
        assert_eq!(placed.unwrap(), PlaceOutcome::Placed);
        read_taken_slot(store, &mine).await;
        let refused = store.place_hold(&late, &first_units(&late), &limits).await;
        assert_eq!(refused.unwrap(), PlaceOutcome::SlotTaken);
        let closed = store
            .close_lost_attempt(late.hold.id, &late.hold.session, at(0))
            .await;
        assert!(closed.unwrap().is_some());
        let end = store
            .end_attempt(failed.hold.id, AttemptEnd::Abandoned, at(0))
            .await;
        end.unwrap();
        apply_event(store, &mine).await;
    }
    read_coming_windows(store).await;
}

/// Counts the entries of indexes and the rows that statements have read of each table.
async fn count_reads(database: &TestDatabase) -> Vec<(i64, i64)> {
    let mut counts = Vec::new();
    for table in TABLES {
        let rows = format!(
            "SELECT (coalesce(seq_tup_read + idx_tup_fetch, 0) + coalesce((SELECT sum(idx_tup_read)
                 FROM pg_stat_user_indexes i WHERE i.relid = t.relid), 0))::bigint
             FROM pg_stat_user_tables t WHERE relname = '{table}'"
        );
        let scans = format!("SELECT seq_scan FROM pg_stat_user_tables WHERE relname = '{table}'");
        counts.push((database.count(&rows).await, database.count(&scans).await));
    }
    counts
}

/// SQL that makes a shop with many resources. Half of their names come before the one that the checkouts are for.
const MORE_RESOURCES: &str = "INSERT INTO resources (id, name, created_at)
    SELECT CASE n % 2 WHEN 0 THEN 'a' ELSE 'b' END || n, 'Person ' || n, now() FROM generate_series(1, 2000) n";
/// SQL that counts the resources that statements have read.
const RESOURCES_READ: &str =
    "SELECT (seq_tup_read + idx_tup_fetch)::bigint FROM pg_stat_user_tables WHERE relname = 'resources'";

/// Lists the tables of which too much was read, or which were scanned as a whole.
async fn find_too_much(database: &TestDatabase, before: &[(i64, i64)]) -> Vec<String> {
    let after = count_reads(database).await;
    let reads = TABLES.iter().zip(before.iter().zip(&after));
    let reads = reads.map(|(table, (before, after))| (table, after.0 - before.0, after.1 - before.1));
    reads
        .filter(|(_, rows, scans)| *rows > MOST_READ || *scans > 0)
        .map(|(table, rows, scans)| format!("{table}: {rows} rows, {scans} scans"))
        .collect()
}

/// Opens a store with one connection, which keeps the plans.
fn with_one_connection(database: &TestDatabase) -> PostgresStore {
    let options = PoolOptions {
        max_connections: 1,
        ..PoolOptions::default()
    };
    PostgresStore::connect(database.url(), options).unwrap()
}

/// Runs the statements of some checkouts; their plans are new. Fails if too much was read.
async fn check_reads(database: &TestDatabase, state: State, checkouts: Range<i64>) {
    let before = count_reads(database).await;
    let store = with_one_connection(database);
    run_hot_statements(&store, checkouts).await;
    // PostgreSQL may count what a connection did only when it ends.
    end_all_connections(database).await;
    let too_much = find_too_much(database, &before).await;
    assert!(too_much.is_empty(), "{state:?}: {too_much:?}");
}

/// Makes the event type that the checkouts are for.
async fn offer_call(database: &TestDatabase) {
    let store = database.store();
    put_resources(store.as_ref(), &["ana"]).await;
    let call = event_type("call", 5000);
    store
        .put_event_type(&call, closure_zones(), at(0))
        .await
        .unwrap()
        .unwrap();
    end_all_connections(database).await;
}

/// Runs the statements in this state, and after the tables have grown without being analysed.
async fn use_indexes(state: State) -> TestDatabase {
    let database = TestDatabase::new(Engine::Postgres).await;
    offer_call(&database).await;
    if state == State::Large {
        write_past_rows(&database).await;
    }
    if state != State::JustMade {
        database.execute("ANALYZE").await;
    }
    check_reads(&database, state, 0..3).await;
    if state == State::Large {
        return database;
    }
    let store = with_one_connection(&database);
    run_hot_statements(&store, 3..5).await;
    write_past_rows(&database).await;
    for _ in 0..USES {
        store.read_clock().await.unwrap();
    }
    let before = count_reads(&database).await;
    run_hot_statements(&store, 5..8).await;
    end_all_connections(&database).await;
    let too_much = find_too_much(&database, &before).await;
    assert!(too_much.is_empty(), "{state:?}, then large: {too_much:?}");
    database
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plans_of_a_database_just_made_use_their_indexes() {
    use_indexes(State::JustMade).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plans_of_empty_tables_just_analysed_use_their_indexes() {
    use_indexes(State::JustAnalysed).await;
}

/// With the negative control: without an index the counts show what is read in its place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plans_of_a_large_database_use_their_indexes() {
    let database = use_indexes(State::Large).await;
    let indexes = [
        ("blocks_during", "blocks: "),
        ("holds_ended_of_client", "holds: "),
    ];
    for (n, (index, table)) in (4..).zip(indexes) {
        database.execute(&format!("DROP INDEX {index}")).await;
        let before = count_reads(&database).await;
        let store = with_one_connection(&database);
        run_hot_statements(&store, n..n + 1).await;
        end_all_connections(&database).await;
        let too_much = find_too_much(&database, &before).await;
        assert!(
            too_much.iter().any(|found| found.starts_with(table)),
            "{too_much:?}"
        );
    }
}

/// Reads what checkouts read first, and returns how many resources that were.
async fn count_resources_read(database: &TestDatabase, store: &PostgresStore, checkouts: Range<i64>) -> i64 {
    let before = database.count(RESOURCES_READ).await;
    for n in checkouts {
        read_as_checkout(store, &with_ana(60 * n, 60 * n + 30), &format!("key-{n}")).await;
    }
    end_all_connections(database).await;
    database.count(RESOURCES_READ).await - before
}

/// A shop with thousands of resources looks up those that can serve, and no other, whenever the plan was made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checkout_reads_only_the_resources_that_can_serve() {
    const CHECKOUTS: i64 = 20;
    for state in [State::JustMade, State::JustAnalysed, State::Large] {
        let database = TestDatabase::new(Engine::Postgres).await;
        offer_call(&database).await;
        if state == State::Large {
            database.execute(MORE_RESOURCES).await;
        }
        if state != State::JustMade {
            database.execute("ANALYZE").await;
        }
        let store = with_one_connection(&database);
        if state != State::Large {
            read_as_checkout(&store, &with_ana(0, 30), "key").await;
            database.execute(MORE_RESOURCES).await;
            for _ in 0..USES {
                store.read_clock().await.unwrap();
            }
        }
        let read = count_resources_read(&database, &store, 1..1 + CHECKOUTS).await;
        assert!(
            (CHECKOUTS..10 * CHECKOUTS).contains(&read),
            "{state:?}: {read} resources"
        );
    }
}
