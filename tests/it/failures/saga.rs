//! Injects one fault at every step of every workflow (S24): the call repeats, the call fails, or the process stops.
//!
//! A step is a call to the store or to Stripe. The tests count the calls at run time, so they cover a new step without
//! a change here. After each fault, a fresh process on the same database sweeps until no work is left. Then the test
//! case checks its own end state, and the auditor checks all invariants by SQL, without the code under test.

mod attempts;
mod changes;
mod checkouts;
mod checks;
mod commands;
mod early_payments;
mod events;
mod fixture;
mod nothing_to_pay;
mod outages;
mod processing_releases;
mod releases;
mod replacements;
mod worker;

use std::sync::Arc;

use async_trait::async_trait;
use holdfast::domain::ids::HoldId;
use holdfast::workflow::Context;

use crate::support::app::ApiResponse;
use crate::support::database::Engine;
use crate::support::fault_injection::{Fault, Plan};
use fixture::{Offer, SagaFixture};

/// The data that one run of a test case starts with.
#[derive(Debug)]
struct Scenario {
    /// The event type and quantity that the guest books.
    offer: Offer,
    /// The start of a slot that no other scenario uses.
    slot: String,
    /// The holds created for this scenario. The hold under test comes first.
    holds: Vec<ApiResponse>,
    /// The bodies of the Stripe events that the workflow settles.
    events: Vec<String>,
    /// Checkout sessions whose URL no guest received.
    orphan_sessions: Vec<String>,
}

impl Scenario {
    /// Returns the id of the hold under test.
    fn hold_id(&self) -> HoldId {
        HoldId::parse(self.holds[0].text("id")).unwrap()
    }
}

/// One workflow under test: its preparation, its run and its expected result.
#[async_trait]
trait WorkflowCase: Send + Sync + 'static {
    /// Returns the name that the test output shows.
    fn name(&self) -> String;

    /// Prepares the data without faults.
    async fn prepare(&self, fixture: &SagaFixture) -> Scenario;

    /// Builds the context that the workflow runs with. Its store and gateway fail as planned.
    fn context_with_faults(
        &self,
        fixture: &SagaFixture,
        _scenario: &Arc<Scenario>,
        plan: &Arc<Plan>,
    ) -> Arc<Context> {
        fixture.faulty_context(plan)
    }

    /// Runs the workflow of the case. Returns whether its result is the one expected without a fault.
    async fn run_workflow(&self, scenario: &Scenario, context: &Arc<Context>) -> bool;

    /// Returns whether Stripe delivers its events before the first sweep. Otherwise it delivers them only after the
    /// sweeps have done all they can without events.
    fn has_events_before_sweep(&self) -> bool {
        false
    }

    /// Returns whether the workflow processes all due work that it finds. Each run must then be recovered before the
    /// next one starts.
    fn is_exclusive(&self) -> bool {
        false
    }

    /// Does what the guest does next, after the restart.
    async fn retry_as_guest(&self, _fixture: &SagaFixture, _scenario: &Scenario) {}

    /// Checks the final state.
    async fn check_result(&self, fixture: &SagaFixture, scenario: &Scenario);
}

/// A description of one run, and its scenario.
type FaultyRun = (String, Arc<Scenario>);

/// Runs the test case with each of the faults at each of its steps.
async fn inject_at_every_step(fixture: &SagaFixture, case: impl WorkflowCase, faults: &[Fault]) {
    let case = Arc::new(case);
    for fault in faults {
        let (mut runs, mut step) = (Vec::new(), 1);
        loop {
            let (description, scenario, is_injected) = run_with_fault(fixture, &case, *fault, step).await;
            runs.push((description, scenario));
            // A case with fewer steps than `step` runs without a fault, so every step has been tried.
            if !is_injected {
                break;
            }
            if case.is_exclusive() {
                recover_and_check(fixture, &*case, &mut runs).await;
            }
            step += 1;
            assert!(step < 100, "the number of steps has no limit: {:?}", runs.last());
        }
        recover_and_check(fixture, &*case, &mut runs).await;
        let (engine, name, steps) = (fixture.app.database.engine(), case.name(), step - 1);
        assert!(steps > 0);
        eprintln!("{engine:?}: {name}: {fault:?} at each of {steps} steps");
    }
}

