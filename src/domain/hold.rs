//! The life of a hold: every state, every fact, and what follows from each pair.
//!
//! [`decide`] is pure: `(hold, fact) -> (next hold, orders to Stripe, why)`. There is one function for each state, each
//! with one arm for each fact and no catch-all, so that a new state or fact does not compile before its answers are
//! written. Doubled, late and disordered facts end in the same state as tidy ones (I5). The slot follows the state:
//! a live hold keeps its windows, any other gives them up; the store sees to that in the same transaction.
//!
//! Asking Stripe, storing and sending are left to `workflow`.

use super::command::CommandAction;
use super::ids::{HoldId, IntentId, SessionId};
use super::money::Money;
use super::payment::Payment;
use super::session::SessionPayment;
use steps::*;

mod cancel;
mod fact;
mod steps;
mod transition_reason;

pub use cancel::{CancelError, Refund, cancel};
pub use fact::{Fact, FailureCode};
pub use transition_reason::TransitionReason;

/// Where a hold stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// The guest is paying; the slot is kept.
    Held,
    /// The guest went through with it and a delayed payment method is at work; the slot is kept until its verdict.
    Processing,
    /// Paid; the slot is the guest's.
    Confirmed,
    /// Ended before it was paid; the slot is free.
    Released(ReleaseReason),
    /// Ended after it was paid; the slot is free.
    Cancelled(CancelReason),
}

/// Why a hold was released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReleaseReason {
    /// Nobody finished it in time.
    Expired,
    /// The guest gave it back.
    Guest,
    /// The delayed payment failed.
    PaymentFailed,
    /// The operator ended it.
    Operator,
    /// Money came when the slot was already someone else's; it goes back.
    LatePaymentRefunded,
}

/// Why a hold was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CancelReason {
    /// The guest, within the shop's rules.
    Guest,
    /// The operator.
    Operator,
    /// The whole payment was given back at Stripe.
    Refunded,
}

impl Status {
    /// Whether the hold keeps its slot (I1 counts these).
    pub fn is_live(self) -> bool {
        match self {
            Self::Held | Self::Processing | Self::Confirmed => true,
            Self::Released(_) | Self::Cancelled(_) => false,
        }
    }
}

/// Who asked for a held slot to be given back before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReleaseRequester {
    /// The guest, by the hold's token.
    Guest,
    /// The operator.
    Operator,
}

/// The part of a hold that events can change, and what they are judged by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hold {
    /// Its id.
    pub id: HoldId,
    /// The Checkout Session it was made with.
    pub session: SessionId,
    /// What the slot costs (I8).
    pub price: Money,
    /// Where it stands.
    pub status: Status,
    /// Who asked for its release, while Stripe is asked; makes the reason come out right whichever of our call's
    /// answer and Stripe's own event is first.
    pub requested_by: Option<ReleaseRequester>,
    /// The PaymentIntent that the guest pays with, once known.
    pub intent: Option<IntentId>,
    /// All money that ever came in for it.
    pub payments: Vec<Payment>,
    /// What was paid is not what was asked; the slot is the guest's, the operator looks at the books.
    pub price_mismatch: bool,
}

/// The shop's choices that the rules depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldPolicy {
    /// Whether a full refund from outside cancels the booking and frees the slot.
    pub full_refund_frees_slot: bool,
}

impl Default for HoldPolicy {
    fn default() -> Self {
        Self {
            full_refund_frees_slot: true,
        }
    }
}

/// What follows from a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing: it is already so, or it does not concern this hold any more.
    Stay(TransitionReason),
    /// The hold changes.
    Change(Transition),
    /// Money for a slot that was given up (I3): the slot is taken back if it is `free`, else it is `taken`.
    /// Only the books know: `free` is committed together with the taking of units that were seen to be free, and where
    /// somebody else is faster for these, it is decided again.
    Reclaim {
        /// What happens where the slot could be had again.
        free: Transition,
        /// What happens where someone else has it.
        taken: Transition,
    },
}

/// One step in a hold's life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The hold as it is afterwards.
    pub next: Hold,
    /// What Stripe must be told because of it.
    pub orders: Vec<CommandAction>,
    /// For the history.
    pub why: TransitionReason,
}

