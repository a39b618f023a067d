//! Reads the JSON of a delivery into the one fact that it carries.
//!
//! The event's type and its object decide. If the two contradict each other about money, the object decides. An
//! event that we cannot use is a value, not an error: only the workflow knows whether it is ours, and Stripe must send it again.

use serde_json::Value;

use crate::domain::hold::{Fact, FailureCode};
use crate::domain::ids::{EventId, IntentId, SessionId};
use crate::domain::ledger::fact::LedgerFact;
use crate::domain::payment::Receipt;
use crate::domain::session::{EventRefs, HoldClaim, SessionPayment};
use crate::gateway::{ledger_objects, stripe_json, stripe_objects};

/// An event that Stripe sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Stripe's id of the event.
    pub id: EventId,
    /// The event's type, such as `checkout.session.completed`.
    pub kind: String,
    /// Whether the event is about real money. It must match the secret key's mode.
    pub livemode: bool,
    /// The fact that the event carries, or why it carries none.
    pub content: EventContent,
    /// What the event says about a refund or a dispute, if it can be read.
    pub ledger: Option<LedgerFact>,
}

/// The fact in an event, or the reason to ignore it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventContent {
    /// A fact about the hold that owns the event, if a hold does.
    Relevant {
        /// The references that the event contains; whether they prove anything is for the workflow to decide.
        refs: EventRefs,
        /// The fact that the event carries.
        fact: Fact,
        /// The payment, if the fact proves one. If it carries our metadata and has no hold, it must be refunded.
        money: Option<Receipt>,
    },
    /// We handle the type, but the object lacks a field that the fact needs, such as an intent. By this claim of its metadata it
    /// may be ours.
    Unreadable(HoldClaim),
    /// The event does not concern us.
    Irrelevant(IgnoreReason),
}

/// Why an event is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IgnoreReason {
    /// We do not handle this event type.
    UnknownType,
    /// The event is a thin event (`v2.core.event`), which carries no data.
    ThinEvent,
    /// We handle the type, but the object lacks a field that the fact needs, and does not claim to be of a hold.
    IncompleteObject,
    /// It is about a refund or a dispute, which the ledger takes.
    ReportedElsewhere,
}

/// The body is not an event: it is not UTF-8, not JSON, nested too deeply, or lacks an id, type or mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a readable event")]
pub struct MalformedEvent;

/// Reads the body of a delivery whose signature is valid.
///
/// # Errors
/// [`MalformedEvent`] if not even the event's id, type and mode can be read.
pub fn parse_event(body: &[u8]) -> Result<Event, MalformedEvent> {
    let event = stripe_json::parse_json(body).map_err(|_| MalformedEvent)?;
    let kind = stripe_objects::parse_text(&event, "type").ok_or(MalformedEvent)?;
    let ledger = parse_ledger_fact(kind, &event);
    Ok(Event {
        id: EventId::new(stripe_objects::parse_text(&event, "id").ok_or(MalformedEvent)?),
        kind: kind.to_owned(),
        livemode: event
            .get("livemode")
            .and_then(Value::as_bool)
            .ok_or(MalformedEvent)?,
        content: parse_content(kind, &event, ledger.is_some()),
        ledger,
    })
}

fn parse_content(kind: &str, event: &Value, has_ledger_fact: bool) -> EventContent {
    if stripe_objects::parse_text(event, "object") == Some("v2.core.event") {
        return EventContent::Irrelevant(IgnoreReason::ThinEvent);
    }
    let Some(object) = event.pointer("/data/object") else {
        return EventContent::Irrelevant(IgnoreReason::IncompleteObject);
    };
    let content = match kind {
        "checkout.session.completed"
        | "checkout.session.expired"
        | "checkout.session.async_payment_succeeded"
        | "checkout.session.async_payment_failed" => parse_session_event(kind, object),
        "payment_intent.created"
        | "payment_intent.processing"
        | "payment_intent.requires_action"
        | "payment_intent.succeeded"
        | "payment_intent.payment_failed"
        | "payment_intent.canceled" => parse_intent_event(kind, object),
        // What they say is in [`Event::ledger`].
        "charge.refunded"
        | "refund.created"
        | "refund.updated"
        | "refund.failed"
        | "charge.refund.updated"
        | "charge.dispute.created"
        | "charge.dispute.updated"
        | "charge.dispute.closed"
        | "charge.dispute.funds_withdrawn"
        | "charge.dispute.funds_reinstated" => {
            has_ledger_fact.then_some(EventContent::Irrelevant(IgnoreReason::ReportedElsewhere))
        }
        _ => return EventContent::Irrelevant(IgnoreReason::UnknownType),
    };
    content.unwrap_or_else(|| {
        let claim = stripe_objects::parse_hold_claim(object).map(EventContent::Unreadable);
        claim.unwrap_or(EventContent::Irrelevant(IgnoreReason::IncompleteObject))
    })
}

