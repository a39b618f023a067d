//! Runs checkouts that win the slot, lose it while Stripe creates the session, or find an overdue hold in it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

use async_trait::async_trait;
use futures::future::BoxFuture;
use holdfast::domain::booking::{Actor, CheckoutClient, ClientId, Guest, NetworkId};
use holdfast::domain::ids::{EventTypeId, IdempotencyKey, SessionId};
use holdfast::domain::key_scope::{KeyScope, ScopedKey};
use holdfast::domain::session::{CheckoutUi, NewSession, SessionReport, SessionTerms};
use holdfast::gateway::{Gateway, GatewayError, Probe, WebhookEndpoint};
use holdfast::workflow::Context;
use holdfast::workflow::release_hold::{ReleaseOutcome, release_hold};
use holdfast::workflow::start_checkout::{Checkout, CheckoutError, CheckoutRequest, start_checkout};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use super::fixture::{Offer, SagaFixture};
use super::{Scenario, WorkflowCase, fault_at_every_step};
use crate::support::database::Engine;
use crate::support::fault_injection::{Fault, Plan};
use crate::support::gateway_calls::pass_ledger_calls;

fault_at_every_step!(Won, Lost, Overdue);

fn checkout_key(guest: &str, slot: &str) -> ScopedKey {
    let key = IdempotencyKey::parse(&format!("{guest}-{slot}")).unwrap();
    ScopedKey::new(key, KeyScope::Anyone)
}

/// Selects the ids of the holds of a guest's checkouts of this slot. An attempt that has ended without a hold may have lost its key.
pub(super) fn select_holds_of(guest: &str, slot: &str) -> String {
    let key = checkout_key(guest, slot).to_text();
    format!("SELECT hold_id FROM checkout_attempts WHERE idempotency_key = '{key}'")
}

/// Builds the guest's checkout request, with an idempotency key of the guest and the slot.
pub(super) fn checkout_request(guest: &str, offer: Offer, slot: &str) -> CheckoutRequest {
    CheckoutRequest {
        locale: None,
        event_type: EventTypeId::parse(offer.event_type).unwrap(),
        starts_at: slot.parse().unwrap(),
        quantity: offer.quantity,
        resource: None,
        replaces: None,
        client: Some(CheckoutClient {
            id: ClientId("here".to_owned()),
            network: Some(NetworkId("near".to_owned())),
        }),
        guest: Guest {
            email: format!("{guest}@example.com"),
            name: None,
        },
        metadata: BTreeMap::new(),
        ui: CheckoutUi::Hosted,
        success_url: "https://shop.example/paid".to_owned(),
        cancel_url: "https://shop.example/back".to_owned(),
        key: Some(checkout_key(guest, slot)),
        fingerprint: "f".repeat(64),
    }
}

/// Counts the holds of a slot that wait for their payment.
pub(super) async fn count_live_holds(fixture: &SagaFixture, slot: &str) -> i64 {
    let key = format!("'%{slot}'");
    let attempts = format!("SELECT hold_id FROM checkout_attempts WHERE idempotency_key LIKE {key}");
    fixture
        .count_rows(&format!("holds WHERE status = 'held' AND id IN ({attempts})"))
        .await
}

/// A checkout that gets the slot.
pub(super) struct Won;

#[async_trait]
impl WorkflowCase for Won {
    fn name(&self) -> String {
        "checkout won".to_owned()
    }

    async fn prepare(&self, fixture: &SagaFixture) -> Scenario {
        fixture.new_scenario()
    }

    async fn run_workflow(&self, scenario: &Scenario, context: &Arc<Context>) -> bool {
        let answer = start_checkout(context, checkout_request("ada", scenario.offer, &scenario.slot)).await;
        matches!(answer, Ok(Checkout::Placed(_)))
    }

    /// Repeats the request with the same key. The guest must get the slot.
    async fn retry_as_guest(&self, fixture: &SagaFixture, scenario: &Scenario) {
        let again = start_checkout(
            &fixture.fresh_context(),
            checkout_request("ada", scenario.offer, &scenario.slot),
        )
        .await;
        assert!(
            matches!(again, Ok(Checkout::Placed(_) | Checkout::Replayed(_))),
            "{again:?}"
        );
        assert_eq!(count_live_holds(fixture, &scenario.slot).await, 1);
    }

