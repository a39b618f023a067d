//! Cancelling a paid hold at the request of the guest or the operator. A request is no fact, so it is not in the state
//! table.
//!
//! The slot is free at once. A durable command refunds the money, or the operator keeps it. When Stripe reports the
//! refund later, the hold is cancelled already and only records it.

use super::state::{CancelReason, Hold, Status};
use super::transition::Transition;
use super::transition_reason::TransitionReason;
use crate::domain::ledger::decisions::KeepReason;
use crate::domain::payment::Payment;

/// How much of the money a cancellation refunds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refund {
    /// All that has not been refunded yet.
    Full,
    /// No refund: the shop keeps the money.
    None,
    /// This many minor units: at least 1, at most what has not been refunded yet. All of that may be a fraction, which a
    /// discount or a tax has left.
    Part(i64),
}

/// Why a hold cannot be cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CancelError {
    /// The hold is not `confirmed`.
    #[error("only a confirmed hold can be cancelled")]
    NotConfirmed,
    /// The refund is larger than what has not been refunded yet: this many minor units.
    #[error("at most {0} can go back")]
    TooMuch(i64),
    /// The refund is a fraction that Stripe does not move: it must be a multiple of this many minor units.
    #[error("must be a multiple of {0}: Stripe refunds no smaller fractions")]
    Fraction(i64),
}

/// Cancels a confirmed hold and refunds as much as asked for.
///
/// # Errors
/// [`CancelError`] if the hold is not confirmed, or the refund is too large.
pub fn cancel(
    hold: &Hold,
    reason: CancelReason,
    refund: Refund,
    transition_reason: TransitionReason,
) -> Result<Transition, CancelError> {
    if hold.status != Status::Confirmed {
        return Err(CancelError::NotConfirmed);
    }
    let is_booking = |payment: &Payment| payment.decisions.reason.is_for_booking();
    let refundable: i64 = hold
        .payments
        .iter()
        .filter(|p| is_booking(p))
        .map(Payment::refundable)
        .sum();
    let mut left = match refund {
        Refund::Full | Refund::None => 0,
        Refund::Part(amount) if amount <= refundable => amount,
        Refund::Part(_) => return Err(CancelError::TooMuch(refundable)),
    };
    let step = hold.ledger_currency().charge_step();
    if left % step != 0 && left != refundable {
        return Err(CancelError::Fraction(step));
    }
    let mut next = Hold {
        status: Status::Cancelled(reason),
        ..hold.clone()
    };
    let mut commands = Vec::new();
    for payment in next.payments.iter_mut().filter(|p| is_booking(p)) {
        if refund == Refund::Full {
            commands.extend(payment.give_back());
            continue;
        }
        let amount = left.min(payment.refundable());
        left -= amount;
        payment.decisions.reason = KeepReason::Operator;
        commands.extend((amount > 0).then(|| payment.order_refund(amount)));
        payment.note();
    }
    Ok(Transition {
        next,
        commands,
        reason: transition_reason,
    })
}

#[cfg(test)]
mod tests {
    use super::super::state::ReleaseReason;
    use super::super::tests::hold;
    use super::*;
    use crate::domain::command::CommandAction;
    use crate::domain::ledger::decisions::Decisions;
    use crate::domain::money::{Currency, Money};
    use crate::domain::payment::PaymentState;

    fn confirmed() -> Hold {
        hold(Status::Confirmed, Some(PaymentState::Paid))
    }

    fn cancelled(refund: Refund) -> Result<Transition, CancelError> {
        cancel(
            &confirmed(),
            CancelReason::Operator,
            refund,
            TransitionReason::CancelledByOperator(None),
        )
    }

    fn outcome(refund: Refund) -> (PaymentState, Vec<i64>) {
        let step = cancelled(refund).unwrap();
        assert_eq!(step.next.status, Status::Cancelled(CancelReason::Operator));
        let amounts = step.commands.iter().map(|command| match command {
            CommandAction::Refund { money, .. } => money.amount,
            CommandAction::ExpireSession(_) => panic!("no session is to be expired"),
        });
        (step.next.payments[0].state, amounts.collect())
    }

    #[test]
    fn cancellation_refunds_as_much_as_asked_for() {
        let price = confirmed().price.amount;
        assert_eq!(outcome(Refund::Full), (PaymentState::RefundDue, vec![price]));
        assert_eq!(
            outcome(Refund::Part(price)),
            (PaymentState::RefundDue, vec![price])
        );
        assert_eq!(outcome(Refund::None), (PaymentState::Kept, vec![]));
        assert_eq!(outcome(Refund::Part(1)), (PaymentState::Kept, vec![1]));
        assert_eq!(
            cancelled(Refund::Part(price + 1)),
            Err(CancelError::TooMuch(price))
        );
    }

    #[test]
    fn part_that_stripe_does_not_refund_is_refused() {
        for (code, part, refused) in [
            ("isk", 1050, Some(100)),
            ("isk", 1100, None),
            ("kwd", 1254, Some(10)),
            ("kwd", 1250, None),
        ] {
            let mut hold = confirmed();
            let currency = Currency::parse(code).unwrap();
            hold.price.currency = currency;
            for payment in &mut hold.payments {
                payment.money.currency = currency;
            }
            let reason = TransitionReason::CancelledByOperator(None);
            let step = cancel(&hold, CancelReason::Operator, Refund::Part(part), reason);
            assert_eq!(step.err(), refused.map(CancelError::Fraction), "{part} {code}");
        }
    }

    #[test]
    fn all_that_is_left_may_be_a_fraction() {
        let mut hold = confirmed();
        let currency = Currency::parse("huf").unwrap();
        hold.price.currency = currency;
        for payment in &mut hold.payments {
            payment.money = Money {
                amount: 5025,
                currency,
            };
            payment.decisions = Decisions::keep_for_booking(5025);
        }
        for (part, is_taken) in [(5025, true), (5000, true), (25, false), (5020, false)] {
            let reason = TransitionReason::CancelledByOperator(None);
            let step = cancel(&hold, CancelReason::Operator, Refund::Part(part), reason);
            assert_eq!(step.is_ok(), is_taken, "{part}");
        }
    }

    #[test]
    fn only_confirmed_hold_can_be_cancelled() {
        let others = [
            Status::Held,
            Status::Processing,
            Status::Released(ReleaseReason::Expired),
            Status::Cancelled(CancelReason::Guest),
        ];
        for status in others {
            let refused = cancel(
                &hold(status, None),
                CancelReason::Guest,
                Refund::Full,
                TransitionReason::CancelledByGuest,
            );
            assert_eq!(refused, Err(CancelError::NotConfirmed), "{status:?}");
        }
    }
}
