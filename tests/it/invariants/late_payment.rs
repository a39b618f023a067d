//! Tests money that arrives without a slot (I3): for a hold that was released before its guest paid (S10), and for
//! one that is not in the database (S20). The guest gets the slot if it is free, else the money back, once, however
//! often Stripe reports it. A metric and a log line at error level tell the operator.
//!
//! Where log and metrics count, the service is a real process: its outbox worker makes the refund.

use holdfast::sandbox::{Endpoint, FaultKind, Faults, PaymentOutcome, signature_header};
use serde_json::{Value, json};

use crate::support::app::{ApiResponse, Client, TestApp, WEBHOOK_SECRET, order, order_by};
use crate::support::catalogue_fixtures::put_event_type;
use crate::support::on_both_engines;
use crate::support::process::Process;
use crate::support::wait_for::eventually;

/// Releases the hold in the database alone, with its session open. The service never does so, but an operator with a
/// database client can.
async fn release_in_database(app: &TestApp, hold: &ApiResponse) {
    let id = hold.text("id");
    for statement in [
        format!("UPDATE holds SET status = 'released', reason = 'operator', due_at = NULL, version = version + 1 WHERE id = '{id}'"),
        format!("DELETE FROM occupancy WHERE hold_id = '{id}'"),
        format!("INSERT INTO hold_history (hold_id, at, from_status, to_status, to_reason, transition, message, actor)
                 SELECT id, created_at, 'held', 'released', 'operator', 'other', 'by force', 'operator' FROM holds WHERE id = '{id}'"),
    ] {
        assert_eq!(app.database.execute(&statement).await, 1, "{statement}");
    }
}

/// Delivers all events of the test five times, several at once.
async fn redeliver_all_events(app: &TestApp) {
    app.deliver_all().await;
    let events = app.simulator.events();
    let deliveries = (0..5).flat_map(|_| events.iter().map(|event| app.simulator.deliver(&event.id)));
    for delivery in futures::future::join_all(deliveries).await {
        assert!(delivery.as_ref().unwrap().accepted(), "{delivery:?}");
    }
}

/// Checks that the money is refunded and recorded once; Stripe's repetitions change nothing.
async fn assert_refunded_once(app: &TestApp) {
    const OWED: &str = "SELECT (SELECT count(*) FROM commands WHERE done_at IS NULL)
        + (SELECT count(*) FROM payments WHERE state = 'refund_due')";
    eventually("the payment is refunded", async || {
        let back = app.simulator.refunds().len() == 1 && app.database.count(OWED).await == 0;
        back.then_some(())
    })
    .await;
    redeliver_all_events(app).await;
    assert_eq!(
        (app.simulator.refunds().len(), app.simulator.calls().refund),
        (1, 1)
    );
    assert_eq!(app.simulator.refunds()[0].amount, 5000);
}

/// Checks for one log line at error level with these words, and one count in the metric of this kind.
async fn assert_operator_alerted(process: &mut Process, client: &Client, words: &str, kind: &str) {
    process.says(words).await;
    let said = process.output();
    let lines: Vec<&str> = said.lines().filter(|line| line.contains(words)).collect();
    assert!(lines.len() == 1 && lines[0].contains("ERROR"), "{lines:?}");
    let metrics = client.get("/metrics").await.expect(200);
    let counted = format!("holdfast_payments_without_slot_total{{kind=\"{kind}\"}} 1\n");
    assert!(metrics.body.as_str().unwrap().contains(&counted), "{metrics:?}");
    let none = "holdfast_money_without_slot 0\n";
    assert!(metrics.body.as_str().unwrap().contains(none), "{metrics:?}");
}

fn start_in_a_year(app: &TestApp) -> String {
    let at = app.clock_now() + chrono::Duration::days(365);
    at.format("%Y-%m-%dT10:00:00Z").to_string()
}

/// Returns the hold's state and the message of the line in its history that settled the late payment. Lines about the
/// refund follow it.
async fn final_state(client: &Client, hold: &ApiResponse) -> (String, Value) {
    let shown = client.admin_hold(hold.text("id")).await;
    let line = shown["history"].as_array().unwrap();
    let settled = line.iter().rev().find(|line| {
        line["transition"].as_str().unwrap().starts_with("late_payment") && line["by"] == "event"
    });
    (
        client.state(hold.text("id")).await,
        settled.unwrap()["message"].clone(),
    )
}

on_both_engines! {
    async fn late_payment_for_begun_slot_is_refunded(engine) {
        let app = TestApp::start(engine).await;
        let (begun, coming) = (
            app.hold_slot("call", "2026-11-20T08:10:00Z").await,
            app.hold_slot("call", "2026-11-20T08:45:00Z").await,
        );
        for hold in [&begun, &coming] {
            app.expire_by_false_event(hold).await;
        }
        app.clock.advance(chrono::Duration::minutes(10));
        for hold in [&begun, &coming] {
            app.pay(hold, PaymentOutcome::Paid);
        }
        app.deliver_all().await;
        let message = json!("paid after the release; the slot had begun, the money goes back");
        assert_eq!(final_state(&app, &begun).await, ("released/late_payment_refunded".to_owned(), message));
        assert_eq!(app.state_of(&coming).await, "confirmed");
        app.sweep().await;
        assert_refunded_once(&app).await;
        let slot = order_by("bob@example.com", "call", "2026-11-20T08:15:00Z");
        app.checkout(&slot).await.expect(201);
    }

    /// A promotion code takes the whole price of a hold that was released: late money of zero.
    async fn late_completion_without_money_gets_a_free_slot(engine) {
        let app = TestApp::start(engine).await;
        let class = json!({"resource": "ben", "duration_minutes": 60, "checkout": {"promotion_codes": true}});
        put_event_type(&app, "class", class).await.expect(201);
        for (start, is_taken, state) in [
            ("2026-12-01T10:00:00Z", false, "confirmed"),
            ("2026-12-02T10:00:00Z", true, "released/late_payment_refunded"),
        ] {
            let hold = app.hold_slot("class", start).await;
            app.expire_by_false_event(&hold).await;
            if is_taken {
                let other = app.checkout(&order_by("bob@example.com", "class", start)).await.expect(201);
                app.confirm(&other).await;
            }
            app.simulator.apply_promotion_code(hold.text("checkout_session"), "OFF100").unwrap();
            app.pay(&hold, PaymentOutcome::Paid);
            redeliver_all_events(&app).await;
            assert_eq!(app.state_of(&hold).await, state);
        }
        app.sweep().await;
        let metrics = app.get("/metrics").await.expect(200);
        for gauge in ["holdfast_money_without_slot 0\n", "holdfast_slot_without_money 0\n", "holdfast_price_mismatches 0\n"] {
            assert!(metrics.body.as_str().unwrap().contains(gauge), "{gauge}: {metrics:?}");
        }
        assert_eq!(app.simulator.calls().refund, 0);
    }

    /// Only its session says that the money below the price is the hold's own: without Stripe's answer nothing is decided.
    async fn discounted_late_payment_waits_for_its_session(engine) {
        let app = TestApp::start(engine).await;
        let class = json!({"resource": "ben", "duration_minutes": 60, "checkout": {"promotion_codes": true}});
        put_event_type(&app, "class", class).await.expect(201);
        let hold = app.hold_slot("class", "2026-12-01T10:00:00Z").await;
        app.expire_by_false_event(&hold).await;
        app.simulator.apply_promotion_code(hold.text("checkout_session"), "OFF50").unwrap();
        app.pay(&hold, PaymentOutcome::Paid);
        let mut events = app.simulator.pending_events();
        app.drop_events();
        events.retain(|event| event.event_type == "payment_intent.succeeded");
        app.simulator.set_faults(Faults::default().next(Endpoint::RetrieveSession, FaultKind::ServerError, 100));
        assert!(!app.simulator.deliver(&events[0].id).await.unwrap().accepted());
        assert_eq!(app.state_of(&hold).await, "released/expired");
        app.simulator.set_faults(Faults::default());
        assert!(app.simulator.deliver(&events[0].id).await.unwrap().accepted());
        assert_eq!((app.state_of(&hold).await.as_str(), app.simulator.calls().refund), ("confirmed", 0));
    }

    async fn delayed_payment_confirms_after_the_slot_has_begun(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", "2026-11-20T08:10:00Z").await;
        app.pay(&hold, PaymentOutcome::Processing);
        app.deliver_all().await;
        app.clock.advance(chrono::Duration::days(2));
        app.sweep().await;
        assert_eq!(app.state_of(&hold).await, "processing");
        app.pay(&hold, PaymentOutcome::ProcessingSucceeded);
        app.deliver_all().await;
        assert_eq!(app.state_of(&hold).await, "confirmed");
        assert_eq!(app.simulator.refunds().len(), 0);
    }

    /// An operator pays the session at Stripe while the answer to the call that made it hangs.
    async fn payment_before_the_hold_is_placed_confirms_it(engine) {
        let app = TestApp::start(engine).await;
        app.simulator.set_faults(Faults {
            hang_ms: 3000,
            ..Faults::default().next(Endpoint::CreateSession, FaultKind::Hang, 1)
        });
        let pay = async {
            let made = eventually("the session is made", async || app.simulator.sessions().pop()).await;
            app.simulator.pay(&made.id, PaymentOutcome::Paid).unwrap();
            app.deliver_all().await;
            let waits = "SELECT count(*) FROM payments WHERE hold_id IS NULL AND state = 'paid'";
            assert_eq!(app.database.count(waits).await, 1, "the answer still hangs");
        };
        let body = order("call", "2026-12-01T10:00:00Z");
        let (hold, ()) = tokio::join!(app.checkout(&body), pay);
        let hold = hold.expect(201);
        assert_eq!((hold.text("status"), &hold.body["checkout_url"]), ("confirmed", &Value::Null));
        redeliver_all_events(&app).await;
        app.sweep().await;
        assert_eq!(app.state_of(&hold).await, "confirmed");
        assert_eq!(app.simulator.calls().refund, 0);
        let shown = app.admin_hold(hold.text("id")).await;
        assert_eq!((&shown["ledger"]["kept"], &shown["ledger"]["refunded"]), (&json!(5000), &json!(0)));
        let metrics = app.get("/metrics").await.expect(200);
        for gauge in ["holdfast_money_without_slot 0\n", "holdfast_slot_without_money 0\n"] {
            assert!(metrics.body.as_str().unwrap().contains(gauge), "{metrics:?}");
        }
    }

    async fn late_payment_for_resold_slot_is_refunded(engine) {
        let (app, directory) = (TestApp::start(engine).await, tempfile::tempdir().unwrap());
        let (mut process, client) = app.process(directory.path(), &[]).await;
        let slot = start_in_a_year(&app);
        let first = client.checkout(&order("call", &slot)).await.expect(201);
        release_in_database(&app, &first).await;
        let second = client.checkout(&order_by("bob@example.com", "call", &slot)).await.expect(201);
        app.pay(&second, PaymentOutcome::Paid);
        app.deliver_all().await;
        app.pay(&first, PaymentOutcome::Paid);
        redeliver_all_events(&app).await;
        assert_refunded_once(&app).await;
        let message = json!("paid after the release; the slot was gone, the money goes back");
        assert_eq!(final_state(&client, &first).await, ("released/late_payment_refunded".to_owned(), message));
        assert_eq!(app.state_of(&second).await, "confirmed");
        assert_operator_alerted(&mut process, &client, "a payment arrived for a hold that was not waiting for it", "late").await;
    }

    async fn late_payment_gets_slot_back(engine) {
        let (app, directory) = (TestApp::start(engine).await, tempfile::tempdir().unwrap());
        let (mut process, client) = app.process(directory.path(), &[]).await;
        let slot = start_in_a_year(&app);
        let hold = client.checkout(&order("call", &slot)).await.expect(201);
        release_in_database(&app, &hold).await;
        app.pay(&hold, PaymentOutcome::Paid);
        redeliver_all_events(&app).await;
        let message = json!("paid after the release; the slot was still free");
        assert_eq!(final_state(&client, &hold).await, ("confirmed".to_owned(), message));
        assert_eq!(app.simulator.calls().refund, 0);
        let other = order_by("bob@example.com", "call", &slot);
        client.checkout(&other).await.expect_problem(409, "slot_taken");
        assert_operator_alerted(&mut process, &client, "a payment arrived for a hold that was not waiting for it", "late").await;
    }

    async fn payment_without_hold_is_refunded_once_and_logged(engine) {
        let (app, directory) = (TestApp::start(engine).await, tempfile::tempdir().unwrap());
        let (mut process, client) = app.process(directory.path(), &[]).await;
        let hold = client.checkout(&order("call", &start_in_a_year(&app))).await.expect(201);
        app.delete_hold_rows(&hold).await;
        app.pay(&hold, PaymentOutcome::Paid);
        redeliver_all_events(&app).await;
        assert_refunded_once(&app).await;
        assert_operator_alerted(&mut process, &client, "payment for an unknown hold", "no_hold").await;
    }

    async fn second_payment_on_one_hold_is_refunded_once(engine) {
        let (app, directory) = (TestApp::start(engine).await, tempfile::tempdir().unwrap());
        let (mut process, client) = app.process(directory.path(), &[]).await;
        let hold = client.checkout(&order("call", &start_in_a_year(&app))).await.expect(201);
        app.pay(&hold, PaymentOutcome::Paid);
        app.deliver_all().await;
        // Stripe promises one payment per session. If that fails, the second payment carries the same metadata.
        let second = app.hold_slot("long-call", "2026-12-01T10:00:00Z").await;
        app.delete_hold_rows(&second).await;
        app.pay(&second, PaymentOutcome::Paid);
        let mut events = app.simulator.pending_events();
        events.iter().for_each(|event| app.simulator.drop_event(&event.id));
        events.retain(|event| event.event_type == "payment_intent.succeeded");
        let body = events[0].payload.replace(second.text("id"), hold.text("id"));
        for _ in 0..3 {
            let signature = signature_header(WEBHOOK_SECRET, app.clock_now().timestamp(), &body);
            client.webhook(Some(&signature), body.clone()).await.expect(200);
        }
        let shown = eventually("the second payment is refunded", async || {
            let shown = client.admin_hold(hold.text("id")).await;
            (shown["payments"][1]["state"] == "refunded").then_some(shown)
        })
        .await;
        assert_eq!((&shown["status"], &shown["payments"][0]["state"]), (&json!("confirmed"), &json!("paid")));
        let refunds = app.simulator.refunds();
        assert_eq!((refunds.len(), refunds[0].amount), (1, 9000));
        assert_operator_alerted(&mut process, &client, "a payment arrived for a hold that was not waiting for it", "late").await;
    }

    async fn session_of_another_installation_is_ignored(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", "2026-12-01T10:00:00Z").await;
        app.delete_hold_rows(&hold).await;
        app.pay(&hold, PaymentOutcome::Paid);
        let events = app.simulator.events().into_iter();
        let mut completed = events.filter(|event| event.event_type == "checkout.session.completed");
        let ours = completed.next_back().unwrap().json();
        app.simulator.pending_events().iter().for_each(|event| app.simulator.drop_event(&event.id));
        let (mut products, mut anothers) = (ours.clone(), ours.clone());
        products["data"]["object"]["metadata"] = json!({"order": "17"});
        products["data"]["object"]["client_reference_id"] = Value::Null;
        let installation = &mut anothers["data"]["object"]["metadata"]["holdfast_installation"];
        assert!(installation.is_string(), "{ours}");
        *installation = "another".into();
        let mut unmarked = ours.clone();
        let metadata = unmarked["data"]["object"]["metadata"].as_object_mut().unwrap();
        metadata.remove("holdfast_installation").unwrap();
        for event in [products, anothers, unmarked] {
            let body = event.to_string();
            let signature = signature_header(WEBHOOK_SECRET, app.clock_now().timestamp(), &body);
            let answer = app.webhook(Some(&signature), body).await.expect(200);
            assert_eq!(answer.body, json!({"received": true, "outcome": "ignored"}));
        }
        let written = "SELECT (SELECT count(*) FROM stripe_events) + (SELECT count(*) FROM payments)
            + (SELECT count(*) FROM commands)";
        assert_eq!(app.database.count(written).await, 0);
        app.without_audit("the money is another's to give back");
    }
}
