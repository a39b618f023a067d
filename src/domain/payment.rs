//! Payments as rows of their own, so that one query finds money without a slot and another a slot without money (I3).
//!
//! Where the money of a payment is, is derived from Stripe's facts and the shop's decisions. The state sums that up in a
//! word; it is stored beside them for queries, and so that a change of it is seen.

use super::command::CommandAction;
use super::ids::IntentId;
use super::ledger::decisions::{Decisions, KeepReason, RefundOrder};
use super::ledger::snapshots::{PaymentFacts, RefundSnapshot, RefundStatus};
use super::ledger::sums::Sums;
use super::money::{Currency, Money};

/// What has become of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PaymentState {
    /// The money, or a part of it, pays for a booking.
    Paid,
    /// The money must go back to the guest; a refund is ordered or on its way.
    RefundDue,
    /// The money is not with the shop any more: it is back with the guest, or the bank has it.
    Refunded,
    /// A refund failed, and the money must still go back; an operator must see to it.
    RefundFailed,
    /// The guest's bank disputes the payment.
    Disputed,
    /// The operator cancelled the hold and keeps the money, or what is left of it.
    Kept,
}

/// One payment, identified by its PaymentIntent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Payment {
    /// Stripe's PaymentIntent of the payment.
    pub intent: IntentId,
    /// What the guest paid.
    pub money: Money,
    /// What the shop decided about it.
    pub decisions: Decisions,
    /// What Stripe says about its refunds and disputes.
    pub facts: PaymentFacts,
    /// How much of it is back with the guest, in minor units, as it was last noted.
    pub refunded: i64,
    /// How much of it must still go back although its refund failed, in minor units, as it was last noted.
    pub due_back: i64,
    /// Whether each cent of it was in one place, as it was last noted.
    pub adds_up: bool,
    /// What has become of it, as it was last noted.
    pub state: PaymentState,
}

/// What a session asked the guest for, as Stripe reports it, in the currency's minor unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionTotals {
    /// The price of all lines, before discounts and taxes.
    pub subtotal: i64,
    /// What promotion codes took off.
    pub discount: i64,
    /// The tax, which the price contains or which comes on top of it.
    pub tax: i64,
    /// What the guest had to pay.
    pub total: i64,
    /// The currency of all amounts.
    pub currency: Currency,
}

impl SessionTotals {
    /// Tells whether the session sold at this price: the total is what the discount leaves of it, with or without the tax.
    pub fn is_for_price(&self, price: Money) -> bool {
        let left = self.subtotal.saturating_sub(self.discount);
        let is_explained = self.total == left || self.total == left.saturating_add(self.tax);
        self.currency == price.currency
            && self.subtotal == price.amount
            && self.discount >= 0
            && self.tax >= 0
            && is_explained
    }
}

/// Stripe's statement that a payment succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Receipt {
    /// The PaymentIntent that collected the money.
    pub intent: IntentId,
    /// The amount that was paid.
    pub money: Money,
    /// What the session asked for; `None` if an intent alone says that it was paid, or the session says less.
    pub asked: Option<Box<SessionTotals>>,
}

impl Receipt {
    /// Tells whether the guest paid what the session asked for, and the session sold at this price.
    pub fn is_for_price(&self, price: Money) -> bool {
        match &self.asked {
            None => self.money == price,
            Some(asked) => {
                asked.is_for_price(price)
                    && self.money.currency == asked.currency
                    && self.money.amount == asked.total
            }
        }
    }

    /// Makes the payment that this receipt proves, of which Stripe has reported these facts. It is kept for a booking.
    pub fn to_payment(&self, facts: PaymentFacts) -> Payment {
        let mut payment = Payment {
            intent: self.intent.clone(),
            money: self.money,
            decisions: Decisions::keep_for_booking(self.money.amount),
            facts,
            refunded: 0,
            due_back: 0,
            adds_up: true,
            state: PaymentState::Paid,
        };
        payment.note();
        payment
    }
}

impl Payment {
    /// Returns where the money is.
    pub fn sums(&self) -> Sums {
        Sums::derive(self.money.amount, &self.facts, &self.decisions)
    }

    /// Notes what has become of the payment, after a fact or a decision. Returns whether that is something new.
    pub fn note(&mut self) -> bool {
        let sums = self.sums();
        let noted = (
            sums.refunded,
            sums.due_back,
            sums.adds_up(),
            self.derive_state(sums),
        );
        let is_new = noted != (self.refunded, self.due_back, self.adds_up, self.state);
        (self.refunded, self.due_back, self.adds_up, self.state) = noted;
        is_new
    }

    fn derive_state(&self, sums: Sums) -> PaymentState {
        let is_kept = sums.kept > 0;
        // A refund that is on its way may still fail.
        let gone = sums.refunded + sums.disputed + sums.lost;
        let is_paying = is_kept || sums.refund_pending > 0 && gone < self.money.amount;
        match self.decisions.reason {
            KeepReason::Booking | KeepReason::Goodwill if is_paying => PaymentState::Paid,
            _ if self.facts.is_disputed() => PaymentState::Disputed,
            _ if sums.due_back > 0 => PaymentState::RefundFailed,
            KeepReason::Operator if is_kept => PaymentState::Kept,
            _ if sums.refund_pending > 0 => PaymentState::RefundDue,
            _ => PaymentState::Refunded,
        }
    }

