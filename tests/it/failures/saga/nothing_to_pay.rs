//! Confirms holds whose promotion code left nothing to pay: by Stripe's event, without one, after a release, and before the hold
//! is placed. Such a hold is confirmed once and has no payment, so nothing goes back.

use std::sync::Arc;

use async_trait::async_trait;
use holdfast::gateway::webhook;
use holdfast::sandbox::PaymentOutcome;
use holdfast::workflow::start_checkout::{Checkout, CheckoutError, start_checkout};
use holdfast::workflow::{Context, apply_event};
use serde_json::{Value, json};

use super::checkouts::{checkout_request, select_holds_of};
use super::checks::{confirm_by_return_page, confirm_by_sweep};
use super::early_payments::{SlowGateway, pay_meanwhile};
use super::events::release_with_open_session;
use super::fixture::SagaFixture;
use super::{Scenario, WorkflowCase, fault_at_every_step};
use crate::support::app::ApiResponse;
use crate::support::fault_injection::Plan;

fault_at_every_step!(
    FreeCase::Event,
    FreeCase::ReturnPage,
    FreeCase::Sweep,
    FreeCase::LateSlotFree,
    FreeCase::LateSlotTaken,
    FreeEarly { loses: false },
    FreeEarly { loses: true },
);

/// The code that leaves nothing of the price.
const CODE: &str = "OFF100";

/// How it becomes known that a session is complete which left nothing to pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FreeCase {
    /// Stripe's event comes twice.
    Event,
    /// The return page asks Stripe, and the event comes later.
    ReturnPage,
    /// The sweep asks Stripe at the end of the time to pay, and the event is lost.
    Sweep,
    /// The event comes twice after one that says that the session expired, and the slot is still free.
    LateSlotFree,
    /// The same, and another guest has the slot.
    LateSlotTaken,
}

impl FreeCase {
    fn expected_state(self) -> &'static str {
        match self {
            Self::LateSlotTaken => "released/late_payment_refunded",
            _ => "confirmed",
        }
    }
}

/// Completes the session of a hold with the code. Returns the bodies of Stripe's events.
fn complete_for_free(fixture: &SagaFixture, hold: &ApiResponse) -> Vec<String> {
    let simulator = &fixture.app.simulator;
    let before = simulator.events().len();
    simulator
        .apply_promotion_code(hold.text("checkout_session"), CODE)
        .unwrap();
    fixture.app.pay(hold, PaymentOutcome::Paid);
    let events = simulator.events().split_off(before);
    events.into_iter().map(|event| event.payload).collect()
}

/// Applies each event as often as Stripe may deliver it: twice.
async fn apply_twice(scenario: &Scenario, context: &Arc<Context>) -> bool {
    let mut is_applied = true;
    for body in scenario.events.iter().chain(&scenario.events) {
        let event = webhook::parse_event(body.as_bytes()).unwrap();
        is_applied &= apply_event::apply_event(context, event, body).await.is_ok();
    }
    is_applied
}

#[async_trait]
impl WorkflowCase for FreeCase {
    fn name(&self) -> String {
        format!("nothing to pay: {self:?}")
    }

    async fn prepare(&self, fixture: &SagaFixture) -> Scenario {
        let mut scenario = fixture.new_scenario();
        let hold = fixture.create_hold(&scenario.slot).await;
        let mut others = Vec::new();
        if matches!(self, Self::LateSlotFree | Self::LateSlotTaken) {
            release_with_open_session(fixture, &hold).await;
        }
        if *self == Self::LateSlotTaken {
            let other = fixture.create_hold(&scenario.slot).await;
            fixture.app.confirm(&other).await;
            others.push(other);
        }
        scenario.events = complete_for_free(fixture, &hold);
        if *self == Self::Sweep {
            fixture.app.drop_events();
            fixture.app.clock.advance(chrono::Duration::minutes(31));
        }
        scenario.holds.push(hold);
        scenario.holds.extend(others);
        scenario
    }

    async fn run_workflow(&self, scenario: &Scenario, context: &Arc<Context>) -> bool {
        match self {
            Self::Event | Self::LateSlotFree | Self::LateSlotTaken => apply_twice(scenario, context).await,
            Self::ReturnPage => confirm_by_return_page(scenario, context).await,
            Self::Sweep => confirm_by_sweep(context).await,
        }
    }

