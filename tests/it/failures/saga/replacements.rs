//! Replaces a guest's hold: by one elsewhere, by one on its own units, by itself, and after it was paid.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::future::BoxFuture;
use holdfast::domain::ids::SessionId;
use holdfast::domain::session::{NewSession, SessionReport, SessionTerms};
use holdfast::gateway::{Gateway, GatewayError, Probe, WebhookEndpoint};
use holdfast::sandbox::PaymentOutcome;
use holdfast::workflow::Context;
use holdfast::workflow::start_checkout::{Checkout, CheckoutError, CheckoutRequest, start_checkout};

use super::checkouts::{checkout_request, count_live_holds};
use super::fixture::{Offer, SagaFixture};
use super::{Scenario, WorkflowCase, fault_at_every_step};
use crate::support::booking_actions::after;
use crate::support::database::Engine;
use crate::support::gateway_calls::pass_ledger_calls;

fault_at_every_step!(
    ReplaceCase::OtherSlot,
    ReplaceCase::OverlappingSlot,
    ReplaceCase::PaidMeanwhile { overlaps: false },
    ReplaceCase::PaidMeanwhile { overlaps: true },
    ReplaceCase::SameSlot,
);

/// What replaces the hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReplaceCase {
    /// A free slot elsewhere.
    OtherSlot,
    /// A slot that needs units of the hold.
    OverlappingSlot,
    /// A slot, but the guest has paid the hold, which no event has reported.
    PaidMeanwhile { overlaps: bool },
    /// The same slot, with another name.
    SameSlot,
}

/// Builds the request of the guest of the scenario's hold, in place of that.
fn request(scenario: &Scenario) -> CheckoutRequest {
    CheckoutRequest {
        replaces: Some(scenario.hold_id()),
        ..checkout_request("ada", scenario.offer, &scenario.slot)
    }
}

#[async_trait]
impl WorkflowCase for ReplaceCase {
    fn name(&self) -> String {
        format!("replaced: {self:?}")
    }

    async fn prepare(&self, fixture: &SagaFixture) -> Scenario {
        let mut scenario = fixture.new_scenario();
        let hold = fixture.create_hold(&scenario.slot).await;
        match self {
            Self::OtherSlot | Self::PaidMeanwhile { overlaps: false } => {
                scenario.slot = fixture.new_scenario().slot;
            }
            Self::OverlappingSlot | Self::PaidMeanwhile { overlaps: true } => {
                scenario.slot = after(&scenario.slot, 20);
            }
            Self::SameSlot => {}
        }
        if let Self::PaidMeanwhile { .. } = self {
            fixture.app.pay(&hold, PaymentOutcome::Paid);
        }
        scenario.holds.push(hold);
        scenario
    }

    async fn run_workflow(&self, scenario: &Scenario, context: &Arc<Context>) -> bool {
        let answer = start_checkout(context, request(scenario)).await;
        match self {
            Self::OtherSlot | Self::OverlappingSlot => matches!(answer, Ok(Checkout::Placed(_))),
            Self::PaidMeanwhile { .. } => matches!(answer, Err(CheckoutError::AlreadyPaid)),
            Self::SameSlot => {
                matches!(answer, Ok(Checkout::Replayed(booking)) if booking.hold.id == scenario.hold_id())
            }
        }
    }

    /// Repeats the request after the restart. The guest must get the new slot, and not keep the old one.
    async fn retry_as_guest(&self, fixture: &SagaFixture, scenario: &Scenario) {
        let again = start_checkout(&fixture.fresh_context(), request(scenario)).await;
        match self {
            Self::OtherSlot | Self::OverlappingSlot => {
                assert!(
                    matches!(again, Ok(Checkout::Placed(_) | Checkout::Replayed(_))),
                    "{again:?}"
                );
                assert_eq!(count_live_holds(fixture, &scenario.slot).await, 1);
                let earlier = fixture.app.state_of(&scenario.holds[0]).await;
                assert!(earlier.starts_with("released/"), "{earlier}");
            }
            Self::PaidMeanwhile { .. } => {
                assert!(matches!(again, Err(CheckoutError::AlreadyPaid)), "{again:?}");
            }
            Self::SameSlot => {
                assert!(matches!(again, Ok(Checkout::Replayed(_))), "{again:?}");
                let name =
                    fixture.app.admin_hold(scenario.holds[0].text("id")).await["guest"]["name"].clone();
                assert!(name.is_null(), "the request has no name: {name}");
            }
        }
    }

