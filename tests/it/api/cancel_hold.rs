//! Tests of cancelling a paid hold. The slot is free at once. The operator chooses the amount of the refund; a guest
//! who may cancel gets all of it. Later events about the refund change nothing.

use chrono::Duration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{ApiResponse, TestApp, order_by};
use crate::support::booking_actions::after;
use crate::support::database::Engine;
use crate::support::on_both_engines;
use crate::support::wait_for::eventually;

const SLOT: &str = "2026-12-01T10:00:00Z";
const NOBODY: &str = "01990000-0000-7000-8000-000000000000";

async fn cancel(app: &TestApp, hold: &str, order: Value) -> ApiResponse {
    app.admin(
        Method::POST,
        &format!("/v1/admin/holds/{hold}/cancel"),
        Some(order),
    )
    .await
}

/// Starts a service with a 30-minute visit that guests may cancel until a day before.
async fn start_clinic(engine: Engine) -> TestApp {
    let app = TestApp::start(engine).await;
    app.sell(
        "visit",
        &json!({"resource": "ana", "duration_minutes": 30, "guest_cancel_until_minutes": 1440}),
    )
    .await;
    app
}

/// Starts a service with a visit that guests may cancel until a day before, and move until an hour before.
async fn start_flexible_clinic(engine: Engine) -> TestApp {
    let app = TestApp::start(engine).await;
    let terms = json!({"resource": "ana", "duration_minutes": 30,
        "guest_cancel_until_minutes": 1440, "guest_move_until_minutes": 60});
    app.sell("visit", &terms).await;
    app
}

/// Moves the clock forward to this instant.
fn advance_to(app: &TestApp, at: &str) {
    let at: chrono::DateTime<chrono::Utc> = at.parse().unwrap();
    app.clock.advance(at - app.clock_now());
}

fn list_refunds(app: &TestApp) -> Vec<i64> {
    app.simulator
        .refunds()
        .iter()
        .map(|refund| refund.amount)
        .collect()
}

/// Returns both gauges of misplaced money: `money_without_slot` and `slot_without_money`.
async fn read_gauges(app: &TestApp) -> [String; 2] {
    let metrics = app.get("/metrics").await.expect(200);
    let text = metrics.body.as_str().unwrap();
    ["holdfast_money_without_slot", "holdfast_slot_without_money"].map(|name| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        line.rsplit(' ').next().unwrap().to_owned()
    })
}

/// Waits until all commands are done and all of Stripe's events are delivered.
async fn wait_until_settled(app: &TestApp) {
    app.sweep().await;
    eventually("no command is left", async || {
        let left = app
            .database
            .count("SELECT count(*) FROM commands WHERE done_at IS NULL")
            .await;
        (left == 0).then_some(())
    })
    .await;
    app.deliver_all().await;
}