    fn is_exclusive(&self) -> bool {
        *self == Self::Sweep
    }

    async fn check_result(&self, fixture: &SagaFixture, scenario: &Scenario) {
        let hold = &scenario.holds[0];
        assert_eq!(fixture.app.state_of(hold).await, self.expected_state());
        let is_confirmed = *self != Self::LateSlotTaken;
        check_free_hold(fixture, hold.text("id"), is_confirmed).await;
        for other in &scenario.holds[1..] {
            assert_eq!(fixture.app.state_of(other).await, "confirmed");
        }
    }
}

/// Fails unless the hold was confirmed once, or not at all, and neither it nor its money looks wrong to anybody.
async fn check_free_hold(fixture: &SagaFixture, id: &str, is_confirmed: bool) {
    let shown = fixture.app.admin_hold(id).await;
    assert_eq!(
        (&shown["payments"], &shown["price_mismatch"]),
        (&json!([]), &json!(false))
    );
    let confirms = |line: &&Value| line["to"] == "confirmed";
    let history = shown["history"].as_array().unwrap();
    assert_eq!(
        history.iter().filter(confirms).count(),
        usize::from(is_confirmed),
        "{history:?}"
    );
    let events = format!("events_out WHERE hold_id = '{id}' AND kind = 'hold.confirmed'");
    assert_eq!(fixture.count_rows(&events).await, i64::from(is_confirmed));
    let refunds = format!("commands WHERE hold_id = '{id}' AND kind = 'refund'");
    assert_eq!(fixture.count_rows(&refunds).await, 0);
    let now = fixture.app.clock_now();
    let figures = fixture.app.database.store().count_figures(now).await.unwrap();
    let wrong = [
        figures.slot_without_money,
        figures.money_without_slot,
        figures.money_not_adding_up,
        figures.price_mismatches,
    ];
    assert_eq!(wrong, [0; 4]);
}

/// A checkout whose session is completed while the answer of Stripe is on its way, with nothing to pay. Its event is about no
/// hold, so only Stripe knows.
struct FreeEarly {
    /// Whether another guest gets the slot meanwhile.
    loses: bool,
}

#[async_trait]
impl WorkflowCase for FreeEarly {
    fn name(&self) -> String {
        format!("nothing to pay before the hold is placed, lost: {}", self.loses)
    }

    async fn prepare(&self, fixture: &SagaFixture) -> Scenario {
        fixture.new_scenario()
    }

    fn context_with_faults(
        &self,
        fixture: &SagaFixture,
        scenario: &Arc<Scenario>,
        plan: &Arc<Plan>,
    ) -> Arc<Context> {
        let other = checkout_request("bob", scenario.offer, &scenario.slot);
        let meanwhile = pay_meanwhile(fixture, Some(CODE), self.loses.then_some(other));
        fixture.faulty_context_with(plan, SlowGateway::new(fixture, meanwhile))
    }

    async fn run_workflow(&self, scenario: &Scenario, context: &Arc<Context>) -> bool {
        let request = checkout_request("ada", scenario.offer, &scenario.slot);
        match start_checkout(context, request).await {
            Ok(Checkout::Placed(_)) => !self.loses,
            Err(CheckoutError::SlotTaken(_)) => self.loses,
            _ => false,
        }
    }

    async fn check_result(&self, fixture: &SagaFixture, scenario: &Scenario) {
        let of_ada = select_holds_of("ada", &scenario.slot);
        let of_ada = format!("SELECT CAST(id AS text) FROM holds WHERE id IN ({of_ada})");
        for id in fixture.app.database.texts(&of_ada).await {
            assert!(!self.loses);
            assert_eq!(fixture.app.hold(&id).await["status"], "confirmed");
            check_free_hold(fixture, &id, true).await;
        }
        for money in ["payments WHERE hold_id IS NULL", "commands WHERE kind = 'refund'"] {
            assert_eq!(fixture.count_rows(money).await, 0, "{money}");
        }
    }
}
