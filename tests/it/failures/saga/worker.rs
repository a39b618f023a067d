//! Tests the outbox worker (I7): new commands wake it, it takes over commands of stopped workers, it backs off without
//! giving up, and only one worker at a time executes a command.

use chrono::Duration;
use holdfast::config::{self, ConfigScope};
use holdfast::doctor::{self, Verdict};
use holdfast::domain::command::Command;
use holdfast::domain::listing::{CommandFilter, PageRequest};
use holdfast::sandbox::{ApiFault, Endpoint, FaultKind, Faults};
use holdfast::workflow::{outbox, queries, sweep};
use reqwest::Method;
use tokio_util::sync::CancellationToken;

use super::WorkflowCase;
use super::commands::enqueue_expire;
use super::events::{StripeEvent, refunded_amount};
use super::fixture::SagaFixture;
use crate::support::database::Engine;
use crate::support::fault_injection::{Fault, Plan};
use crate::support::on_both_engines;
use crate::support::wait_for::eventually;

const PENDING: &str = "SELECT count(*) FROM commands WHERE done_at IS NULL";

/// Lists the commands that are not done yet.
async fn list_pending_commands(fixture: &SagaFixture) -> Vec<Command> {
    let page = PageRequest {
        limit: 200,
        cursor: None,
    };
    let page = queries::list_commands(&fixture.app.context, CommandFilter::Pending, &page).await;
    page.unwrap().entries
}

on_both_engines! {
    async fn a_command_that_is_written_wakes_the_worker(engine) {
        let fixture = SagaFixture::start(engine).await;
        let (context, stop) = (fixture.fresh_context(), CancellationToken::new());
        let worker = tokio::spawn(outbox::run_worker(context.clone(), stop.clone()));
        // A worker that only polls, every 5 s, needs at least 25 s for six commands in a row.
        let started = std::time::Instant::now();
        for _ in 0..6 {
            let scenario = StripeEvent::LateSlotTaken.prepare(&fixture).await;
            assert!(StripeEvent::LateSlotTaken.run_workflow(&scenario, &context).await);
            eventually("the payment is refunded", async || {
                (refunded_amount(&fixture, &scenario.holds[0]) == 5000).then_some(())
            })
            .await;
        }
        assert!(started.elapsed() < std::time::Duration::from_secs(20), "{:?}", started.elapsed());
        stop.cancel();
        worker.await.unwrap();
    }

    async fn command_of_dead_worker_is_taken_over_after_its_lease(engine) {
        let fixture = SagaFixture::start(engine).await;
        let scenario = enqueue_expire(&fixture, false).await;
        let plan = Plan::new(Fault::StoppedBefore, 2);
        let stopping = fixture.faulty_context(&plan);
        let worker = tokio::spawn(async move { outbox::run_due_commands(&stopping).await });
        plan.end(worker).await;
        assert_eq!(plan.calls(), ["lease_commands", "expire_session"]);
        let other = fixture.fresh_context();
        assert_eq!(outbox::run_due_commands(&other).await.unwrap(), outbox::OutboxReport::default(), "still leased");
        fixture.app.database.expire_all_leases().await;
        assert_eq!(outbox::run_due_commands(&other).await.unwrap().done, 1);
        let session = fixture.app.simulator.session(scenario.holds[0].text("checkout_session")).unwrap();
        assert_eq!(session.status, "expired");
        assert_eq!(fixture.app.simulator.calls().expire, 1);
    }

    /// Commands do not depend on what holds have not taken notice of.
    async fn sweep_that_cannot_list_money_carries_out_commands(engine) {
        let fixture = SagaFixture::start(engine).await;
        let without_fault = Plan::new(Fault::FailedBefore, usize::MAX);
        let step = async |plan: &std::sync::Arc<Plan>| {
            sweep::sweep_once(&fixture.faulty_context(plan)).await.unwrap();
            plan.calls().iter().position(|call| *call == "list_unnoted_money").unwrap() + 1
        };
        let number = step(&without_fault).await;
        enqueue_expire(&fixture, false).await;
        assert_eq!(fixture.app.database.count(PENDING).await, 1);
        assert_eq!(step(&Plan::new(Fault::FailedBefore, number)).await, number);
        assert_eq!(fixture.app.database.count(PENDING).await, 0);
    }

    async fn backoff_grows_to_an_hour_and_stuck_command_is_retried(engine) {
        let fixture = SagaFixture::start(engine).await;
        enqueue_expire(&fixture, false).await;
        let rate_limit =
            ApiFault { probability: 1.0, should_retry: Some(false), ..ApiFault::new(FaultKind::RateLimited) };
        fixture.app.simulator.set_faults(Faults { api: vec![rate_limit], ..Faults::default() });
        let context = fixture.fresh_context();
        for tries in 1..=14 {
            assert_eq!(outbox::run_due_commands(&context).await.unwrap().failed, 1, "try {tries}");
            let command = list_pending_commands(&fixture).await.remove(0);
            assert_eq!((command.tries, command.is_stuck()), (tries, tries >= 10));
            // The second half of each pause is random, so that failed commands do not retry together.
            let (pause, longest) = (command.due_at - context.now(), (2_000 << (tries - 1)).min(3_600_000_i64));
            let bounds = longest / 2..=longest;
            assert!(bounds.contains(&pause.num_milliseconds()), "{pause} after try {tries}");
            fixture.app.clock.advance(pause - Duration::milliseconds(1));
            assert_eq!(outbox::run_due_commands(&context).await.unwrap(), outbox::OutboxReport::default(), "too early");
            fixture.app.clock.advance(Duration::milliseconds(2));
        }
        assert_eq!(fixture.app.simulator.calls().expire, 14, "one request per try, as `should_retry` is false");
        let stuck = fixture.app.admin(Method::GET, "/v1/admin/commands?state=stuck", None).await.expect(200);
        assert_eq!(stuck.body["data"][0]["tries"], 14, "{stuck:?}");
        assert_eq!(queries::count_figures(&context).await.unwrap().commands_stuck, 1);
        assert_doctor_verdict(&fixture, Verdict::Fault).await;
        fixture.app.simulator.set_faults(Faults::default());
        assert_eq!(outbox::run_due_commands(&context).await.unwrap().done, 1);
        assert_doctor_verdict(&fixture, Verdict::Ok).await;
    }

    async fn many_workers_carry_out_each_command_once(engine) {
        let fixture = SagaFixture::start(engine).await;
        const COMMANDS: u64 = 20;
        for _ in 0..COMMANDS {
            enqueue_expire(&fixture, false).await;
        }
        fixture.app.simulator.set_faults(Faults { latency_ms: 150, ..Faults::default() });
        let instances = [fixture.fresh_context(), fixture.fresh_context(), fixture.fresh_context()];
        let workers = (0..9).map(|n| outbox::run_due_commands(&instances[n % 3]));
        let reports = futures::future::join_all(workers).await;
        let done: u64 = reports.iter().map(|report| report.as_ref().unwrap().done).sum();
        let calls = fixture.app.simulator.calls();
        assert_eq!((done, calls.expire, calls.retrieve), (COMMANDS, COMMANDS, 0), "{reports:?}");
        assert_eq!(fixture.app.database.count(PENDING).await, 0);
    }

    async fn late_answered_refund_is_repeated_with_its_key(engine) {
        let fixture = SagaFixture::start(engine).await;
        let scenario = StripeEvent::LateSlotTaken.prepare(&fixture).await;
        assert!(StripeEvent::LateSlotTaken.run_workflow(&scenario, &fixture.fresh_context()).await);
        let lost_answer = ApiFault {
            endpoint: Some(Endpoint::CreateRefund),
            probability: 1.0,
            ..ApiFault::new(FaultKind::LostAnswer)
        };
        fixture.app.simulator.set_faults(Faults { api: vec![lost_answer], ..Faults::default() });
        let context = fixture.fresh_context();
        assert_eq!(outbox::run_due_commands(&context).await.unwrap().failed, 1, "a lost answer counts as a failed try");
        assert_eq!(refunded_amount(&fixture, &scenario.holds[0]), 5000);
        fixture.app.simulator.set_faults(Faults::default());
        fixture.app.clock.advance(Duration::seconds(3));
        assert_eq!(outbox::run_due_commands(&context).await.unwrap().done, 1);
        assert_eq!(refunded_amount(&fixture, &scenario.holds[0]), 5000);
    }
}

