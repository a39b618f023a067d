//! Tests when webhook payloads, event ids and guests of ended holds are erased, and by which setting.

use chrono::Duration;
use holdfast::sandbox::PaymentOutcome;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::TestApp;
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
        let left = app.hold_slot("call", "2026-12-01T12:00:00Z").await;
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

        app.clock.advance(Duration::days(56));
        app.sweep().await;
        assert_eq!(bodies(&app).await.1, all, "not yet");
        app.clock.advance(Duration::days(1));
        app.sweep().await;
        assert_eq!(bodies(&app).await, (0, 0));
        app.without_audit("the history names events that are forgotten");
    }
}
