//! The steps of the state table for money that comes in.
//!
//! What the hold's own session took confirms the hold, whatever the amount. Any other money that carries our metadata
//! confirms it only if it is at least the price: an intent whose session is not known yet, or another session.

use super::state::{CancelReason, Hold, ReleaseReason, Status};
use super::steps::{
    change_hold, covers_price, record_payment, refund_other_payments, refund_payment, set_status_of_paid,
};
use super::transition::{Decision, HoldPolicy, Transition};
use super::transition_reason::TransitionReason;
use crate::domain::command::CommandAction;
use crate::domain::payment::{Payment, Receipt, SessionTotals};

/// Records the payment and confirms the hold, whatever amount was paid. The payment may have been refunded before it
/// became clear that it is the hold's.
fn confirm(hold: &Hold, receipt: &Receipt, policy: HoldPolicy, reason: TransitionReason) -> Transition {
    let mut next = record_payment(hold, receipt, Status::Confirmed);
    let mut commands = refund_other_payments(&mut next, Some(&receipt.intent));
    commands.extend(set_status_of_paid(&mut next, policy));
    Transition {
        next,
        commands,
        reason,
    }
}

/// Confirms the hold with what its own session took.
pub(super) fn confirm_hold(
    hold: &Hold,
    receipt: &Receipt,
    policy: HoldPolicy,
    reason: TransitionReason,
) -> Decision {
    let mut step = confirm(hold, receipt, policy, reason);
    flag_other_amount(&mut step.next, receipt);
    Decision::Change(step)
}

/// Flags the hold if its own session sold at another price, or took another amount than its totals explain. An intent alone
/// does not tell what was sold, and a payment of another session alarms the operator anyway.
fn flag_other_amount(next: &mut Hold, receipt: &Receipt) {
    let is_recorded_otherwise = |payment: &Payment| payment.money != receipt.money;
    let differs = next
        .find_payment(&receipt.intent)
        .is_some_and(is_recorded_otherwise);
    next.price_mismatch |= differs || !receipt.is_for_price(next.price);
}

/// Applies what an intent received for a confirmed hold. If it is another amount than the session reported, the hold is
/// flagged.
pub(super) fn apply_intent_to_confirmed(hold: &Hold, receipt: &Receipt) -> Decision {
    let known = hold.find_payment(&receipt.intent);
    if known.is_none_or(|known| known.money == receipt.money) || hold.price_mismatch {
        return refund_extra_payment(hold, receipt, TransitionReason::SecondPayment);
    }
    let next = Hold {
        price_mismatch: true,
        ..hold.clone()
    };
    change_hold(next, TransitionReason::Paid)
}

/// Applies what the hold's own session says about a payment that is known from its intent.
fn apply_known_payment(hold: &Hold, receipt: &Receipt) -> Decision {
    let mut next = hold.clone();
    flag_other_amount(&mut next, receipt);
    if next.price_mismatch == hold.price_mismatch {
        return Decision::Stay(TransitionReason::AlreadySo);
    }
    change_hold(next, TransitionReason::Paid)
}

/// Applies what the own session of a hold took that is paid already or has ended for good.
pub(super) fn apply_own_session(hold: &Hold, receipt: &Receipt, reason: TransitionReason) -> Decision {
    match refund_extra_payment(hold, receipt, reason) {
        Decision::Change(mut step) => {
            flag_other_amount(&mut step.next, receipt);
            Decision::Change(step)
        }
        _ => apply_known_payment(hold, receipt),
    }
}

/// Returns the hold confirmed by a session that asked for no payment: a promotion code left nothing of the price. If the
/// totals do not say so, an operator must check it.
fn complete_without_payment(hold: &Hold, asked: Option<&SessionTotals>) -> Hold {
    let is_for_price = asked.is_some_and(|asked| asked.total == 0 && asked.is_for_price(hold.price));
    Hold {
        status: Status::Confirmed,
        requested_by: None,
        price_mismatch: hold.price_mismatch || !is_for_price,
        owes_nothing: asked.is_some_and(|asked| asked.total == 0),
        ..hold.clone()
    }
}