/// Checks the verdict of `doctor` on stuck commands.
async fn assert_doctor_verdict(fixture: &SagaFixture, verdict: Verdict) {
    let variable = |name: &str| {
        let value = match name {
            "DATABASE_URL" => fixture.app.database.url(),
            "STRIPE_SECRET_KEY" => "sk_test_holdfast",
            "STRIPE_WEBHOOK_SECRET" => "whsec_tests",
            "STRIPE_API_BASE" => fixture.app.stripe_url(),
            _ => return None,
        };
        Some(value.to_owned())
    };
    let config = config::load_config(variable, ConfigScope::Stripe).unwrap();
    let checks = doctor::examine(
        &config,
        config.stripe.as_ref().unwrap(),
        fixture.app.clock.clone(),
    )
    .await;
    let stuck = checks
        .iter()
        .find(|check| check.check == "stuck commands")
        .unwrap();
    assert_eq!(stuck.verdict, verdict, "{stuck:?}");
}

/// A command of another instance wakes nobody: the worker finds it by polling.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_instances_command_is_found() {
    let fixture = SagaFixture::start(Engine::Postgres).await;
    let stop = CancellationToken::new();
    let worker = tokio::spawn(outbox::run_worker(fixture.fresh_context(), stop.clone()));
    enqueue_expire(&fixture, false).await;
    eventually("the command is done", async || {
        (fixture.app.database.count(PENDING).await == 0).then_some(())
    })
    .await;
    stop.cancel();
    worker.await.unwrap();
}
