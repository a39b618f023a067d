//! Tests of `holdfast doctor`, check by check: each passes in a healthy setup and reports its fault otherwise. No
//! check waits for long, and none prints a secret. `command_line` tests its exit codes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Duration as Span;
use holdfast::clock::SystemClock;
use holdfast::config::{Config, UnknownVariable};
use holdfast::doctor;
use holdfast::domain::ids::{HoldId, SessionId};
use holdfast::domain::time::Clock;
use holdfast::sandbox::PaymentOutcome;
use holdfast::workflow::{read_feeds, reconcile};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::support::app::{ADMIN_KEY, ApiResponse, ManualClock, TestApp, WEBHOOK_SECRET};
use crate::support::catalogue_fixtures::set_feed;
use crate::support::database::{Engine, TestDatabase};
use crate::support::feed_server::{Feed, PRIVATE, busy};
use crate::support::on_both_engines;

mod stripe_account;

const SLOT: &str = "2026-12-01T10:00:00Z";
const PAGES: [(&str, &str); 2] = [
    ("HOLDFAST_SUCCESS_URL", "https://shop.example/done"),
    ("HOLDFAST_CANCEL_URL", "https://shop.example/back"),
];

/// The report of doctor.
struct Report(Vec<Value>);

impl Report {
    fn verdict(&self, check: &str) -> &str {
        let mut found = self.0.iter().filter(|report| report["check"] == check);
        let report = found
            .next()
            .unwrap_or_else(|| panic!("no {check} in {:?}", self.0));
        assert!(found.next().is_none(), "{check} twice in {:?}", self.0);
        assert_eq!(
            report["remedy"].is_string(),
            report["verdict"] != "ok",
            "{report}"
        );
        report["verdict"].as_str().unwrap()
    }

    /// Returns the checks that did not pass, with their verdicts.
    fn failed_checks(&self) -> Vec<String> {
        let failed_checks = self.0.iter().filter(|report| report["verdict"] != "ok");
        let shown =
            failed_checks.map(|report| format!("{} {}", report["verdict"], report["check"]).replace('"', ""));
        shown.collect()
    }
}

async fn examine(config: &Config, clock: Arc<dyn Clock>) -> Report {
    let begun = Instant::now();
    let checks = doctor::examine(config, config.stripe.as_ref().unwrap(), clock).await;
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    let lines: String = checks.iter().map(|check| format!("{check}\n")).collect();
    let report = serde_json::to_string(&checks).unwrap();
    for secret in ["sk_test_holdfast", WEBHOOK_SECRET, "whsec_", ADMIN_KEY, "hunter2"] {
        assert!(
            !lines.contains(secret) && !report.contains(secret),
            "{secret} in {lines}"
        );
    }
    Report(serde_json::from_str(&report).unwrap())
}

