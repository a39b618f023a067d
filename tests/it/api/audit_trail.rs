//! Tests of the audit trail: each act of an operator has an entry with its outcome and its change, searches and reads are
//! noted, and nothing in it is about a guest.

use chrono::Duration;
use holdfast::sandbox::{Faults, PaymentOutcome};
use reqwest::Method;
use serde_json::{Value, json};

use super::access_keys::{make_key, send_with};
use crate::support::app::{TestApp, order, order_by, variables};
use crate::support::on_both_engines;
use crate::support::process::complete;
use crate::support::wait_for::eventually;

const SLOT: &str = "2026-12-01T10:00:00Z";
const NOBODY: &str = "01990000-0000-7000-8000-000000000000";

pub(super) async fn list_audit(app: &TestApp, query: &str) -> Vec<Value> {
    let list = app
        .admin(Method::GET, &format!("/v1/admin/audit?{query}"), None)
        .await
        .expect(200);
    list.body["data"].as_array().unwrap().clone()
}

/// Returns the newest entry of this action.
async fn last_act(app: &TestApp, action: &str) -> Value {
    list_audit(app, &format!("action={action}"))
        .await
        .into_iter()
        .next()
        .unwrap_or_else(|| panic!("no {action} in the trail"))
}

fn actions(entries: &[Value]) -> Vec<&str> {
    entries
        .iter()
        .map(|entry| entry["action"].as_str().unwrap())
        .collect()
}

