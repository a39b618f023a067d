//! Tests of checkouts that Stripe refuses for good: the guest gets a code of its own, the slot stays free, and the operator
//! learns why from the log, a metric and `doctor`.

use holdfast::doctor::{self, Check, Verdict};
use serde_json::json;

use super::scripted_server::{Reply, ScriptedServer};
use crate::support::app::{Client, Instance, TestApp, order};
use crate::support::on_both_engines;

const SLOT: &str = "2026-12-01T10:00:00Z";

/// The body of an error of Stripe, with these members.
fn refusal(members: serde_json::Value) -> String {
    let mut error = json!({"type": "invalid_request_error", "message": "ada@example.com may not read this"});
    error
        .as_object_mut()
        .unwrap()
        .extend(members.as_object().unwrap().clone());
    json!({ "error": error }).to_string()
}

fn too_small() -> Reply {
    Reply::status(400, &refusal(json!({"code": "amount_too_small"}))).with_header("request-id: req_small")
}

/// Starts an instance whose Stripe always replies like this.
async fn instance_with_replies(app: &TestApp, reply: Reply) -> (Instance, ScriptedServer) {
    let server = ScriptedServer::start([reply]).await;
    let base = server.base();
    let instance = app.another_instance_with(&[("STRIPE_API_BASE", &base)]).await;
    (instance, server)
}

async fn check_refusals(app: &TestApp) -> Check {
    let config = app.config_with(&[]);
    let checks = doctor::examine(&config, config.stripe.as_ref().unwrap(), app.clock.clone()).await;
    let mut checks = checks
        .into_iter()
        .filter(|check| check.check == "refused checkouts");
    checks.next().unwrap()
}

async fn metrics(client: &Client) -> String {
    let answer = client.get("/metrics").await.expect(200);
    answer.body.as_str().unwrap().to_owned()
}

