//! Tests the export and the erasure of one guest's data by an operator.

use holdfast::sandbox::{Endpoint, FaultKind, Faults, PaymentOutcome};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{ApiResponse, TestApp, order_by};
use crate::support::database::Engine;
use crate::support::on_both_engines;

const EMAIL: &str = "zaphod.beeblebrox@example.com";
const NAME: &str = "Zaphod B.";
const NOTE: &str = "by the window";

fn start(hour: usize) -> String {
    format!("2026-12-01T{hour:02}:00:00Z")
}

/// Places a hold of the guest, whose address is written in another way each time.
async fn hold_of_guest(app: &TestApp, hour: usize) -> ApiResponse {
    let email = [
        EMAIL,
        "ZAPHOD.Beeblebrox@example.com",
        " zaphod.beeblebrox@EXAMPLE.com",
    ][hour % 3];
    let mut body = order_by(email, "call", &start(hour));
    body["guest"]["name"] = NAME.into();
    body["metadata"] = json!({"note": NOTE});
    app.checkout(&body).await.expect(201)
}

async fn post(app: &TestApp, action: &str, body: Value) -> ApiResponse {
    app.admin(Method::POST, &format!("/v1/admin/guests/{action}"), Some(body))
        .await
}

async fn erase(app: &TestApp) -> ApiResponse {
    post(app, "erase", json!({"email": "Zaphod.Beeblebrox@Example.com"})).await
}

/// Reads every row of every table as text.
async fn read_all_rows(app: &TestApp) -> String {
    let database = &app.database;
    let tables = match database.engine() {
        Engine::Sqlite => {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_sqlx%' ESCAPE '\\'"
        }
        Engine::Postgres => {
            "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' AND tablename <> '_sqlx_migrations'"
        }
    };
    let mut rows = Vec::new();
    for table in database.texts(tables).await {
        let select = match database.engine() {
            Engine::Sqlite => {
                let columns = format!("SELECT '\"' || name || '\"' FROM pragma_table_info('{table}')");
                let columns = database.texts(&columns).await.join(", ");
                format!("SELECT json_array({columns}) FROM {table}")
            }
            Engine::Postgres => format!("SELECT row_to_json(t)::text FROM {table} t"),
        };
        rows.extend(database.texts(&select).await);
    }
    assert!(rows.len() > 5, "{rows:?}");
    rows.join("\n")
}

/// Returns which of the guest's data the text has.
fn find_personal(text: &str) -> Vec<&'static str> {
    let text = text.to_lowercase();
    let parts = ["zaphod", "beeblebrox", "window"];
    parts.into_iter().filter(|part| text.contains(part)).collect()
}

/// Sells to the guest, who has a confirmed, a released and a cancelled hold afterwards, and a payment without a hold.
async fn sell_to_guest(app: &TestApp) -> [ApiResponse; 3] {
    let confirmed = hold_of_guest(app, 10).await;
    let released = hold_of_guest(app, 11).await;
    let cancelled = hold_of_guest(app, 12).await;
    let unknown = hold_of_guest(app, 13).await;
    for hold in [&confirmed, &cancelled] {
        app.pay(hold, PaymentOutcome::Paid);
    }
    app.cancel(&released).await.expect(200);
    app.delete_hold_rows(&unknown).await;
    app.pay(&unknown, PaymentOutcome::Paid);
    app.deliver_all().await;
    let cancel = format!("/v1/admin/holds/{}/cancel", cancelled.text("id"));
    app.admin(Method::POST, &cancel, Some(json!({"refund": "full"})))
        .await
        .expect(200);
    app.sweep().await;
    app.deliver_all().await;
    let bob = app
        .checkout(&order_by("bob@example.com", "call", &start(15)))
        .await
        .expect(201);
    app.pay(&bob, PaymentOutcome::Paid);
    app.deliver_all().await;
    [confirmed, released, cancelled]
}

