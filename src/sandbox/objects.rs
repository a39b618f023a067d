//! Stripe's objects as the simulator stores them: sessions, payment intents, charges, refunds and disputes.
//!
//! Plain data without behaviour. `account_state` holds the objects, `object_json` renders them, and `sessions`,
//! `payments`, `refunds` and `disputes` change them. Amounts are in the currency's minor unit, times are Unix seconds.

use std::collections::BTreeMap;

use serde::Serialize;

/// Key-value pairs that the caller attaches to an object (docs.stripe.com/api/metadata).
pub type Metadata = BTreeMap<String, String>;

/// Payment methods that report success or failure only days after the guest confirms.
const DELAYED_METHODS: &[&str] = &[
    "acss_debit",
    "au_becs_debit",
    "bacs_debit",
    "boleto",
    "customer_balance",
    "konbini",
    "multibanco",
    "oxxo",
    "sepa_debit",
    "us_bank_account",
];

/// The `status` of a Checkout Session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionStatus {
    /// The session can still be paid or expired.
    Open,
    /// The guest has confirmed; `payment_status` tells whether the money has arrived.
    Complete,
    /// The session can no longer be paid.
    Expired,
}

impl SessionStatus {
    /// Returns the value that Stripe sends in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            SessionStatus::Open => "open",
            SessionStatus::Complete => "complete",
            SessionStatus::Expired => "expired",
        }
    }
}

impl PartialEq<&str> for SessionStatus {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

/// The `payment_status` of a Checkout Session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// The money has arrived.
    Paid,
    /// The money has not arrived, or not yet.
    Unpaid,
    /// The total is zero, so there is nothing to pay.
    NoPaymentRequired,
}

impl PaymentStatus {
    /// Returns the value that Stripe sends in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            PaymentStatus::Paid => "paid",
            PaymentStatus::Unpaid => "unpaid",
            PaymentStatus::NoPaymentRequired => "no_payment_required",
        }
    }
}

impl PartialEq<&str> for PaymentStatus {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

/// One line of a Checkout Session: a product and its quantity.
#[derive(Debug, Clone)]
pub(super) struct LineItem {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) unit_amount: i64,
    pub(super) quantity: i64,
}

impl LineItem {
    pub(super) fn total_amount(&self) -> i64 {
        self.unit_amount.saturating_mul(self.quantity)
    }
}

/// The checked parameters of a new Checkout Session.
#[derive(Debug, Clone)]
pub(super) struct SessionParams {
    pub(super) line_items: Vec<LineItem>,
    pub(super) currency: String,
    pub(super) amount_total: i64,
    pub(super) success_url: String,
    pub(super) cancel_url: Option<String>,
    /// The Payment Link that the session was opened by.
    pub(super) payment_link: Option<String>,
    pub(super) client_reference_id: Option<String>,
    pub(super) customer_email: Option<String>,
    pub(super) metadata: Metadata,
    pub(super) intent_metadata: Metadata,
    pub(super) intent_description: Option<String>,
    pub(super) allowed_payment_method_types: Vec<String>,
    pub(super) locale: Option<String>,
    pub(super) submit_type: Option<String>,
    pub(super) expires_at: i64,
}

/// A Checkout Session (docs.stripe.com/api/checkout/sessions/object).
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) status: SessionStatus,
    pub(super) payment_status: PaymentStatus,
    pub(super) payment_intent: Option<String>,
    pub(super) url: String,
    pub(super) params: SessionParams,
}

impl Session {
    /// Whether the guest may choose a delayed method: true unless the session allows only immediate ones.
    pub(super) fn accepts_delayed_methods(&self) -> bool {
        let allowed = &self.params.allowed_payment_method_types;
        allowed.is_empty()
            || allowed
                .iter()
                .any(|method| DELAYED_METHODS.contains(&method.as_str()))
    }
}

/// The `status` of a PaymentIntent, as far as Checkout uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IntentStatus {
    /// The guest has not paid yet, or the last attempt failed.
    RequiresPaymentMethod,
    /// A delayed method has started and has not finished.
    Processing,
    /// The money has arrived.
    Succeeded,
    /// The session expired before the guest paid.
    Canceled,
}

impl IntentStatus {
    /// Returns the value that Stripe sends in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            IntentStatus::RequiresPaymentMethod => "requires_payment_method",
            IntentStatus::Processing => "processing",
            IntentStatus::Succeeded => "succeeded",
            IntentStatus::Canceled => "canceled",
        }
    }
}

impl PartialEq<&str> for IntentStatus {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

/// Represents a PaymentIntent of Stripe (docs.stripe.com/api/payment_intents/object).
#[derive(Debug, Clone)]
pub(super) struct Intent {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) session: String,
    pub(super) amount: i64,
    pub(super) amount_received: i64,
    pub(super) currency: String,
    pub(super) description: Option<String>,
    pub(super) metadata: Metadata,
    pub(super) status: IntentStatus,
    pub(super) latest_charge: Option<String>,
    pub(super) canceled_at: Option<i64>,
    /// The `code` of `last_payment_error`.
    pub(super) last_error: Option<&'static str>,
}

/// A successful Charge; the simulator stores no failed ones.
#[derive(Debug, Clone)]
pub(super) struct Charge {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) intent: String,
    pub(super) amount: i64,
    pub(super) amount_refunded: i64,
    pub(super) currency: String,
    pub(super) description: Option<String>,
    pub(super) email: Option<String>,
    pub(super) metadata: Metadata,
    pub(super) disputed: bool,
}

/// The checked parameters of a new Refund.
#[derive(Debug, Clone, Default)]
pub(super) struct RefundParams {
    pub(super) intent: Option<String>,
    pub(super) charge: Option<String>,
    /// `None` refunds everything that is left.
    pub(super) amount: Option<i64>,
    pub(super) reason: Option<String>,
    pub(super) metadata: Metadata,
}

/// A Refund; in the simulator every refund succeeds at once.
#[derive(Debug, Clone)]
pub(super) struct Refund {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) charge: String,
    pub(super) intent: String,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) reason: Option<String>,
    pub(super) metadata: Metadata,
}

/// An open Dispute over a whole charge.
#[derive(Debug, Clone)]
pub(super) struct Dispute {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) charge: String,
    pub(super) intent: String,
    pub(super) amount: i64,
    pub(super) currency: String,
}
