//! Tests that frequent queries do not read old rows: with a hundred thousand past holds on PostgreSQL, no table that
//! grows is scanned as a whole.
//!
//! The test uses no EXPLAIN, which could explain another statement than the one that runs. PostgreSQL counts its scans
//! while the service serves guests and an operator, and the test reads the counts afterwards. The plans of SQLite are
//! tested beside its statements.

use holdfast::domain::listing::{Attention, HoldFilter, PageRequest, PaymentFilter};
use holdfast::sandbox::PaymentOutcome;
use reqwest::Method;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::support::app::{Instance, TestApp, order, order_by};
use crate::support::catalogue_fixtures::{block, day, put_closure, slots, unblock};
use crate::support::database::{Engine, TestDatabase};
use crate::support::wait_for::eventually;

/// SQL that writes one hold of Ana for every hour before the first of November, with its history, and past blocks.
pub(super) const PAST_ROWS: [&str; 15] = [
    "SET application_name = 'holdfast'",
    "INSERT INTO resources (id, name, created_at) VALUES ('ana', 'Ana', now())",
    "INSERT INTO holds (id, event_type_id, resource_id, starts_at, ends_at, segments, status, funds, amount, currency,
         session_id, checkout_url, guest_email, guest_id, metadata, expires_at, session_expires_at, created_at, updated_at)
     SELECT ('01880000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'call', 'ana', at, at + interval '30 min',
         jsonb_build_array(jsonb_build_object('resource', 'ana', 'starts_at_ms', ms, 'ends_at_ms', ms + 1800000)),
         'confirmed', 'paid', 5000, 'eur', 'cs_' || n, 'https://pay.example/', 'g' || n || '@example.com',
         'g' || n || '@example.com', '{}', at, at, at, at
     FROM (SELECT n, at, (extract(epoch FROM at) * 1000)::bigint AS ms FROM generate_series(1, 100000) n,
           LATERAL (SELECT timestamptz '2026-11-01T00:00:00Z' - n * interval '1 hour' AS at) hour) past",
    "INSERT INTO occupancy (hold_id, resource_id, during) SELECT id, 'ana', tstzrange(starts_at, ends_at) FROM holds",
    "INSERT INTO hold_history (hold_id, at, to_status, message, actor)
     SELECT id, created_at, 'confirmed', 'long ago', 'checkout' FROM holds",
    "INSERT INTO payments (intent_id, hold_id, amount, currency, state, created_at, updated_at)
     SELECT 'pi_' || session_id, id, amount, currency, 'paid', created_at, created_at FROM holds",
    "INSERT INTO checkout_attempts (hold_id, fingerprint, state, claimed_at, ended_at)
     SELECT id, 'print', 'placed', timestamptz '2026-11-20', timestamptz '2026-11-20' FROM holds",
    "INSERT INTO stripe_events (id, kind, hold_id, payload, applied_at)
     SELECT 'evt_' || session_id, 'checkout.session.completed', id, '{}', timestamptz '2026-11-20' FROM holds",
    "INSERT INTO commands (id, deduplication_key, kind, hold_id, session_id, due_at, created_at, done_at)
     SELECT id, 'expire:' || session_id, 'expire_session', id, session_id, created_at, created_at, created_at FROM holds",
    "INSERT INTO guests (email, held, created_at) SELECT guest_id, 0, created_at FROM holds",
    "INSERT INTO blocks (resource_id, id, from_feed, starts_at, ends_at, note, created_at)
     SELECT 'ana', 'b' || row_number() OVER (), false, ends_at, ends_at + interval '30 min', '', created_at
     FROM holds LIMIT 20000",
    "INSERT INTO unowned_facts (event_id, kind, intent_id, fact, reported_at)
     SELECT 'evt_foreign_' || n, 'charge.dispute.created', 'pi_foreign_' || n, '{}', timestamptz '2026-11-20'
     FROM generate_series(1, 20000) n",
    "INSERT INTO refunds (id, intent_id, amount, currency, status, created_at, seen_at)
     SELECT 're_foreign_' || n, 'pi_foreign_' || n, 5000, 'eur', 'succeeded', timestamptz '2026-11-20', timestamptz '2026-11-20'
     FROM generate_series(1, 20000) n",
    "INSERT INTO disputes (id, intent_id, amount, currency, status, created_at, seen_at)
     SELECT 'du_foreign_' || n, 'pi_foreign_' || n, 5000, 'eur', 'won', timestamptz '2026-11-20', timestamptz '2026-11-20'
     FROM generate_series(1, 20000) n",
    "ANALYZE",
];

