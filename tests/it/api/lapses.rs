//! Tests which ends of holds are lapses, and that a client that lets too many holds lapse has to wait (S28).

use chrono::Duration;
use holdfast::sandbox::PaymentOutcome;
use serde_json::json;

use super::hold_limits_abuse::{COOLDOWN, assert_refused, call, let_hold_lapse, slot, start_payment};
use crate::support::app::TestApp;
use crate::support::on_both_engines;

on_both_engines! {
    async fn giving_holds_back_again_and_again_starts_a_cooldown(engine) {
        let app = TestApp::start_with(engine, &[(COOLDOWN, "15m")]).await;
        // The first two within an hour are a change of mind, and the next five count as lapsed.
        for n in 0..7 {
            let hold = app.checkout(&call(&format!("guest-{n}@example.com"), 0)).await.expect(201);
            app.cancel(&hold).await.expect(200);
        }
        assert_eq!(assert_refused(app.checkout(&call("bob@example.com", 0)).await), 15 * 60);
        app.clock.advance(Duration::minutes(15));
        let hold = app.checkout(&call("bob@example.com", 0)).await.expect(201);
        app.cancel(&hold).await.expect(200);
        assert_refused(app.checkout(&call("bob@example.com", 0)).await);
    }

    async fn two_holds_given_back_in_each_hour_are_no_lapses(engine) {
        let app = TestApp::start_with(engine, &[(COOLDOWN, "15m")]).await;
        for n in 0..10 {
            let hold = app.hold_slot("call", &slot(n)).await;
            app.cancel(&hold).await.expect(200);
            app.clock.advance(Duration::minutes(30));
        }
        app.hold_slot("call", &slot(10)).await;
    }

    async fn giving_a_hold_back_clears_no_lapses(engine) {
        let app = TestApp::start_with(engine, &[(COOLDOWN, "15m")]).await;
        for n in 0..4 {
            let_hold_lapse(&app, n).await;
        }
        let hold = app.hold_slot("call", &slot(4)).await;
        app.cancel(&hold).await.expect(200);
        let_hold_lapse(&app, 5).await;
        assert_refused(app.checkout(&call("bob@example.com", 6)).await);
    }

    async fn failed_delayed_payment_is_a_lapse(engine) {
        let app = TestApp::start_with(engine, &[(COOLDOWN, "15m")]).await;
        for n in 0..5 {
            let hold = app.hold_slot("call", &slot(n)).await;
            start_payment(&app, &hold, PaymentOutcome::ProcessingFailed).await;
            assert_eq!(app.state_of(&hold).await, "released/payment_failed");
        }
        assert_refused(app.checkout(&call("bob@example.com", 5)).await);
    }

    async fn lapses_count_for_a_day_and_until_a_payment(engine) {
        let app = TestApp::start_with(engine, &[(COOLDOWN, "24h")]).await;
        for n in 0..4 {
            let_hold_lapse(&app, n).await;
        }
        app.clock.advance(Duration::hours(24));
        let_hold_lapse(&app, 4).await;
        let late = app.hold_slot("call", &slot(5)).await;
        app.expire_by_false_event(&late).await;
        for n in 6..8 {
            let_hold_lapse(&app, n).await;
        }
        app.confirm(&late).await;
        for n in 8..12 {
            let_hold_lapse(&app, n).await;
        }
        // A later change of the paid hold is no payment.
        app.move_as_operator(&late, json!({"starts_at": slot(20)})).await.expect(200);
        let_hold_lapse(&app, 12).await;
        assert_refused(app.checkout(&call("bob@example.com", 13)).await);
    }
}
