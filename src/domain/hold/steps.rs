//! The steps that the table of `hold` names: what exactly changes in a hold, and what Stripe must be told.
//!
//! Money is the heart of it: a payment stands on the books once, goes back at most once, and is never kept for a hold
//! without a slot (I3).

use super::{
    CancelReason, Decision, Hold, HoldPolicy, ReleaseReason, ReleaseRequester, Status, Transition,
    TransitionReason,
};
use crate::domain::command::CommandAction;
use crate::domain::ids::IntentId;
use crate::domain::money::Money;
use crate::domain::payment::{Payment, PaymentState, Receipt};

pub(super) fn change(next: Hold, why: TransitionReason) -> Decision {
    Decision::Change(Transition {
        next,
        orders: Vec::new(),
        why,
    })
}

pub(super) fn asked_reason(hold: &Hold) -> ReleaseReason {
    match hold.requested_by {
        Some(ReleaseRequester::Guest) => ReleaseReason::Guest,
        Some(ReleaseRequester::Operator) => ReleaseReason::Operator,
        None => ReleaseReason::Expired,
    }
}

/// The hold with this payment on its books, and paid by it.
pub(super) fn paid_by(hold: &Hold, receipt: &Receipt, status: Status) -> Hold {
    let mut next = Hold {
        status,
        requested_by: None,
        intent: Some(receipt.intent.clone()),
        ..hold.clone()
    };
    next.price_mismatch |= receipt.money != hold.price;
    if hold.payment(&receipt.intent).is_none() {
        next.payments.push(receipt.payment(PaymentState::Paid));
    }
    next
}

pub(super) fn confirm(hold: &Hold, receipt: &Receipt, why: TransitionReason) -> Decision {
    change(paid_by(hold, receipt, Status::Confirmed), why)
}

pub(super) fn confirm_unpaid(hold: &Hold) -> Decision {
    // The slot has a price, so a session that asked for nothing is not what we made.
    let next = Hold {
        status: Status::Confirmed,
        requested_by: None,
        price_mismatch: true,
        ..hold.clone()
    };
    change(next, TransitionReason::NothingToPay)
}

pub(super) fn start_processing(hold: &Hold, intent: Option<&IntentId>) -> Decision {
    let intent = hold.intent.clone().or_else(|| intent.cloned());
    change(
        Hold {
            status: Status::Processing,
            requested_by: None,
            intent,
            ..hold.clone()
        },
        TransitionReason::PaymentUnderway,
    )
}

pub(super) fn release(hold: &Hold, reason: ReleaseReason, why: TransitionReason) -> Decision {
    change(
        Hold {
            status: Status::Released(reason),
            requested_by: None,
            ..hold.clone()
        },
        why,
    )
}

/// The first intent named is kept: the one that pays replaces it in [`paid_by`], and nothing does after that.
pub(super) fn link(hold: &Hold, intent: &IntentId) -> Decision {
    match hold.intent {
        Some(_) => Decision::Stay(TransitionReason::AlreadySo),
        None => change(
            Hold {
                intent: Some(intent.clone()),
                ..hold.clone()
            },
            TransitionReason::IntentLinked,
        ),
    }
}

pub(super) fn note_try(hold: &Hold, intent: &IntentId, why: TransitionReason) -> Decision {
    let intent = hold.intent.clone().unwrap_or_else(|| intent.clone());
    change(
        Hold {
            intent: Some(intent),
            ..hold.clone()
        },
        why,
    )
}

/// Money for a hold that has its payment, or is over for good: known money changes nothing, other money goes back.
pub(super) fn another_payment(hold: &Hold, receipt: &Receipt, why: TransitionReason) -> Decision {
    if hold.payment(&receipt.intent).is_some() {
        return Decision::Stay(TransitionReason::AlreadySo);
    }
    Decision::Change(give_back(hold.clone(), receipt, 0, why))
}

/// Money for a hold that was released (I3). Money that is known has had its answer.
pub(super) fn late_payment(hold: &Hold, receipt: &Receipt, back: i64) -> Decision {
    match hold.payment(&receipt.intent) {
        Some(_) => Decision::Stay(TransitionReason::AlreadySo),
        None => reclaim(hold, receipt, back),
    }
}

pub(super) fn reclaim(hold: &Hold, receipt: &Receipt, back: i64) -> Decision {
    let mut next = paid_by(hold, receipt, Status::Confirmed);
    next.payments.retain(|known| known.intent != receipt.intent);
    next.payments.push(Payment {
        refunded: back,
        ..receipt.payment(PaymentState::Paid)
    });
    let free = Transition {
        next,
        orders: Vec::new(),
        why: TransitionReason::LatePaymentGotItsSlot,
    };
    let gone = Hold {
        status: Status::Released(ReleaseReason::LatePaymentRefunded),
        ..hold.clone()
    };
    Decision::Reclaim {
        free,
        taken: give_back(gone, receipt, back, TransitionReason::LatePaymentRefunded),
    }
}

