//! Tests that the money of a version that counted refunds is neither lost nor counted twice: Stripe's lists replace its
//! counters, and its orders that it did not finish are sent at most once.

use holdfast::domain::ids::IntentId;
use holdfast::domain::ledger::snapshots::PaymentFacts;
use holdfast::domain::ledger::unverified::ReadLists;
use holdfast::sandbox::{ApiFault, Endpoint, FaultKind, Faults, NewDispute, RefundStatus};
use holdfast::store::MoneyReport;
use holdfast::workflow::reconcile;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{ApiResponse, TestApp};
use crate::support::on_both_engines;

const SLOT: &str = "2026-12-01T10:00:00Z";

fn intent_of(app: &TestApp, hold: &ApiResponse) -> String {
    let session = app.simulator.session(hold.text("checkout_session")).unwrap();
    session.payment_intent.unwrap()
}

/// Refunds by hand at Stripe; no event tells of it.
fn refund_unseen(app: &TestApp, hold: &ApiResponse, amount: i64) {
    app.simulator
        .refund_from_dashboard(&intent_of(app, hold), Some(amount))
        .unwrap();
    app.drop_events();
}

/// Makes the payment's rows those of the version before, with this counter and state.
async fn count_instead(app: &TestApp, hold: &ApiResponse, refunded: i64, state: &str) {
    let intent = intent_of(app, hold);
    for statement in [
        format!("DELETE FROM refunds WHERE intent_id = '{intent}'"),
        format!("DELETE FROM disputes WHERE intent_id = '{intent}'"),
        format!(
            "UPDATE commands SET ordered_by = NULL, stripe_key = NULL, first_tried_at = NULL WHERE intent_id = '{intent}'"
        ),
        format!(
            "UPDATE payments SET keep = NULL, keep_reason = NULL, refunded = {refunded}, state = '{state}'
             WHERE intent_id = '{intent}'"
        ),
    ] {
        app.database.execute(&statement).await;
    }
}

async fn cancel_with(app: &TestApp, hold: &ApiResponse, refund: Value) {
    let path = format!("/v1/admin/holds/{}/cancel", hold.text("id"));
    app.admin(Method::POST, &path, Some(json!({ "refund": refund })))
        .await
        .expect(200);
}

/// Returns what is shown of the hold's money: refunded, kept, due back.
async fn ledger(app: &TestApp, hold: &ApiResponse) -> (i64, i64, i64) {
    let shown = app.admin_hold(hold.text("id")).await;
    let sum = |name: &str| shown["ledger"][name].as_i64().unwrap();
    (sum("refunded"), sum("kept"), sum("due_back"))
}

async fn count_unverified(app: &TestApp) -> i64 {
    let figures = app.database.store().count_figures(app.clock_now()).await;
    figures.unwrap().money_unverified
}

fn refunds(app: &TestApp) -> Vec<i64> {
    app.simulator
        .refunds()
        .iter()
        .map(|refund| refund.amount)
        .collect()
}

fn fail_lists(app: &TestApp, kind: FaultKind) {
    let fail = |endpoint| ApiFault {
        endpoint: Some(endpoint),
        probability: 1.0,
        ..ApiFault::new(kind)
    };
    app.simulator.set_faults(Faults {
        api: vec![fail(Endpoint::ListRefunds), fail(Endpoint::ListDisputes)],
        ..Faults::default()
    });
}

/// Returns the only pending command.
async fn pending_command(app: &TestApp) -> Value {
    let listed = app
        .admin(Method::GET, "/v1/admin/commands", None)
        .await
        .expect(200);
    let commands = listed.body["data"].as_array().unwrap();
    assert_eq!(commands.len(), 1, "{commands:?}");
    commands[0].clone()
}

async fn retry(app: &TestApp, command: &Value, body: Value) -> ApiResponse {
    let path = format!("/v1/admin/commands/{}/retry", command["id"].as_str().unwrap());
    app.admin(Method::POST, &path, Some(body)).await
}

