//! Releases `processing` holds for an operator, while Stripe may still take their money: the slot is free at once, and all money
//! that comes later goes back.

use std::sync::Arc;

use async_trait::async_trait;
use holdfast::domain::booking::Actor;
use holdfast::domain::hold::{ReleaseReason, ReleaseRequester, Status};
use holdfast::gateway::webhook;
use holdfast::sandbox::{PaymentOutcome, QueuedEvent};
use holdfast::workflow::release_as_seen::{SeenRelease, SeenReleaseOutcome, release_as_seen_in_task};
use holdfast::workflow::release_hold::{ReleaseOutcome, release_hold};
use holdfast::workflow::start_checkout::{Checkout, start_checkout};
use holdfast::workflow::{Context, apply_event, queries};
use serde_json::Value;

use super::checkouts::{checkout_request, select_holds_of};
use super::events::refunded_amount;
use super::fixture::SagaFixture;
use super::{Scenario, WorkflowCase, fault_at_every_step};
use crate::support::app::ApiResponse;

fault_at_every_step!(
    ReleaseCase {
        by: Way::Api,
        is_paid: false
    },
    ReleaseCase {
        by: Way::Api,
        is_paid: true
    },
    ReleaseCase {
        by: Way::Console,
        is_paid: false
    },
    ReleaseCase {
        by: Way::Console,
        is_paid: true
    },
    ResultCase::Succeeded,
    ResultCase::SucceededOutOfOrder,
    ResultCase::Failed,
);

const RELEASED: Status = Status::Released(ReleaseReason::Operator);

/// Makes the guest or the bank do this. Returns Stripe's events, which wait.
fn pay(fixture: &SagaFixture, hold: &ApiResponse, outcome: PaymentOutcome) -> Vec<QueuedEvent> {
    let before = fixture.app.simulator.events().len();
    fixture.app.pay(hold, outcome);
    fixture.app.simulator.events().split_off(before)
}

/// Delivers these events and no other.
async fn deliver(fixture: &SagaFixture, events: Vec<QueuedEvent>) {
    for event in events {
        let delivery = fixture.app.simulator.deliver(&event.id).await.unwrap();
        assert!(delivery.accepted(), "{delivery:?}");
    }
}

/// Creates a scenario with one hold whose delayed payment is in progress.
async fn prepare_processing_hold(fixture: &SagaFixture) -> Scenario {
    let mut scenario = fixture.new_scenario();
    let hold = fixture.create_hold(&scenario.slot).await;
    deliver(fixture, pay(fixture, &hold, PaymentOutcome::Processing)).await;
    assert_eq!(fixture.app.state_of(&hold).await, "processing");
    scenario.holds.push(hold);
    scenario
}

/// Releases the hold for an operator of the API.
async fn release_by_operator(context: &Context, scenario: &Scenario) -> Option<Status> {
    let (requester, actor) = (Some(ReleaseRequester::Operator), Actor::Operator(None));
    match release_hold(context, scenario.hold_id(), requester, actor).await {
        Ok(ReleaseOutcome::Over(booking)) => Some(booking.hold.status),
        _ => None,
    }
}

/// Sells the slot to another guest, who pays.
async fn sell_to_another(fixture: &SagaFixture, scenario: &Scenario) {
    let request = checkout_request("bob", scenario.offer, &scenario.slot);
    let placed = start_checkout(&fixture.fresh_context(), request).await;
    let Ok(Checkout::Placed(booking)) = placed else {
        panic!("the slot is not free: {placed:?}");
    };
    let (simulator, before) = (&fixture.app.simulator, fixture.app.simulator.events().len());
    let session = booking.hold.session.as_str();
    simulator.pay(session, PaymentOutcome::Paid).unwrap();
    deliver(fixture, simulator.events().split_off(before)).await;
}

/// Fails unless the money that came for the released hold is back with its guest, and the slot is another guest's.
async fn check_money_is_back(fixture: &SagaFixture, scenario: &Scenario) {
    let hold = &scenario.holds[0];
    assert_eq!(fixture.app.state_of(hold).await, "released/late_payment_refunded");
    let shown = fixture.app.admin_hold(hold.text("id")).await;
    let sums = ["paid", "refunded", "kept"].map(|sum| shown["ledger"][sum].as_i64());
    assert_eq!(sums, [Some(5000), Some(5000), Some(0)], "{shown}");
    assert_eq!(count_releases(&shown), 1, "{shown}");
    assert_eq!(refunded_amount(fixture, hold), 5000);
    check_slot_is_another_guests(fixture, scenario).await;
}

async fn check_slot_is_another_guests(fixture: &SagaFixture, scenario: &Scenario) {
    let of_bob = select_holds_of("bob", &scenario.slot);
    let confirmed = format!("holds WHERE status = 'confirmed' AND id IN ({of_bob})");
    assert_eq!(fixture.count_rows(&confirmed).await, 1);
}

