//! Tests of `POST /v1/holds/{id}/check` and of the sweep's question about guests who came back: a payment shows although its
//! webhook is lost (S38).

use chrono::Duration;
use holdfast::domain::ids::HoldId;
use holdfast::sandbox::{Endpoint, FaultKind, Faults, PaymentOutcome};
use holdfast::workflow::{check_hold, queries};
use reqwest::Method;

use crate::support::app::{ApiResponse, TestApp};
use crate::support::on_both_engines;

const SLOT: &str = "2026-12-01T10:00:00Z";
const OTHER_SLOT: &str = "2026-12-01T11:00:00Z";

async fn check(app: &TestApp, hold: &str) -> ApiResponse {
    app.send(app.request(Method::POST, &format!("/v1/holds/{hold}/check")))
        .await
}

/// Places a hold whose guest was seen on the return page, without a question to Stripe.
async fn place_returned_hold(app: &TestApp, slot: &str) -> ApiResponse {
    let hold = app.hold_slot("call", slot).await;
    let id = HoldId::parse(hold.text("id")).unwrap();
    let booking = queries::find_hold(&app.context, id).await.unwrap().unwrap();
    let checked = check_hold::check_hold(&app.context, booking, || false)
        .await
        .unwrap();
    assert_eq!(checked.is_open, None);
    assert_eq!(app.simulator.calls().retrieve, 0);
    hold
}

on_both_engines! {
    async fn check_shows_payment_whose_webhook_is_lost(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.pay(&hold, PaymentOutcome::Paid);
        app.drop_events();
        let shown = check(&app, hold.text("id")).await.expect(200);
        assert_eq!(shown.text("status"), "confirmed");
        assert_eq!(shown.body["checkout_open"], false);
        assert!(shown.body.get("token").is_none() && shown.body.get("guest").is_none());
        let history = app.admin_hold(hold.text("id")).await["history"].clone();
        let last = history.as_array().unwrap().last().unwrap().clone();
        assert_eq!((&last["transition"], &last["by"]), (&"paid".into(), &"guest".into()));
    }

    async fn check_says_whether_guest_can_still_pay(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        let open = check(&app, hold.text("id")).await.expect(200);
        assert_eq!((open.text("status"), &open.body["checkout_open"]), ("held", &true.into()));
        let late = app.hold_slot("call", OTHER_SLOT).await;
        app.simulator.expire(late.text("checkout_session")).unwrap();
        app.drop_events();
        let ended = check(&app, late.text("id")).await.expect(200);
        assert_eq!((ended.text("status"), ended.text("reason")), ("released", "expired"));
        assert_eq!(ended.body["checkout_open"], false);
        check(&app, "01990000-0000-7000-8000-000000000000").await.expect_problem(404, "not_found");
    }

    async fn delayed_payment_shows_as_processing(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.pay(&hold, PaymentOutcome::Processing);
        app.drop_events();
        assert_eq!(check(&app, hold.text("id")).await.expect(200).text("status"), "processing");
    }

    async fn hold_is_checked_once_in_three_seconds(engine) {
        let app = TestApp::start(engine).await;
        let (hold, other) = (app.hold_slot("call", SLOT).await, app.hold_slot("call", OTHER_SLOT).await);
        check(&app, hold.text("id")).await.expect(200);
        let refused = check(&app, hold.text("id")).await.expect_problem(429, "rate_limited");
        let wait: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=3).contains(&wait), "{wait}");
        check(&app, other.text("id")).await.expect(200);
        assert_eq!(app.simulator.calls().retrieve, 2);
    }

    async fn check_counts_as_read_of_its_address(engine) {
        let limits = [("HOLDFAST_RATE_LIMIT", "3/min"), ("HOLDFAST_READ_LIMIT", "2/min")];
        let app = TestApp::start_with(engine, &limits).await;
        let mut holds = Vec::new();
        for start in [SLOT, OTHER_SLOT, "2026-12-01T12:00:00Z"] {
            holds.push(app.hold_slot("call", start).await);
        }
        check(&app, holds[0].text("id")).await.expect(200);
        check(&app, holds[1].text("id")).await.expect(200);
        check(&app, holds[2].text("id")).await.expect_problem(429, "rate_limited");
    }

    async fn sweep_asks_a_minute_after_guest_came_back(engine) {
        let app = TestApp::start(engine).await;
        let (hold, absent) = (place_returned_hold(&app, SLOT).await, app.hold_slot("call", OTHER_SLOT).await);
        for paid in [&hold, &absent] {
            app.pay(paid, PaymentOutcome::Paid);
        }
        app.drop_events();
        app.clock.advance(Duration::seconds(59));
        assert_eq!(app.sweep().await["examined"], 0);
        app.clock.advance(Duration::seconds(1));
        let report = app.sweep().await;
        assert_eq!((&report["examined"], &report["confirmed"]), (&1.into(), &1.into()), "{report}");
        assert_eq!(app.state_of(&hold).await, "confirmed");
        assert_eq!(app.state_of(&absent).await, "held", "its guest was not seen");
        app.clock.advance(Duration::minutes(30));
        app.sweep().await;
        assert_eq!(app.state_of(&absent).await, "confirmed");
    }

    async fn question_after_return_ends_no_session(engine) {
        let app = TestApp::start(engine).await;
        let hold = place_returned_hold(&app, SLOT).await;
        app.clock.advance(Duration::minutes(2));
        let report = app.sweep().await;
        assert_eq!((&report["examined"], &report["failed"]), (&1.into(), &0.into()), "{report}");
        assert_eq!(app.sweep().await["examined"], 0, "Stripe has answered");
        let calls = app.simulator.calls();
        assert_eq!((calls.retrieve, calls.expire), (1, 0));
        let shown = app.admin_hold(hold.text("id")).await;
        assert_eq!((&shown["status"], &shown["next_check_at"]), (&"held".into(), &hold.body["expires_at"]));
        app.clock.advance(Duration::minutes(30));
        app.sweep().await;
        assert_eq!(app.state_of(&hold).await, "released/expired");
    }

    async fn unanswered_question_after_return_is_asked_again(engine) {
        let app = TestApp::start(engine).await;
        let hold = place_returned_hold(&app, SLOT).await;
        app.pay(&hold, PaymentOutcome::Paid);
        app.drop_events();
        app.simulator.set_faults(Faults::default().next(Endpoint::RetrieveSession, FaultKind::ServerError, 100));
        check(&app, hold.text("id")).await.expect_problem(503, "stripe_unavailable");
        app.clock.advance(Duration::minutes(1));
        assert_eq!(app.sweep().await["failed"], 1);
        assert_eq!(app.state_of(&hold).await, "held");
        app.simulator.set_faults(Faults::default());
        app.clock.advance(Duration::minutes(1));
        let another = app.another_instance().await;
        assert_eq!(another.sweep().await["confirmed"], 1);
        assert_eq!(app.state_of(&hold).await, "confirmed");
    }

    async fn check_of_a_hold_that_is_over_asks_nobody(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        let shown = check(&app, hold.text("id")).await.expect(200);
        assert_eq!((shown.text("status"), &shown.body["checkout_open"]), ("confirmed", &false.into()));
        assert_eq!(app.simulator.calls().retrieve, 0);
        let unused = app.database.count("SELECT count(*) FROM holds WHERE returned_at IS NOT NULL").await;
        assert_eq!(unused, 0);
    }
}
