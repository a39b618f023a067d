//! Stripe misbehaves (S21, S22): waiting is bounded, no hold without a session, no session without a hold, and what must
//! be ended is ended in the end.

use std::time::{Duration, Instant};

use holdfast::sandbox::{ApiFault, Endpoint, FaultKind, Faults, SessionStatus};
use holdfast::workflow::outbox;

use crate::support::app::{TestApp, order, order_by};
use crate::support::crowd::{SlotRequest, press_together, tally};
use crate::support::on_both_engines;

const SLOT: &str = "2026-12-01T10:00:00Z";
/// What a guest is asked to wait at most: the budget of a call, and room for a busy machine.
const BOUND: Duration = Duration::from_secs(15);

fn open_sessions(app: &TestApp) -> usize {
    let sessions = app.simulator.sessions();
    sessions
        .iter()
        .filter(|session| session.status == SessionStatus::Open)
        .count()
}

/// Every call of this endpoint.
fn always(endpoint: Endpoint, kind: FaultKind) -> Faults {
    let fault = ApiFault {
        endpoint: Some(endpoint),
        probability: 1.0,
        ..ApiFault::of(kind)
    };
    Faults {
        api: vec![fault],
        ..Faults::default()
    }
}

on_both_engines! {
    async fn s21_an_answer_that_was_lost_is_asked_for_again_with_the_same_key(engine) {
        let app = TestApp::start(engine).await;
        app.simulator.set_faults(Faults::default().next(Endpoint::CreateSession, FaultKind::LostAnswer, 2));
        let hold = app.hold_slot("call", SLOT).await;
        let calls = app.simulator.calls();
        assert_eq!((calls.create, calls.create_replayed), (3, 2), "{calls:?}");
        let sessions = app.simulator.sessions();
        assert_eq!(sessions.len(), 1, "never two payable sessions for one attempt");
        assert_eq!(sessions[0].id, hold.text("checkout_session"));
    }

    async fn s21_a_session_that_nobody_was_given_is_found_and_ended(engine) {
        let app = TestApp::start(engine).await;
        app.simulator.set_faults(always(Endpoint::CreateSession, FaultKind::LostAnswer));
        app.checkout_with_key("k", &order("call", SLOT)).await.expect_problem(503, "stripe_unavailable");
        assert_eq!((app.simulator.sessions().len(), open_sessions(&app)), (1, 1));
        app.simulator.set_faults(Faults::default());
        // The guest may try again at once: with the same key a new checkout begins.
        let hold = app.checkout_with_key("k", &order("call", SLOT)).await.expect(201);
        app.clock.advance(chrono::Duration::minutes(3));
        app.sweep().await;
        let sessions = app.simulator.sessions();
        assert_eq!((sessions.len(), open_sessions(&app)), (2, 1), "{sessions:?}");
        assert_eq!(app.simulator.session(hold.text("checkout_session")).unwrap().status, "open");
        assert_eq!(app.state_of(&hold).await, "held");
    }

    async fn s22_trouble_that_passes_is_waited_out(engine) {
        let app = TestApp::start(engine).await;
        let kinds = [FaultKind::ServerError, FaultKind::BadGateway, FaultKind::Cut, FaultKind::LockTimeout];
        for (hour, kind) in kinds.into_iter().enumerate() {
            app.simulator.set_faults(Faults::default().next(Endpoint::CreateSession, kind, 1));
            app.hold_slot("call", &format!("2026-12-01T{:02}:00:00Z", 10 + hour)).await;
        }
        assert_eq!(app.simulator.sessions().len(), kinds.len());
    }

    async fn s22_trouble_that_stays_is_a_503_within_a_bound_and_leaves_nothing(engine) {
        let kinds = [FaultKind::RateLimited, FaultKind::ServerErrorKept, FaultKind::BadGateway, FaultKind::Cut, FaultKind::Hang];
        for kind in kinds {
            let app = TestApp::start(engine).await;
            app.simulator.set_faults(always(Endpoint::CreateSession, kind));
            let begun = Instant::now();
            let refused = app.checkout(&order("call", SLOT)).await.expect_problem(503, "stripe_unavailable");
            assert!(refused.headers.contains_key("retry-after"), "{kind:?}");
            assert!(begun.elapsed() < BOUND, "{kind:?} took {:?}", begun.elapsed());
            for books in ["holds", "occupancy"] {
                assert_eq!(app.database.count(&format!("SELECT count(*) FROM {books}")).await, 0, "{kind:?}");
            }
            app.simulator.set_faults(Faults::default());
            // Later than the breaker's cool-down and the retries' backoff; the sweep is what mends the rest.
            app.clock.advance(chrono::Duration::minutes(3));
            swept_clean(&app, kind).await;
        }
    }

    async fn s22_the_losers_session_is_ended_though_stripe_fails_at_first(engine) {
        let app = TestApp::start(engine).await;
        let other = app.another_instance().await;
        let faults = always(Endpoint::ExpireSession, FaultKind::ServerError);
        app.simulator.set_faults(Faults { latency_ms: 800, ..faults });
        let wish = |at, n| SlotRequest::new(at, order_by(&format!("guest-{n}@example.com"), "call", SLOT));
        let got = press_together(vec![wish(app.address, 1), wish(other.address, 2)]).await;
        let counted = tally(&got);
        assert_eq!((counted.won, counted.taken), (1, 1), "{:?}", counted.other);
        assert_eq!(open_sessions(&app), 2, "the loser's could not be ended yet");
        // The loser does not wait for the first try to end.
        crate::support::wait::eventually("the first try has failed", async || {
            let pending = app.admin(reqwest::Method::GET, "/v1/admin/commands", None).await.expect(200);
            assert_eq!(pending.body["data"][0]["kind"], "expire_session", "{pending:?}");
            (pending.body["data"][0]["tries"] == 1).then_some(())
        })
        .await;
        app.simulator.set_faults(Faults::default());
        app.clock.advance(chrono::Duration::minutes(1));
        let report = outbox::run_due_commands(&app.context).await.unwrap();
        assert_eq!((report.done, report.failed), (1, 0));
        assert_eq!(open_sessions(&app), 1);
    }

    async fn money_for_a_slot_that_is_gone_goes_back_though_a_part_of_it_did_by_hand(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.clock.advance(chrono::Duration::minutes(31));
        app.sweep().await;
        app.hold_slot("call", SLOT).await;
        app.simulator.pay_late(hold.text("checkout_session")).unwrap();
        app.deliver_all().await;
        let intent = app.simulator.intents()[0].id.clone();
        app.simulator.refund_from_dashboard(&intent, Some(1_000)).unwrap();
        let report = outbox::run_due_commands(&app.context).await.unwrap();
        assert_eq!((report.done, report.failed), (1, 0));
        let back: Vec<i64> = app.simulator.refunds().iter().map(|refund| refund.amount).collect();
        assert_eq!(back, [1_000, 4_000]);
        app.deliver_all().await;
        assert_eq!(app.state_of(&hold).await, "released/late_payment_refunded");
    }
}

/// Sweeps until no attempt is open and no session payable: a breaker that is open lets one call through at a time.
async fn swept_clean(app: &TestApp, kind: FaultKind) {
    // A failure that Stripe keeps under the key is over when Stripe forgets the key, a day later.
    let step = match kind {
        FaultKind::ServerErrorKept => chrono::Duration::hours(6),
        _ => chrono::Duration::minutes(5),
    };
    crate::support::wait::eventually("swept clean", async || {
        app.sweep().await;
        app.clock.advance(step);
        let open = "SELECT count(*) FROM checkout_attempts WHERE state IN ('running', 'unsettled')";
        (app.database.count(open).await == 0).then_some(())
    })
    .await;
    assert_eq!(open_sessions(app), 0, "{kind:?}");
}
