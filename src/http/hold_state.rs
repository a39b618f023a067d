//! The state of a hold as the audit trail has it: what operators change, and nothing about the guest.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use super::timestamps::serialize_instant;
use super::views::{HoldReasonView, HoldStatusView, to_reason_view};
use crate::domain::booking::Booking;
use crate::domain::hold::{Refund, ReturnWay};

/// The state of a hold without its guest.
#[derive(Serialize)]
pub(super) struct HoldState {
    status: HoldStatusView,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<HoldReasonView>,
    resource: String,
    #[serde(serialize_with = "serialize_instant")]
    starts_at: DateTime<Utc>,
    #[serde(serialize_with = "serialize_instant")]
    ends_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refund: Option<Value>,
    /// How much of what was due back was settled elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    settled_outside: Option<i64>,
    /// Whether the operator ordered to release it even if Stripe does not know its session.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    without_stripe: bool,
}

impl From<&Booking> for HoldState {
    fn from(booking: &Booking) -> Self {
        let window = booking.window();
        Self {
            status: booking.hold.status.into(),
            reason: to_reason_view(booking.hold.status),
            resource: booking.resource().to_string(),
            starts_at: window.starts_at(),
            ends_at: window.ends_at(),
            refund: None,
            settled_outside: None,
            without_stripe: false,
        }
    }
}

impl HoldState {
    /// Adds that an operator ordered a release without Stripe.
    pub(super) fn without_stripe(self, without_stripe: bool) -> Self {
        Self {
            without_stripe,
            ..self
        }
    }

    /// Adds what an operator ordered to refund.
    pub(super) fn with_refund(self, refund: Refund) -> Self {
        let refund = match refund {
            Refund::Full => "full".into(),
            Refund::None => "none".into(),
            Refund::Part(amount) => amount.into(),
        };
        Self {
            refund: Some(refund),
            ..self
        }
    }

    /// Adds what an operator returned without cancelling.
    pub(super) fn with_return(self, amount: i64, way: ReturnWay) -> Self {
        match way {
            ReturnWay::Refund => self.with_refund(Refund::Part(amount)),
            ReturnWay::Outside => Self {
                settled_outside: Some(amount),
                ..self
            },
        }
    }
}
