//! Holds as they are shown: what everybody who has the id may see, and what the operator sees besides.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use deserr::Deserr;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;
use uuid::Uuid;

use super::body::FieldErrors;
use crate::domain::booking::{Actor, Booking, HistoryLine};
use crate::domain::hold::{CancelReason, ReleaseReason, Status};
use crate::domain::listing::StatusKind;
use crate::domain::payment::{Payment, PaymentState};
use crate::domain::segment::Segment;

/// An instant: RFC 3339, UTC with `Z`, to the millisecond at most.
pub(super) fn instant<S: Serializer>(at: &DateTime<Utc>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&instant_text(*at))
}

pub(super) fn instant_text(at: DateTime<Utc>) -> String {
    let format = if at.timestamp_subsec_millis() == 0 {
        SecondsFormat::Secs
    } else {
        SecondsFormat::Millis
    };
    at.to_rfc3339_opts(format, true)
}

/// Where a hold stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserr, ToSchema)]
#[serde(rename_all = "snake_case")]
#[deserr(error = FieldErrors, rename_all = lowercase)]
#[schema(as = HoldStatus)]
pub(super) enum StatusView {
    /// The guest is paying.
    Held,
    /// A delayed payment method is at work.
    Processing,
    /// Paid; the slot is the guest's.
    Confirmed,
    /// Ended unpaid.
    Released,
    /// Ended after it was paid.
    Cancelled,
}

impl From<Status> for StatusView {
    fn from(status: Status) -> Self {
        match status {
            Status::Held => Self::Held,
            Status::Processing => Self::Processing,
            Status::Confirmed => Self::Confirmed,
            Status::Released(_) => Self::Released,
            Status::Cancelled(_) => Self::Cancelled,
        }
    }
}

impl From<StatusView> for StatusKind {
    fn from(status: StatusView) -> Self {
        match status {
            StatusView::Held => Self::Held,
            StatusView::Processing => Self::Processing,
            StatusView::Confirmed => Self::Confirmed,
            StatusView::Released => Self::Released,
            StatusView::Cancelled => Self::Cancelled,
        }
    }
}

/// Why a hold is `released` or `cancelled`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = HoldReason)]
pub(super) enum ReasonView {
    /// Nobody finished it in time.
    Expired,
    /// The guest gave it back.
    Guest,
    /// The delayed payment failed.
    PaymentFailed,
    /// The operator ended it.
    Operator,
    /// Money came when the slot was someone else's; it was given back.
    LatePaymentRefunded,
    /// The whole payment was refunded.
    Refunded,
}

fn reason(status: Status) -> Option<ReasonView> {
    Some(match status {
        Status::Held | Status::Processing | Status::Confirmed => return None,
        Status::Released(ReleaseReason::Expired) => ReasonView::Expired,
        Status::Released(ReleaseReason::PaymentFailed) => ReasonView::PaymentFailed,
        Status::Released(ReleaseReason::LatePaymentRefunded) => ReasonView::LatePaymentRefunded,
        Status::Released(ReleaseReason::Guest) | Status::Cancelled(CancelReason::Guest) => ReasonView::Guest,
        Status::Released(ReleaseReason::Operator) | Status::Cancelled(CancelReason::Operator) => {
            ReasonView::Operator
        }
        Status::Cancelled(CancelReason::Refunded) => ReasonView::Refunded,
    })
}

