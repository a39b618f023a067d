//! The reasons of steps, in words for the history.

use std::fmt;

use super::fact::FailureCode;

/// The reason of a step, or of standing still.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TransitionReason {
    /// The checkout placed it.
    Placed,
    /// Paid in full at once.
    Paid,
    /// A delayed method is at work.
    PaymentUnderway,
    /// A delayed payment arrived.
    DelayedPaymentArrived,
    /// A delayed payment failed.
    DelayedPaymentFailed,
    /// Completed without a payment.
    NothingToPay,
    /// Stripe ended the session.
    SessionEnded,
    /// Money came after the release, and the slot was still free.
    LatePaymentGotItsSlot,
    /// Money came after the release, and the slot was still free, but with others than before: these.
    LatePaymentGotOthers(String),
    /// Money came after the release, and the slot was gone: it goes back.
    LatePaymentRefunded,
    /// Money came after the cancellation: it goes back.
    PaymentAfterCancellation,
    /// A second payment for one hold: it goes back.
    SecondPayment,
    /// The intent became known.
    IntentLinked,
    /// A try failed.
    TryFailed(FailureCode),
    /// The intent was given up.
    IntentCanceled,
    /// The guest cancelled it.
    CancelledByGuest,
    /// The operator cancelled it; with a note.
    CancelledByOperator(Option<String>),
    /// All money is back.
    FullyRefunded,
    /// Some money is back.
    PartlyRefunded,
    /// Stripe could not give it back.
    RefundFailed,
    /// The bank disputes it.
    Disputed,
    /// The dispute is over.
    DisputeClosed,
    /// Nothing new.
    AlreadySo,
    /// Does not fit what we know; the state stays.
    NoLongerMatters,
}

impl TransitionReason {
    /// A stable code for machines: the `transition` of a history line. `Display` gives the sentence for people.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::Paid => "paid",
            Self::PaymentUnderway => "payment_processing",
            Self::DelayedPaymentArrived => "delayed_payment_succeeded",
            Self::DelayedPaymentFailed => "delayed_payment_failed",
            Self::NothingToPay => "nothing_to_pay",
            Self::SessionEnded => "session_ended",
            Self::LatePaymentGotItsSlot => "late_payment_confirmed",
            Self::LatePaymentGotOthers(_) => "late_payment_confirmed_elsewhere",
            Self::LatePaymentRefunded => "late_payment_refunded",
            Self::PaymentAfterCancellation => "payment_after_cancellation",
            Self::SecondPayment => "second_payment",
            Self::IntentLinked => "intent_linked",
            Self::TryFailed(_) => "payment_attempt_failed",
            Self::IntentCanceled => "intent_canceled",
            Self::CancelledByGuest => "cancelled_by_guest",
            Self::CancelledByOperator(_) => "cancelled_by_operator",
            Self::FullyRefunded => "refunded",
            Self::PartlyRefunded => "partly_refunded",
            Self::RefundFailed => "refund_failed",
            Self::Disputed => "dispute_opened",
            Self::DisputeClosed => "dispute_closed",
            Self::AlreadySo => "unchanged",
            Self::NoLongerMatters => "irrelevant",
        }
    }
}

impl fmt::Display for TransitionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Placed => "placed by a checkout",
            Self::Paid => "paid",
            Self::PaymentUnderway => "a delayed payment is at work",
            Self::DelayedPaymentArrived => "the delayed payment arrived",
            Self::DelayedPaymentFailed => "the delayed payment failed",
            Self::NothingToPay => "completed without a payment",
            Self::SessionEnded => "the payment session ended unpaid",
            Self::LatePaymentGotItsSlot => "paid after the release; the slot was still free",
            Self::LatePaymentGotOthers(resources) => {
                return write!(
                    f,
                    "paid after the release; the slot was still free, now with {resources}"
                );
            }
            Self::LatePaymentRefunded => "paid after the release; the slot was gone, the money goes back",
            Self::PaymentAfterCancellation => "paid after the cancellation; the money goes back",
            Self::SecondPayment => "paid a second time; the second payment goes back",
            Self::IntentLinked => "the payment intent became known",
            Self::TryFailed(code) => return write!(f, "a payment try failed: {code}"),
            Self::IntentCanceled => "the payment intent was cancelled",
            Self::CancelledByGuest => "cancelled by the guest; the money goes back",
            Self::CancelledByOperator(Some(note)) => return write!(f, "cancelled: {note}"),
            Self::CancelledByOperator(None) => "cancelled",
            Self::FullyRefunded => "the whole payment was refunded",
            Self::PartlyRefunded => "a part of the payment was refunded",
            Self::RefundFailed => "a refund failed at Stripe",
            Self::Disputed => "the payment is disputed",
            Self::DisputeClosed => "the dispute is closed",
            Self::AlreadySo => "already so",
            Self::NoLongerMatters => "no longer matters",
        })
    }
}
