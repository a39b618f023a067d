//! Payments as rows of their own, so that one query finds money without a slot and another a slot without money (I3).

use super::ids::IntentId;
use super::money::Money;

/// What has become of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PaymentState {
    /// The money is with the shop.
    Paid,
    /// The money must go back to the guest; a refund command is pending.
    RefundDue,
    /// The money is back with the guest.
    Refunded,
    /// Stripe could not refund the money; an operator must.
    RefundFailed,
    /// The guest's bank disputes the payment.
    Disputed,
    /// The operator cancelled the hold and keeps the money, or what is left of it.
    Kept,
}

/// One payment, identified by its PaymentIntent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Payment {
    /// Stripe's PaymentIntent of the payment.
    pub intent: IntentId,
    /// What the guest paid.
    pub money: Money,
    /// How much of it was refunded, in minor units.
    pub refunded: i64,
    /// What has become of it.
    pub state: PaymentState,
}

/// Stripe's statement that a payment succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Receipt {
    /// The PaymentIntent that collected the money.
    pub intent: IntentId,
    /// The amount that was paid.
    pub money: Money,
}

impl Receipt {
    /// Makes the payment that this receipt proves, in the given state and with nothing refunded.
    pub fn to_payment(&self, state: PaymentState) -> Payment {
        Payment {
            intent: self.intent.clone(),
            money: self.money,
            refunded: 0,
            state,
        }
    }
}