/// Runs the test case once with a fault at `step`. Returns a description, the scenario, and whether the fault was
/// injected: `false` if the case has fewer steps.
async fn run_with_fault<S: WorkflowCase>(
    fixture: &SagaFixture,
    case: &Arc<S>,
    fault: Fault,
    step: usize,
) -> (String, Arc<Scenario>, bool) {
    let scenario = Arc::new(case.prepare(fixture).await);
    let plan = Plan::with(fault, step, fixture.proxy_cut());
    let context = case.context_with_faults(fixture, &scenario, &plan);
    let mut process = tokio::spawn({
        let (case, scenario) = (Arc::clone(case), Arc::clone(&scenario));
        async move { case.run_workflow(&scenario, &context).await }
    });
    let is_expected = tokio::select! {
        is_expected = &mut process => is_expected.unwrap(),
        () = plan.stopped() => {
            process.abort();
            false
        }
    };
    fixture.restore_database().await;
    let description = format!("{}: {fault:?} at step {step} of {:?}", case.name(), plan.calls());
    assert!(
        plan.has_triggered() || is_expected,
        "no fault, but an unexpected result: {description}"
    );
    (description, scenario, plan.has_triggered())
}

/// Restarts the process, sweeps until no work is left, and checks the end state of all runs.
async fn recover_and_check(fixture: &SagaFixture, case: &dyn WorkflowCase, runs: &mut Vec<FaultyRun>) {
    fixture.restart_and_sweep(case.has_events_before_sweep()).await;
    for (description, scenario) in &*runs {
        fixture
            .check_with_label(description, case.retry_as_guest(fixture, scenario))
            .await;
    }
    fixture.sweep_until_done(case.has_events_before_sweep()).await;
    for (description, scenario) in &*runs {
        fixture
            .check_with_label(description, case.check_result(fixture, scenario))
            .await;
    }
    let findings = fixture.app.audit();
    assert!(
        findings.is_empty(),
        "after {runs:#?} the auditor finds {findings:#?}"
    );
    runs.clear();
}

const REPEATED: &[Fault] = &[Fault::Repeated];
/// These faults fail one call. In `outages`, the database connections are lost instead.
const FAILED: &[Fault] = &[Fault::FailedBefore, Fault::FailedAfter];
/// `StoppedBefore` is not needed: a stop after one step is a stop before the next one.
const STOPPED: &[Fault] = &[Fault::StoppedAfter];

/// Defines three tests on each engine for these test cases.
macro_rules! fault_at_every_step {
    ($($case:expr),+ $(,)?) => {
        crate::support::on_both_engines! {
            async fn every_step_repeated(engine) {
                let fixture = crate::failures::saga::fixture::SagaFixture::start(engine).await;
                $(crate::failures::saga::inject_at_every_step(&fixture, $case, crate::failures::saga::REPEATED).await;)+
            }

            async fn every_step_failed(engine) {
                let fixture = crate::failures::saga::fixture::SagaFixture::start(engine).await;
                $(crate::failures::saga::inject_at_every_step(&fixture, $case, crate::failures::saga::FAILED).await;)+
            }

            async fn process_death_at_every_step_is_repaired(engine) {
                let fixture = crate::failures::saga::fixture::SagaFixture::start(engine).await;
                $(crate::failures::saga::inject_at_every_step(&fixture, $case, crate::failures::saga::STOPPED).await;)+
            }
        }
    };
}
use fault_at_every_step;

/// Returns the number of a checkout's step, from a checkout without a fault.
async fn find_step(fixture: &SagaFixture, name: &str) -> usize {
    let scenario = checkouts::Won.prepare(fixture).await;
    let plan = Plan::new(Fault::StoppedBefore, usize::MAX);
    let context = fixture.faulty_context(&plan);
    assert!(checkouts::Won.run_workflow(&scenario, &context).await);
    let found = plan.calls().iter().position(|call| *call == name);
    found.unwrap() + 1
}

/// Proves that these tests detect a crash that is not recovered: the auditor reports the session that stays payable.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_sweep_a_crash_is_seen() {
    let fixture = SagaFixture::start(Engine::Sqlite).await;
    let step = find_step(&fixture, "place_hold").await;
    let scenario = checkouts::Won.prepare(&fixture).await;
    let plan = Plan::new(Fault::StoppedBefore, step);
    let context = fixture.faulty_context(&plan);
    let process = tokio::spawn(async move { checkouts::Won.run_workflow(&scenario, &context).await });
    plan.end(process).await;
    assert_eq!(plan.calls().last(), Some(&"place_hold"));
    assert_ne!(fixture.count_unfinished().await, 0);
    fixture
        .app
        .database
        .execute("DELETE FROM checkout_attempts WHERE state = 'running'")
        .await;
    let findings = fixture.app.audit();
    assert!(findings[0].starts_with("a stray payable session"), "{findings:?}");
    fixture
        .app
        .without_audit("the test deletes the attempt on purpose");
}