on_both_engines! {
    async fn operator_cancel_refunds_the_chosen_amount(engine) {
        for (order, back, state) in [
            (json!("full"), vec![5000], "refunded"),
            (json!("none"), vec![], "kept"),
            (json!(2000), vec![2000], "kept"),
            (json!(5000), vec![5000], "refunded"),
        ] {
            let app = TestApp::start(engine).await;
            let hold = app.sold("call", SLOT).await;
            let id = hold.text("id");
            let order = json!({"refund": order, "note": "the host is ill"});
            let cancelled = cancel(&app, id, order.clone()).await.expect(200);
            assert_eq!((cancelled.text("status"), cancelled.text("reason")), ("cancelled", "operator"));
            app.checkout(&order_by("bob@example.com", "call", SLOT)).await.expect(201);
            assert_eq!(read_gauges(&app).await, ["0", "0"], "{order}");
            wait_until_settled(&app).await;
            assert_eq!(list_refunds(&app), back, "{order}");
            let shown = app.admin_hold(id).await;
            let payment = &shown["payments"][0];
            let gone: i64 = back.iter().sum();
            assert_eq!((&payment["state"], &payment["refunded"]), (&json!(state), &json!(gone)), "{order}");
            let lines = shown["history"].as_array().unwrap();
            let line = lines.iter().find(|line| line["to"] == "cancelled").unwrap();
            assert_eq!((&line["by"], &line["from"]), (&json!("operator"), &json!("confirmed")));
            assert!(line["message"].as_str().unwrap().contains("the host is ill"), "{line}");
            assert_eq!(read_gauges(&app).await, ["0", "0"], "{order}");
            assert_eq!(app.state_of(&hold).await, "cancelled/operator", "Stripe's own events change nothing");
            let again = cancel(&app, id, order.clone()).await.expect(200);
            assert_eq!(again.body, shown);
            wait_until_settled(&app).await;
            assert_eq!(list_refunds(&app), back, "once: {order}");
        }
    }

    async fn refused_cancel_changes_nothing(engine) {
        let app = TestApp::start(engine).await;
        let paid = app.sold("call", SLOT).await;
        for bad in [json!(5001), json!(0), json!(-1), json!("half"), json!(null), json!(1.5)] {
            let refused = cancel(&app, paid.text("id"), json!({"refund": bad})).await.expect_problem(422, "invalid");
            assert_eq!(refused.body["errors"][0]["field"], "refund", "{bad}");
        }
        cancel(&app, paid.text("id"), json!({})).await.expect_problem(422, "invalid");
        assert_eq!((app.state_of(&paid).await.as_str(), list_refunds(&app).len()), ("confirmed", 0));
        let held = app.hold_slot("call", &after(SLOT, 60)).await;
        let full = json!({"refund": "full"});
        cancel(&app, held.text("id"), full.clone()).await.expect_problem(409, "not_cancellable");
        app.cancel(&held).await.expect(200);
        cancel(&app, held.text("id"), full.clone()).await.expect_problem(409, "not_cancellable");
        assert_eq!(app.state_of(&held).await, "released/guest");
        cancel(&app, NOBODY, full.clone()).await.expect_problem(404, "not_found");
        let path = format!("/v1/admin/holds/{}/cancel", paid.text("id"));
        let by_the_guest = app.request(Method::POST, &path).bearer_auth(paid.text("token")).json(&full);
        app.send(by_the_guest).await.expect_problem(401, "unauthorized");
    }

    async fn after_manual_partial_refund_only_rest_is_refunded(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        let intent = app.simulator.session(hold.text("checkout_session")).unwrap().payment_intent.unwrap();
        app.simulator.refund_from_dashboard(&intent, Some(2000)).unwrap();
        app.deliver_all().await;
        cancel(&app, hold.text("id"), json!({"refund": 3001})).await.expect_problem(422, "invalid");
        cancel(&app, hold.text("id"), json!({"refund": "full"})).await.expect(200);
        wait_until_settled(&app).await;
        assert_eq!(list_refunds(&app), [2000, 3000]);
        let payment = app.admin_hold(hold.text("id")).await["payments"][0].clone();
        assert_eq!((&payment["state"], &payment["refunded"]), (&json!("refunded"), &json!(5000)));
        assert_eq!(read_gauges(&app).await, ["0", "0"]);
    }

    async fn ten_concurrent_cancels_refund_once(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        let many = (0..10).map(|_| cancel(&app, hold.text("id"), json!({"refund": "full"})));
        for answer in futures::future::join_all(many).await {
            answer.expect(200);
        }
        wait_until_settled(&app).await;
        assert_eq!(list_refunds(&app), [5000]);
    }

    async fn guest_cancel_before_deadline_refunds_all(engine) {
        let app = start_clinic(engine).await;
        let hold = app.sold("visit", SLOT).await;
        let until_the_last_second = SLOT.parse::<chrono::DateTime<chrono::Utc>>().unwrap() - Duration::days(1);
        app.clock.advance(until_the_last_second - app.clock_now());
        let cancelled = app.cancel(&hold).await.expect(200);
        assert_eq!((cancelled.text("status"), cancelled.text("reason")), ("cancelled", "guest"));
        app.checkout(&order_by("bob@example.com", "visit", SLOT)).await.expect(201);
        wait_until_settled(&app).await;
        assert_eq!(list_refunds(&app), [5000]);
        assert_eq!(app.cancel(&hold).await.expect(200).body, cancelled.body);
        let shown = app.admin_hold(hold.text("id")).await;
        assert_eq!(shown["payments"][0]["state"], "refunded");
        let lines = shown["history"].as_array().unwrap();
        assert!(lines.iter().any(|line| line["to"] == "cancelled" && line["by"] == "guest"), "{shown}");
        assert_eq!(read_gauges(&app).await, ["0", "0"]);
    }

    async fn late_or_forbidden_guest_cancel_keeps_slot(engine) {
        let app = start_clinic(engine).await;
        let (late, never) = (app.sold("visit", SLOT).await, app.sold("call", &after(SLOT, 600)).await);
        app.cancel(&never).await.expect_problem(409, "already_paid");
        let too_late = SLOT.parse::<chrono::DateTime<chrono::Utc>>().unwrap() - Duration::days(1) + Duration::seconds(1);
        app.clock.advance(too_late - app.clock_now());
        app.cancel(&late).await.expect_problem(409, "already_paid");
        for hold in [&late, &never] {
            assert_eq!((app.state_of(hold).await.as_str(), app.units_of(hold).await), ("confirmed", 1));
        }
        assert_eq!(list_refunds(&app), Vec::<i64>::new());
        // The terms of the booking count, not the present terms of the event type.
        app.sell("visit", &json!({"resource": "ana", "duration_minutes": 30, "guest_cancel_until_minutes": 0})).await;
        app.cancel(&late).await.expect_problem(409, "already_paid");
    }

    async fn passed_right_to_cancel_stays_passed_after_moving(engine) {
        let app = start_flexible_clinic(engine).await;
        let hold = app.sold("visit", SLOT).await;
        advance_to(&app, &after(SLOT, -120));
        app.cancel(&hold).await.expect_problem(409, "already_paid");
        for days in [30, 31] {
            app.move_to(&hold, &after(SLOT, days * 1440)).await.expect(200);
            app.cancel(&hold).await.expect_problem(409, "already_paid");
        }
        wait_until_settled(&app).await;
        assert_eq!(list_refunds(&app), Vec::<i64>::new());
        let to = json!({"starts_at": after(SLOT, 32 * 1440)});
        app.move_as_operator(&hold, to).await.expect(200);
        app.cancel(&hold).await.expect(200);
        wait_until_settled(&app).await;
        assert_eq!(list_refunds(&app), [5000], "an operator's move gives the rights of the new start");
    }

    async fn unpaid_hold_that_moves_gets_no_right_back(engine) {
        let app = start_flexible_clinic(engine).await;
        advance_to(&app, &after(SLOT, -120));
        let hold = app.hold_slot("visit", SLOT).await;
        app.move_to(&hold, &after(SLOT, 30 * 1440)).await.expect(200);
        app.confirm(&hold).await;
        app.cancel(&hold).await.expect_problem(409, "already_paid");
    }

    async fn move_in_time_gives_the_rights_of_the_new_start(engine) {
        let app = start_flexible_clinic(engine).await;
        let (hold, back) = (app.sold("visit", SLOT).await, app.sold("visit", &after(SLOT, 30)).await);
        advance_to(&app, &after(SLOT, -25 * 60));
        app.move_to(&hold, &after(SLOT, 30 * 1440)).await.expect(200);
        // There and back: the deadline is that of the start, and it passes as for everybody.
        app.move_to(&back, &after(SLOT, 31 * 1440)).await.expect(200);
        app.move_to(&back, &after(SLOT, 30)).await.expect(200);
        advance_to(&app, &after(SLOT, -90));
        app.cancel(&hold).await.expect(200);
        app.cancel(&back).await.expect_problem(409, "already_paid");
        app.move_to(&back, &after(SLOT, 31 * 1440)).await.expect(200);
        app.cancel(&back).await.expect_problem(409, "already_paid");
    }

    async fn cancel_without_stripe_frees_slot_and_queues_refund(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        let silent = holdfast::sandbox::Faults::default().next(
            holdfast::sandbox::Endpoint::CreateRefund, holdfast::sandbox::FaultKind::ServerError, 100);
        app.simulator.set_faults(silent);
        cancel(&app, hold.text("id"), json!({"refund": "full"})).await.expect(200);
        app.checkout(&order_by("bob@example.com", "call", SLOT)).await.expect(201);
        app.sweep().await;
        assert_eq!(list_refunds(&app), Vec::<i64>::new());
        assert_eq!(app.admin_hold(hold.text("id")).await["payments"][0]["state"], "refund_due");
        app.simulator.set_faults(holdfast::sandbox::Faults::default());
        app.clock.advance(Duration::hours(2));
        app.database.expire_all_leases().await;
        wait_until_settled(&app).await;
        assert_eq!(list_refunds(&app), [5000]);
        assert_eq!(app.admin_hold(hold.text("id")).await["payments"][0]["state"], "refunded");
    }
}
