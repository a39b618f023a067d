//! Holds as responses show them: to everybody who has the id, and to operators.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::embedded_page::EmbeddedPageView;
use super::field_errors::FieldErrors;
use super::money_views::PaymentView;
use super::timestamps::{format_instant, serialize_instant};
use crate::domain::booking::Booking;
use crate::domain::hold::{CancelReason, ReleaseReason, Status};
use crate::domain::listing::StatusKind;
use crate::domain::segment::Segment;
use crate::domain::session::PaymentPage;

/// The status of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserr, ToSchema)]
#[serde(rename_all = "snake_case")]
#[deserr(error = FieldErrors, rename_all = lowercase)]
#[schema(as = HoldStatus)]
pub(super) enum HoldStatusView {
    /// The guest has not paid yet.
    Held,
    /// A delayed payment is in progress.
    Processing,
    /// The hold is paid; the slot is the guest's.
    Confirmed,
    /// The hold ended without a payment.
    Released,
    /// The hold ended after it was paid.
    Cancelled,
}

impl From<Status> for HoldStatusView {
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

impl From<StatusKind> for HoldStatusView {
    fn from(status: StatusKind) -> Self {
        match status {
            StatusKind::Held => Self::Held,
            StatusKind::Processing => Self::Processing,
            StatusKind::Confirmed => Self::Confirmed,
            StatusKind::Released => Self::Released,
            StatusKind::Cancelled => Self::Cancelled,
        }
    }
}

impl From<HoldStatusView> for StatusKind {
    fn from(status: HoldStatusView) -> Self {
        match status {
            HoldStatusView::Held => Self::Held,
            HoldStatusView::Processing => Self::Processing,
            HoldStatusView::Confirmed => Self::Confirmed,
            HoldStatusView::Released => Self::Released,
            HoldStatusView::Cancelled => Self::Cancelled,
        }
    }
}

/// Why a hold is `released` or `cancelled`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = HoldReason)]
pub(super) enum HoldReasonView {
    /// The guest did not pay in time.
    Expired,
    /// The guest released or cancelled it.
    Guest,
    /// The delayed payment failed.
    PaymentFailed,
    /// The operator released or cancelled it.
    Operator,
    /// The payment came after the slot was sold to another guest or had begun; the payment goes back.
    LatePaymentRefunded,
    /// The shop refunded the whole payment at Stripe.
    Refunded,
}

pub(super) fn to_reason_view(status: Status) -> Option<HoldReasonView> {
    Some(match status {
        Status::Held | Status::Processing | Status::Confirmed => return None,
        Status::Released(ReleaseReason::Expired) => HoldReasonView::Expired,
        Status::Released(ReleaseReason::PaymentFailed) => HoldReasonView::PaymentFailed,
        Status::Released(ReleaseReason::LatePaymentRefunded) => HoldReasonView::LatePaymentRefunded,
        Status::Released(ReleaseReason::Guest) | Status::Cancelled(CancelReason::Guest) => {
            HoldReasonView::Guest
        }
        Status::Released(ReleaseReason::Operator) | Status::Cancelled(CancelReason::Operator) => {
            HoldReasonView::Operator
        }
        Status::Cancelled(CancelReason::Refunded) => HoldReasonView::Refunded,
    })
}

/// A hold as everybody who has its id may see it. It has no e-mail address and no name, because it is public.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Hold)]
pub(super) struct HoldView {
    /// The id of the hold. It cannot be guessed, and gives the right to read the hold.
    id: Uuid,
    /// The status of the hold.
    status: HoldStatusView,
    /// Why the hold ended; only with `released` and `cancelled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<HoldReasonView>,
    /// The id of the event type.
    #[schema(example = "intro-call")]
    event_type: String,
    /// The name of the event type, as the catalogue has it now; null if it is not in the catalogue any more.
    #[schema(required = true, example = "Intro call")]
    name: Option<String>,
    /// The resource of the first segment.
    #[schema(example = "ana")]
    resource: String,
    /// The name of that resource, as the catalogue has it now; null if it is not in the catalogue any more.
    #[schema(required = true, example = "Ana")]
    resource_name: Option<String>,
    /// The time zone of the event type's schedule; UTC if it has none, null if it is not in the catalogue any more.
    #[schema(required = true, example = "Europe/Berlin")]
    timezone: Option<String>,
    /// What a guest says to name the hold, on the telephone. It gives no right. Operators find the hold by it.
    #[schema(example = "0bfa9018a9d6", pattern = "^[0-9a-f]{12}$")]
    reference: String,
    /// The first instant of the slot.
    #[serde(serialize_with = "serialize_instant")]
    starts_at: DateTime<Utc>,
    /// The first instant after the slot.
    #[serde(serialize_with = "serialize_instant")]
    ends_at: DateTime<Utc>,
    /// The number of units of each segment.
    #[schema(example = 1)]
    quantity: u32,
    /// The resources and their times.
    segments: Vec<SegmentView>,
    /// The price of all units, in the currency's minor unit.
    #[schema(example = 5000)]
    amount: i64,
    /// The lower-case ISO code of the currency.
    #[schema(example = "eur")]
    currency: String,
    /// The end of the time to pay; not after the slot's start.
    #[serde(serialize_with = "serialize_instant")]
    expires_at: DateTime<Utc>,
    /// The id of the Stripe Checkout Session.
    checkout_session: String,
    /// The URL of Stripe's payment page; null unless the hold is `held` and the page is a hosted one.
    #[schema(required = true)]
    checkout_url: Option<String>,
    #[serde(flatten)]
    pub(super) embedded: EmbeddedPageView,
}

impl HoldView {
    pub(super) fn new(booking: &Booking) -> Self {
        let hold = &booking.hold;
        let window = booking.window();
        Self {
            id: hold.id.0,
            status: hold.status.into(),
            reason: to_reason_view(hold.status),
            event_type: booking.event_type.to_string(),
            name: booking.names.event_type.clone(),
            resource: booking.resource().to_string(),
            resource_name: booking.resource_name().map(str::to_owned),
            timezone: booking.names.timezone.as_ref().map(ToString::to_string),
            reference: hold.id.log_id().to_string(),
            starts_at: window.starts_at(),
            ends_at: window.ends_at(),
            quantity: booking.quantity,
            segments: booking.segments.iter().map(SegmentView::from).collect(),
            amount: hold.price.amount,
            currency: hold.price.currency.to_string(),
            expires_at: booking.expires_at,
            checkout_session: hold.session.to_string(),
            checkout_url: match &booking.payment_page {
                Some(PaymentPage::Hosted(url)) if hold.status == Status::Held => Some(url.clone()),
                _ => None,
            },
            embedded: EmbeddedPageView::default(),
        }
    }
}

/// One resource and the time for which it is booked.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Segment)]
struct SegmentView {
    /// The id of the resource.
    #[schema(example = "ana")]
    resource: String,
    /// The first instant of the segment.
    #[serde(serialize_with = "serialize_instant")]
    starts_at: DateTime<Utc>,
    /// The first instant after the segment.
    #[serde(serialize_with = "serialize_instant")]
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

/// A new hold, with the token that gives the right to change it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = PlacedHold)]
pub(super) struct PlacedHoldView {
    /// The hold as everybody may see it.
    #[serde(flatten)]
    pub(super) hold: HoldView,
    /// The token, `hft_…`, that gives the right to cancel or move the hold. Every replay returns the same token,
    /// as long as the secret behind it is in use.
    pub(super) token: String,
}

/// The guest who booked.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Guest)]
struct GuestView {
    /// The guest's e-mail address; null once the guest's data is deleted.
    #[schema(required = true)]
    email: Option<String>,
    /// The name of the guest.
    #[schema(required = true)]
    name: Option<String>,
}

/// A hold as operators see it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = AdminHold)]
pub(super) struct AdminHoldView {
    /// The hold as everybody may see it.
    #[serde(flatten)]
    hold: HoldView,
    /// The hold's name in the log, which does not show the id.
    #[schema(example = "0bfa9018a9d6")]
    log_id: String,
    /// The guest who booked.
    guest: GuestView,
    /// The caller's own pairs.
    metadata: BTreeMap<String, String>,
    /// The id of the Stripe PaymentIntent; null until it is known.
    #[schema(required = true)]
    payment_intent: Option<String>,
    /// All payments for the hold.
    payments: Vec<PaymentView>,
    /// Whether the session sold at another price, or took another amount than discounts and taxes explain. An operator
    /// has to check the payment.
    price_mismatch: bool,
    /// When the session expires at Stripe by itself.
    #[serde(serialize_with = "serialize_instant")]
    session_expires_at: DateTime<Utc>,
    /// The hold that the guest chose in place of this one; null if there is none.
    #[schema(required = true)]
    replaced_by: Option<Uuid>,
    /// When the sweep next asks Stripe; null if it does not.
    #[schema(format = DateTime, required = true)]
    next_check_at: Option<String>,
    /// How often in a row Stripe gave no clear response.
    tries: u32,
    /// When the hold was placed.
    #[serde(serialize_with = "serialize_instant")]
    created_at: DateTime<Utc>,
    /// When the hold last changed, by the database's clock. A puller that passes the last one it has read as `changed_since`
    /// misses no change.
    #[serde(serialize_with = "serialize_instant")]
    updated_at: DateTime<Utc>,
}

impl AdminHoldView {
    pub(super) fn new(booking: &Booking) -> Self {
        Self {
            hold: HoldView::new(booking),
            log_id: booking.hold.id.log_id().to_string(),
            guest: GuestView {
                email: Some(booking.guest.email.clone()).filter(|email| !email.is_empty()),
                name: booking.guest.name.clone(),
            },
            metadata: booking.metadata.clone(),
            payment_intent: booking.hold.intent.as_ref().map(ToString::to_string),
            payments: booking.hold.payments.iter().map(PaymentView::from).collect(),
            price_mismatch: booking.hold.price_mismatch,
            session_expires_at: booking.session_expires_at,
            replaced_by: booking.replaced_by.map(|hold| hold.0),
            next_check_at: booking.due_at.map(format_instant),
            tries: booking.tries,
            created_at: booking.created_at,
            updated_at: booking.last_change(),
        }
    }
}
