//! Which confirmed holds count as a slot without money: those that the program got wrong, not those that the shop keeps.

use holdfast::domain::figures::Figures;
use holdfast::domain::time::Clock;
use holdfast::sandbox::{Outcome, signature_header};
use serde_json::{Value, json};

use crate::support::app::{Answer, TestApp, WEBHOOK_SECRET};
use crate::support::on_both_engines;

const SLOT: &str = "2026-12-01T10:00:00Z";

async fn figures(app: &TestApp) -> Figures {
    app.database.store().count_figures(app.clock.now()).await.unwrap()
}

/// Delivers an event that the simulator would not send.
async fn tell(app: &TestApp, event: &Value) -> Answer {
    let body = event.to_string();
    let signature = signature_header(WEBHOOK_SECRET, app.clock.now().timestamp(), &body);
    app.webhook(Some(&signature), body).await.expect(200)
}

/// A confirmed hold, and its intent.
async fn paid(app: &TestApp) -> (Answer, String) {
    let hold = app.hold_slot("call", SLOT).await;
    app.pay(&hold, Outcome::Paid);
    app.deliver_all().await;
    let session = app.simulator.session(hold.text("checkout_session")).unwrap();
    (hold, session.payment_intent.unwrap())
}

on_both_engines! {
    async fn a_booking_that_the_shop_keeps_after_a_full_refund_is_not_counted(engine) {
        let keeps = [("HOLDFAST_FULL_REFUND_FREES_SLOT", "false")];
        let app = TestApp::start_with(engine, &keeps).await;
        let (hold, intent) = paid(&app).await;
        app.simulator.refund_from_dashboard(&intent, None).unwrap();
        app.deliver_all().await;
        assert_eq!(app.state_of(&hold).await, "confirmed");
        assert_eq!(app.admin_hold(hold.text("id")).await["payments"][0]["state"], "refunded");
        assert_eq!(figures(&app).await, Figures::default());
    }

    async fn a_full_refund_cancels_the_booking_where_nothing_else_is_said(engine) {
        let app = TestApp::start(engine).await;
        let (hold, intent) = paid(&app).await;
        app.simulator.refund_from_dashboard(&intent, None).unwrap();
        app.deliver_all().await;
        assert_eq!(app.state_of(&hold).await, "cancelled/refunded");
        assert_eq!(figures(&app).await, Figures::default());
    }

    async fn a_partial_refund_is_noted_and_the_rest_of_it_cancels(engine) {
        let app = TestApp::start(engine).await;
        let (hold, intent) = paid(&app).await;
        for (part, refunded, payment, state) in
            [(2000, 2000, "paid", "confirmed"), (3000, 5000, "refunded", "cancelled/refunded")]
        {
            app.simulator.refund_from_dashboard(&intent, Some(part)).unwrap();
            app.deliver_all().await;
            assert_eq!(app.state_of(&hold).await, state);
            let shown = app.admin_hold(hold.text("id")).await["payments"][0].clone();
            assert_eq!((&shown["refunded"], &shown["state"]), (&json!(refunded), &json!(payment)));
            assert_eq!(figures(&app).await, Figures::default());
        }
        app.hold_slot("call", SLOT).await;
    }

    async fn a_lost_dispute_is_not_counted(engine) {
        let app = TestApp::start(engine).await;
        let (hold, intent) = paid(&app).await;
        app.simulator.dispute(&intent).unwrap();
        app.deliver_all().await;
        assert_eq!(app.admin_hold(hold.text("id")).await["payments"][0]["state"], "disputed");
        assert_eq!(figures(&app).await, Figures::default());
        let opened = app.simulator.events().into_iter().find(|event| event.event_type == "charge.dispute.created");
        let mut closed = opened.unwrap().json();
        closed["id"] = "evt_closed".into();
        closed["type"] = "charge.dispute.closed".into();
        closed["data"]["object"]["status"] = "lost".into();
        tell(&app, &closed).await;
        assert_eq!(app.state_of(&hold).await, "confirmed");
        assert_eq!(app.admin_hold(hold.text("id")).await["payments"][0]["state"], "refunded");
        assert_eq!(figures(&app).await, Figures::default());
    }

    async fn a_session_that_asked_for_nothing_is_flagged_and_counted(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        let session = hold.text("checkout_session");
        let completed = json!({"id": "evt_free", "object": "event", "type": "checkout.session.completed", "livemode": false,
            "data": {"object": {"id": session, "object": "checkout.session", "status": "complete",
                "payment_status": "no_payment_required", "payment_intent": null, "amount_total": 0, "currency": "eur"}}});
        tell(&app, &completed).await;
        let shown = app.admin_hold(hold.text("id")).await;
        assert_eq!((&shown["status"], &shown["price_mismatch"]), (&json!("confirmed"), &json!(true)));
        assert_eq!(figures(&app).await.slot_without_money, 1);
        app.simulator.expire(session).unwrap();
    }
}
