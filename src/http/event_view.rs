//! Events out as the shop's endpoints and the stream's readers get them. The guest's data is filled in here, from the hold as
//! it is when the event is sent.

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::timestamps::{format_instant, serialize_instant};
use super::views::{AdminHoldView, HoldStatusView};
use crate::domain::event_out::{EventSubject, MoneyObject};
use crate::workflow::stream_events::EventToSend;
use chrono::{DateTime, Utc};

/// The most bytes of an event. Standard Webhooks asks for less than 20 kB.
const MAX_BYTES: usize = 20_000;

/// An event: something that happened to a hold or to its money.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Event)]
pub(super) struct EventView {
    /// The type says what has happened.
    #[schema(example = "hold.confirmed")]
    r#type: &'static str,
    /// When the event happened.
    #[schema(format = DateTime, example = "2026-12-01T10:00:00.250Z")]
    timestamp: String,
    /// What it happened to.
    data: EventDataView,
}

/// What an event happened to.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = EventData)]
struct EventDataView {
    /// The hold: its status and its slot as the event left them, the rest as it is now. Null for money without a hold.
    #[schema(required = true, value_type = Option<AdminHoldView>)]
    hold: Option<Value>,
    /// The id of the hold.
    #[schema(required = true)]
    hold_id: Option<Uuid>,
    /// The number of the event among those of the hold, from 1. No number is left out, but an endpoint that takes some types only does
    /// not get all.
    #[schema(required = true, example = 4)]
    sequence: Option<i64>,
    /// The status before a transition; null for a new hold, and for what is no transition.
    #[schema(required = true)]
    previous_status: Option<HoldStatusView>,
    /// The refund, with `refund.succeeded` and `refund.failed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    refund: Option<MoneyObjectView>,
    /// The dispute, with `dispute.opened` and `dispute.closed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    dispute: Option<MoneyObjectView>,
    /// The payment, with `payment.orphaned`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    payment: Option<OrphanView>,
    /// The time that was closed, with `slot.closed_with_conflict`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    closed: Option<ClosedView>,
    /// Present, and true, if the hold's `metadata` is left out because the event would be too long.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
}

/// A refund or a dispute, as it was when the event happened.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = EventMoney)]
struct MoneyObjectView {
    /// Stripe's id of the object.
    #[schema(example = "re_3QZ8mT2eZvKYlo2C1a2b3c4d")]
    id: String,
    /// The id of the PaymentIntent.
    intent: String,
    /// The amount, in the currency's minor unit.
    #[schema(example = 2000)]
    amount: i64,
    /// The lower-case ISO code of the currency.
    #[schema(example = "eur")]
    currency: String,
    /// The status, in Stripe's word.
    #[schema(example = "succeeded")]
    status: String,
    /// The reason, in Stripe's word.
    #[schema(required = true)]
    reason: Option<String>,
}

impl From<&MoneyObject> for MoneyObjectView {
    fn from(object: &MoneyObject) -> Self {
        Self {
            id: object.id.clone(),
            intent: object.intent.clone(),
            amount: object.money.amount,
            currency: object.money.currency.to_string(),
            status: object.status.clone(),
            reason: object.reason.clone(),
        }
    }
}

/// A payment without a hold.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = EventPayment)]
struct OrphanView {
    /// The id of the PaymentIntent.
    intent: String,
    /// The amount, in the currency's minor unit.
    #[schema(example = 5000)]
    amount: i64,
    /// The lower-case ISO code of the currency.
    #[schema(example = "eur")]
    currency: String,
    /// The hold that its metadata names.
    #[schema(required = true)]
    claimed_hold: Option<Uuid>,
}

/// A time that an operator closed.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = EventClosedTime)]
struct ClosedView {
    /// The resource that is not for sale then; null if all are.
    #[schema(required = true)]
    resource: Option<String>,
    /// The id of the block.
    id: String,
    /// The first instant that is closed.
    #[serde(serialize_with = "serialize_instant")]
    starts_at: DateTime<Utc>,
    /// The first instant after that.
    #[serde(serialize_with = "serialize_instant")]
    ends_at: DateTime<Utc>,
}

impl EventView {
    /// Shows an event as it is sent. If it is too long, it leaves out the hold's metadata.
    pub(super) fn new(sent: &EventToSend) -> Self {
        let mut view = Self::whole(sent);
        let length = serde_json::to_vec(&view).map_or(0, |json| json.len());
        if length >= MAX_BYTES
            && let Some(Value::Object(hold)) = &mut view.data.hold
        {
            hold.remove("metadata");
            view.data.truncated = true;
        }
        view
    }

    fn whole(sent: &EventToSend) -> Self {
        let event = &sent.event;
        let hold = sent.booking.as_ref().map(AdminHoldView::new);
        let mut data = EventDataView {
            hold: hold.and_then(|hold| serde_json::to_value(hold).ok()),
            hold_id: event.hold.map(|hold| hold.0),
            sequence: event.sequence,
            previous_status: event.previous.map(HoldStatusView::from),
            refund: None,
            dispute: None,
            payment: None,
            closed: None,
            truncated: false,
        };
        match &event.subject {
            None => {}
            Some(EventSubject::Refund(refund)) => data.refund = Some(refund.into()),
            Some(EventSubject::Dispute(dispute)) => data.dispute = Some(dispute.into()),
            Some(EventSubject::Payment {
                intent,
                money,
                claimed_hold,
            }) => {
                data.payment = Some(OrphanView {
                    intent: intent.clone(),
                    amount: money.amount,
                    currency: money.currency.to_string(),
                    claimed_hold: claimed_hold.map(|hold| hold.0),
                });
            }
            Some(EventSubject::Closed { resource, id, window }) => {
                data.closed = Some(ClosedView {
                    resource: resource.as_ref().map(ToString::to_string),
                    id: id.clone(),
                    starts_at: window.starts_at(),
                    ends_at: window.ends_at(),
                });
            }
        }
        Self {
            r#type: event.kind.as_str(),
            timestamp: format_instant(event.created_at),
            data,
        }
    }
}

/// Writes an event as an endpoint gets it.
pub fn render_event(sent: &EventToSend) -> String {
    serde_json::to_string(&EventView::new(sent)).unwrap_or_default()
}

/// Writes the event of a test, which is about no hold.
pub(super) fn render_test(now: DateTime<Utc>) -> String {
    json!({"type": "endpoint.test", "timestamp": format_instant(now), "data": {}}).to_string()
}
