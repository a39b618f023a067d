//! Tests of what disputes and ended refunds do to money that was kept or ordered back, and that a word of Stripe's that nobody
//! knows moves no money.

use holdfast::sandbox::{
    DisputeStatus, NewDispute, PaymentOutcome, RefundOutcome, RefundStatus, signature_header,
};
use reqwest::Method;
use serde_json::{Value, json};

use super::refunds_and_disputes::{cancel, count_pending_commands, intent_of};
use crate::support::app::{ApiResponse, Client, TestApp, WEBHOOK_SECRET, order};
use crate::support::on_both_engines;
use crate::support::wait_for::eventually;

const SLOT: &str = "2026-12-01T10:00:00Z";

/// Opens a dispute that begins like this, and delivers its events. Returns its id.
async fn dispute(app: &TestApp, hold: &ApiResponse, status: DisputeStatus) -> String {
    let new = NewDispute {
        status,
        ..NewDispute::default()
    };
    let id = app.simulator.open_dispute(&intent_of(app, hold), new).unwrap();
    app.deliver_all().await;
    id
}

async fn end_dispute(app: &TestApp, id: &str, status: DisputeStatus) {
    app.simulator.change_dispute(id, status).unwrap();
    settle(app).await;
}

/// Carries out the commands, and delivers Stripe's events.
async fn settle(app: &TestApp) {
    app.deliver_all().await;
    app.sweep().await;
    app.deliver_all().await;
}

/// Returns the state of the hold's only payment, and where its money is, without what is zero.
async fn money(client: &Client, hold: &ApiResponse) -> (String, Value) {
    let shown = client.admin_hold(hold.text("id")).await;
    let members = shown["ledger"].as_object().unwrap().iter();
    let members = members.filter(|(name, value)| **value != json!(0) && *name != "currency");
    let ledger = members.map(|(name, value)| (name.clone(), value.clone()));
    let state = shown["payments"][0]["state"].as_str().unwrap().to_owned();
    (state, Value::Object(ledger.collect()))
}

#[track_caller]
fn assert_money((state, ledger): (String, Value), expected_state: &str, expected: Value) {
    assert_eq!((state.as_str(), ledger), (expected_state, expected));
}