    async fn check_result(&self, fixture: &SagaFixture, scenario: &Scenario) {
        let earlier = fixture.app.state_of(&scenario.holds[0]).await;
        match self {
            Self::PaidMeanwhile { .. } => assert_eq!(earlier, "confirmed"),
            _ => assert!(earlier.starts_with("released/"), "{earlier}"),
        }
        assert_eq!(
            count_live_holds(fixture, &scenario.slot).await,
            0,
            "an unpaid hold expires"
        );
    }
}

/// A gateway that runs an action after it has expired its first session.
struct AfterExpiry {
    inner: Arc<dyn Gateway>,
    action: Mutex<Option<BoxFuture<'static, ()>>>,
}

#[async_trait]
impl Gateway for AfterExpiry {
    async fn create_session(&self, terms: &SessionTerms) -> Result<NewSession, GatewayError> {
        self.inner.create_session(terms).await
    }

    async fn expire_session(&self, id: &SessionId) -> Result<SessionReport, GatewayError> {
        let report = self.inner.expire_session(id).await;
        let action = self.action.lock().unwrap().take();
        if let Some(action) = action {
            action.await;
        }
        report
    }

    async fn retrieve_session(&self, id: &SessionId) -> Result<SessionReport, GatewayError> {
        self.inner.retrieve_session(id).await
    }

    async fn probe_account(&self) -> Result<Probe, GatewayError> {
        self.inner.probe_account().await
    }

    async fn list_webhook_endpoints(&self) -> Result<Vec<WebhookEndpoint>, GatewayError> {
        self.inner.list_webhook_endpoints().await
    }
}

pass_ledger_calls!(AfterExpiry, |own| own.inner);

/// Replaces a call by one a quarter of an hour later, while this happens after the first session has expired.
async fn hand_over_during(
    fixture: &SagaFixture,
    action: impl Future<Output = ()> + Send + 'static,
) -> (Scenario, Result<Checkout, CheckoutError>) {
    let scenario = Scenario {
        offer: CALL,
        slot: after(SLOT, 15),
        holds: vec![fixture.app.hold_slot("call", SLOT).await],
        events: Vec::new(),
        orphan_sessions: Vec::new(),
    };
    let gateway = AfterExpiry {
        inner: Arc::clone(&fixture.app.context.gateway),
        action: Mutex::new(Some(Box::pin(action))),
    };
    let context = fixture.context_with_gateway(Arc::new(gateway));
    let answer = start_checkout(&context, request(&scenario)).await;
    (scenario, answer)
}

const SLOT: &str = "2027-02-01T10:00:00Z";

const CALL: Offer = Offer {
    event_type: "call",
    quantity: 1,
};

/// The second half of the new slot is sold in the moment in which the first session ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rest_that_is_taken_meanwhile_ends_the_handover() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let fixture = SagaFixture::start(engine).await;
        let other = (
            Arc::clone(&fixture.app.context),
            checkout_request("bob", CALL, &after(SLOT, 30)),
        );
        let sold = async move {
            let won = start_checkout(&other.0, other.1).await;
            assert!(matches!(won, Ok(Checkout::Placed(_))), "{won:?}");
        };
        let (scenario, answer) = hand_over_during(&fixture, sold).await;
        assert!(matches!(answer, Err(CheckoutError::SlotTaken(_))), "{answer:?}");
        assert_eq!(fixture.app.state_of(&scenario.holds[0]).await, "released/guest");
        let open = fixture.app.simulator.sessions();
        let open = open.iter().filter(|session| session.status == "open").count();
        assert_eq!(open, 1, "only the other guest can pay");
    }
}

/// Stripe's own event releases the first hold before its slot is handed over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn event_of_the_ended_session_does_not_end_the_handover() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let fixture = SagaFixture::start(engine).await;
        let simulator = fixture.app.simulator.clone();
        let delivered = async move {
            let deliveries = simulator.deliver_all().await;
            assert!(!deliveries.is_empty());
        };
        let (scenario, answer) = hand_over_during(&fixture, delivered).await;
        assert!(matches!(answer, Ok(Checkout::Placed(_))), "{answer:?}");
        let shown = fixture.app.admin_hold(scenario.holds[0].text("id")).await;
        assert_eq!(
            (&shown["status"], &shown["reason"]),
            (&"released".into(), &"guest".into())
        );
        assert!(shown["replaced_by"].is_string(), "so that it is no lapse");
    }
}
