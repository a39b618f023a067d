//! The outbox worker (I7): it is woken, it takes over from the dead, it pauses longer and longer and never gives up, and
//! however many there are, each command is carried out by one at a time.

use chrono::Duration;
use holdfast::config::{self, ConfigScope};
use holdfast::doctor::{self, Verdict};
use holdfast::domain::command::Command;
use holdfast::domain::listing::{CommandFilter, PageRequest};
use holdfast::sandbox::{ApiFault, Endpoint, FaultKind, Faults};
use holdfast::workflow::{outbox, queries};
use reqwest::Method;
use tokio_util::sync::CancellationToken;

use super::Story;
use super::commands::lost;
use super::events::{News, given_back};
use super::stage::Stage;
use crate::support::database::Engine;
use crate::support::faulty::{Fault, Plan};
use crate::support::on_both_engines;
use crate::support::wait::eventually;

const PENDING: &str = "SELECT count(*) FROM commands WHERE done_at IS NULL";

/// The commands that Stripe has not answered yet.
async fn pending(stage: &Stage) -> Vec<Command> {
    let page = PageRequest {
        limit: 200,
        cursor: None,
    };
    let pending = queries::list_commands(&stage.app.context, CommandFilter::Pending, &page).await;
    pending.unwrap().entries
}

on_both_engines! {
    async fn a_command_that_is_written_wakes_the_worker(engine) {
        let stage = Stage::set(engine).await;
        let (context, stop) = (stage.fresh(), CancellationToken::new());
        let worker = tokio::spawn(outbox::run_worker(context.clone(), stop.clone()));
        // A worker that only looked now and then, each 5 s, would need at least 25 s for six in a row.
        let begun = std::time::Instant::now();
        for _ in 0..6 {
            let scene = News::LateAndTaken.prepare(&stage).await;
            assert!(News::LateAndTaken.run(&scene, &context).await);
            eventually("the money is back", async || (given_back(&stage, &scene.holds[0]) == 5000).then_some(())).await;
        }
        assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
        stop.cancel();
        worker.await.unwrap();
    }

    async fn a_dead_workers_command_is_taken_over_when_its_lease_is_out(engine) {
        let stage = Stage::set(engine).await;
        let scene = lost(&stage, false).await;
        let plan = Plan::new(Fault::StoppedBefore, 2);
        let dying = stage.disturbed(&plan);
        let worker = tokio::spawn(async move { outbox::run_due_commands(&dying).await });
        plan.end(worker).await;
        assert_eq!(plan.calls(), ["lease_commands", "expire_session"]);
        let other = stage.fresh();
        assert_eq!(outbox::run_due_commands(&other).await.unwrap(), outbox::OutboxReport::default(), "it is leased");
        stage.app.database.end_leases().await;
        assert_eq!(outbox::run_due_commands(&other).await.unwrap().done, 1);
        let session = stage.app.simulator.session(scene.holds[0].text("checkout_session")).unwrap();
        assert_eq!(session.status, "expired");
        assert_eq!(stage.app.simulator.calls().expire, 1);
    }

    async fn pauses_grow_to_an_hour_and_a_stuck_command_is_shown_and_still_tried(engine) {
        let stage = Stage::set(engine).await;
        lost(&stage, false).await;
        let refusal = ApiFault { probability: 1.0, should_retry: Some(false), ..ApiFault::of(FaultKind::RateLimited) };
        stage.app.simulator.set_faults(Faults { api: vec![refusal], ..Faults::default() });
        let context = stage.fresh();
        for tries in 1..=14 {
            assert_eq!(outbox::run_due_commands(&context).await.unwrap().failed, 1, "try {tries}");
            let command = pending(&stage).await.remove(0);
            assert_eq!((command.tries, command.is_stuck()), (tries, tries >= 10));
            let (pause, whole) = (command.due_at - context.now(), (2_000 << (tries - 1)).min(3_600_000_i64));
            let bounds = whole / 2..=whole;
            assert!(bounds.contains(&pause.num_milliseconds()), "{pause} after try {tries}");
            stage.app.clock.advance(pause - Duration::milliseconds(1));
            assert_eq!(outbox::run_due_commands(&context).await.unwrap(), outbox::OutboxReport::default(), "too early");
            stage.app.clock.advance(Duration::milliseconds(2));
        }
        assert_eq!(stage.app.simulator.calls().expire, 14, "one request a try: Stripe said not to repeat it");
        let stuck = stage.app.admin(Method::GET, "/v1/admin/commands?state=stuck", None).await.expect(200);
        assert_eq!(stuck.body["data"][0]["tries"], 14, "{stuck:?}");
        assert_eq!(queries::count_figures(&context).await.unwrap().commands_stuck, 1);
        doctor_says(&stage, Verdict::Fault).await;
        stage.app.simulator.set_faults(Faults::default());
        assert_eq!(outbox::run_due_commands(&context).await.unwrap().done, 1);
        doctor_says(&stage, Verdict::Ok).await;
    }

    async fn many_workers_carry_out_each_command_once(engine) {
        let stage = Stage::set(engine).await;
        const COMMANDS: u64 = 20;
        for _ in 0..COMMANDS {
            lost(&stage, false).await;
        }
        stage.app.simulator.set_faults(Faults { latency_ms: 150, ..Faults::default() });
        let instances = [stage.fresh(), stage.fresh(), stage.fresh()];
        let workers = (0..9).map(|n| outbox::run_due_commands(&instances[n % 3]));
        let reports = futures::future::join_all(workers).await;
        let done: u64 = reports.iter().map(|report| report.as_ref().unwrap().done).sum();
        let calls = stage.app.simulator.calls();
        assert_eq!((done, calls.expire, calls.retrieve), (COMMANDS, COMMANDS, 0), "{reports:?}");
        assert_eq!(stage.app.database.count(PENDING).await, 0);
    }

    async fn a_refund_that_was_answered_too_late_is_repeated_with_its_key(engine) {
        let stage = Stage::set(engine).await;
        let scene = News::LateAndTaken.prepare(&stage).await;
        assert!(News::LateAndTaken.run(&scene, &stage.fresh()).await);
        let lost = ApiFault { probability: 1.0, ..ApiFault::of(FaultKind::LostAnswer) };
        stage.app.simulator.set_faults(Faults { api: vec![ApiFault { endpoint: Some(Endpoint::CreateRefund), ..lost }], ..Faults::default() });
        let context = stage.fresh();
        assert_eq!(outbox::run_due_commands(&context).await.unwrap().failed, 1, "neither success nor failure");
        assert_eq!(given_back(&stage, &scene.holds[0]), 5000);
        stage.app.simulator.set_faults(Faults::default());
        stage.app.clock.advance(Duration::seconds(3));
        assert_eq!(outbox::run_due_commands(&context).await.unwrap().done, 1);
        assert_eq!(given_back(&stage, &scene.holds[0]), 5000);
    }
}

