//! Tests `holdfast backup`, and carries out the restore drill as `docs/operations.md` has it, command by command.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use holdfast::sandbox::PaymentOutcome;
use holdfast::store::postgres::PostgresStore;
use holdfast::store::{PoolOptions, Schema as _};
use serde_json::Value;
use sqlx::{Connection, PgConnection, SqliteConnection};
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::app::{TestApp, order_by, variables};
use crate::support::database::Engine;
use crate::support::postgres::{Server, binaries};
use crate::support::process::complete;

const SLOT: &str = "2026-12-01T10:00:00Z";

/// Returns the block of commands in the documentation that contains this line.
fn documented_commands(line: &str) -> String {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operations.md")).unwrap();
    let blocks = page.split("```sh\n").skip(1);
    let blocks = blocks.map(|block| block.split("```").next().unwrap().to_owned());
    let mut found = blocks.filter(|block| block.lines().any(|other| other.starts_with(line)));
    let block = found.next().unwrap_or_else(|| panic!("no commands with {line}"));
    assert!(found.next().is_none(), "{line} stands twice");
    block
}

/// Runs commands in a shell that stops at the first one that fails, with the program and PostgreSQL's on its path.
async fn run_commands(directory: &Path, commands: &str, variables: &[(&str, &str)]) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_holdfast")).parent().unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path: Vec<PathBuf> = [program.to_owned()]
        .into_iter()
        .chain(binaries())
        .chain(std::env::split_paths(&path))
        .collect();
    let output = Command::new("sh")
        .args(["-e", "-c", commands])
        .current_dir(directory)
        .env_clear()
        .env("PATH", std::env::join_paths(path).unwrap())
        .envs(variables.iter().copied())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let (shown, errors) = (String::from_utf8(output.stdout), String::from_utf8(output.stderr));
    let (shown, errors) = (shown.unwrap(), errors.unwrap());
    assert!(output.status.success(), "{commands}\n{shown}\n{errors}");
    shown
}

/// Returns what `doctor` found, without the checks that need a running instance or concern the shop's own pages.
fn failed_checks(shown: &str) -> Vec<&str> {
    let other = ["webhook delivery", "return pages"];
    let failed = shown
        .lines()
        .filter(|line| line.starts_with("WARN") || line.starts_with("FAIL"));
    failed
        .filter(|line| !other.iter().any(|check| line.contains(check)))
        .collect()
}

/// Sells a slot by the machine's clock, which the processes use.
async fn sell_slot(app: &TestApp) {
    app.clock.catch_up();
    let day = app.clock_now() + chrono::Duration::days(7);
    let hold = app
        .hold_slot("call", &day.format("%Y-%m-%dT10:00:00Z").to_string())
        .await;
    app.pay(&hold, PaymentOutcome::Paid);
    app.deliver_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backup_copies_a_database_that_is_served() {
    let app = TestApp::start(Engine::Sqlite).await;
    let directory = TempDir::new().unwrap();
    let variables = variables(app.database.url(), app.stripe_url());
    let back_up = async |path: &str| complete(directory.path(), &["backup", path], &variables[..1]).await;
    let first = app.hold_slot("call", SLOT).await;
    app.pay(&first, PaymentOutcome::Paid);
    app.deliver_all().await;
    // Checkouts go on meanwhile.
    let selling = async {
        for hour in 10..20 {
            let guest = order_by(
                &format!("guest-{hour}@example.com"),
                "call",
                &format!("2026-12-02T{hour}:00:00Z"),
            );
            app.checkout(&guest).await.expect(201);
        }
    };
    let (ended, ()) = tokio::join!(back_up("copy.db"), selling);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""), "{ended:?}");
    let copy = directory.path().join("copy.db");
    assert_eq!(
        std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let files = std::fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(files, 1, "there are no files beside the copy");
    let mut opened = SqliteConnection::connect(&format!("sqlite://{}", copy.display()))
        .await
        .unwrap();
    let confirmed: Vec<String> = sqlx::query_scalar("SELECT id FROM holds WHERE status = 'confirmed'")
        .fetch_all(&mut opened)
        .await
        .unwrap();
    assert_eq!(confirmed, [first.text("id")]);
    opened.close().await.unwrap();

    let before = std::fs::read(&copy).unwrap();
    let again = back_up("copy.db").await;
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.stderr.contains("exists"), "{again:?}");
    assert_eq!(
        std::fs::read(&copy).unwrap(),
        before,
        "an existing file stays as it is"
    );
    let nowhere = back_up("nowhere/copy.db").await;
    assert_eq!(nowhere.code, Some(1), "{nowhere:?}");
}