/// Counts the lines of the history in which the operator released the hold.
fn count_releases(shown: &Value) -> usize {
    let is_release = |line: &&Value| line["transition"] == "released_while_processing";
    shown["history"]
        .as_array()
        .unwrap()
        .iter()
        .filter(is_release)
        .count()
}

/// How the operator releases the hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Api,
    /// The console releases only the hold that the operator saw.
    Console,
}

/// An operator releases the hold.
#[derive(Clone, Copy, Debug)]
struct ReleaseCase {
    by: Way,
    /// Whether the payment has succeeded by then, which no event has reported. Otherwise it succeeds after the release.
    is_paid: bool,
}

#[async_trait]
impl WorkflowCase for ReleaseCase {
    fn name(&self) -> String {
        format!("processing hold released: {self:?}")
    }

    async fn prepare(&self, fixture: &SagaFixture) -> Scenario {
        let scenario = prepare_processing_hold(fixture).await;
        if self.is_paid {
            pay(fixture, &scenario.holds[0], PaymentOutcome::ProcessingSucceeded);
        }
        scenario
    }

    async fn run_workflow(&self, scenario: &Scenario, context: &Arc<Context>) -> bool {
        if self.by == Way::Api {
            return release_by_operator(context, scenario).await == Some(RELEASED);
        }
        let Ok(Some(seen)) = queries::find_hold(context, scenario.hold_id()).await else {
            return false;
        };
        let order = SeenRelease {
            hold: seen.hold.id,
            seen: seen.version,
            without_stripe: false,
            actor: Actor::Operator(None),
        };
        match release_as_seen_in_task(context, order).await {
            Ok(SeenReleaseOutcome::Over(booking)) => booking.hold.status == RELEASED,
            _ => false,
        }
    }

    /// The operator tries again. The slot is free at once, although the payment then succeeds.
    async fn retry_as_guest(&self, fixture: &SagaFixture, scenario: &Scenario) {
        let status = release_by_operator(&fixture.fresh_context(), scenario).await;
        // The command of the release has perhaps found the payment.
        let is_found = self.is_paid && status == Some(Status::Released(ReleaseReason::LatePaymentRefunded));
        assert!(is_found || status == Some(RELEASED), "{status:?}");
        sell_to_another(fixture, scenario).await;
        // The command of the release asks until the payment is decided.
        if !self.is_paid {
            let success = pay(fixture, &scenario.holds[0], PaymentOutcome::ProcessingSucceeded);
            deliver(fixture, success).await;
        }
    }

    async fn check_result(&self, fixture: &SagaFixture, scenario: &Scenario) {
        check_money_is_back(fixture, scenario).await;
    }
}

/// Stripe reports the result of a payment whose hold an operator has released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ResultCase {
    Succeeded,
    SucceededOutOfOrder,
    Failed,
}

#[async_trait]
impl WorkflowCase for ResultCase {
    fn name(&self) -> String {
        format!("payment of a released processing hold: {self:?}")
    }

    async fn prepare(&self, fixture: &SagaFixture) -> Scenario {
        let mut scenario = prepare_processing_hold(fixture).await;
        let status = release_by_operator(&fixture.fresh_context(), &scenario).await;
        assert_eq!(status, Some(RELEASED));
        let outcome = match self {
            Self::Succeeded | Self::SucceededOutOfOrder => PaymentOutcome::ProcessingSucceeded,
            Self::Failed => PaymentOutcome::ProcessingFailed,
        };
        let mut events = pay(fixture, &scenario.holds[0], outcome);
        if *self == Self::SucceededOutOfOrder {
            events.reverse();
        }
        scenario.events = events.into_iter().map(|event| event.payload).collect();
        scenario
    }

    async fn run_workflow(&self, scenario: &Scenario, context: &Arc<Context>) -> bool {
        let mut is_applied = true;
        for body in &scenario.events {
            let event = webhook::parse_event(body.as_bytes()).unwrap();
            is_applied &= apply_event::apply_event(context, event, body).await.is_ok();
        }
        is_applied
    }

    fn has_events_before_sweep(&self) -> bool {
        true
    }

    /// The slot stays free, whatever has become of the payment.
    async fn retry_as_guest(&self, fixture: &SagaFixture, scenario: &Scenario) {
        sell_to_another(fixture, scenario).await;
    }

    async fn check_result(&self, fixture: &SagaFixture, scenario: &Scenario) {
        if *self != Self::Failed {
            return check_money_is_back(fixture, scenario).await;
        }
        let hold = &scenario.holds[0];
        assert_eq!(fixture.app.state_of(hold).await, "released/operator");
        assert_eq!(refunded_amount(fixture, hold), 0);
        check_slot_is_another_guests(fixture, scenario).await;
    }
}
