//! The state table: one function for each status, with one arm for each fact.
//!
//! There is no catch-all arm, so a new status or fact does not compile until its results are written. Facts may arrive
//! twice, late or in any order; the hold ends in the same state (I5).

use super::fact::Fact;
use super::payment_steps::*;
use super::reversal_steps::*;
use super::state::{Hold, ReleaseReason, Status};
use super::steps::*;
use super::transition::{Decision, HoldPolicy};
use super::transition_reason::TransitionReason;
use crate::domain::session::SessionPayment;

/// Decides what follows from `fact` for `hold`.
pub fn decide(hold: &Hold, fact: &Fact, policy: HoldPolicy) -> Decision {
    match hold.status {
        Status::Held => decide_held(hold, fact, policy),
        Status::Processing => decide_processing(hold, fact, policy),
        Status::Confirmed => decide_confirmed(hold, fact, policy),
        Status::Released(_) => decide_released(hold, fact, policy),
        Status::Cancelled(_) => decide_cancelled(hold, fact, policy),
    }
}

fn decide_held(hold: &Hold, fact: &Fact, policy: HoldPolicy) -> Decision {
    match fact {
        Fact::SessionCompleted(SessionPayment::Paid(receipt)) => {
            confirm_hold(hold, receipt, policy, TransitionReason::Paid)
        }
        Fact::SessionCompleted(SessionPayment::Unpaid(intent)) => start_processing(hold, intent.as_ref()),
        Fact::SessionCompleted(SessionPayment::NotRequired(asked)) => {
            confirm_without_payment(hold, asked.as_ref())
        }
        Fact::SessionDead => release_hold(hold, release_reason(hold), TransitionReason::SessionEnded),
        Fact::OtherSessionPaid(receipt) => apply_other_session(hold, receipt, policy),
        Fact::AsyncSucceeded(receipt) => {
            confirm_hold(hold, receipt, policy, TransitionReason::DelayedPaymentArrived)
        }
        Fact::AsyncFailed => release_hold(
            hold,
            ReleaseReason::PaymentFailed,
            TransitionReason::DelayedPaymentFailed,
        ),
        Fact::IntentLinked(intent) => link_intent(hold, intent),
        // Any proof of the whole payment confirms the hold, because events arrive in any order.
        Fact::IntentSucceeded(receipt) => apply_intent_payment(hold, receipt, policy, TransitionReason::Paid),
        Fact::IntentFailed(intent, code) => {
            note_attempt(hold, intent, TransitionReason::TryFailed(code.clone()))
        }
        Fact::IntentCanceled(intent) => note_attempt(hold, intent, TransitionReason::IntentCanceled),
        Fact::MoneyMoved(_) => note_money(hold, policy),
    }
}

fn decide_processing(hold: &Hold, fact: &Fact, policy: HoldPolicy) -> Decision {
    match fact {
        Fact::SessionCompleted(SessionPayment::Paid(receipt)) => {
            confirm_hold(hold, receipt, policy, TransitionReason::Paid)
        }
        Fact::SessionCompleted(SessionPayment::Unpaid(Some(intent))) => link_intent(hold, intent),
        Fact::SessionCompleted(SessionPayment::Unpaid(None)) => Decision::Stay(TransitionReason::AlreadySo),
        Fact::SessionCompleted(SessionPayment::NotRequired(asked)) => {
            confirm_without_payment(hold, asked.as_ref())
        }
        // A complete session cannot expire: only the result of the payment ends this status.
        Fact::SessionDead => Decision::Stay(TransitionReason::NoLongerMatters),
        Fact::OtherSessionPaid(receipt) => apply_other_session(hold, receipt, policy),
        Fact::AsyncSucceeded(receipt) => {
            confirm_hold(hold, receipt, policy, TransitionReason::DelayedPaymentArrived)
        }
        Fact::AsyncFailed => release_hold(
            hold,
            ReleaseReason::PaymentFailed,
            TransitionReason::DelayedPaymentFailed,
        ),
        Fact::IntentLinked(intent) => link_intent(hold, intent),
        Fact::IntentSucceeded(receipt) => {
            apply_intent_payment(hold, receipt, policy, TransitionReason::DelayedPaymentArrived)
        }
        Fact::IntentFailed(intent, code) => {
            note_attempt(hold, intent, TransitionReason::TryFailed(code.clone()))
        }
        Fact::IntentCanceled(intent) => note_attempt(hold, intent, TransitionReason::IntentCanceled),
        Fact::MoneyMoved(_) => note_money(hold, policy),
    }
}