/// SQL that counts the full scans of tables that grow with time.
const FULL_SCANS: &str = "SELECT coalesce(sum(seq_scan), 0)::bigint FROM pg_stat_user_tables
    WHERE relname IN ('holds', 'occupancy', 'blocks', 'guests', 'hold_history', 'payments', 'checkout_attempts',
        'stripe_events', 'commands', 'unowned_facts', 'refunds', 'disputes')";
/// SQL that counts the blocks that statements have read. There are 20,000 past ones.
const BLOCKS_READ: &str =
    "SELECT (seq_tup_read + idx_tup_fetch)::bigint FROM pg_stat_user_tables WHERE relname = 'blocks'";

pub(super) async fn write_past_rows(database: &TestDatabase) {
    let mut by_hand = PgConnection::connect(database.url()).await.unwrap();
    for statement in PAST_ROWS {
        let done = sqlx::query(AssertSqlSafe(statement)).execute(&mut by_hand).await;
        done.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    by_hand.close().await.unwrap();
    end_all_connections(database).await;
}

/// Closes all connections, because PostgreSQL may count what a connection did only when it ends.
pub(super) async fn end_all_connections(database: &TestDatabase) {
    let others = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'holdfast'";
    eventually("all connections are closed", async || {
        (database.count(others).await == 0).then_some(())
    })
    .await;
}

/// Runs the requests of guests, Stripe and an operator on one date.
async fn a_day(app: &TestApp, at: &Instance, date: &str) {
    let on = |time: &str| format!("{date}T{time}:00Z");
    slots(at, "call", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z")
        .await
        .expect(200);
    let hold = at.checkout(&order("call", &on("10:00"))).await.expect(201);
    at.checkout(&order_by("bob@example.com", "call", &on("10:00")))
        .await
        .expect_problem(409, "slot_taken");
    app.pay(&hold, PaymentOutcome::Paid);
    app.deliver_all().await;
    assert_eq!(at.state(hold.text("id")).await, "confirmed");
    let moving = format!("/v1/holds/{}/move", hold.text("id"));
    let to = json!({"starts_at": on("11:00")});
    at.admin(Method::POST, &moving, Some(to)).await.expect(200);
    let other = at.checkout(&order("call", &on("12:00"))).await.expect(201);
    block(at, "ana", "dentist", &on("12:00"), &on("13:00"))
        .await
        .expect(201);
    unblock(at, "ana", "dentist").await.expect(204);
    put_closure(at, "holiday", json!({"from": date, "to": date}))
        .await
        .expect(201);
    let blocks = format!(
        "/v1/admin/resources/ana/blocks?from={}&to={}",
        on("00:00"),
        on("23:00")
    );
    for path in ["/v1/admin/closures/holiday", blocks.as_str()] {
        at.admin(Method::GET, path, None).await.expect(200);
    }
    at.admin(Method::DELETE, "/v1/admin/closures/holiday", None)
        .await
        .expect(204);
    at.cancel(&other).await.expect(200);
    at.sweep().await;
    for which in [
        "?status=held",
        "?guest=g77@example.com",
        "?event_type=call",
        "?resource=ana",
    ] {
        at.admin(Method::GET, &format!("/v1/admin/holds{which}"), None)
            .await
            .expect(200);
    }
    assert!(day(at, "call", date).await.contains(&"11:00 taken 0".to_owned()));
    read_calendar(at).await;
}

/// Reads the calendar of Ana, and returns how many entries it has.
async fn read_calendar(at: &Instance) -> i64 {
    let ana = at
        .admin(Method::GET, "/v1/admin/resources/ana", None)
        .await
        .expect(200);
    let file = at.get(ana.text("calendar_url")).await.expect(200);
    file.body.as_str().unwrap().matches("BEGIN:VEVENT").count() as i64
}

/// SQL that counts the rows of `holds` that statements have read.
pub(super) const HOLDS_READ: &str =
    "SELECT coalesce(sum(seq_tup_read + idx_tup_fetch), 0)::bigint FROM pg_stat_user_tables
    WHERE relname = 'holds'";

/// A calendar program asks every few minutes, and past holds stay.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calendar_reads_only_the_holds_that_it_shows() {
    let database = TestDatabase::new(Engine::Postgres).await;
    write_past_rows(&database).await;
    let mut app = TestApp::start_on(database, &[]).await;
    app.without_audit("the past was made up");
    app.offer("call", "ana", 30, 5000).await;
    let before = app.database.count(HOLDS_READ).await;
    let shown = read_calendar(&app.instance).await;
    app.instance.stop().await;
    end_all_connections(&app.database).await;
    let read = app.database.count(HOLDS_READ).await - before;
    assert!(
        shown > 100 && read <= shown + 100,
        "{read} rows for {shown} entries"
    );
}

/// SQL that counts the rows of holds and money that statements have read.
pub(super) const ALL_READ: &str =
    "SELECT coalesce(sum(seq_tup_read + idx_tup_fetch), 0)::bigint FROM pg_stat_user_tables
    WHERE relname IN ('holds', 'payments', 'commands', 'refunds', 'disputes')";

/// What an operator must look at is little, however many holds and payments there are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attention_lists_read_only_what_they_show() {
    let database = TestDatabase::new(Engine::Postgres).await;
    write_past_rows(&database).await;
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
        Attention::DoesNotAddUp,
        Attention::Overdue,
        Attention::ProcessingLong,
    ] {
        let holds = HoldFilter {
            attention: Some(attention),
            ..HoldFilter::default()
        };
        let payments = PaymentFilter {
            attention: Some(attention),
            ..PaymentFilter::default()
        };
        let before = database.count(ALL_READ).await;
        let store = database.another_store().await;
        assert!(
            store
                .list_bookings(&holds, &page)
                .await
                .unwrap()
                .entries
                .is_empty()
        );
        end_all_connections(&database).await;
        let of_holds = database.count(ALL_READ).await - before;
        // The connections of the first store have ended.
        let store = database.another_store().await;
        assert!(
            store
                .list_payments(&payments, &page)
                .await
                .unwrap()
                .entries
                .is_empty()
        );
        end_all_connections(&database).await;
        let of_payments = database.count(ALL_READ).await - before - of_holds;
        assert!(
            of_holds.max(of_payments) < 100,
            "{attention:?}: {of_holds} and {of_payments} rows"
        );
    }
}

