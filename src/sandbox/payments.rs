//! What guests and banks do: pay, be declined, and finish or fail a delayed payment days later.
//!
//! Each change records Stripe's events in the order in which Stripe sends them
//! (docs.stripe.com/payments/checkout/fulfill-orders describes delayed methods).

use serde::{Deserialize, Serialize};

use super::account_state::AccountState;
use super::control_error::ControlError;
use super::event_log::ChangeContext;
use super::ids;
use super::objects::{Charge, Intent, IntentStatus, PaymentStatus, SessionStatus};

/// The result of a guest's attempt to pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentOutcome {
    /// The card is charged and the session is complete.
    Paid,
    /// The card is declined; the session stays open, so the guest can try again.
    Declined,
    /// A delayed method starts: the session is complete, but the money has not arrived.
    Processing,
    /// The delayed method succeeds. On an open session, `Processing` happens first.
    ProcessingSucceeded,
    /// The delayed method fails. On an open session, `Processing` happens first.
    ProcessingFailed,
}

/// Applies `outcome` to the session, or returns why the session does not allow it.
pub(super) fn pay_session(
    state: &mut AccountState,
    session: &str,
    outcome: PaymentOutcome,
    context: &ChangeContext,
) -> Result<(), ControlError> {
    let found = state
        .sessions
        .get_mut(session)
        .ok_or(ControlError::NoSuchSession)?;
    if found.status == SessionStatus::Open {
        found.compute_tax();
    }
    let finishes_delayed = matches!(
        outcome,
        PaymentOutcome::ProcessingSucceeded | PaymentOutcome::ProcessingFailed
    );
    match (found.status, found.payment_status) {
        // A free session completes without an intent, as Stripe has done since API version 2023-08-16.
        (SessionStatus::Open, PaymentStatus::NoPaymentRequired) if outcome == PaymentOutcome::Paid => {
            // An attempt to pay may have been declined before a promotion code left nothing to pay.
            let declined = found.payment_intent.take();
            complete_session(state, session, PaymentStatus::NoPaymentRequired, context);
            if let Some(intent) = declined {
                cancel_intent(state, &intent, context);
            }
            Ok(())
        }
        (SessionStatus::Open, PaymentStatus::NoPaymentRequired) => {
            Err(ControlError::NotPayable("free of charge"))
        }
        (SessionStatus::Open, _) => attempt_payment(state, session, outcome, context),
        (SessionStatus::Complete, _) if finishes_delayed => {
            finish_delayed_payment(state, session, outcome, context)
        }
        (status, _) => Err(ControlError::NotPayable(status.as_str())),
    }
}

/// Charges the guest through an expired session.
///
/// Stripe promises that this never happens. The control exists so that tests can check what the service does if it
/// happens nevertheless.
pub(super) fn pay_expired_session(
    state: &mut AccountState,
    session: &str,
    context: &ChangeContext,
) -> Result<(), ControlError> {
    let found = state.sessions.get(session).ok_or(ControlError::NoSuchSession)?;
    let intent = found.payment_intent.as_ref().and_then(|id| state.intents.get(id));
    if found.status != SessionStatus::Expired || intent.is_some_and(|intent| intent.latest_charge.is_some()) {
        return Err(ControlError::NotPayable(found.status.as_str()));
    }
    let intent = find_or_create_intent(state, session, context).ok_or(ControlError::NoSuchSession)?;
    succeed_intent(state, &intent, context);
    Ok(())
}

fn attempt_payment(
    state: &mut AccountState,
    session: &str,
    outcome: PaymentOutcome,
    context: &ChangeContext,
) -> Result<(), ControlError> {
    let is_delayed = !matches!(outcome, PaymentOutcome::Paid | PaymentOutcome::Declined);
    let accepts_delayed = |state: &AccountState| {
        let found = state.sessions.get(session);
        found.is_some_and(|session| session.accepts_delayed_methods())
    };
    if is_delayed && !accepts_delayed(state) {
        return Err(ControlError::MethodNotAllowed);
    }
    let intent = find_or_create_intent(state, session, context).ok_or(ControlError::NoSuchSession)?;
    match outcome {
        PaymentOutcome::Declined => fail_intent(state, &intent, "card_declined", context),
        PaymentOutcome::Paid => {
            succeed_intent(state, &intent, context);
            complete_session(state, session, PaymentStatus::Paid, context);
        }
        PaymentOutcome::Processing
        | PaymentOutcome::ProcessingSucceeded
        | PaymentOutcome::ProcessingFailed => {
            set_intent_status(state, &intent, IntentStatus::Processing);
            state.record_intent_event("payment_intent.processing", &intent, context);
            complete_session(state, session, PaymentStatus::Unpaid, context);
        }
    }
    match outcome {
        PaymentOutcome::ProcessingSucceeded | PaymentOutcome::ProcessingFailed => {
            finish_delayed_payment(state, session, outcome, context)
        }
        PaymentOutcome::Paid | PaymentOutcome::Declined | PaymentOutcome::Processing => Ok(()),
    }
}

