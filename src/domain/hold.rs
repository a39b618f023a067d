//! The life of a hold: every state, every fact, and what follows from each pair.
//!
//! [`decide`] is pure: `(hold, fact) -> (next hold, orders to Stripe, why)`. There is one function for each state, each
//! with one arm for each fact and no catch-all, so that a new state or fact does not compile before its answers are
//! written. Doubled, late and disordered facts end in the same state as tidy ones (I5). The slot follows the state:
//! a live hold keeps its windows, any other gives them up; the store sees to that in the same transaction.
//!
//! Asking Stripe, storing and sending are left to `workflow`.

use std::fmt;

use super::command::Order;
use super::ids::{HoldId, IntentId, SessionId};
use super::money::Money;
use super::payment::{Payment, PaymentState, Receipt};
use super::session::SessionPayment;

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
pub enum Asker {
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
    pub asked_by: Option<Asker>,
    /// The PaymentIntent that the guest pays with, once known.
    pub intent: Option<IntentId>,
    /// All money that ever came in for it.
    pub payments: Vec<Payment>,
    /// What was paid is not what was asked; the slot is the guest's, the operator looks at the books.
    pub price_mismatch: bool,
}

/// Something that is so, whoever told us: an event, an answer of Stripe's to our question, or to our order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Fact {
    /// The session is complete.
    SessionCompleted(SessionPayment),
    /// The session is expired, or never was: Stripe can take no money for it (I2).
    SessionDead,
    /// A delayed payment arrived.
    AsyncSucceeded(Receipt),
    /// A delayed payment failed for good.
    AsyncFailed,
    /// This intent belongs to the hold.
    IntentLinked(IntentId),
    /// The intent has taken money.
    IntentSucceeded(Receipt),
    /// A try failed; the guest may try again.
    IntentFailed(IntentId, FailureCode),
    /// The intent was given up.
    IntentCanceled(IntentId),
    /// Money went back: `back` minor units of `paid` in all.
    Refunded {
        /// What was paid, through which intent.
        paid: Receipt,
        /// How much of it is back by now, in minor units.
        back: i64,
    },
    /// Stripe could not give the money back.
    RefundFailed(IntentId),
    /// The guest's bank disputes the payment.
    DisputeOpened(Receipt),
    /// The dispute is over; `won` where the money stays ours.
    DisputeClosed {
        /// Whose payment.
        intent: IntentId,
        /// Whether the money stays.
        won: bool,
    },
}

/// Stripe's code for a failed try, such as `card_declined`: letters, digits and underscores only, at most 64.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FailureCode(String);

impl FailureCode {
    /// Takes a code as Stripe gave it, without anything that is not code-like.
    pub fn new(text: &str) -> Self {
        let code = text
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
            .take(64)
            .collect();
        Self(code)
    }
}

impl fmt::Display for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "unknown" } else { &self.0 })
    }
}

/// The shop's choices that the rules depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Whether a full refund from outside cancels the booking and frees the slot.
    pub full_refund_frees_slot: bool,
}

impl Default for Policy {
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
    Stay(Why),
    /// The hold changes.
    Change(Transition),
    /// Money for a slot that was given up (I3): the slot is taken back if it is `free`, else it is `taken`.
    /// Only the database knows, so the store tries, and does the one or the other in the same transaction.
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
    pub orders: Vec<Order>,
    /// For the history.
    pub why: Why,
}

/// The reason of a step, or of standing still.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Why {
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

