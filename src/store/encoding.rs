//! Between rows and domain values: the only place where a state is spelled as text.
//!
//! Both engines read and write through it, so that a state has one spelling in the books. A text that is not one of
//! ours is [`StoreError::Broken`], never a guess.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};

use super::StoreError;
use crate::domain::booking::Actor;
use crate::domain::calendar_feed::FeedState;
use crate::domain::command::CommandAction;
use crate::domain::hold::{CancelReason, ReleaseReason, ReleaseRequester, Status};
use crate::domain::hold_limit::LimitScope;
use crate::domain::ids::{ClosureId, EventId, EventTypeId, IntentId, ResourceId, SessionId};
use crate::domain::ledger::decisions::KeepReason;
use crate::domain::listing::StatusKind;
use crate::domain::money::{Currency, Money};
use crate::domain::payment::PaymentState;
use crate::domain::payment_method::PaymentMethod;
use crate::domain::session::PaymentPage;

mod json;
pub(super) use json::{
    SegmentRow, decode_metadata, decode_segments, decode_terms, encode_segments, encode_terms,
};

/// A row that says something impossible.
#[derive(Debug, thiserror::Error)]
#[error("unreadable {what} in the books: {text}")]
struct UnreadableColumn {
    what: &'static str,
    text: String,
}

/// The error for a text that is not one of ours. `text` must not be personal.
pub(super) fn unreadable_column(what: &'static str, text: &str) -> StoreError {
    StoreError::Broken(Box::new(UnreadableColumn {
        what,
        text: text.to_owned(),
    }))
}

pub(super) fn encode_status_kind(kind: StatusKind) -> &'static str {
    match kind {
        StatusKind::Held => "held",
        StatusKind::Processing => "processing",
        StatusKind::Confirmed => "confirmed",
        StatusKind::Released => "released",
        StatusKind::Cancelled => "cancelled",
    }
}

pub(super) fn decode_status_kind(text: &str) -> Result<StatusKind, StoreError> {
    Ok(match text {
        "held" => StatusKind::Held,
        "processing" => StatusKind::Processing,
        "confirmed" => StatusKind::Confirmed,
        "released" => StatusKind::Released,
        "cancelled" => StatusKind::Cancelled,
        other => return Err(unreadable_column("status", other)),
    })
}

/// A payment page as its two columns: the URL, which is empty if there is none, and the client secret.
pub(super) fn encode_payment_page(page: Option<&PaymentPage>) -> (&str, Option<&str>) {
    match page {
        Some(PaymentPage::Hosted(url)) => (url, None),
        Some(PaymentPage::Embedded(secret)) => ("", Some(secret)),
        None => ("", None),
    }
}

pub(super) fn decode_payment_page(url: String, client_secret: Option<String>) -> Option<PaymentPage> {
    let hosted = Some(url).filter(|url| !url.is_empty()).map(PaymentPage::Hosted);
    client_secret.map(PaymentPage::Embedded).or(hosted)
}

/// A status as its two columns.
pub(super) fn encode_status(status: Status) -> (&'static str, Option<&'static str>) {
    match status {
        Status::Held => ("held", None),
        Status::Processing => ("processing", None),
        Status::Confirmed => ("confirmed", None),
        Status::Released(reason) => ("released", Some(encode_release_reason(reason))),
        Status::Cancelled(reason) => ("cancelled", Some(encode_cancel_reason(reason))),
    }
}

fn encode_release_reason(reason: ReleaseReason) -> &'static str {
    match reason {
        ReleaseReason::Expired => "expired",
        ReleaseReason::Guest => "guest",
        ReleaseReason::PaymentFailed => "payment_failed",
        ReleaseReason::Operator => "operator",
        ReleaseReason::LatePaymentRefunded => "late_payment_refunded",
    }
}

fn encode_cancel_reason(reason: CancelReason) -> &'static str {
    match reason {
        CancelReason::Guest => "guest",
        CancelReason::Operator => "operator",
        CancelReason::Refunded => "refunded",
    }
}

pub(super) fn decode_status(text: &str, reason: Option<&str>) -> Result<Status, StoreError> {
    Ok(match (text, reason) {
        ("held", None) => Status::Held,
        ("processing", None) => Status::Processing,
        ("confirmed", None) => Status::Confirmed,
        ("released", Some("expired")) => Status::Released(ReleaseReason::Expired),
        ("released", Some("guest")) => Status::Released(ReleaseReason::Guest),
        ("released", Some("payment_failed")) => Status::Released(ReleaseReason::PaymentFailed),
        ("released", Some("operator")) => Status::Released(ReleaseReason::Operator),
        ("released", Some("late_payment_refunded")) => Status::Released(ReleaseReason::LatePaymentRefunded),
        ("cancelled", Some("guest")) => Status::Cancelled(CancelReason::Guest),
        ("cancelled", Some("operator")) => Status::Cancelled(CancelReason::Operator),
        ("cancelled", Some("refunded")) => Status::Cancelled(CancelReason::Refunded),
        _ => return Err(unreadable_column("status", text)),
    })
}

