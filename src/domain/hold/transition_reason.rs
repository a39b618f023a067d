//! The causes of transitions, as sentences for the history. A move is no transition: `workflow::move_hold` words it.

use std::fmt;

use super::fact::FailureCode;
use crate::domain::money::Money;

/// Money that an operator returns without cancelling.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReturnedMoney {
    /// How much is returned.
    pub money: Money,
    /// Why, in the operator's words.
    pub note: String,
}

/// The cause of a transition, or of the lack of one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TransitionReason {
    /// A checkout placed the hold.
    Placed,
    /// The guest paid the session.
    Paid,
    /// Another session took the payment; the hold's own session is expired.
    PaidElsewhere,
    /// An intent brought less than the price. Its session decides what it is.
    PaidBelowPrice,
    /// Another session took less than the price; the money is refunded.
    UnderpaidElsewhere,
    /// The guest chose a delayed payment method.
    PaymentUnderway,
    /// A delayed payment succeeded.
    DelayedPaymentArrived,
    /// A delayed payment failed.
    DelayedPaymentFailed,
    /// The session was completed without a payment.
    NothingToPay,
    /// Stripe expired the session.
    SessionEnded,
    /// The operator released the hold although Stripe does not know its session.
    ReleasedWithoutStripe,
    /// The operator released the hold while a delayed payment was in progress.
    ReleasedWhileProcessing,
    /// A payment arrived after the release, and the slot was still free.
    LatePaymentGotItsSlot,
    /// A payment arrived after the release, and the slot was free with other resources, which are named here.
    LatePaymentGotOthers(String),
    /// A payment arrived after the release, and the slot was taken; the payment is refunded.
    LatePaymentRefunded,
    /// A payment arrived after the release, and the slot had begun; the payment is refunded.
    LatePaymentAfterStart,
    /// A payment arrived after the operator released the hold while it was being paid; the payment is refunded. For machines
    /// it is a late payment that is refunded, as any other.
    PaymentAfterOperatorRelease,
    /// A payment arrived after the cancellation; it is refunded.
    PaymentAfterCancellation,
    /// A second payment arrived for a paid hold; it is refunded.
    SecondPayment,
    /// The PaymentIntent became known.
    IntentLinked,
    /// A payment attempt failed.
    TryFailed(FailureCode),
    /// The PaymentIntent was cancelled.
    IntentCanceled,
    /// The guest cancelled the hold.
    CancelledByGuest,
    /// The operator cancelled the hold, with an optional note.
    CancelledByOperator(Option<String>),
    /// An operator ordered a refund.
    RefundOrdered(Box<ReturnedMoney>),
    /// An operator recorded that money which was due back was settled elsewhere.
    SettledOutside(Box<ReturnedMoney>),
    /// The whole payment was refunded.
    FullyRefunded,
    /// A part of the payment was refunded.
    PartlyRefunded,
    /// A refund failed at Stripe.
    RefundFailed,
    /// The guest's bank disputes the payment.
    Disputed,
    /// The dispute was closed.
    DisputeClosed,
    /// The payment's money is in another place, such as on its way back.
    MoneyMoved,
    /// The fact was known already.
    AlreadySo,
    /// The fact no longer matters in this status.
    NoLongerMatters,
}