#[tokio::test]
async fn backup_of_nothing_is_refused() {
    let directory = TempDir::new().unwrap();
    let back_up =
        async |url: &str| complete(directory.path(), &["backup", "copy.db"], &[("DATABASE_URL", url)]).await;
    let missing = back_up("sqlite://typo.db").await;
    assert_eq!(missing.code, Some(1), "{missing:?}");
    std::fs::write(directory.path().join("empty.db"), "").unwrap();
    let empty = back_up("sqlite://empty.db").await;
    assert_eq!(empty.code, Some(1), "{empty:?}");
    assert!(empty.stderr.contains("not a database of Holdfast"), "{empty:?}");
    let server = back_up("postgres://shop:hunter2@localhost/shop").await;
    assert_eq!(server.code, Some(2), "{server:?}");
    assert!(
        server.stderr.contains("pg_dump") && !server.stderr.contains("hunter2"),
        "{server:?}"
    );
    let names = std::fs::read_dir(directory.path()).unwrap();
    let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["empty.db"], "nothing is left behind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documented_restore_drill_works_on_sqlite() {
    let app = TestApp::start(Engine::Sqlite).await;
    sell_slot(&app).await;
    let directory = TempDir::new().unwrap();
    let commands = documented_commands("holdfast backup drill.db");
    let shown = run_commands(
        directory.path(),
        &commands,
        &variables(app.database.url(), app.stripe_url()),
    )
    .await;
    assert!(shown.contains("sqlite://drill.db responds"), "{shown}");
    assert_eq!(failed_checks(&shown), Vec::<&str>::new(), "{shown}");
    assert_eq!(
        std::fs::read_dir(directory.path()).unwrap().count(),
        0,
        "the drill cleans up"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documented_restore_drill_works_on_postgres() {
    let server = Server::start("");
    let url = |role: &str, database: &str| server.url_of(role, database);
    let mut maintenance = PgConnection::connect(&url("postgres", "postgres")).await.unwrap();
    for statement in [
        "CREATE ROLE holdfast LOGIN",
        "CREATE DATABASE holdfast OWNER holdfast",
    ] {
        sqlx::query(statement).execute(&mut maintenance).await.unwrap();
    }
    let (real, drill, maintenance_url) = (
        url("holdfast", "holdfast"),
        url("holdfast", "holdfast_drill"),
        url("postgres", "postgres"),
    );
    let store = PostgresStore::connect(&real, PoolOptions::default()).unwrap();
    store.migrate().await.unwrap();
    let app = TestApp::start_with(Engine::Postgres, &[("DATABASE_URL", &real)]).await;
    app.without_audit("its database is on a server of its own");
    sell_slot(&app).await;
    let directory = TempDir::new().unwrap();
    let mut variables = variables(&real, app.stripe_url());
    variables.extend([
        ("DRILL_URL", drill.as_str()),
        ("MAINTENANCE_URL", maintenance_url.as_str()),
    ]);
    let commands = documented_commands("pg_dump --format=custom");
    let shown = run_commands(directory.path(), &commands, &variables).await;
    assert_eq!(failed_checks(&shown), Vec::<&str>::new(), "{shown}");
    assert!(shown.contains("statements"), "{shown}");
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_database WHERE datname = 'holdfast_drill'")
        .fetch_one(&mut maintenance)
        .await
        .unwrap();
    assert_eq!(left, 0, "the drill cleans up");
}

/// A copy in the place of the file is a database like any other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restored_copy_serves_with_its_bookings() {
    let app = TestApp::start(Engine::Sqlite).await;
    let hold = app.hold_slot("call", SLOT).await;
    app.pay(&hold, PaymentOutcome::Paid);
    app.deliver_all().await;
    let directory = TempDir::new().unwrap();
    let variables = variables(app.database.url(), app.stripe_url());
    let ended = complete(directory.path(), &["backup", "copy.db"], &variables).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let url = format!("sqlite://{}/copy.db", directory.path().display());
    let restored = app.another_instance_with(&[("DATABASE_URL", &url)]).await;
    let shown = restored.hold(hold.text("id")).await;
    assert_eq!(shown["status"], Value::from("confirmed"));
    let taken = order_by("bob@example.com", "call", SLOT);
    restored.checkout(&taken).await.expect_problem(409, "slot_taken");
}
