//! A delivery's JSON, read into the one fact that it carries.
//!
//! [`read`] decides by the event's type and by its object; where the two contradict each other about money, the object
//! is believed. An event that we cannot use is a value, not an error: Stripe would only send it again.

use serde_json::Value;

use crate::domain::hold::{Fact, FailureCode};
use crate::domain::ids::{EventId, HoldId, IntentId, SessionId};
use crate::domain::payment::Receipt;
use crate::domain::session::{HoldRefs, SessionPayment};
use crate::gateway::wire;

/// One event of Stripe's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Stripe's id of it.
    pub id: EventId,
    /// Its type, such as `checkout.session.completed`.
    pub kind: String,
    /// Whether it is about real money; must match the secret key's mode.
    pub livemode: bool,
    /// What it tells.
    pub content: EventContent,
}

/// What an event tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventContent {
    /// A fact about a hold, if there is one that the refs name.
    Relevant {
        /// Which hold it concerns.
        refs: HoldRefs,
        /// What is so.
        fact: Fact,
        /// Proof of money, where the fact is one: what must go back if no hold is found and `ours` is set.
        money: Option<Receipt>,
        /// The object carries our metadata. A `client_reference_id` alone does not make it so: other products on the
        /// same account use that field too, and their money is none of our business.
        ours: bool,
    },
    /// Nothing that concerns us.
    Irrelevant(IgnoreReason),
}

/// Why an event tells us nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IgnoreReason {
    /// We do not listen to its type.
    UnknownType,
    /// A `v2.core.event`: it carries no data.
    ThinEvent,
    /// Its type is ours, but its object lacks what the fact needs, such as an intent.
    Unusable,
    /// Another event tells the same, and the total with it.
    ToldElsewhere,
}

/// The body is not an event of Stripe's: not UTF-8, not JSON, nested too deeply, or without id and type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a readable event")]
pub struct MalformedEvent;

/// Reads a delivery whose signature was found good.
///
/// # Errors
/// [`MalformedEvent`] where not even its id and type can be read.
pub fn read(body: &[u8]) -> Result<Event, MalformedEvent> {
    // serde_json refuses what is not UTF-8 and stops at a depth of 128.
    let event: Value = serde_json::from_slice(body).map_err(|_| MalformedEvent)?;
    let kind = wire::text(&event, "type").ok_or(MalformedEvent)?;
    Ok(Event {
        id: EventId::new(wire::text(&event, "id").ok_or(MalformedEvent)?),
        kind: kind.to_owned(),
        livemode: event
            .get("livemode")
            .and_then(Value::as_bool)
            .ok_or(MalformedEvent)?,
        content: content(kind, &event),
    })
}

fn content(kind: &str, event: &Value) -> EventContent {
    if wire::text(event, "object") == Some("v2.core.event") {
        return EventContent::Irrelevant(IgnoreReason::ThinEvent);
    }
    let Some(object) = event.pointer("/data/object") else {
        return EventContent::Irrelevant(IgnoreReason::Unusable);
    };
    let about = match kind {
        "checkout.session.completed"
        | "checkout.session.expired"
        | "checkout.session.async_payment_succeeded"
        | "checkout.session.async_payment_failed" => session(kind, object),
        "payment_intent.created"
        | "payment_intent.processing"
        | "payment_intent.requires_action"
        | "payment_intent.succeeded"
        | "payment_intent.payment_failed"
        | "payment_intent.canceled" => intent(kind, object),
        "charge.refunded" => charge_refunded(object),
        "refund.created" | "refund.updated" | "refund.failed" => match refund_status(kind, object) {
            "failed" => refund_failed(object),
            _ => return EventContent::Irrelevant(IgnoreReason::ToldElsewhere),
        },
        "charge.dispute.created" | "charge.dispute.closed" => dispute(kind, object),
        _ => return EventContent::Irrelevant(IgnoreReason::UnknownType),
    };
    about.unwrap_or(EventContent::Irrelevant(IgnoreReason::Unusable))
}

