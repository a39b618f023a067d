//! Stripe's objects as the simulator stores them: sessions, payment intents, charges, refunds and disputes.
//!
//! Plain data without behaviour. `account_state` holds the objects, `object_json` renders them, and `sessions`,
//! `payments`, `refunds` and `disputes` change them; `account_file` keeps them. Amounts are in the currency's minor unit, times are Unix seconds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct LineItem {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) unit_amount: i64,
    pub(super) quantity: i64,
    #[serde(default)]
    pub(super) images: Vec<String>,
}

impl LineItem {
    pub(super) fn total_amount(&self) -> i64 {
        self.unit_amount.saturating_mul(self.quantity)
    }
}

/// The checked parameters of a new Checkout Session.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SessionParams {
    pub(super) line_items: Vec<LineItem>,
    pub(super) currency: String,
    /// The price of all lines, before discounts and taxes.
    #[serde(alias = "amount_total")]
    pub(super) amount_subtotal: i64,
    pub(super) success_url: String,
    pub(super) cancel_url: Option<String>,
    /// The one way out of an embedded page; a hosted page has none. Files of earlier versions lack it.
    #[serde(default)]
    pub(super) return_url: Option<String>,
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
    #[serde(default)]
    pub(super) page: PageParams,
    pub(super) expires_at: i64,
}

/// What the payment page asks beyond the payment.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct PageParams {
    pub(super) allow_promotion_codes: bool,
    pub(super) automatic_tax: bool,
    /// Whether the prices contain the tax.
    pub(super) has_inclusive_tax: bool,
    pub(super) phone: bool,
    pub(super) billing_address_collection: Option<String>,
    /// Whether the guest must accept the terms: `required` or `none`.
    pub(super) terms_of_service: Option<String>,
    pub(super) invoice_creation: bool,
    pub(super) statement_descriptor_suffix: Option<String>,
}

/// A Checkout Session (docs.stripe.com/api/checkout/sessions/object).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Session {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) status: SessionStatus,
    pub(super) payment_status: PaymentStatus,
    pub(super) payment_intent: Option<String>,
    /// The address of the payment page, which Stripe shows only of a hosted one.
    pub(super) url: String,
    /// What opens an embedded page; a hosted page has none. Files of earlier versions lack it.
    #[serde(default)]
    pub(super) client_secret: Option<String>,
    /// What a promotion code takes off.
    #[serde(default)]
    pub(super) discount: i64,
    /// The tax, which is known when the guest pays.
    #[serde(default)]
    pub(super) tax: i64,
    pub(super) params: SessionParams,
}

impl Session {
    /// Whether the shop's own page shows the payment page.
    pub(super) fn is_embedded(&self) -> bool {
        self.client_secret.is_some()
    }

    /// Where the guest goes after the payment.
    pub(super) fn url_after_payment(&self) -> String {
        let params = &self.params;
        let url = params.return_url.as_ref().unwrap_or(&params.success_url);
        url.replace("{CHECKOUT_SESSION_ID}", &self.id)
    }

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Serialize, Deserialize)]
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
    pub(super) last_error: Option<String>,
}

/// A successful Charge; the simulator stores no failed ones.
#[derive(Debug, Clone, Serialize, Deserialize)]
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

/// The `status` of a Refund, in the order in which it moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// The guest must act to receive the money.
    RequiresAction,
    /// The money is on its way, or the account's balance is too low.
    Pending,
    /// The money is back with the guest.
    Succeeded,
    /// The refund was canceled.
    Canceled,
    /// The money did not reach the guest.
    Failed,
}

impl RefundStatus {
    /// Whether the refund gives money back, or still may.
    pub(super) fn returns_money(self) -> bool {
        !matches!(self, RefundStatus::Canceled | RefundStatus::Failed)
    }
}

/// What becomes of a refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefundOutcome {
    /// The status that the refund gets.
    pub status: RefundStatus,
    /// Why a failed refund failed, in Stripe's word; `unknown` if absent.
    #[serde(default)]
    pub failure_reason: Option<String>,
}

impl RefundOutcome {
    /// Returns the outcome with this status, and no reason of its own.
    pub fn new(status: RefundStatus) -> RefundOutcome {
        RefundOutcome {
            status,
            failure_reason: None,
        }
    }

    /// Returns the reason that a refund with this outcome shows.
    pub(super) fn failure_reason(&self) -> Option<String> {
        let reason = self.failure_reason.as_deref().unwrap_or("unknown");
        (self.status == RefundStatus::Failed).then(|| reason.to_owned())
    }
}

impl Default for RefundOutcome {
    fn default() -> RefundOutcome {
        RefundOutcome::new(RefundStatus::Succeeded)
    }
}

/// A Refund of a whole charge or a part of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Refund {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) charge: String,
    pub(super) intent: String,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) status: RefundStatus,
    pub(super) failure_reason: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) metadata: Metadata,
}

/// The `status` of a Dispute, in the order in which it moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisputeStatus {
    /// The bank inquires; the money stays.
    WarningNeedsResponse,
    /// The bank examines the answer to its inquiry.
    WarningUnderReview,
    /// The inquiry has ended.
    WarningClosed,
    /// The bank has taken the money, and the seller may answer.
    NeedsResponse,
    /// The bank has taken the money, and examines the answer.
    UnderReview,
    /// The dispute was prevented by a refund.
    Prevented,
    /// The seller has the money again.
    Won,
    /// The bank keeps the money.
    Lost,
}

impl DisputeStatus {
    /// Whether the bank has the disputed money.
    pub(super) fn withdraws_money(self) -> bool {
        matches!(
            self,
            DisputeStatus::NeedsResponse | DisputeStatus::UnderReview | DisputeStatus::Lost
        )
    }

    pub(super) fn is_closed(self) -> bool {
        matches!(
            self,
            DisputeStatus::WarningClosed
                | DisputeStatus::Prevented
                | DisputeStatus::Won
                | DisputeStatus::Lost
        )
    }

    /// Whether a dispute can begin in this status.
    pub(super) fn is_first(self) -> bool {
        matches!(
            self,
            DisputeStatus::WarningNeedsResponse | DisputeStatus::NeedsResponse | DisputeStatus::Prevented
        )
    }
}

/// A Dispute over a charge, or a part of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Dispute {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) charge: String,
    pub(super) intent: String,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) status: DisputeStatus,
    pub(super) reason: String,
}
