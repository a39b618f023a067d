//! What a decision will do to a hold's money, for a person who has not confirmed it yet.

use super::state::Hold;
use super::transition::Transition;
use crate::domain::command::CommandAction;
use crate::domain::ids::IntentId;
use crate::domain::ledger::sums::Sums;
use crate::domain::money::{Currency, Money};

/// What a transition does to a hold's money, read off the transition itself: what is shown is what is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoneyPreview {
    /// The refunds that it orders at Stripe, with the intents whose money they return.
    pub refunds: Vec<(IntentId, Money)>,
    /// Where the money is now.
    pub before: Sums,
    /// Where the money is when the refunds are ordered.
    pub after: Sums,
    /// The currency of the sums.
    pub currency: Currency,
}

impl MoneyPreview {
    /// Returns how much the refunds return together.
    pub fn refunded(&self) -> i64 {
        self.refunds.iter().map(|(_, money)| money.amount).sum()
    }
}

impl Transition {
    /// Returns what this transition of `before` does to its money.
    pub fn preview_money(&self, before: &Hold) -> MoneyPreview {
        let refunds = self.commands.iter().filter_map(|command| match command {
            CommandAction::Refund { intent, money, .. } => Some((intent.clone(), *money)),
            CommandAction::ExpireSession(_) => None,
        });
        MoneyPreview {
            refunds: refunds.collect(),
            before: before.sums(),
            after: self.next.sums(),
            currency: before.ledger_currency(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::state::{CancelReason, Status};
    use super::super::tests::hold;
    use super::super::transition_reason::TransitionReason;
    use super::super::{Refund, ReturnWay, cancel, return_money};
    use super::*;
    use crate::domain::payment::PaymentState;

    const PRICE: i64 = 5000;

    fn confirmed() -> Hold {
        hold(Status::Confirmed, Some(PaymentState::Paid))
    }

    fn amounts(preview: &MoneyPreview) -> Vec<i64> {
        let amounts = preview.refunds.iter().map(|(_, money)| money.amount);
        amounts.collect()
    }

    #[test]
    fn preview_says_what_a_cancellation_returns() {
        for (refund, ordered, pending, kept) in [
            (Refund::Full, vec![PRICE], PRICE, 0),
            (Refund::Part(2000), vec![2000], 2000, 3000),
            (Refund::None, vec![], 0, PRICE),
        ] {
            let reason = TransitionReason::CancelledByOperator(None);
            let step = cancel(&confirmed(), CancelReason::Operator, refund, reason).unwrap();
            let preview = step.preview_money(&confirmed());
            assert_eq!(amounts(&preview), ordered, "{refund:?}");
            assert_eq!((preview.before.kept, preview.before.refund_pending), (PRICE, 0));
            assert_eq!(
                (preview.after.refund_pending, preview.after.kept),
                (pending, kept)
            );
            assert!(preview.after.adds_up());
        }
    }

    #[test]
    fn preview_says_what_a_refund_returns() {
        let step = return_money(&confirmed(), 1250, ReturnWay::Refund, "late".to_owned()).unwrap();
        let preview = step.preview_money(&confirmed());
        assert_eq!(amounts(&preview), [1250]);
        assert_eq!((preview.after.refund_pending, preview.after.kept), (1250, 3750));
        assert_eq!(preview.currency, confirmed().price.currency);
    }
}