/// Confirms a hold whose session asked for no payment.
pub(super) fn confirm_without_payment(hold: &Hold, asked: Option<&SessionTotals>) -> Decision {
    let mut next = complete_without_payment(hold, asked);
    let commands = refund_other_payments(&mut next, None);
    Decision::Change(Transition {
        next,
        commands,
        reason: TransitionReason::NothingToPay,
    })
}

/// Confirms the hold with an intent's money if that is the whole price. Less only counts once a session says that it is
/// the hold's own: until then the payment is recorded and waits.
pub(super) fn apply_intent_payment(
    hold: &Hold,
    receipt: &Receipt,
    policy: HoldPolicy,
    reason: TransitionReason,
) -> Decision {
    if covers_price(hold, receipt.money) {
        return Decision::Change(confirm(hold, receipt, policy, reason));
    }
    if hold.find_payment(&receipt.intent).is_some() {
        return Decision::Stay(TransitionReason::AlreadySo);
    }
    let mut next = hold.clone();
    next.record(receipt);
    next.intent.get_or_insert_with(|| receipt.intent.clone());
    change_hold(next, TransitionReason::PaidBelowPrice)
}

/// Applies what another session took for a hold that is not paid: at least the price confirms the hold, less goes back.
pub(super) fn apply_other_session(hold: &Hold, receipt: &Receipt, policy: HoldPolicy) -> Decision {
    if covers_price(hold, receipt.money) {
        let step = confirm(hold, receipt, policy, TransitionReason::PaidElsewhere);
        return Decision::Change(expire_own_session(step));
    }
    match hold.find_payment(&receipt.intent) {
        Some(known) if !known.decisions.reason.is_for_booking() => {
            Decision::Stay(TransitionReason::AlreadySo)
        }
        _ => {
            let reason = TransitionReason::UnderpaidElsewhere;
            Decision::Change(refund_payment(hold.clone(), receipt, reason))
        }
    }
}

/// Applies what another session took for a confirmed hold: a second payment goes back. If it is the payment that
/// confirmed the hold, then the hold's own session has not taken any, and must not.
pub(super) fn apply_other_session_to_confirmed(hold: &Hold, receipt: &Receipt) -> Decision {
    let Some(known) = hold.find_payment(&receipt.intent) else {
        return refund_extra_payment(hold, receipt, TransitionReason::SecondPayment);
    };
    if !known.pays_for_booking() || hold.paid_elsewhere {
        return Decision::Stay(TransitionReason::AlreadySo);
    }
    Decision::Change(expire_own_session(Transition {
        next: hold.clone(),
        commands: Vec::new(),
        reason: TransitionReason::PaidElsewhere,
    }))
}

/// Adds the command that keeps the hold's own session from taking a second payment.
fn expire_own_session(mut step: Transition) -> Transition {
    step.next.paid_elsewhere = true;
    step.commands
        .push(CommandAction::ExpireSession(step.next.session.clone()));
    step
}

/// Refunds a payment for a hold that is paid already or has ended for good. A known payment changes nothing.
pub(super) fn refund_extra_payment(hold: &Hold, receipt: &Receipt, reason: TransitionReason) -> Decision {
    if hold.find_payment(&receipt.intent).is_some() {
        return Decision::Stay(TransitionReason::AlreadySo);
    }
    Decision::Change(refund_payment(hold.clone(), receipt, reason))
}

/// Applies what a released hold's own session took (I3). A known payment was decided before.
pub(super) fn apply_late_payment(hold: &Hold, receipt: &Receipt) -> Decision {
    match hold.find_payment(&receipt.intent) {
        Some(_) => apply_known_payment(hold, receipt),
        None => flag_reclaim(reclaim_slot(hold, receipt), receipt),
    }
}

/// Applies the completion of a released hold's own session that left nothing to pay: late money of zero, which gets the
/// slot back if it is free. There is nothing to refund.
pub(super) fn apply_late_completion(hold: &Hold, asked: Option<&SessionTotals>) -> Decision {
    let is_known = hold.status == Status::Released(ReleaseReason::LatePaymentRefunded);
    if is_known || asked.is_none_or(|asked| asked.total != 0) {
        return Decision::Stay(TransitionReason::NoLongerMatters);
    }
    let free = Transition {
        next: complete_without_payment(hold, asked),
        commands: Vec::new(),
        reason: TransitionReason::LatePaymentGotItsSlot,
    };
    let taken = Transition {
        next: Hold {
            status: Status::Released(ReleaseReason::LatePaymentRefunded),
            ..hold.clone()
        },
        commands: Vec::new(),
        reason: TransitionReason::LatePaymentRefunded,
    };
    // An operator released it while it was being paid: the slot does not come back.
    if hold.returns_late_money() {
        return Decision::Change(taken);
    }
    Decision::Reclaim { free, taken }
}

