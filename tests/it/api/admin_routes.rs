//! Tests of the operators' routes: what they return, how lists are paged, which commands an operator can retry, and
//! that they require the key.

use holdfast::sandbox::{Endpoint, FaultKind, Faults, PaymentOutcome};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{ADMIN_KEY, TestApp, order_by};
use crate::support::on_both_engines;
use crate::support::race::{RaceRequest, send_simultaneously};
use crate::support::wait_for::eventually;

const SLOT: &str = "2026-12-01T10:00:00Z";

async fn get_list(app: &TestApp, path: &str) -> Value {
    app.admin(Method::GET, path, None).await.expect(200).body
}

fn ids(list: &Value) -> Vec<&str> {
    list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["id"].as_str().unwrap())
        .collect()
}

/// Creates a pending command that expires a session: two instances race, and Stripe returns 429 when the loser's
/// session is to be expired.
async fn create_pending_command(app: &TestApp) -> String {
    let other = app.another_instance().await;
    let faults = Faults::default().next(Endpoint::ExpireSession, FaultKind::RateLimited, 1_000);
    app.simulator.set_faults(Faults {
        latency_ms: 800,
        ..faults
    });
    let request = |at, n| RaceRequest::new(at, order_by(&format!("guest-{n}@example.com"), "call", SLOT));
    send_simultaneously(vec![request(app.address, 1), request(other.address, 2)]).await;
    let faults = Faults {
        latency_ms: 0,
        ..app.simulator.faults()
    };
    app.simulator.set_faults(faults);
    // The loser's response does not wait for the first try of its command.
    eventually("the first try has failed", async || {
        let pending = get_list(app, "/v1/admin/commands").await;
        assert_eq!(ids(&pending).len(), 1, "{pending}");
        (pending["data"][0]["tries"] == 1).then(|| ids(&pending)[0].to_owned())
    })
    .await
}

/// Lists the operators' routes of the API description, with an id in place of each parameter.
fn list_admin_routes() -> Vec<(Method, String)> {
    let api = serde_json::to_value(holdfast::http::describe_api()).unwrap();
    let mut routes = Vec::new();
    for (path, item) in api["paths"].as_object().unwrap() {
        if path.starts_with("/v1/admin/") {
            let path = path
                .replace("{id}", "01990000-0000-7000-8000-000000000000")
                .replace("{block}", "b");
            assert!(!path.contains('{'), "{path} has another parameter");
            for method in item.as_object().unwrap().keys() {
                routes.push((method.to_uppercase().parse().unwrap(), path.clone()));
            }
        }
    }
    assert!(routes.len() > 20, "{routes:?}");
    routes
}

