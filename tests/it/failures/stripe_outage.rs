//! Stripe gives trouble at each of its endpoints (S22): waiting is bounded, nothing is taken for done or for refused that
//! may be neither, and while Stripe is down nobody waits for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use holdfast::domain::booking::Actor;
use holdfast::domain::hold::ReleaseRequester;
use holdfast::domain::ids::HoldId;
use holdfast::gateway::client::{StripeConfig, StripeGateway};
use holdfast::sandbox::{ApiFault, Endpoint, FaultKind, Faults, Outcome};
use holdfast::workflow::release_hold::{ReleaseOutcome as Released, release_hold};
use holdfast::workflow::{Context, WorkflowError, sweep};

use crate::support::app::{Answer, TestApp, order};
use crate::support::database::Engine;
use crate::support::on_both_engines;
use crate::support::wait::eventually;

const KINDS: [FaultKind; 7] = [
    FaultKind::RateLimited,
    FaultKind::LockTimeout,
    FaultKind::ServerErrorKept,
    FaultKind::BadGateway,
    FaultKind::Cut,
    FaultKind::LostAnswer,
    FaultKind::Hang,
];
/// What the impatient one may take for a call, and room for a busy machine.
const BOUND: Duration = Duration::from_secs(8);

/// The service's tools, with a Stripe that is not waited for long.
fn impatient(app: &TestApp) -> Arc<Context> {
    let mut config = StripeConfig::new("sk_test_holdfast".into(), app.stripe_url().parse().unwrap());
    config.attempt_timeout = Duration::from_millis(300);
    config.budget = Duration::from_millis(600);
    config.limits = None;
    let (tools, gateway) = (&app.context, StripeGateway::new(&config).unwrap());
    Context::new(
        tools.store.clone(),
        Arc::new(gateway),
        tools.clock.clone(),
        tools.tokens.clone(),
        tools.settings.clone(),
    )
}

fn always(endpoint: Option<Endpoint>, kind: FaultKind) -> Faults {
    let fault = ApiFault {
        endpoint,
        probability: 1.0,
        ..ApiFault::of(kind)
    };
    Faults {
        api: vec![fault],
        ..Faults::default()
    }
}

/// A hold at a slot of its own.
async fn hold_at(app: &TestApp, hour: usize) -> Answer {
    let slot =
        app.clock_now() + chrono::Duration::days(7) + chrono::Duration::hours(i64::try_from(hour).unwrap());
    app.hold_slot("call", &slot.format("%Y-%m-%dT%H:00:00Z").to_string())
        .await
}

async fn give_back(context: &Context, hold: &Answer) -> Result<Released, WorkflowError> {
    let id = HoldId::parse(hold.text("id")).unwrap();
    release_hold(context, id, Some(ReleaseRequester::Guest), Actor::Guest).await
}

on_both_engines! {
    async fn s22_a_cancel_without_an_answer_keeps_the_slot_and_comes_out_right_later(engine) {
        let app = TestApp::start(engine).await;
        for (hour, kind) in KINDS.into_iter().enumerate() {
            for (paid, endpoint) in [(false, Endpoint::ExpireSession), (true, Endpoint::RetrieveSession)] {
                let hold = hold_at(&app, 2 * hour + usize::from(paid)).await;
                if paid {
                    app.pay(&hold, Outcome::Paid);
                }
                app.simulator.set_faults(always(Some(endpoint), kind));
                let (context, begun) = (impatient(&app), Instant::now());
                let answer = give_back(&context, &hold).await;
                assert!(matches!(answer, Err(WorkflowError::Stripe { .. })), "{kind:?}: {answer:?}");
                assert!(begun.elapsed() < BOUND, "{kind:?} took {:?}", begun.elapsed());
                assert_eq!(app.state_of(&hold).await, "held", "{kind:?}");
                app.simulator.set_faults(Faults::default());
                let answer = give_back(&context, &hold).await;
                assert!(matches!(answer, Ok(Released::Over(_))), "{kind:?}: {answer:?}");
                let end = if paid { "confirmed" } else { "released/guest" };
                assert_eq!(app.state_of(&hold).await, end, "{kind:?}");
            }
        }
        app.deliver_all().await;
    }
}

/// A 500 that says not to be repeated: it counts as no answer at once.
fn down() -> Faults {
    let mut faults = always(None, FaultKind::ServerError);
    faults.api[0].should_retry = Some(false);
    faults
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s22_while_stripe_is_down_guests_are_told_at_once_and_the_sweep_only_probes() {
    const HOLDS: usize = 60;
    let app = TestApp::start(Engine::Sqlite).await;
    let mut holds = Vec::new();
    for hour in 0..HOLDS {
        holds.push(hold_at(&app, hour).await);
    }
    let before = app.simulator.calls().total();
    app.simulator.set_faults(down());
    app.clock.advance(chrono::Duration::minutes(31));
    let report = app.sweep().await;
    assert_eq!(report["failed"], HOLDS, "{report}");
    let asked = app.simulator.calls().total() - before;
    assert!(
        (5..=20).contains(&asked),
        "{HOLDS} holds are due, and a Stripe that is down was asked {asked} times"
    );

    let body = order("call", "2026-12-24T10:00:00Z");
    eventually("a guest is told without a call", async || {
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
    assert_eq!(app.database.count(open).await, 0, "nobody's key is kept busy");

    app.simulator.set_faults(Faults::default());
    eventually("all are released", async || {
        app.clock.advance(chrono::Duration::minutes(65));
        sweep::sweep_once(&app.context).await.unwrap();
        let left = "SELECT count(*) FROM holds WHERE status = 'held'";
        (app.database.count(left).await == 0).then_some(())
    })
    .await;
}
