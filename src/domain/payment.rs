//! Money that came in, as rows of its own: so that one question finds money without a slot, and one a slot without
//! money (I3).

use super::ids::IntentId;
use super::money::Money;

/// Where a payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PaymentState {
    /// The money is ours.
    Paid,
    /// It belongs back to the guest; a refund command is on its way.
    RefundDue,
    /// It is back.
    Refunded,
    /// Stripe could not give it back; an operator must.
    RefundFailed,
    /// The guest's bank disputes it.
    Disputed,
    /// Ours, or what is left of it, though its hold was cancelled: the operator wants it so.
    Kept,
}

/// One payment, keyed by its PaymentIntent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Payment {
    /// Stripe's intent.
    pub intent: IntentId,
    /// What was paid.
    pub money: Money,
    /// How much of it went back, in minor units.
    pub refunded: i64,
    /// Where it stands.
    pub state: PaymentState,
}

/// Stripe's word that money came in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Receipt {
    /// Through which intent.
    pub intent: IntentId,
    /// How much.
    pub money: Money,
}

impl Receipt {
    /// The payment that this receipt proves, in the given state.
    pub fn payment(&self, state: PaymentState) -> Payment {
        Payment {
            intent: self.intent.clone(),
            money: self.money,
            refunded: 0,
            state,
        }
    }
}
