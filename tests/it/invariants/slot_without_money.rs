//! Tests which confirmed holds count as a slot without money: the errors of the program, not the bookings that the
//! shop keeps.

use holdfast::domain::figures::FigureCounts;
use holdfast::domain::time::Clock;
use holdfast::sandbox::{DisputeStatus, NewDispute, PaymentOutcome, signature_header};
use serde_json::{Value, json};

use crate::support::app::{ApiResponse, TestApp, WEBHOOK_SECRET};
use crate::support::on_both_engines;

const SLOT: &str = "2026-12-01T10:00:00Z";

async fn count_figures(app: &TestApp) -> FigureCounts {
    app.database.store().count_figures(app.clock.now()).await.unwrap()
}

/// Delivers an event that the simulator would not send.
async fn deliver_event(app: &TestApp, event: &Value) -> ApiResponse {
    let body = event.to_string();
    let signature = signature_header(WEBHOOK_SECRET, app.clock.now().timestamp(), &body);
    app.webhook(Some(&signature), body).await.expect(200)
}

/// Returns a confirmed hold and its intent.
async fn paid_hold(app: &TestApp) -> (ApiResponse, String) {
    let hold = app.hold_slot("call", SLOT).await;
    app.pay(&hold, PaymentOutcome::Paid);
    app.deliver_all().await;
    let session = app.simulator.session(hold.text("checkout_session")).unwrap();
    (hold, session.payment_intent.unwrap())
}

on_both_engines! {
    async fn booking_kept_after_full_refund_is_not_counted(engine) {
        let keeps = [("HOLDFAST_FULL_REFUND_FREES_SLOT", "false")];
        let app = TestApp::start_with(engine, &keeps).await;
        let (hold, intent) = paid_hold(&app).await;
        app.simulator.refund_from_dashboard(&intent, None).unwrap();
        app.deliver_all().await;
        assert_eq!(app.state_of(&hold).await, "confirmed");
        assert_eq!(app.admin_hold(hold.text("id")).await["payments"][0]["state"], "refunded");
        assert_eq!(count_figures(&app).await, FigureCounts::default());
    }

    async fn full_refund_cancels_booking_by_default(engine) {
        let app = TestApp::start(engine).await;
        let (hold, intent) = paid_hold(&app).await;
        app.simulator.refund_from_dashboard(&intent, None).unwrap();
        app.deliver_all().await;
        assert_eq!(app.state_of(&hold).await, "cancelled/refunded");
        assert_eq!(count_figures(&app).await, FigureCounts::default());
    }

    async fn partial_refund_is_recorded_and_rest_cancels(engine) {
        let app = TestApp::start(engine).await;
        let (hold, intent) = paid_hold(&app).await;
        for (part, refunded, payment, state) in
            [(2000, 2000, "paid", "confirmed"), (3000, 5000, "refunded", "cancelled/refunded")]
        {
            app.simulator.refund_from_dashboard(&intent, Some(part)).unwrap();
            app.deliver_all().await;
            assert_eq!(app.state_of(&hold).await, state);
            let shown = app.admin_hold(hold.text("id")).await["payments"][0].clone();
            assert_eq!((&shown["refunded"], &shown["state"]), (&json!(refunded), &json!(payment)));
            assert_eq!(count_figures(&app).await, FigureCounts::default());
        }
        app.hold_slot("call", SLOT).await;
    }

    async fn lost_dispute_is_not_counted(engine) {
        let app = TestApp::start(engine).await;
        let (hold, intent) = paid_hold(&app).await;
        let dispute = app.simulator.open_dispute(&intent, NewDispute::default()).unwrap();
        app.deliver_all().await;
        assert_eq!(app.admin_hold(hold.text("id")).await["payments"][0]["state"], "disputed");
        let disputed = FigureCounts { disputes_open: 1, ..FigureCounts::default() };
        assert_eq!(count_figures(&app).await, disputed);
        app.simulator.change_dispute(&dispute, DisputeStatus::Lost).unwrap();
        app.deliver_all().await;
        assert_eq!(app.state_of(&hold).await, "confirmed");
        assert_eq!(app.admin_hold(hold.text("id")).await["payments"][0]["state"], "refunded");
        assert_eq!(count_figures(&app).await, FigureCounts::default());
    }

    async fn session_without_payment_is_flagged_and_counted(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        let session = hold.text("checkout_session");
        let completed = json!({"id": "evt_free", "object": "event", "type": "checkout.session.completed", "livemode": false,
            "data": {"object": {"id": session, "object": "checkout.session", "status": "complete",
                "payment_status": "no_payment_required", "payment_intent": null, "amount_total": 0, "currency": "eur"}}});
        deliver_event(&app, &completed).await;
        let shown = app.admin_hold(hold.text("id")).await;
        assert_eq!((&shown["status"], &shown["price_mismatch"]), (&json!("confirmed"), &json!(true)));
        assert_eq!(count_figures(&app).await.slot_without_money, 1);
        app.simulator.expire(session).unwrap();
    }
}
