//! What only an earlier version's counter or state says of a payment: rows that stand for Stripe's objects until Stripe's
//! lists are read.
//!
//! Such a row is a hint. It never adds to what Stripe's objects say: a list replaces it, and what is known of single objects
//! makes it smaller. A refund that was replaced is canceled, and is deleted when its payment takes notice, so that a crash
//! between the two is seen.

use super::snapshots::{PaymentFacts, RefundSnapshot, RefundStatus};
use crate::domain::ids::{DisputeId, RefundId};

/// The beginning of the ids of rows that no object of Stripe stands for. The intent follows.
const UNVERIFIED: &str = "unverified_";

/// Which of Stripe's lists of a payment were read to their ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ReadLists {
    /// All refunds are known.
    pub refunds: bool,
    /// All disputes are known.
    pub disputes: bool,
}

impl RefundId {
    /// Tells whether only an earlier version's counter says that there is this refund.
    pub fn is_unverified(&self) -> bool {
        self.as_str().starts_with(UNVERIFIED)
    }
}

impl DisputeId {
    /// Tells whether only an earlier version's state says that there is this dispute.
    pub fn is_unverified(&self) -> bool {
        self.as_str().starts_with(UNVERIFIED)
    }
}

impl PaymentFacts {
    /// Returns what objects of Stripe say.
    #[must_use]
    pub fn without_unverified(mut self) -> Self {
        self.refunds.retain(|id, _| !id.is_unverified());
        self.disputes.retain(|id, _| !id.is_unverified());
        self
    }

    /// Tells whether Stripe's objects say everything that is known.
    pub fn is_verified(&self) -> bool {
        !self.refunds.values().any(is_counter) && !self.disputes.keys().any(DisputeId::is_unverified)
    }

    /// Merges a report of Stripe, for which these lists were read.
    #[must_use]
    pub fn merge_report(self, reported: Self, read: ReadLists) -> Self {
        if self.is_verified() {
            return self.merge(reported);
        }
        let counted = sum_of_objects(&self);
        // An earlier version knew one dispute of a payment, so this one is it.
        let is_dispute_known = read.disputes || !reported.disputes.is_empty();
        let mut merged = self.merge(reported);
        if is_dispute_known {
            merged.disputes.retain(|id, _| !id.is_unverified());
        }
        let is_replaced = read.refunds && !merged.disputes.keys().any(DisputeId::is_unverified);
        let more = sum_of_objects(&merged) - counted;
        for counter in merged.refunds.values_mut().filter(|refund| is_counter(refund)) {
            let amount = counter.money.amount;
            counter.money.amount = if read.refunds {
                0
            } else {
                (amount - more).clamp(0, amount)
            };
            if is_replaced {
                counter.status = RefundStatus::Canceled;
            }
        }
        merged
    }
}

/// Tells whether a refund is an earlier version's counter that nothing has replaced.
fn is_counter(refund: &RefundSnapshot) -> bool {
    refund.id.is_unverified() && refund.status != RefundStatus::Canceled
}

/// Sums up the refunds of Stripe that the counter counted, or would have.
fn sum_of_objects(facts: &PaymentFacts) -> i64 {
    let is_counted = |refund: &&RefundSnapshot| {
        !refund.id.is_unverified() && !matches!(refund.status, RefundStatus::Canceled | RefundStatus::Failed)
    };
    let counted = facts.refunds.values().filter(is_counted);
    counted.map(|refund| refund.money.amount).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ledger::snapshots::{DisputeSnapshot, DisputeStatus};
    use crate::domain::money::{Currency, Money};

    const ALL: ReadLists = ReadLists {
        refunds: true,
        disputes: true,
    };
    const NONE: ReadLists = ReadLists {
        refunds: false,
        disputes: false,
    };

    fn eur(amount: i64) -> Money {
        Money {
            amount,
            currency: Currency::parse("eur").unwrap(),
        }
    }

    fn refunds(refunds: &[(&str, i64, &str)]) -> PaymentFacts {
        let refunds = refunds.iter().map(|(id, amount, status)| RefundSnapshot {
            status: RefundStatus::from_word(status),
            money: eur(*amount),
            failure_reason: None,
            command: None,
            intent: None,
            charge: None,
            created: chrono::DateTime::UNIX_EPOCH,
            id: RefundId::new(*id),
        });
        PaymentFacts {
            refunds: refunds.map(|refund| (refund.id.clone(), refund)).collect(),
            ..PaymentFacts::default()
        }
    }

    fn dispute(id: &str) -> PaymentFacts {
        let dispute = DisputeSnapshot {
            status: DisputeStatus::UnderReview,
            money: eur(5000),
            reason: None,
            due_by: None,
            intent: None,
            charge: None,
            created: chrono::DateTime::UNIX_EPOCH,
            id: DisputeId::new(id),
        };
        PaymentFacts {
            disputes: [(dispute.id.clone(), dispute)].into(),
            ..PaymentFacts::default()
        }
    }

    fn amounts(facts: &PaymentFacts) -> Vec<(&str, i64)> {
        let refunds = facts.refunds.iter();
        refunds
            .map(|(id, refund)| (id.as_str(), refund.money.amount))
            .collect()
    }

    #[test]
    fn list_replaces_the_counter() {
        let counter = refunds(&[("unverified_pi_1", 4000, "succeeded")]);
        let list = refunds(&[("re_1", 2000, "succeeded")]);
        let read = counter.merge_report(list, ALL);
        assert_eq!(amounts(&read), [("re_1", 2000), ("unverified_pi_1", 0)]);
        assert!(read.is_verified());
        assert_eq!(
            read.clone()
                .merge_report(refunds(&[("re_1", 2000, "succeeded")]), NONE),
            read
        );
    }

    #[test]
    fn counter_never_adds_to_single_objects() {
        let counter = || refunds(&[("unverified_pi_1", 2000, "succeeded")]);
        for (reported, left) in [
            (("re_1", 500, "succeeded"), 1500),
            (("re_1", 500, "failed"), 2000),
            (("re_1", 3000, "pending"), 0),
        ] {
            let merged = counter().merge_report(refunds(&[reported]), NONE);
            assert_eq!(
                amounts(&merged),
                [("re_1", reported.1), ("unverified_pi_1", left)]
            );
            let twice = merged.clone().merge_report(refunds(&[reported]), NONE);
            assert_eq!(twice, merged, "a repeat says nothing new");
        }
    }

    #[test]
    fn dispute_of_stripe_replaces_that_of_the_state() {
        let counter = refunds(&[("unverified_pi_1", 0, "succeeded")]);
        let known = counter.merge(dispute("unverified_pi_1"));
        let replaced = known.clone().merge_report(dispute("du_1"), NONE);
        assert_eq!(
            replaced
                .disputes
                .keys()
                .map(DisputeId::as_str)
                .collect::<Vec<_>>(),
            ["du_1"]
        );
        assert!(!replaced.is_verified(), "the refunds must be read still");
        let only_refunds = ReadLists {
            disputes: false,
            ..ALL
        };
        let read = known.merge_report(PaymentFacts::default(), only_refunds);
        assert!(!read.disputes.is_empty(), "the disputes must be read still");
        assert_eq!(amounts(&read), [("unverified_pi_1", 0)]);
    }
}
