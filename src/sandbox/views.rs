//! What the controls and test hands show of the account: the few members that tests and people look at.

use serde::Serialize;

use super::params::Metadata;
use super::payments::{Intent, IntentStatus};
use super::refunds::Refund;
use super::sessions::{PaymentStatus, Session, SessionStatus};

/// A Checkout Session, seen from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionView {
    /// `cs_test_…`
    pub id: String,
    /// Only ever moves forward from open.
    pub status: SessionStatus,
    /// What became of the money.
    pub payment_status: PaymentStatus,
    /// As given at creation.
    pub client_reference_id: Option<String>,
    /// The session's own map, as given at creation.
    pub metadata: Metadata,
    /// In the currency's minor unit.
    pub amount_total: i64,
    /// Lower-case ISO code.
    pub currency: String,
    /// Set once the guest has confirmed.
    pub payment_intent: Option<String>,
    /// Unix seconds.
    pub expires_at: i64,
    /// The payment page; it stays reachable when the session is over.
    pub url: String,
}

impl From<&Session> for SessionView {
    fn from(session: &Session) -> SessionView {
        SessionView {
            id: session.id.clone(),
            status: session.status,
            payment_status: session.payment_status,
            client_reference_id: session.order.client_reference_id.clone(),
            metadata: session.order.metadata.clone(),
            amount_total: session.order.amount_total,
            currency: session.order.currency.clone(),
            payment_intent: session.payment_intent.clone(),
            expires_at: session.order.expires_at,
            url: session.url.clone(),
        }
    }
}

/// A PaymentIntent, seen from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IntentView {
    /// `pi_…`
    pub id: String,
    /// Where it stands.
    pub status: IntentStatus,
    /// The session that it belongs to; Stripe's own object does not tell.
    pub session: String,
    /// In the currency's minor unit.
    pub amount: i64,
    /// What the guest has paid; refunds do not lower it.
    pub amount_received: i64,
    /// Lower-case ISO code.
    pub currency: String,
    /// From `payment_intent_data[metadata]`.
    pub metadata: Metadata,
    /// The successful charge, if there is one.
    pub latest_charge: Option<String>,
}

impl From<&Intent> for IntentView {
    fn from(intent: &Intent) -> IntentView {
        IntentView {
            id: intent.id.clone(),
            status: intent.status,
            session: intent.session.clone(),
            amount: intent.amount,
            amount_received: intent.amount_received,
            currency: intent.currency.clone(),
            metadata: intent.metadata.clone(),
            latest_charge: intent.latest_charge.clone(),
        }
    }
}

/// A Refund, seen from outside. All have succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefundView {
    /// `re_…`
    pub id: String,
    /// Whose money it is.
    pub payment_intent: String,
    /// The charge that is given back.
    pub charge: String,
    /// In the currency's minor unit.
    pub amount: i64,
    /// Lower-case ISO code.
    pub currency: String,
    /// As given at creation.
    pub reason: Option<String>,
    /// As given at creation.
    pub metadata: Metadata,
}

impl From<&Refund> for RefundView {
    fn from(refund: &Refund) -> RefundView {
        RefundView {
            id: refund.id.clone(),
            payment_intent: refund.intent.clone(),
            charge: refund.charge.clone(),
            amount: refund.amount,
            currency: refund.currency.clone(),
            reason: refund.reason.clone(),
            metadata: refund.metadata.clone(),
        }
    }
}
