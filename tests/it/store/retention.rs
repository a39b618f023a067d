//! Tests when webhook payloads, event ids and guests of ended holds are erased, and when released holds and commands that
//! are done are deleted, and by which setting.

use chrono::Duration;
use holdfast::sandbox::{Endpoint, FaultKind, Faults, PaymentOutcome};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{ApiResponse, TestApp, order};
use crate::support::on_both_engines;

const SHORT: [(&str, &str); 2] = [("HOLDFAST_KEEP_EVENTS", "2d"), ("HOLDFAST_FORGET_AFTER", "5d")];

async fn bodies(app: &TestApp) -> (usize, usize) {
    let list = app
        .admin(Method::GET, "/v1/admin/events", None)
        .await
        .expect(200)
        .body;
    let list = list["data"].as_array().unwrap();
    let kept = list.iter().filter(|event| event["has_payload"] == true).count();
    (kept, list.len())
}

async fn guests(app: &TestApp) -> Vec<Value> {
    let list = app
        .admin(Method::GET, "/v1/admin/holds", None)
        .await
        .expect(200)
        .body;
    list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hold| hold["guest"].clone())
        .collect()
}

async fn cancel_with_refund(app: &TestApp, hold: &ApiResponse) {
    let path = format!("/v1/admin/holds/{}/cancel", hold.text("id"));
    let refund = json!({"refund": "full"});
    app.admin(Method::POST, &path, Some(refund)).await.expect(200);
}

/// Returns the kinds of the commands that are done, sorted.
async fn done_commands(app: &TestApp) -> Vec<String> {
    app.database
        .texts("SELECT kind FROM commands WHERE done_at IS NOT NULL ORDER BY kind")
        .await
}

