//! Releases holds: by the guest, before and after the payment, and by the sweep, for overdue holds.

use std::sync::Arc;

use async_trait::async_trait;
use holdfast::domain::booking::Actor;
use holdfast::domain::hold::{ReleaseReason, ReleaseRequester, Status};
use holdfast::sandbox::PaymentOutcome;
use holdfast::workflow::release_hold::{ReleaseOutcome, release_hold};
use holdfast::workflow::{Context, sweep};

use super::fixture::SagaFixture;
use super::{Scenario, WorkflowCase, fault_at_every_step};

fault_at_every_step!(ByGuest { paid: false }, ByGuest { paid: true }, BySweep);

/// A release by the guest, before or after the payment.
pub(super) struct ByGuest {
    pub(super) paid: bool,
}

#[async_trait]
impl WorkflowCase for ByGuest {
    fn name(&self) -> String {
        format!("released by the guest, paid: {}", self.paid)
    }

    async fn prepare(&self, fixture: &SagaFixture) -> Scenario {
        let mut scenario = fixture.new_scenario();
        let hold = fixture.create_hold(&scenario.slot).await;
        if self.paid {
            fixture.app.pay(&hold, PaymentOutcome::Paid);
        }
        scenario.holds.push(hold);
        scenario
    }

    async fn run_workflow(&self, scenario: &Scenario, context: &Arc<Context>) -> bool {
        let id = scenario.hold_id();
        let expected = if self.paid {
            Status::Confirmed
        } else {
            Status::Released(ReleaseReason::Guest)
        };
        match release_hold(context, id, Some(ReleaseRequester::Guest), Actor::Guest).await {
            Ok(ReleaseOutcome::Over(booking)) => booking.hold.status == expected,
            _ => false,
        }
    }

    async fn check_result(&self, fixture: &SagaFixture, scenario: &Scenario) {
        let state = fixture.app.state_of(&scenario.holds[0]).await;
        let allowed: &[&str] = if self.paid {
            &["confirmed"]
        } else {
            // If the fault lost the guest's request, the hold expires like any other.
            &["released/guest", "released/expired"]
        };
        assert!(allowed.contains(&state.as_str()), "{state}");
    }
}

/// A sweep over three overdue holds: unpaid, paid, and with a delayed payment. Stripe delivered no event.
pub(super) struct BySweep;

#[async_trait]
impl WorkflowCase for BySweep {
    fn name(&self) -> String {
        "sweep".to_owned()
    }

    async fn prepare(&self, fixture: &SagaFixture) -> Scenario {
        let mut scenario = fixture.new_scenario();
        for payment in [None, Some(PaymentOutcome::Paid), Some(PaymentOutcome::Processing)] {
            let hold = fixture.create_hold(&fixture.new_scenario().slot).await;
            if let Some(outcome) = payment {
                fixture.app.pay(&hold, outcome);
            }
            scenario.holds.push(hold);
        }
        fixture.app.clock.advance(chrono::Duration::minutes(31));
        scenario
    }

    async fn run_workflow(&self, _scenario: &Scenario, context: &Arc<Context>) -> bool {
        let report = sweep::sweep_once(context).await;
        report.is_ok_and(|report| (report.released, report.confirmed, report.failed) == (1, 1, 0))
    }

    fn is_exclusive(&self) -> bool {
        true
    }

    async fn check_result(&self, fixture: &SagaFixture, scenario: &Scenario) {
        for (hold, expected) in scenario
            .holds
            .iter()
            .zip(["released/expired", "confirmed", "processing"])
        {
            assert_eq!(fixture.app.state_of(hold).await, expected);
        }
    }
}
