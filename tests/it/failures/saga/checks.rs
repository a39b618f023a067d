//! Asks Stripe about a paid hold whose webhook is lost: for the return page, and by the sweep.

use std::sync::Arc;

use async_trait::async_trait;
use holdfast::domain::hold::Status;
use holdfast::sandbox::PaymentOutcome;
use holdfast::workflow::check_hold::check_hold;
use holdfast::workflow::{Context, queries, sweep};

use super::fixture::SagaFixture;
use super::{Scenario, WorkflowCase, fault_at_every_step};

fault_at_every_step!(AskedBy::ReturnPage, AskedBy::Sweep);

/// What makes Stripe be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AskedBy {
    ReturnPage,
    /// The sweep, a minute after the guest was seen on the return page.
    Sweep,
}

#[async_trait]
impl WorkflowCase for AskedBy {
    fn name(&self) -> String {
        format!("payment without a webhook, asked by {self:?}")
    }

    async fn prepare(&self, fixture: &SagaFixture) -> Scenario {
        let mut scenario = fixture.new_scenario();
        let hold = fixture.create_hold(&scenario.slot).await;
        scenario.holds.push(hold);
        if *self == Self::Sweep {
            let context = fixture.fresh_context();
            let booking = queries::find_hold(&context, scenario.hold_id()).await.unwrap();
            check_hold(&context, booking.unwrap(), || false).await.unwrap();
            fixture.app.clock.advance(chrono::Duration::minutes(1));
        }
        fixture.app.pay(&scenario.holds[0], PaymentOutcome::Paid);
        fixture.app.drop_events();
        scenario
    }

    async fn run_workflow(&self, scenario: &Scenario, context: &Arc<Context>) -> bool {
        match self {
            Self::ReturnPage => confirm_by_return_page(scenario, context).await,
            Self::Sweep => confirm_by_sweep(context).await,
        }
    }

    fn is_exclusive(&self) -> bool {
        *self == Self::Sweep
    }

    async fn check_result(&self, fixture: &SagaFixture, scenario: &Scenario) {
        assert_eq!(fixture.app.state_of(&scenario.holds[0]).await, "confirmed");
    }
}

/// Lets the return page ask Stripe about the hold; `true` if it is confirmed then.
pub(super) async fn confirm_by_return_page(scenario: &Scenario, context: &Arc<Context>) -> bool {
    let Ok(Some(booking)) = queries::find_hold(context, scenario.hold_id()).await else {
        return false;
    };
    let checked = check_hold(context, booking, || true).await;
    checked.is_ok_and(|checked| checked.booking.hold.status == Status::Confirmed)
}

/// Sweeps once; `true` if that confirms one hold.
pub(super) async fn confirm_by_sweep(context: &Context) -> bool {
    let report = sweep::sweep_once(context).await;
    report.is_ok_and(|report| (report.confirmed, report.failed) == (1, 0))
}
