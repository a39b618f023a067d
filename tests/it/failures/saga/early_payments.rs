//! Runs checkouts whose session is paid before its hold is placed: the call that made the session still hangs.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::future::BoxFuture;
use holdfast::domain::hold::{Hold, Status};
use holdfast::domain::ids::{HoldId, IntentId, SessionId};
use holdfast::domain::ledger::snapshots::PaymentFacts;
use holdfast::domain::money::Money;
use holdfast::domain::payment::{PaymentState, Receipt};
use holdfast::domain::session::{NewSession, SessionReport, SessionTerms};
use holdfast::gateway::{Gateway, GatewayError, Probe, WebhookEndpoint};
use holdfast::sandbox::PaymentOutcome;
use holdfast::store::{ApplyOutcome, OrphanPayment};
use holdfast::workflow::start_checkout::{Checkout, CheckoutError, CheckoutRequest, start_checkout};
use holdfast::workflow::{Context, sweep};

use super::checkouts::{checkout_request, select_holds_of};
use super::fixture::SagaFixture;
use super::{Scenario, WorkflowCase, fault_at_every_step};
use crate::support::database::Engine;
use crate::support::fault_injection::Plan;
use crate::support::gateway_calls::pass_ledger_calls;
use crate::support::on_both_engines;

fault_at_every_step!(
    PaidEarly::default(),
    PaidEarly {
        loses: true,
        ..PaidEarly::default()
    },
    PaidEarly {
        code: Some("OFF20"),
        ..PaidEarly::default()
    },
    PaidEarly {
        loses: true,
        code: Some("OFF20"),
    },
);

/// A checkout whose session is paid while the answer of Stripe is on its way; Stripe's events arrive first.
#[derive(Clone, Copy, Debug, Default)]
struct PaidEarly {
    /// Whether another guest gets the slot meanwhile.
    loses: bool,
    /// The promotion code that the guest enters, which makes the total another one than the price.
    code: Option<&'static str>,
}

/// What happens after Stripe has made a session and before the answer arrives.
pub(super) type Meanwhile = Box<dyn FnOnce(HoldId, SessionId) -> BoxFuture<'static, ()> + Send>;

/// A gateway whose first answer with a session arrives late.
pub(super) struct SlowGateway {
    inner: Arc<dyn Gateway>,
    meanwhile: Mutex<Option<Meanwhile>>,
    /// Whether Stripe does not say what has become of a session.
    is_silent: bool,
}

impl SlowGateway {
    pub(super) fn new(fixture: &SagaFixture, meanwhile: Meanwhile) -> Arc<Self> {
        Arc::new(Self::build(fixture, meanwhile, false))
    }

    fn build(fixture: &SagaFixture, meanwhile: Meanwhile, is_silent: bool) -> Self {
        Self {
            inner: Arc::clone(&fixture.app.context.gateway),
            meanwhile: Mutex::new(Some(meanwhile)),
            is_silent,
        }
    }
}

/// Pays the session of a checkout while it is made, with a promotion code if there is one; Stripe's events arrive. Then another
/// guest gets the slot, if this is the request.
pub(super) fn pay_meanwhile(
    fixture: &SagaFixture,
    code: Option<&'static str>,
    other: Option<CheckoutRequest>,
) -> Meanwhile {
    let (simulator, context) = (fixture.app.simulator.clone(), Arc::clone(&fixture.app.context));
    Box::new(move |_, session| {
        Box::pin(async move {
            if let Some(code) = code {
                simulator.apply_promotion_code(session.as_str(), code).unwrap();
            }
            simulator.pay(session.as_str(), PaymentOutcome::Paid).unwrap();
            for delivery in simulator.deliver_all().await {
                assert!(delivery.accepted(), "{delivery:?}");
            }
            if let Some(other) = other {
                let won = start_checkout(&context, other).await;
                assert!(matches!(won, Ok(Checkout::Placed(_))), "{won:?}");
            }
        })
    })
}

#[async_trait]
impl Gateway for SlowGateway {
    async fn create_session(&self, terms: &SessionTerms) -> Result<NewSession, GatewayError> {
        let session = self.inner.create_session(terms).await?;
        let meanwhile = self.meanwhile.lock().unwrap().take();
        if let Some(happen) = meanwhile {
            happen(terms.hold, session.id.clone()).await;
        }
        Ok(session)
    }