/// A hold as everybody who has its id may see it. No e-mail and no name: this is public.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Hold)]
pub(super) struct HoldView {
    /// Unguessable; the right to read.
    id: Uuid,
    /// Where it stands.
    status: StatusView,
    /// Why, with `released` and `cancelled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<ReasonView>,
    /// What was booked.
    #[schema(example = "intro-call")]
    event_type: String,
    /// Who serves first.
    #[schema(example = "ana")]
    resource: String,
    /// First instant of the slot.
    #[serde(serialize_with = "instant")]
    starts_at: DateTime<Utc>,
    /// First instant after the slot.
    #[serde(serialize_with = "instant")]
    ends_at: DateTime<Utc>,
    /// How many units of each segment.
    #[schema(example = 1)]
    quantity: u32,
    /// Who serves when.
    segments: Vec<SegmentView>,
    /// The price of all of it, in the currency's minor unit.
    #[schema(example = 5000)]
    amount: i64,
    /// Lower-case ISO code.
    #[schema(example = "eur")]
    currency: String,
    /// Until when the guest may pay.
    #[serde(serialize_with = "instant")]
    expires_at: DateTime<Utc>,
    /// Stripe's Checkout Session.
    checkout_session: String,
    /// Stripe's payment page, while `held`.
    #[schema(required = true)]
    checkout_url: Option<String>,
}

impl HoldView {
    pub(super) fn new(booking: &Booking) -> Self {
        let hold = &booking.hold;
        let window = booking.window();
        Self {
            id: hold.id.0,
            status: hold.status.into(),
            reason: reason(hold.status),
            event_type: booking.event_type.to_string(),
            resource: booking.resource().to_string(),
            starts_at: window.starts_at(),
            ends_at: window.ends_at(),
            quantity: booking.quantity,
            segments: booking.segments.iter().map(SegmentView::from).collect(),
            amount: hold.price.amount,
            currency: hold.price.currency.to_string(),
            expires_at: booking.expires_at,
            checkout_session: hold.session.to_string(),
            checkout_url: (hold.status == Status::Held).then(|| booking.checkout_url.clone()),
        }
    }
}

/// One resource for one window.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Segment)]
struct SegmentView {
    /// Who serves.
    #[schema(example = "ana")]
    resource: String,
    /// From when on.
    #[serde(serialize_with = "instant")]
    starts_at: DateTime<Utc>,
    /// Until when.
    #[serde(serialize_with = "instant")]
    ends_at: DateTime<Utc>,
}

impl From<&Segment> for SegmentView {
    fn from(segment: &Segment) -> Self {
        Self {
            resource: segment.resource.to_string(),
            starts_at: segment.window.starts_at(),
            ends_at: segment.window.ends_at(),
        }
    }
}

/// A hold as its maker gets it: with the right to cancel.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = PlacedHold)]
pub(super) struct PlacedHoldView {
    /// The hold.
    #[serde(flatten)]
    pub(super) hold: HoldView,
    /// The right to cancel; `hft_…`. The same for every replay.
    pub(super) token: String,
}

/// Who booked.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Guest)]
struct GuestView {
    /// Address; null once the guest is forgotten.
    #[schema(required = true)]
    email: Option<String>,
    /// Name.
    #[schema(required = true)]
    name: Option<String>,
}

/// Money that came in.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Payment)]
struct PaymentView {
    /// Stripe's PaymentIntent.
    intent: String,
    /// What was paid, in the minor unit.
    amount: i64,
    /// Of that, what went back.
    refunded: i64,
    /// Lower-case ISO code.
    currency: String,
    /// Where it stands.
    state: PaymentStateView,
}

/// Where a payment stands.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PaymentState)]
enum PaymentStateView {
    /// The money is ours.
    Paid,
    /// It is on its way back.
    RefundDue,
    /// It is back.
    Refunded,
    /// Stripe could not give it back.
    RefundFailed,
    /// The guest's bank disputes it.
    Disputed,
    /// Ours, or what is left of it, though the hold was cancelled.
    Kept,
}

impl From<&Payment> for PaymentView {
    fn from(payment: &Payment) -> Self {
        Self {
            intent: payment.intent.to_string(),
            amount: payment.money.amount,
            refunded: payment.refunded,
            currency: payment.money.currency.to_string(),
            state: match payment.state {
                PaymentState::Paid => PaymentStateView::Paid,
                PaymentState::RefundDue => PaymentStateView::RefundDue,
                PaymentState::Refunded => PaymentStateView::Refunded,
                PaymentState::RefundFailed => PaymentStateView::RefundFailed,
                PaymentState::Disputed => PaymentStateView::Disputed,
                PaymentState::Kept => PaymentStateView::Kept,
            },
        }
    }
}

