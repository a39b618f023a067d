//! Tests that Stripe's events are facts, applied once (I5): a delivery that is repeated, cut before the commit, or
//! sent while the database is away ends in the same state as a single clean one. `event_order` tests the orders.

use holdfast::domain::time::Clock;
use holdfast::sandbox::{PaymentOutcome, QueuedEvent, signature_header};
use serde_json::{Value, json};

use crate::support::app::{ApiResponse, TestApp, WEBHOOK_SECRET, order};
use crate::support::database::Engine;
use crate::support::database_lock::Lock;
use crate::support::on_both_engines;
use crate::support::proxy::Proxy;
use crate::support::wait_for::eventually;

const SLOT: &str = "2026-12-01T10:00:00Z";

/// Delivers a body as Stripe does, signed now.
async fn deliver_signed(app: &TestApp, body: &str) -> ApiResponse {
    let signature = signature_header(WEBHOOK_SECRET, app.clock.now().timestamp(), body);
    app.webhook(Some(&signature), body.to_owned()).await
}

async fn count_applied(app: &TestApp, event: &str) -> i64 {
    app.database
        .count(&format!(
            "SELECT count(*) FROM stripe_events WHERE id = '{event}'"
        ))
        .await
}

fn completed_event(app: &TestApp) -> QueuedEvent {
    let events = app.simulator.events();
    events
        .into_iter()
        .rev()
        .find(|event| event.event_type == "checkout.session.completed")
        .unwrap()
}

on_both_engines! {
    async fn event_delivered_twice_has_one_effect(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.pay(&hold, PaymentOutcome::Paid);
        let event = completed_event(&app);
        let mut outcomes = Vec::new();
        for _ in 0..2 {
            let delivery = app.simulator.deliver(&event.id).await.unwrap();
            outcomes.push(serde_json::from_str::<Value>(&delivery.body).unwrap());
        }
        assert_eq!(outcomes[0], json!({"received": true, "outcome": "applied"}));
        assert_eq!(outcomes[1], json!({"received": true, "outcome": "duplicate"}));
        assert_confirmed_once(&app, &hold).await;
    }

    async fn event_delivered_ten_times_at_once_has_one_effect(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.pay(&hold, PaymentOutcome::Paid);
        let event = completed_event(&app);
        let deliveries = (0..10).map(|_| app.simulator.deliver(&event.id));
        let answers = futures::future::join_all(deliveries).await;
        let outcomes: Vec<Value> =
            answers.into_iter().map(|answer| serde_json::from_str(&answer.unwrap().body).unwrap()).collect();
        let applied = outcomes.iter().filter(|outcome| outcome["outcome"] == "applied").count();
        let duplicate = outcomes.iter().filter(|outcome| outcome["outcome"] == "duplicate").count();
        assert_eq!((applied, duplicate), (1, 9), "{outcomes:?}");
        assert_confirmed_once(&app, &hold).await;
    }

    async fn two_events_of_one_change_have_one_effect(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.pay(&hold, PaymentOutcome::Paid);
        let mut event = completed_event(&app).json();
        for id in ["evt_one", "evt_two"] {
            event["id"] = id.into();
            assert_eq!(deliver_signed(&app, &event.to_string()).await.expect(200).body["outcome"], "applied");
        }
        assert_confirmed_once(&app, &hold).await;
    }

    async fn event_with_half_a_character_in_a_name_is_applied(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.pay(&hold, PaymentOutcome::Paid);
        let mut event = completed_event(&app).json();
        event["data"]["object"]["customer_details"] = json!({"name": "Ada HALF \u{1f600}"});
        let body = event.to_string().replace("HALF", "\\ud83d");
        assert!(serde_json::from_str::<Value>(&body).is_err(), "{body}");
        assert_eq!(deliver_signed(&app, &body).await.expect(200).body["outcome"], "applied");
        assert_confirmed_once(&app, &hold).await;
        assert_eq!(deliver_signed(&app, &body).await.expect(200).body["outcome"], "duplicate");
        let replay = format!("/v1/admin/events/{}/replay", event["id"].as_str().unwrap());
        app.admin(reqwest::Method::POST, &replay, None).await.expect(200);
        assert_confirmed_once(&app, &hold).await;
    }

    /// Stripe sends it again until a version that can read it has stored it. The service is a real process, because the metric
    /// counts.
    async fn event_of_ours_that_cannot_be_read_is_sent_again(engine) {
        let (app, directory) = (TestApp::start(engine).await, tempfile::tempdir().unwrap());
        let (_process, client) = app.process(directory.path(), &[]).await;
        let slot = (app.clock_now() + chrono::Duration::days(365)).format("%Y-%m-%dT10:00:00Z");
        let hold = client.checkout(&order("call", &slot.to_string())).await.expect(201);
        app.pay(&hold, PaymentOutcome::Paid);
        let whole = completed_event(&app).json();
        let refund = json!({"id": "evt_refund", "object": "event", "type": "refund.created", "livemode": whole["livemode"],
            "data": {"object": {"id": "re_1", "object": "refund", "metadata": whole["data"]["object"]["metadata"]}}});
        let mut unreadable = whole.clone();
        unreadable["data"]["object"]["amount_total"] = "5000".into();
        let deliver = async |event: &Value| {
            let body = event.to_string();
            let signature = signature_header(WEBHOOK_SECRET, app.clock_now().timestamp(), &body);
            client.webhook(Some(&signature), body).await
        };
        for event in [&unreadable, &refund] {
            deliver(event).await.expect_problem(500, "internal");
        }
        assert_eq!(app.state_of(&hold).await, "held");
        let metrics = client.get("/metrics").await.expect(200);
        let counted = "holdfast_webhooks_total{outcome=\"unreadable\"} 2\n";
        assert!(metrics.body.as_str().unwrap().contains(counted), "{}", metrics.body);
        for foreign in [json!({}), json!({"holdfast_hold": hold.body["id"], "holdfast_installation": "another"})] {
            for mut event in [unreadable.clone(), refund.clone()] {
                event["data"]["object"]["metadata"] = foreign.clone();
                assert_eq!(deliver(&event).await.expect(200).body["outcome"], "ignored", "{event}");
            }
        }
        assert_eq!(deliver(&whole).await.expect(200).body["outcome"], "applied");
        assert_eq!(app.state_of(&hold).await, "confirmed");
    }

    async fn webhook_during_database_lock_applies_on_retry(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.pay(&hold, PaymentOutcome::Paid);
        let event = completed_event(&app);
        let lock = Lock::on_hold(&app.database, hold.text("id")).await;
        let refused = app.simulator.deliver(&event.id).await.unwrap();
        assert_eq!(refused.status, Ok(503), "{refused:?}");
        lock.release_lock().await;
        assert_eq!((count_applied(&app, &event.id).await, app.state_of(&hold).await), (0, "held".to_owned()));
        app.deliver_all().await;
        assert_confirmed_once(&app, &hold).await;
    }
}

