//! What guests and banks do: paying, being declined, and the late verdicts of slow payment methods.
//!
//! The intent is made when the guest first confirms and stays with its session. Each change queues Stripe's events in
//! the order in which Stripe emits them; delivering them is not this file's business.

use serde::{Deserialize, Serialize};

use super::params::Metadata;
use super::sessions::{PaymentStatus, SessionStatus};
use super::state::{Moment, State};
use super::{ControlError, ids};

/// Payment methods whose money is sure only days later.
const DELAYED: &[&str] = &[
    "acss_debit",
    "au_becs_debit",
    "bacs_debit",
    "boleto",
    "customer_balance",
    "konbini",
    "multibanco",
    "oxxo",
    "sepa_debit",
    "us_bank_account",
];

/// What becomes of an attempt to pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The card is charged and the session complete.
    Paid,
    /// The card is refused; the session stays open for another try.
    Declined,
    /// A slow method: the session is complete, the money not there yet.
    Processing,
    /// The slow method's money came. On an open session: `Processing` first, then this.
    ProcessingSucceeded,
    /// The slow method's money will not come. On an open session: `Processing` first, then this.
    ProcessingFailed,
}

/// A PaymentIntent's `status`, as far as Checkout leads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IntentStatus {
    /// Not tried yet, or tried and refused.
    RequiresPaymentMethod,
    /// A slow method is at work.
    Processing,
    /// The money is there.
    Succeeded,
    /// Its session expired first.
    Canceled,
}

impl IntentStatus {
    /// As spelled on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            IntentStatus::RequiresPaymentMethod => "requires_payment_method",
            IntentStatus::Processing => "processing",
            IntentStatus::Succeeded => "succeeded",
            IntentStatus::Canceled => "canceled",
        }
    }
}

impl PartialEq<&str> for IntentStatus {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

/// A PaymentIntent.
#[derive(Debug, Clone)]
pub(super) struct Intent {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) session: String,
    pub(super) amount: i64,
    pub(super) amount_received: i64,
    pub(super) currency: String,
    pub(super) description: Option<String>,
    pub(super) metadata: Metadata,
    pub(super) status: IntentStatus,
    pub(super) latest_charge: Option<String>,
    pub(super) canceled_at: Option<i64>,
    /// The code of the last refusal.
    pub(super) last_error: Option<&'static str>,
}

/// A successful charge: the simulator keeps no failed ones.
#[derive(Debug, Clone)]
pub(super) struct Charge {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) intent: String,
    pub(super) amount: i64,
    pub(super) amount_refunded: i64,
    pub(super) currency: String,
    pub(super) description: Option<String>,
    pub(super) email: Option<String>,
    pub(super) metadata: Metadata,
    pub(super) disputed: bool,
}

/// Applies `outcome` to the session, or says why it cannot be.
pub(super) fn pay(
    state: &mut State,
    session: &str,
    outcome: Outcome,
    moment: &Moment,
) -> Result<(), ControlError> {
    let found = state.sessions.get(session).ok_or(ControlError::NoSuchSession)?;
    let verdict = matches!(outcome, Outcome::ProcessingSucceeded | Outcome::ProcessingFailed);
    match (found.status, found.payment_status) {
        (SessionStatus::Open, PaymentStatus::NoPaymentRequired) if outcome == Outcome::Paid => {
            complete(state, session, PaymentStatus::NoPaymentRequired, moment);
            Ok(())
        }
        (SessionStatus::Open, PaymentStatus::NoPaymentRequired) => {
            Err(ControlError::NotPayable("free of charge"))
        }
        (SessionStatus::Open, _) => attempt(state, session, outcome, moment),
        (SessionStatus::Complete, _) if verdict => settle(state, session, outcome, moment),
        (status, _) => Err(ControlError::NotPayable(status.as_str())),
    }
}

/// Takes money through a session that has expired. Stripe promises that this never happens; whoever keeps books should
/// survive it all the same.
pub(super) fn pay_late(state: &mut State, session: &str, moment: &Moment) -> Result<(), ControlError> {
    let found = state.sessions.get(session).ok_or(ControlError::NoSuchSession)?;
    let paid = found.payment_intent.as_ref().and_then(|id| state.intents.get(id));
    if found.status != SessionStatus::Expired || paid.is_some_and(|intent| intent.latest_charge.is_some()) {
        return Err(ControlError::NotPayable(found.status.as_str()));
    }
    let intent = confirm(state, session, moment).ok_or(ControlError::NoSuchSession)?;
    succeed(state, &intent, moment);
    Ok(())
}

