//! What an event of Stripe says about refunds and disputes.

use super::snapshots::{DisputeSnapshot, RefundSnapshot};
use crate::domain::ids::IntentId;
use crate::domain::money::Money;

/// Something that an event of Stripe reports about money after the payment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LedgerFact {
    /// A refund was made or has changed.
    RefundSeen(RefundSnapshot),
    /// A dispute was opened or has changed, or its money was moved.
    DisputeSeen(DisputeSnapshot),
    /// A charge was refunded. The sum is a hint: where less is known, the refunds must be read from Stripe.
    ChargeRefunded {
        /// The payment of the charge.
        intent: IntentId,
        /// What the charge took.
        paid: Money,
        /// The total of the refunds that did not fail so far, in minor units.
        amount_refunded: i64,
        /// The refunds that the event lists: none in newer API versions, the newest ones in old ones.
        refunds: Vec<RefundSnapshot>,
    },
}

impl LedgerFact {
    /// Returns the payment that the fact is about. `None` for a charge without an intent, which is never ours.
    pub fn intent(&self) -> Option<&IntentId> {
        match self {
            Self::RefundSeen(refund) => refund.intent.as_ref(),
            Self::DisputeSeen(dispute) => dispute.intent.as_ref(),
            Self::ChargeRefunded { intent, .. } => Some(intent),
        }
    }
}
