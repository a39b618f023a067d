//! Settles each kind of Stripe event. Stripe delivers an event again if the service did not accept it.

use std::sync::Arc;

use async_trait::async_trait;
use holdfast::domain::hold::Fact;
use holdfast::domain::ids::{EventId, SessionId};
use holdfast::domain::session::EventRefs;
use holdfast::gateway::webhook::{self, Event, EventContent};
use holdfast::sandbox::PaymentOutcome;
use holdfast::workflow::{Context, apply_event};

use super::fixture::SagaFixture;
use super::{Scenario, WorkflowCase, fault_at_every_step};
use crate::support::app::ApiResponse;
use crate::support::catalogue_fixtures::block;
use StripeEvent::*;

fault_at_every_step!(
    Paid,
    Delayed,
    DelayedSucceeded,
    DelayedFailed,
    Expired,
    Declined,
    Refunded,
    Disputed,
    EarlyDispute,
    LateSlotFree,
    LateSlotTaken,
    LateOtherFree,
    NoHold,
);

/// What happened at Stripe, which its events report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StripeEvent {
    /// The guest paid the session.
    Paid,
    /// The guest chose a delayed payment method.
    Delayed,
    /// The delayed payment succeeded.
    DelayedSucceeded,
    /// The delayed payment failed.
    DelayedFailed,
    /// The session expired without a payment.
    Expired,
    /// A card was declined.
    Declined,
    /// The operator refunded the payment in Stripe's dashboard.
    Refunded,
    /// The guest disputed the payment.
    Disputed,
    /// The guest paid and disputed the payment, and Stripe reports the dispute first.
    EarlyDispute,
    /// The guest paid after the release, and the slot is still free.
    LateSlotFree,
    /// The guest paid after the release, and another guest has the slot.
    LateSlotTaken,
    /// The guest paid after the release. The resource they had is busy, and another resource is free.
    LateOtherFree,
    /// The guest paid for a hold that the database does not contain.
    NoHold,
}

impl StripeEvent {
    /// Creates the state before the event. Returns the holds of other guests.
    async fn prepare_state(self, fixture: &SagaFixture, hold: &ApiResponse) -> Vec<ApiResponse> {
        match self {
            Paid | Delayed | Expired | Declined | EarlyDispute => {}
            DelayedSucceeded | DelayedFailed => fixture.app.pay(hold, PaymentOutcome::Processing),
            Refunded | Disputed => fixture.app.pay(hold, PaymentOutcome::Paid),
            LateSlotFree => release_with_open_session(fixture, hold).await,
            LateSlotTaken => {
                release_with_open_session(fixture, hold).await;
                let other = fixture.create_hold(hold.text("starts_at")).await;
                fixture.app.pay(&other, PaymentOutcome::Paid);
                fixture.app.deliver_all().await;
                return vec![other];
            }
            LateOtherFree => {
                release_with_open_session(fixture, hold).await;
                let first = &hold.body["segments"][0];
                let [resource, from, to] =
                    ["resource", "starts_at", "ends_at"].map(|name| first[name].as_str().unwrap());
                block(&fixture.app, resource, hold.text("id"), from, to)
                    .await
                    .expect(201);
            }
            NoHold => fixture.app.delete_hold_rows(hold).await,
        }
        fixture.app.deliver_all().await;
        Vec::new()
    }

    /// Triggers the events at Stripe.
    fn trigger_events(self, fixture: &SagaFixture, hold: &ApiResponse) {
        let app = &fixture.app;
        let session = hold.text("checkout_session");
        let intent = || app.simulator.session(session).unwrap().payment_intent.unwrap();
        match self {
            Paid | LateSlotFree | LateSlotTaken | LateOtherFree | NoHold => {
                app.pay(hold, PaymentOutcome::Paid)
            }
            Delayed => app.pay(hold, PaymentOutcome::Processing),
            DelayedSucceeded => app.pay(hold, PaymentOutcome::ProcessingSucceeded),
            DelayedFailed => app.pay(hold, PaymentOutcome::ProcessingFailed),
            Expired => app.simulator.expire(session).unwrap(),
            Declined => app.pay(hold, PaymentOutcome::Declined),
            Refunded => app.simulator.refund_from_dashboard(&intent(), None).unwrap(),
            Disputed => app.simulator.dispute(&intent()).unwrap(),
            EarlyDispute => {
                app.pay(hold, PaymentOutcome::Paid);
                app.simulator.dispute(&intent()).unwrap();
            }
        }
    }