/// The view shows one payment without a look at the orders of all others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sums_of_one_payment_read_only_its_rows() {
    let database = TestDatabase::new(Engine::Postgres).await;
    write_past_rows(&database).await;
    let mut by_hand = PgConnection::connect(database.url()).await.unwrap();
    for statement in [
        "SET application_name = 'holdfast'",
        "INSERT INTO commands (id, deduplication_key, kind, hold_id, intent_id, amount, currency, ordered_by, due_at, created_at,
             done_at)
         SELECT gen_random_uuid(), 'refund:' || intent_id, 'refund', hold_id, intent_id, amount, currency, 'holdfast', created_at,
             created_at, created_at
         FROM payments LIMIT 20000",
        "ANALYZE",
    ] {
        sqlx::query(AssertSqlSafe(statement)).execute(&mut by_hand).await.unwrap();
    }
    by_hand.close().await.unwrap();
    end_all_connections(&database).await;
    let before = database.count(ALL_READ).await;
    let mut operator = PgConnection::connect(database.url()).await.unwrap();
    for statement in [
        "SET application_name = 'holdfast'",
        "SELECT * FROM payment_ledger WHERE intent_id = 'pi_cs_1'",
        "SELECT * FROM payment_ledger WHERE intent_id IN (SELECT intent_id FROM payments WHERE NOT adds_up)",
    ] {
        sqlx::query(AssertSqlSafe(statement))
            .execute(&mut operator)
            .await
            .unwrap();
    }
    operator.close().await.unwrap();
    end_all_connections(&database).await;
    let read = database.count(ALL_READ).await - before;
    assert!(read < 100, "{read} rows");
}

/// SQL that counts the rows of `occupancy` that statements have read.
const OCCUPANCY_READ: &str =
    "SELECT coalesce(sum(seq_tup_read + idx_tup_fetch), 0)::bigint FROM pg_stat_user_tables
    WHERE relname = 'occupancy'";

