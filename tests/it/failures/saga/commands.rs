//! Executes commands: expires a session, and refunds a payment with or without a hold.

use std::sync::Arc;

use async_trait::async_trait;
use holdfast::sandbox::PaymentOutcome;
use holdfast::workflow::{Context, outbox};

use super::changes::{CancelCase, prepare_confirmed_hold};
use super::events::{StripeEvent, refunded_amount};
use super::fixture::SagaFixture;
use super::{Scenario, WorkflowCase, fault_at_every_step};

fault_at_every_step!(
    Enqueued(CommandCase::Expire),
    Enqueued(CommandCase::ExpirePaid),
    Enqueued(CommandCase::Refund(StripeEvent::LateSlotTaken)),
    Enqueued(CommandCase::Refund(StripeEvent::NoHold)),
    Enqueued(CommandCase::RefundPart),
);

/// The command to execute.
#[derive(Clone, Copy, Debug)]
pub(super) enum CommandCase {
    /// Expires a session that no guest received.
    Expire,
    /// Expires a session that is already paid.
    ExpirePaid,
    /// Refunds the payment that this Stripe event reported.
    Refund(StripeEvent),
    /// Refunds a part of a payment that an operator keeps otherwise.
    RefundPart,
}

/// A command that is in the outbox.
pub(super) struct Enqueued(pub(super) CommandCase);

#[async_trait]
impl WorkflowCase for Enqueued {
    fn name(&self) -> String {
        format!("command: {:?}", self.0)
    }

    async fn prepare(&self, fixture: &SagaFixture) -> Scenario {
        let scenario = match self.0 {
            CommandCase::Refund(event) => {
                let scenario = event.prepare(fixture).await;
                assert!(event.run_workflow(&scenario, &fixture.fresh_context()).await);
                scenario
            }
            CommandCase::RefundPart => {
                let scenario = prepare_confirmed_hold(fixture).await;
                let case = CancelCase::PartialRefund;
                assert!(case.run_workflow(&scenario, &fixture.fresh_context()).await);
                scenario
            }
            CommandCase::Expire | CommandCase::ExpirePaid => {
                enqueue_expire(fixture, matches!(self.0, CommandCase::ExpirePaid)).await
            }
        };
        assert_eq!(fixture.count_rows("commands WHERE done_at IS NULL").await, 1);
        scenario
    }

    async fn run_workflow(&self, _scenario: &Scenario, context: &Arc<Context>) -> bool {
        let report = outbox::run_due_commands(context).await;
        report.is_ok_and(|report| report.done >= 1 && report.failed == 0)
    }

    fn has_events_before_sweep(&self) -> bool {
        matches!(self.0, CommandCase::Refund(_) | CommandCase::RefundPart)
    }

    fn is_exclusive(&self) -> bool {
        true
    }

    async fn check_result(&self, fixture: &SagaFixture, scenario: &Scenario) {
        match self.0 {
            CommandCase::Refund(event) => event.check_result(fixture, scenario).await,
            CommandCase::RefundPart => {
                CancelCase::PartialRefund.check_result(fixture, scenario).await;
                let hold = scenario.holds[0].text("id");
                let booked =
                    format!("payments WHERE hold_id = '{hold}' AND refunded = 2000 AND state = 'kept'");
                assert_eq!(fixture.count_rows(&booked).await, 1, "counted once");
            }
            CommandCase::Expire => assert_eq!(refunded_amount(fixture, &scenario.holds[0]), 0),
            CommandCase::ExpirePaid => assert_eq!(refunded_amount(fixture, &scenario.holds[0]), 5000),
        }
    }
}

/// Creates a session whose hold was never placed, and enqueues the command that expires it.
pub(super) async fn enqueue_expire(fixture: &SagaFixture, paid: bool) -> Scenario {
    let mut scenario = fixture.new_scenario();
    let hold = fixture.create_hold(&scenario.slot).await;
    let (id, session) = (hold.text("id"), hold.text("checkout_session"));
    for (table, column) in [
        ("occupancy", "hold_id"),
        ("hold_history", "hold_id"),
        ("holds", "id"),
    ] {
        let statement = format!("DELETE FROM {table} WHERE {column} = '{id}'");
        assert_ne!(fixture.app.database.execute(&statement).await, 0, "{table}");
    }
    // The attempt looks as if it lost its slot after Stripe created the session.
    let mark_lost = format!("UPDATE checkout_attempts SET state = 'lost' WHERE hold_id = '{id}'");
    assert_eq!(fixture.app.database.execute(&mark_lost).await, 1);
    if paid {
        fixture.app.pay(&hold, PaymentOutcome::Paid);
    }
    // The command must find out the payment without an event.
    for event in fixture.app.simulator.pending_events() {
        fixture.app.simulator.drop_event(&event.id);
    }
    let hold_id = holdfast::domain::ids::HoldId::parse(id).unwrap();
    let session = holdfast::domain::ids::SessionId::new(session);
    let store = &fixture.app.context.store;
    store
        .abandon_attempt(hold_id, &session, fixture.app.clock_now())
        .await
        .unwrap();
    scenario.holds.push(hold);
    scenario
}
