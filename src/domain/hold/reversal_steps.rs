//! The step of the state table for money that moves after the payment: refunds and disputes.
//!
//! Where the money is, is derived from the facts and decisions of each payment. Here follows only what the hold makes of a
//! change: its history, and the end of a booking whose whole payment was refunded at Stripe.

use super::state::{Hold, Status};
use super::steps::set_status_of_paid;
use super::transition::{Decision, HoldPolicy, Transition};
use super::transition_reason::TransitionReason;
use crate::domain::payment::{Payment, PaymentState};

/// Notes where the money of the hold's payments is now.
pub(super) fn note_money(hold: &Hold, policy: HoldPolicy) -> Decision {
    let mut next = hold.clone();
    let mut cause = None;
    let mut commands = Vec::new();
    for (payment, before) in next.payments.iter_mut().zip(&hold.payments) {
        let rest = payment.order_rest();
        if payment.note() || rest.is_some() {
            cause.get_or_insert(reason_of_change(before, payment));
        }
        commands.extend(rest);
    }
    let Some(reason) = cause else {
        return Decision::Stay(TransitionReason::AlreadySo);
    };
    if hold.status == Status::Confirmed {
        commands.extend(set_status_of_paid(&mut next, policy));
    }
    Decision::Change(Transition {
        next,
        commands,
        reason,
    })
}

fn reason_of_change(before: &Payment, after: &Payment) -> TransitionReason {
    match (before.state, after.state) {
        _ if after.due_back > before.due_back => TransitionReason::RefundFailed,
        (old, PaymentState::Disputed) if old != PaymentState::Disputed => TransitionReason::Disputed,
        (PaymentState::Disputed, new) if new != PaymentState::Disputed => TransitionReason::DisputeClosed,
        _ if after.refunded >= after.money.amount => TransitionReason::FullyRefunded,
        _ if after.refunded > before.refunded => TransitionReason::PartlyRefunded,
        _ => TransitionReason::MoneyMoved,
    }
}