    async fn expire_session(&self, id: &SessionId) -> Result<SessionReport, GatewayError> {
        self.inner.expire_session(id).await
    }

    async fn retrieve_session(&self, id: &SessionId) -> Result<SessionReport, GatewayError> {
        if self.is_silent {
            return Err(GatewayError::Unavailable { retry_after: None });
        }
        self.inner.retrieve_session(id).await
    }

    async fn probe_account(&self) -> Result<Probe, GatewayError> {
        self.inner.probe_account().await
    }

    async fn list_webhook_endpoints(&self) -> Result<Vec<WebhookEndpoint>, GatewayError> {
        self.inner.list_webhook_endpoints().await
    }
}

pass_ledger_calls!(SlowGateway, |own| own.inner);

#[async_trait]
impl WorkflowCase for PaidEarly {
    fn name(&self) -> String {
        format!("checkout {self:?}")
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
        let other = self
            .loses
            .then(|| checkout_request("bob", scenario.offer, &scenario.slot));
        let meanwhile = pay_meanwhile(fixture, self.code, other);
        fixture.faulty_context_with(plan, SlowGateway::new(fixture, meanwhile))
    }

    async fn run_workflow(&self, scenario: &Scenario, context: &Arc<Context>) -> bool {
        let request = checkout_request("ada", scenario.offer, &scenario.slot);
        match start_checkout(context, request).await {
            Ok(Checkout::Placed(booking)) => !self.loses && booking.hold.status == Status::Confirmed,
            Err(CheckoutError::SlotTaken(_)) => self.loses,
            _ => false,
        }
    }

    async fn check_result(&self, fixture: &SagaFixture, scenario: &Scenario) {
        let kept = "SELECT p.intent_id FROM payments p JOIN holds h ON h.id = p.hold_id
             WHERE h.status = 'confirmed' AND p.state = 'paid'";
        let kept = fixture.app.database.texts(kept).await;
        let refunds = fixture.app.simulator.refunds();
        // Those of all runs: nobody else pays.
        for intent in fixture.app.simulator.intents() {
            let back = refunds.iter().filter(|refund| refund.payment_intent == intent.id);
            let places = (kept.contains(&intent.id), back.count());
            assert!(
                matches!(places, (true, 0) | (false, 1)),
                "the guest has the slot or the money: {places:?}"
            );
        }
        let of_ada = select_holds_of("ada", &scenario.slot);
        let confirmed = format!("holds WHERE status = 'confirmed' AND id IN ({of_ada})");
        let is_lost = fixture.count_rows(&confirmed).await == 0;
        assert!(!self.loses || is_lost);
        for wrong in [WAITING, "holds WHERE price_mismatch"] {
            assert_eq!(fixture.count_rows(wrong).await, 0, "{wrong}");
        }
    }
}

/// The payments that wait for their hold.
const WAITING: &str = "payments WHERE hold_id IS NULL AND keep_reason = 'booking'";

/// Money that a report says came for the hold: so many minor units, from this session.
#[derive(Clone)]
struct Early(&'static str, i64, Source);

/// What a report says about where money came from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Intent,
    OwnSession,
    OtherSession,
}

/// Places a hold for 50 EUR for which this money came before, and returns the hold.
async fn place_with_money(engine: Engine, money: Vec<Early>) -> (SagaFixture, Hold) {
    let fixture = SagaFixture::start(engine).await;
    fixture
        .app
        .without_audit("the money of the test is not at Stripe");
    let scenario = fixture.new_scenario();
    let context = Arc::clone(&fixture.app.context);
    let meanwhile: Meanwhile = Box::new(move |hold, own| {
        Box::pin(async move {
            for Early(intent, amount, from) in money {
                let receipt = Receipt {
                    asked: None,
                    intent: IntentId::new(intent),
                    money: Money {
                        amount,
                        currency: holdfast::domain::money::Currency::parse("eur").unwrap(),
                    },
                };
                let orphan = OrphanPayment {
                    event: None,
                    claimed_hold: Some(hold),
                    session: match from {
                        Source::Intent => None,
                        Source::OwnSession => Some(own.clone()),
                        Source::OtherSession => Some(SessionId::new("cs_test_copy")),
                    },
                    payment: receipt.to_payment(PaymentFacts::default()),
                    livemode: false,
                    now: context.clock.now() + chrono::Duration::milliseconds(amount),
                };
                let recorded = context.store.record_orphan_payment(&orphan).await.unwrap();
                assert_ne!(recorded, ApplyOutcome::Conflict);
            }
        })
    });
    let slow = fixture.context_with_gateway(SlowGateway::new(&fixture, meanwhile));
    let placed = start_checkout(&slow, checkout_request("ada", scenario.offer, &scenario.slot)).await;
    let Ok(Checkout::Placed(booking)) = placed else {
        panic!("{placed:?}");
    };
    (fixture, booking.hold)
}

