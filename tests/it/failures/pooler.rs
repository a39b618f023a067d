//! Puts PgBouncer between the service and the server. It refuses connections that ask for settings which it does not know,
//! and with transactions pooled it loses the settings and the prepared statements of a session.

use holdfast::doctor::Verdict;
use holdfast::sandbox::PaymentOutcome;
use holdfast::store::postgres::PostgresStore;
use holdfast::store::{PoolOptions, Schema as _};

use crate::support::app::TestApp;
use crate::support::database::Engine;
use crate::support::pgbouncer::PgBouncer;

const SLOT: &str = "2026-12-01T10:00:00Z";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn service_works_behind_a_pooler_of_sessions() {
    let pooler = PgBouncer::start("").await;
    let store = PostgresStore::connect(&pooler.url(), PoolOptions::default()).unwrap();
    store.migrate().await.unwrap();
    let app = TestApp::start_with(Engine::Postgres, &[("DATABASE_URL", &pooler.url())]).await;
    app.without_audit("its database is behind the pooler, and is audited below");
    let hold = app.hold_slot("call", SLOT).await;
    app.pay(&hold, PaymentOutcome::Paid);
    app.deliver_all().await;
    assert_eq!(app.state_of(&hold).await, "confirmed");
    let given_back = app.hold_slot("call", "2026-12-01T12:00:00Z").await;
    app.cancel(&given_back).await.expect(200);
    let checked = app.check_database(&pooler.url()).await;
    assert_eq!(checked.verdict, Verdict::Ok, "{checked}");
    let findings = app.audit_of(&pooler.server_url());
    assert!(findings.is_empty(), "{findings:#?}");
}

/// Whether the pooler gives out the server's connections in turn or the last one first, and with one or with several.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_recognises_a_pooler_of_transactions() {
    let app = TestApp::start(Engine::Postgres).await;
    for settings in [
        "pool_mode = transaction",
        "pool_mode = transaction\nserver_round_robin = 1",
        "pool_mode = transaction\nserver_round_robin = 1\nmin_pool_size = 3",
        "pool_mode = statement",
    ] {
        let pooler = PgBouncer::start(settings).await;
        let checked = app.check_database(&pooler.url()).await;
        assert_eq!(checked.verdict, Verdict::Fault, "{settings}: {checked}");
        assert!(
            checked.found.contains("pools transactions"),
            "{settings}: {checked}"
        );
        assert!(
            checked.remedy.unwrap().contains("pool_mode = session"),
            "{settings}"
        );
    }
}