on_both_engines! {
    async fn catalogue_change_is_in_the_trail_with_both_states(engine) {
        let app = TestApp::start(engine).await;
        let ana = make_key(&app, "Ana", "admin").await;
        let send = async |method: Method, path: &str, body: Option<Value>| {
            send_with(&app, ana.text("key"), (method, path), body.as_ref()).await
        };
        let path = "/v1/admin/resources/studio";
        send(Method::PUT, path, Some(json!({"capacity": 12}))).await.expect(201);
        let put = send(Method::PUT, path, Some(json!({"capacity": 14}))).await.expect(200);
        let entry = last_act(&app, "putResource").await;
        let state = |capacity: u32| json!({"id": "studio", "name": "studio", "capacity": capacity});
        let expected = json!({
            "id": entry["id"], "at": "2026-11-20T08:00:00Z", "actor": "Ana", "action": "putResource",
            "target": "resources/studio", "outcome": "done", "before": state(12), "after": state(14),
            "request_id": put.headers["x-request-id"].to_str().unwrap(),
        });
        assert_eq!(entry, expected);
        let created = &list_audit(&app, "target=resources/studio").await[1];
        assert_eq!((&created["before"], &created["after"]), (&Value::Null, &state(12)));

        let event_type = app.admin(Method::GET, "/v1/admin/event-types/call", None).await.expect(200).body;
        send(Method::DELETE, "/v1/admin/event-types/call", None).await.expect(204);
        let entry = last_act(&app, "deleteEventType").await;
        assert_eq!((&entry["before"], &entry["after"]), (&event_type, &Value::Null));

        let block = "/v1/admin/resources/ana/blocks/dentist";
        let times = json!({"starts_at": SLOT, "ends_at": "2026-12-01T12:00:00Z"});
        let mut body = times.clone();
        body["note"] = json!("Mrs Miller");
        send(Method::PUT, block, Some(body)).await.expect(201);
        send(Method::DELETE, block, None).await.expect(204);
        let entries = list_audit(&app, "target=resources/ana/blocks/dentist").await;
        assert_eq!(actions(&entries), ["deleteBlock", "putBlock"]);
        assert_eq!((&entries[0]["before"], &entries[1]["after"]), (&times, &times));

        let url = json!({"url": "https://calendar.example/secret/ana.ics"});
        send(Method::PUT, "/v1/admin/resources/ana/calendar", Some(url)).await.expect(200);
        let entry = last_act(&app, "putCalendar").await;
        assert_eq!(entry["after"], json!({"host": "calendar.example"}));
    }

    async fn act_on_a_hold_is_in_the_trail_without_its_guest(engine) {
        let app = TestApp::start(engine).await;
        let ana = make_key(&app, "Ana", "operate").await;
        let mut body = order_by("zaphod@example.com", "call", SLOT);
        body["guest"]["name"] = json!("Zaphod");
        body["metadata"] = json!({"note": "Heart of Gold"});
        let hold = app.checkout(&body).await.expect(201);
        let send = async |path: &str, body: Option<Value>| {
            send_with(&app, ana.text("key"), (Method::POST, path), body.as_ref()).await
        };
        let id = hold.text("id");
        let to = json!({"starts_at": "2026-12-01T12:00:00Z"});
        send(&format!("/v1/holds/{id}/move"), Some(to)).await.expect(200);
        let entry = last_act(&app, "moveHold").await;
        assert_eq!((&entry["actor"], &entry["target"]), (&json!("Ana"), &json!(format!("holds/{id}"))));
        assert_eq!((&entry["before"]["starts_at"], &entry["after"]["starts_at"]), (&json!(SLOT), &json!("2026-12-01T12:00:00Z")));

        app.pay(&hold, PaymentOutcome::Paid);
        app.deliver_all().await;
        let cancellation = json!({"refund": 2000, "note": "Zaphod is ill"});
        send(&format!("/v1/admin/holds/{}/cancel", id.to_uppercase()), Some(cancellation)).await.expect(200);
        let entry = last_act(&app, "cancelHoldAsOperator").await;
        assert_eq!(entry["target"], format!("holds/{id}"), "capitals do not hide it");
        assert_eq!(entry["before"]["status"], "confirmed");
        let after = &entry["after"];
        assert_eq!((&after["status"], &after["reason"], &after["refund"]), (&json!("cancelled"), &json!("operator"), &json!(2000)));

        let other = app.hold_slot("call", SLOT).await;
        send(&format!("/v1/admin/holds/{}/release", other.text("id")), None).await.expect(200);
        let entry = last_act(&app, "releaseHold").await;
        assert_eq!((&entry["before"]["status"], &entry["after"]["reason"]), (&json!("held"), &json!("operator")));

        app.admin(Method::GET, "/v1/admin/holds?guest=zaphod@example.com", None).await.expect(200);
        app.admin(Method::PUT, "/v1/admin/resources/zaphod@example.com", Some(json!({}))).await.expect(422);
        let trail = format!("{:?}", list_audit(&app, "limit=200").await).to_lowercase();
        for private in ["zaphod", "example.com", "heart of gold", "is ill"] {
            assert!(!trail.contains(private), "{private} in {trail}");
        }
    }

    async fn results_of_work_on_demand_are_in_the_trail(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.checkout(&order("call", SLOT)).await.expect(201);
        app.simulator.pay(hold.text("checkout_session"), PaymentOutcome::Paid).unwrap();
        app.simulator.deliver_all().await;
        let event = app.simulator.events().pop().unwrap();
        let path = format!("/v1/admin/events/{}/replay", event.id);
        app.admin(Method::POST, &path, None).await.expect(200);
        let entry = last_act(&app, "replayEvent").await;
        assert_eq!(entry["after"], json!({"received": true, "outcome": "duplicate"}));
        app.sweep().await;
        let entry = last_act(&app, "sweep").await;
        assert_eq!(entry["after"]["failed"], 0, "{entry}");
        assert_eq!(entry["before"], Value::Null);
    }

    async fn keys_are_in_the_trail_without_their_text(engine) {
        let app = TestApp::start(engine).await;
        let ana = make_key(&app, "Ana", "read").await;
        let target = format!("keys/{}", ana.text("id"));
        let entry = last_act(&app, "createKey").await;
        assert_eq!((&entry["actor"], &entry["target"]), (&json!("bootstrap"), &json!(target)));
        assert_eq!((&entry["after"]["name"], &entry["after"]["scope"]), (&json!("Ana"), &json!("read")));
        let directory = tempfile::tempdir().unwrap();
        let variables = variables(app.database.url(), app.stripe_url());
        let revoked = complete(directory.path(), &["key", "revoke", ana.text("id")], &variables[..1]).await;
        assert_eq!(revoked.code, Some(0), "{revoked:?}");
        let entry = last_act(&app, "revokeKey").await;
        assert_eq!((&entry["actor"], &entry["target"]), (&json!("command-line"), &json!(target)));
        assert_eq!((&entry["before"]["name"], &entry["request_id"]), (&json!("Ana"), &Value::Null));
        let arguments = ["key", "create", "--name", "Ben", "--scope", "operate"];
        let made = complete(directory.path(), &arguments, &variables[..1]).await;
        assert_eq!(made.code, Some(0), "{made:?}");
        assert_eq!(complete(directory.path(), &arguments, &variables[..1]).await.code, Some(1), "the name is taken");
        let entries = list_audit(&app, "actor=command-line&action=createKey").await;
        assert_eq!((&entries[0]["outcome"], &entries[1]["outcome"]), (&json!("refused"), &json!("done")));
        assert_eq!(entries[1]["after"]["name"], "Ben");
        let trail = format!("{:?}", list_audit(&app, "limit=200").await);
        assert!(!trail.contains("hfk_"), "{trail}");
    }

    async fn searches_are_noted_each_and_reads_once_an_hour(engine) {
        let app = TestApp::start(engine).await;
        let other = app.another_instance().await;
        let ana = make_key(&app, "Ana", "read").await;
        let get = async |path: &str| {
            for client in [&app.instance, &other] {
                send_with(client, ana.text("key"), (Method::GET, path), None).await.expect(200);
            }
        };
        let count = async |action: &str| list_audit(&app, &format!("actor=Ana&action={action}")).await.len();
        get("/v1/admin/holds?guest=ada@example.com").await;
        get("/v1/admin/holds?status=held&guest=bob@example.com").await;
        assert_eq!(count("searchByGuest").await, 4);
        // A read does not wait for its entry.
        let reads = async |expected: usize| {
            eventually("the read is noted", async || (count("read").await == expected).then_some(())).await;
        };
        get("/v1/admin/holds").await;
        reads(1).await;
        get("/v1/admin/event-types").await;
        app.clock.advance(Duration::minutes(59));
        get("/v1/admin/holds").await;
        assert_eq!(count("read").await, 1);
        app.clock.advance(Duration::minutes(1));
        get("/v1/admin/holds").await;
        reads(2).await;
    }

    async fn refused_act_is_in_the_trail_as_refused(engine) {
        let app = TestApp::start(engine).await;
        app.admin(Method::POST, &format!("/v1/admin/holds/{NOBODY}/release"), None).await.expect(404);
        let entry = last_act(&app, "releaseHold").await;
        assert_eq!((&entry["outcome"], &entry["target"]), (&json!("refused"), &json!(format!("holds/{NOBODY}"))));
        assert_eq!((&entry["before"], &entry["after"]), (&Value::Null, &Value::Null));
        let reader = make_key(&app, "reader", "read").await;
        send_with(&app, reader.text("key"), (Method::POST, "/v1/admin/sweep"), None).await.expect(403);
        assert!(list_audit(&app, "actor=reader").await.is_empty(), "a key without the scope does nothing");
    }

    async fn act_without_an_entry_does_not_happen(engine) {
        let app = TestApp::start(engine).await;
        app.database.execute("ALTER TABLE audit_entries RENAME TO taken_away").await;
        let path = "/v1/admin/resources/studio";
        let put = app.admin(Method::PUT, path, Some(json!({"capacity": 12}))).await;
        assert!(put.status.is_server_error(), "{put:?}");
        let search = app.admin(Method::GET, "/v1/admin/holds?guest=ada@example.com", None).await;
        assert!(search.status.is_server_error(), "{search:?}");
        assert_eq!(app.database.count("SELECT count(*) FROM resources WHERE id = 'studio'").await, 0);
        app.admin(Method::GET, "/v1/admin/holds", None).await.expect(200);
        app.hold_slot("call", SLOT).await;
    }

    async fn disconnected_operator_leaves_an_outcome(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.checkout(&order("call", SLOT)).await.expect(201);
        app.simulator.set_faults(Faults { latency_ms: 1_000, ..Faults::default() });
        let path = format!("/v1/admin/holds/{}/release", hold.text("id"));
        let request = app.request(Method::POST, &path).bearer_auth(crate::support::app::ADMIN_KEY);
        let impatient = request.timeout(std::time::Duration::from_millis(200));
        assert!(app.try_send(impatient).await.is_err());
        let entry = eventually("the act has its outcome", async || {
            let entry = last_act(&app, "releaseHold").await;
            (!entry["outcome"].is_null()).then_some(entry)
        })
        .await;
        assert_eq!((&entry["outcome"], &entry["after"]["status"]), (&json!("done"), &json!("released")));
    }

    async fn trail_is_filtered_and_paged_newest_first(engine) {
        let app = TestApp::start(engine).await;
        let ana = make_key(&app, "Ana", "admin").await;
        for minute in 0..5 {
            let path = format!("/v1/admin/resources/r{minute}");
            let body = json!({"capacity": 1});
            send_with(&app, ana.text("key"), (Method::PUT, &path), Some(&body)).await.expect(201);
            app.clock.advance(Duration::minutes(1));
        }
        let targets = async |query: &str| -> Vec<String> {
            let found = list_audit(&app, &format!("actor=Ana&{query}")).await;
            found.iter().map(|entry| entry["target"].as_str().unwrap().to_owned()).collect()
        };
        let expected = |numbers: &[u32]| -> Vec<String> { numbers.iter().map(|n| format!("resources/r{n}")).collect() };
        assert_eq!(targets("").await, expected(&[4, 3, 2, 1, 0]));
        assert_eq!(targets("target=resources/r2").await, expected(&[2]));
        assert_eq!(targets("action=putEventType").await, expected(&[]));
        assert_eq!(targets("from=2026-11-20T08:01:00Z&to=2026-11-20T08:03:00Z").await, expected(&[2, 1]));
        let (mut seen, mut query) = (Vec::new(), "actor=Ana&limit=2".to_owned());
        loop {
            let page = app.admin(Method::GET, &format!("/v1/admin/audit?{query}"), None).await.expect(200).body;
            seen.extend(page["data"].as_array().unwrap().iter().map(|entry| entry["target"].as_str().unwrap().to_owned()));
            match page["next_cursor"].as_str() {
                Some(cursor) => query = format!("actor=Ana&limit=2&cursor={cursor}"),
                None => break,
            }
        }
        assert_eq!(seen, expected(&[4, 3, 2, 1, 0]));
        for bad in ["from=today", "limit=0", "who=Ana", "actor=", "actor=%00"] {
            app.admin(Method::GET, &format!("/v1/admin/audit?{bad}"), None).await.expect_problem(422, "invalid");
        }
    }

    async fn entries_are_kept_for_400_days(engine) {
        let app = TestApp::start(engine).await;
        make_key(&app, "Ana", "read").await;
        let count = async || app.database.count("SELECT count(*) FROM audit_entries WHERE action = 'createKey'").await;
        app.clock.advance(Duration::days(400));
        app.sweep().await;
        assert_eq!(count().await, 1);
        app.clock.advance(Duration::seconds(1));
        app.sweep().await;
        assert_eq!(count().await, 0);
    }
}
