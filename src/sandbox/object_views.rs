//! The views of sessions, intents, refunds and disputes that the test controls return.
//!
//! A view has the few members that tests and people use; the API renders whole objects with `object_json`.

use serde::Serialize;

use super::objects::{
    Dispute, DisputeStatus, Intent, IntentStatus, Metadata, PaymentStatus, Refund, RefundStatus, Session,
    SessionStatus,
};

/// A Checkout Session, as test controls return it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionView {
    /// The session's id, `cs_test_…`.
    pub id: String,
    /// The session's status, which only moves forward from `Open`.
    pub status: SessionStatus,
    /// Tells whether the money has arrived.
    pub payment_status: PaymentStatus,
    /// The caller's own reference, as given at creation.
    pub client_reference_id: Option<String>,
    /// The session's own metadata, as given at creation.
    pub metadata: Metadata,
    /// What the first line says beside its name.
    pub line: Option<String>,
    /// The language of the payment page, as given at creation.
    pub locale: Option<String>,
    /// The total in the currency's minor unit.
    pub amount_total: i64,
    /// The currency's lower-case ISO code.
    pub currency: String,
    /// The id of the session's intent, once the guest has tried to pay.
    pub payment_intent: Option<String>,
    /// The time of expiry in Unix seconds.
    pub expires_at: i64,
    /// The URL of the payment page, which stays reachable after the session has ended.
    pub url: String,
}

impl From<&Session> for SessionView {
    fn from(session: &Session) -> SessionView {
        SessionView {
            id: session.id.clone(),
            status: session.status,
            payment_status: session.payment_status,
            client_reference_id: session.params.client_reference_id.clone(),
            metadata: session.params.metadata.clone(),
            line: session
                .params
                .line_items
                .first()
                .and_then(|item| item.description.clone()),
            locale: session.params.locale.clone(),
            amount_total: session.amount_total(),
            currency: session.params.currency.clone(),
            payment_intent: session.payment_intent.clone(),
            expires_at: session.params.expires_at,
            url: session.url.clone(),
        }
    }
}

/// A PaymentIntent, as test controls return it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IntentView {
    /// The intent's id, `pi_…`.
    pub id: String,
    /// The status of the intent.
    pub status: IntentStatus,
    /// The id of its session, which Stripe's own object does not contain.
    pub session: String,
    /// The amount to pay, in the currency's minor unit.
    pub amount: i64,
    /// The amount that the guest has paid; refunds do not lower it.
    pub amount_received: i64,
    /// The currency's lower-case ISO code.
    pub currency: String,
    /// The metadata from `payment_intent_data[metadata]`.
    pub metadata: Metadata,
    /// The id of the successful charge, if there is one.
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

/// A Refund, as test controls return it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefundView {
    /// The refund's id, `re_…`.
    pub id: String,
    /// The id of the payment intent whose money is refunded.
    pub payment_intent: String,
    /// The id of the refunded charge.
    pub charge: String,
    /// The refunded amount, in the currency's minor unit.
    pub amount: i64,
    /// The currency's lower-case ISO code.
    pub currency: String,
    /// What has become of the money.
    pub status: RefundStatus,
    /// The time of creation in Unix seconds.
    pub created: i64,
    /// The reason given at creation.
    pub reason: Option<String>,
    /// The metadata given at creation.
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
            status: refund.status,
            created: refund.created,
            reason: refund.reason.clone(),
            metadata: refund.metadata.clone(),
        }
    }
}

/// A Dispute, as test controls return it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DisputeView {
    /// The dispute's id, `du_…`.
    pub id: String,
    /// The id of the payment intent whose money is disputed.
    pub payment_intent: String,
    /// The disputed amount, in the currency's minor unit.
    pub amount: i64,
    /// The currency's lower-case ISO code.
    pub currency: String,
    /// Where the dispute is, and with it the money.
    pub status: DisputeStatus,
}

impl From<&Dispute> for DisputeView {
    fn from(dispute: &Dispute) -> DisputeView {
        DisputeView {
            id: dispute.id.clone(),
            payment_intent: dispute.intent.clone(),
            amount: dispute.amount,
            currency: dispute.currency.clone(),
            status: dispute.status,
        }
    }
}
