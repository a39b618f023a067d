//! Tests of the command line, with the real binary: help, exit codes, configuration faults, the output of each
//! command, and a graceful stop on SIGTERM.

use std::time::{Duration, Instant};

use holdfast::clock::SystemClock;
use holdfast::domain::time::Clock;
use holdfast::sandbox::Faults;
use serde_json::Value;

use crate::support::app::{ADMIN_KEY, Client, TestApp, WEBHOOK_SECRET, order, variables};
use crate::support::database::{Engine, TestDatabase};
use crate::support::on_both_engines;
use crate::support::process::{Process, complete};
use crate::support::wait_for::eventually;

#[tokio::test]
async fn every_command_has_help() {
    let directory = tempfile::tempdir().unwrap();
    let commands = [
        "serve",
        "sandbox",
        "migrate",
        "backup",
        "export",
        "import",
        "sweep",
        "reconcile",
        "doctor",
        "today",
        "key",
        "stripe-sandbox",
    ];
    let general = complete(directory.path(), &["--help"], &[]).await;
    assert_eq!(general.code, Some(0));
    for command in commands {
        assert!(general.stdout.contains(command), "{}", general.stdout);
        let help = complete(directory.path(), &[command, "--help"], &[]).await;
        assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""), "{command}");
        assert!(help.stdout.contains("Usage: holdfast"), "{}", help.stdout);
    }
    for wrong in [
        vec![],
        vec!["nonsense"],
        vec!["serve", "--nonsense"],
        vec!["stripe-sandbox", "--listen", "x"],
    ] {
        let ended = complete(directory.path(), &wrong, &[]).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{wrong:?}");
    }
}

#[tokio::test]
async fn secret_is_read_from_its_file() {
    let database = TestDatabase::without_schema(Engine::Sqlite).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("database_url");
    let path = file.to_str().unwrap();
    let missing = complete(directory.path(), &["migrate"], &[("DATABASE_URL_FILE", path)]).await;
    assert_eq!(missing.code, Some(2), "{missing:?}");
    for part in ["DATABASE_URL", "DATABASE_URL_FILE", path] {
        assert!(missing.stderr.contains(part), "{missing:?}");
    }
    std::fs::write(&file, format!("{}\n", database.url())).unwrap();
    let both = [("DATABASE_URL_FILE", path), ("DATABASE_URL", "sqlite://other.db")];
    assert_eq!(
        complete(directory.path(), &["migrate"], &both).await.code,
        Some(2)
    );
    let done = complete(directory.path(), &["migrate"], &both[..1]).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(database.store().is_ready().await.unwrap());
}

#[tokio::test]
async fn all_config_faults_are_reported_without_secrets() {
    let directory = tempfile::tempdir().unwrap();
    let faulty = [
        ("DATABASE_URL", "mysql://user:hunter2@host/db"),
        ("STRIPE_SECRET_KEY", "pk_hunter2"),
        ("STRIPE_WEBHOOK_SECRET", "hunter2"),
        ("HOLDFAST_LISTEN", "hunter2"),
        ("HOLDFAST_HOLD_TTL", "hunter2"),
        ("HOLDFAST_FULL_REFUND_FREES_SLOT", "hunter2"),
        ("HOLDFAST_ASK_PROCESSING_AFTER", "hunter2"),
        ("HOLDFAST_KEEP_EVENTS", "hunter2"),
        ("HOLDFAST_FORGET_AFTER", "hunter2"),
        ("HOLDFAST_SWEEP_CRON", "hunter2"),
        ("HOLDFAST_SUCCESS_URL", "hunter2"),
        ("HOLDFAST_ALLOWED_ORIGINS", "hunter2"),
        ("HOLDFAST_TIMEZONE", "hunter2"),
        ("HOLDFAST_LOG_FORMAT", "hunter2"),
    ];
    for command in ["serve", "sweep", "doctor"] {
        let ended = complete(directory.path(), &[command], &faulty).await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
        for (variable, _) in faulty {
            assert!(
                ended.stderr.contains(variable),
                "{command}: {variable} is missing in {}",
                ended.stderr
            );
        }
        assert!(
            !ended.stderr.contains("hunter2") && ended.stdout.is_empty(),
            "{ended:?}"
        );
    }
    let missing = complete(directory.path(), &["serve"], &[]).await;
    assert_eq!(missing.code, Some(2));
    for variable in ["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"] {
        assert!(missing.stderr.contains(variable), "{missing:?}");
    }
    std::fs::write(directory.path().join(".env"), "STRIPE_SECRET_KEY='hunter2").unwrap();
    let unreadable = complete(directory.path(), &["serve"], &[]).await;
    assert_eq!(unreadable.code, Some(2));
    assert!(!unreadable.stderr.contains("hunter2"), "{unreadable:?}");
}