/// Examines a shop that has its own return pages, with some variables changed.
async fn examine_with(app: &TestApp, variables: &[(&'static str, &str)]) -> Report {
    examine(&app.config_with(&[&PAGES, variables].concat()), app.clock.clone()).await
}

async fn paid_hold(app: &TestApp) -> ApiResponse {
    let hold = app.hold_slot("call", SLOT).await;
    app.pay(&hold, PaymentOutcome::Paid);
    app.deliver_all().await;
    hold
}

/// Starts a server that accepts connections and never responds.
async fn start_silent_server() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

on_both_engines! {
    async fn sessions_that_stripe_does_not_know_fail_check(engine) {
        let app = TestApp::start(engine).await;
        assert_eq!(examine_with(&app, &[]).await.verdict("sessions"), "ok", "there is none");
        let paid = paid_hold(&app).await;
        let (_, url) = app.another_account().await;
        let account = [("STRIPE_API_BASE", url.as_str())];
        let failed = examine_with(&app, &account).await.failed_checks();
        assert_eq!(failed, ["fault sessions", "warning stripe events"], "the other account has no endpoint");
        app.hold_slot("call", "2026-12-01T12:00:00Z").await;
        assert_eq!(examine_with(&app, &[]).await.failed_checks(), Vec::<String>::new());
        let hide = format!("UPDATE holds SET session_id = 'cs_test_gone' WHERE id = '{}'", paid.text("id"));
        app.database.execute(&hide).await;
        assert_eq!(examine_with(&app, &[]).await.verdict("sessions"), "ok", "the unpaid one comes first");
        let nowhere = [("STRIPE_API_BASE", "http://127.0.0.1:1")];
        assert_eq!(examine_with(&app, &nowhere).await.failed_checks(), ["warning sessions", "fault stripe"]);
        app.without_audit("the test takes a session from its hold");
    }

    async fn healthy_setup_passes_all_checks(engine) {
        let app = TestApp::start(engine).await;
        paid_hold(&app).await;
        app.hold_slot("call", "2026-12-01T12:00:00Z").await;
        let report = examine_with(&app, &[]).await;
        assert_eq!(report.failed_checks(), Vec::<String>::new());
        for check in ["configuration", "time zones", "database", "statements", "schedules", "stripe", "clock", "stripe permissions", "stripe events", "webhook delivery", "waiting commands"] {
            assert_eq!(report.verdict(check), "ok");
        }
        let zones = report.0.iter().find(|report| report["check"] == "time zones").unwrap();
        assert!(zones["found"].as_str().unwrap().ends_with("; the shop's zone is UTC"), "{zones}");
    }

    async fn calendar_feed_with_faults_is_a_warning(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let feed = Feed::of(busy("20261201T090000Z", "20261201T25")).await;
        set_feed(&app, "ana", Some(&feed.url)).await.expect(200);
        assert_eq!(examine_with(&app, &PRIVATE).await.verdict("calendar feeds"), "ok", "it is not read yet");
        read_feeds::read_due_feeds(&app.context).await.unwrap();
        let report = examine_with(&app, &PRIVATE).await;
        assert_eq!(report.failed_checks(), ["warning calendar feeds"]);
        let found = report.0.iter().find(|report| report["check"] == "calendar feeds").unwrap();
        assert_eq!(found["found"], "ana: 1 fault in 1 entry; each fault says what blocks instead \
            (entry 1: its end is broken; a day from its start, or to the end of the day that it names, and its last blocks block)");
    }

    async fn unknown_or_altered_schema_fails_check(engine) {
        let app = TestApp::start(engine).await;
        app.without_audit("the schema is tampered with");
        app.database.execute("ALTER TABLE hold_history RENAME COLUMN message TO sentence").await;
        assert_eq!(examine_with(&app, &[]).await.failed_checks(), ["fault statements"]);
        app.database.execute("DELETE FROM _sqlx_migrations").await;
        assert_eq!(examine_with(&app, &[]).await.failed_checks(), ["fault database"]);
    }

    async fn new_database_is_reported_as_new(engine) {
        let app = TestApp::start(engine).await;
        let new = TestDatabase::without_schema(engine).await;
        let report = examine_with(&app, &[("DATABASE_URL", new.url())]).await;
        assert_eq!(report.failed_checks(), ["fault database"]);
        let found = report.0.iter().find(|check| check["check"] == "database").unwrap()["found"].as_str().unwrap();
        let expected = match engine {
            Engine::Sqlite => "is new and empty: is the path right?",
            Engine::Postgres => "the database is empty: is it the right one?",
        };
        assert!(found.contains(expected), "{found}");
    }

    async fn overdue_work_fails_check(engine) {
        let app = TestApp::start(engine).await;
        app.hold_slot("call", SLOT).await;
        app.clock.advance(Span::minutes(34));
        assert_eq!(examine_with(&app, &[]).await.failed_checks(), Vec::<String>::new(), "a sweep may be on its way");
        app.clock.advance(Span::minutes(2));
        assert_eq!(examine_with(&app, &[]).await.failed_checks(), ["fault overdue holds"]);
        app.sweep().await;

        let store = app.database.store();
        let session = SessionId::new("cs_test_lost");
        store.abandon_attempt(HoldId(Uuid::new_v4()), &session, app.clock.now()).await.unwrap();
        app.clock.advance(Span::minutes(5));
        assert_eq!(examine_with(&app, &[]).await.failed_checks(), Vec::<String>::new());
        app.clock.advance(Span::minutes(1));
        assert_eq!(examine_with(&app, &[]).await.failed_checks(), ["fault waiting commands"]);
        app.database.execute("UPDATE commands SET tries = 10").await;
        assert_eq!(examine_with(&app, &[]).await.failed_checks(), ["fault waiting commands", "fault stuck commands"]);
        app.database.execute("DELETE FROM commands").await;

        app.database.execute("UPDATE checkout_attempts SET state = 'running', terms = '{}'").await;
        assert_eq!(examine_with(&app, &[]).await.failed_checks(), ["fault open attempts"]);
    }

    async fn money_and_slot_mismatch_fails_check(engine) {
        let app = TestApp::start(engine).await;
        let hold = paid_hold(&app).await;
        let left = app.hold_slot("call", "2026-12-01T12:00:00Z").await;
        app.cancel(&left).await.expect(200);
        let funds = async |hold: &ApiResponse, funds: &str| {
            let change = format!("UPDATE holds SET funds = '{funds}' WHERE id = '{}'", hold.text("id"));
            assert_eq!(app.database.execute(&change).await, 1);
            examine_with(&app, &[]).await.failed_checks()
        };
        assert_eq!(funds(&hold, "none").await, ["fault slot without money"]);
        assert_eq!(funds(&hold, "gone").await, Vec::<String>::new());
        assert_eq!(funds(&left, "paid").await, ["fault money without slot"]);
        assert_eq!(funds(&left, "none").await, Vec::<String>::new());
        app.database.execute("UPDATE payments SET state = 'refund_failed'").await;
        // The version before writes states like that.
        let expected = ["fault failed refunds", "warning unverified money"];
        assert_eq!(examine_with(&app, &[]).await.failed_checks(), expected);
        reconcile::read_counted(&app.context).await.unwrap();
        assert_eq!(examine_with(&app, &[]).await.failed_checks(), Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_file_is_reported_as_new_and_not_made() {
    let app = TestApp::start(Engine::Sqlite).await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("typo.db");
    let url = format!("sqlite://{}", path.display());
    let assert_new = async || {
        let report = examine_with(&app, &[("DATABASE_URL", &url)]).await;
        assert_eq!(report.failed_checks(), ["fault database"]);
        let found = format!("the file {} is new and empty: is the path right?", path.display());
        let is_found = |check: &Value| check["found"] == found.as_str();
        assert!(report.0.iter().any(is_found), "{:?}", report.0);
    };
    for _ in 0..2 {
        assert_new().await;
        assert!(!path.exists());
    }
    std::fs::write(&path, "").unwrap();
    for _ in 0..2 {
        assert_new().await;
    }
    std::fs::write(&path, "no database").unwrap();
    let report = examine_with(&app, &[("DATABASE_URL", &url)]).await;
    assert_eq!(report.failed_checks(), ["fault database"]);
    assert!(
        !format!("{:?}", report.0).contains("is new and empty"),
        "{:?}",
        report.0
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_variable_is_a_warning() {
    let app = TestApp::start(Engine::Sqlite).await;
    let mut config = app.config_with(&PAGES);
    config.unknown_variables = vec![UnknownVariable {
        name: "HOLDFAST_LISTN".to_owned(),
        nearest: "HOLDFAST_LISTEN".to_owned(),
    }];
    let report = examine(&config, app.clock.clone()).await;
    assert_eq!(report.failed_checks(), ["warning variables"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn incomplete_configuration_is_a_warning() {
    let app = TestApp::start(Engine::Sqlite).await;
    for (key, verdict) in [("", "warning"), ("24-letters-are-enough---", "ok")] {
        let report = examine_with(&app, &[("HOLDFAST_ADMIN_KEY", key)]).await;
        assert_eq!(report.verdict("operators' key"), verdict, "{key}");
    }
    let everywhere = format!("0.0.0.0:{}", app.address.port());
    for (listen, success, verdict) in [
        (app.address.to_string(), "", "warning"),
        (everywhere.clone(), "", "warning"),
        (everywhere.clone(), PAGES[0].1, "ok"),
    ] {
        let report = examine_with(
            &app,
            &[("HOLDFAST_LISTEN", &listen), ("HOLDFAST_SUCCESS_URL", success)],
        )
        .await;
        assert_eq!(report.verdict("return pages"), verdict, "{listen}");
        assert_eq!(report.verdict("webhook delivery"), "ok", "{listen}");
    }
    let report = examine_with(
        &app,
        &[("HOLDFAST_LISTEN", &everywhere), ("HOLDFAST_CANCEL_URL", "")],
    )
    .await;
    assert_eq!(report.verdict("return pages"), "warning");
    let public = ("HOLDFAST_PUBLIC_URL", "https://pay.example");
    let report = examine_with(&app, &[("HOLDFAST_CANCEL_URL", ""), public]).await;
    assert_eq!(report.verdict("return pages"), "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhook_secret_mismatch_fails_and_no_instance_warns() {
    let app = TestApp::start(Engine::Sqlite).await;
    let other = examine_with(&app, &[("STRIPE_WEBHOOK_SECRET", "whsec_hunter2")]).await;
    assert_eq!(other.failed_checks(), ["fault webhook delivery"]);
    let both = format!("{WEBHOOK_SECRET},whsec_hunter2");
    let rolling = examine_with(&app, &[("STRIPE_WEBHOOK_SECRET", &both)]).await;
    assert_eq!(
        rolling.failed_checks(),
        ["warning webhook secret", "fault webhook delivery"]
    );

    let simulator = app.stripe_url().trim_start_matches("http://").to_owned();
    let (_listener, silent) = start_silent_server().await;
    for (listen, verdict) in [
        ("127.0.0.1:0", "warning"),
        ("127.0.0.1:1", "warning"),
        (simulator.as_str(), "fault"),
        (silent.as_str(), "fault"),
    ] {
        let report = examine_with(&app, &[("HOLDFAST_LISTEN", listen)]).await;
        assert_eq!(
            report.failed_checks(),
            [format!("{verdict} webhook delivery")],
            "{listen}"
        );
    }
    assert_eq!(
        app.database.count("SELECT count(*) FROM stripe_events").await,
        0,
        "the check stores no event"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_clock_and_wrong_key_mode_fail_check() {
    let app = TestApp::start(Engine::Sqlite).await;
    let ahead = ManualClock::starting_at("2026-11-20T08:01:01Z");
    let report = examine(&app.config_with(&PAGES), ahead).await;
    assert_eq!(report.failed_checks(), ["fault clock"]);
    let mut config = app.config_with(&PAGES);
    config.stripe.as_mut().unwrap().secret_key = "sk_live_hunter2".into();
    let report = examine(&config, app.clock.clone()).await;
    assert_eq!(report.verdict("stripe"), "fault");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unreachable_services_fail_check_quickly() {
    let app = TestApp::start(Engine::Sqlite).await;
    let (_listener, silent) = start_silent_server().await;
    for stripe in ["http://127.0.0.1:1", &format!("http://{silent}")] {
        assert_eq!(
            examine_with(&app, &[("STRIPE_API_BASE", stripe)])
                .await
                .failed_checks(),
            ["fault stripe"],
            "{stripe}"
        );
    }
    let silent = format!("postgres://holdfast:hunter2@{silent}/holdfast");
    for database in [
        "postgres://holdfast:hunter2@127.0.0.1:1/holdfast",
        &silent,
        "sqlite://nowhere/at/all.db",
    ] {
        let report = examine_with(&app, &[("DATABASE_URL", database)]).await;
        assert_eq!(report.failed_checks(), ["fault database"], "{database}");
        assert_eq!(report.verdict("stripe"), "ok");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn remote_database_in_clear_text_is_a_warning() {
    let app = TestApp::start(Engine::Sqlite).await;
    for (rest, verdict) in [
        ("db.invalid/holdfast", "warning"),
        ("db.invalid/holdfast?sslmode=prefer", "warning"),
        ("db.invalid/holdfast?sslmode=require", "ok"),
        ("db.invalid/holdfast?sslmode=verify-full", "ok"),
        ("127.0.0.1:1/holdfast", "ok"),
        ("127.0.0.1:1/holdfast?host=/nowhere", "ok"),
    ] {
        let database = format!("postgres://holdfast:hunter2@{rest}");
        let report = examine_with(&app, &[("DATABASE_URL", &database)]).await;
        assert_eq!(report.verdict("database TLS"), verdict, "{rest}");
    }
    assert_eq!(examine_with(&app, &[]).await.verdict("database TLS"), "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn empty_setup_reports_every_missing_part() {
    let app = TestApp::start(Engine::Sqlite).await;
    let away = [
        ("DATABASE_URL", "sqlite://nowhere/at/all.db"),
        ("STRIPE_API_BASE", "http://127.0.0.1:1"),
        ("HOLDFAST_LISTEN", "127.0.0.1:1"),
    ];
    let report = examine(&app.config_with(&away), Arc::new(SystemClock)).await;
    let expected = [
        "warning return pages",
        "fault database",
        "fault stripe",
        "warning webhook delivery",
    ];
    assert_eq!(report.failed_checks(), expected);
    assert_eq!(
        report.0[0],
        json!({"check": "configuration", "verdict": "ok", "found": "complete"})
    );
}