/// What `doctor` makes of stuck commands.
async fn doctor_says(stage: &Stage, verdict: Verdict) {
    let variable = |name: &str| {
        let value = match name {
            "DATABASE_URL" => stage.app.database.url(),
            "STRIPE_SECRET_KEY" => "sk_test_holdfast",
            "STRIPE_WEBHOOK_SECRET" => "whsec_tests",
            "STRIPE_API_BASE" => stage.app.stripe_url(),
            _ => return None,
        };
        Some(value.to_owned())
    };
    let config = config::read(variable, ConfigScope::Stripe).unwrap();
    let checks = doctor::examine(&config, config.stripe.as_ref().unwrap(), stage.app.clock.clone()).await;
    let stuck = checks
        .iter()
        .find(|check| check.check == "stuck commands")
        .unwrap();
    assert_eq!(stuck.verdict, verdict, "{stuck:?}");
}

/// A command that another instance has written is found without being told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_instances_command_is_found() {
    let stage = Stage::set(Engine::Postgres).await;
    let stop = CancellationToken::new();
    let worker = tokio::spawn(outbox::run_worker(stage.fresh(), stop.clone()));
    lost(&stage, false).await;
    eventually("it is done", async || {
        (stage.app.database.count(PENDING).await == 0).then_some(())
    })
    .await;
    stop.cancel();
    worker.await.unwrap();
}