fn decide_confirmed(hold: &Hold, fact: &Fact, policy: HoldPolicy) -> Decision {
    match fact {
        Fact::SessionCompleted(SessionPayment::Paid(receipt)) | Fact::AsyncSucceeded(receipt) => {
            apply_own_session(hold, receipt, TransitionReason::SecondPayment)
        }
        Fact::IntentSucceeded(receipt) => apply_intent_to_confirmed(hold, receipt),
        Fact::OtherSessionPaid(receipt) => apply_other_session_to_confirmed(hold, receipt),
        Fact::SessionCompleted(SessionPayment::Unpaid(_) | SessionPayment::NotRequired(_)) => {
            Decision::Stay(TransitionReason::AlreadySo)
        }
        Fact::SessionDead | Fact::AsyncFailed => Decision::Stay(TransitionReason::NoLongerMatters),
        Fact::IntentLinked(intent) => link_intent(hold, intent),
        Fact::IntentFailed(..) | Fact::IntentCanceled(_) => Decision::Stay(TransitionReason::NoLongerMatters),
        Fact::MoneyMoved(_) => note_money(hold, policy),
    }
}

fn decide_released(hold: &Hold, fact: &Fact, policy: HoldPolicy) -> Decision {
    match fact {
        Fact::SessionCompleted(SessionPayment::Paid(receipt)) | Fact::AsyncSucceeded(receipt) => {
            apply_late_payment(hold, receipt)
        }
        Fact::OtherSessionPaid(receipt) => apply_late_other_session(hold, receipt),
        Fact::IntentSucceeded(receipt) => apply_late_intent_payment(hold, receipt),
        // Not paid yet. If the payment succeeds, it is a late payment.
        Fact::SessionCompleted(SessionPayment::Unpaid(Some(intent))) => link_intent(hold, intent),
        Fact::SessionCompleted(SessionPayment::NotRequired(asked)) => {
            apply_late_completion(hold, asked.as_ref())
        }
        Fact::SessionCompleted(SessionPayment::Unpaid(None)) => {
            Decision::Stay(TransitionReason::NoLongerMatters)
        }
        Fact::SessionDead | Fact::AsyncFailed => Decision::Stay(TransitionReason::AlreadySo),
        Fact::IntentLinked(intent) => link_intent(hold, intent),
        Fact::IntentFailed(intent, _) | Fact::IntentCanceled(intent) => link_intent(hold, intent),
        Fact::MoneyMoved(_) => note_money(hold, policy),
    }
}

fn decide_cancelled(hold: &Hold, fact: &Fact, policy: HoldPolicy) -> Decision {
    match fact {
        Fact::SessionCompleted(SessionPayment::Paid(receipt)) | Fact::AsyncSucceeded(receipt) => {
            apply_own_session(hold, receipt, TransitionReason::PaymentAfterCancellation)
        }
        Fact::OtherSessionPaid(receipt) | Fact::IntentSucceeded(receipt) => {
            refund_extra_payment(hold, receipt, TransitionReason::PaymentAfterCancellation)
        }
        Fact::SessionCompleted(SessionPayment::Unpaid(_) | SessionPayment::NotRequired(_))
        | Fact::SessionDead
        | Fact::AsyncFailed
        | Fact::IntentFailed(..)
        | Fact::IntentCanceled(_) => Decision::Stay(TransitionReason::NoLongerMatters),
        Fact::IntentLinked(intent) => link_intent(hold, intent),
        Fact::MoneyMoved(_) => note_money(hold, policy),
    }
}