    async fn check_result(&self, fixture: &SagaFixture, scenario: &Scenario) {
        assert_eq!(
            count_live_holds(fixture, &scenario.slot).await,
            0,
            "an unpaid hold expires"
        );
    }
}

/// A checkout that loses the slot to another guest while Stripe creates the session.
pub(super) struct Lost;

#[async_trait]
impl WorkflowCase for Lost {
    fn name(&self) -> String {
        "checkout lost".to_owned()
    }

    async fn prepare(&self, fixture: &SagaFixture) -> Scenario {
        Won.prepare(fixture).await
    }

    fn context_with_faults(
        &self,
        fixture: &SagaFixture,
        scenario: &Arc<Scenario>,
        plan: &Arc<Plan>,
    ) -> Arc<Context> {
        let other_context = Arc::clone(&fixture.app.context);
        let other_request = checkout_request("bob", scenario.offer, &scenario.slot);
        let other_checkout = async move {
            let won = start_checkout(&other_context, other_request).await;
            assert!(matches!(won, Ok(Checkout::Placed(_))), "{won:?}");
        };
        let gateway = RacingGateway {
            inner: Arc::clone(&fixture.app.context.gateway),
            action: Mutex::new(Some(Box::pin(other_checkout))),
        };
        fixture.faulty_context_with(plan, Arc::new(gateway))
    }

    async fn run_workflow(&self, scenario: &Scenario, context: &Arc<Context>) -> bool {
        let answer = start_checkout(context, checkout_request("ada", scenario.offer, &scenario.slot)).await;
        assert!(answer.is_err(), "{answer:?}");
        matches!(answer, Err(CheckoutError::SlotTaken(_)))
    }

    async fn check_result(&self, fixture: &SagaFixture, scenario: &Scenario) {
        let of_ada = select_holds_of("ada", &scenario.slot);
        assert_eq!(
            fixture.count_rows(&format!("holds WHERE id IN ({of_ada})")).await,
            0
        );
        let of_bob = select_holds_of("bob", &scenario.slot);
        let unplaced_attempt = format!("checkout_attempts WHERE hold_id IN ({of_bob}) AND state <> 'placed'");
        assert_eq!(
            fixture.count_rows(&unplaced_attempt).await,
            0,
            "the attempt of the other guest is placed"
        );
    }
}

/// A checkout for a slot with an overdue hold, which it releases first.
pub(super) struct Overdue;

#[async_trait]
impl WorkflowCase for Overdue {
    fn name(&self) -> String {
        "checkout over an overdue hold".to_owned()
    }

    async fn prepare(&self, fixture: &SagaFixture) -> Scenario {
        let mut scenario = fixture.new_scenario();
        scenario.holds.push(fixture.create_hold(&scenario.slot).await);
        fixture.app.clock.advance(chrono::Duration::minutes(31));
        scenario
    }

    async fn run_workflow(&self, scenario: &Scenario, context: &Arc<Context>) -> bool {
        Won.run_workflow(scenario, context).await
    }

    async fn retry_as_guest(&self, fixture: &SagaFixture, scenario: &Scenario) {
        Won.retry_as_guest(fixture, scenario).await;
    }

    async fn check_result(&self, fixture: &SagaFixture, scenario: &Scenario) {
        assert_eq!(fixture.app.state_of(&scenario.holds[0]).await, "released/expired");
        Won.check_result(fixture, scenario).await;
    }
}

/// A gateway that runs an action before it creates its first session.
struct RacingGateway {
    inner: Arc<dyn Gateway>,
    action: Mutex<Option<BoxFuture<'static, ()>>>,
}

#[async_trait]
impl Gateway for RacingGateway {
    async fn create_session(&self, terms: &SessionTerms) -> Result<NewSession, GatewayError> {
        let action = self.action.lock().unwrap().take();
        if let Some(action) = action {
            action.await;
        }
        self.inner.create_session(terms).await
    }