/// What follows from `fact` for `hold`.
pub fn decide(hold: &Hold, fact: &Fact, policy: HoldPolicy) -> Decision {
    match hold.status {
        Status::Held => held(hold, fact, policy),
        Status::Processing => processing(hold, fact, policy),
        Status::Confirmed => confirmed(hold, fact, policy),
        Status::Released(_) => released(hold, fact),
        Status::Cancelled(_) => cancelled(hold, fact),
    }
}

fn held(hold: &Hold, fact: &Fact, policy: HoldPolicy) -> Decision {
    match fact {
        Fact::SessionCompleted(SessionPayment::Paid(receipt)) => {
            confirm(hold, receipt, TransitionReason::Paid)
        }
        Fact::SessionCompleted(SessionPayment::Unpaid(intent)) => start_processing(hold, intent.as_ref()),
        Fact::SessionCompleted(SessionPayment::NotRequired) => confirm_unpaid(hold),
        Fact::SessionDead => release(hold, asked_reason(hold), TransitionReason::SessionEnded),
        Fact::AsyncSucceeded(receipt) => confirm(hold, receipt, TransitionReason::DelayedPaymentArrived),
        Fact::AsyncFailed => release(
            hold,
            ReleaseReason::PaymentFailed,
            TransitionReason::DelayedPaymentFailed,
        ),
        Fact::IntentLinked(intent) => link(hold, intent),
        // Proof of money is proof of money, whichever event brings it first.
        Fact::IntentSucceeded(receipt) => confirm(hold, receipt, TransitionReason::Paid),
        Fact::IntentFailed(intent, code) => note_try(hold, intent, TransitionReason::TryFailed(code.clone())),
        Fact::IntentCanceled(intent) => note_try(hold, intent, TransitionReason::IntentCanceled),
        Fact::Refunded { paid, back } => refunded_live(hold, paid, *back, policy),
        Fact::RefundFailed(intent) => refund_failed(hold, intent),
        Fact::DisputeOpened(receipt) => disputed(hold, receipt),
        Fact::DisputeClosed { intent, won } => dispute_closed(hold, intent, *won),
    }
}

fn processing(hold: &Hold, fact: &Fact, policy: HoldPolicy) -> Decision {
    match fact {
        Fact::SessionCompleted(SessionPayment::Paid(receipt)) => {
            confirm(hold, receipt, TransitionReason::Paid)
        }
        Fact::SessionCompleted(SessionPayment::Unpaid(Some(intent))) => link(hold, intent),
        Fact::SessionCompleted(SessionPayment::Unpaid(None)) => Decision::Stay(TransitionReason::AlreadySo),
        Fact::SessionCompleted(SessionPayment::NotRequired) => confirm_unpaid(hold),
        // A complete session does not expire; only the payment's verdict ends this state.
        Fact::SessionDead => Decision::Stay(TransitionReason::NoLongerMatters),
        Fact::AsyncSucceeded(receipt) => confirm(hold, receipt, TransitionReason::DelayedPaymentArrived),
        Fact::AsyncFailed => release(
            hold,
            ReleaseReason::PaymentFailed,
            TransitionReason::DelayedPaymentFailed,
        ),
        Fact::IntentLinked(intent) => link(hold, intent),
        Fact::IntentSucceeded(receipt) => confirm(hold, receipt, TransitionReason::DelayedPaymentArrived),
        Fact::IntentFailed(intent, code) => note_try(hold, intent, TransitionReason::TryFailed(code.clone())),
        Fact::IntentCanceled(intent) => note_try(hold, intent, TransitionReason::IntentCanceled),
        Fact::Refunded { paid, back } => refunded_live(hold, paid, *back, policy),
        Fact::RefundFailed(intent) => refund_failed(hold, intent),
        Fact::DisputeOpened(receipt) => disputed(hold, receipt),
        Fact::DisputeClosed { intent, won } => dispute_closed(hold, intent, *won),
    }
}

