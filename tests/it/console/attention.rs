//! Tests of the page that lists what needs a person, with the acts that it offers.

use chrono::Duration;
use holdfast::sandbox::{Endpoint, FaultKind, Faults, NewDispute, RefundOutcome, RefundStatus};
use reqwest::Method;
use serde_json::json;

use crate::support::app::{ApiResponse, TestApp, order_by};
use crate::support::console::ConsoleClient;
use crate::support::on_both_engines;

const PAGE: &str = "/console/attention";

fn intent_of(app: &TestApp, hold: &ApiResponse) -> String {
    let session = app.simulator.session(hold.text("checkout_session")).unwrap();
    session.payment_intent.unwrap()
}

async fn set_columns(app: &TestApp, hold: &ApiResponse, columns: &str) {
    let id = hold.text("id");
    let statement = format!("UPDATE holds SET {columns} WHERE id = '{id}'");
    assert_eq!(app.database.execute(&statement).await, 1);
}

/// Leaves one matter of each kind.
pub(super) async fn leave_something_of_each_kind(app: &TestApp) {
    app.without_audit("a hold without money and money without a slot are written by hand");
    let overdue = order_by("late@example.com", "call", "2026-12-01T09:00:00Z");
    app.checkout(&overdue).await.expect(201);
    app.clock.advance(Duration::minutes(45));
    let mut holds = Vec::new();
    for hour in 10..16 {
        holds.push(app.sold("call", &format!("2026-12-01T{hour}:00:00Z")).await);
    }
    app.simulator
        .open_dispute(&intent_of(app, &holds[0]), NewDispute::default())
        .unwrap();
    app.simulator
        .set_refund_outcome(RefundOutcome::new(RefundStatus::Failed));
    let path = format!("/v1/admin/holds/{}/refund", holds[1].text("id"));
    let body = json!({"amount": 2000, "note": "late"});
    app.admin(Method::POST, &path, Some(body)).await.expect(200);
    holdfast::workflow::outbox::run_due_commands(&app.context)
        .await
        .unwrap();
    app.deliver_all().await;
    set_columns(app, &holds[2], "price_mismatch = true").await;
    set_columns(app, &holds[3], "funds = 'none'").await;
    set_columns(app, &holds[4], "status = 'released', reason = 'expired'").await;
    let refused = app.sold("call", "2026-12-01T16:00:00Z").await;
    let path = format!("/v1/admin/holds/{}/refund", refused.text("id"));
    app.admin(Method::POST, &path, Some(json!({"amount": 100, "note": "late"})))
        .await
        .expect(200);
    app.database
        .execute("UPDATE commands SET tries = 10, last_error = 'Stripe: <b>balance too low</b>' WHERE done_at IS NULL")
        .await;
}

on_both_engines! {
    async fn each_matter_is_listed_with_what_to_do(engine) {
        let app = TestApp::start(engine).await;
        let browser = ConsoleClient::signed_in(&app).await;
        browser.get(PAGE).await.expect(200).shows("Nothing needs you now").shows("none yet");
        leave_something_of_each_kind(&app).await;
        // The test moved the clock, so the session has ended.
        let browser = ConsoleClient::signed_in(&app).await;
        let page = browser.get(PAGE).await.expect(200);
        for id in ["money-without-slot", "slot-without-money", "refunds-failed", "disputed", "price-mismatches", "stuck", "overdue"] {
            assert!(page.html.contains(&format!("<h2 id=\"{id}\">")), "{id} in {}", page.html);
        }
        let due_by = app.database.texts("SELECT CAST(due_by AS text) FROM disputes").await;
        assert_eq!(due_by.len(), 1);
        // The simulator has no dashboard.
        assert!(!page.html.contains("dashboard.stripe.com"), "{}", page.html);
        page.shows("Stripe is simulated here")
            .shows("20.00\u{a0}EUR")
            .shows("&lt;b&gt;balance too low&lt;/b&gt;");
    }

    async fn stuck_command_is_tried_again_after_a_question(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", "2026-12-01T10:00:00Z").await;
        let faults = Faults::default().next(Endpoint::CreateRefund, FaultKind::ServerError, 100);
        app.simulator.set_faults(faults);
        let path = format!("/v1/admin/holds/{}/refund", hold.text("id"));
        app.admin(Method::POST, &path, Some(json!({"amount": 100, "note": "late"}))).await.expect(200);
        app.database.execute("UPDATE commands SET tries = 10 WHERE done_at IS NULL").await;
        let id = app.database.texts("SELECT CAST(id AS text) FROM commands WHERE done_at IS NULL").await.remove(0);
        let browser = ConsoleClient::signed_in(&app).await;
        let retry = format!("/console/commands/{id}/retry");
        browser.get(PAGE).await.expect(200).shows(&format!("href=\"{retry}\""));
        browser.get(&retry).await.expect(200).shows("does not carry it out twice")
            .shows("Refund 1.00\u{a0}EUR").shows(hold.text("id")).shows("<dd>10</dd>");
        let answer = browser.post(&retry, &[]).await.expect(303);
        browser.get(answer.location()).await.expect(200).shows("Stripe has not carried out the command.");
        app.simulator.set_faults(Faults::default());
        let answer = browser.post(&retry, &[]).await.expect(303);
        browser.get(answer.location()).await.expect(200).shows("Stripe has carried out the command.");
        browser.get(&retry).await.expect(404);
        browser.post(&retry, &[]).await.expect(404).shows("Not found");
        app.deliver_all().await;
        let trail = app.admin(Method::GET, "/v1/admin/audit?action=retryCommand", None).await;
        let outcomes: Vec<&str> = trail.body["data"].as_array().unwrap().iter()
            .map(|entry| entry["outcome"].as_str().unwrap()).collect();
        assert_eq!(outcomes, ["refused", "done", "done"]);
        assert_eq!(trail.body["data"][0]["target"], format!("commands/{id}"));
    }

    async fn sweep_from_the_page_releases_what_is_overdue(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", "2026-12-01T10:00:00Z").await;
        app.clock.advance(Duration::minutes(45));
        let browser = ConsoleClient::signed_in(&app).await;
        browser.get(PAGE).await.expect(200).shows("href=\"/console/sweep\"");
        browser.get("/console/sweep").await.expect(200).shows("asks Stripe about each overdue hold");
        assert_eq!(app.state_of(&hold).await, "held");
        let answer = browser.post("/console/sweep", &[]).await.expect(303);
        browser.get(answer.location()).await.expect(200).shows("The sweep has run.").shows("Nothing needs you now");
        assert_eq!(app.state_of(&hold).await, "released/expired");
    }
}