on_both_engines! {
    async fn admin_routes_require_the_key(engine) {
        // Each request comes from an address of its own, because wrong keys are throttled for each address.
        let app = TestApp::start_with(engine, &[("HOLDFAST_TRUSTED_PROXIES", "127.0.0.0/8")]).await;
        let keyless = app.another_instance_with(&[("HOLDFAST_ADMIN_KEY", "")]).await;
        let mut numbers = 1..=u32::from(u16::MAX);
        let mut address = || std::net::Ipv4Addr::from(0xc612_0000 + numbers.next().unwrap()).to_string();
        for (method, path) in list_admin_routes() {
            let path = path.as_str();
            for key in ["", "wrong", &ADMIN_KEY[1..], &format!("{ADMIN_KEY}x"), &ADMIN_KEY.to_uppercase()] {
                let request = app.request(method.clone(), path).bearer_auth(key);
                let request = request.header("X-Forwarded-For", address());
                app.send(request).await.expect_problem(401, "unauthorized");
            }
            app.send(app.request(method.clone(), path)).await.expect_problem(401, "unauthorized");
            let basic = app.request(method.clone(), path).basic_auth("admin", Some(ADMIN_KEY));
            app.send(basic).await.expect_problem(401, "unauthorized");
            for key in ["", ADMIN_KEY] {
                let request = keyless.request(method.clone(), path).bearer_auth(key);
                let request = request.header("X-Forwarded-For", address());
                keyless.send(request).await.expect_problem(401, "unauthorized");
            }
        }
        app.admin(Method::GET, "/v1/admin/event-types/call", None).await.expect(200);
    }

    async fn catalogue_can_be_written_read_and_emptied(engine) {
        let app = TestApp::start(engine).await;
        let court = json!({"name": "Court", "resource": "court-1", "duration_minutes": 60, "amount": 2400, "currency": "eur"});
        let path = "/v1/admin/event-types/court";
        app.set_resource_capacity("court-1", 1).await;
        app.admin(Method::PUT, path, Some(court.clone())).await.expect(201);
        app.admin(Method::PUT, path, Some(court.clone())).await.expect(200);
        let shown = app.admin(Method::GET, path, None).await.expect(200).body;
        for (member, value) in court.as_object().unwrap() {
            assert_eq!(&shown[member], value, "{shown}");
        }
        assert_eq!(ids(&get_list(&app, "/v1/admin/event-types").await), ["court", "long-call", "call"]);
        app.admin(Method::DELETE, path, None).await.expect(204);
        app.admin(Method::DELETE, path, None).await.expect_problem(404, "not_found");
        app.admin(Method::GET, path, None).await.expect_problem(404, "not_found");
    }

    async fn hold_list_is_newest_first_filtered_and_paged(engine) {
        let app = TestApp::start(engine).await;
        app.offer("court", "court-1", 60, 2400).await;
        let mut made = Vec::new();
        for (kind, at) in [("call", "10"), ("court", "10"), ("call", "11"), ("court", "12"), ("call", "13")] {
            app.clock.advance(chrono::Duration::seconds(1));
            made.push(app.hold_slot(kind, &format!("2026-12-01T{at}:00:00Z")).await);
        }
        app.pay(&made[0], PaymentOutcome::Paid);
        app.deliver_all().await;
        app.cancel(&made[1]).await.expect(200);
        let newest: Vec<&str> = made.iter().rev().map(|hold| hold.text("id")).collect();
        assert_eq!(ids(&get_list(&app, "/v1/admin/holds").await), newest);
        for (query, expected) in [
            ("status=confirmed", vec![0]),
            ("status=released", vec![1]),
            ("status=held", vec![4, 3, 2]),
            ("status=processing", vec![]),
            ("event_type=call", vec![4, 2, 0]),
            ("resource=court-1", vec![3, 1]),
            ("resource=court-1&status=held", vec![3]),
            ("from=2026-12-01T11:00:00Z", vec![4, 3, 2]),
            ("to=2026-12-01T11:00:00Z", vec![1, 0]),
            ("from=2026-12-01T11:00:00Z&to=2026-12-01T13:00:00Z", vec![3, 2]),
            ("from=2026-12-01T12:00:00%2B01:00&to=2026-12-01T13:00:00%2B01:00", vec![2]),
            ("event_type=nothing", vec![]),
        ] {
            let expected: Vec<&str> = expected.into_iter().map(|n: usize| made[n].text("id")).collect();
            assert_eq!(ids(&get_list(&app, &format!("/v1/admin/holds?{query}")).await), expected, "{query}");
        }
        let (mut seen, mut path) = (Vec::new(), "/v1/admin/holds?limit=2".to_owned());
        loop {
            let part = get_list(&app, &path).await;
            assert!(ids(&part).len() <= 2);
            seen.extend(ids(&part).into_iter().map(str::to_owned));
            match part["next_cursor"].as_str() {
                Some(cursor) => path = format!("/v1/admin/holds?limit=2&cursor={cursor}"),
                None => break,
            }
        }
        assert_eq!(seen, newest);
    }

    async fn malformed_list_query_is_refused(engine) {
        let app = TestApp::start(engine).await;
        for (query, field) in [
            ("status=paid", "status"),
            ("from=tomorrow", "from"),
            ("limit=0", "limit"),
            ("limit=201", "limit"),
            ("limit=x", "limit"),
            ("event_type=A%20B", "event_type"),
            ("stauts=held", "stauts"),
            ("status=held&status=held", "status"),
        ] {
            let refused = app.admin(Method::GET, &format!("/v1/admin/holds?{query}"), None).await;
            assert_eq!(refused.expect_problem(422, "invalid").body["errors"][0]["field"], field, "{query}");
        }
        app.admin(Method::GET, "/v1/admin/commands?state=lost", None).await.expect_problem(422, "invalid");
    }

    async fn hold_shows_guest_payments_and_history(engine) {
        let app = TestApp::start(engine).await;
        let mut body = order_by("ada@example.com", "call", SLOT);
        body["metadata"] = json!({"order": "17"});
        let hold = app.checkout(&body).await.expect(201);
        app.pay(&hold, PaymentOutcome::Paid);
        app.deliver_all().await;
        let shown = app.admin_hold(hold.text("id")).await;
        let intent = app.simulator.session(hold.text("checkout_session")).unwrap().payment_intent.unwrap();
        assert_eq!(shown["guest"], json!({"email": "ada@example.com", "name": "Ada"}));
        assert_eq!(shown["metadata"], json!({"order": "17"}));
        assert_eq!(shown["payment_intent"], intent);
        let payment = json!({"intent": intent, "amount": 5000, "refunded": 0, "currency": "eur", "status": "succeeded", "state": "paid"});
        assert_eq!(shown["payments"], json!([payment]));
        let lines = shown["history"].as_array().unwrap();
        assert_eq!((&lines[0]["from"], &lines[0]["to"], &lines[0]["by"]), (&Value::Null, &json!("held"), &json!("checkout")));
        let confirmed = lines.iter().find(|line| line["to"] == "confirmed").unwrap();
        // This event reports the payment first. The session's own event comes later and changes nothing.
        let event = app.simulator.events().into_iter().find(|event| event.event_type == "payment_intent.succeeded");
        assert_eq!((&confirmed["by"], &confirmed["event"]), (&json!("event"), &json!(event.unwrap().id)), "{shown}");
        let nobody = app.admin(Method::GET, "/v1/admin/holds/01990000-0000-7000-8000-000000000000", None).await;
        nobody.expect_problem(404, "not_found");
    }

    async fn stuck_command_is_listed_retried_and_done(engine) {
        let app = TestApp::start(engine).await;
        let id = create_pending_command(&app).await;
        let retry = format!("/v1/admin/commands/{id}/retry");
        let mut tries = 1;
        while tries < 10 {
            let pushed = app.admin(Method::POST, &retry, None).await.expect(200).body;
            assert_eq!(pushed["tries"], tries + 1, "{pushed}");
            assert!(pushed["last_error"].is_string(), "{pushed}");
            tries += 1;
        }
        let stuck = get_list(&app, "/v1/admin/commands?state=stuck").await;
        assert_eq!((ids(&stuck), &stuck["data"][0]["state"]), (vec![id.as_str()], &json!("stuck")));
        assert_eq!(ids(&get_list(&app, "/v1/admin/commands?state=pending").await), [id.as_str()]);
        app.simulator.set_faults(Faults::default());
        let pushed = app.admin(Method::POST, &retry, None).await.expect(200).body;
        assert_eq!(pushed["state"], "done", "{pushed}");
        assert!(pushed["done_at"].is_string(), "{pushed}");
        let acts = get_list(&app, "/v1/admin/audit?action=retryCommand").await;
        assert_eq!(acts["data"][0]["after"], pushed);
        assert!(ids(&get_list(&app, "/v1/admin/commands").await).is_empty());
        assert_eq!(ids(&get_list(&app, "/v1/admin/commands?state=done").await), [id.as_str()]);
        app.admin(Method::POST, &retry, None).await.expect_problem(404, "not_found");
        app.admin(Method::POST, "/v1/admin/commands/x/retry", None).await.expect_problem(404, "not_found");
    }
}
