//! What the shop decided about the money of one payment. A decision stays what it was, whatever the bank does.

use super::snapshots::{PaymentFacts, RefundSnapshot};
use crate::domain::ids::CommandId;

/// Why the shop keeps money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeepReason {
    /// It pays for a booking.
    Booking,
    /// It pays for a booking that stays although an operator ordered all that is left of it to go back.
    Goodwill,
    /// An operator decided so, and it pays for no booking.
    Operator,
}

impl KeepReason {
    /// Tells whether the money pays for a booking.
    pub fn is_for_booking(self) -> bool {
        match self {
            Self::Booking | Self::Goodwill => true,
            Self::Operator => false,
        }
    }
}

/// An order to refund, decided once. Its row is there before Stripe has an object for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RefundOrder {
    /// The command that carries it out, which its refund at Stripe names in its metadata; `None` until it is stored.
    pub command: Option<CommandId>,
    /// Who ordered it, in a word; `None` until it is stored, and for orders of versions that did not write it.
    pub ordered_by: Option<String>,
    /// How much is to go back, in minor units. Never changes.
    pub amount: i64,
    /// Whether Stripe has answered it for good: by a refund, or because there was nothing left to give back.
    pub is_done: bool,
}

/// All decisions about one payment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Decisions {
    /// What the shop means to keep, in minor units: all of it for a booking, less with each order, or nothing.
    pub keep: i64,
    /// Why it keeps that.
    pub reason: KeepReason,
    /// What it ordered to go back, in the order of the decisions.
    pub orders: Vec<RefundOrder>,
    /// What was due back and was settled elsewhere, such as in cash, in minor units.
    pub settled_outside: i64,
    /// How much was to go back and needed no order, in minor units: refunds by hand or the bank had taken it already. If
    /// such a refund fails later, the money is due back.
    pub covered: i64,
    /// How much of the orders replaces earlier ones that failed, in minor units: the same money was ordered twice.
    pub reordered: i64,
}

impl Decisions {
    /// Makes the decision to keep a payment as what a booking costs.
    pub fn keep_for_booking(paid: i64) -> Self {
        Self {
            keep: paid,
            reason: KeepReason::Booking,
            orders: Vec::new(),
            settled_outside: 0,
            covered: 0,
            reordered: 0,
        }
    }
}

impl RefundOrder {
    /// Finds the refund at Stripe that carries out this order: the first one that names its command. A second one would
    /// be money that nobody ordered, so it counts as made by hand.
    pub fn find_refund<'a>(&self, facts: &'a PaymentFacts) -> Option<&'a RefundSnapshot> {
        let command = self.command?;
        let ours = facts
            .refunds
            .values()
            .filter(|refund| refund.command == Some(command));
        ours.min_by_key(|refund| (refund.created, refund.id.clone()))
    }
}