/// Returns the holds that an operator must look at for this reason.
async fn attention(app: &TestApp, reason: &str) -> Vec<String> {
    let path = format!("/v1/admin/holds?attention={reason}");
    let listed = app.admin(Method::GET, &path, None).await.expect(200);
    let entries = listed.body["data"].as_array().unwrap().iter();
    entries
        .map(|entry| entry["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Repeats the newest event of this type under a new id, with this status.
async fn repeat_with_status(app: &TestApp, client: &Client, kind: &str, status: &str) {
    let mut events = app.simulator.events().into_iter();
    let newest = events.rfind(|event| event.event_type == kind);
    let mut event = newest.unwrap().json();
    event["id"] = format!("evt_{status}_{}", event["id"].as_str().unwrap()).into();
    event["data"]["object"]["status"] = status.into();
    let body = event.to_string();
    let signature = signature_header(WEBHOOK_SECRET, app.clock_now().timestamp(), &body);
    client.webhook(Some(&signature), body).await.expect(200);
}

on_both_engines! {
    async fn kept_money_follows_a_later_dispute(engine) {
        for (end, state, taken) in [(DisputeStatus::Won, "kept", "kept"), (DisputeStatus::Lost, "refunded", "lost")] {
            let app = TestApp::start(engine).await;
            let hold = app.sold("call", SLOT).await;
            cancel(&app, &hold, json!("none")).await;
            assert_money(money(&app, &hold).await, "kept", json!({"paid": 5000, "kept": 5000}));
            let id = dispute(&app, &hold, DisputeStatus::NeedsResponse).await;
            assert_money(money(&app, &hold).await, "disputed", json!({"paid": 5000, "disputed": 5000}));
            assert_eq!(attention(&app, "disputed").await, [hold.text("id")]);
            end_dispute(&app, &id, end).await;
            assert_money(money(&app, &hold).await, state, json!({"paid": 5000, taken: 5000}));
            assert_eq!(attention(&app, "disputed").await, Vec::<String>::new());
            assert_eq!(app.simulator.refunds().len(), 0, "nobody ordered a refund");
        }
    }

    /// The ordered part is back; the bank decides about the rest.
    async fn kept_rest_follows_a_later_dispute(engine) {
        for (end, state, taken) in [(DisputeStatus::Won, "kept", "kept"), (DisputeStatus::Lost, "refunded", "lost")] {
            let app = TestApp::start(engine).await;
            let hold = app.sold("call", SLOT).await;
            cancel(&app, &hold, json!(2000)).await;
            settle(&app).await;
            let id = dispute(&app, &hold, DisputeStatus::NeedsResponse).await;
            assert_money(money(&app, &hold).await, "disputed", json!({"paid": 5000, "refunded": 2000, "disputed": 3000}));
            end_dispute(&app, &id, end).await;
            assert_money(money(&app, &hold).await, state, json!({"paid": 5000, "refunded": 2000, taken: 3000}));
            assert_eq!(app.simulator.refunds().len(), 1);
        }
    }

    /// The bank takes the money while the order to give it back waits: Stripe refuses it, and the end of the dispute ends it.
    async fn dispute_lost_after_the_order_closes_it(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        cancel(&app, &hold, json!("full")).await;
        let id = dispute(&app, &hold, DisputeStatus::NeedsResponse).await;
        app.sweep().await;
        assert_eq!(count_pending_commands(&app).await, 1, "Stripe refuses while the bank decides");
        end_dispute(&app, &id, DisputeStatus::Lost).await;
        app.clock.advance(chrono::Duration::hours(2));
        app.database.expire_all_leases().await;
        settle(&app).await;
        assert_eq!((count_pending_commands(&app).await, app.simulator.refunds().len()), (0, 0));
        assert_money(money(&app, &hold).await, "refunded", json!({"paid": 5000, "lost": 5000}));
    }

    /// A part goes back by hand while the order to give back money without a hold waits: Stripe refuses the order.
    async fn rest_of_a_payment_without_a_hold_goes_back(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.delete_hold_rows(&hold).await;
        app.pay(&hold, PaymentOutcome::Paid);
        app.deliver_all().await;
        assert_eq!((count_pending_commands(&app).await, app.simulator.refunds().len()), (1, 0));
        app.simulator.refund_from_dashboard(&intent_of(&app, &hold), Some(2000)).unwrap();
        settle(&app).await;
        settle(&app).await;
        let refunded: Vec<i64> = app.simulator.refunds().iter().map(|refund| refund.amount).collect();
        assert_eq!((count_pending_commands(&app).await, refunded), (0, vec![2000, 3000]));
        let listed = app.admin(Method::GET, "/v1/admin/payments", None).await.expect(200);
        let payment = &listed.body["data"][0];
        assert_eq!((&payment["hold"], &payment["state"], &payment["refunded"]), (&Value::Null, &json!("refunded"), &json!(5000)));
    }

    /// Stripe refuses the order and repeats its refusal under the same key, but no event says so.
    async fn refused_order_is_tried_again_without_an_event(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        cancel(&app, &hold, json!("full")).await;
        let id = app.simulator.open_dispute(&intent_of(&app, &hold), NewDispute::default()).unwrap();
        app.drop_events();
        app.sweep().await;
        assert_eq!((count_pending_commands(&app).await, app.simulator.refunds().len()), (1, 0));
        app.simulator.change_dispute(&id, DisputeStatus::Won).unwrap();
        app.drop_events();
        app.clock.advance(chrono::Duration::hours(2));
        app.database.expire_all_leases().await;
        app.sweep().await;
        let refunded: Vec<i64> = app.simulator.refunds().iter().map(|refund| refund.amount).collect();
        assert_eq!((count_pending_commands(&app).await, refunded), (0, vec![5000]));
    }

    /// An inquiry withdraws no money, whatever becomes of the booking meanwhile.
    async fn inquiry_moves_no_money(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        let id = dispute(&app, &hold, DisputeStatus::WarningNeedsResponse).await;
        assert_money(money(&app, &hold).await, "paid", json!({"paid": 5000, "kept": 5000}));
        assert_eq!(app.admin_hold(hold.text("id")).await["disputes"][0]["status"], "warning_needs_response");
        cancel(&app, &hold, json!(2000)).await;
        settle(&app).await;
        for status in [DisputeStatus::WarningUnderReview, DisputeStatus::WarningClosed] {
            end_dispute(&app, &id, status).await;
            assert_money(money(&app, &hold).await, "kept", json!({"paid": 5000, "refunded": 2000, "kept": 3000}));
        }
        assert_eq!(app.simulator.refunds().len(), 1);
    }

    /// Stripe prevents a dispute by a refund; the events of the refund may be missing.
    async fn prevented_dispute_makes_its_refund_be_read(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        app.simulator.refund_from_dashboard(&intent_of(&app, &hold), Some(2000)).unwrap();
        app.drop_events();
        assert_money(money(&app, &hold).await, "paid", json!({"paid": 5000, "kept": 5000}));
        dispute(&app, &hold, DisputeStatus::Prevented).await;
        assert_money(money(&app, &hold).await, "paid", json!({"paid": 5000, "refunded": 2000, "kept": 3000}));
        assert_eq!(app.state_of(&hold).await, "confirmed");
    }

    /// A refund on its way that an operator cancels at Stripe gives no money back, and is not ordered again by itself.
    async fn canceled_refund_is_due_until_a_person_orders(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        app.simulator.set_refund_outcome(RefundOutcome::new(RefundStatus::Pending));
        cancel(&app, &hold, json!("full")).await;
        settle(&app).await;
        assert_money(money(&app, &hold).await, "refund_due", json!({"paid": 5000, "refund_pending": 5000}));
        let refund = app.simulator.refunds().remove(0).id;
        app.simulator.change_refund(&refund, &RefundOutcome::new(RefundStatus::Canceled)).unwrap();
        settle(&app).await;
        assert_money(money(&app, &hold).await, "refund_failed", json!({"paid": 5000, "due_back": 5000}));
        assert_eq!(attention(&app, "refund_failed").await, [hold.text("id")]);
        app.clock.advance(chrono::Duration::hours(25));
        settle(&app).await;
        assert_eq!(app.simulator.calls().refund, 1);
        app.simulator.set_refund_outcome(RefundOutcome::default());
        let path = format!("/v1/admin/holds/{}/refund", hold.text("id"));
        let body = json!({"amount": 5000, "note": "canceled by mistake"});
        app.admin(Method::POST, &path, Some(body)).await.expect(200);
        settle(&app).await;
        assert_money(money(&app, &hold).await, "refunded", json!({"paid": 5000, "refunded": 5000}));
        assert_eq!(attention(&app, "refund_failed").await, Vec::<String>::new());
    }

    /// The service is a real process, because the metric counts.
    async fn unknown_status_moves_no_money_and_alarms(engine) {
        let (app, directory) = (TestApp::start(engine).await, tempfile::tempdir().unwrap());
        let (_process, client) = app.process(directory.path(), &[]).await;
        let at = app.clock_now() + chrono::Duration::days(365);
        let slot = at.format("%Y-%m-%dT10:00:00Z").to_string();
        let hold = client.checkout(&order("call", &slot)).await.expect(201);
        app.pay(&hold, PaymentOutcome::Paid);
        app.deliver_all().await;
        app.simulator.refund_from_dashboard(&intent_of(&app, &hold), Some(2000)).unwrap();
        app.deliver_all().await;
        dispute(&app, &hold, DisputeStatus::NeedsResponse).await;
        let before = money(&client, &hold).await;
        assert_money(before.clone(), "disputed", json!({"paid": 5000, "refunded": 2000, "disputed": 3000}));
        for (object, kind) in [("refund", "refund.updated"), ("dispute", "charge.dispute.created")] {
            repeat_with_status(&app, &client, kind, "half_way").await;
            assert_eq!(money(&client, &hold).await, before, "{object}");
            let counted = format!("holdfast_unknown_statuses_total{{object=\"{object}\"}} 1\n");
            eventually("the status is counted", async || {
                let metrics = client.get("/metrics").await.expect(200);
                metrics.body.as_str().unwrap().contains(&counted).then_some(())
            })
            .await;
        }
    }
}
