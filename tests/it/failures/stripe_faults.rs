//! Injects Stripe faults into checkouts and refunds (S21, S22). Waiting is bounded, no hold exists without a session,
//! no payable session stays without a hold, and every session that must expire does so in the end.

use std::time::{Duration, Instant};

use holdfast::sandbox::{ApiFault, Endpoint, FaultKind, Faults, SessionStatus};
use holdfast::workflow::outbox;

use crate::support::app::{TestApp, order, order_by};
use crate::support::on_both_engines;
use crate::support::race::{RaceRequest, send_simultaneously, tally};

const SLOT: &str = "2026-12-01T10:00:00Z";
/// The longest wait of a guest: the time budget of a call, with a reserve for a busy machine.
const BOUND: Duration = Duration::from_secs(15);

fn count_open_sessions(app: &TestApp) -> usize {
    let sessions = app.simulator.sessions();
    sessions
        .iter()
        .filter(|session| session.status == SessionStatus::Open)
        .count()
}

/// Injects a fault into every call of this endpoint.
fn fault_every_call(endpoint: Endpoint, kind: FaultKind) -> Faults {
    let fault = ApiFault {
        endpoint: Some(endpoint),
        probability: 1.0,
        ..ApiFault::new(kind)
    };
    Faults {
        api: vec![fault],
        ..Faults::default()
    }
}

