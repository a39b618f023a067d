//! Tests of starting a checkout. The slot is held once before its URL is returned, and a key returns the same
//! response again. A guest who disconnects interrupts nothing (I4). No request waits on Stripe while it holds a
//! database connection (I6).

use chrono::Duration;
use futures::StreamExt;
use holdfast::sandbox::{Endpoint, FaultKind, Faults, PaymentOutcome};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::support::app::{ApiResponse, TestApp, order, order_by};
use crate::support::catalogue_fixtures::{put_event_type, put_resource};
use crate::support::on_both_engines;
use crate::support::race::{self, RaceRequest};
use crate::support::wait_for::eventually;

const SLOT: &str = "2026-12-01T10:00:00Z";

/// Delays every call to Stripe before its effect.
fn slow_stripe(latency_ms: u64) -> Faults {
    Faults {
        latency_ms,
        ..Faults::default()
    }
}

/// Returns the first page of holds, as the operator sees it.
async fn list_holds(app: &TestApp) -> Vec<Value> {
    let list = app.admin(reqwest::Method::GET, "/v1/admin/holds", None).await;
    list.expect(200).body["data"].as_array().unwrap().clone()
}

on_both_engines! {
    async fn line_says_when_with_whom_and_how_many(engine) {
        let app = TestApp::start_with(engine, &[("HOLDFAST_TIMEZONE", "Europe/Berlin")]).await;
        for resource in ["mia", "ben"] {
            put_resource(&app, resource, 3).await;
        }
        let class = json!({"segments": [{"duration_minutes": 60, "any_of": ["mia"]}], "description": "Bring a mat"});
        put_event_type(&app, "class", class).await.expect(201);
        let pool = json!({"segments": [{"duration_minutes": 60, "any_of": ["mia", "ben"]}],
            "schedule": {"timezone": "Asia/Tokyo", "weekly": [{"days": ["tue"], "from": "19:00", "to": "20:00"}]}});
        put_event_type(&app, "pool", pool).await.expect(201);
        let line = |event_type: &'static str, wanted: Value| {
            let mut body = order(event_type, SLOT);
            body.as_object_mut().unwrap().extend(wanted.as_object().unwrap().clone());
            let app = &app;
            async move {
                let hold = app.checkout(&body).await.expect(201);
                let session = app.simulator.session(hold.text("checkout_session")).unwrap();
                assert_eq!(session.locale.as_deref(), body["locale"].as_str());
                session.line.unwrap()
            }
        };
        let german = line("class", json!({"quantity": 2, "locale": "de"})).await;
        assert_eq!(german, "Dienstag, 1. Dezember 2026, 11:00–12:00 Uhr (Europe/Berlin) · mia · 2 Plätze. Bring a mat");
        let anyone = line("pool", json!({})).await;
        assert_eq!(anyone, "Tuesday, 1 December 2026, 19:00–20:00 (Asia/Tokyo)", "it does not promise a resource");
        let ben = line("pool", json!({"resource": "ben", "locale": "fr", "guest": {"email": "bob@example.com"}})).await;
        assert_eq!(ben, "2026-12-01, 19:00–20:00 (Asia/Tokyo) · ben");
    }

    async fn paid_checkout_is_confirmed(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        assert_eq!(hold.body["amount"], 5000);
        assert_eq!(hold.body["ends_at"], "2026-12-01T10:30:00Z");
        app.pay(&hold, PaymentOutcome::Paid);
        assert_eq!(app.state_of(&hold).await, "held");
        app.deliver_all().await;
        assert_eq!(app.state_of(&hold).await, "confirmed");
    }

    async fn taken_slot_is_refused_without_stripe_call(engine) {
        let app = TestApp::start(engine).await;
        app.hold_slot("call", SLOT).await;
        let before = app.simulator.calls();
        app.checkout(&order("call", SLOT)).await.expect_problem(409, "slot_taken");
        assert_eq!(app.simulator.calls(), before);
    }

    async fn successful_checkout_makes_one_stripe_call(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.pay(&hold, PaymentOutcome::Paid);
        app.deliver_all().await;
        app.clock.advance(Duration::days(1));
        app.sweep().await;
        assert_eq!(app.simulator.calls().total(), 1);
    }

    async fn key_returns_same_hold_while_it_is_live(engine) {
        let app = TestApp::start(engine).await;
        let first = app.checkout_with_key("k", &order("call", SLOT)).await.expect(201);
        let again = app.checkout_with_key("k", &order("call", SLOT)).await.expect(200);
        assert_eq!(again.body, first.body);
        let in_another_order = json!({"guest": {"name": "Ada", "email": "ada@example.com"}, "starts_at": SLOT, "event_type": "call"});
        let again = app.checkout_with_key("k", &in_another_order).await.expect(200);
        assert_eq!(again.body, first.body);
        app.pay(&first, PaymentOutcome::Paid);
        app.deliver_all().await;
        let confirmed = app.checkout_with_key("k", &order("call", SLOT)).await.expect(200);
        assert_eq!((confirmed.text("id"), confirmed.text("token")), (first.text("id"), first.text("token")));
        assert_eq!((confirmed.text("status"), &confirmed.body["checkout_url"]), ("confirmed", &Value::Null));
        assert_eq!(app.simulator.calls().create, 1);
    }

    async fn key_with_another_body_is_refused(engine) {
        let app = TestApp::start(engine).await;
        app.checkout_with_key("k", &order("call", SLOT)).await.expect(201);
        for other in [order_by("bob@example.com", "call", SLOT), order("long-call", "2026-12-02T10:00:00Z")] {
            app.checkout_with_key("k", &other).await.expect_problem(422, "idempotency_mismatch");
        }
        app.checkout_with_key("another", &order("call", SLOT)).await.expect_problem(409, "slot_taken");
        assert_eq!(app.simulator.calls().create, 1);
    }

    async fn key_starts_new_hold_after_first_ends(engine) {
        let app = TestApp::start(engine).await;
        let first = app.checkout_with_key("k", &order("call", SLOT)).await.expect(201);
        app.cancel(&first).await.expect(200);
        let second = app.checkout_with_key("k", &order("call", SLOT)).await.expect(201);
        assert_ne!(first.text("id"), second.text("id"));
        app.clock.advance(Duration::minutes(31));
        app.sweep().await;
        let third = app.checkout_with_key("k", &order("call", SLOT)).await.expect(201);
        app.pay(&third, PaymentOutcome::Paid);
        app.deliver_all().await;
        let intent = app.simulator.session(third.text("checkout_session")).unwrap().payment_intent.unwrap();
        app.simulator.refund_from_dashboard(&intent, None).unwrap();
        app.deliver_all().await;
        assert_eq!(app.state_of(&third).await, "cancelled/refunded");
        app.checkout_with_key("k", &order("call", SLOT)).await.expect(201);
    }

    async fn key_starts_new_hold_after_conflict_or_error(engine) {
        let app = TestApp::start(engine).await;
        let other_hold = app.hold_slot("call", SLOT).await;
        let bobs = order_by("bob@example.com", "call", SLOT);
        app.checkout_with_key("k", &bobs).await.expect_problem(409, "slot_taken");
        app.cancel(&other_hold).await.expect(200);
        app.simulator.set_faults(Faults::default().next(Endpoint::CreateSession, FaultKind::RateLimited, 100));
        let refused = app.checkout_with_key("k", &bobs).await.expect_problem(503, "stripe_unavailable");
        assert!(refused.headers.contains_key("retry-after"));
        app.simulator.set_faults(Faults::default());
        app.checkout_with_key("k", &bobs).await.expect(201);
    }

    async fn key_in_use_by_running_request_is_refused(engine) {
        let app = TestApp::start(engine).await;
        app.simulator.set_faults(slow_stripe(3_000));
        let body = order("call", SLOT);
        let first = app.checkout_with_key("k", &body);
        let meanwhile = async {
            eventually("Stripe is called", async || (app.simulator.calls().create == 1).then_some(())).await;
            let second = app.checkout_with_key("k", &order("call", SLOT)).await;
            let second = second.expect_problem(409, "idempotency_in_progress");
            assert!(second.headers.contains_key("retry-after"));
            let other = app.checkout_with_key("k", &order_by("bob@example.com", "call", SLOT)).await;
            assert!([409, 422].contains(&other.status.as_u16()), "{other:?}");
        };
        let (first, ()) = tokio::join!(first, meanwhile);
        let first = first.expect(201);
        let again = app.checkout_with_key("k", &order("call", SLOT)).await.expect(200);
        assert_eq!(first.body, again.body);
    }

    async fn ten_concurrent_requests_with_one_key_are_one_checkout(engine) {
        let app = TestApp::start(engine).await;
        let request = |_| RaceRequest { key: Some("k".into()), ..RaceRequest::new(app.address, order("call", SLOT)) };
        let responses = race::send_simultaneously((0..10).map(request).collect()).await;
        let holds: Vec<_> = responses.iter().filter(|response| response.status < 300).map(|response| response.body["id"].clone()).collect();
        assert_eq!(responses.iter().filter(|response| response.status == 201).count(), 1, "{responses:?}");
        assert!(holds.iter().all(|id| *id == holds[0]), "{responses:?}");
        let waiting = |response: &&race::RaceResponse| response.body["code"] == "idempotency_in_progress";
        assert_eq!(holds.len() + responses.iter().filter(waiting).count(), 10, "{responses:?}");
        assert_eq!(app.simulator.calls().create, 1);
    }

    async fn key_is_visible_ascii_of_at_most_255_characters(engine) {
        let app = TestApp::start(engine).await;
        for bad in ["", " ", "a b", "k\u{e4}", &"k".repeat(256)] {
            let answer = app.checkout_with_key(bad, &order("call", SLOT)).await;
            answer.expect_problem(422, "invalid");
        }
        app.checkout_with_key(&"k".repeat(255), &order("call", SLOT)).await.expect(201);
    }

    async fn disconnected_guest_does_not_interrupt_checkout(engine) {
        let app = TestApp::start(engine).await;
        app.simulator.set_faults(slow_stripe(1_000));
        let request = RaceRequest { key: Some("k".into()), ..RaceRequest::new(app.address, order("call", SLOT)) };
        let mut connection = TcpStream::connect(app.address).await.unwrap();
        race::send(&mut connection, &request).await;
        eventually("Stripe is called", async || (app.simulator.calls().create == 1).then_some(())).await;
        drop(connection);
        let placed = eventually("the saga ends", async || list_holds(&app).await.pop()).await;
        assert_eq!(placed["status"], "held");
        let mine = app.checkout_with_key("k", &order("call", SLOT)).await.expect(200);
        assert_eq!(mine.body["id"], placed["id"]);
        assert_eq!(app.simulator.calls().create, 1);
    }

    async fn disconnected_guest_does_not_interrupt_release(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.simulator.set_faults(slow_stripe(1_000));
        let asked = eventually("Stripe is called", async || (app.simulator.calls().expire == 1).then_some(()));
        tokio::select! {
            answer = app.cancel(&hold) => panic!("{answer:?} before Stripe's response"),
            () = asked => {}
        }
        eventually("the release ends", async || (app.state_of(&hold).await == "released/guest").then_some(())).await;
    }

    async fn checkouts_waiting_on_stripe_hold_no_connection(engine) {
        let app = TestApp::start(engine).await;
        let taken = app.hold_slot("call", SLOT).await;
        app.simulator.set_faults(slow_stripe(4_000));
        let at = |n: i64| (app.clock_now() + Duration::hours(n)).format("%Y-%m-%dT%H:00:00Z").to_string();
        let orders: Vec<Value> = (1..=50).map(|n| order_by(&format!("guest-{n}@example.com"), "call", &at(n))).collect();
        let hanging = futures::stream::iter(&orders).map(|body| app.checkout(body)).buffer_unordered(50);
        let meanwhile = async {
            eventually("all checkouts wait for Stripe", async || (app.simulator.calls().create == 51).then_some(())).await;
            for _ in 0..5 {
                let reads = async {
                    app.get("/readyz").await.expect(200);
                    app.hold(taken.text("id")).await;
                    assert_eq!(list_holds(&app).await.len(), 1);
                    app.checkout(&order("call", SLOT)).await.expect_problem(409, "slot_taken");
                };
                tokio::time::timeout(std::time::Duration::from_secs(2), reads).await.expect("the database is free");
            }
            assert_eq!(list_holds(&app).await.len(), 1, "the checkouts still wait for Stripe");
        };
        let (placed, ()) = tokio::join!(hanging.collect::<Vec<ApiResponse>>(), meanwhile);
        for answer in placed {
            answer.expect(201);
        }
    }
}
