//! Injects faults at each Stripe endpoint (S22). Waiting is bounded, an unknown result counts neither as success nor as
//! refusal, and while Stripe is down requests fail at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use holdfast::domain::booking::Actor;
use holdfast::domain::hold::ReleaseRequester;
use holdfast::domain::ids::HoldId;
use holdfast::gateway::client::StripeGateway;
use holdfast::gateway::stripe_config::StripeConfig;
use holdfast::sandbox::{ApiFault, Endpoint, FaultKind, Faults, PaymentOutcome};
use holdfast::workflow::release_hold::{ReleaseOutcome, release_hold};
use holdfast::workflow::{Context, WorkflowError, sweep};

use crate::support::app::{ApiResponse, TestApp, order};
use crate::support::database::Engine;
use crate::support::on_both_engines;
use crate::support::wait_for::eventually;

const KINDS: [FaultKind; 7] = [
    FaultKind::RateLimited,
    FaultKind::LockTimeout,
    FaultKind::ServerErrorKept,
    FaultKind::BadGateway,
    FaultKind::Cut,
    FaultKind::LostAnswer,
    FaultKind::Hang,
];
/// The longest time of a release with short timeouts, with a reserve for a busy machine.
const BOUND: Duration = Duration::from_secs(8);

/// Builds a context with short timeouts for Stripe.
fn context_with_short_timeouts(app: &TestApp) -> Arc<Context> {
    let mut config = StripeConfig::new("sk_test_holdfast".into(), app.stripe_url().parse().unwrap());
    config.attempt_timeout = Duration::from_millis(300);
    config.call_timeout = Duration::from_millis(600);
    config.limits = None;
    let (tools, gateway) = (&app.context, StripeGateway::new(&config).unwrap());
    Context::new(
        tools.store.clone(),
        Arc::new(gateway),
        tools.clock.clone(),
        tools.configured_token_keys.clone(),
        tools.settings.clone(),
    )
}

fn fault_every_call(endpoint: Option<Endpoint>, kind: FaultKind) -> Faults {
    let fault = ApiFault {
        endpoint,
        probability: 1.0,
        ..ApiFault::new(kind)
    };
    Faults {
        api: vec![fault],
        ..Faults::default()
    }
}

/// Creates a hold of a separate slot, `hour` hours into a week from now.
async fn create_hold_at(app: &TestApp, hour: usize) -> ApiResponse {
    let slot =
        app.clock_now() + chrono::Duration::days(7) + chrono::Duration::hours(i64::try_from(hour).unwrap());
    app.hold_slot("call", &slot.format("%Y-%m-%dT%H:00:00Z").to_string())
        .await
}

async fn release_as_guest(context: &Context, hold: &ApiResponse) -> Result<ReleaseOutcome, WorkflowError> {
    let id = HoldId::parse(hold.text("id")).unwrap();
    release_hold(context, id, Some(ReleaseRequester::Guest), Actor::Guest).await
}

on_both_engines! {
    async fn unanswered_release_keeps_slot_until_stripe_answers(engine) {
        let app = TestApp::start(engine).await;
        for (hour, kind) in KINDS.into_iter().enumerate() {
            for (paid, endpoint) in [(false, Endpoint::ExpireSession), (true, Endpoint::RetrieveSession)] {
                let hold = create_hold_at(&app, 2 * hour + usize::from(paid)).await;
                if paid {
                    app.pay(&hold, PaymentOutcome::Paid);
                }
                app.simulator.set_faults(fault_every_call(Some(endpoint), kind));
                let (context, started) = (context_with_short_timeouts(&app), Instant::now());
                let answer = release_as_guest(&context, &hold).await;
                assert!(matches!(answer, Err(WorkflowError::Stripe { .. })), "{kind:?}: {answer:?}");
                assert!(started.elapsed() < BOUND, "{kind:?} took {:?}", started.elapsed());
                assert_eq!(app.state_of(&hold).await, "held", "{kind:?}");
                app.simulator.set_faults(Faults::default());
                let answer = release_as_guest(&context, &hold).await;
                assert!(matches!(answer, Ok(ReleaseOutcome::Over(_))), "{kind:?}: {answer:?}");
                let end = if paid { "confirmed" } else { "released/guest" };
                assert_eq!(app.state_of(&hold).await, end, "{kind:?}");
            }
        }
        app.deliver_all().await;
    }
}

/// Makes every call fail with a 500 that says not to retry, so that each call fails without a wait.
fn fail_all_calls() -> Faults {
    let mut faults = fault_every_call(None, FaultKind::ServerError);
    faults.api[0].should_retry = Some(false);
    faults
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_circuit_fails_fast_and_sweep_only_probes() {
    const HOLDS: usize = 60;
    let app = TestApp::start(Engine::Sqlite).await;
    let mut holds = Vec::new();
    for hour in 0..HOLDS {
        holds.push(create_hold_at(&app, hour).await);
    }
    let before = app.simulator.calls().total();
    app.simulator.set_faults(fail_all_calls());
    app.clock.advance(chrono::Duration::minutes(31));
    let report = app.sweep().await;
    assert_eq!(report["failed"], HOLDS, "{report}");
    let calls = app.simulator.calls().total() - before;
    assert!(
        (5..=20).contains(&calls),
        "{HOLDS} holds are due, and Stripe got {calls} calls while it was down"
    );

    let body = order("call", "2026-12-24T10:00:00Z");
    eventually("a guest gets an error without a call to Stripe", async || {
        let before = app.simulator.calls().total();
        let refused = app
            .checkout(&body)
            .await
            .expect_problem(503, "stripe_unavailable");
        let seconds: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=60).contains(&seconds), "{refused:?}");
        (app.simulator.calls().total() == before).then_some(())
    })
    .await;
    let open = "SELECT count(*) FROM checkout_attempts WHERE state = 'running'";
    assert_eq!(
        app.database.count(open).await,
        0,
        "no idempotency key stays in progress"
    );

    app.simulator.set_faults(Faults::default());
    eventually("all are released", async || {
        app.clock.advance(chrono::Duration::minutes(65));
        sweep::sweep_once(&app.context).await.unwrap();
        let left = "SELECT count(*) FROM holds WHERE status = 'held'";
        (app.database.count(left).await == 0).then_some(())
    })
    .await;
}
