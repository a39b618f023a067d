//! Tests of `holdfast export` and `holdfast import`, with the real binary and without a running service.

use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::catalogue_fixtures::{block, put_closure, put_event_type, put_resource, set_feed};
use crate::support::database::TestDatabase;
use crate::support::on_both_engines;
use crate::support::process::{Ended, complete};

/// Runs a command on a database.
async fn run(directory: &Path, url: &str, arguments: &[&str]) -> Ended {
    complete(directory, arguments, &[("DATABASE_URL", url)]).await
}

async fn export(directory: &Path, url: &str) -> Value {
    let ended = run(directory, url, &["export"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap()
}

async fn import(directory: &Path, url: &str, document: &Value) -> Ended {
    let file = directory.join("catalogue.json");
    std::fs::write(&file, document.to_string()).unwrap();
    run(directory, url, &["import", file.to_str().unwrap()]).await
}

async fn report_of_import(directory: &Path, url: &str, document: &Value) -> Value {
    let ended = import(directory, url, document).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap()
}

/// Writes something of each kind.
async fn write_catalogue(app: &TestApp) {
    put_resource(app, "studio", 20).await;
    let members = json!({"segments": [{"duration_minutes": 60, "any_of": ["studio"]}, {"duration_minutes": 30, "any_of": ["ana", "ben"]}],
        "description": "With music", "payment_methods": ["card"], "checkout": {"promotion_codes": true, "submit_type": "book"},
        "images": ["https://shop.example/class.jpg"], "schedule": {"timezone": "Europe/Berlin",
        "weekly": [{"days": ["sat"], "from": "22:00", "to": "02:00"}], "exceptions": [{"date": "2026-12-24", "closed": true}]}});
    put_event_type(app, "class", members).await.expect(201);
    set_feed(app, "ana", Some("https://calendar.example/ana.ics?key=1"))
        .await
        .expect(200);
    block(
        app,
        "studio",
        "paint",
        "2026-12-01T10:00:00Z",
        "2026-12-01T12:00:00Z",
    )
    .await
    .expect(201);
    put_closure(
        app,
        "holiday",
        json!({"from": "2026-12-24", "to": "2026-12-26", "note": "Christmas"}),
    )
    .await
    .expect(201);
    put_closure(
        app,
        "course",
        json!({"from": "2026-12-01", "to": "2026-12-01", "resources": ["ben"]}),
    )
    .await
    .expect(201);
}

on_both_engines! {
    async fn import_of_an_export_changes_nothing(engine) {
        let app = TestApp::start(engine).await;
        write_catalogue(&app).await;
        let directory = tempfile::tempdir().unwrap();
        let (directory, url) = (directory.path(), app.database.url());
        let exported = export(directory, url).await;
        assert_eq!(exported["resources"][0], json!({"id": "ana", "name": "ana", "capacity": 1,
            "calendar": {"url": "https://calendar.example/ana.ics?key=1", "timezone": null}}));
        assert_eq!(exported["blocks"], json!([{"resource": "studio", "id": "paint", "starts_at": "2026-12-01T10:00:00Z",
            "ends_at": "2026-12-01T12:00:00Z", "note": ""}]));
        assert_eq!(exported["closures"][0], json!({"id": "course", "from": "2026-12-01", "to": "2026-12-01", "note": "",
            "resources": ["ben"]}));
        assert!(!exported.to_string().contains("calendar_url"), "no keys: {exported}");
        let report = report_of_import(directory, url, &exported).await;
        assert_eq!((&report["made"], &report["changed"]), (&json!([]), &json!([])));
        let left = ["closures/course", "closures/holiday", "event-types/call", "event-types/class", "event-types/long-call",
            "resources/ana", "resources/ana/calendar", "resources/ben", "resources/studio", "resources/studio/blocks/paint"];
        let mut named: Vec<_> = report["left"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        named.sort_unstable();
        assert_eq!(named, left);
        assert_eq!(export(directory, url).await, exported);
    }

    async fn import_makes_and_changes_what_the_file_has(engine) {
        let app = TestApp::start(engine).await;
        write_catalogue(&app).await;
        let directory = tempfile::tempdir().unwrap();
        let (directory, url) = (directory.path(), app.database.url());
        let mut exported = export(directory, url).await;
        let other = TestDatabase::new(engine).await;
        let first = report_of_import(directory, other.url(), &exported).await;
        assert_eq!(first["made"].as_array().unwrap().len(), 10, "{first}");
        assert_eq!((&first["changed"], &first["left"]), (&json!([]), &json!([])));
        assert_eq!(export(directory, other.url()).await, exported, "a copy of the whole catalogue");
        // The closures are in the zone that the schedules share, and keep their resources busy.
        let berlin = "SELECT count(*) FROM closures WHERE timezone = 'Europe/Berlin'";
        assert_eq!(other.count(berlin).await, 2);
        assert_eq!(other.count("SELECT count(*) FROM blocks WHERE closure_id IS NOT NULL").await, 4);
        exported["event_types"][0]["amount"] = json!(6000);
        exported["resources"][0]["calendar"] = Value::Null;
        exported["closures"].as_array_mut().unwrap().remove(0);
        let second = report_of_import(directory, other.url(), &exported).await;
        assert_eq!(second["changed"], json!(["resources/ana/calendar", "event-types/call"]));
        assert_eq!(second["made"], json!([]));
        assert_eq!(other.count("SELECT count(*) FROM closures").await, 2, "nothing is deleted");
        assert_eq!(other.count("SELECT count(*) FROM calendar_feeds").await, 0);
        assert_eq!(report_of_import(directory, other.url(), &exported).await["changed"], json!([]));
    }

    async fn import_names_all_faults_and_writes_nothing(engine) {
        let app = TestApp::start(engine).await;
        let directory = tempfile::tempdir().unwrap();
        let (directory, url) = (directory.path(), app.database.url());
        let before = export(directory, url).await;
        let faulty = json!({
            "resources": [{"id": "zoe"}, {"id": "Bad"}, {"id": "yan", "capacity": 0}],
            "event_types": [{"id": "cheap", "name": "Cheap", "resource": "zoe", "duration_minutes": 30, "amount": 7, "currency": "eur"},
                {"id": "typo", "name": "Typo", "resource": "anna", "duration_minutes": 30, "amount": 5000, "currency": "eur"}],
            "blocks": [{"id": "x", "resource": "anna", "starts_at": "2026-12-01T10:00:00Z", "ends_at": "2026-12-01T12:00:00Z"}],
            "closures": [{"id": "day", "from": "2026-12-01", "to": "2026-11-01"}],
            "closure": [],
        });
        let ended = import(directory, url, &faulty).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
        for fault in ["resources[1].id", "resources[2].capacity", "closures[0].to", "closure is not a known member",
            "event-types/cheap amount", "event-types/typo names the resource anna", "resources/anna/blocks/x names the resource anna"] {
            assert!(ended.stderr.contains(fault), "{fault}: {}", ended.stderr);
        }
        assert_eq!(export(directory, url).await, before);
        let audit = app.admin(Method::GET, "/v1/admin/audit?action=importCatalogue", None).await.expect(200);
        let entry = &audit.body["data"][0];
        assert_eq!((&entry["actor"], &entry["outcome"]), (&json!("command-line"), &json!("refused")));
    }

    async fn import_and_export_are_in_the_audit_trail(engine) {
        let app = TestApp::start(engine).await;
        let directory = tempfile::tempdir().unwrap();
        let (directory, url) = (directory.path(), app.database.url());
        export(directory, url).await;
        let document = json!({"resources": [{"id": "zoe", "name": "Zoe"}, {"id": "ana", "name": "Anna"}]});
        report_of_import(directory, url, &document).await;
        let list = async |action: &str| {
            let path = format!("/v1/admin/audit?action={action}");
            app.admin(Method::GET, &path, None).await.expect(200).body["data"][0].clone()
        };
        assert_eq!(list("exportCatalogue").await["outcome"], "done");
        let import = list("importCatalogue").await;
        assert_eq!((&import["outcome"], &import["after"]["made"]), (&json!("done"), &json!(["resources/zoe"])));
        assert_eq!(import["before"]["resources"], json!([{"id": "ana", "name": "ana", "capacity": 1}]));
    }

    async fn import_of_a_shop_without_feeds_ends_no_feed(engine) {
        let app = TestApp::start(engine).await;
        let directory = tempfile::tempdir().unwrap();
        let (directory, url) = (directory.path(), app.database.url());
        let exported = export(directory, url).await;
        assert_eq!(exported["resources"][0], json!({"id": "ana", "name": "ana", "capacity": 1}));
        set_feed(&app, "ana", Some("https://calendar.example/ana.ics")).await.expect(200);
        assert_eq!(report_of_import(directory, url, &exported).await["changed"], json!([]));
        assert_eq!(app.database.count("SELECT count(*) FROM calendar_feeds").await, 1);
    }
}

#[tokio::test]
async fn import_reads_standard_input_and_refuses_what_is_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let database = TestDatabase::new(crate::support::database::Engine::Sqlite).await;
    // Standard input is empty.
    let empty = run(directory.path(), database.url(), &["import", "-"]).await;
    assert_eq!(empty.code, Some(1));
    assert!(empty.stderr.contains("JSON"), "{empty:?}");
    let missing = run(directory.path(), database.url(), &["import", "missing.json"]).await;
    assert_eq!(missing.code, Some(1));
    assert!(missing.stderr.contains("missing.json"), "{missing:?}");
    let usage = run(directory.path(), database.url(), &["import"]).await;
    assert_eq!(usage.code, Some(2));
    let fresh = TestDatabase::without_schema(crate::support::database::Engine::Sqlite).await;
    let unready = run(directory.path(), fresh.url(), &["export"]).await;
    assert_eq!(unready.code, Some(1));
    assert!(unready.stderr.contains("holdfast migrate"), "{unready:?}");
}
