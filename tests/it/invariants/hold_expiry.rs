//! Tests the end of a hold against its payment (I2): a slot is released when Stripe can take no money for it, and not
//! before.

use chrono::Duration;
use holdfast::sandbox::{Endpoint, FaultKind, Faults, PaymentOutcome};

use crate::support::app::{TestApp, order, order_by};
use crate::support::on_both_engines;
use crate::support::race::{RaceRequest, send_simultaneously, tally};

const SLOT: &str = "2026-12-01T10:00:00Z";

/// Returns a time longer than a hold's life and shorter than its session's.
fn time_past_the_hold() -> Duration {
    Duration::minutes(31)
}

on_both_engines! {
    async fn next_guest_gets_overdue_slot_before_sweep(engine) {
        let app = TestApp::start(engine).await;
        let first = app.hold_slot("call", SLOT).await;
        app.clock.advance(time_past_the_hold());
        let second = app.checkout(&order_by("bob@example.com", "call", SLOT)).await.expect(201);
        let old = app.simulator.session(first.text("checkout_session")).unwrap();
        assert_eq!(old.status, "expired", "Stripe says that the old session is dead");
        assert_eq!(app.state_of(&first).await, "released/expired");
        assert_eq!(app.state_of(&second).await, "held");
        app.deliver_all().await;
        assert_eq!(app.state_of(&second).await, "held");
    }

    async fn overdue_slot_is_kept_if_stripe_does_not_respond(engine) {
        let app = TestApp::start(engine).await;
        let first = app.hold_slot("call", SLOT).await;
        app.clock.advance(time_past_the_hold());
        app.simulator.set_faults(Faults::default().next(Endpoint::ExpireSession, FaultKind::ServerError, 100));
        let refused = app.checkout(&order("call", SLOT)).await.expect_problem(503, "stripe_unavailable");
        assert!(refused.headers.contains_key("retry-after"));
        assert_eq!(app.state_of(&first).await, "held");
        assert_eq!(app.simulator.calls().create, 1);
    }

    async fn rush_on_overdue_slot_has_one_winner(engine) {
        let app = TestApp::start(engine).await;
        let first = app.hold_slot("call", SLOT).await;
        app.clock.advance(time_past_the_hold());
        let request = |n| RaceRequest::new(app.address, order_by(&format!("guest-{n}@example.com"), "call", SLOT));
        let responses = send_simultaneously((0..20).map(request).collect()).await;
        let counted = tally(&responses);
        assert_eq!((counted.won, counted.taken), (1, 19), "{:?}", counted.other);
        assert_eq!(app.state_of(&first).await, "released/expired");
        let calls = app.simulator.calls();
        assert_eq!((calls.create, calls.expire), (2, 1), "{calls:?}");
    }

    async fn payment_at_deadline_is_confirmed_by_sweep(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.clock.advance(time_past_the_hold());
        app.pay(&hold, PaymentOutcome::Paid);
        let report = app.sweep().await;
        assert_eq!((&report["confirmed"], &report["released"]), (&1.into(), &0.into()), "{report}");
        assert_eq!(app.state_of(&hold).await, "confirmed");
        app.deliver_all().await;
        assert_eq!(app.state_of(&hold).await, "confirmed");
        let payments = app.admin_hold(hold.text("id")).await["payments"].clone();
        assert_eq!(payments.as_array().unwrap().len(), 1, "{payments}");
    }

    async fn payment_at_deadline_prevents_resale(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.clock.advance(time_past_the_hold());
        app.pay(&hold, PaymentOutcome::Paid);
        app.checkout(&order_by("bob@example.com", "call", SLOT)).await.expect_problem(409, "slot_taken");
        assert_eq!(app.state_of(&hold).await, "confirmed");
        assert_eq!(app.simulator.calls().create, 1, "the second guest costs no session");
    }

    async fn abandoned_checkout_is_freed_by_next_sweep(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.clock.advance(Duration::minutes(29));
        let early = app.sweep().await;
        assert_eq!(early["examined"], 0, "{early}");
        assert_eq!(app.state_of(&hold).await, "held");
        app.clock.advance(Duration::minutes(1));
        let report = app.sweep().await;
        assert_eq!(report["released"], 1, "{report}");
        assert_eq!(app.state_of(&hold).await, "released/expired");
        app.hold_slot("call", SLOT).await;
    }

    async fn hold_ends_when_its_slot_starts(engine) {
        let app = TestApp::start(engine).await;
        let (near, far) = (app.hold_slot("call", "2026-11-20T08:10:00Z").await, app.hold_slot("call", SLOT).await);
        assert_eq!(near.text("expires_at"), "2026-11-20T08:10:00Z");
        assert_eq!(far.text("expires_at"), "2026-11-20T08:30:00Z");
        app.clock.advance(Duration::minutes(10));
        let report = app.sweep().await;
        assert_eq!((&report["examined"], &report["released"]), (&1.into(), &1.into()), "{report}");
        assert_eq!(app.simulator.session(near.text("checkout_session")).unwrap().status, "expired");
        assert_eq!(app.state_of(&far).await, "held");
    }

    async fn move_to_earlier_start_shortens_time_to_pay(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        let later = serde_json::json!({"starts_at": "2026-12-02T10:00:00Z"});
        let moved = app.move_as_operator(&hold, later).await.expect(200);
        assert_eq!(moved.text("expires_at"), "2026-11-20T08:30:00Z");
        let sooner = serde_json::json!({"starts_at": "2026-11-20T08:10:00Z"});
        let moved = app.move_as_operator(&hold, sooner).await.expect(200);
        assert_eq!(moved.text("expires_at"), "2026-11-20T08:10:00Z");
        app.clock.advance(Duration::minutes(10));
        let report = app.sweep().await;
        assert_eq!(report["released"], 1, "{report}");
    }

    async fn sweep_reaches_same_state_without_webhooks(engine) {
        let app = TestApp::start(engine).await;
        let at = |n: i64| format!("2026-12-01T{:02}:00:00Z", 8 + n);
        let (paid, left, slow) = (
            app.hold_slot("call", &at(0)).await,
            app.hold_slot("call", &at(1)).await,
            app.hold_slot("call", &at(2)).await,
        );
        app.pay(&paid, PaymentOutcome::Paid);
        app.pay(&slow, PaymentOutcome::Processing);
        for event in app.simulator.pending_events() {
            app.simulator.drop_event(&event.id);
        }
        app.clock.advance(Duration::days(1));
        app.sweep().await;
        assert_eq!(app.state_of(&paid).await, "confirmed");
        assert_eq!(app.state_of(&left).await, "released/expired");
        assert_eq!(app.state_of(&slow).await, "processing");
        app.pay(&slow, PaymentOutcome::ProcessingSucceeded);
        for event in app.simulator.pending_events() {
            app.simulator.drop_event(&event.id);
        }
        app.clock.advance(Duration::days(2));
        app.sweep().await;
        assert_eq!(app.state_of(&slow).await, "confirmed");
    }

    async fn delayed_payment_keeps_slot_for_days(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.pay(&hold, PaymentOutcome::Processing);
        app.deliver_all().await;
        for _ in 0..5 {
            app.clock.advance(Duration::days(1));
            app.sweep().await;
            assert_eq!(app.state_of(&hold).await, "processing");
            app.checkout(&order("call", SLOT)).await.expect_problem(409, "slot_taken");
        }
        app.pay(&hold, PaymentOutcome::ProcessingSucceeded);
        app.deliver_all().await;
        assert_eq!(app.state_of(&hold).await, "confirmed");
    }

    async fn delayed_payment_is_polled_with_backoff(engine) {
        let app = TestApp::start_with(engine, &[("HOLDFAST_ASK_PROCESSING_AFTER", "1h")]).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.pay(&hold, PaymentOutcome::Processing);
        app.deliver_all().await;
        for (asked, hours) in [1, 2, 4, 8, 16, 32, 32].into_iter().enumerate() {
            app.clock.advance(Duration::hours(hours) - Duration::seconds(1));
            app.sweep().await;
            assert_eq!(app.simulator.calls().retrieve, asked as u64, "not before {hours} h");
            app.clock.advance(Duration::seconds(1));
            app.sweep().await;
            assert_eq!(app.simulator.calls().retrieve, asked as u64 + 1, "after {hours} h");
        }
        assert_eq!(app.state_of(&hold).await, "processing");
    }

    /// A processing hold whose session Stripe no longer knows: the response changes nothing, and not every sweep asks
    /// again.
    async fn unchanged_status_is_polled_again_later(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.pay(&hold, PaymentOutcome::Processing);
        app.deliver_all().await;
        app.database.execute("UPDATE holds SET session_id = 'cs_test_gone'").await;
        let mut asked = 0;
        for hours in [25, 49, 97] {
            app.clock.advance(Duration::hours(hours));
            asked += 1;
            for examined in [1, 0] {
                let report = app.sweep().await;
                assert_eq!(report["examined"], examined, "{report}");
                app.database.execute("UPDATE holds SET leased_until = NULL").await;
            }
            let shown = app.admin_hold(hold.text("id")).await;
            assert_eq!((&shown["status"], &shown["tries"]), (&"processing".into(), &asked.into()), "{shown}");
        }
    }

    async fn failed_delayed_payment_frees_slot(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.pay(&hold, PaymentOutcome::ProcessingFailed);
        app.deliver_all().await;
        assert_eq!(app.state_of(&hold).await, "released/payment_failed");
        app.hold_slot("call", SLOT).await;
    }

    async fn declined_card_keeps_the_hold(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.pay(&hold, PaymentOutcome::Declined);
        app.deliver_all().await;
        assert_eq!(app.state_of(&hold).await, "held");
        let history = app.admin_hold(hold.text("id")).await["history"].to_string();
        assert!(history.contains("a payment try failed: card_declined"), "{history}");
        app.pay(&hold, PaymentOutcome::Paid);
        app.deliver_all().await;
        assert_eq!(app.state_of(&hold).await, "confirmed");
    }
}