impl TransitionReason {
    /// A stable code for machines: the `transition` of a history line. `Display` gives the sentence for people.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::Paid => "paid",
            Self::PaidElsewhere => "paid_elsewhere",
            Self::PaidBelowPrice => "paid_below_price",
            Self::UnderpaidElsewhere => "underpaid_elsewhere",
            Self::PaymentUnderway => "payment_processing",
            Self::DelayedPaymentArrived => "delayed_payment_succeeded",
            Self::DelayedPaymentFailed => "delayed_payment_failed",
            Self::NothingToPay => "nothing_to_pay",
            Self::SessionEnded => "session_ended",
            Self::ReleasedWithoutStripe => "released_without_stripe",
            Self::ReleasedWhileProcessing => "released_while_processing",
            Self::LatePaymentGotItsSlot => "late_payment_confirmed",
            Self::LatePaymentGotOthers(_) => "late_payment_confirmed_elsewhere",
            Self::LatePaymentRefunded | Self::PaymentAfterOperatorRelease => "late_payment_refunded",
            Self::LatePaymentAfterStart => "late_payment_after_start",
            Self::PaymentAfterCancellation => "payment_after_cancellation",
            Self::SecondPayment => "second_payment",
            Self::IntentLinked => "intent_linked",
            Self::TryFailed(_) => "payment_attempt_failed",
            Self::IntentCanceled => "intent_canceled",
            Self::CancelledByGuest => "cancelled_by_guest",
            Self::CancelledByOperator(_) => "cancelled_by_operator",
            Self::RefundOrdered(..) => "refund_ordered",
            Self::SettledOutside(..) => "settled_outside",
            Self::FullyRefunded => "refunded",
            Self::PartlyRefunded => "partly_refunded",
            Self::RefundFailed => "refund_failed",
            Self::Disputed => "dispute_opened",
            Self::DisputeClosed => "dispute_closed",
            Self::MoneyMoved => "money_moved",
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
            Self::PaidElsewhere => "paid through another session; the own session is expired",
            Self::PaidBelowPrice => "a payment below the price; its session decides what follows",
            Self::UnderpaidElsewhere => "another session took less than the price; the money goes back",
            Self::PaymentUnderway => "a delayed payment is in progress",
            Self::DelayedPaymentArrived => "the delayed payment arrived",
            Self::DelayedPaymentFailed => "the delayed payment failed",
            Self::NothingToPay => "completed without a payment",
            Self::SessionEnded => "the payment session ended unpaid",
            Self::ReleasedWithoutStripe => "released by the operator; Stripe does not know its session",
            Self::ReleasedWhileProcessing => {
                "released by the operator while a payment was in progress; money for it goes back"
            }
            Self::LatePaymentGotItsSlot => "paid after the release; the slot was still free",
            Self::LatePaymentGotOthers(resources) => {
                return write!(
                    f,
                    "paid after the release; the slot was still free, now with {resources}"
                );
            }
            Self::LatePaymentRefunded => "paid after the release; the slot was gone, the money goes back",
            Self::LatePaymentAfterStart => "paid after the release; the slot had begun, the money goes back",
            Self::PaymentAfterOperatorRelease => "paid after the operator released it; the money goes back",
            Self::PaymentAfterCancellation => "paid after the cancellation; the money goes back",
            Self::SecondPayment => "paid a second time; the second payment goes back",
            Self::IntentLinked => "the payment intent became known",
            Self::TryFailed(code) => return write!(f, "a payment try failed: {code}"),
            Self::IntentCanceled => "the payment intent was cancelled",
            Self::CancelledByGuest => "cancelled by the guest; the money goes back",
            Self::CancelledByOperator(Some(note)) => return write!(f, "cancelled: {note}"),
            Self::CancelledByOperator(None) => "cancelled",
            Self::RefundOrdered(returned) => {
                let ReturnedMoney { money, note } = returned.as_ref();
                return write!(
                    f,
                    "a refund of {} {} is ordered: {note}",
                    money.amount, money.currency
                );
            }
            Self::SettledOutside(returned) => {
                let ReturnedMoney { money, note } = returned.as_ref();
                return write!(
                    f,
                    "{} {} were settled elsewhere: {note}",
                    money.amount, money.currency
                );
            }
            Self::FullyRefunded => "the whole payment was refunded",
            Self::PartlyRefunded => "a part of the payment was refunded",
            Self::RefundFailed => "a refund failed at Stripe",
            Self::Disputed => "the payment is disputed",
            Self::DisputeClosed => "the dispute is closed",
            Self::MoneyMoved => "a refund or a dispute of the payment has changed",
            Self::AlreadySo => "already so",
            Self::NoLongerMatters => "no longer matters",
        })
    }
}