/// Returns the id of the session's intent, which the first attempt to pay creates.
///
/// Later attempts reuse it, because Stripe keeps one PaymentIntent for each session. A promotion code may have changed its
/// amount.
fn find_or_create_intent(state: &mut AccountState, session: &str, context: &ChangeContext) -> Option<String> {
    let found = state.sessions.get_mut(session)?;
    if let Some(id) = &found.payment_intent {
        if let Some(intent) = state.intents.get_mut(id) {
            intent.amount = found.amount_total();
        }
        return Some(id.clone());
    }
    let intent = Intent {
        id: ids::generate_intent_id(),
        created: context.now,
        session: session.to_owned(),
        amount: found.amount_total(),
        amount_received: 0,
        currency: found.params.currency.clone(),
        description: found.params.intent_description.clone(),
        // Stripe does not copy the session's own metadata to the intent.
        metadata: found.params.intent_metadata.clone(),
        status: IntentStatus::RequiresPaymentMethod,
        latest_charge: None,
        canceled_at: None,
        last_error: None,
    };
    let id = intent.id.clone();
    found.payment_intent = Some(id.clone());
    state.intents.insert(id.clone(), intent);
    state.record_intent_event("payment_intent.created", &id, context);
    Some(id)
}

fn finish_delayed_payment(
    state: &mut AccountState,
    session: &str,
    outcome: PaymentOutcome,
    context: &ChangeContext,
) -> Result<(), ControlError> {
    let is_processing = |intent: &&Intent| intent.status == IntentStatus::Processing;
    let intent = state
        .sessions
        .get(session)
        .and_then(|found| found.payment_intent.clone());
    let Some(intent) = intent.filter(|id| state.intents.get(id).as_ref().is_some_and(is_processing)) else {
        return Err(ControlError::NotPayable("complete"));
    };
    if outcome == PaymentOutcome::ProcessingSucceeded {
        succeed_intent(state, &intent, context);
        if let Some(found) = state.sessions.get_mut(session) {
            found.payment_status = PaymentStatus::Paid;
        }
        state.record_session_event("checkout.session.async_payment_succeeded", session, context);
    } else {
        fail_intent(state, &intent, "payment_intent_payment_attempt_failed", context);
        state.record_session_event("checkout.session.async_payment_failed", session, context);
    }
    Ok(())
}

fn succeed_intent(state: &mut AccountState, intent: &str, context: &ChangeContext) {
    let Some(found) = state.intents.get_mut(intent) else {
        return;
    };
    let email = state
        .sessions
        .get(&found.session)
        .and_then(|session| session.params.customer_email.clone());
    let charge = Charge {
        id: ids::generate_charge_id(),
        created: context.now,
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
    state.record_intent_event("payment_intent.succeeded", intent, context);
    state.record_charge_event("charge.succeeded", &charge_id, context);
}

fn fail_intent(state: &mut AccountState, intent: &str, code: &str, context: &ChangeContext) {
    if let Some(found) = state.intents.get_mut(intent) {
        // Stripe has no status `failed`: the intent waits for another payment method.
        found.status = IntentStatus::RequiresPaymentMethod;
        found.last_error = Some(code.to_owned());
    }
    state.record_intent_event("payment_intent.payment_failed", intent, context);
}

/// Cancels the intent of a session that has expired, or of which a promotion code left nothing to pay.
pub(super) fn cancel_intent(state: &mut AccountState, intent: &str, context: &ChangeContext) {
    if let Some(found) = state.intents.get_mut(intent) {
        found.status = IntentStatus::Canceled;
        found.canceled_at = Some(context.now);
    }
    state.record_intent_event("payment_intent.canceled", intent, context);
}

fn set_intent_status(state: &mut AccountState, intent: &str, status: IntentStatus) {
    if let Some(found) = state.intents.get_mut(intent) {
        found.status = status;
    }
}

fn complete_session(
    state: &mut AccountState,
    session: &str,
    payment_status: PaymentStatus,
    context: &ChangeContext,
) {
    state.close_session(session, SessionStatus::Complete);
    if let Some(found) = state.sessions.get_mut(session) {
        found.payment_status = payment_status;
    }
    state.record_session_event("checkout.session.completed", session, context);
}
