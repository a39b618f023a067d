//! Tests of `DELETE /v1/holds/{id}`: the slot is free at once, and a payment that came first stays (S15).

use holdfast::sandbox::{Endpoint, FaultKind, Faults, PaymentOutcome};
use reqwest::Method;

use crate::support::app::{ApiResponse, TestApp, order_by};
use crate::support::on_both_engines;
use crate::support::race::{RaceRequest, send_simultaneously};

const SLOT: &str = "2026-12-01T10:00:00Z";

async fn delete_hold(app: &TestApp, hold: &str, token: Option<&str>) -> ApiResponse {
    let request = app.request(Method::DELETE, &format!("/v1/holds/{hold}"));
    app.send(match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    })
    .await
}

on_both_engines! {
    async fn guest_release_frees_slot_at_once(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        let released = app.cancel(&hold).await.expect(200);
        assert_eq!((released.text("status"), released.text("reason")), ("released", "guest"));
        assert!(released.body["checkout_url"].is_null());
        assert_eq!(app.simulator.session(hold.text("checkout_session")).unwrap().status, "expired");
        let next = app.checkout(&order_by("bob@example.com", "call", SLOT)).await.expect(201);

        let again = app.cancel(&hold).await.expect(200);
        assert_eq!(again.body, released.body);
        assert_eq!(app.simulator.calls().expire, 1, "the second release must not call Stripe");
        app.deliver_all().await;
        assert_eq!(app.state_of(&hold).await, "released/guest", "Stripe's own event does not change the reason");
        assert_eq!(app.state_of(&next).await, "held");
    }

    async fn payment_before_release_stays(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.pay(&hold, PaymentOutcome::Paid);
        for _ in 0..2 {
            app.cancel(&hold).await.expect_problem(409, "already_paid");
            assert_eq!(app.state_of(&hold).await, "confirmed");
        }
        app.deliver_all().await;
        app.cancel(&hold).await.expect_problem(409, "already_paid");
        assert_eq!(app.state_of(&hold).await, "confirmed");
    }

    async fn pending_delayed_payment_blocks_release(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.pay(&hold, PaymentOutcome::Processing);
        app.cancel(&hold).await.expect_problem(409, "already_paid");
        assert_eq!(app.state_of(&hold).await, "processing");
        app.deliver_all().await;
        app.cancel(&hold).await.expect_problem(409, "already_paid");
        assert_eq!(app.state_of(&hold).await, "processing");
    }

    async fn release_without_stripe_changes_nothing(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.simulator.set_faults(Faults::default().next(Endpoint::ExpireSession, FaultKind::ServerError, 100));
        let refused = app.cancel(&hold).await.expect_problem(503, "stripe_unavailable");
        assert!(refused.headers.contains_key("retry-after"));
        let now = app.hold(hold.text("id")).await;
        assert_eq!(now["status"], "held");
        assert_eq!(now["checkout_url"], hold.body["checkout_url"]);
        app.simulator.set_faults(Faults::default());
        app.pay(&hold, PaymentOutcome::Paid);
        app.deliver_all().await;
        assert_eq!(app.state_of(&hold).await, "confirmed");
    }

    async fn release_retry_recovers_lost_stripe_response(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.simulator.set_faults(Faults::default().next(Endpoint::ExpireSession, FaultKind::LostAnswer, 1));
        let released = app.cancel(&hold).await.expect(200);
        assert_eq!((released.text("status"), released.text("reason")), ("released", "guest"));
    }

    async fn ten_concurrent_releases_have_one_effect(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        let answers = futures::future::join_all((0..10).map(|_| app.cancel(&hold))).await;
        for answer in answers {
            assert_eq!(answer.expect(200).text("reason"), "guest");
        }
        assert_eq!(app.simulator.calls().expire, 1);
        let history = app.admin_hold(hold.text("id")).await["history"].clone();
        assert_eq!(history.as_array().unwrap().len(), 2, "{history}");
    }

    async fn release_needs_own_hold_token(engine) {
        let app = TestApp::start(engine).await;
        let (mine, other) = (app.hold_slot("call", SLOT).await, app.hold_slot("call", "2026-12-01T11:00:00Z").await);
        let id = mine.text("id");
        for token in [None, Some(""), Some("hft_"), Some("hft_AAAA"), Some(other.text("token")), Some("operators-key-for-the-tests")] {
            delete_hold(&app, id, token).await.expect_problem(401, "unauthorized");
        }
        let cut = &mine.text("token")[..20];
        delete_hold(&app, id, Some(cut)).await.expect_problem(401, "unauthorized");
        let nobody = "01990000-0000-7000-8000-000000000000";
        delete_hold(&app, nobody, Some(mine.text("token"))).await.expect_problem(404, "not_found");
        delete_hold(&app, "not-an-id", Some(mine.text("token"))).await.expect_problem(404, "not_found");
        assert_eq!((app.state_of(&mine).await, app.state_of(&other).await), ("held".into(), "held".into()));
        assert_eq!(app.simulator.calls().expire, 0);
    }

    async fn slot_released_in_a_rush_is_taken_once(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        let rush = (0..20).map(|n| RaceRequest::new(app.address, order_by(&format!("guest-{n}@example.com"), "call", SLOT)));
        let (cancelled, responses) = tokio::join!(app.cancel(&hold), send_simultaneously(rush.collect()));
        cancelled.expect(200);
        let won = responses.iter().filter(|response| response.status == 201).count();
        assert!(won <= 1 && responses.iter().all(|response| response.status < 500), "{responses:?}");
    }
}
