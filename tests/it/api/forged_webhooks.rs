//! Tests that a webhook which Stripe did not send has no effect (S19): each gets the right status, and the service
//! goes on.

use std::path::PathBuf;

use holdfast::domain::time::Clock;
use holdfast::sandbox::{PaymentOutcome, QueuedEvent, signature_header};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::sandbox::official_sdk;
use crate::support::app::{ApiResponse, TestApp, WEBHOOK_SECRET};
use crate::support::on_both_engines;

const SLOT: &str = "2026-12-01T10:00:00Z";

/// Returns a paid hold whose event is not delivered yet, and the event that would confirm it.
async fn paid_hold_with_pending_event(app: &TestApp) -> (ApiResponse, QueuedEvent) {
    let hold = app.hold_slot("call", SLOT).await;
    app.pay(&hold, PaymentOutcome::Paid);
    let events = app.simulator.events();
    let event = events
        .into_iter()
        .find(|event| event.event_type == "checkout.session.completed");
    (hold, event.unwrap())
}

fn sign(app: &TestApp, body: &str) -> String {
    sign_at(app, 0, body)
}

/// Signs the body with a timestamp that is this many seconds from now.
fn sign_at(app: &TestApp, seconds: i64, body: &str) -> String {
    signature_header(WEBHOOK_SECRET, app.clock.now().timestamp() + seconds, body)
}

/// Checks that the hold is unchanged and that the service is healthy.
async fn assert_unchanged(app: &TestApp, hold: &ApiResponse) {
    assert_eq!(app.state_of(hold).await, "held");
    assert_eq!(app.database.count("SELECT count(*) FROM stripe_events").await, 0);
    assert_eq!(app.database.count("SELECT count(*) FROM hold_history").await, 1);
    app.get("/readyz").await.expect(200);
}