on_both_engines! {
    async fn sweep_erases_payloads_then_guests_then_event_ids(engine) {
        let app = TestApp::start_with(engine, &SHORT).await;
        let paid = app.hold_slot("call", "2026-12-01T10:00:00Z").await;
        app.pay(&paid, PaymentOutcome::Paid);
        app.deliver_all().await;
        let events = app.simulator.events();
        let event = events.iter().find(|event| event.event_type == "checkout.session.completed").unwrap();
        let replay = format!("/v1/admin/events/{}/replay", event.id);
        app.clock.advance(Duration::seconds(1));
        let mut with_metadata = order("call", "2026-12-01T12:00:00Z");
        with_metadata["metadata"] = json!({"seat": "by the window"});
        let left = app.checkout(&with_metadata).await.expect(201);
        app.cancel(&left).await.expect(200);
        let ada = json!({"email": "ada@example.com", "name": "Ada"});
        let nobody = json!({"email": null, "name": null});
        let (_, all) = bodies(&app).await;

        app.clock.advance(Duration::days(2) - Duration::seconds(2));
        app.sweep().await;
        assert_eq!(bodies(&app).await, (all, all), "not yet");
        app.admin(Method::POST, &replay, None).await.expect(200);
        app.clock.advance(Duration::seconds(2));
        app.sweep().await;
        assert_eq!(bodies(&app).await, (0, all));
        app.admin(Method::POST, &replay, None).await.expect_problem(404, "not_found");
        app.simulator.deliver(&event.id).await.unwrap();
        assert_eq!(bodies(&app).await, (0, all), "a repeat is known by its id");
        assert_eq!(guests(&app).await, [ada.clone(), ada.clone()], "not yet");

        app.clock.advance(Duration::days(3) + Duration::seconds(1));
        app.sweep().await;
        assert_eq!(guests(&app).await, [nobody.clone(), ada.clone()], "of the ended one, not of the confirmed one");
        let shown = app.admin_hold(left.text("id")).await;
        assert_eq!((&shown["guest"], &shown["status"]), (&nobody, &json!("released")));
        assert_eq!(shown["metadata"], json!({}));

        app.clock.advance(Duration::days(56));
        app.sweep().await;
        assert_eq!(bodies(&app).await.1, all, "not yet");
        app.clock.advance(Duration::days(1));
        app.sweep().await;
        assert_eq!(bodies(&app).await, (0, 0));
        app.without_audit("the history names events that are forgotten");
    }

    async fn bodies_of_events_go_with_their_guest(engine) {
        let settings = [("HOLDFAST_KEEP_EVENTS", "30d"), ("HOLDFAST_FORGET_AFTER", "2d")];
        let app = TestApp::start_with(engine, &settings).await;
        let sold = app.sold("call", "2026-12-01T10:00:00Z").await;
        let lapsed = app.hold_slot("call", "2026-12-01T12:00:00Z").await;
        app.cancel(&lapsed).await.expect(200);
        app.deliver_all().await;
        let of = |hold: &ApiResponse| {
            format!("SELECT count(*) FROM stripe_events WHERE payload IS NOT NULL AND hold_id = '{}'", hold.text("id"))
        };
        assert!(app.database.count(&of(&lapsed)).await > 0);
        let kept = app.database.count(&of(&sold)).await;
        app.clock.advance(Duration::days(2) + Duration::seconds(1));
        app.sweep().await;
        assert_eq!(app.database.count(&of(&lapsed)).await, 0);
        assert_eq!(app.database.count(&of(&sold)).await, kept, "a booking keeps them");
    }

    /// Money for a hold that is deleted is a payment without a hold (S20).
    async fn released_hold_is_deleted_and_its_late_payment_refunded_once(engine) {
        let app = TestApp::start(engine).await;
        let sold = app.sold("call", "2026-12-01T10:00:00Z").await;
        let lapsed = app.hold_slot("call", "2026-12-01T12:00:00Z").await;
        app.clock.advance(Duration::minutes(41));
        app.simulator.expire_due();
        app.deliver_all().await;
        assert_eq!(app.state_of(&lapsed).await, "released/expired");
        app.clock.advance(Duration::days(400) - Duration::seconds(1));
        app.sweep().await;
        assert_eq!(app.state_of(&lapsed).await, "released/expired", "not yet");
        app.clock.advance(Duration::seconds(2));
        app.sweep().await;
        app.get(&format!("/v1/holds/{}", lapsed.text("id"))).await.expect_problem(404, "not_found");
        assert_eq!(app.database.count("SELECT count(*) FROM holds").await, 1);
        assert_eq!(app.state_of(&sold).await, "confirmed");

        app.simulator.pay_late(lapsed.text("checkout_session")).unwrap();
        app.deliver_all().await;
        app.sweep().await;
        for event in app.simulator.events() {
            assert!(app.simulator.deliver(&event.id).await.unwrap().accepted());
        }
        app.sweep().await;
        assert_eq!((app.simulator.refunds().len(), app.simulator.calls().refund), (1, 1));
        assert_eq!(app.simulator.refunds()[0].amount, 5000);
        let orphan = format!(
            "SELECT count(*) FROM payments WHERE hold_id IS NULL AND state = 'refunded' AND claimed_hold_id = '{}'",
            lapsed.text("id")
        );
        assert_eq!(app.database.count(&orphan).await, 1);
        app.without_audit("the history names events that are forgotten");
    }

    async fn setting_says_how_long_a_released_hold_is_kept(engine) {
        let app = TestApp::start_with(engine, &[("HOLDFAST_KEEP_RELEASED", "91d")]).await;
        let lapsed = app.hold_slot("call", "2026-12-01T12:00:00Z").await;
        app.cancel(&lapsed).await.expect(200);
        app.clock.advance(Duration::days(91));
        app.sweep().await;
        assert_eq!(app.state_of(&lapsed).await, "released/guest", "not yet");
        app.clock.advance(Duration::seconds(1));
        app.sweep().await;
        app.get(&format!("/v1/holds/{}", lapsed.text("id"))).await.expect_problem(404, "not_found");
    }

    async fn done_command_is_deleted_90_days_later(engine) {
        let app = TestApp::start(engine).await;
        let sold = app.sold("call", "2026-12-01T10:00:00Z").await;
        cancel_with_refund(&app, &sold).await;
        // Stripe's answer is lost, so that a command expires the session that nobody knows.
        app.simulator.set_faults(Faults::default().next(Endpoint::CreateSession, FaultKind::LostAnswer, 100));
        app.checkout(&order("call", "2026-12-01T12:00:00Z")).await.expect_problem(503, "stripe_unavailable");
        app.simulator.set_faults(Faults::default());
        app.sweep().await;
        assert_eq!(done_commands(&app).await, ["expire_session", "refund"]);
        app.clock.advance(Duration::days(90));
        app.sweep().await;
        assert_eq!(done_commands(&app).await, ["expire_session", "refund"], "not yet");
        app.clock.advance(Duration::seconds(1));
        app.sweep().await;
        assert_eq!(done_commands(&app).await, ["refund"], "it stays with its payment");
        app.without_audit("the history names events that are forgotten");
    }
}
