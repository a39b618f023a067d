//! Tests what a hold says of its guest's rights, and that what it says is what happens.

use chrono::Duration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{ApiResponse, TestApp};
use crate::support::database::Engine;
use crate::support::on_both_engines;

const SLOT: &str = "2026-12-01T10:00:00Z";

/// Starts a service with a visit that guests may cancel until a day before, and move until an hour before.
async fn start_clinic(engine: Engine) -> TestApp {
    let app = TestApp::start(engine).await;
    let terms = json!({"resource": "ana", "duration_minutes": 30,
        "guest_cancel_until_minutes": 1440, "guest_move_until_minutes": 60});
    app.sell("visit", &terms).await;
    app
}

async fn ask(app: &TestApp, hold: &ApiResponse, token: &str) -> ApiResponse {
    let path = format!("/v1/holds/{}", hold.text("id"));
    app.send(app.request(Method::GET, &path).bearer_auth(token)).await
}

async fn rights(app: &TestApp, hold: &ApiResponse) -> Value {
    let answer = ask(app, hold, hold.text("token")).await.expect(200);
    answer.body["rights"].clone()
}

/// Cancels a hold of which the guest was shown that this much goes back.
async fn cancel_seen(app: &TestApp, hold: &ApiResponse, refund: &str) -> ApiResponse {
    let path = format!("/v1/holds/{}?refund={refund}", hold.text("id"));
    let request = app.request(Method::DELETE, &path).bearer_auth(hold.text("token"));
    app.send(request).await
}

async fn refund_part(app: &TestApp, hold: &ApiResponse) {
    let path = format!("/v1/admin/holds/{}/refund", hold.text("id"));
    let body = json!({"amount": 2000, "note": "late"});
    app.admin(Method::POST, &path, Some(body)).await.expect(200);
}

on_both_engines! {
    async fn paid_hold_says_what_goes_back_and_until_when(engine) {
        let app = start_clinic(engine).await;
        let hold = app.sold("visit", SLOT).await;
        assert_eq!(rights(&app, &hold).await, json!({
            "cancel": {"until": "2026-11-30T10:00:00Z", "refund": 5000, "currency": "eur"},
            "move": {"until": "2026-12-01T09:00:00Z"},
            "extend": null,
        }));
        refund_part(&app, &hold).await;
        assert_eq!(rights(&app, &hold).await["cancel"]["refund"], 3000);
        assert_eq!(cancel_seen(&app, &hold, "3000").await.expect(200).text("status"), "cancelled");
        let sent: i64 = app.admin_hold(hold.text("id")).await["ledger"]["refund_pending"].as_i64().unwrap()
            + app.admin_hold(hold.text("id")).await["ledger"]["refunded"].as_i64().unwrap();
        assert_eq!(sent, 5000);
        assert_eq!(rights(&app, &hold).await, json!({"cancel": null, "move": null, "extend": null}));
    }

    async fn other_amount_than_was_shown_cancels_nothing(engine) {
        let app = start_clinic(engine).await;
        let hold = app.sold("visit", SLOT).await;
        let shown = rights(&app, &hold).await["cancel"]["refund"].to_string();
        refund_part(&app, &hold).await;
        cancel_seen(&app, &hold, &shown).await.expect_problem(409, "conflict");
        assert_eq!(app.state_of(&hold).await, "confirmed");
        for wrong in ["-1", "all", ""] {
            cancel_seen(&app, &hold, wrong).await.expect_problem(422, "invalid");
        }
        cancel_seen(&app, &hold, "3000").await.expect(200);
    }

    async fn rights_end_when_the_acts_are_refused(engine) {
        let app = start_clinic(engine).await;
        let hold = app.sold("visit", SLOT).await;
        let start: chrono::DateTime<chrono::Utc> = SLOT.parse().unwrap();
        app.clock.advance(start - Duration::minutes(1440) - app.clock_now());
        assert_eq!(rights(&app, &hold).await["cancel"]["until"], "2026-11-30T10:00:00Z", "the last instant");
        app.clock.advance(Duration::minutes(1));
        assert_eq!(rights(&app, &hold).await["cancel"], Value::Null);
        cancel_seen(&app, &hold, "5000").await.expect_problem(409, "already_paid");
        assert_ne!(rights(&app, &hold).await["move"], Value::Null);
        // The right to cancel does not come back by the guest's own move.
        app.move_to(&hold, "2026-12-03T10:00:00Z").await.expect(200);
        assert_eq!(rights(&app, &hold).await["cancel"], Value::Null);
        app.clock.advance(Duration::days(3));
        assert_eq!(rights(&app, &hold).await["move"], Value::Null);
        app.move_to(&hold, "2026-12-05T10:00:00Z").await.expect_problem(409, "not_movable");
    }

    async fn unpaid_hold_says_how_far_it_can_be_extended(engine) {
        let app = start_clinic(engine).await;
        let hold = app.hold_slot("visit", SLOT).await;
        let first = rights(&app, &hold).await;
        assert_eq!(first["cancel"], Value::Null, "nothing was paid");
        let later = first["extend"]["expires_at"].clone();
        let path = format!("/v1/holds/{}/extend", hold.text("id"));
        let extended = app.send(app.request(Method::POST, &path).bearer_auth(hold.text("token"))).await.expect(200);
        assert_eq!(extended.body["expires_at"], later);
        assert_eq!(rights(&app, &hold).await["extend"], Value::Null, "once");
    }

    async fn rights_are_for_who_has_the_token(engine) {
        let app = start_clinic(engine).await;
        let hold = app.sold("visit", SLOT).await;
        let other = app.sold("visit", "2026-12-01T12:00:00Z").await;
        assert_eq!(app.hold(hold.text("id")).await.get("rights"), None);
        ask(&app, &hold, other.text("token")).await.expect_problem(401, "unauthorized");
    }

    async fn event_type_without_policy_gives_no_rights(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        assert_eq!(rights(&app, &hold).await, json!({"cancel": null, "move": null, "extend": null}));
    }
}
