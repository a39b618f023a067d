//! Tests the sweep: it finishes what nobody else finished, without webhooks and without an operator, once, at any
//! instance.

use chrono::Duration;
use holdfast::domain::ids::HoldId;
use holdfast::domain::money::{Currency, Money};
use holdfast::domain::session::{CheckoutUi, SessionTerms};
use holdfast::sandbox::{ApiFault, Endpoint, FaultKind, Faults, PaymentOutcome, SessionStatus};
use holdfast::store::{Claim, NewAttempt};
use holdfast::workflow::{Context, Settings, sweep};
use serde_json::json;
use uuid::Uuid;

use crate::support::app::{ApiResponse, TestApp, order, order_by};
use crate::support::on_both_engines;
use crate::support::wait_for::eventually;

/// Places holds at consecutive hours.
async fn place_holds(app: &TestApp, count: i64) -> Vec<ApiResponse> {
    place_hourly_holds(app, 0..count).await
}

async fn place_hourly_holds(app: &TestApp, hours: std::ops::Range<i64>) -> Vec<ApiResponse> {
    let mut holds = Vec::new();
    for n in hours {
        let at = app.clock_now() + Duration::days(7) + Duration::hours(n);
        holds.push(
            app.hold_slot("call", &at.format("%Y-%m-%dT%H:00:00Z").to_string())
                .await,
        );
    }
    holds
}

async fn list_states(app: &TestApp, holds: &[ApiResponse]) -> Vec<String> {
    let mut states = Vec::new();
    for hold in holds {
        states.push(app.state_of(hold).await);
    }
    states
}