/// A booking whose cancellation ordered 1000 to go back, which the version before did not finish.
async fn with_unfinished_order(app: &TestApp) -> ApiResponse {
    let hold = app.sold("call", SLOT).await;
    cancel_with(app, &hold, json!(1000)).await;
    count_instead(app, &hold, 0, "kept").await;
    hold
}

on_both_engines! {
    async fn event_lets_the_list_replace_the_counter(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        refund_unseen(&app, &hold, 2000);
        count_instead(&app, &hold, 4000, "paid").await;
        assert_eq!(ledger(&app, &hold).await, (4000, 1000, 0));
        app.simulator.refund_from_dashboard(&intent_of(&app, &hold), Some(500)).unwrap();
        app.deliver_all().await;
        assert_eq!(ledger(&app, &hold).await, (2500, 2500, 0));
        assert_eq!(count_unverified(&app).await, 0);
    }

    async fn event_on_a_counter_waits_for_the_list(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        count_instead(&app, &hold, 2000, "paid").await;
        app.simulator.refund_from_dashboard(&intent_of(&app, &hold), Some(500)).unwrap();
        fail_lists(&app, FaultKind::ServerError);
        let deliveries = app.simulator.deliver_all().await;
        assert!(!deliveries.is_empty() && deliveries.iter().all(|delivery| delivery.status == Ok(503)), "{deliveries:?}");
        assert_eq!((ledger(&app, &hold).await, count_unverified(&app).await), ((2000, 3000, 0), 1));
        app.simulator.set_faults(Faults::default());
        app.deliver_all().await;
        assert_eq!((ledger(&app, &hold).await, count_unverified(&app).await), ((500, 4500, 0), 0));
    }

    /// A key that may not read lists stops no event. The counter never adds to what events say.
    async fn missing_permission_stops_no_event(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        count_instead(&app, &hold, 2000, "paid").await;
        fail_lists(&app, FaultKind::Forbidden);
        app.simulator.refund_from_dashboard(&intent_of(&app, &hold), Some(500)).unwrap();
        app.deliver_all().await;
        assert_eq!((ledger(&app, &hold).await, count_unverified(&app).await), ((2000, 3000, 0), 1));
        app.simulator.set_faults(Faults::default());
        reconcile::read_counted(&app.context).await.unwrap();
        assert_eq!((ledger(&app, &hold).await, count_unverified(&app).await), ((500, 4500, 0), 0));
    }

    /// Stripe has no refund, so no row of one tells that the payment must take notice.
    async fn process_that_dies_after_the_list_is_made_up_for(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        count_instead(&app, &hold, 2000, "paid").await;
        let report = MoneyReport {
            event: None,
            hold: None,
            intent: IntentId::new(intent_of(&app, &hold)),
            facts: PaymentFacts::default(),
            read: ReadLists { refunds: true, disputes: true },
            now: app.clock_now(),
        };
        app.database.store().merge_money(&report).await.unwrap();
        let counted = async || app.admin_hold(hold.text("id")).await["payments"][0]["refunded"].clone();
        assert_eq!((counted().await, count_unverified(&app).await), (json!(2000), 0));
        app.sweep().await;
        assert_eq!(counted().await, 0);
        assert_eq!(app.database.count("SELECT count(*) FROM refunds").await, 0);
    }

    async fn list_replaces_the_state_of_a_dispute(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        app.simulator.open_dispute(&intent_of(&app, &hold), NewDispute::default()).unwrap();
        app.drop_events();
        count_instead(&app, &hold, 0, "disputed").await;
        let disputed = async || app.admin_hold(hold.text("id")).await["ledger"]["disputed"].clone();
        assert_eq!(disputed().await, 5000);
        reconcile::read_counted(&app.context).await.unwrap();
        assert_eq!((disputed().await, count_unverified(&app).await), (json!(5000), 0));
    }

    async fn order_on_a_counter_lets_the_list_replace_it(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        refund_unseen(&app, &hold, 1000);
        count_instead(&app, &hold, 2000, "paid").await;
        cancel_with(&app, &hold, json!(1000)).await;
        app.sweep().await;
        app.drop_events();
        assert_eq!((refunds(&app), ledger(&app, &hold).await), (vec![1000, 1000], (2000, 3000, 0)));
        assert_eq!(count_unverified(&app).await, 0);
    }

    async fn unfinished_order_without_a_refund_is_sent_once(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        // It was made before the order, so it is another one.
        refund_unseen(&app, &hold, 1000);
        app.clock.advance(chrono::Duration::hours(1));
        app.simulator.refund_from_dashboard(&intent_of(&app, &hold), Some(500)).unwrap();
        app.deliver_all().await;
        cancel_with(&app, &hold, json!(1000)).await;
        count_instead(&app, &hold, 1500, "kept").await;
        app.sweep().await;
        app.sweep().await;
        app.deliver_all().await;
        assert_eq!(refunds(&app), [1000, 500, 1000]);
        assert_eq!(ledger(&app, &hold).await, (2500, 2500, 0));
    }

    async fn unfinished_order_adopts_the_refund_of_its_amount(engine) {
        let app = TestApp::start(engine).await;
        let hold = with_unfinished_order(&app).await;
        refund_unseen(&app, &hold, 1000);
        refund_unseen(&app, &hold, 500);
        app.sweep().await;
        assert_eq!((refunds(&app), app.simulator.calls().refund), (vec![1000, 500], 0));
        assert_eq!(ledger(&app, &hold).await, (1500, 3500, 0));
    }

    /// The refund of the version before did not reach the guest, so a person must act.
    async fn unfinished_order_adopts_a_failed_refund(engine) {
        let app = TestApp::start(engine).await;
        let hold = with_unfinished_order(&app).await;
        refund_unseen(&app, &hold, 1000);
        let id = app.simulator.refunds().remove(0).id;
        app.simulator.change_refund(&id, &holdfast::sandbox::RefundOutcome::new(RefundStatus::Failed)).unwrap();
        app.drop_events();
        app.sweep().await;
        assert_eq!((app.simulator.calls().refund, ledger(&app, &hold).await), (0, (0, 4000, 1000)));
    }

    async fn person_decides_which_refund_is_the_orders(engine) {
        for is_carried_out in [true, false] {
            let app = TestApp::start(engine).await;
            let hold = with_unfinished_order(&app).await;
            refund_unseen(&app, &hold, 1000);
            refund_unseen(&app, &hold, 1000);
            app.sweep().await;
            assert_eq!(app.simulator.calls().refund, 0, "it waits");
            let command = pending_command(&app).await;
            assert_eq!(command["state"], "stuck");
            for refund in app.simulator.refunds() {
                assert!(command["last_error"].as_str().unwrap().contains(&refund.id), "{command}");
            }
            let attention = app.admin(Method::GET, "/v1/admin/holds?attention=refund_failed", None).await.expect(200);
            assert_eq!(attention.body["data"][0]["id"], hold.text("id"));
            let undecided = retry(&app, &command, json!({})).await.expect(200);
            assert_eq!(undecided.body["state"], "stuck", "without a decision it waits on");
            let done = retry(&app, &command, json!({ "carried_out": is_carried_out })).await.expect(200);
            assert_eq!(done.body["state"], "done");
            app.deliver_all().await;
            let expected = if is_carried_out { (vec![1000; 2], (2000, 3000, 0)) } else { (vec![1000; 3], (3000, 2000, 0)) };
            assert_eq!((refunds(&app), ledger(&app, &hold).await), expected);
            retry(&app, &command, json!({ "carried_out": true })).await.expect_problem(404, "not_found");
        }
    }

    async fn order_of_this_version_needs_no_decision(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        cancel_with(&app, &hold, json!("full")).await;
        let command = pending_command(&app).await;
        let refused = retry(&app, &command, json!({ "carried_out": false })).await.expect_problem(422, "invalid");
        assert!(refused.body.to_string().contains("carried_out"), "{}", refused.body);
        app.sweep().await;
        app.deliver_all().await;
        assert_eq!(refunds(&app), [5000]);
    }
}
