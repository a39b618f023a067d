//! The steps of the state table: what changes in a hold, and which commands follow.
//!
//! The rules about money are here: a payment is recorded once, refunded at most once, and never kept for a hold without
//! a slot (I3).

use super::state::{CancelReason, Hold, ReleaseReason, ReleaseRequester, Status};
use super::transition::{Decision, HoldPolicy, Transition};
use super::transition_reason::TransitionReason;
use crate::domain::command::CommandAction;
use crate::domain::ids::IntentId;
use crate::domain::money::Money;
use crate::domain::payment::{Payment, PaymentState, Receipt};

/// Makes a decision that changes the hold without a command to Stripe.
pub(super) fn change_hold(next: Hold, reason: TransitionReason) -> Decision {
    Decision::Change(Transition {
        next,
        commands: Vec::new(),
        reason,
    })
}

/// Returns the reason of a release: it depends on who asked for it.
pub(super) fn release_reason(hold: &Hold) -> ReleaseReason {
    match hold.requested_by {
        Some(ReleaseRequester::Guest) => ReleaseReason::Guest,
        Some(ReleaseRequester::Operator) => ReleaseReason::Operator,
        None => ReleaseReason::Expired,
    }
}

/// Returns the hold with this payment recorded, in the given status.
pub(super) fn record_payment(hold: &Hold, receipt: &Receipt, status: Status) -> Hold {
    let mut next = Hold {
        status,
        requested_by: None,
        intent: Some(receipt.intent.clone()),
        ..hold.clone()
    };
    next.price_mismatch |= receipt.money != hold.price;
    if hold.find_payment(&receipt.intent).is_none() {
        next.payments.push(receipt.to_payment(PaymentState::Paid));
    }
    next
}

/// Records the payment and confirms the hold, whatever amount was paid.
pub(super) fn confirm_hold(hold: &Hold, receipt: &Receipt, reason: TransitionReason) -> Decision {
    change_hold(record_payment(hold, receipt, Status::Confirmed), reason)
}

pub(super) fn confirm_without_payment(hold: &Hold) -> Decision {
    // Every slot has a price, so a session without a payment is not one that we created: an operator must check it.
    let next = Hold {
        status: Status::Confirmed,
        requested_by: None,
        price_mismatch: true,
        ..hold.clone()
    };
    change_hold(next, TransitionReason::NothingToPay)
}

pub(super) fn start_processing(hold: &Hold, intent: Option<&IntentId>) -> Decision {
    let intent = hold.intent.clone().or_else(|| intent.cloned());
    change_hold(
        Hold {
            status: Status::Processing,
            requested_by: None,
            intent,
            ..hold.clone()
        },
        TransitionReason::PaymentUnderway,
    )
}

pub(super) fn release_hold(hold: &Hold, release_reason: ReleaseReason, reason: TransitionReason) -> Decision {
    change_hold(
        Hold {
            status: Status::Released(release_reason),
            requested_by: None,
            ..hold.clone()
        },
        reason,
    )
}

/// Links the first intent that is named. The intent that pays replaces it in [`record_payment`]; after that none does.
pub(super) fn link_intent(hold: &Hold, intent: &IntentId) -> Decision {
    match hold.intent {
        Some(_) => Decision::Stay(TransitionReason::AlreadySo),
        None => change_hold(
            Hold {
                intent: Some(intent.clone()),
                ..hold.clone()
            },
            TransitionReason::IntentLinked,
        ),
    }
}

/// Records a failed payment attempt in the history; the guest may try again.
pub(super) fn note_attempt(hold: &Hold, intent: &IntentId, reason: TransitionReason) -> Decision {
    let intent = hold.intent.clone().unwrap_or_else(|| intent.clone());
    change_hold(
        Hold {
            intent: Some(intent),
            ..hold.clone()
        },
        reason,
    )
}

/// Refunds a payment for a hold that is paid already or has ended for good. A known payment changes nothing.
pub(super) fn refund_extra_payment(hold: &Hold, receipt: &Receipt, reason: TransitionReason) -> Decision {
    if hold.find_payment(&receipt.intent).is_some() {
        return Decision::Stay(TransitionReason::AlreadySo);
    }
    Decision::Change(refund_payment(hold.clone(), receipt, 0, reason))
}

