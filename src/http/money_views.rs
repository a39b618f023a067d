//! Money as operators see it: where it is, payments, refunds and disputes.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::hold::Hold;
use crate::domain::ledger::snapshots::{DisputeSnapshot, RefundSnapshot};
use crate::domain::ledger::sums::Sums;
use crate::domain::money::Currency;
use crate::domain::payment::{Payment, PaymentState};

/// Where money is, in the currency's minor unit. What was paid is the sum of all the others.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Ledger)]
pub(super) struct LedgerView {
    /// What the guest paid.
    #[schema(example = 5000)]
    paid: i64,
    /// What is back with the guest.
    refunded: i64,
    /// What is on its way back, or ordered.
    refund_pending: i64,
    /// What the guest's bank has withdrawn while it decides about a dispute.
    disputed: i64,
    /// What the guest's bank took for good.
    lost: i64,
    /// What the shop has and means to have.
    #[schema(example = 5000)]
    kept: i64,
    /// What the shop has and must give back, because its refund failed.
    due_back: i64,
    /// The lower-case ISO code of the currency. Payments in another one are not counted; they are in `payments`.
    #[schema(example = "eur")]
    currency: String,
}

impl LedgerView {
    fn new(sums: Sums, currency: Currency) -> Self {
        Self {
            paid: sums.paid,
            refunded: sums.refunded,
            refund_pending: sums.refund_pending,
            disputed: sums.disputed,
            lost: sums.lost,
            kept: sums.kept,
            due_back: sums.due_back,
            currency: currency.to_string(),
        }
    }

    pub(super) fn of_payment(payment: &Payment) -> Self {
        Self::new(payment.sums(), payment.money.currency)
    }

    pub(super) fn of_hold(hold: &Hold) -> Self {
        Self::new(hold.sums(), hold.ledger_currency())
    }
}

/// The status of a PaymentIntent.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PaymentStatus)]
enum PaymentStatusView {
    /// It has collected the money. No other one is a payment.
    Succeeded,
}

/// A payment that Stripe has collected.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Payment)]
pub(super) struct PaymentView {
    /// The id of the Stripe PaymentIntent.
    #[schema(example = "pi_3QZ8mT2eZvKYlo2C1a2b3c4d")]
    intent: String,
    /// The amount paid, in the currency's minor unit.
    #[schema(example = 5000)]
    amount: i64,
    /// The amount refunded, in the currency's minor unit.
    refunded: i64,
    /// The lower-case ISO code of the currency.
    #[schema(example = "eur")]
    currency: String,
    /// Stripe's status of the PaymentIntent.
    status: PaymentStatusView,
    /// What has become of the payment, in a word.
    state: PaymentStateView,
}

/// What has become of a payment.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PaymentState)]
enum PaymentStateView {
    /// The money, or a part of it, pays for a booking.
    Paid,
    /// The money must go back; a refund is ordered or on its way.
    RefundDue,
    /// The money is back with the guest, or the guest's bank has it.
    Refunded,
    /// A refund failed, and the money must still go back.
    RefundFailed,
    /// The guest's bank disputes the payment.
    Disputed,
    /// The hold was cancelled, and at least a part of the money is kept.
    Kept,
}

impl From<&Payment> for PaymentView {
    fn from(payment: &Payment) -> Self {
        Self {
            intent: payment.intent.to_string(),
            amount: payment.money.amount,
            refunded: payment.refunded,
            currency: payment.money.currency.to_string(),
            status: PaymentStatusView::Succeeded,
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

/// A refund at Stripe.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Refund)]
pub(super) struct RefundView {
    /// The id of the Stripe Refund.
    #[schema(example = "re_3QZ8mT2eZvKYlo2C1a2b3c4d")]
    id: String,
    /// The id of the PaymentIntent that is refunded.
    intent: String,
    /// What the guest gets back, in the currency's minor unit.
    #[schema(example = 2000)]
    amount: i64,
    /// Stripe's status: `pending`, `requires_action`, `succeeded`, `failed` or `canceled`.
    #[schema(example = "succeeded")]
    status: String,
    /// Stripe's reason of a failure.
    #[schema(required = true)]
    reason: Option<String>,
    /// Who ordered it: the name of an operator's key, `guest`, or `holdfast` if it follows from the rules. Null if it was made
    /// at Stripe, or ordered before this was recorded.
    #[schema(required = true)]
    ordered_by: Option<String>,
}

impl RefundView {
    fn new(payment: &Payment, refund: &RefundSnapshot) -> Self {
        let mut orders = payment.decisions.orders.iter();
        let order = orders.find(|order| order.command.is_some() && order.command == refund.command);
        Self {
            id: refund.id.to_string(),
            intent: payment.intent.to_string(),
            amount: refund.money.amount,
            status: refund.status.as_word().to_owned(),
            reason: refund.failure_reason.as_ref().map(ToString::to_string),
            ordered_by: order.and_then(|order| order.ordered_by.clone()),
        }
    }

    /// Shows the refunds of a payment, oldest first.
    pub(super) fn list(payment: &Payment) -> Vec<Self> {
        let mut refunds: Vec<_> = payment.facts.refunds.values().collect();
        refunds.sort_by_key(|refund| refund.created);
        let views = refunds.into_iter().map(|refund| Self::new(payment, refund));
        views.collect()
    }
}

/// A dispute at Stripe.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Dispute)]
pub(super) struct DisputeView {
    /// The id of the Stripe Dispute.
    #[schema(example = "du_1QZ8mT2eZvKYlo2Ca1b2c3d4")]
    id: String,
    /// The id of the PaymentIntent that is disputed.
    intent: String,
    /// What the bank disputes, in the currency's minor unit.
    #[schema(example = 5000)]
    amount: i64,
    /// Stripe's status, such as `needs_response`, `under_review`, `won` or `lost`; `warning_…` moves no money.
    #[schema(example = "needs_response")]
    status: String,
}

impl DisputeView {
    fn new(payment: &Payment, dispute: &DisputeSnapshot) -> Self {
        Self {
            id: dispute.id.to_string(),
            intent: payment.intent.to_string(),
            amount: dispute.money.amount,
            status: dispute.status.as_word().to_owned(),
        }
    }

    /// Shows the disputes of a payment, oldest first.
    pub(super) fn list(payment: &Payment) -> Vec<Self> {
        let mut disputes: Vec<_> = payment.facts.disputes.values().collect();
        disputes.sort_by_key(|dispute| dispute.created);
        let views = disputes.into_iter().map(|dispute| Self::new(payment, dispute));
        views.collect()
    }
}