on_both_engines! {
    async fn unsigned_webhook_is_refused(engine) {
        let app = TestApp::start(engine).await;
        let (hold, event) = paid_hold_with_pending_event(&app).await;
        let body = event.payload;
        let now = app.clock.now().timestamp();
        let good = sign(&app, &body);
        let hex = good.split_once("v1=").unwrap().1;
        for bad in [
            None,
            Some(String::new()),
            Some("nonsense".to_owned()),
            Some(format!("t={now}")),
            Some(format!("v1={hex}")),
            Some(format!("t={now},v1=")),
            Some(format!("t={now},v1=zz")),
            Some(format!("t={now},v0={hex}")),
            Some(format!("t={now},v1={}", &hex[..62])),
            Some(format!("t={now},v1={hex}00")),
            Some(signature_header("whsec_forged", now, &body)),
            Some(signature_header(WEBHOOK_SECRET, now, &body.replace("5000", "1"))),
            Some(format!("t={},v1={hex}", now + 1)),
            Some(format!("t={},v1={hex}", i64::MIN)),
            Some(format!("t={},v1={hex}", i64::MAX)),
            Some(format!("t=99999999999999999999,v1={hex}")),
            Some(format!("t={now},").repeat(10_000)),
        ] {
            let answer = app.webhook(bad.as_deref(), body.clone()).await;
            assert!([400, 431].contains(&answer.status.as_u16()), "{bad:?}: {answer:?}");
            if answer.status == 400 {
                assert_eq!(answer.text("code"), "bad_signature", "{bad:?}");
            }
        }
        assert_unchanged(&app, &hold).await;
    }

    async fn tampered_or_replayed_event_is_refused(engine) {
        let app = TestApp::start(engine).await;
        let (hold, event) = paid_hold_with_pending_event(&app).await;
        let good = sign(&app, &event.payload);
        for tampered in [event.payload.replace("5000", "1"), format!("{} ", event.payload), String::new()] {
            app.webhook(Some(&good), tampered).await.expect_problem(400, "bad_signature");
        }
        for seconds in [-301, 301, -86_400, 86_400] {
            let signature = sign_at(&app, seconds, &event.payload);
            app.webhook(Some(&signature), event.payload.clone()).await.expect_problem(400, "bad_signature");
        }
        assert_unchanged(&app, &hold).await;
        app.clock.advance(chrono::Duration::seconds(301));
        app.webhook(Some(&good), event.payload.clone()).await.expect_problem(400, "bad_signature");
        assert_unchanged(&app, &hold).await;
        let at_the_edge = sign_at(&app, -300, &event.payload);
        app.webhook(Some(&at_the_edge), event.payload).await.expect(200);
        assert_eq!(app.state_of(&hold).await, "confirmed");
    }

    async fn both_secrets_are_accepted_during_rotation(engine) {
        let app = TestApp::start_with(engine, &[("STRIPE_WEBHOOK_SECRET", "whsec_new, whsec_old")]).await;
        let (hold, event) = paid_hold_with_pending_event(&app).await;
        let now = app.clock.now().timestamp();
        let with = |secret| signature_header(secret, now, &event.payload);
        app.webhook(Some(&with("whsec_older")), event.payload.clone()).await.expect_problem(400, "bad_signature");
        assert_unchanged(&app, &hold).await;
        let new = with("whsec_new");
        let both = format!("{},{}", with("whsec_older"), new.split_once(',').unwrap().1);
        for signature in [with("whsec_old"), new, both] {
            app.webhook(Some(&signature), event.payload.clone()).await.expect(200);
        }
        assert_eq!(app.state_of(&hold).await, "confirmed");
    }

    async fn signed_event_of_another_product_is_ignored(engine) {
        let app = TestApp::start(engine).await;
        let (hold, event) = paid_hold_with_pending_event(&app).await;
        let mut live = event.json();
        live["livemode"] = true.into();
        let mut unknown = event.json();
        unknown["type"] = "customer.created".into();
        let mut nobodys = event.json();
        nobodys["data"]["object"] = json!({"id": "cs_test_other", "object": "checkout.session", "status": "complete",
            "payment_status": "paid", "payment_intent": "pi_other", "metadata": {}, "amount_total": 100, "currency": "eur"});
        let thin = json!({"id": "evt_thin", "object": "v2.core.event", "type": "v1.billing.meter.error_report_triggered",
            "livemode": false, "created": "2026-11-20T08:00:00.000Z"});
        let mut empty = event.json();
        empty["data"] = json!({});
        for body in [live, unknown, nobodys, thin, empty] {
            let body = body.to_string();
            let answer = app.webhook(Some(&sign(&app, &body)), body).await.expect(200);
            assert_eq!(answer.body, json!({"received": true, "outcome": "ignored"}));
        }
        assert_unchanged(&app, &hold).await;
    }

    async fn signed_body_that_is_not_an_event_is_refused(engine) {
        let app = TestApp::start(engine).await;
        let (hold, _) = paid_hold_with_pending_event(&app).await;
        let nested = |open: &str, close: &str| format!("{}{}", open.repeat(10_000), close.repeat(10_000));
        let bodies = ["", "{}", "null", "[]", "\"\"", "not json", r#"{"id": "evt_1"}"#, r#"{"id": 1, "type": 2}"#];
        let deep = [nested("[", "]"), nested(r#"{"a":"#, "}"), "[".repeat(100_000)];
        for body in bodies.into_iter().map(str::to_owned).chain(deep) {
            app.webhook(Some(&sign(&app, &body)), body).await.expect_problem(400, "malformed");
        }
        assert_unchanged(&app, &hold).await;
    }

    async fn oversized_or_non_utf8_webhook_is_refused(engine) {
        let app = TestApp::start(engine).await;
        let (hold, _) = paid_hold_with_pending_event(&app).await;
        for size in [1024 * 1024 + 1, 5 * 1024 * 1024] {
            let refused = send_oversized_body(&app, size).await;
            assert!(refused.starts_with("HTTP/1.1 413 ") && refused.contains("malformed"), "{refused}");
        }
        app.webhook(None, b"\xff\xfe{}".to_vec()).await.expect_problem(400, "bad_signature");
        let not_utf_8 = b"{\"id\":\"evt_\xff\",\"type\":\"x\"}".to_vec();
        let signature = sign_bytes(&app, &not_utf_8);
        app.webhook(Some(&signature), not_utf_8).await.expect_problem(400, "malformed");
        assert_unchanged(&app, &hold).await;
    }
}

/// Announces a body of this size and sends one byte more than the service reads. If the client sent more, it could
/// lose the response together with the connection.
async fn send_oversized_body(app: &TestApp, size: usize) -> String {
    let mut connection = TcpStream::connect(app.address).await.unwrap();
    let head = format!(
        "POST /webhooks/stripe HTTP/1.1\r\nhost: holdfast\r\nconnection: close\r\ncontent-length: {size}\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(&vec![b'x'; 1024 * 1024 + 1]).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Signs bytes that are not text with Stripe's scheme.
fn sign_bytes(app: &TestApp, body: &[u8]) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let t = app.clock.now().timestamp();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(WEBHOOK_SECRET.as_bytes()).unwrap();
    mac.update(format!("{t}.").as_bytes());
    mac.update(body);
    format!("t={t},v1={}", hex::encode(mac.finalize().into_bytes()))
}

on_both_engines! {
    async fn signature_of_official_sdk_is_accepted(engine) {
        let app = TestApp::start(engine).await;
        let (hold, event) = paid_hold_with_pending_event(&app).await;
        let python: PathBuf = crate::support::python::with(official_sdk::SDK).await;
        let now = app.clock.now().timestamp().to_string();
        let signature = official_sdk::run(&python, &["sign", WEBHOOK_SECRET, &now], &event.payload).await;
        let answer = app.webhook(Some(signature.trim()), event.payload).await.expect(200);
        assert_eq!(answer.body["outcome"], Value::from("applied"));
        assert_eq!(app.state_of(&hold).await, "confirmed");
    }
}