fn confirmed(hold: &Hold, fact: &Fact, policy: HoldPolicy) -> Decision {
    match fact {
        Fact::SessionCompleted(SessionPayment::Paid(receipt))
        | Fact::AsyncSucceeded(receipt)
        | Fact::IntentSucceeded(receipt) => another_payment(hold, receipt, TransitionReason::SecondPayment),
        Fact::SessionCompleted(SessionPayment::Unpaid(_) | SessionPayment::NotRequired) => {
            Decision::Stay(TransitionReason::AlreadySo)
        }
        Fact::SessionDead | Fact::AsyncFailed => Decision::Stay(TransitionReason::NoLongerMatters),
        Fact::IntentLinked(intent) => link(hold, intent),
        Fact::IntentFailed(..) | Fact::IntentCanceled(_) => Decision::Stay(TransitionReason::NoLongerMatters),
        Fact::Refunded { paid, back } => refunded_live(hold, paid, *back, policy),
        Fact::RefundFailed(intent) => refund_failed(hold, intent),
        Fact::DisputeOpened(receipt) => disputed(hold, receipt),
        Fact::DisputeClosed { intent, won } => dispute_closed(hold, intent, *won),
    }
}

fn released(hold: &Hold, fact: &Fact) -> Decision {
    match fact {
        Fact::SessionCompleted(SessionPayment::Paid(receipt))
        | Fact::AsyncSucceeded(receipt)
        | Fact::IntentSucceeded(receipt) => late_payment(hold, receipt, 0),
        // No money yet; should it come, it is a late payment.
        Fact::SessionCompleted(SessionPayment::Unpaid(Some(intent))) => link(hold, intent),
        Fact::SessionCompleted(SessionPayment::Unpaid(None) | SessionPayment::NotRequired) => {
            Decision::Stay(TransitionReason::NoLongerMatters)
        }
        Fact::SessionDead | Fact::AsyncFailed => Decision::Stay(TransitionReason::AlreadySo),
        Fact::IntentLinked(intent) => link(hold, intent),
        Fact::IntentFailed(intent, _) | Fact::IntentCanceled(intent) => link(hold, intent),
        Fact::Refunded { paid, back } => refunded_released(hold, paid, *back),
        Fact::RefundFailed(intent) => refund_failed(hold, intent),
        Fact::DisputeOpened(receipt) => disputed(hold, receipt),
        // The money is ours again, and there is no slot for it.
        Fact::DisputeClosed { intent, won: true } => match disputed_payment(hold, intent) {
            Some((paid, back)) => reclaim(hold, &paid, back),
            None => Decision::Stay(TransitionReason::AlreadySo),
        },
        Fact::DisputeClosed { intent, won: false } => dispute_closed(hold, intent, false),
    }
}

fn cancelled(hold: &Hold, fact: &Fact) -> Decision {
    match fact {
        Fact::SessionCompleted(SessionPayment::Paid(receipt))
        | Fact::AsyncSucceeded(receipt)
        | Fact::IntentSucceeded(receipt) => {
            another_payment(hold, receipt, TransitionReason::PaymentAfterCancellation)
        }
        Fact::SessionCompleted(SessionPayment::Unpaid(_) | SessionPayment::NotRequired)
        | Fact::SessionDead
        | Fact::AsyncFailed
        | Fact::IntentFailed(..)
        | Fact::IntentCanceled(_) => Decision::Stay(TransitionReason::NoLongerMatters),
        Fact::IntentLinked(intent) => link(hold, intent),
        Fact::Refunded { paid, back } => note_refund(hold, paid, *back),
        Fact::RefundFailed(intent) => refund_failed(hold, intent),
        Fact::DisputeOpened(receipt) => disputed(hold, receipt),
        Fact::DisputeClosed { intent, won: true } => match disputed_payment(hold, intent) {
            Some((paid, back)) => Decision::Change(give_back(
                hold.clone(),
                &paid,
                back,
                TransitionReason::PaymentAfterCancellation,
            )),
            None => Decision::Stay(TransitionReason::AlreadySo),
        },
        Fact::DisputeClosed { intent, won: false } => dispute_closed(hold, intent, false),
    }
}

impl Hold {
    /// A hold as a checkout places it.
    pub fn placed(id: HoldId, session: SessionId, price: Money) -> Self {
        let payments = Vec::new();
        Self {
            id,
            session,
            price,
            status: Status::Held,
            requested_by: None,
            intent: None,
            payments,
            price_mismatch: false,
        }
    }

    /// The payment through this intent, where it is known.
    pub fn payment(&self, intent: &IntentId) -> Option<&Payment> {
        self.payments.iter().find(|payment| payment.intent == *intent)
    }
}

#[cfg(test)]
mod tests;