impl fmt::Display for Why {
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
            Self::LatePaymentRefunded => "paid after the release; the slot was gone, the money goes back",
            Self::PaymentAfterCancellation => "paid after the cancellation; the money goes back",
            Self::SecondPayment => "paid a second time; the second payment goes back",
            Self::IntentLinked => "the payment intent became known",
            Self::TryFailed(code) => return write!(f, "a payment try failed: {code}"),
            Self::IntentCanceled => "the payment intent was cancelled",
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

/// What follows from `fact` for `hold`.
pub fn decide(hold: &Hold, fact: &Fact, policy: Policy) -> Decision {
    match hold.status {
        Status::Held => held(hold, fact, policy),
        Status::Processing => processing(hold, fact, policy),
        Status::Confirmed => confirmed(hold, fact, policy),
        Status::Released(_) => released(hold, fact),
        Status::Cancelled(_) => cancelled(hold, fact),
    }
}

fn held(hold: &Hold, fact: &Fact, policy: Policy) -> Decision {
    match fact {
        Fact::SessionCompleted(SessionPayment::Paid(receipt)) => confirm(hold, receipt, Why::Paid),
        Fact::SessionCompleted(SessionPayment::Unpaid(intent)) => start_processing(hold, intent.as_ref()),
        Fact::SessionCompleted(SessionPayment::NotRequired) => confirm_unpaid(hold),
        Fact::SessionDead => release(hold, asked_reason(hold), Why::SessionEnded),
        Fact::AsyncSucceeded(receipt) => confirm(hold, receipt, Why::DelayedPaymentArrived),
        Fact::AsyncFailed => release(hold, ReleaseReason::PaymentFailed, Why::DelayedPaymentFailed),
        // The session's own event is the verdict; the intent's only names the money.
        Fact::IntentLinked(intent) | Fact::IntentSucceeded(Receipt { intent, .. }) => link(hold, intent),
        Fact::IntentFailed(intent, code) => note_try(hold, intent, Why::TryFailed(code.clone())),
        Fact::IntentCanceled(intent) => note_try(hold, intent, Why::IntentCanceled),
        Fact::Refunded { paid, back } => refunded_live(hold, paid, *back, policy),
        Fact::RefundFailed(intent) => refund_failed(hold, intent),
        Fact::DisputeOpened(receipt) => disputed(hold, receipt),
        Fact::DisputeClosed { intent, won } => dispute_closed(hold, intent, *won),
    }
}

fn processing(hold: &Hold, fact: &Fact, policy: Policy) -> Decision {
    match fact {
        Fact::SessionCompleted(SessionPayment::Paid(receipt)) => confirm(hold, receipt, Why::Paid),
        Fact::SessionCompleted(SessionPayment::Unpaid(Some(intent))) => link(hold, intent),
        Fact::SessionCompleted(SessionPayment::Unpaid(None)) => Decision::Stay(Why::AlreadySo),
        Fact::SessionCompleted(SessionPayment::NotRequired) => confirm_unpaid(hold),
        // A complete session does not expire; only the payment's verdict ends this state.
        Fact::SessionDead => Decision::Stay(Why::NoLongerMatters),
        Fact::AsyncSucceeded(receipt) => confirm(hold, receipt, Why::DelayedPaymentArrived),
        Fact::AsyncFailed => release(hold, ReleaseReason::PaymentFailed, Why::DelayedPaymentFailed),
        Fact::IntentLinked(intent) | Fact::IntentSucceeded(Receipt { intent, .. }) => link(hold, intent),
        Fact::IntentFailed(intent, code) => note_try(hold, intent, Why::TryFailed(code.clone())),
        Fact::IntentCanceled(intent) => note_try(hold, intent, Why::IntentCanceled),
        Fact::Refunded { paid, back } => refunded_live(hold, paid, *back, policy),
        Fact::RefundFailed(intent) => refund_failed(hold, intent),
        Fact::DisputeOpened(receipt) => disputed(hold, receipt),
        Fact::DisputeClosed { intent, won } => dispute_closed(hold, intent, *won),
    }
}

fn confirmed(hold: &Hold, fact: &Fact, policy: Policy) -> Decision {
    match fact {
        Fact::SessionCompleted(SessionPayment::Paid(receipt))
        | Fact::AsyncSucceeded(receipt)
        | Fact::IntentSucceeded(receipt) => another_payment(hold, receipt, Why::SecondPayment),
        Fact::SessionCompleted(SessionPayment::Unpaid(_) | SessionPayment::NotRequired) => {
            Decision::Stay(Why::AlreadySo)
        }
        Fact::SessionDead | Fact::AsyncFailed => Decision::Stay(Why::NoLongerMatters),
        Fact::IntentLinked(intent) => link(hold, intent),
        Fact::IntentFailed(..) | Fact::IntentCanceled(_) => Decision::Stay(Why::NoLongerMatters),
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
            Decision::Stay(Why::NoLongerMatters)
        }
        Fact::SessionDead | Fact::AsyncFailed => Decision::Stay(Why::AlreadySo),
        Fact::IntentLinked(intent) => link(hold, intent),
        Fact::IntentFailed(intent, _) | Fact::IntentCanceled(intent) => link(hold, intent),
        Fact::Refunded { paid, back } => refunded_released(hold, paid, *back),
        Fact::RefundFailed(intent) => refund_failed(hold, intent),
        Fact::DisputeOpened(receipt) => disputed(hold, receipt),
        Fact::DisputeClosed { intent, won } => dispute_closed(hold, intent, *won),
    }
}