fn attempt(state: &mut State, session: &str, outcome: Outcome, moment: &Moment) -> Result<(), ControlError> {
    let slow = !matches!(outcome, Outcome::Paid | Outcome::Declined);
    if slow && !takes_slow_methods(state, session) {
        return Err(ControlError::MethodNotAllowed);
    }
    let intent = confirm(state, session, moment).ok_or(ControlError::NoSuchSession)?;
    match outcome {
        Outcome::Declined => fail(state, &intent, "card_declined", moment),
        Outcome::Paid => {
            succeed(state, &intent, moment);
            complete(state, session, PaymentStatus::Paid, moment);
        }
        Outcome::Processing | Outcome::ProcessingSucceeded | Outcome::ProcessingFailed => {
            set_status(state, &intent, IntentStatus::Processing);
            state.emit_intent("payment_intent.processing", &intent, moment);
            complete(state, session, PaymentStatus::Unpaid, moment);
        }
    }
    match outcome {
        Outcome::ProcessingSucceeded | Outcome::ProcessingFailed => settle(state, session, outcome, moment),
        Outcome::Paid | Outcome::Declined | Outcome::Processing => Ok(()),
    }
}

/// Whether the guest may choose a slow method here: unless the order allows only quick ones.
pub(super) fn takes_slow_methods(state: &State, session: &str) -> bool {
    state.sessions.get(session).is_some_and(|session| {
        let allowed = &session.order.allowed_payment_method_types;
        allowed.is_empty() || allowed.iter().any(|method| DELAYED.contains(&method.as_str()))
    })
}

/// The session's intent, made now if this is the first try.
fn confirm(state: &mut State, session: &str, moment: &Moment) -> Option<String> {
    let found = state.sessions.get_mut(session)?;
    if let Some(intent) = &found.payment_intent {
        return Some(intent.clone());
    }
    let intent = Intent {
        id: ids::intent(),
        created: moment.now,
        session: session.to_owned(),
        amount: found.order.amount_total,
        amount_received: 0,
        currency: found.order.currency.clone(),
        description: found.order.intent_description.clone(),
        metadata: found.order.intent_metadata.clone(),
        status: IntentStatus::RequiresPaymentMethod,
        latest_charge: None,
        canceled_at: None,
        last_error: None,
    };
    let id = intent.id.clone();
    found.payment_intent = Some(id.clone());
    state.intents.insert(id.clone(), intent);
    state.emit_intent("payment_intent.created", &id, moment);
    Some(id)
}

fn settle(state: &mut State, session: &str, outcome: Outcome, moment: &Moment) -> Result<(), ControlError> {
    let at_work = |intent: &&Intent| intent.status == IntentStatus::Processing;
    let intent = state
        .sessions
        .get(session)
        .and_then(|found| found.payment_intent.clone());
    let Some(intent) = intent.filter(|id| state.intents.get(id).as_ref().is_some_and(at_work)) else {
        return Err(ControlError::NotPayable("complete"));
    };
    if outcome == Outcome::ProcessingSucceeded {
        succeed(state, &intent, moment);
        if let Some(found) = state.sessions.get_mut(session) {
            found.payment_status = PaymentStatus::Paid;
        }
        state.emit_session("checkout.session.async_payment_succeeded", session, moment);
    } else {
        fail(state, &intent, "payment_intent_payment_attempt_failed", moment);
        state.emit_session("checkout.session.async_payment_failed", session, moment);
    }
    Ok(())
}

fn succeed(state: &mut State, intent: &str, moment: &Moment) {
    let Some(found) = state.intents.get_mut(intent) else {
        return;
    };
    let email = state
        .sessions
        .get(&found.session)
        .and_then(|session| session.order.customer_email.clone());
    let charge = Charge {
        id: ids::charge(),
        created: moment.now,
        intent: intent.to_owned(),
        amount: found.amount,
        amount_refunded: 0,
        currency: found.currency.clone(),
        description: found.description.clone(),
        email,
        metadata: found.metadata.clone(),
        disputed: false,
    };
    let charge_id = charge.id.clone();
    found.status = IntentStatus::Succeeded;
    found.amount_received = found.amount;
    found.last_error = None;
    found.latest_charge = Some(charge_id.clone());
    state.charges.insert(charge_id.clone(), charge);
    state.emit_intent("payment_intent.succeeded", intent, moment);
    state.emit_charge("charge.succeeded", &charge_id, moment);
}

fn fail(state: &mut State, intent: &str, code: &'static str, moment: &Moment) {
    if let Some(found) = state.intents.get_mut(intent) {
        found.status = IntentStatus::RequiresPaymentMethod;
        found.last_error = Some(code);
    }
    state.emit_intent("payment_intent.payment_failed", intent, moment);
}

/// Cancels the intent of a session that has expired.
pub(super) fn cancel(state: &mut State, intent: &str, moment: &Moment) {
    if let Some(found) = state.intents.get_mut(intent) {
        found.status = IntentStatus::Canceled;
        found.canceled_at = Some(moment.now);
    }
    state.emit_intent("payment_intent.canceled", intent, moment);
}

fn set_status(state: &mut State, intent: &str, status: IntentStatus) {
    if let Some(found) = state.intents.get_mut(intent) {
        found.status = status;
    }
}

fn complete(state: &mut State, session: &str, payment_status: PaymentStatus, moment: &Moment) {
    state.leave_open(session, SessionStatus::Complete);
    if let Some(found) = state.sessions.get_mut(session) {
        found.payment_status = payment_status;
    }
    state.emit_session("checkout.session.completed", session, moment);
}