fn about(object: &Value, session: Option<SessionId>, intent: Option<IntentId>, fact: Fact) -> EventContent {
    let ours = wire::hold_in_metadata(object);
    let named = || HoldId::parse(wire::text(object, "client_reference_id")?);
    EventContent::Relevant {
        refs: HoldRefs {
            installation: wire::installation(object),
            hold: ours.or_else(named),
            session,
            intent,
        },
        money: money(&fact),
        fact,
        ours: ours.is_some(),
    }
}

fn money(fact: &Fact) -> Option<Receipt> {
    match fact {
        Fact::SessionCompleted(SessionPayment::Paid(receipt))
        | Fact::AsyncSucceeded(receipt)
        | Fact::IntentSucceeded(receipt) => Some(receipt.clone()),
        _ => None,
    }
}

fn session(kind: &str, object: &Value) -> Option<EventContent> {
    let id = SessionId::new(wire::text(object, "id")?);
    let completed = || wire::session_payment(object).map(Fact::SessionCompleted);
    let arrived = || wire::session_receipt(object).map(Fact::AsyncSucceeded);
    let fact = match kind {
        "checkout.session.completed" => completed()?,
        "checkout.session.async_payment_succeeded" => arrived()?,
        "checkout.session.async_payment_failed" => match wire::text(object, "payment_status") {
            Some("paid") => arrived()?,
            _ => Fact::AsyncFailed,
        },
        // A slot is given back only where Stripe can take no more money for it (I2), whatever the event is called.
        _ => match wire::text(object, "status") {
            Some("expired") | None => Fact::SessionDead,
            Some("complete") => completed()?,
            Some(_) => return None,
        },
    };
    Some(about(object, Some(id), wire::intent(object), fact))
}

fn intent(kind: &str, object: &Value) -> Option<EventContent> {
    let id = IntentId::new(wire::text(object, "id")?);
    let fact = match kind {
        "payment_intent.succeeded" => Fact::IntentSucceeded(Receipt {
            intent: id.clone(),
            money: wire::money(object, "amount_received")?,
        }),
        "payment_intent.payment_failed" => Fact::IntentFailed(id.clone(), failure(object)),
        "payment_intent.canceled" => Fact::IntentCanceled(id.clone()),
        _ => Fact::IntentLinked(id.clone()),
    };
    Some(about(object, None, Some(id), fact))
}

fn failure(intent: &Value) -> FailureCode {
    let code = intent
        .get("last_payment_error")
        .and_then(|error| wire::text(error, "code"));
    FailureCode::new(code.unwrap_or_default())
}

fn charge_refunded(object: &Value) -> Option<EventContent> {
    let intent = wire::intent(object)?;
    let fact = Fact::Refunded {
        paid: Receipt {
            intent: intent.clone(),
            money: wire::money(object, "amount")?,
        },
        refunded: wire::number(object, "amount_refunded")?,
    };
    Some(about(object, None, Some(intent), fact))
}

/// `failed` also for a canceled refund: either way the money did not go back.
fn refund_status<'a>(kind: &str, object: &'a Value) -> &'a str {
    match wire::text(object, "status") {
        Some("canceled") => "failed",
        None if kind == "refund.failed" => "failed",
        status => status.unwrap_or_default(),
    }
}

fn refund_failed(object: &Value) -> Option<EventContent> {
    let intent = wire::intent(object)?;
    Some(about(
        object,
        None,
        Some(intent.clone()),
        Fact::RefundFailed(intent),
    ))
}

fn dispute(kind: &str, object: &Value) -> Option<EventContent> {
    let intent = wire::intent(object)?;
    let fact = match kind {
        "charge.dispute.created" => Fact::DisputeOpened(Receipt {
            intent: intent.clone(),
            money: wire::money(object, "amount")?,
        }),
        // An inquiry that ends without becoming a dispute is `warning_closed`.
        _ => Fact::DisputeClosed {
            intent: intent.clone(),
            won: matches!(wire::text(object, "status")?, "won" | "warning_closed"),
        },
    };
    Some(about(object, None, Some(intent), fact))
}

#[cfg(test)]
#[path = "event_tests.rs"]
mod tests;