on_both_engines! {
    async fn sweep_report_counts_released_and_confirmed_holds(engine) {
        let app = TestApp::start(engine).await;
        let holds = place_holds(&app, 5).await;
        app.pay(&holds[0], PaymentOutcome::Paid);
        app.pay(&holds[1], PaymentOutcome::Processing);
        app.simulator.expire(holds[2].text("checkout_session")).unwrap();
        app.clock.advance(Duration::minutes(40));
        let fresh = place_hourly_holds(&app, 10..11).await.pop().unwrap();
        let report = app.sweep().await;
        assert_eq!(
            report,
            json!({"examined": 5, "released": 3, "confirmed": 1, "failed": 0, "oldest_overdue_ms": 600_000})
        );
        let expected = ["confirmed", "processing", "released/expired", "released/expired", "released/expired"];
        assert_eq!(list_states(&app, &holds).await, expected);
        assert_eq!(app.state_of(&fresh).await, "held");
        let again = app.sweep().await;
        assert_eq!(again, json!({"examined": 0, "released": 0, "confirmed": 0, "failed": 0, "oldest_overdue_ms": 0}));
    }

    async fn more_holds_than_one_batch_are_all_swept(engine) {
        let app = TestApp::start(engine).await;
        place_holds(&app, 130).await;
        app.clock.advance(Duration::minutes(31));
        let report = app.sweep().await;
        assert_eq!((&report["examined"], &report["released"]), (&json!(130), &json!(130)), "{report}");
        assert_eq!(app.simulator.calls().expire, 130);
        assert_eq!(app.database.count("SELECT count(*) FROM occupancy").await, 0);
    }

    async fn concurrent_sweeps_do_no_work_twice(engine) {
        let app = TestApp::start(engine).await;
        let others = [app.another_instance().await, app.another_instance().await];
        place_holds(&app, 60).await;
        app.clock.advance(Duration::minutes(31));
        let (one, two, three) = tokio::join!(app.sweep(), others[0].sweep(), others[1].sweep());
        let released = [&one, &two, &three].map(|report| report["released"].as_i64().unwrap());
        assert_eq!(released.iter().sum::<i64>(), 60, "{released:?}");
        assert_eq!(app.simulator.calls().expire, 60, "each session is ended once");
    }

    async fn running_sweep_is_not_started_twice(engine) {
        let app = TestApp::start(engine).await;
        place_holds(&app, 3).await;
        app.clock.advance(Duration::minutes(31));
        app.simulator.set_faults(Faults { latency_ms: 1_500, ..Faults::default() });
        let meanwhile = async {
            eventually("it asks Stripe", async || (app.simulator.calls().expire == 3).then_some(())).await;
            assert_eq!(sweep::sweep_unless_running(&app.context).await.unwrap(), None);
        };
        let (report, ()) = tokio::join!(app.sweep(), meanwhile);
        assert_eq!(report["released"], 3);
        let next = sweep::sweep_unless_running(&app.context).await.unwrap();
        assert_eq!(next.map(|report| report.examined), Some(0));
    }

    async fn stripe_timeout_is_counted_and_retried_later(engine) {
        let app = TestApp::start(engine).await;
        let holds = place_holds(&app, 2).await;
        app.clock.advance(Duration::minutes(31));
        let fault = ApiFault { probability: 1.0, ..ApiFault::new(FaultKind::ServerError) };
        app.simulator.set_faults(Faults { api: vec![fault], ..Faults::default() });
        let report = app.sweep().await;
        assert_eq!((&report["failed"], &report["released"]), (&json!(2), &json!(0)), "{report}");
        assert_eq!(list_states(&app, &holds).await, ["held", "held"]);
        let shown = app.admin_hold(holds[0].text("id")).await;
        assert_eq!(shown["tries"], 1, "{shown}");
        app.simulator.set_faults(Faults::default());
        eventually("Stripe answers again", async || {
            app.clock.advance(Duration::minutes(1));
            app.sweep().await;
            (list_states(&app, &holds).await == ["released/expired", "released/expired"]).then_some(())
        })
        .await;
    }

    async fn session_expiry_event_saves_the_sweep_a_call(engine) {
        let app = TestApp::start_with(engine, &[("HOLDFAST_HOLD_TTL", "1h")]).await;
        let hold = place_holds(&app, 1).await.pop().unwrap();
        let before = app.simulator.calls();
        app.clock.advance(Duration::minutes(60));
        app.sweep().await;
        assert_eq!(app.state_of(&hold).await, "held", "Stripe's event is waited for");
        app.simulator.expire_due();
        app.deliver_all().await;
        assert_eq!(app.state_of(&hold).await, "released/expired");
        app.clock.advance(Duration::hours(1));
        app.sweep().await;
        assert_eq!(app.simulator.calls(), before);
    }

    async fn missing_expiry_event_delays_sweep_only_briefly(engine) {
        let app = TestApp::start_with(engine, &[("HOLDFAST_HOLD_TTL", "1h")]).await;
        let hold = place_holds(&app, 1).await.pop().unwrap();
        app.clock.advance(Duration::minutes(61));
        app.sweep().await;
        assert_eq!(app.state_of(&hold).await, "released/expired");
    }

    async fn attempt_that_died_before_stripe_call_leaves_nothing(engine) {
        let app = TestApp::start(engine).await;
        app.simulator.set_faults(Faults::default().next(Endpoint::CreateSession, FaultKind::Cut, 100));
        app.checkout(&order("call", "2026-12-01T10:00:00Z")).await.expect_problem(503, "stripe_unavailable");
        assert!(app.simulator.sessions().is_empty());
        app.simulator.set_faults(Faults::default());
        assert_recovered(&app).await;
        app.hold_slot("call", "2026-12-01T10:00:00Z").await;
    }

    async fn dead_attempt_is_recovered_and_session_expired(engine) {
        let app = TestApp::start(engine).await;
        let hold = leave_dead_attempt(&app).await;
        app.sweep().await;
        assert_eq!(app.simulator.session(hold.text("checkout_session")).unwrap().status, "open", "it may still run");
        app.database.expire_all_leases().await;
        assert_recovered(&app).await;
        assert_eq!(app.simulator.sessions().len(), 1, "the same key finds the same session");
        app.hold_slot("call", "2026-12-01T10:00:00Z").await;
    }

    async fn stale_attempt_is_recovered_once_by_many_instances(engine) {
        let app = TestApp::start(engine).await;
        let other = app.another_instance().await;
        leave_dead_attempt(&app).await;
        app.database.expire_all_leases().await;
        tokio::join!(app.sweep(), other.sweep());
        assert_recovered(&app).await;
        let calls = app.simulator.calls();
        assert_eq!((calls.create, calls.expire), (2, 1), "{calls:?}");
    }

    /// The lease of a hold that waits for its turn could end before Stripe is asked about it.
    async fn slow_stripe_is_asked_about_all_leased_holds_at_once(engine) {
        let app = TestApp::start(engine).await;
        place_holds(&app, 12).await;
        app.clock.advance(Duration::minutes(31));
        app.simulator.set_faults(Faults { latency_ms: 1_500, ..Faults::default() });
        let leased = "SELECT count(*) FROM holds WHERE leased_until IS NOT NULL";
        let meanwhile = async {
            eventually("calls run side by side", async || (app.simulator.calls().expire == 8).then_some(())).await;
            assert_eq!(app.database.count(leased).await, 8);
        };
        let (report, ()) = tokio::join!(app.sweep(), meanwhile);
        assert_eq!(report["released"], 12, "{report}");
    }

    async fn slow_stripe_is_asked_about_all_leased_attempts_at_once(engine) {
        let app = TestApp::start(engine).await;
        claim_dead_attempts(&app, 12).await;
        app.simulator.set_faults(Faults { latency_ms: 1_500, ..Faults::default() });
        let leased = "SELECT count(*) FROM checkout_attempts WHERE state = 'unsettled' AND leased_until IS NOT NULL";
        let meanwhile = async {
            eventually("calls run side by side", async || (app.simulator.calls().create == 8).then_some(())).await;
            assert_eq!(app.database.count(leased).await, 8);
        };
        let (report, ()) = tokio::join!(app.sweep(), meanwhile);
        assert_eq!(report["failed"], 0, "{report}");
        assert_eq!(app.database.count(OPEN_ATTEMPTS).await, 0);
    }

    /// If Stripe is slow, a sweep ends all the same, and each kind of work has its turn.
    async fn sweep_without_time_leaves_the_rest_to_the_next(engine) {
        let app = TestApp::start(engine).await;
        place_holds(&app, 12).await;
        claim_dead_attempts(&app, 10).await;
        app.clock.advance(Duration::minutes(31));
        let tools = &app.context;
        let settings = Settings { sweep_time: std::time::Duration::ZERO, ..tools.settings.clone() };
        let keys = tools.configured_token_keys.clone();
        let context = Context::new(tools.store.clone(), tools.gateway.clone(), tools.clock.clone(), keys, settings);
        for (examined, open) in [(8, 2), (4, 0), (0, 0)] {
            let report = sweep::sweep_once(&context).await.unwrap();
            assert_eq!((report.examined, app.database.count(OPEN_ATTEMPTS).await), (examined, open));
        }
    }

    /// Each guest who wants an overdue slot asks Stripe. While Stripe is down, that must not delay the sweep.
    async fn crowd_during_an_outage_hides_no_slot_afterwards(engine) {
        let app = TestApp::start(engine).await;
        let hold = place_holds(&app, 1).await.pop().unwrap();
        let slot = hold.text("starts_at");
        app.clock.advance(Duration::minutes(31));
        let mut fault = ApiFault { probability: 1.0, ..ApiFault::new(FaultKind::ServerError) };
        fault.should_retry = Some(false);
        app.simulator.set_faults(Faults { api: vec![fault], ..Faults::default() });
        for n in 0..15 {
            let guest = order_by(&format!("guest-{n}@example.com"), "call", slot);
            app.checkout(&guest).await.expect_problem(503, "stripe_unavailable");
        }
        app.simulator.set_faults(Faults::default());
        // Its circuit breaker is closed.
        let other = app.another_instance().await;
        let report = other.sweep().await;
        assert_eq!(report["released"], 1, "{report}");
        assert_eq!(app.state_of(&hold).await, "released/expired");
    }

    async fn paid_stale_attempt_is_refunded(engine) {
        let app = TestApp::start(engine).await;
        let hold = leave_dead_attempt(&app).await;
        app.pay(&hold, PaymentOutcome::Paid);
        app.database.expire_all_leases().await;
        for _ in 0..3 {
            app.sweep().await;
        }
        app.deliver_all().await;
        let refunds = app.simulator.refunds();
        assert_eq!(refunds.iter().map(|refund| refund.amount).collect::<Vec<_>>(), [5000]);
    }
}

