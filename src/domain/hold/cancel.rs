//! Ending a booking that is paid, because the guest or the operator wants that; not a fact but an order, so not in the
//! table of facts.
//!
//! The slot is free at once; the money goes back by a durable command, or is kept because the operator says so. What
//! Stripe says later of that refund finds the hold cancelled and only notes it.

use super::{CancelReason, Hold, Status, Transition, TransitionReason};
use crate::domain::command::CommandAction;
use crate::domain::money::Money;
use crate::domain::payment::PaymentState;

/// How much of the money goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refund {
    /// All that is still here.
    Full,
    /// Nothing.
    None,
    /// So many minor units, at least 1, at most what is still here.
    Part(i64),
}

/// Why a hold cannot be cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CancelError {
    /// It is not `confirmed`.
    #[error("only a confirmed hold can be cancelled")]
    NotConfirmed,
    /// More is to go back than is here.
    #[error("at most {0} can go back")]
    TooMuch(i64),
}

/// Cancels a confirmed hold.
///
/// # Errors
/// [`CancelError`]; nothing follows then.
pub fn cancel(
    hold: &Hold,
    reason: CancelReason,
    refund: Refund,
    why: TransitionReason,
) -> Result<Transition, CancelError> {
    if hold.status != Status::Confirmed {
        return Err(CancelError::NotConfirmed);
    }
    let here: i64 = hold
        .payments
        .iter()
        .filter(|p| p.state == PaymentState::Paid)
        .map(|p| p.money.amount - p.refunded)
        .sum();
    let mut left = match refund {
        Refund::Full => here,
        Refund::None => 0,
        Refund::Part(amount) if amount <= here => amount,
        Refund::Part(_) => return Err(CancelError::TooMuch(here)),
    };
    let mut next = Hold {
        status: Status::Cancelled(reason),
        ..hold.clone()
    };
    let mut orders = Vec::new();
    for payment in next.payments.iter_mut().filter(|p| p.state == PaymentState::Paid) {
        let rest = payment.money.amount - payment.refunded;
        let back = left.min(rest);
        left -= back;
        payment.state = if back == rest {
            PaymentState::RefundDue
        } else {
            PaymentState::Kept
        };
        if back > 0 {
            let money = Money {
                amount: back,
                ..payment.money
            };
            let intent = payment.intent.clone();
            orders.push(CommandAction::Refund { intent, money });
        }
    }
    Ok(Transition { next, orders, why })
}

#[cfg(test)]
mod tests {
    use super::super::ReleaseReason;
    use super::super::tests::hold;
    use super::*;

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
        let amounts = step.orders.iter().map(|order| match order {
            CommandAction::Refund { money, .. } => money.amount,
            CommandAction::ExpireSession(_) => panic!("nothing is to be expired"),
        });
        (step.next.payments[0].state, amounts.collect())
    }

    #[test]
    fn the_money_goes_back_as_ordered() {
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
    fn only_a_confirmed_hold_is_cancelled() {
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