fn cancelled(hold: &Hold, fact: &Fact) -> Decision {
    match fact {
        Fact::SessionCompleted(SessionPayment::Paid(receipt))
        | Fact::AsyncSucceeded(receipt)
        | Fact::IntentSucceeded(receipt) => another_payment(hold, receipt, Why::PaymentAfterCancellation),
        Fact::SessionCompleted(SessionPayment::Unpaid(_) | SessionPayment::NotRequired)
        | Fact::SessionDead
        | Fact::AsyncFailed
        | Fact::IntentFailed(..)
        | Fact::IntentCanceled(_) => Decision::Stay(Why::NoLongerMatters),
        Fact::IntentLinked(intent) => link(hold, intent),
        Fact::Refunded { paid, back } => note_refund(hold, paid, *back),
        Fact::RefundFailed(intent) => refund_failed(hold, intent),
        Fact::DisputeOpened(receipt) => disputed(hold, receipt),
        Fact::DisputeClosed { intent, won } => dispute_closed(hold, intent, *won),
    }
}

fn change(next: Hold, why: Why) -> Decision {
    Decision::Change(Transition {
        next,
        orders: Vec::new(),
        why,
    })
}

fn asked_reason(hold: &Hold) -> ReleaseReason {
    match hold.asked_by {
        Some(Asker::Guest) => ReleaseReason::Guest,
        Some(Asker::Operator) => ReleaseReason::Operator,
        None => ReleaseReason::Expired,
    }
}

/// The hold with this payment on its books, and paid by it.
fn paid_by(hold: &Hold, receipt: &Receipt, status: Status) -> Hold {
    let mut next = Hold {
        status,
        asked_by: None,
        intent: Some(receipt.intent.clone()),
        ..hold.clone()
    };
    next.price_mismatch |= receipt.money != hold.price;
    if hold.payment(&receipt.intent).is_none() {
        next.payments.push(receipt.payment(PaymentState::Paid));
    }
    next
}

fn confirm(hold: &Hold, receipt: &Receipt, why: Why) -> Decision {
    change(paid_by(hold, receipt, Status::Confirmed), why)
}

fn confirm_unpaid(hold: &Hold) -> Decision {
    // The slot has a price, so a session that asked for nothing is not what we made.
    let next = Hold {
        status: Status::Confirmed,
        asked_by: None,
        price_mismatch: true,
        ..hold.clone()
    };
    change(next, Why::NothingToPay)
}

fn start_processing(hold: &Hold, intent: Option<&IntentId>) -> Decision {
    let intent = hold.intent.clone().or_else(|| intent.cloned());
    change(
        Hold {
            status: Status::Processing,
            asked_by: None,
            intent,
            ..hold.clone()
        },
        Why::PaymentUnderway,
    )
}

fn release(hold: &Hold, reason: ReleaseReason, why: Why) -> Decision {
    change(
        Hold {
            status: Status::Released(reason),
            asked_by: None,
            ..hold.clone()
        },
        why,
    )
}

/// The first intent named is kept: the one that pays replaces it in [`paid_by`], and nothing does after that.
fn link(hold: &Hold, intent: &IntentId) -> Decision {
    match hold.intent {
        Some(_) => Decision::Stay(Why::AlreadySo),
        None => change(
            Hold {
                intent: Some(intent.clone()),
                ..hold.clone()
            },
            Why::IntentLinked,
        ),
    }
}