/// A payment that the bank disputes, and how much of it went back.
pub(super) fn disputed_payment(hold: &Hold, intent: &IntentId) -> Option<(Receipt, i64)> {
    let payment = hold
        .payment(intent)
        .filter(|payment| payment.state == PaymentState::Disputed)?;
    Some((
        Receipt {
            intent: intent.clone(),
            money: payment.money,
        },
        payment.refunded,
    ))
}

pub(super) fn give_back(hold: Hold, receipt: &Receipt, back: i64, why: TransitionReason) -> Transition {
    let mut next = hold;
    let mut payment = receipt.payment(PaymentState::RefundDue);
    payment.refunded = back;
    next.payments.retain(|known| known.intent != receipt.intent);
    next.payments.push(payment);
    next.intent.get_or_insert_with(|| receipt.intent.clone());
    let money = Money {
        amount: receipt.money.amount - back,
        ..receipt.money
    };
    let orders = vec![CommandAction::Refund {
        intent: receipt.intent.clone(),
        money,
    }];
    Transition { next, orders, why }
}

/// A refund on a live hold proves that it was paid; a full one of its own payment ends it, where the shop wants that.
pub(super) fn refunded_live(hold: &Hold, paid: &Receipt, back: i64, policy: HoldPolicy) -> Decision {
    let Decision::Change(mut step) = note_refund(hold, paid, back) else {
        return Decision::Stay(TransitionReason::AlreadySo);
    };
    // Another payment may carry the slot: a second one that went back never did.
    let is_paid = step
        .next
        .payments
        .iter()
        .any(|p| matches!(p.state, PaymentState::Paid | PaymentState::Disputed));
    let ends = !is_paid && policy.full_refund_frees_slot;
    step.next.status = if ends {
        Status::Cancelled(CancelReason::Refunded)
    } else {
        Status::Confirmed
    };
    step.next.requested_by = None;
    Decision::Change(step)
}

/// A refund on a released hold. Of money we did not know: the payment's own event is still on its way, and both orders
/// must end alike. All of it back is as if it had been confirmed and then refunded; a part means the rest was paid.
pub(super) fn refunded_released(hold: &Hold, paid: &Receipt, back: i64) -> Decision {
    if hold.payment(&paid.intent).is_some() {
        return note_refund(hold, paid, back);
    }
    if back < paid.money.amount {
        return late_payment(hold, paid, back);
    }
    let cancelled = Hold {
        status: Status::Cancelled(CancelReason::Refunded),
        ..hold.clone()
    };
    note_refund(&cancelled, paid, back)
}

pub(super) fn note_refund(hold: &Hold, paid: &Receipt, back: i64) -> Decision {
    let mut next = hold.clone();
    if hold.payment(&paid.intent).is_none() {
        next.payments.push(paid.payment(PaymentState::Paid));
        next.intent.get_or_insert_with(|| paid.intent.clone());
    }
    next.payments = with_refund(&next.payments, &paid.intent, back);
    if next == *hold {
        return Decision::Stay(TransitionReason::AlreadySo);
    }
    let full = back >= paid.money.amount;
    change(
        next,
        if full {
            TransitionReason::FullyRefunded
        } else {
            TransitionReason::PartlyRefunded
        },
    )
}

/// Refund totals only grow, so an old event cannot undo a newer one.
pub(super) fn with_refund(payments: &[Payment], intent: &IntentId, back: i64) -> Vec<Payment> {
    let mut payments = payments.to_vec();
    for payment in payments
        .iter_mut()
        .filter(|p| p.intent == *intent && p.refunded < back)
    {
        payment.refunded = back;
        if back >= payment.money.amount {
            payment.state = PaymentState::Refunded;
        }
    }
    payments
}

pub(super) fn set_payment(
    hold: &Hold,
    intent: &IntentId,
    from: &[PaymentState],
    to: PaymentState,
    why: TransitionReason,
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
        change(next, why)
    }
}

pub(super) fn refund_failed(hold: &Hold, intent: &IntentId) -> Decision {
    use PaymentState::{Kept, RefundDue, RefundFailed, Refunded};
    set_payment(
        hold,
        intent,
        &[RefundDue, Refunded, Kept],
        RefundFailed,
        TransitionReason::RefundFailed,
    )
}

pub(super) fn disputed(hold: &Hold, receipt: &Receipt) -> Decision {
    use PaymentState::{Disputed, Paid};
    if hold.payment(&receipt.intent).is_some() {
        // One that is on its way back stays so: its refund is tried until Stripe allows it or the bank has taken it.
        return set_payment(
            hold,
            &receipt.intent,
            &[Paid],
            Disputed,
            TransitionReason::Disputed,
        );
    }
    // A payment that we hear of through its dispute was made: the slot that waits for it is the guest's.
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
    next.payments.push(receipt.payment(Disputed));
    next.intent.get_or_insert_with(|| receipt.intent.clone());
    change(next, TransitionReason::Disputed)
}

pub(super) fn dispute_closed(hold: &Hold, intent: &IntentId, won: bool) -> Decision {
    let to = if won {
        PaymentState::Paid
    } else {
        PaymentState::Refunded
    };
    set_payment(
        hold,
        intent,
        &[PaymentState::Disputed],
        to,
        TransitionReason::DisputeClosed,
    )
}