/// Flags the hold if its own session took another amount than the price, whether or not it gets its slot back.
fn flag_reclaim(decision: Decision, receipt: &Receipt) -> Decision {
    match decision {
        Decision::Reclaim { mut free, mut taken } => {
            flag_other_amount(&mut free.next, receipt);
            flag_other_amount(&mut taken.next, receipt);
            Decision::Reclaim { free, taken }
        }
        Decision::Change(mut step) => {
            flag_other_amount(&mut step.next, receipt);
            Decision::Change(step)
        }
        Decision::Stay(reason) => Decision::Stay(reason),
    }
}

/// Tells whether only the hold's own session says what an intent's money is: less than the price, for a hold that was released
/// and may get its slot back. If it is of the own session, a discount may explain it; any other such money is refunded.
pub fn is_session_needed(hold: &Hold, receipt: &Receipt) -> bool {
    matches!(hold.status, Status::Released(_))
        && !hold.returns_late_money()
        && hold.find_payment(&receipt.intent).is_none()
        && !covers_price(hold, receipt.money)
}

/// Applies an intent's money for a released hold. If it is below the price, it is known not to be of the own session
/// ([`is_session_needed`]).
pub(super) fn apply_late_intent_payment(hold: &Hold, receipt: &Receipt) -> Decision {
    match hold.find_payment(&receipt.intent) {
        Some(_) => Decision::Stay(TransitionReason::AlreadySo),
        None => reclaim_for_price(hold, receipt),
    }
}

/// Applies what another session took for a released hold.
pub(super) fn apply_late_other_session(hold: &Hold, receipt: &Receipt) -> Decision {
    match apply_late_intent_payment(hold, receipt) {
        Decision::Reclaim { free, taken } => Decision::Reclaim {
            free: expire_own_session(free),
            taken,
        },
        other => other,
    }
}

/// Offers the slot for at least the price. Less is refunded.
fn reclaim_for_price(hold: &Hold, receipt: &Receipt) -> Decision {
    if covers_price(hold, receipt.money) {
        reclaim_slot(hold, receipt)
    } else {
        Decision::Change(refund_late_payment(hold, receipt))
    }
}

/// Offers both results for a payment whose slot was given up: confirmed with the slot, or refunded without it. A payment
/// that was refunded in full before it became known offers nothing: the hold ends as if it had been confirmed then. Nor does
/// money for a hold that an operator released while it was being paid.
fn reclaim_slot(hold: &Hold, receipt: &Receipt) -> Decision {
    if hold.returns_late_money() {
        return Decision::Change(refund_late_payment(hold, receipt));
    }
    let mut next = record_payment(hold, receipt, Status::Confirmed);
    let payment = next.record(receipt);
    if payment.is_refunded_at_stripe() {
        let commands = payment.give_back().into_iter().collect();
        next.status = Status::Cancelled(CancelReason::Refunded);
        return Decision::Change(Transition {
            next,
            commands,
            reason: TransitionReason::FullyRefunded,
        });
    }
    let free = Transition {
        next,
        commands: Vec::new(),
        reason: TransitionReason::LatePaymentGotItsSlot,
    };
    Decision::Reclaim {
        free,
        taken: refund_late_payment(hold, receipt),
    }
}

/// Makes the transition that refunds a payment of a released hold.
fn refund_late_payment(hold: &Hold, receipt: &Receipt) -> Transition {
    let without_slot = Hold {
        status: Status::Released(ReleaseReason::LatePaymentRefunded),
        ..hold.clone()
    };
    let reason = match hold.returns_late_money() {
        true => TransitionReason::PaymentAfterOperatorRelease,
        false => TransitionReason::LatePaymentRefunded,
    };
    refund_payment(without_slot, receipt, reason)
}