on_both_engines! {
    async fn refused_checkout_has_its_own_code_and_keeps_no_slot(engine) {
        let app = TestApp::start(engine).await;
        for (reply, code) in [
            (too_small(), "amount_too_small"),
            (Reply::status(400, &refusal(json!({"param": "line_items[0][price_data][currency]"}))), "currency"),
            (Reply::status(400, &refusal(json!({"param": "payment_method_types"}))), "payment_methods"),
            (Reply::status(400, &refusal(json!({"code": "payment_method_unactivated"}))), "payment_method_unactivated"),
            (Reply::status(401, &refusal(json!({"code": "api_key_expired"}))), "api_key_expired"),
            (Reply::status(401, "<html>"), "key_refused"),
            (Reply::status(403, &refusal(json!({"code": "made_up"}))), "permission_missing"),
            (Reply::status(402, &refusal(json!({}))), "other"),
        ] {
            let (instance, _server) = instance_with_replies(&app, reply).await;
            let refused = instance.checkout(&order("call", SLOT)).await.expect_problem(502, "stripe_refused");
            assert!(!refused.headers.contains_key("retry-after"), "{code}: a repeat is refused too");
            let latest = "SELECT count(*) FROM checkout_attempts WHERE state = 'abandoned' AND refusal = ";
            assert_eq!(app.database.count(&format!("{latest}'{code}'")).await, 1, "{code}");
            let counted = format!("holdfast_checkouts_refused_total{{code=\"{code}\"}}");
            assert!(metrics(&app).await.contains(&counted), "{counted}");
        }
        app.hold_slot("call", SLOT).await;
    }

    async fn doctor_names_the_code_of_the_last_refused_checkouts(engine) {
        let app = TestApp::start(engine).await;
        let check = check_refusals(&app).await;
        assert_eq!((check.verdict, check.found.as_str()), (Verdict::Ok, "no checkouts yet"));
        app.hold_slot("call", "2026-12-02T10:00:00Z").await;
        let (instance, _server) = instance_with_replies(&app, too_small()).await;
        let refuse = async || {
            app.clock.advance(chrono::Duration::seconds(1));
            instance.checkout(&order("call", SLOT)).await.expect(502);
        };
        refuse().await;
        let check = check_refusals(&app).await;
        let found = "1 of the last 2 checkouts were refused: amount_too_small";
        assert_eq!((check.verdict, check.found.as_str()), (Verdict::Warning, found));
        for _ in 1..20 {
            refuse().await;
        }
        let check = check_refusals(&app).await;
        let found = "the last 20 checkouts were refused: amount_too_small";
        assert_eq!((check.verdict, check.found.as_str()), (Verdict::Fault, found));
        assert!(check.remedy.is_some_and(|remedy| remedy.contains("docs/operations.md")));
        app.clock.advance(chrono::Duration::seconds(1));
        app.hold_slot("call", SLOT).await;
        assert_eq!(check_refusals(&app).await.verdict, Verdict::Warning);
    }

    async fn refusal_of_the_key_is_over_when_stripe_takes_a_session(engine) {
        let app = TestApp::start(engine).await;
        let (instance, _server) = instance_with_replies(&app, Reply::status(401, "<html>")).await;
        instance.checkout(&order("call", SLOT)).await.expect(502);
        assert_eq!(check_refusals(&app).await.verdict, Verdict::Fault);
        app.clock.advance(chrono::Duration::seconds(1));
        app.hold_slot("call", SLOT).await;
        assert_eq!(check_refusals(&app).await.verdict, Verdict::Ok);
        app.clock.advance(chrono::Duration::seconds(1));
        instance.checkout(&order("call", "2026-12-02T10:00:00Z")).await.expect(502);
        let check = check_refusals(&app).await;
        let found = "1 of the last 3 checkouts were refused: key_refused";
        assert_eq!((check.verdict, check.found.as_str()), (Verdict::Warning, found));
    }

    async fn refused_checkout_is_logged_once_with_stripes_request(engine) {
        let app = TestApp::start(engine).await;
        let server = ScriptedServer::start([too_small()]).await;
        let directory = tempfile::tempdir().unwrap();
        let base = server.base();
        let (mut process, client) = app.process(directory.path(), &[("STRIPE_API_BASE", &base)]).await;
        client.checkout(&order("call", "2030-12-01T10:00:00Z")).await.expect_problem(502, "stripe_refused");
        let metrics = metrics(&client).await;
        for line in [
            "holdfast_checkouts_total{outcome=\"stripe_refused\"} 1",
            "holdfast_checkouts_refused_total{code=\"amount_too_small\"} 1",
        ] {
            assert!(metrics.lines().any(|found| found == line), "{line} in {metrics}");
        }
        process.terminate().await;
        assert_eq!(process.ends().await.code(), Some(0));
        let log = process.output();
        let about_it: Vec<&str> = log.lines().filter(|line| line.contains("amount_too_small")).collect();
        assert_eq!(about_it.len(), 1, "{log}");
        assert!(about_it[0].contains("WARN") && about_it[0].contains("req_small"), "{log}");
        assert_eq!(log.lines().filter(|line| line.contains("req_small")).count(), 1, "{log}");
        assert!(!log.contains("ada@example.com") && !log.contains("ERROR"), "{log}");
    }

    async fn event_type_that_breaks_the_rules_sells_as_stripe_decides(engine) {
        let app = TestApp::start(engine).await;
        app.database.execute("UPDATE event_types SET amount = 17550, currency = 'huf' WHERE id = 'call'").await;
        app.hold_slot("call", SLOT).await;
        app.database.execute("UPDATE event_types SET amount = 49, currency = 'usd' WHERE id = 'call'").await;
        let request = order("call", "2026-12-01T12:00:00Z");
        app.checkout(&request).await.expect_problem(502, "stripe_refused");
        // Two units cost enough.
        let mut two = request.clone();
        two["quantity"] = json!(2);
        crate::support::catalogue_fixtures::put_resource(&app, "ana", 2).await;
        app.checkout(&two).await.expect(201);
    }
}
