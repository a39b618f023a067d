//! Tests of `POST /v1/holds/{id}/extend`: a guest gets more time to pay, once, as far as session and slot allow it.

use chrono::Duration;
use holdfast::sandbox::PaymentOutcome;
use reqwest::Method;

use crate::support::app::{ApiResponse, TestApp, order_by};
use crate::support::on_both_engines;

const SLOT: &str = "2026-12-01T10:00:00Z";

async fn extend(app: &TestApp, hold: &ApiResponse) -> ApiResponse {
    let path = format!("/v1/holds/{}/extend", hold.text("id"));
    let request = app.request(Method::POST, &path);
    app.send(request.bearer_auth(hold.text("token"))).await
}

on_both_engines! {
    async fn hold_is_extended_once_to_the_end_of_its_session(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        let extended = extend(&app, &hold).await.expect(200);
        let shown = app.admin_hold(hold.text("id")).await;
        assert_eq!((hold.text("expires_at"), extended.text("expires_at")), ("2026-11-20T08:30:00Z", "2026-11-20T08:41:00Z"));
        assert_eq!(shown["session_expires_at"], extended.body["expires_at"]);
        let last = shown["history"].as_array().unwrap().last().unwrap().clone();
        assert_eq!((&last["transition"], &last["by"]), (&"extended".into(), &"guest".into()));
        extend(&app, &hold).await.expect_problem(409, "conflict");

        app.clock.advance(Duration::minutes(35));
        assert_eq!(app.sweep().await["examined"], 0);
        app.checkout(&order_by("bob@example.com", "call", SLOT)).await.expect_problem(409, "slot_taken");
        app.confirm(&hold).await;
    }

    async fn extended_hold_ends_with_its_session(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        extend(&app, &hold).await.expect(200);
        app.clock.advance(Duration::minutes(42));
        assert_eq!(app.sweep().await["released"], 1);
        assert_eq!(app.state_of(&hold).await, "released/expired");
    }

    async fn extended_hold_ends_no_later_than_its_slot_starts(engine) {
        let app = TestApp::start(engine).await;
        let soon = app.hold_slot("call", "2026-11-20T08:35:00Z").await;
        assert_eq!(extend(&app, &soon).await.expect(200).text("expires_at"), "2026-11-20T08:35:00Z");
        let sooner = app.hold_slot("call", "2026-11-20T09:05:00Z").await;
        app.move_as_operator(&sooner, serde_json::json!({"starts_at": "2026-11-20T08:05:00Z"})).await.expect(200);
        extend(&app, &sooner).await.expect_problem(409, "conflict");
    }

    async fn only_a_held_hold_is_extended_by_its_guest(engine) {
        let app = TestApp::start(engine).await;
        let paid = app.sold("call", SLOT).await;
        extend(&app, &paid).await.expect_problem(409, "conflict");
        let processing = app.hold_slot("call", "2026-12-01T11:00:00Z").await;
        app.pay(&processing, PaymentOutcome::Processing);
        app.deliver_all().await;
        extend(&app, &processing).await.expect_problem(409, "conflict");
        let overdue = app.hold_slot("call", "2026-12-01T12:00:00Z").await;
        let path = format!("/v1/holds/{}/extend", overdue.text("id"));
        app.send(app.request(Method::POST, &path)).await.expect_problem(401, "unauthorized");
        let others = app.request(Method::POST, &path).bearer_auth(paid.text("token"));
        app.send(others).await.expect_problem(401, "unauthorized");
        app.clock.advance(Duration::minutes(31));
        extend(&app, &overdue).await.expect_problem(409, "conflict");
    }

    async fn concurrent_extensions_have_one_effect(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        let answers = futures::future::join_all((0..8).map(|_| extend(&app, &hold))).await;
        assert!(answers.iter().any(|answer| answer.status == 200), "{answers:?}");
        assert!(answers.iter().all(|answer| [200, 409].contains(&answer.status.as_u16())), "{answers:?}");
        assert_eq!(app.admin_hold(hold.text("id")).await["history"].as_array().unwrap().len(), 2);
    }
}