/// Returns what an event says about refunds and disputes. `data.object` is the charge, the refund or the dispute.
fn parse_ledger_fact(kind: &str, event: &Value) -> Option<LedgerFact> {
    let object = event.pointer("/data/object")?;
    match kind {
        "charge.refunded" => Some(LedgerFact::ChargeRefunded {
            intent: stripe_objects::parse_intent_reference(object)?,
            paid: stripe_objects::parse_money(object, "amount")?,
            amount_refunded: stripe_objects::parse_integer(object, "amount_refunded")?,
            refunds: ledger_objects::parse_inline_refunds(object),
        }),
        "refund.created" | "refund.updated" | "refund.failed" | "charge.refund.updated" => {
            ledger_objects::parse_refund(object).map(LedgerFact::RefundSeen)
        }
        "charge.dispute.created"
        | "charge.dispute.updated"
        | "charge.dispute.closed"
        | "charge.dispute.funds_withdrawn"
        | "charge.dispute.funds_reinstated" => {
            ledger_objects::parse_dispute(object).map(LedgerFact::DisputeSeen)
        }
        _ => None,
    }
}

fn to_relevant_content(
    object: &Value,
    session: Option<SessionId>,
    intent: Option<IntentId>,
    fact: Fact,
) -> EventContent {
    EventContent::Relevant {
        refs: EventRefs {
            claim: stripe_objects::parse_hold_claim(object),
            session,
            intent,
        },
        money: proven_payment(&fact),
        fact,
    }
}

/// Returns the payment that a fact proves.
fn proven_payment(fact: &Fact) -> Option<Receipt> {
    match fact {
        Fact::SessionCompleted(SessionPayment::Paid(receipt))
        | Fact::AsyncSucceeded(receipt)
        | Fact::IntentSucceeded(receipt) => Some(receipt.clone()),
        _ => None,
    }
}

fn parse_session_event(kind: &str, object: &Value) -> Option<EventContent> {
    let id = SessionId::new(stripe_objects::parse_text(object, "id")?);
    let completed = || stripe_objects::parse_session_payment(object).map(Fact::SessionCompleted);
    let async_succeeded = || stripe_objects::parse_session_receipt(object).map(Fact::AsyncSucceeded);
    let fact = match kind {
        "checkout.session.completed" => completed()?,
        "checkout.session.async_payment_succeeded" => async_succeeded()?,
        "checkout.session.async_payment_failed" => match stripe_objects::parse_text(object, "payment_status")
        {
            Some("paid") => async_succeeded()?,
            _ => Fact::AsyncFailed,
        },
        // A slot is released only if Stripe can take no more money for it (I2), whatever the event's type says.
        _ => match stripe_objects::parse_text(object, "status") {
            Some("expired") | None => Fact::SessionDead,
            Some("complete") => completed()?,
            Some(_) => return None,
        },
    };
    Some(to_relevant_content(
        object,
        Some(id),
        stripe_objects::parse_intent_reference(object),
        fact,
    ))
}

fn parse_intent_event(kind: &str, object: &Value) -> Option<EventContent> {
    let id = IntentId::new(stripe_objects::parse_text(object, "id")?);
    let fact = match kind {
        "payment_intent.succeeded" => Fact::IntentSucceeded(Receipt {
            intent: id.clone(),
            money: stripe_objects::parse_money(object, "amount_received")?,
            asked: None,
        }),
        "payment_intent.payment_failed" => Fact::IntentFailed(id.clone(), parse_failure_code(object)),
        "payment_intent.canceled" => Fact::IntentCanceled(id.clone()),
        _ => Fact::IntentLinked(id.clone()),
    };
    Some(to_relevant_content(object, None, Some(id), fact))
}

fn parse_failure_code(intent: &Value) -> FailureCode {
    let code = intent
        .get("last_payment_error")
        .and_then(|error| stripe_objects::parse_text(error, "code"));
    FailureCode::new(code.unwrap_or_default())
}

#[cfg(test)]
mod tests;