pub(super) fn encode_requester(requester: ReleaseRequester) -> &'static str {
    match requester {
        ReleaseRequester::Guest => "guest",
        ReleaseRequester::Operator => "operator",
    }
}

pub(super) fn decode_requester(text: &str) -> Result<ReleaseRequester, StoreError> {
    match text {
        "guest" => Ok(ReleaseRequester::Guest),
        "operator" => Ok(ReleaseRequester::Operator),
        other => Err(unreadable_column("requester", other)),
    }
}

pub(super) fn encode_limit_scope(scope: LimitScope) -> &'static str {
    match scope {
        LimitScope::Guest => "guest",
        LimitScope::Email => "email",
        LimitScope::Client => "client",
        LimitScope::Network => "network",
    }
}

pub(super) fn decode_limit_scope(text: &str) -> Result<LimitScope, StoreError> {
    Ok(match text {
        "guest" => LimitScope::Guest,
        "email" => LimitScope::Email,
        "client" => LimitScope::Client,
        "network" => LimitScope::Network,
        other => return Err(unreadable_column("limit scope", other)),
    })
}

pub(super) fn encode_payment_state(state: PaymentState) -> &'static str {
    match state {
        PaymentState::Paid => "paid",
        PaymentState::RefundDue => "refund_due",
        PaymentState::Refunded => "refunded",
        PaymentState::RefundFailed => "refund_failed",
        PaymentState::Disputed => "disputed",
        PaymentState::Kept => "kept",
    }
}

pub(super) fn encode_keep_reason(reason: KeepReason) -> &'static str {
    match reason {
        KeepReason::Booking => "booking",
        KeepReason::Goodwill => "goodwill",
        KeepReason::Operator => "operator",
    }
}

pub(super) fn decode_keep_reason(text: &str) -> Result<KeepReason, StoreError> {
    match text {
        "booking" => Ok(KeepReason::Booking),
        "goodwill" => Ok(KeepReason::Goodwill),
        "operator" => Ok(KeepReason::Operator),
        _ => Err(unreadable_column("keep_reason", text)),
    }
}

/// Reads a truth value in JSON, which SQLite writes as a number.
pub(super) fn deserialize_bool<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(value.as_bool().unwrap_or_else(|| value.as_i64() == Some(1)))
}

pub(super) fn decode_payment_state(text: &str) -> Result<PaymentState, StoreError> {
    Ok(match text {
        "paid" => PaymentState::Paid,
        "refund_due" => PaymentState::RefundDue,
        "refunded" => PaymentState::Refunded,
        "refund_failed" => PaymentState::RefundFailed,
        "disputed" => PaymentState::Disputed,
        "kept" => PaymentState::Kept,
        other => return Err(unreadable_column("payment state", other)),
    })
}

pub(super) fn encode_feed_state(state: FeedState) -> &'static str {
    match state {
        FeedState::Ok => "ok",
        FeedState::Partial => "partial",
        FeedState::Failed => "failed",
    }
}

pub(super) fn decode_feed_state(text: &str) -> Result<FeedState, StoreError> {
    Ok(match text {
        "ok" => FeedState::Ok,
        "partial" => FeedState::Partial,
        "failed" => FeedState::Failed,
        other => return Err(unreadable_column("feed state", other)),
    })
}

/// An actor as its three columns: its kind, the event if it is one, and the name if it is an operator.
pub(super) fn encode_actor(actor: &Actor) -> (&'static str, Option<&str>, Option<&str>) {
    match actor {
        Actor::Checkout => ("checkout", None, None),
        Actor::Event(id) => ("event", Some(id.as_str()), None),
        Actor::Sweep => ("sweep", None, None),
        Actor::Guest => ("guest", None, None),
        Actor::Operator(name) => ("operator", None, name.as_deref()),
        Actor::Command => ("command", None, None),
    }
}

/// Who ordered a refund that follows from the rules.
pub(super) const ORDERED_BY_HOLDFAST: &str = "holdfast";