/// Applies a payment for a released hold (I3). A known payment was decided before and changes nothing.
pub(super) fn apply_late_payment(hold: &Hold, receipt: &Receipt, refunded: i64) -> Decision {
    match hold.find_payment(&receipt.intent) {
        Some(_) => Decision::Stay(TransitionReason::AlreadySo),
        None => reclaim_slot(hold, receipt, refunded),
    }
}

/// Offers both results for a payment whose slot was given up: confirmed with the slot, or refunded without it.
pub(super) fn reclaim_slot(hold: &Hold, receipt: &Receipt, refunded: i64) -> Decision {
    let mut next = record_payment(hold, receipt, Status::Confirmed);
    next.payments.retain(|known| known.intent != receipt.intent);
    next.payments.push(Payment {
        refunded,
        ..receipt.to_payment(PaymentState::Paid)
    });
    let free = Transition {
        next,
        commands: Vec::new(),
        reason: TransitionReason::LatePaymentGotItsSlot,
    };
    let without_slot = Hold {
        status: Status::Released(ReleaseReason::LatePaymentRefunded),
        ..hold.clone()
    };
    Decision::Reclaim {
        free,
        taken: refund_payment(
            without_slot,
            receipt,
            refunded,
            TransitionReason::LatePaymentRefunded,
        ),
    }
}

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

/// Makes the transition that records a payment as due for a refund, with the command to refund the rest of it.
pub(super) fn refund_payment(
    hold: Hold,
    receipt: &Receipt,
    refunded: i64,
    reason: TransitionReason,
) -> Transition {
    let mut next = hold;
    let mut payment = receipt.to_payment(PaymentState::RefundDue);
    payment.refunded = refunded;
    next.payments.retain(|known| known.intent != receipt.intent);
    next.payments.push(payment);
    next.intent.get_or_insert_with(|| receipt.intent.clone());
    let money = Money {
        amount: receipt.money.amount - refunded,
        ..receipt.money
    };
    let commands = vec![CommandAction::Refund {
        intent: receipt.intent.clone(),
        money,
    }];
    Transition {
        next,
        commands,
        reason,
    }
}

/// Applies a refund to a live hold. The refund proves that the hold was paid. A full refund of the only payment cancels
/// the hold if the shop chose so.
pub(super) fn apply_refund_to_live(
    hold: &Hold,
    paid: &Receipt,
    refunded: i64,
    policy: HoldPolicy,
) -> Decision {
    let Decision::Change(mut step) = note_refund(hold, paid, refunded) else {
        return Decision::Stay(TransitionReason::AlreadySo);
    };
    // The refund may be of a second payment; the hold keeps its slot if another payment covers it.
    let is_paid = step
        .next
        .payments
        .iter()
        .any(|p| matches!(p.state, PaymentState::Paid | PaymentState::Disputed));
    let is_cancelled = !is_paid && policy.full_refund_frees_slot;
    step.next.status = if is_cancelled {
        Status::Cancelled(CancelReason::Refunded)
    } else {
        Status::Confirmed
    };
    step.next.requested_by = None;
    Decision::Change(step)
}

/// Applies a refund to a released hold.
///
/// If the payment is unknown, its own event is still on its way, and both orders of the two events must end in the same
/// state. A full refund ends as if the hold had been confirmed and then refunded; a partial one means that the rest is
/// a late payment.
pub(super) fn apply_refund_to_released(hold: &Hold, paid: &Receipt, refunded: i64) -> Decision {
    if hold.find_payment(&paid.intent).is_some() {
        return note_refund(hold, paid, refunded);
    }
    if refunded < paid.money.amount {
        return apply_late_payment(hold, paid, refunded);
    }
    let cancelled = Hold {
        status: Status::Cancelled(CancelReason::Refunded),
        ..hold.clone()
    };
    note_refund(&cancelled, paid, refunded)
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
    // A disputed payment was made, even if the dispute is the first we hear of it: a live hold is paid.
    let status = if hold.status.is_live() {
        Status::Confirmed
    } else {
        hold.status
    };
    let mut next = Hold {
        status,
        requested_by: None,
        ..hold.clone()
    };
    next.payments.push(receipt.to_payment(Disputed));
    next.intent.get_or_insert_with(|| receipt.intent.clone());
    change_hold(next, TransitionReason::Disputed)
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
