//! Makes the database unavailable to a running service (S23): it restarts, a standby replaces it, the network loses
//! every packet, or every connection is busy. During the outage each endpoint answers 503 with `Retry-After`.
//! Afterwards the same process goes on, and the database is consistent.

use std::sync::Arc;
use std::time::Duration;

use holdfast::domain::booking::Actor;
use holdfast::domain::ids::HoldId;
use holdfast::sandbox::PaymentOutcome;
use holdfast::store::postgres::PostgresStore;
use holdfast::store::{PoolOptions, Schema as _};
use holdfast::workflow::release_hold::release_hold;
use holdfast::workflow::{Context, WorkflowError};
use reqwest::Method;

use crate::support::app::{ApiResponse, TestApp, order};
use crate::support::database::Engine;
use crate::support::database_lock::Lock;
use crate::support::postgres_cluster::Cluster;
use crate::support::proxy::Proxy;
use crate::support::wait_for::eventually;

const SLOT: &str = "2026-12-01T10:00:00Z";
const OTHER: &str = "2026-12-01T12:00:00Z";

/// Checks that every endpoint that needs the database answers 503 with `Retry-After`.
async fn assert_unavailable(app: &TestApp, hold: &ApiResponse) {
    let assert_refused = |answer: ApiResponse| {
        let refused = answer.expect_problem(503, "store_unavailable");
        assert!(refused.headers.contains_key("retry-after"), "{refused:?}");
    };
    let (path, body) = (format!("/v1/holds/{}", hold.text("id")), order("call", OTHER));
    let (checkout, cancel, shown, swept, ready, delivered) = tokio::join!(
        app.checkout(&body),
        app.cancel(hold),
        app.get(&path),
        app.admin(Method::POST, "/v1/admin/sweep", None),
        app.get("/readyz"),
        app.simulator.deliver_next(),
    );
    for answer in [checkout, cancel, shown, swept, ready] {
        assert_refused(answer);
    }
    assert_eq!(delivered.map(|delivery| delivery.status), Some(Ok(503)));
    app.get("/livez").await.expect(200);
}

/// Checks that the service works again: it accepts Stripe's retries and sells a slot. Returns the new hold.
async fn assert_recovered(app: &TestApp, paid: &ApiResponse, slot: &str) -> ApiResponse {
    eventually("the service accepts Stripe's retries", async || {
        app.simulator.deliver_all().await;
        app.simulator.pending_events().is_empty().then_some(())
    })
    .await;
    let sold = eventually("the service sells again", async || {
        let answer = app.checkout(&order("call", slot)).await;
        (answer.status == 201).then_some(answer)
    })
    .await;
    assert_eq!(app.state_of(paid).await, "confirmed");
    sold
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn service_survives_postgres_restart_and_failover() {
    let mut cluster = Cluster::start().await;
    let store = PostgresStore::connect(&cluster.url(), PoolOptions::default()).unwrap();
    store.migrate().await.unwrap();
    let proxy = Proxy::to(&cluster.url()).await;
    let app = TestApp::start_with(Engine::Postgres, &[("DATABASE_URL", proxy.url())]).await;
    app.without_audit("its database is in the cluster, which this test audits below");

    let first = app.hold_slot("call", SLOT).await;
    app.pay(&first, PaymentOutcome::Paid);
    cluster.stop();
    assert_unavailable(&app, &first).await;
    cluster.start_again_with_a_standby().await;
    let second = assert_recovered(&app, &first, "2026-12-01T14:00:00Z").await;

    app.pay(&second, PaymentOutcome::Paid);
    cluster.fail_over();
    assert_unavailable(&app, &second).await;
    proxy.redirect_to_server(&cluster.standby_url());
    assert_recovered(&app, &second, "2026-12-01T16:00:00Z").await;
    let findings = app.audit_of(&cluster.standby_url());
    assert!(findings.is_empty(), "{findings:#?}");
}

/// A network that loses every packet closes no connection. Only the service's own timeout ends the wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_packets_end_in_a_bounded_503() {
    let first = TestApp::start(Engine::Postgres).await;
    let proxy = Proxy::to(first.database.url()).await;
    let other = first
        .another_instance_with(&[("DATABASE_URL", proxy.url())])
        .await;
    other.checkout(&order("call", SLOT)).await.expect(201);
    proxy.stall();
    let answered = tokio::time::timeout(Duration::from_secs(30), other.checkout(&order("call", OTHER))).await;
    let refused = answered
        .expect("the service answers the guest")
        .expect_problem(503, "store_unavailable");
    assert!(refused.headers.contains_key("retry-after"), "{refused:?}");
    proxy.restore_traffic();
    eventually("the service sells again", async || {
        let answer = other.checkout(&order("call", "2026-12-01T14:00:00Z")).await;
        (answer.status == 201).then_some(())
    })
    .await;
}

/// The server closes connections that are idle, sooner than the pool tests them. The next request gets a new one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connection_closed_while_idle_is_replaced() {
    const CONNECTIONS: &str = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'holdfast'";
    let first = TestApp::start(Engine::Postgres).await;
    let name = first.database.url().split(['/', '?']).nth(3).unwrap();
    let setting = format!("ALTER DATABASE {name} SET idle_session_timeout = '200ms'");
    first.database.execute(&setting).await;
    // Over TCP the server's last word reaches the client; over a socket the client only finds that it is closed.
    let proxy = Proxy::to(first.database.url()).await;
    let earlier = first.database.count(CONNECTIONS).await;
    let mut other = first
        .another_instance_with(&[("DATABASE_URL", proxy.url())])
        .await;
    for hour in 10..16 {
        eventually("the server has closed the idle connections", async || {
            (first.database.count(CONNECTIONS).await == earlier).then_some(())
        })
        .await;
        other
            .checkout(&order("call", &format!("2026-12-01T{hour}:00:00Z")))
            .await
            .expect(201);
    }
    other.stop().await;
}

/// Both connections wait for a row lock. The next request gets a 503.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn busy_pool_is_answered_with_503() {
    const WAITING: &str = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0";
    let app = TestApp::start(Engine::Postgres).await;
    let hold = app.hold_slot("call", SLOT).await;
    let tools = &app.context;
    let options = PoolOptions {
        max_connections: 2,
        acquire_timeout: Duration::from_millis(200),
        ..PoolOptions::default()
    };
    let store = Arc::new(PostgresStore::connect(app.database.url(), options).unwrap());
    let context = Context::new(
        store,
        tools.gateway.clone(),
        tools.clock.clone(),
        tools.configured_token_keys.clone(),
        tools.settings.clone(),
    );
    let id = HoldId::parse(hold.text("id")).unwrap();
    let lock = Lock::on_hold(&app.database, hold.text("id")).await;
    let spawn_release = || {
        let context = context.clone();
        tokio::spawn(async move { release_hold(&context, id, None, Actor::Sweep).await })
    };
    let busy = [spawn_release(), spawn_release()];
    eventually("both connections wait", async || {
        (app.database.count(WAITING).await == 2).then_some(())
    })
    .await;
    let third = spawn_release().await.unwrap();
    assert!(matches!(third, Err(WorkflowError::Store(_))), "{third:?}");
    lock.release_lock().await;
    for release in busy {
        assert!(release.await.unwrap().is_ok());
    }
    assert_eq!(app.state_of(&hold).await, "released/expired");
}