    fn expected_state(self) -> &'static str {
        match self {
            Paid | DelayedSucceeded | Disputed | EarlyDispute | LateSlotFree | LateOtherFree => "confirmed",
            Delayed => "processing",
            DelayedFailed => "released/payment_failed",
            Expired | Declined => "released/expired",
            Refunded => "cancelled/refunded",
            LateSlotTaken => "released/late_payment_refunded",
            NoHold => "",
        }
    }
}

#[async_trait]
impl WorkflowCase for StripeEvent {
    fn name(&self) -> String {
        format!("event: {self:?}")
    }

    async fn prepare(&self, fixture: &SagaFixture) -> Scenario {
        let mut scenario = fixture.new_scenario();
        let hold = fixture.create_hold(&scenario.slot).await;
        let others = self.prepare_state(fixture, &hold).await;
        let before = fixture.app.simulator.events().len();
        self.trigger_events(fixture, &hold);
        let mut events = fixture.app.simulator.events().split_off(before);
        if *self == EarlyDispute {
            events.rotate_right(1);
        }
        scenario.holds.push(hold);
        scenario.holds.extend(others);
        scenario.events = events.into_iter().map(|event| event.payload).collect();
        scenario
    }

    async fn run_workflow(&self, scenario: &Scenario, context: &Arc<Context>) -> bool {
        let mut is_settled = true;
        for body in &scenario.events {
            let event = webhook::parse_event(body.as_bytes()).unwrap();
            is_settled &= apply_event::apply_event(context, event, body).await.is_ok();
        }
        is_settled
    }

    fn has_events_before_sweep(&self) -> bool {
        true
    }

    async fn check_result(&self, fixture: &SagaFixture, scenario: &Scenario) {
        let hold = &scenario.holds[0];
        if *self != NoHold {
            assert_eq!(fixture.app.state_of(hold).await, self.expected_state());
        }
        let disputed = format!(
            "payments WHERE hold_id = '{}' AND state = 'disputed'",
            hold.text("id")
        );
        let is_disputed = matches!(self, Disputed | EarlyDispute);
        assert_eq!(fixture.count_rows(&disputed).await, i64::from(is_disputed));
        for other in &scenario.holds[1..] {
            assert_eq!(fixture.app.state_of(other).await, "confirmed");
        }
        assert_eq!(
            refunded_amount(fixture, hold),
            i64::from(matches!(self, Refunded | LateSlotTaken | NoHold)) * 5000
        );
    }
}

/// Sums the refunds of the payment for a hold.
pub(super) fn refunded_amount(fixture: &SagaFixture, hold: &ApiResponse) -> i64 {
    let session = fixture
        .app
        .simulator
        .session(hold.text("checkout_session"))
        .unwrap();
    let refunds = fixture.app.simulator.refunds();
    let own_refunds = refunds
        .iter()
        .filter(|refund| Some(&refund.payment_intent) == session.payment_intent.as_ref());
    own_refunds.map(|refund| refund.amount).sum()
}

/// Releases the hold while its session can still be paid. The cause is a false `checkout.session.expired` event.
pub(super) async fn release_with_open_session(fixture: &SagaFixture, hold: &ApiResponse) {
    let session = hold.text("checkout_session");
    let expired = Event {
        id: EventId::new(format!("evt_expired_{session}")),
        kind: "checkout.session.expired".to_owned(),
        livemode: false,
        content: EventContent::Relevant {
            refs: EventRefs {
                session: Some(SessionId::new(session)),
                ..EventRefs::default()
            },
            fact: Fact::SessionDead,
            money: None,
        },
        ledger: None,
    };
    apply_event::apply_event(&fixture.fresh_context(), expired, "{}")
        .await
        .unwrap();
    assert_eq!(fixture.app.state_of(hold).await, "released/expired");
}
