//! The steps of the state table for money that goes back: refunds and disputes, which may be reported before the payment.

use super::payment_steps::apply_late_intent_payment;
use super::state::{CancelReason, Hold, ReleaseReason, Status};
use super::steps::{change_hold, covers_price, refund_other_payments, refund_payment, status_when_paid};
use super::transition::{Decision, HoldPolicy, Transition};
use super::transition_reason::TransitionReason;
use crate::domain::ids::IntentId;
use crate::domain::payment::{Payment, PaymentState, Receipt};

/// Finds a disputed payment, and how much of it was refunded.
pub(super) fn find_disputed_payment(hold: &Hold, intent: &IntentId) -> Option<(Receipt, i64)> {
    let payment = hold
        .find_payment(intent)
        .filter(|payment| payment.state == PaymentState::Disputed)?;
    Some((
        Receipt {
            intent: intent.clone(),
            money: payment.money,
        },
        payment.refunded,
    ))
}

/// Applies a refund to a live hold. The refund of at least the price proves that the hold was paid. A full refund of the
/// only payment cancels the hold if the shop chose so. What is left of an unknown payment of a confirmed hold is a second
/// payment.
pub(super) fn apply_refund_to_live(
    hold: &Hold,
    paid: &Receipt,
    refunded: i64,
    policy: HoldPolicy,
) -> Decision {
    let Decision::Change(mut step) = note_refund(hold, paid, refunded) else {
        return Decision::Stay(TransitionReason::AlreadySo);
    };
    let is_unknown = hold.find_payment(&paid.intent).is_none();
    if is_unknown && hold.status == Status::Confirmed && refunded < paid.money.amount {
        let reason = TransitionReason::SecondPayment;
        return Decision::Change(refund_payment(hold.clone(), paid, refunded, reason));
    }
    if !covers_price(hold, paid.money) && (is_unknown || hold.status != Status::Confirmed) {
        return Decision::Change(step);
    }
    if hold.status != Status::Confirmed {
        step.commands = refund_other_payments(&mut step.next, Some(&paid.intent));
    }
    // The refund may be of a second payment; the hold keeps its slot if another payment covers it.
    step.next.status = status_when_paid(&step.next, policy);
    step.next.requested_by = None;
    Decision::Change(step)
}

/// Applies a refund to a released hold.
///
/// If the payment is unknown, its own event is still on its way, and both orders of the two events must end in the same
/// state. A full refund ends as if the hold had been confirmed and then refunded; a partial one means that the rest is
/// a late payment. Less than the price never confirms, so its refund does not cancel either.
pub(super) fn apply_refund_to_released(hold: &Hold, paid: &Receipt, refunded: i64) -> Decision {
    if hold.find_payment(&paid.intent).is_some() {
        return note_refund(hold, paid, refunded);
    }
    if refunded < paid.money.amount {
        return apply_late_intent_payment(hold, paid, refunded);
    }
    let status = if covers_price(hold, paid.money) {
        Status::Cancelled(CancelReason::Refunded)
    } else {
        Status::Released(ReleaseReason::LatePaymentRefunded)
    };
    let ended = Hold {
        status,
        ..hold.clone()
    };
    note_refund(&ended, paid, refunded)
}

/// Applies a refund to a cancelled hold. If the payment is unknown, the rest of it goes back too.
pub(super) fn apply_refund_to_cancelled(hold: &Hold, paid: &Receipt, refunded: i64) -> Decision {
    if hold.find_payment(&paid.intent).is_some() || refunded >= paid.money.amount {
        return note_refund(hold, paid, refunded);
    }
    let reason = TransitionReason::PaymentAfterCancellation;
    Decision::Change(refund_payment(hold.clone(), paid, refunded, reason))
}

/// Records how much of a payment was refunded, without changing the status.
pub(super) fn note_refund(hold: &Hold, paid: &Receipt, refunded: i64) -> Decision {
    let mut next = hold.clone();
    if hold.find_payment(&paid.intent).is_none() {
        next.payments.push(paid.to_payment(PaymentState::Paid));
        next.intent.get_or_insert_with(|| paid.intent.clone());
    }
    next.payments = record_refund(&next.payments, &paid.intent, refunded);
    if next == *hold {
        return Decision::Stay(TransitionReason::AlreadySo);
    }
    let is_full = refunded >= paid.money.amount;
    change_hold(
        next,
        if is_full {
            TransitionReason::FullyRefunded
        } else {
            TransitionReason::PartlyRefunded
        },
    )
}

/// Records a refund total. Totals only grow, so an old event cannot undo a newer one.
pub(super) fn record_refund(payments: &[Payment], intent: &IntentId, refunded: i64) -> Vec<Payment> {
    let mut payments = payments.to_vec();
    for payment in payments
        .iter_mut()
        .filter(|p| p.intent == *intent && p.refunded < refunded)
    {
        payment.refunded = refunded;
        if refunded >= payment.money.amount {
            payment.state = PaymentState::Refunded;
        }
    }
    payments
}

/// Changes the state of a payment if it is in one of the states `from`.
pub(super) fn set_payment_state(
    hold: &Hold,
    intent: &IntentId,
    from: &[PaymentState],
    to: PaymentState,
    reason: TransitionReason,
) -> Decision {
    let mut next = hold.clone();
    for payment in next
        .payments
        .iter_mut()
        .filter(|p| p.intent == *intent && from.contains(&p.state))
    {
        payment.state = to;
    }
    if next == *hold {
        Decision::Stay(TransitionReason::AlreadySo)
    } else {
        change_hold(next, reason)
    }
}

pub(super) fn mark_refund_failed(hold: &Hold, intent: &IntentId) -> Decision {
    use PaymentState::{Kept, RefundDue, RefundFailed, Refunded};
    set_payment_state(
        hold,
        intent,
        &[RefundDue, Refunded, Kept],
        RefundFailed,
        TransitionReason::RefundFailed,
    )
}

pub(super) fn mark_disputed(hold: &Hold, receipt: &Receipt) -> Decision {
    use PaymentState::{Disputed, Paid};
    if hold.find_payment(&receipt.intent).is_some() {
        // Only a `paid` payment changes. A due refund stays due: it is tried until Stripe accepts it or the bank has
        // taken the money.
        return set_payment_state(
            hold,
            &receipt.intent,
            &[Paid],
            Disputed,
            TransitionReason::Disputed,
        );
    }
    // A disputed payment was made, even if the dispute is the first we hear of it: at least the price pays a live hold.
    let mut next = hold.clone();
    next.payments.push(receipt.to_payment(Disputed));
    next.intent.get_or_insert_with(|| receipt.intent.clone());
    let mut commands = Vec::new();
    if hold.status.is_live() && covers_price(hold, receipt.money) {
        next.status = Status::Confirmed;
        next.requested_by = None;
        if hold.status != Status::Confirmed {
            commands = refund_other_payments(&mut next, Some(&receipt.intent));
        }
    }
    Decision::Change(Transition {
        next,
        commands,
        reason: TransitionReason::Disputed,
    })
}

pub(super) fn close_dispute(hold: &Hold, intent: &IntentId, won: bool) -> Decision {
    let to = if won {
        PaymentState::Paid
    } else {
        PaymentState::Refunded
    };
    set_payment_state(
        hold,
        intent,
        &[PaymentState::Disputed],
        to,
        TransitionReason::DisputeClosed,
    )
}
