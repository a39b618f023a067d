//! The sums of one payment. Each is computed on its own from facts and decisions, so that a mistake in one of them shows:
//! they must add up.
//!
//! What went back without an order, and what the bank took, is taken first from what is due back, then from what is kept,
//! then from orders that Stripe has not carried out: Stripe refuses those then.

use std::collections::BTreeSet;

use super::decisions::Decisions;
use super::snapshots::{DisputeStatus, PaymentFacts, RefundStatus};
use crate::domain::ids::RefundId;

/// Where the money of a payment is, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// What the guest paid.
    pub paid: i64,
    /// What is back with the guest.
    pub refunded: i64,
    /// What is on its way back, or ordered.
    pub refund_pending: i64,
    /// What the bank has withdrawn of it while it decides.
    pub disputed: i64,
    /// What the bank took of it for good.
    pub lost: i64,
    /// What the shop has and means to have.
    pub kept: i64,
    /// What the shop has and must give back: its refund failed.
    pub due_back: i64,
}

impl Sums {
    /// Derives the sums of a payment of `paid` minor units.
    pub fn derive(paid: i64, facts: &PaymentFacts, decisions: &Decisions) -> Self {
        let parts = Parts::count(facts, decisions);
        let rest = parts.after_taken(decisions);
        let kept = rest.keep + rest.settled;
        // The bank may take money that has gone back before, or more than was paid. That is no money of this payment.
        let beyond = (-kept).clamp(0, parts.disputed + parts.lost);
        let of_disputed = beyond.min(parts.disputed);
        Self {
            paid,
            refunded: sum_refunds(facts, |status| *status == RefundStatus::Succeeded),
            refund_pending: sum_refunds(facts, is_on_its_way) + rest.unsent,
            disputed: parts.disputed - of_disputed,
            lost: parts.lost - (beyond - of_disputed),
            kept: kept + beyond,
            due_back: rest.due_back,
        }
    }

    /// Derives how much of what the shop means to keep can be ordered to go back. What it settled elsewhere is not a part
    /// of it: the guest has that already.
    pub fn derive_refundable(facts: &PaymentFacts, decisions: &Decisions) -> i64 {
        Parts::count(facts, decisions).after_taken(decisions).keep.max(0)
    }

    /// Tells whether each cent is in one place, and none in two.
    pub fn adds_up(self) -> bool {
        let places = [
            self.refunded,
            self.refund_pending,
            self.disputed,
            self.lost,
            self.kept,
            self.due_back,
        ];
        places.iter().all(|sum| *sum >= 0) && places.iter().sum::<i64>() == self.paid
    }
}

/// Adds up the sums of several payments in one currency.
impl std::iter::Sum for Sums {
    fn sum<I: Iterator<Item = Self>>(payments: I) -> Self {
        payments.fold(Self::default(), |total, one| Self {
            paid: total.paid + one.paid,
            refunded: total.refunded + one.refunded,
            refund_pending: total.refund_pending + one.refund_pending,
            disputed: total.disputed + one.disputed,
            lost: total.lost + one.lost,
            kept: total.kept + one.kept,
            due_back: total.due_back + one.due_back,
        })
    }
}

/// The amounts that the sums are made of, in minor units.
struct Parts {
    /// Ordered, and Stripe has no refund for it yet.
    unsent: i64,
    /// Ordered, and it ended without giving the money back: its refund did, or there was nothing left to refund.
    failed: i64,
    /// Back or on its way without an order.
    by_hand: i64,
    disputed: i64,
    lost: i64,
}

/// What is left of the decisions when everything that was taken without an order is subtracted.
struct Rest {
    /// What is still to go back, and no order gives back.
    due_back: i64,
    /// What was due back and was settled elsewhere: the shop has it too.
    settled: i64,
    keep: i64,
    /// What is left of the orders that Stripe has not carried out. It refuses the rest.
    unsent: i64,
}

impl Parts {
    /// Subtracts what went back by hand and what the bank took, in the order that the module describes.
    fn after_taken(&self, decisions: &Decisions) -> Rest {
        let to_go_back = self.failed + decisions.covered;
        // What was ordered anew is due no more. If its first order gave the money back after all, the second one takes
        // other money, as a refund by hand does.
        let failed = (to_go_back - decisions.reordered).max(0);
        let doubled = (decisions.reordered - to_go_back).max(0);
        let settled = decisions.settled_outside.min(failed);
        let due = failed - settled;
        let taken = self.by_hand + self.disputed + self.lost + doubled;
        let beyond_due = (taken - due).max(0);
        let of_unsent = (beyond_due - decisions.keep).clamp(0, self.unsent);
        Rest {
            due_back: (due - taken).max(0),
            settled,
            keep: decisions.keep - (beyond_due - of_unsent),
            unsent: self.unsent - of_unsent,
        }
    }

    fn count(facts: &PaymentFacts, decisions: &Decisions) -> Self {
        let mut ordered = BTreeSet::<&RefundId>::new();
        let (mut unsent, mut failed) = (0, 0);
        for order in &decisions.orders {
            match order.find_refund(facts) {
                Some(refund) => {
                    ordered.insert(&refund.id);
                    failed += if refund.status.is_over() { order.amount } else { 0 };
                }
                None if order.is_done => failed += order.amount,
                None => unsent += order.amount,
            }
        }
        let by_hand = facts.refunds.values().filter(|refund| {
            (is_on_its_way(&refund.status) || refund.status == RefundStatus::Succeeded)
                && !ordered.contains(&refund.id)
        });
        Self {
            unsent,
            failed,
            by_hand: by_hand.map(|refund| refund.money.amount).sum(),
            disputed: sum_disputes(facts, DisputeStatus::is_open),
            lost: sum_disputes(facts, |status| *status == DisputeStatus::Lost),
        }
    }
}

fn is_on_its_way(status: &RefundStatus) -> bool {
    matches!(status, RefundStatus::RequiresAction | RefundStatus::Pending)
}

fn sum_refunds(facts: &PaymentFacts, counts: impl Fn(&RefundStatus) -> bool) -> i64 {
    let counted = facts.refunds.values().filter(|refund| counts(&refund.status));
    counted.map(|refund| refund.money.amount).sum()
}

fn sum_disputes(facts: &PaymentFacts, counts: impl Fn(&DisputeStatus) -> bool) -> i64 {
    let counted = facts.disputes.values().filter(|dispute| counts(&dispute.status));
    counted.map(|dispute| dispute.money.amount).sum()
}

#[cfg(test)]
mod tests;