/// Who ordered a command, in a word: the name of an operator's key, or whose request or rule it is.
pub(super) fn encode_ordered_by(actor: &Actor) -> &str {
    match actor {
        Actor::Operator(name) => name.as_deref().unwrap_or("operator"),
        Actor::Guest => "guest",
        Actor::Checkout | Actor::Event(_) | Actor::Sweep | Actor::Command => ORDERED_BY_HOLDFAST,
    }
}

pub(super) fn decode_actor(
    actor: &str,
    event: Option<String>,
    name: Option<String>,
) -> Result<Actor, StoreError> {
    Ok(match (actor, event) {
        ("checkout", _) => Actor::Checkout,
        ("event", Some(id)) => Actor::Event(EventId::new(id)),
        ("sweep", _) => Actor::Sweep,
        ("guest", _) => Actor::Guest,
        ("operator", _) => Actor::Operator(name),
        ("command", _) => Actor::Command,
        (other, _) => return Err(unreadable_column("actor", other)),
    })
}

pub(super) fn decode_money(amount: i64, currency: &str) -> Result<Money, StoreError> {
    let currency =
        Currency::parse_reported(currency).ok_or_else(|| unreadable_column("currency", currency))?;
    Ok(Money { amount, currency })
}

pub(super) fn decode_resource_id(text: &str) -> Result<ResourceId, StoreError> {
    ResourceId::parse(text).map_err(|_| unreadable_column("resource", text))
}

pub(super) fn decode_closure_id(text: &str) -> Result<ClosureId, StoreError> {
    ClosureId::parse(text).map_err(|_| unreadable_column("closure", text))
}

pub(super) fn decode_event_type_id(text: &str) -> Result<EventTypeId, StoreError> {
    EventTypeId::parse(text).map_err(|_| unreadable_column("event type", text))
}

/// An order as its columns.
pub(super) struct CommandColumns<'a> {
    pub(super) kind: &'static str,
    pub(super) session: Option<&'a str>,
    pub(super) intent: Option<&'a str>,
    pub(super) money: Option<Money>,
}

pub(super) fn encode_command(order: &CommandAction) -> CommandColumns<'_> {
    match order {
        CommandAction::ExpireSession(session) => CommandColumns {
            kind: "expire_session",
            session: Some(session.as_str()),
            intent: None,
            money: None,
        },
        CommandAction::Refund { intent, money, .. } => CommandColumns {
            kind: "refund",
            session: None,
            intent: Some(intent.as_str()),
            money: Some(*money),
        },
    }
}

/// Decodes what a command does. `key` is its deduplication key, which has the number of the order.
pub(super) fn decode_command(
    kind: &str,
    key: &str,
    session: Option<String>,
    intent: Option<String>,
    money: Option<Money>,
) -> Result<CommandAction, StoreError> {
    match (kind, session, intent, money) {
        ("expire_session", Some(session), _, _) => Ok(CommandAction::ExpireSession(SessionId::new(session))),
        ("refund", _, Some(intent), Some(money)) => Ok(CommandAction::Refund {
            order: decode_order(key, &intent),
            intent: IntentId::new(intent),
            money,
        }),
        _ => Err(unreadable_column("command", kind)),
    }
}

/// Returns the number of an order to refund: the first one has none in its key.
fn decode_order(key: &str, intent: &str) -> usize {
    let number = key.rsplit_once(':').filter(|(rest, _)| rest.ends_with(intent));
    number.and_then(|(_, number)| number.parse().ok()).unwrap_or(0)
}

/// Minutes as they fit a column.
pub(super) fn encode_minutes(minutes: Option<i64>) -> sqlx::Result<Option<i32>> {
    let fit = minutes.map(i32::try_from).transpose();
    fit.map_err(|error| sqlx::Error::Encode(Box::new(error)))
}

/// Milliseconds since the epoch as an instant.
pub(super) fn decode_instant(ms: i64) -> Result<DateTime<Utc>, StoreError> {
    DateTime::from_timestamp_millis(ms).ok_or_else(|| unreadable_column("instant", &ms.to_string()))
}

/// Payment methods as they are kept in their column: comma-separated.
pub(super) fn encode_payment_methods(methods: &[PaymentMethod]) -> String {
    methods
        .iter()
        .map(PaymentMethod::as_str)
        .collect::<Vec<_>>()
        .join(",")
}

pub(super) fn decode_payment_methods(text: &str) -> Result<Vec<PaymentMethod>, StoreError> {
    let names = text.split(',').filter(|name| !name.is_empty());
    names
        .map(|name| PaymentMethod::parse(name).ok_or_else(|| unreadable_column("payment method", name)))
        .collect()
}