fn states(hold: &Hold) -> Vec<(&str, PaymentState)> {
    let payments = hold.payments.iter();
    let mut states: Vec<_> = payments
        .map(|payment| (payment.intent.as_str(), payment.state))
        .collect();
    states.sort_unstable();
    states
}

on_both_engines! {
    async fn early_money_of_the_own_session_confirms_at_any_amount(engine) {
        for amount in [4000, 5000, 6000] {
            let money = vec![Early("pi_1", amount, Source::Intent), Early("pi_1", amount, Source::OwnSession)];
            let (_fixture, hold) = place_with_money(engine, money).await;
            assert_eq!((hold.status, hold.price_mismatch), (Status::Confirmed, amount != 5000));
            assert_eq!(states(&hold), [("pi_1", PaymentState::Paid)]);
        }
    }

    async fn early_money_waits_for_the_totals_of_its_session(engine) {
        let fixture = SagaFixture::start(engine).await;
        let scenario = fixture.new_scenario();
        let meanwhile = pay_meanwhile(&fixture, Some("OFF20"), None);
        let silent = SlowGateway::build(&fixture, meanwhile, true);
        let request = checkout_request("ada", scenario.offer, &scenario.slot);
        let placed = start_checkout(&fixture.context_with_gateway(Arc::new(silent)), request).await;
        let Ok(Checkout::Placed(booking)) = placed else {
            panic!("{placed:?}");
        };
        assert_eq!((booking.hold.status, booking.hold.price_mismatch), (Status::Held, false));
        assert_eq!((fixture.count_rows(WAITING).await, fixture.count_rows("commands").await), (1, 0));

        sweep::sweep_once(&fixture.fresh_context()).await.unwrap();
        let shown = fixture.app.admin_hold(&booking.hold.id.to_string()).await;
        assert_eq!((&shown["status"], &shown["price_mismatch"]), (&"confirmed".into(), &false.into()));
        assert_eq!((&shown["amount"], &shown["ledger"]["paid"]), (&5000.into(), &4000.into()));
        assert_eq!(fixture.count_rows(WAITING).await, 0);
    }

    async fn early_money_below_the_price_waits_for_its_session(engine) {
        let (fixture, hold) = place_with_money(engine, vec![Early("pi_1", 4000, Source::Intent)]).await;
        assert_eq!((hold.status, states(&hold)), (Status::Held, vec![("pi_1", PaymentState::Paid)]));
        assert_eq!(fixture.count_rows("commands").await, 0);
    }

    async fn second_early_payment_is_refunded(engine) {
        let money = vec![Early("pi_1", 5000, Source::OwnSession), Early("pi_2", 5001, Source::OtherSession)];
        let (fixture, hold) = place_with_money(engine, money).await;
        assert_eq!(hold.status, Status::Confirmed);
        assert_eq!(states(&hold), [("pi_1", PaymentState::Paid), ("pi_2", PaymentState::RefundDue)]);
        assert_eq!(fixture.count_rows("commands WHERE kind = 'refund' AND intent_id = 'pi_2'").await, 1);
        assert_eq!(fixture.count_rows("commands").await, 1);
    }

    async fn early_money_of_a_copy_ends_the_own_session(engine) {
        let (fixture, hold) = place_with_money(engine, vec![Early("pi_1", 5000, Source::OtherSession)]).await;
        assert_eq!((hold.status, hold.paid_elsewhere), (Status::Confirmed, true));
        assert_eq!(fixture.count_rows("commands WHERE kind = 'expire_session'").await, 1);
    }
}
