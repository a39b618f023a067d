//! Cancels and moves confirmed holds, and returns their money.

use std::sync::Arc;

use async_trait::async_trait;
use holdfast::domain::booking::Actor;
use holdfast::domain::hold::{Refund, ReturnWay};
use holdfast::workflow::Context;
use holdfast::workflow::cancel_hold::{self, CancelOutcome};
use holdfast::workflow::extend_hold::extend_hold;
use holdfast::workflow::move_hold::{self, MoveRequest};
use holdfast::workflow::return_money::{ReturnRequest, return_money_in_task};
use serde_json::Value;

use super::events::refunded_amount;
use super::fixture::SagaFixture;
use super::{Scenario, WorkflowCase, fault_at_every_step};
use crate::support::booking_actions::after;

fault_at_every_step!(
    CancelCase::FullRefund,
    CancelCase::PartialRefund,
    CancelCase::ByGuest,
    ReturnCase,
    MoveCase::FreeSlot,
    MoveCase::OverlappingSlot,
    ExtendCase
);

/// Creates a scenario with one confirmed hold.
pub(super) async fn prepare_confirmed_hold(fixture: &SagaFixture) -> Scenario {
    let mut scenario = fixture.new_scenario();
    let hold = fixture.create_hold(&scenario.slot).await;
    fixture.app.confirm(&hold).await;
    scenario.holds.push(hold);
    scenario
}

/// Who cancels the hold, and how much is refunded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CancelCase {
    /// The operator cancels and refunds everything.
    FullRefund,
    /// The operator cancels and keeps a part.
    PartialRefund,
    /// The guest cancels the hold.
    ByGuest,
}

#[async_trait]
impl WorkflowCase for CancelCase {
    fn name(&self) -> String {
        format!("cancelled: {self:?}")
    }

    async fn prepare(&self, fixture: &SagaFixture) -> Scenario {
        prepare_confirmed_hold(fixture).await
    }

    async fn run_workflow(&self, scenario: &Scenario, context: &Arc<Context>) -> bool {
        let id = scenario.hold_id();
        let result = match self {
            Self::FullRefund => {
                cancel_hold::cancel_by_operator(context, id, Refund::Full, None, Actor::Operator(None)).await
            }
            Self::PartialRefund => {
                cancel_hold::cancel_by_operator(context, id, Refund::Part(2000), None, Actor::Operator(None))
                    .await
            }
            Self::ByGuest => cancel_hold::cancel_by_guest(context, id, None).await,
        };
        matches!(result, Ok(CancelOutcome::Over(_)))
    }

    async fn check_result(&self, fixture: &SagaFixture, scenario: &Scenario) {
        let hold = &scenario.holds[0];
        let (reason, refund) = match self {
            Self::FullRefund => ("cancelled/operator", 5000),
            Self::PartialRefund => ("cancelled/operator", 2000),
            Self::ByGuest => ("cancelled/guest", 5000),
        };
        // A cancellation is one transaction. If it did not commit, the caller got an error and the hold is unchanged.
        // If it did, the refund follows.
        let state = fixture.app.state_of(hold).await;
        let expected = if state == "confirmed" { 0 } else { refund };
        assert!(state == "confirmed" || state == reason, "{state}");
        assert_eq!(refunded_amount(fixture, hold), expected);
    }
}

/// An operator returns a part of the money, and the booking stays.
pub(super) struct ReturnCase;

#[async_trait]
impl WorkflowCase for ReturnCase {
    fn name(&self) -> String {
        "money returned".to_owned()
    }

    async fn prepare(&self, fixture: &SagaFixture) -> Scenario {
        prepare_confirmed_hold(fixture).await
    }

    async fn run_workflow(&self, scenario: &Scenario, context: &Arc<Context>) -> bool {
        let request = ReturnRequest {
            hold: scenario.hold_id(),
            amount: 2000,
            way: ReturnWay::Refund,
            note: "the heating failed".to_owned(),
            actor: Actor::Operator(None),
            key: None,
            fingerprint: String::new(),
            seen: None,
        };
        return_money_in_task(context, request).await.is_ok()
    }