    async fn expire_session(&self, id: &SessionId) -> Result<SessionReport, GatewayError> {
        self.inner.expire_session(id).await
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

pass_ledger_calls!(RacingGateway, |own| own.inner);

/// What two guests want.
const CALL: Offer = Offer {
    event_type: "call",
    quantity: 1,
};
const SLOT: &str = "2026-11-20T08:30:00Z";

/// The clock passes some starts while a checkout is refused. The search for others may wait too, so it reads the clock itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alternatives_are_for_sale_when_their_search_runs() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let fixture = SagaFixture::start(engine).await;
        let won = start_checkout(&fixture.fresh_context(), checkout_request("bob", CALL, SLOT)).await;
        assert!(matches!(won, Ok(Checkout::Placed(_))), "{won:?}");
        let clock = Arc::clone(&fixture.app.clock);
        let pass = move || clock.advance(chrono::Duration::hours(2));
        // After the first call, which reads the time of the checkout and its slot, one looks for what keeps the slot.
        let plan = Plan::with(Fault::Disturbed, 2, Some(Box::new(pass)));
        let context = fixture.faulty_context(&plan);
        let refused = start_checkout(&context, checkout_request("ada", CALL, SLOT)).await;
        let Err(CheckoutError::SlotTaken(near)) = refused else {
            panic!("{refused:?}, after {:?}", plan.calls());
        };
        let before = ["look_up", "load_availability"];
        assert_eq!(plan.calls()[..2], before);
        assert!(!near.is_empty(), "{:?}", plan.calls());
        let now = fixture.app.clock_now();
        assert!(near.iter().all(|slot| slot.window.starts_at() >= now), "{near:?}");
    }
}

/// Another checkout for the slot begins and ends after this one has read it, before this one asks the gate.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slot_is_read_again_if_a_checkout_for_it_has_ended_since() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let fixture = SagaFixture::start(engine).await;
        let same_process: Arc<OnceLock<Arc<Context>>> = Arc::default();
        let process = Arc::clone(&same_process);
        let place_other = move || {
            let other = start_checkout(process.get().unwrap(), checkout_request("bob", CALL, SLOT));
            let won = block_in_place(|| Handle::current().block_on(other));
            assert!(matches!(won, Ok(Checkout::Placed(_))), "{won:?}");
        };
        let plan = Plan::with(Fault::DisturbedAfter, 1, Some(Box::new(place_other)));
        let context = same_process.get_or_init(|| fixture.faulty_context(&plan));
        let refused = start_checkout(context, checkout_request("ada", CALL, SLOT)).await;
        assert!(matches!(refused, Err(CheckoutError::SlotTaken(_))), "{refused:?}");
        let calls = plan.calls();
        let asked = calls.iter().filter(|call| **call == "create_session").count();
        assert_eq!(asked, 1, "only the other one asks Stripe: {calls:?}");
    }
}

/// A refusal waits for no permit, and reads what is in the slot once more, with the holds that may still end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusal_of_a_taken_slot_reads_it_twice() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let fixture = SagaFixture::start(engine).await;
        let won = start_checkout(&fixture.fresh_context(), checkout_request("bob", CALL, SLOT)).await;
        assert!(matches!(won, Ok(Checkout::Placed(_))), "{won:?}");
        let plan = Plan::with(Fault::Disturbed, usize::MAX, None);
        let context = fixture.faulty_context(&plan);
        let refused = start_checkout(&context, checkout_request("ada", CALL, SLOT)).await;
        assert!(matches!(refused, Err(CheckoutError::SlotTaken(_))), "{refused:?}");
        let calls = plan.calls();
        // The key is looked up again, because the hold in the slot may be that of the same request. The last three say what the
        // guest may do instead.
        let expected = [
            "look_up",
            "load_availability",
            "look_up",
            "read_clock",
            "load_availability",
            "is_kept_by_guest",
        ];
        assert_eq!(calls, expected);
    }
}

/// Of two readings of a slot the later one counts: the guest gets a slot that has become free in between.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slot_that_became_free_meanwhile_is_not_refused() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let fixture = SagaFixture::start(engine).await;
        let other = fixture.fresh_context();
        let won = start_checkout(&other, checkout_request("bob", CALL, SLOT)).await;
        let Ok(Checkout::Placed(booking)) = won else {
            panic!("{won:?}");
        };
        let release = move || {
            let release = release_hold(&other, booking.hold.id, None, Actor::Sweep);
            let released = block_in_place(|| Handle::current().block_on(release));
            assert!(matches!(released, Ok(ReleaseOutcome::Over(_))), "{released:?}");
        };
        let plan = Plan::with(Fault::DisturbedAfter, 1, Some(Box::new(release)));
        let context = fixture.faulty_context(&plan);
        let placed = start_checkout(&context, checkout_request("ada", CALL, SLOT)).await;
        assert!(matches!(placed, Ok(Checkout::Placed(_))), "{placed:?}");
    }
}