/// A hold as the operator sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = AdminHold)]
pub(super) struct AdminHoldView {
    /// What everybody sees.
    #[serde(flatten)]
    hold: HoldView,
    /// Who booked.
    guest: GuestView,
    /// The caller's own pairs.
    metadata: BTreeMap<String, String>,
    /// Stripe's PaymentIntent, once known.
    #[schema(required = true)]
    payment_intent: Option<String>,
    /// All money that came in for it.
    payments: Vec<PaymentView>,
    /// What was paid is not what was asked: look at the books.
    price_mismatch: bool,
    /// When Stripe ends the session by itself.
    #[serde(serialize_with = "instant")]
    session_expires_at: DateTime<Utc>,
    /// When the sweep asks Stripe next.
    #[schema(format = DateTime, required = true)]
    next_check_at: Option<String>,
    /// How often in a row Stripe gave no answer.
    tries: u32,
    /// When it was placed.
    #[serde(serialize_with = "instant")]
    created_at: DateTime<Utc>,
    /// When it last changed.
    #[serde(serialize_with = "instant")]
    updated_at: DateTime<Utc>,
}

impl AdminHoldView {
    pub(super) fn new(booking: &Booking) -> Self {
        Self {
            hold: HoldView::new(booking),
            guest: GuestView {
                email: Some(booking.guest.email.clone()).filter(|email| !email.is_empty()),
                name: booking.guest.name.clone(),
            },
            metadata: booking.metadata.clone(),
            payment_intent: booking.hold.intent.as_ref().map(ToString::to_string),
            payments: booking.hold.payments.iter().map(PaymentView::from).collect(),
            price_mismatch: booking.hold.price_mismatch,
            session_expires_at: booking.session_expires_at,
            next_check_at: booking.due_at.map(instant_text),
            tries: booking.tries,
            created_at: booking.created_at,
            updated_at: booking.updated_at,
        }
    }
}

/// A hold with all that happened to it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = AdminHoldDetail)]
pub(super) struct AdminHoldDetailView {
    /// The hold.
    #[serde(flatten)]
    hold: AdminHoldView,
    /// Every transition, oldest first.
    history: Vec<HistoryView>,
}

impl AdminHoldDetailView {
    pub(super) fn new(booking: &Booking, history: &[HistoryLine]) -> Self {
        Self {
            hold: AdminHoldView::new(booking),
            history: history.iter().map(HistoryView::from).collect(),
        }
    }
}

/// One line of a hold's history.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = HistoryLine)]
struct HistoryView {
    /// When.
    #[serde(serialize_with = "instant")]
    at: DateTime<Utc>,
    /// From which status; null on the first line.
    #[schema(required = true)]
    from: Option<StatusView>,
    /// To which status; the same where something was only noted.
    to: StatusView,
    /// The reason that goes with `to`.
    #[schema(required = true)]
    reason: Option<ReasonView>,
    /// What happened, in words.
    why: String,
    /// By whom: `checkout`, `event`, `sweep`, `guest`, `operator` or `command`.
    by: &'static str,
    /// Which Stripe event, where one brought it about.
    #[schema(required = true)]
    event: Option<String>,
}

impl From<&HistoryLine> for HistoryView {
    fn from(line: &HistoryLine) -> Self {
        let (by, event) = match &line.cause {
            Actor::Checkout => ("checkout", None),
            Actor::Event(id) => ("event", Some(id.to_string())),
            Actor::Sweep => ("sweep", None),
            Actor::Guest => ("guest", None),
            Actor::Operator => ("operator", None),
            Actor::Command => ("command", None),
        };
        Self {
            at: line.at,
            from: line.from.map(StatusView::from),
            to: line.to.into(),
            reason: reason(line.to),
            why: line.why.clone(),
            by,
            event,
        }
    }
}
