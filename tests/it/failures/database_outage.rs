//! The database goes away under a running service (S23): it dies and comes back, another takes its place, the network
//! loses every packet, every connection is busy. Meanwhile each door answers 503 and says when to come back; afterwards
//! the same process goes on, and the books are right.

use std::sync::Arc;
use std::time::Duration;

use holdfast::domain::booking::Actor;
use holdfast::domain::ids::HoldId;
use holdfast::sandbox::Outcome;
use holdfast::store::postgres::PostgresStore;
use holdfast::store::{PoolOptions, Store};
use holdfast::workflow::release_hold::release_hold;
use holdfast::workflow::{Context, WorkflowError};
use reqwest::Method;

use crate::support::app::{Answer, TestApp, order};
use crate::support::cluster::Cluster;
use crate::support::database::Engine;
use crate::support::lock::Lock;
use crate::support::proxy::Proxy;
use crate::support::wait::eventually;

const SLOT: &str = "2026-12-01T10:00:00Z";
const OTHER: &str = "2026-12-01T12:00:00Z";

/// Every door that needs the books answers 503 and says when to come back.
async fn every_door_is_closed(app: &TestApp, hold: &Answer) {
    let refused = |answer: Answer| {
        let refused = answer.expect_problem(503, "store_unavailable");
        assert!(refused.headers.contains_key("retry-after"), "{refused:?}");
    };
    let (path, body) = (format!("/v1/holds/{}", hold.text("id")), order("call", OTHER));
    let (checkout, cancel, shown, swept, ready, told) = tokio::join!(
        app.checkout(&body),
        app.cancel(hold),
        app.get(&path),
        app.admin(Method::POST, "/v1/admin/sweep", None),
        app.get("/readyz"),
        app.simulator.deliver_next(),
    );
    for answer in [checkout, cancel, shown, swept, ready] {
        refused(answer);
    }
    assert_eq!(told.map(|told| told.status), Some(Ok(503)));
    app.get("/livez").await.expect(200);
}

/// The service goes on: Stripe's retries are taken, and there is selling again.
async fn goes_on(app: &TestApp, paid: &Answer, slot: &str) -> Answer {
    eventually("Stripe's retries are taken", async || {
        app.simulator.deliver_all().await;
        app.simulator.pending_events().is_empty().then_some(())
    })
    .await;
    let sold = eventually("there is selling again", async || {
        let answer = app.checkout(&order("call", slot)).await;
        (answer.status == 201).then_some(answer)
    })
    .await;
    assert_eq!(app.state_of(paid).await, "confirmed");
    sold
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s23_postgres_dies_comes_back_and_is_replaced_and_the_same_process_goes_on() {
    let mut cluster = Cluster::start().await;
    let store = PostgresStore::connect(&cluster.url(), PoolOptions::default()).unwrap();
    store.migrate().await.unwrap();
    let proxy = Proxy::to(&cluster.url()).await;
    let app = TestApp::start_with(Engine::Postgres, &[("DATABASE_URL", proxy.url())]).await;
    app.without_audit("its books are elsewhere, and looked at below");

    let first = app.hold_slot("call", SLOT).await;
    app.pay(&first, Outcome::Paid);
    cluster.stop();
    every_door_is_closed(&app, &first).await;
    cluster.start_again_with_a_standby().await;
    let second = goes_on(&app, &first, "2026-12-01T14:00:00Z").await;

    app.pay(&second, Outcome::Paid);
    cluster.fail_over();
    every_door_is_closed(&app, &second).await;
    proxy.lead_to(&cluster.standby_url());
    goes_on(&app, &second, "2026-12-01T16:00:00Z").await;
    let findings = app.audit_of(&cluster.standby_url());
    assert!(findings.is_empty(), "{findings:#?}");
}

/// A network that loses every packet ends no connection: only our own patience ends the wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s23_a_network_that_loses_everything_does_not_hold_the_guest_for_ever() {
    let away = TestApp::start(Engine::Postgres).await;
    let proxy = Proxy::to(away.database.url()).await;
    let other = away.another_instance_with(&[("DATABASE_URL", proxy.url())]).await;
    other.checkout(&order("call", SLOT)).await.expect(201);
    proxy.stall();
    let answered = tokio::time::timeout(Duration::from_secs(30), other.checkout(&order("call", OTHER))).await;
    let refused = answered
        .expect("the guest is answered")
        .expect_problem(503, "store_unavailable");
    assert!(refused.headers.contains_key("retry-after"), "{refused:?}");
    proxy.mend();
    eventually("there is selling again", async || {
        let answer = other.checkout(&order("call", "2026-12-01T14:00:00Z")).await;
        (answer.status == 201).then_some(())
    })
    .await;
}

/// Both connections wait for a row; whoever comes then is told to come back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s23_when_every_connection_is_busy_the_next_is_told_at_once() {
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
        tools.tokens.clone(),
        tools.settings.clone(),
    );
    let id = HoldId::parse(hold.text("id")).unwrap();
    let lock = Lock::on_hold(&app.database, hold.text("id")).await;
    let give_back = || {
        let context = context.clone();
        tokio::spawn(async move { release_hold(&context, id, None, Actor::Sweep).await })
    };
    let busy = [give_back(), give_back()];
    eventually("both wait", async || {
        (app.database.count(WAITING).await == 2).then_some(())
    })
    .await;
    let third = give_back().await.unwrap();
    assert!(matches!(third, Err(WorkflowError::Store(_))), "{third:?}");
    lock.let_go().await;
    for one in busy {
        assert!(one.await.unwrap().is_ok());
    }
    assert_eq!(app.state_of(&hold).await, "released/expired");
}