fn note_try(hold: &Hold, intent: &IntentId, why: Why) -> Decision {
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
fn another_payment(hold: &Hold, receipt: &Receipt, why: Why) -> Decision {
    if hold.payment(&receipt.intent).is_some() {
        return Decision::Stay(Why::AlreadySo);
    }
    Decision::Change(give_back(hold.clone(), receipt, 0, why))
}

/// Money for a hold that was released (I3).
fn late_payment(hold: &Hold, receipt: &Receipt, back: i64) -> Decision {
    if hold
        .payment(&receipt.intent)
        .is_some_and(|known| known.state != PaymentState::Paid)
    {
        return Decision::Stay(Why::AlreadySo);
    }
    let mut next = paid_by(hold, receipt, Status::Confirmed);
    next.payments = with_refund(&next.payments, &receipt.intent, back);
    let free = Transition {
        next,
        orders: Vec::new(),
        why: Why::LatePaymentGotItsSlot,
    };
    let gone = Hold {
        status: Status::Released(ReleaseReason::LatePaymentRefunded),
        ..hold.clone()
    };
    Decision::Reclaim {
        free,
        taken: give_back(gone, receipt, back, Why::LatePaymentRefunded),
    }
}

fn give_back(hold: Hold, receipt: &Receipt, back: i64, why: Why) -> Transition {
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
    let orders = vec![Order::Refund {
        intent: receipt.intent.clone(),
        money,
    }];
    Transition { next, orders, why }
}

/// A refund on a live hold: a full one of its own payment ends it, where the shop wants that.
fn refunded_live(hold: &Hold, paid: &Receipt, back: i64, policy: Policy) -> Decision {
    let noted = note_refund(hold, paid, back);
    let full = back >= paid.money.amount;
    // A payment that is on its way back, such as a second one, never carried the slot.
    let carries_slot = hold
        .payment(&paid.intent)
        .is_none_or(|known| known.state != PaymentState::RefundDue);
    match noted {
        Decision::Change(mut step) if full && carries_slot && policy.full_refund_frees_slot => {
            step.next.status = Status::Cancelled(CancelReason::Refunded);
            step.next.asked_by = None;
            Decision::Change(step)
        }
        other => other,
    }
}

/// A refund on a released hold. Of money we did not know: the payment's own event is still on its way, and both orders
/// must end alike. All of it back is as if it had been confirmed and then refunded; a part means the rest was paid.
fn refunded_released(hold: &Hold, paid: &Receipt, back: i64) -> Decision {
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

fn note_refund(hold: &Hold, paid: &Receipt, back: i64) -> Decision {
    let mut next = hold.clone();
    if hold.payment(&paid.intent).is_none() {
        next.payments.push(paid.payment(PaymentState::Paid));
        next.intent.get_or_insert_with(|| paid.intent.clone());
    }
    next.payments = with_refund(&next.payments, &paid.intent, back);
    if next == *hold {
        return Decision::Stay(Why::AlreadySo);
    }
    let full = back >= paid.money.amount;
    change(
        next,
        if full {
            Why::FullyRefunded
        } else {
            Why::PartlyRefunded
        },
    )
}

/// Refund totals only grow, so an old event cannot undo a newer one.
fn with_refund(payments: &[Payment], intent: &IntentId, back: i64) -> Vec<Payment> {
    let mut payments = payments.to_vec();
    for payment in payments.iter_mut().filter(|p| p.intent == *intent) {
        payment.refunded = payment.refunded.max(back);
        if payment.refunded >= payment.money.amount {
            payment.state = PaymentState::Refunded;
        }
    }
    payments
}

fn set_payment(
    hold: &Hold,
    intent: &IntentId,
    from: &[PaymentState],
    to: PaymentState,
    why: Why,
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
        Decision::Stay(Why::AlreadySo)
    } else {
        change(next, why)
    }
}

fn refund_failed(hold: &Hold, intent: &IntentId) -> Decision {
    use PaymentState::{RefundDue, RefundFailed, Refunded};
    set_payment(
        hold,
        intent,
        &[RefundDue, Refunded],
        RefundFailed,
        Why::RefundFailed,
    )
}

fn disputed(hold: &Hold, receipt: &Receipt) -> Decision {
    use PaymentState::{Disputed, Paid, RefundDue};
    if hold.payment(&receipt.intent).is_some() {
        return set_payment(hold, &receipt.intent, &[Paid, RefundDue], Disputed, Why::Disputed);
    }
    let mut next = hold.clone();
    next.payments.push(receipt.payment(Disputed));
    next.intent.get_or_insert_with(|| receipt.intent.clone());
    change(next, Why::Disputed)
}

fn dispute_closed(hold: &Hold, intent: &IntentId, won: bool) -> Decision {
    let to = if won {
        PaymentState::Paid
    } else {
        PaymentState::Refunded
    };
    set_payment(hold, intent, &[PaymentState::Disputed], to, Why::DisputeClosed)
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
            asked_by: None,
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
