//! Checkouts: won, lost to another while Stripe makes the session, and begun where an overdue hold is in the way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::future::BoxFuture;
use holdfast::domain::booking::{ClientId, Guest};
use holdfast::domain::ids::{EventTypeId, IdempotencyKey, IntentId, SessionId};
use holdfast::domain::money::Money;
use holdfast::domain::session::{NewSession, SessionReport, SessionTerms};
use holdfast::gateway::{Gateway, GatewayError, Probe};
use holdfast::workflow::Context;
use holdfast::workflow::start_checkout::{Checkout, CheckoutError, CheckoutRequest, start_checkout};

use super::stage::{Sale, Stage};
use super::{Scene, Story, every_step_goes_wrong};
use crate::support::faulty::Plan;

every_step_goes_wrong!(Won, Lost, Overdue);

/// What this guest asks for, with a key.
pub(super) fn wish(guest: &str, sale: Sale, slot: &str) -> CheckoutRequest {
    CheckoutRequest {
        event_type: EventTypeId::parse(sale.event_type).unwrap(),
        starts_at: slot.parse().unwrap(),
        quantity: sale.quantity,
        resource: None,
        client: Some(ClientId("here".to_owned())),
        guest: Guest {
            email: format!("{guest}@example.com"),
            name: None,
        },
        metadata: BTreeMap::new(),
        success_url: "https://shop.example/paid".to_owned(),
        cancel_url: "https://shop.example/back".to_owned(),
        key: Some(IdempotencyKey::parse(&format!("{guest}-{slot}")).unwrap()),
        fingerprint: "f".repeat(64),
    }
}

/// Live holds of a slot.
async fn live(stage: &Stage, slot: &str) -> i64 {
    let key = format!("'%{slot}'");
    let attempts = format!("SELECT hold_id FROM checkout_attempts WHERE idempotency_key LIKE {key}");
    stage
        .count(&format!("holds WHERE status = 'held' AND id IN ({attempts})"))
        .await
}

/// The slot is the guest's.
pub(super) struct Won;

#[async_trait]
impl Story for Won {
    fn name(&self) -> String {
        "checkout won".to_owned()
    }

    async fn prepare(&self, stage: &Stage) -> Scene {
        stage.scene()
    }

    async fn run(&self, scene: &Scene, context: &Arc<Context>) -> bool {
        let answer = start_checkout(context, wish("ada", scene.sale, &scene.slot)).await;
        matches!(answer, Ok(Checkout::Placed(_)))
    }

    /// The guest asks again with the same key, and must get the slot.
    async fn go_on(&self, stage: &Stage, scene: &Scene) {
        let again = start_checkout(&stage.fresh(), wish("ada", scene.sale, &scene.slot)).await;
        assert!(
            matches!(again, Ok(Checkout::Placed(_) | Checkout::Replayed(_))),
            "{again:?}"
        );
        assert_eq!(live(stage, &scene.slot).await, 1);
    }

    async fn check(&self, stage: &Stage, scene: &Scene) {
        assert_eq!(live(stage, &scene.slot).await, 0, "nobody paid");
    }
}

/// Someone else has the slot by the time Stripe has made the session.
pub(super) struct Lost;

#[async_trait]
impl Story for Lost {
    fn name(&self) -> String {
        "checkout lost".to_owned()
    }

    async fn prepare(&self, stage: &Stage) -> Scene {
        Won.prepare(stage).await
    }

    fn context(&self, stage: &Stage, scene: &Arc<Scene>, plan: &Arc<Plan>) -> Arc<Context> {
        let rival = Arc::clone(&stage.app.context);
        let wanted = wish("bob", scene.sale, &scene.slot);
        let faster = async move {
            let won = start_checkout(&rival, wanted).await;
            assert!(matches!(won, Ok(Checkout::Placed(_))), "{won:?}");
        };
        let stripe = Meanwhile {
            stripe: Arc::clone(&stage.app.context.gateway),
            deed: Mutex::new(Some(Box::pin(faster))),
        };
        stage.disturbed_at(plan, Arc::new(stripe))
    }

    async fn run(&self, scene: &Scene, context: &Arc<Context>) -> bool {
        let answer = start_checkout(context, wish("ada", scene.sale, &scene.slot)).await;
        assert!(answer.is_err(), "{answer:?}");
        matches!(answer, Err(CheckoutError::SlotTaken(_)))
    }

    async fn check(&self, stage: &Stage, scene: &Scene) {
        let attempts = format!(
            "SELECT hold_id FROM checkout_attempts WHERE idempotency_key = 'ada-{}'",
            scene.slot
        );
        assert_eq!(stage.count(&format!("holds WHERE id IN ({attempts})")).await, 0);
        let unit_offset = format!(
            "checkout_attempts WHERE idempotency_key = 'bob-{}' AND state <> 'placed'",
            scene.slot
        );
        assert_eq!(stage.count(&unit_offset).await, 0, "the rival's hold is its own");
    }
}

/// The slot's last guest is overdue: their hold is released on the way.
pub(super) struct Overdue;

#[async_trait]
impl Story for Overdue {
    fn name(&self) -> String {
        "checkout over an overdue hold".to_owned()
    }

    async fn prepare(&self, stage: &Stage) -> Scene {
        let mut scene = stage.scene();
        scene.holds.push(stage.hold(&scene.slot).await);
        stage.app.clock.advance(chrono::Duration::minutes(31));
        scene
    }

    async fn run(&self, scene: &Scene, context: &Arc<Context>) -> bool {
        Won.run(scene, context).await
    }

    async fn go_on(&self, stage: &Stage, scene: &Scene) {
        Won.go_on(stage, scene).await;
    }

    async fn check(&self, stage: &Stage, scene: &Scene) {
        assert_eq!(stage.app.state_of(&scene.holds[0]).await, "released/expired");
        Won.check(stage, scene).await;
    }
}

/// A Stripe during whose first session something else happens.
struct Meanwhile {
    stripe: Arc<dyn Gateway>,
    deed: Mutex<Option<BoxFuture<'static, ()>>>,
}

#[async_trait]
impl Gateway for Meanwhile {
    async fn create_session(&self, terms: &SessionTerms) -> Result<NewSession, GatewayError> {
        let deed = self.deed.lock().unwrap().take();
        if let Some(deed) = deed {
            deed.await;
        }
        self.stripe.create_session(terms).await
    }

    async fn expire_session(&self, id: &SessionId) -> Result<SessionReport, GatewayError> {
        self.stripe.expire_session(id).await
    }

    async fn session(&self, id: &SessionId) -> Result<SessionReport, GatewayError> {
        self.stripe.session(id).await
    }

    async fn refund(&self, intent: &IntentId, money: Money, key: &str) -> Result<(), GatewayError> {
        self.stripe.refund(intent, money, key).await
    }

    async fn probe(&self) -> Result<Probe, GatewayError> {
        self.stripe.probe().await
    }
}