    /// Returns what can be ordered to go back, in minor units: what was not ordered, given back by hand or lost. What the
    /// bank disputes counts: if the shop wins, it goes back.
    pub fn refundable(&self) -> i64 {
        Sums::derive_refundable(&self.facts.without_open_disputes(), &self.decisions)
    }

    /// Returns what can be ordered anew or settled elsewhere, in minor units: its refund failed. What the bank disputes
    /// counts, as in [`refundable`](Self::refundable).
    pub fn reorderable(&self) -> i64 {
        let undisputed = self.facts.without_open_disputes();
        Sums::derive(self.money.amount, &undisputed, &self.decisions).due_back
    }

    /// Orders a refund of so many minor units, at most what is [refundable](Self::refundable). Returns the command for it.
    pub fn order_refund(&mut self, amount: i64) -> CommandAction {
        self.order_anew(0, amount)
    }

    /// Orders one refund of what is due back anew, at most what is [reorderable](Self::reorderable), and of more that is
    /// [refundable](Self::refundable). Returns the command for it.
    pub fn order_anew(&mut self, due: i64, more: i64) -> CommandAction {
        let (order, amount) = (self.decisions.orders.len(), due + more);
        if more > 0 {
            // What was taken before is no part of this order: should the order fail, it must not count as its money. An
            // earlier version's counter may have counted too much.
            let facts = self.facts.without_open_disputes().without_unverified();
            let taken = self.decisions.keep - Sums::derive_refundable(&facts, &self.decisions);
            self.decisions.covered += taken;
            self.decisions.keep -= taken;
        }
        self.decisions.reordered += due;
        self.decisions.keep -= more;
        self.decisions.orders.push(RefundOrder {
            command: None,
            ordered_by: None,
            amount,
            is_done: false,
        });
        self.note();
        CommandAction::Refund {
            intent: self.intent.clone(),
            money: Money { amount, ..self.money },
            order,
        }
    }

    /// Orders what is due back of a payment of which nothing is kept, once, if Stripe refused its order because a part had gone
    /// back by hand or to the bank: no refund failed, so another one for the rest will not. Returns the command for it.
    pub fn order_rest(&mut self) -> Option<CommandAction> {
        let decisions = &self.decisions;
        let orders = &decisions.orders;
        let is_refused = |order: &&RefundOrder| order.is_done && order.find_refund(&self.facts).is_none();
        let has_failed = self.facts.refunds.values().any(|refund| refund.status.is_over());
        let may_order = decisions.keep == 0
            && decisions.reason == KeepReason::Operator
            && decisions.reordered == 0
            && decisions.settled_outside == 0
            && self.sums().disputed == 0
            && !has_failed;
        let refused: i64 = orders.iter().filter(is_refused).map(|order| order.amount).sum();
        let due = self.reorderable();
        // If no part of it has gone, nobody knows why Stripe refused it, and a person decides.
        (may_order && due > 0 && due < refused).then(|| self.order_anew(due, 0))
    }

    /// Records that so many minor units, at most what is [reorderable](Self::reorderable), were settled elsewhere.
    pub fn settle_outside(&mut self, amount: i64) {
        self.decisions.settled_outside += amount;
        self.note();
    }

    /// Decides that nothing is kept, and orders the refund of all that is refundable, if anything is: the payment pays for no
    /// booking any more.
    pub fn give_back(&mut self) -> Option<CommandAction> {
        self.decisions.reason = KeepReason::Operator;
        let amount = self.refundable();
        let command = (amount > 0).then(|| self.order_refund(amount));
        // The rest has gone back by hand, or the bank has it.
        self.decisions.covered += std::mem::take(&mut self.decisions.keep);
        self.note();
        command
    }

    /// Tells whether the payment, which has no hold, waits for the hold to be placed: nobody has decided to give it back.
    pub fn waits_for_hold(&self) -> bool {
        self.decisions.reason == KeepReason::Booking
    }

    /// Tells whether the payment pays for a booking, or will again if the shop wins a dispute.
    pub fn pays_for_booking(&self) -> bool {
        self.decisions.reason.is_for_booking()
            && matches!(self.state, PaymentState::Paid | PaymentState::Disputed)
    }

    /// Tells whether the whole payment was refunded at Stripe, and not by an order that completed the sum.
    pub fn is_refunded_at_stripe(&self) -> bool {
        self.decisions.reason == KeepReason::Booking
            && self.refunded >= self.money.amount
            && !self.is_last_refund_ordered()
    }

    /// Tells whether the refund that was made last was ordered here. Stripe dates refunds to the second; of two in one
    /// second, the one that a person made at Stripe counts as the last.
    fn is_last_refund_ordered(&self) -> bool {
        let is_ordered = |refund: &RefundSnapshot| {
            let orders = self.decisions.orders.iter();
            refund.command.is_some() && orders.into_iter().any(|order| order.command == refund.command)
        };
        let done = self.facts.refunds.values();
        let done = done.filter(|refund| refund.status == RefundStatus::Succeeded);
        let last = done.max_by_key(|refund| (refund.created, !is_ordered(refund)));
        last.is_some_and(is_ordered)
    }
}