on_both_engines! {
    async fn erased_guest_is_nowhere_in_the_database(engine) {
        let app = TestApp::start(engine).await;
        let holds = sell_to_guest(&app).await;
        assert_eq!(find_personal(&read_all_rows(&app).await), ["zaphod", "beeblebrox", "window"]);
        let erased = erase(&app).await.expect(200);
        assert_eq!(erased.body["holds"], 3);
        assert!(erased.body["events"].as_u64().unwrap() > 3, "{erased:?}");
        let left = read_all_rows(&app).await;
        assert_eq!(find_personal(&left), [""; 0]);
        assert!(left.contains("bob@example.com"));
        for (hold, status) in holds.iter().zip(["confirmed", "released", "cancelled"]) {
            let shown = app.admin_hold(hold.text("id")).await;
            assert_eq!(shown["status"], status);
            assert_eq!((&shown["guest"], &shown["metadata"]), (&json!({"email": null, "name": null}), &json!({})));
            assert!(!shown["history"].as_array().unwrap().is_empty());
            assert_eq!(shown["payments"].as_array().unwrap().len(), usize::from(status != "released"));
        }
        assert_eq!(erase(&app).await.expect(200).body, json!({"holds": 0, "events": 0}));
        let export = post(&app, "export", json!({"email": EMAIL})).await.expect(200).body;
        assert_eq!(export, json!({"data": [], "open_checkouts": [], "orphan_events": [], "next_cursor": null}));
    }

    async fn later_events_of_an_erased_guest_have_no_body(engine) {
        let app = TestApp::start(engine).await;
        let [confirmed, ..] = sell_to_guest(&app).await;
        erase(&app).await.expect(200);
        let intent = app.admin_hold(confirmed.text("id")).await["payment_intent"].as_str().unwrap().to_owned();
        app.simulator.refund_from_dashboard(&intent, None).unwrap();
        app.deliver_all().await;
        assert_eq!(app.state_of(&confirmed).await, "cancelled/refunded");
        let bodies = format!(
            "SELECT count(*) FROM stripe_events WHERE hold_id = '{}' AND payload IS NOT NULL",
            confirmed.text("id")
        );
        assert_eq!(app.database.count(&bodies).await, 0);
        assert_eq!(find_personal(&read_all_rows(&app).await), [""; 0]);
    }

    async fn guest_with_an_unpaid_hold_is_not_erased(engine) {
        let app = TestApp::start(engine).await;
        let [confirmed, ..] = sell_to_guest(&app).await;
        let held = hold_of_guest(&app, 16).await;
        let before = read_all_rows(&app).await;
        erase(&app).await.expect_problem(409, "conflict");
        app.pay(&held, PaymentOutcome::Processing);
        app.deliver_all().await;
        assert_eq!(app.state_of(&held).await, "processing");
        erase(&app).await.expect_problem(409, "conflict");
        assert_eq!(app.admin_hold(confirmed.text("id")).await["guest"]["name"], NAME);
        assert_eq!(find_personal(&before), find_personal(&read_all_rows(&app).await));
        app.pay(&held, PaymentOutcome::ProcessingFailed);
        app.deliver_all().await;
        assert_eq!(erase(&app).await.expect(200).body["holds"], 4);
        assert_eq!(find_personal(&read_all_rows(&app).await), [""; 0]);
    }

    async fn guest_with_an_unfinished_checkout_is_not_erased(engine) {
        let app = TestApp::start(engine).await;
        app.simulator.set_faults(Faults::default().next(Endpoint::CreateSession, FaultKind::LostAnswer, 100));
        app.checkout(&order_by(EMAIL, "call", &start(10))).await.expect_problem(503, "stripe_unavailable");
        erase(&app).await.expect_problem(409, "conflict");
        let export = post(&app, "export", json!({"email": EMAIL})).await.expect(200).body;
        assert_eq!(export["open_checkouts"][0]["email"], EMAIL, "{export}");
        app.simulator.set_faults(Faults::default());
        app.clock.advance(chrono::Duration::minutes(5));
        app.sweep().await;
        assert_eq!(erase(&app).await.expect(200).body, json!({"holds": 0, "events": 0}));
        assert_eq!(find_personal(&read_all_rows(&app).await), [""; 0]);
    }

    async fn export_has_all_data_of_one_guest(engine) {
        let app = TestApp::start(engine).await;
        let holds = sell_to_guest(&app).await;
        let export = post(&app, "export", json!({"email": " ZAPHOD.beeblebrox@example.com"})).await.expect(200).body;
        let shown = export["data"].as_array().unwrap();
        assert_eq!(shown.len(), 3);
        let find = |hold: &ApiResponse| shown.iter().find(|one| one["id"] == hold.text("id")).unwrap();
        for hold in &holds {
            for (member, value) in app.admin_hold(hold.text("id")).await.as_object().unwrap() {
                assert_eq!(&find(hold)[member], value, "{member}");
            }
            assert_eq!(find(hold)["metadata"]["note"], NOTE);
        }
        let events = find(&holds[0])["events"].as_array().unwrap();
        let completed = events.iter().find(|event| event["type"] == "checkout.session.completed").unwrap();
        let customer = &completed["body"]["data"]["object"]["customer_details"];
        assert_eq!(customer["email"].as_str().unwrap().to_lowercase(), EMAIL);
        assert_eq!(export["orphan_events"][0]["type"], "checkout.session.completed");
        assert!(!export.to_string().contains("bob@example.com"));
        let nobody = post(&app, "export", json!({"email": "eve@example.com"})).await.expect(200).body;
        assert_eq!(nobody, json!({"data": [], "open_checkouts": [], "orphan_events": [], "next_cursor": null}));
    }

    async fn export_and_erasure_are_audited_without_the_address(engine) {
        let app = TestApp::start(engine).await;
        let hold = hold_of_guest(&app, 10).await;
        app.cancel(&hold).await.expect(200);
        for _ in 0..2 {
            post(&app, "export", json!({"email": EMAIL})).await.expect(200);
        }
        erase(&app).await.expect(200);
        let entries = app.admin(Method::GET, "/v1/admin/audit", None).await.expect(200).body;
        let of = |action: &str| {
            let entries = entries["data"].as_array().unwrap().iter();
            entries.filter(|entry| entry["action"] == action && entry["outcome"] == "done").count()
        };
        assert_eq!((of("exportGuest"), of("eraseGuest")), (2, 1), "{entries}");
        assert!(!entries.to_string().to_lowercase().contains("zaphod"), "{entries}");
    }

    async fn long_export_has_pages(engine) {
        let app = TestApp::start(engine).await;
        app.set_resource_capacity("ana", 60).await;
        for _ in 0..51 {
            hold_of_guest(&app, 10).await;
        }
        let first = post(&app, "export", json!({"email": EMAIL})).await.expect(200).body;
        assert_eq!(first["data"].as_array().unwrap().len(), 50);
        let rest = post(&app, "export", json!({"email": EMAIL, "cursor": first["next_cursor"]})).await.expect(200).body;
        assert_eq!((rest["data"].as_array().unwrap().len(), &rest["next_cursor"]), (1, &Value::Null));
    }

    async fn wrong_request_about_a_guest_is_refused(engine) {
        let app = TestApp::start(engine).await;
        for action in ["erase", "export"] {
            for body in [json!({}), json!({"email": "nobody"}), json!({"email": EMAIL, "name": NAME}), json!([])] {
                post(&app, action, body).await.expect_problem(422, "invalid");
            }
        }
        post(&app, "export", json!({"email": EMAIL, "cursor": "?"})).await.expect_problem(422, "invalid");
    }
}