/// Each instance counts every few minutes, and past bookings stay.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn count_of_units_sold_twice_reads_only_what_is_to_come() {
    let database = TestDatabase::new(Engine::Postgres).await;
    write_past_rows(&database).await;
    let before = database.count(OCCUPANCY_READ).await;
    let store = database.another_store().await;
    // The last ten of the past bookings have not ended then.
    let now = "2026-10-31T14:00:00Z".parse().unwrap();
    assert_eq!(store.count_units_sold_twice(now).await.unwrap(), 0);
    end_all_connections(&database).await;
    let read = database.count(OCCUPANCY_READ).await - before;
    assert!((1..100).contains(&read), "{read} rows");
}

/// SQL that counts the rows of refunds and disputes that statements have read.
const MONEY_READ: &str =
    "SELECT coalesce(sum(seq_tup_read + idx_tup_fetch), 0)::bigint FROM pg_stat_user_tables
    WHERE relname IN ('refunds', 'disputes')";

/// Others sell in the same account, and Stripe reports their refunds and disputes too. They stay for weeks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sweeps_do_not_read_the_money_of_others() {
    let database = TestDatabase::new(Engine::Postgres).await;
    write_past_rows(&database).await;
    let mut app = TestApp::start_on(database, &[]).await;
    app.without_audit("the past was made up");
    let before = app.database.count(MONEY_READ).await;
    for _ in 0..3 {
        app.instance.sweep().await;
    }
    app.instance.stop().await;
    end_all_connections(&app.database).await;
    let read = app.database.count(MONEY_READ).await - before;
    assert!(read < 100, "{read} rows");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn growing_tables_are_never_fully_scanned_on_postgres() {
    let database = TestDatabase::new(Engine::Postgres).await;
    write_past_rows(&database).await;
    let before = (
        database.count(FULL_SCANS).await,
        database.count(BLOCKS_READ).await,
    );
    let mut app = TestApp::start_on(database, &[]).await;
    app.without_audit("the past was made up");
    app.offer("call", "ana", 30, 5000).await;
    for date in [
        "2026-12-01",
        "2026-12-02",
        "2026-12-03",
        "2026-12-04",
        "2026-12-05",
        "2026-12-06",
    ] {
        a_day(&app, &app.instance, date).await;
    }
    app.instance.stop().await;
    end_all_connections(&app.database).await;
    assert_eq!(
        app.database.count(FULL_SCANS).await,
        before.0,
        "a table was scanned as a whole"
    );

    let read = app.database.count(BLOCKS_READ).await - before.1;
    assert!(read < 5_000, "{read} blocks were read");

    // The negative control: without its index all blocks of the resource are read, and the count shows it.
    app.database.execute("DROP INDEX blocks_during").await;
    let mut other = app.another_instance().await;
    app.simulator.set_webhook_url(other.url("/webhooks/stripe"));
    a_day(&app, &other, "2026-12-07").await;
    other.stop().await;
    end_all_connections(&app.database).await;
    assert!(app.database.count(BLOCKS_READ).await - before.1 > 20_000);
}

/// A shop's first plans are made while its tables are empty. They must not be those of the large tables that it has later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plans_of_a_new_shop_are_made_anew_as_it_grows() {
    let database = TestDatabase::new(Engine::Postgres).await;
    database.execute("ANALYZE").await;
    let app = TestApp::start_on(database, &[]).await;
    app.without_audit("the past was made up");
    app.offer("call", "ana", 30, 5000).await;
    a_day(&app, &app.instance, "2026-12-01").await;
    // As the tables grow, nobody has analysed them yet.
    let grow = PAST_ROWS.iter().skip(2).filter(|sql| **sql != "ANALYZE");
    for statement in grow {
        let statement = statement.replace("FROM holds", "FROM holds WHERE session_id ~ '^cs_[0-9]+$'");
        app.database.execute(&statement).await;
    }
    eventually("the plans are made anew", async || {
        let before = app.database.count(OCCUPANCY_READ).await;
        // So many that PostgreSQL counts them meanwhile, if each of them reads the table.
        for _ in 0..200 {
            slots(
                &app.instance,
                "call",
                "2026-12-02T00:00:00Z",
                "2026-12-02T01:00:00Z",
            )
            .await
            .expect(200);
        }
        let read = app.database.count(OCCUPANCY_READ).await - before;
        (read < 5_000).then_some(())
    })
    .await;
}