on_both_engines! {
    async fn lost_answer_is_requested_again_with_the_same_key(engine) {
        let app = TestApp::start(engine).await;
        app.simulator.set_faults(Faults::default().next(Endpoint::CreateSession, FaultKind::LostAnswer, 2));
        let hold = app.hold_slot("call", SLOT).await;
        let calls = app.simulator.calls();
        assert_eq!((calls.create, calls.create_replayed), (3, 2), "{calls:?}");
        let sessions = app.simulator.sessions();
        assert_eq!(sessions.len(), 1, "never two payable sessions for one attempt");
        assert_eq!(sessions[0].id, hold.text("checkout_session"));
    }

    async fn session_without_a_guest_is_found_and_expired(engine) {
        let app = TestApp::start(engine).await;
        app.simulator.set_faults(fault_every_call(Endpoint::CreateSession, FaultKind::LostAnswer));
        app.checkout_with_key("k", &order("call", SLOT)).await.expect_problem(503, "stripe_unavailable");
        assert_eq!((app.simulator.sessions().len(), count_open_sessions(&app)), (1, 1));
        app.simulator.set_faults(Faults::default());
        // A 503 releases the idempotency key, so the guest may retry at once and a new checkout begins.
        let hold = app.checkout_with_key("k", &order("call", SLOT)).await.expect(201);
        app.clock.advance(chrono::Duration::minutes(3));
        app.sweep().await;
        let sessions = app.simulator.sessions();
        assert_eq!((sessions.len(), count_open_sessions(&app)), (2, 1), "{sessions:?}");
        assert_eq!(app.simulator.session(hold.text("checkout_session")).unwrap().status, "open");
        assert_eq!(app.state_of(&hold).await, "held");
    }

    async fn temporary_stripe_errors_are_retried(engine) {
        let app = TestApp::start(engine).await;
        let kinds = [FaultKind::ServerError, FaultKind::BadGateway, FaultKind::Cut, FaultKind::LockTimeout];
        for (hour, kind) in kinds.into_iter().enumerate() {
            app.simulator.set_faults(Faults::default().next(Endpoint::CreateSession, kind, 1));
            app.hold_slot("call", &format!("2026-12-01T{:02}:00:00Z", 10 + hour)).await;
        }
        assert_eq!(app.simulator.sessions().len(), kinds.len());
    }

    async fn lasting_stripe_errors_give_503_and_leave_nothing(engine) {
        let kinds = [
            FaultKind::RateLimited,
            FaultKind::ServerErrorKept,
            FaultKind::BadGateway,
            FaultKind::Cut,
            FaultKind::Hang,
        ];
        for kind in kinds {
            let app = TestApp::start(engine).await;
            app.simulator.set_faults(fault_every_call(Endpoint::CreateSession, kind));
            let started = Instant::now();
            let refused = app.checkout(&order("call", SLOT)).await.expect_problem(503, "stripe_unavailable");
            assert!(refused.headers.contains_key("retry-after"), "{kind:?}");
            assert!(started.elapsed() < BOUND, "{kind:?} took {:?}", started.elapsed());
            for table in ["holds", "occupancy"] {
                assert_eq!(app.database.count(&format!("SELECT count(*) FROM {table}")).await, 0, "{kind:?}");
            }
            app.simulator.set_faults(Faults::default());
            // Passes the circuit breaker's cool-down and the backoff. Then the sweep recovers the attempts.
            app.clock.advance(chrono::Duration::minutes(3));
            sweep_until_clean(&app, kind).await;
        }
    }

    async fn losers_session_is_expired_after_stripe_recovers(engine) {
        let app = TestApp::start(engine).await;
        let other = app.another_instance().await;
        let faults = fault_every_call(Endpoint::ExpireSession, FaultKind::ServerError);
        app.simulator.set_faults(Faults { latency_ms: 800, ..faults });
        let request = |at, n| RaceRequest::new(at, order_by(&format!("guest-{n}@example.com"), "call", SLOT));
        let responses = send_simultaneously(vec![request(app.address, 1), request(other.address, 2)]).await;
        let counted = tally(&responses);
        assert_eq!((counted.won, counted.taken), (1, 1), "{:?}", counted.other);
        assert_eq!(count_open_sessions(&app), 2, "the loser's session could not be expired yet");
        // The loser's response does not wait for the first try, so the test does.
        crate::support::wait_for::eventually("the first try has failed", async || {
            let pending = app.admin(reqwest::Method::GET, "/v1/admin/commands", None).await.expect(200);
            assert_eq!(pending.body["data"][0]["kind"], "expire_session", "{pending:?}");
            (pending.body["data"][0]["tries"] == 1).then_some(())
        })
        .await;
        app.simulator.set_faults(Faults::default());
        app.clock.advance(chrono::Duration::minutes(1));
        let report = outbox::run_due_commands(&app.context).await.unwrap();
        assert_eq!((report.done, report.failed), (1, 0));
        assert_eq!(count_open_sessions(&app), 1);
    }

    async fn late_payment_is_refunded_after_a_partial_manual_refund(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.clock.advance(chrono::Duration::minutes(31));
        app.sweep().await;
        app.hold_slot("call", SLOT).await;
        app.simulator.pay_late(hold.text("checkout_session")).unwrap();
        app.deliver_all().await;
        let intent = app.simulator.intents()[0].id.clone();
        app.simulator.refund_from_dashboard(&intent, Some(1_000)).unwrap();
        // The whole amount is refused, and then the rest is ordered.
        for _ in 0..2 {
            let report = outbox::run_due_commands(&app.context).await.unwrap();
            assert_eq!((report.done, report.failed), (1, 0));
        }
        let refunds: Vec<i64> = app.simulator.refunds().iter().map(|refund| refund.amount).collect();
        assert_eq!(refunds, [1_000, 4_000]);
        app.deliver_all().await;
        assert_eq!(app.state_of(&hold).await, "released/late_payment_refunded");
    }
}

/// Sweeps until no attempt is open and no session can be paid. This takes several sweeps, because an open circuit
/// breaker lets one call through at a time.
async fn sweep_until_clean(app: &TestApp, kind: FaultKind) {
    // Stripe replays a failure until it forgets the idempotency key, a day later.
    let step = match kind {
        FaultKind::ServerErrorKept => chrono::Duration::hours(6),
        _ => chrono::Duration::minutes(5),
    };
    crate::support::wait_for::eventually("no attempt is open", async || {
        app.sweep().await;
        app.clock.advance(step);
        let open = "SELECT count(*) FROM checkout_attempts WHERE state IN ('running', 'unsettled')";
        (app.database.count(open).await == 0).then_some(())
    })
    .await;
    assert_eq!(count_open_sessions(app), 0, "{kind:?}");
}
