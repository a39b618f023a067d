//! What an operator reads of a hold's money in one line.

use super::hold::{Hold, Status};
use super::money::Money;

/// What an operator reads of a hold's money in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoneySummary {
    /// What the shop has of the guest's money, or what is to be paid; `None` if there never was any.
    pub amount: Option<Money>,
    /// Whether the amount is still to be paid.
    pub is_due: bool,
    /// What else must be said of it.
    pub notes: Vec<MoneyNote>,
}

/// What must be said of a hold's money besides its amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoneyNote {
    /// A part of it is back with the guest.
    PartlyRefunded,
    /// All of it is back with the guest.
    Refunded,
    /// A refund is on its way.
    RefundPending,
    /// The guest's bank has not decided about it.
    Disputed,
    /// It must go back, and its refund failed.
    RefundFailed,
    /// The guest paid another amount than the price.
    NotThePrice,
}

impl Hold {
    /// Summarizes the hold's money.
    pub fn summarize_money(&self) -> MoneySummary {
        let Some(first) = self.payments.first() else {
            let is_due = matches!(self.status, Status::Held | Status::Processing);
            return MoneySummary {
                amount: is_due.then_some(self.price),
                is_due,
                notes: Vec::new(),
            };
        };
        let sums = self.sums();
        let refunded = match sums.refunded < sums.paid {
            true => MoneyNote::PartlyRefunded,
            false => MoneyNote::Refunded,
        };
        let notes = [
            (sums.refunded, refunded),
            (sums.refund_pending, MoneyNote::RefundPending),
            (sums.disputed, MoneyNote::Disputed),
            (sums.due_back, MoneyNote::RefundFailed),
            (i64::from(self.price_mismatch), MoneyNote::NotThePrice),
        ];
        MoneySummary {
            amount: Some(Money {
                amount: sums.paid - sums.refunded - sums.lost,
                currency: first.money.currency,
            }),
            is_due: false,
            notes: notes
                .into_iter()
                .filter_map(|(amount, note)| (amount > 0).then_some(note))
                .collect(),
        }
    }
}