    async fn check_result(&self, fixture: &SagaFixture, scenario: &Scenario) {
        let hold = &scenario.holds[0];
        let shown = fixture.app.admin_hold(hold.text("id")).await;
        assert_eq!(shown["status"], "confirmed");
        let history = shown["history"].as_array().unwrap();
        let is_order = |line: &&Value| line["transition"] == "refund_ordered";
        let orders = history.iter().filter(is_order).count();
        assert!(orders <= 1, "{history:?}");
        let expected = if orders == 1 { 2000 } else { 0 };
        assert_eq!(refunded_amount(fixture, hold), expected);
    }
}

/// The target of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MoveCase {
    /// A free slot elsewhere.
    FreeSlot,
    /// A slot that overlaps only the hold's own old windows.
    OverlappingSlot,
}

#[async_trait]
impl WorkflowCase for MoveCase {
    fn name(&self) -> String {
        format!("moved: {self:?}")
    }

    async fn prepare(&self, fixture: &SagaFixture) -> Scenario {
        let scenario = prepare_confirmed_hold(fixture).await;
        let slot = match self {
            Self::FreeSlot => fixture.new_scenario().slot,
            Self::OverlappingSlot => after(&scenario.slot, 20),
        };
        Scenario { slot, ..scenario }
    }

    async fn run_workflow(&self, scenario: &Scenario, context: &Arc<Context>) -> bool {
        let request = MoveRequest {
            hold: scenario.hold_id(),
            starts_at: scenario.slot.parse().unwrap(),
            resource: None,
            actor: Actor::Operator(None),
            seen: None,
        };
        move_hold::move_hold(context, request).await.is_ok()
    }

    async fn check_result(&self, fixture: &SagaFixture, scenario: &Scenario) {
        let hold = &scenario.holds[0];
        let shown = fixture.app.hold(hold.text("id")).await;
        assert_eq!(shown["status"], "confirmed");
        let (origin, target) = (hold.text("starts_at"), scenario.slot.as_str());
        let (free, occupied) = match shown["starts_at"].as_str().unwrap() {
            at if at == target => (origin, target),
            at => {
                assert_eq!(at, origin);
                (target, origin)
            }
        };
        let busy = fixture.app.checkout(&fixture.checkout_body(occupied)).await;
        busy.expect_problem(409, "slot_taken");
        let next = fixture.app.checkout(&fixture.checkout_body(free)).await;
        match self {
            // The next run needs no hold here, so the test cancels it.
            Self::FreeSlot => drop(fixture.app.cancel(&next.expect(201)).await.expect(200)),
            // The old and the new windows overlap, so both starts are taken.
            Self::OverlappingSlot => drop(next.expect_problem(409, "slot_taken")),
        }
    }
}

/// A guest gets more time to pay.
pub(super) struct ExtendCase;

#[async_trait]
impl WorkflowCase for ExtendCase {
    fn name(&self) -> String {
        "extended".to_owned()
    }

    async fn prepare(&self, fixture: &SagaFixture) -> Scenario {
        let mut scenario = fixture.new_scenario();
        scenario.holds.push(fixture.create_hold(&scenario.slot).await);
        scenario
    }

    async fn run_workflow(&self, scenario: &Scenario, context: &Arc<Context>) -> bool {
        extend_hold(context, scenario.hold_id()).await.is_ok()
    }

    async fn check_result(&self, fixture: &SagaFixture, scenario: &Scenario) {
        let hold = &scenario.holds[0];
        let shown = fixture.app.admin_hold(hold.text("id")).await;
        assert_eq!(
            (&shown["status"], &shown["reason"]),
            (&"released".into(), &"expired".into())
        );
        let history = shown["history"].as_array().unwrap();
        let extensions = history
            .iter()
            .filter(|line| line["transition"] == "extended")
            .count();
        let expected = match extensions {
            0 => &hold.body["expires_at"],
            1 => &shown["session_expires_at"],
            _ => panic!("{history:?}"),
        };
        assert_eq!(&shown["expires_at"], expected);
    }
}
