//! Every step of every workflow goes wrong once (S24): it is repeated, it fails, the process ends there.
//!
//! The steps are the calls through the seams, to the books and to Stripe, counted as they are made, so that a step that
//! is new is tried without being named. After each, a fresh process on the same books sweeps until nothing is left to
//! do; then the story says how it must have ended, and the auditor, who knows nothing of the code, looks at the rest.

mod attempts;
mod changes;
mod checkouts;
mod commands;
mod events;
mod outages;
mod releases;
mod stage;
mod worker;

use std::sync::Arc;

use async_trait::async_trait;
use holdfast::workflow::Context;

use crate::support::app::Answer;
use crate::support::database::Engine;
use crate::support::fault_injection::{Fault, Plan};
use stage::{Sale, Stage};

/// What a story begins with.
#[derive(Debug)]
struct Scene {
    /// What is sold in it.
    sale: Sale,
    /// The start of a slot that nobody else uses.
    slot: String,
    /// Holds that were made for it, the story's own first.
    holds: Vec<Answer>,
    /// Bodies of the events that Stripe is about to tell.
    events: Vec<String>,
    /// Sessions that nobody was given.
    nobodys: Vec<String>,
}

/// A workflow, from what comes before it to what must be so in the end.
#[async_trait]
trait Story: Send + Sync + 'static {
    /// How it is told on the screen.
    fn name(&self) -> String;

    /// All that comes before, undisturbed.
    async fn prepare(&self, stage: &Stage) -> Scene;

    /// The tools that it runs with.
    fn context(&self, stage: &Stage, _scene: &Arc<Scene>, plan: &Arc<Plan>) -> Arc<Context> {
        stage.disturbed(plan)
    }

    /// The workflow; whether it came out as it does when nothing goes wrong.
    async fn run(&self, scene: &Scene, context: &Arc<Context>) -> bool;

    /// Whether Stripe tells its events before the first sweep, or only when the sweeps have found out all they can.
    fn stripe_tells_first(&self) -> bool {
        false
    }

    /// Whether it takes up whatever it finds, so that each play must be mended before the next.
    fn plays_alone(&self) -> bool {
        false
    }

    /// What the guest does next, once the process is there again.
    async fn go_on(&self, _stage: &Stage, _scene: &Scene) {}

    /// How it must have ended.
    async fn check(&self, stage: &Stage, scene: &Scene);
}

/// What was tried, and on which scene.
type Played = (String, Arc<Scene>);

/// Plays the story with each of these faults at each of its steps.
async fn at_every_step(stage: &Stage, story: impl Story, faults: &[Fault]) {
    let story = Arc::new(story);
    for fault in faults {
        let (mut played, mut step) = (Vec::new(), 1);
        loop {
            let (what, scene, struck) = play(stage, &story, *fault, step).await;
            played.push((what, scene));
            if !struck {
                break;
            }
            if story.plays_alone() {
                mend(stage, &*story, &mut played).await;
            }
            step += 1;
            assert!(step < 100, "does not end: {:?}", played.last());
        }
        mend(stage, &*story, &mut played).await;
        let (engine, name, steps) = (stage.app.database.engine(), story.name(), step - 1);
        assert!(steps > 0);
        eprintln!("{engine:?}: {name}: {fault:?} at each of {steps} steps");
    }
}

/// Plays it once; what was tried, and whether it came to that: `false` where it has fewer steps.
async fn play<S: Story>(
    stage: &Stage,
    story: &Arc<S>,
    fault: Fault,
    step: usize,
) -> (String, Arc<Scene>, bool) {
    let scene = Arc::new(story.prepare(stage).await);
    let plan = Plan::with(fault, step, stage.disturbance());
    let context = story.context(stage, &scene, &plan);
    let mut process = tokio::spawn({
        let (story, scene) = (Arc::clone(story), Arc::clone(&scene));
        async move { story.run(&scene, &context).await }
    });
    let came_out = tokio::select! {
        came_out = &mut process => came_out.unwrap(),
        () = plan.stopped() => {
            process.abort();
            false
        }
    };
    stage.come_back().await;
    let what = format!("{}: {fault:?} at step {step} of {:?}", story.name(), plan.calls());
    assert!(
        plan.has_struck() || came_out,
        "undisturbed, and yet not well: {what}"
    );
    (what, scene, plan.has_struck())
}

/// A fresh process, sweeps until nothing is left to do, and a look at how all this has ended.
async fn mend(stage: &Stage, story: &dyn Story, played: &mut Vec<Played>) {
    stage.restart(story.stripe_tells_first()).await;
    for (what, scene) in &*played {
        stage.telling(what, story.go_on(stage, scene)).await;
    }
    stage.until_quiet(story.stripe_tells_first()).await;
    for (what, scene) in &*played {
        stage.telling(what, story.check(stage, scene)).await;
    }
    let findings = stage.app.audit();
    assert!(
        findings.is_empty(),
        "after {played:#?} the auditor finds {findings:#?}"
    );
    played.clear();
}

const REPEATED: &[Fault] = &[Fault::Repeated];
/// Where it and every later step fails is in `outages`.
const FAILED: &[Fault] = &[Fault::FailedBefore, Fault::FailedAfter];
/// After a step is before the next one.
const STOPPED: &[Fault] = &[Fault::StoppedAfter];

/// Three tests on each engine for these stories.
macro_rules! every_step_goes_wrong {
    ($($story:expr),+ $(,)?) => {
        crate::support::on_both_engines! {
            async fn every_step_repeated(engine) {
                let stage = crate::failures::saga::stage::Stage::set(engine).await;
                $(crate::failures::saga::at_every_step(&stage, $story, crate::failures::saga::REPEATED).await;)+
            }

            async fn every_step_failed(engine) {
                let stage = crate::failures::saga::stage::Stage::set(engine).await;
                $(crate::failures::saga::at_every_step(&stage, $story, crate::failures::saga::FAILED).await;)+
            }

            async fn s24_stopped_at_every_step(engine) {
                let stage = crate::failures::saga::stage::Stage::set(engine).await;
                $(crate::failures::saga::at_every_step(&stage, $story, crate::failures::saga::STOPPED).await;)+
            }
        }
    };
}
use every_step_goes_wrong;

/// The control: were the crash that a checkout leaves behind not mended, this would see it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_sweep_a_crash_is_seen() {
    let stage = Stage::set(Engine::Sqlite).await;
    let scene = checkouts::Won.prepare(&stage).await;
    let plan = Plan::new(Fault::StoppedBefore, 8);
    let context = stage.disturbed(&plan);
    let process = tokio::spawn(async move { checkouts::Won.run(&scene, &context).await });
    plan.end(process).await;
    assert_eq!(plan.calls().last(), Some(&"place_hold"));
    assert_ne!(stage.unfinished().await, 0);
    stage.app.database.execute("DELETE FROM checkout_attempts").await;
    let findings = stage.app.audit();
    assert!(findings[0].starts_with("a stray payable session"), "{findings:?}");
    stage.app.without_audit("the attempt is taken away on purpose");
}
