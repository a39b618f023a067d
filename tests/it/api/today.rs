//! Tests of `holdfast today`: who is booked on a day, read from the database without a running server.

use reqwest::Method;
use serde_json::{Value, json};

use super::audit_trail::list_audit;
use crate::support::app::{TestApp, order_by};
use crate::support::database::TestDatabase;
use crate::support::on_both_engines;
use crate::support::process::complete;

on_both_engines! {
    async fn today_shows_who_is_booked_in_the_shops_zone(engine) {
        let mut app = TestApp::start(engine).await;
        app.offer("class", "hall", 60, 2000).await;
        let capacity = json!({"name": "Hall", "capacity": 12});
        app.admin(Method::PUT, "/v1/admin/resources/hall", Some(capacity)).await.expect(200);
        let sold = app.sold("call", "2026-12-01T09:00:00Z").await;
        let mut class = order_by("zoe@example.com", "class", "2026-12-01T22:30:00Z");
        (class["quantity"], class["guest"]["name"]) = (json!(3), json!("Zoë"));
        let held = app.checkout(&class).await.expect(201);
        let ended = app.hold_slot("call", "2026-12-01T10:00:00Z").await;
        app.cancel(&ended).await.expect(200);
        // In Berlin this is the day before.
        app.hold_slot("call", "2026-11-30T22:30:00Z").await;
        app.instance.stop().await;

        let directory = tempfile::tempdir().unwrap();
        let variables = [("DATABASE_URL", app.database.url()), ("HOLDFAST_TIMEZONE", "Europe/Berlin")];
        let day = ["today", "--day", "2026-12-01"];
        let table = complete(directory.path(), &day, &variables).await;
        assert_eq!(table.code, Some(0), "{table:?}");
        let cells = |line: &str| -> Vec<String> {
            line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
        };
        let lines: Vec<Vec<String>> = table.stdout.lines().map(cells).collect();
        assert_eq!(lines, [
            vec!["2026-12-01, Europe/Berlin: 2 holds"],
            vec!["TIME", "RESOURCE", "EVENT TYPE", "GUEST", "E-MAIL", "QTY", "STATUS", "MONEY"],
            vec!["10:00-10:30", "ana", "call", "Ada", "ada@example.com", "1", "booked", "50.00 EUR"],
            vec!["23:30-2026-12-02 00:30", "hall", "class", "Zoë", "zoe@example.com", "3", "not paid yet", "60.00 EUR due"],
        ]);
        let json = complete(directory.path(), &[&day[..], &["--json"]].concat(), &variables).await;
        let list: Value = serde_json::from_str(&json.stdout).unwrap();
        let shown = list["data"].as_array().unwrap();
        let ids: Vec<&str> = shown.iter().map(|hold| hold["id"].as_str().unwrap()).collect();
        assert_eq!(ids, [sold.text("id"), held.text("id")]);
        assert_eq!(shown[1]["guest"], json!({"email": "zoe@example.com", "name": "Zoë"}));
        let empty = complete(directory.path(), &["today", "--day", "2026-12-24"], &variables).await;
        assert_eq!(empty.stdout.trim(), "2026-12-24, Europe/Berlin: nobody is booked");
        assert_eq!(complete(directory.path(), &["today"], &variables).await.code, Some(0));

        app.instance = app.another_instance().await;
        let trail = list_audit(&app, "actor=command-line&action=read").await;
        assert_eq!(trail.len(), 4, "each list is in the trail: {trail:?}");
        assert_eq!((&trail[0]["outcome"], &trail[0]["target"]), (&json!("done"), &Value::Null));
    }

    async fn today_tells_wrong_usage_from_a_fault(engine) {
        let directory = tempfile::tempdir().unwrap();
        let database = TestDatabase::without_schema(engine).await;
        let variables = [("DATABASE_URL", database.url())];
        for wrong in [vec!["today", "--day", "tomorrow"], vec!["today", "--week"]] {
            assert_eq!(complete(directory.path(), &wrong, &variables).await.code, Some(2), "{wrong:?}");
        }
        let no_zone = [variables[0], ("HOLDFAST_TIMEZONE", "Mars/Olympus")];
        let ended = complete(directory.path(), &["today"], &no_zone).await;
        assert_eq!(ended.code, Some(2));
        assert!(ended.stderr.contains("HOLDFAST_TIMEZONE"), "{ended:?}");
        let unmigrated = complete(directory.path(), &["today"], &variables).await;
        assert_eq!((unmigrated.code, unmigrated.stdout.as_str()), (Some(1), ""));
        assert!(unmigrated.stderr.contains("holdfast migrate"), "{unmigrated:?}");
    }
}