async fn assert_confirmed_once(app: &TestApp, hold: &ApiResponse) {
    let hold = app.admin_hold(hold.text("id")).await;
    assert_eq!(hold["status"], "confirmed");
    let lines = hold["history"].as_array().unwrap().iter();
    let confirmations = lines.filter(|line| line["to"] == "confirmed" && line["from"] != "confirmed");
    assert_eq!(confirmations.count(), 1, "{hold}");
    assert_eq!(hold["payments"].as_array().unwrap().len(), 1, "{hold}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhook_cut_before_commit_applies_on_retry() {
    const WAITING: &str = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'holdfast' AND wait_event_type = 'Lock'";
    let app = TestApp::start(Engine::Postgres).await;
    let hold = app.hold_slot("call", SLOT).await;
    app.pay(&hold, PaymentOutcome::Paid);
    let event = completed_event(&app);
    let lock = Lock::on_hold(&app.database, hold.text("id")).await;
    {
        let delivery = deliver_signed(&app, &event.payload);
        let at_the_lock = eventually("the delivery waits for the lock", async || {
            (app.database.count(WAITING).await > 0).then_some(())
        });
        tokio::select! {
            answer = delivery => panic!("answered {answer:?} before the commit"),
            () = at_the_lock => {}
        }
    }
    // The connection is closed now. The service may notice that or go on; it must not stop between the two.
    lock.release_lock().await;
    eventually("no connection waits for the lock", async || {
        (app.database.count(WAITING).await == 0).then_some(())
    })
    .await;
    // In one statement: the service may commit between two.
    let both = format!(
        "SELECT (SELECT count(*) FROM stripe_events WHERE id = '{}') || ' ' || status FROM holds",
        event.id
    );
    let both = app.database.texts(&both).await;
    assert!(both == ["0 held"] || both == ["1 confirmed"], "{both:?}");
    app.deliver_all().await;
    assert_confirmed_once(&app, &hold).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhook_without_database_is_refused_and_applied_later() {
    let app = TestApp::start(Engine::Postgres).await;
    let hold = app.hold_slot("call", SLOT).await;
    app.pay(&hold, PaymentOutcome::Paid);
    let proxy = Proxy::to(app.database.url()).await;
    let other = app.another_instance_with(&[("DATABASE_URL", proxy.url())]).await;
    app.simulator.set_webhook_url(other.url("/webhooks/stripe"));
    other.get("/readyz").await.expect(200);

    proxy.cut();
    for delivery in app.simulator.deliver_all().await {
        // An event that does not concern the service is ignored without the database.
        let ignored = delivery.event_type == "charge.succeeded";
        assert_eq!(
            delivery.status,
            Ok(if ignored { 200 } else { 503 }),
            "{delivery:?}"
        );
    }
    let refused = eventually("the outage shows", async || {
        let answer = other.get("/readyz").await;
        (answer.status != 200).then_some(answer)
    });
    let refused = refused.await.expect_problem(503, "store_unavailable");
    assert!(refused.headers.contains_key("retry-after"));
    other.get("/livez").await.expect(200);
    assert_eq!(app.state_of(&hold).await, "held");

    proxy.restore_traffic();
    eventually("Stripe's retries are accepted", async || {
        app.simulator.deliver_all().await;
        app.simulator.pending_events().is_empty().then_some(())
    })
    .await;
    assert_confirmed_once(&app, &hold).await;
}