const OPEN_ATTEMPTS: &str = "SELECT count(*) FROM checkout_attempts WHERE state IN ('running', 'unsettled')";

/// Leaves the attempts of processes that died before they called Stripe, and whose leases have ended.
async fn claim_dead_attempts(app: &TestApp, count: usize) {
    for _ in 0..count {
        let attempt = NewAttempt {
            terms: SessionTerms {
                hold: HoldId(Uuid::new_v4()),
                event_type: None,
                name: "Call".into(),
                price: Money::price(5000, Currency::parse("eur").unwrap()).unwrap(),
                quantity: 1,
                email: "ada@example.com".into(),
                ui: CheckoutUi::Hosted,
                success_url: "https://shop.example/yes".into(),
                cancel_url: "https://shop.example/no".into(),
                expires_at: app.clock_now() + Duration::hours(20),
                payment_methods: Vec::new(),
                installation: app.database.store().installation_id().await.unwrap(),
                page: Default::default(),
            },
            key: None,
            fingerprint: "body".into(),
            livemode: false,
            now: app.clock_now(),
            lease: std::time::Duration::ZERO,
        };
        assert_eq!(
            app.database.store().claim_attempt(&attempt).await.unwrap(),
            Claim::Free
        );
    }
}

/// Sweeps until no attempt is open; then no session may be payable.
async fn assert_recovered(app: &TestApp) {
    eventually("attempts are recovered", async || {
        app.clock.advance(Duration::minutes(3));
        app.sweep().await;
        (app.database.count(OPEN_ATTEMPTS).await == 0).then_some(())
    })
    .await;
    let sessions = app.simulator.sessions();
    assert!(
        sessions
            .iter()
            .all(|session| session.status == SessionStatus::Expired),
        "{sessions:?}"
    );
}

/// Leaves the state of a process that died before the insert: Stripe has the session, and the database has an attempt
/// with its terms and no hold.
async fn leave_dead_attempt(app: &TestApp) -> ApiResponse {
    app.simulator.set_faults(Faults {
        latency_ms: 1_000,
        ..Faults::default()
    });
    let body = order("call", "2026-12-01T10:00:00Z");
    let meanwhile = async {
        eventually("Stripe is called", async || {
            (app.simulator.calls().create == 1).then_some(())
        })
        .await;
        app.database
            .execute("CREATE TABLE kept AS SELECT leased_until, terms FROM checkout_attempts")
            .await;
    };
    let (hold, ()) = tokio::join!(app.checkout(&body), meanwhile);
    let hold = hold.expect(201);
    app.simulator.set_faults(Faults::default());
    for table in ["occupancy", "hold_history"] {
        app.database.execute(&format!("DELETE FROM {table}")).await;
    }
    app.database.execute("DELETE FROM holds").await;
    let revived = "UPDATE checkout_attempts SET state = 'running', ended_at = NULL,
            terms = (SELECT terms FROM kept), leased_until = (SELECT leased_until FROM kept)";
    assert_eq!(app.database.execute(revived).await, 1);
    hold
}