on_both_engines! {
    async fn migrate_sweep_and_doctor_report_their_result(engine) {
        let app = TestApp::start(engine).await;
        let directory = tempfile::tempdir().unwrap();
        let stripe = app.stripe_url();
        let variables = variables(app.database.url(), stripe);
        let migrated = complete(directory.path(), &["migrate"], &variables[..1]).await;
        assert_eq!((migrated.code, migrated.stdout.as_str()), (Some(0), ""), "{migrated:?}");

        let swept = complete(directory.path(), &["sweep"], &variables).await;
        assert_eq!(swept.code, Some(0), "{swept:?}");
        let report: Value = serde_json::from_str(&swept.stdout).unwrap();
        let members: Vec<&str> = report.as_object().unwrap().keys().map(String::as_str).collect();
        let mut expected = vec!["examined", "released", "confirmed", "failed", "oldest_overdue_ms"];
        expected.sort_unstable();
        assert_eq!({ let mut m = members; m.sort_unstable(); m }, expected);

        let examined = complete(directory.path(), &["doctor", "--json"], &variables).await;
        let checks: Vec<Value> = serde_json::from_str(&examined.stdout).unwrap();
        let verdict = |name: &str| checks.iter().find(|check| check["check"] == name).map(|check| check["verdict"].clone());
        assert_eq!((verdict("database"), verdict("stripe")), (Some("ok".into()), Some("ok".into())), "{examined:?}");
        // The simulator's clock is set by the test, so it differs from the machine's: doctor must report it.
        assert_eq!((verdict("clock"), examined.code), (Some("fault".into()), Some(1)), "{examined:?}");
        let diagnosed = complete(directory.path(), &["doctor"], &variables).await;
        assert_eq!(diagnosed.code, Some(1));
        assert!(diagnosed.stdout.contains("FAIL  clock") && diagnosed.stdout.contains("→"), "{diagnosed:?}");
        for secret in ["sk_test_holdfast", WEBHOOK_SECRET, ADMIN_KEY] {
            assert!(!format!("{examined:?}{diagnosed:?}{swept:?}").contains(secret));
        }
    }

    async fn sigterm_finishes_running_requests_then_exits(engine) {
        let app = TestApp::start(engine).await;
        app.clock.catch_up();
        let directory = tempfile::tempdir().unwrap();
        let variables = variables(app.database.url(), app.stripe_url());
        let mut server = Process::start(directory.path(), &["serve"], &variables);
        let client = Client::of(server.address("serving on http://").await);
        client.get("/readyz").await.expect(200);
        app.simulator.set_faults(Faults { latency_ms: 2_000, ..Faults::default() });
        // The real process uses the machine's clock.
        let body = order("call", &(SystemClock.now() + chrono::Duration::days(3)).format("%Y-%m-%dT%H:00:00Z").to_string());
        let stop = async {
            eventually("Stripe is called", async || (app.simulator.calls().create == 1).then_some(())).await;
            server.terminate().await;
            server.says("stopping").await;
        };
        let begun = Instant::now();
        let (answer, ()) = tokio::join!(client.checkout(&body), stop);
        answer.expect(201);
        assert_eq!(server.ends().await.code(), Some(0), "{}", server.output());
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
        assert!(server.output().contains("stopped"), "{}", server.output());
        assert!(tokio::net::TcpStream::connect(client.address).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_passes_healthy_setup_and_names_what_is_missing() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = ["stripe-sandbox", "--listen", "127.0.0.1:0"];
    let mut simulator = Process::start(directory.path(), &arguments, &[]);
    let stripe = format!("http://{}", simulator.address("listens on http://").await);
    let database = TestDatabase::new(Engine::Sqlite).await;
    let healthy = complete(directory.path(), &["doctor"], &variables(database.url(), &stripe)).await;
    assert_eq!(healthy.code, Some(0), "{healthy:?}");
    let nowhere = complete(
        directory.path(),
        &["doctor", "--json"],
        &variables("sqlite://none/holdfast.db", "http://127.0.0.1:1"),
    )
    .await;
    assert_eq!(nowhere.code, Some(1), "{nowhere:?}");
    let checks: Vec<Value> = serde_json::from_str(&nowhere.stdout).unwrap();
    let faults: Vec<_> = checks
        .iter()
        .filter(|check| check["verdict"] == "fault")
        .collect();
    assert!(
        !faults.is_empty() && faults.iter().all(|check| check["remedy"].is_string()),
        "{checks:?}"
    );
    simulator.terminate().await;
    assert_eq!(simulator.ends().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sandbox_starts_without_config_and_prints_its_urls() {
    let directory = tempfile::tempdir().unwrap();
    let mut sandbox = Process::start(
        directory.path(),
        &["sandbox"],
        &[("HOLDFAST_LISTEN", "127.0.0.1:0")],
    );
    let client = Client::of(sandbox.address("open http://").await);
    eventually("it is ready", async || {
        (client.get("/readyz").await.status == 200).then_some(())
    })
    .await;
    let at = (SystemClock.now() + chrono::Duration::days(3))
        .format("%Y-%m-%dT10:00:00Z")
        .to_string();
    let hold = client.checkout(&order("intro-call", &at)).await.expect(201);
    let page = hold.text("checkout_url");
    assert!(page.starts_with("http://127.0.0.1:"), "{page}");
    let stripe = Client::of(sandbox.address("simulator listens on http://").await);
    let pay = format!("/sandbox/sessions/{}/pay", hold.text("checkout_session"));
    let paid = stripe
        .request(reqwest::Method::POST, &pay)
        .json(&serde_json::json!({"outcome": "paid"}));
    stripe.send(paid).await.expect(200);
    let id = hold.text("id");
    eventually("the webhook is delivered", async || {
        (client.hold(id).await["status"] == "confirmed").then_some(())
    })
    .await;
    sandbox.terminate().await;
    assert_eq!(sandbox.ends().await.code(), Some(0), "{}", sandbox.output());
}

#[tokio::test]
async fn misspelt_path_makes_no_database() {
    let directory = tempfile::tempdir().unwrap();
    let variables = variables("sqlite://typo.db", "http://127.0.0.1:1");
    let path = std::fs::canonicalize(directory.path()).unwrap().join("typo.db");
    let named = format!("there is no database at {}", path.display());
    for command in [
        vec!["today"],
        vec!["key", "list"],
        vec!["key", "create", "--name", "ana", "--scope", "operate"],
        vec!["export"],
        vec!["import", "-"],
        vec!["sweep"],
        vec!["reconcile"],
        vec!["backup", "copy.db"],
    ] {
        let ended = complete(directory.path(), &command, &variables).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
        assert!(ended.stderr.contains(&named), "{command:?}: {ended:?}");
        let left = std::fs::read_dir(directory.path()).unwrap().count();
        assert_eq!(left, 0, "{command:?} leaves nothing");
    }
    let made = complete(directory.path(), &["migrate"], &variables).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    let listed = complete(directory.path(), &["key", "list"], &variables).await;
    assert_eq!((listed.code, listed.stdout.as_str()), (Some(0), ""), "{listed:?}");
}

#[tokio::test]
async fn serve_fails_if_it_cannot_listen() {
    let directory = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut variables = variables("sqlite://holdfast.db", "http://127.0.0.1:1");
    variables.retain(|(name, _)| *name != "HOLDFAST_LISTEN");
    variables.push(("HOLDFAST_LISTEN", &address));
    let ended = complete(directory.path(), &["serve"], &variables).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains(&address), "{ended:?}");
}
