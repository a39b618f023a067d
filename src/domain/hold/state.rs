//! A hold and the statuses that it goes through.

use std::collections::BTreeMap;

use crate::domain::ids::{HoldId, IntentId, SessionId};
use crate::domain::ledger::snapshots::PaymentFacts;
use crate::domain::ledger::sums::Sums;
use crate::domain::money::{Currency, Money};
use crate::domain::payment::{Payment, Receipt};

/// The status of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// The guest has not paid yet; the hold keeps the slot.
    Held,
    /// The guest submitted a delayed payment; the hold keeps the slot until the payment succeeds or fails.
    Processing,
    /// The guest has paid and has the slot.
    Confirmed,
    /// The hold ended before it was paid; the slot is free.
    Released(ReleaseReason),
    /// The hold ended after it was paid; the slot is free.
    Cancelled(CancelReason),
}

/// Why a hold was released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReleaseReason {
    /// The time to pay ended.
    Expired,
    /// The guest released it.
    Guest,
    /// The delayed payment failed.
    PaymentFailed,
    /// The operator released it.
    Operator,
    /// A payment arrived when another hold already had the slot, or the slot had begun; it is refunded.
    LatePaymentRefunded,
}

/// Why a hold was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CancelReason {
    /// The guest cancelled it within the change policy.
    Guest,
    /// The operator cancelled it.
    Operator,
    /// The whole payment was refunded at Stripe.
    Refunded,
}

impl Status {
    /// Tells whether a hold in this status keeps its slot (I1 counts these holds).
    pub fn is_live(self) -> bool {
        match self {
            Self::Held | Self::Processing | Self::Confirmed => true,
            Self::Released(_) | Self::Cancelled(_) => false,
        }
    }
}

/// The person who asked for the release of a hold before its time to pay was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReleaseRequester {
    /// The guest, who presented the hold's token.
    Guest,
    /// The operator of the shop.
    Operator,
}

/// The part of a hold row that facts can change, together with what the rules compare facts with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hold {
    /// Identifies the hold; also unguessable.
    pub id: HoldId,
    /// The Checkout Session that the hold was placed with.
    pub session: SessionId,
    /// The total price of the slot (I8).
    pub price: Money,
    /// The status that the hold has now.
    pub status: Status,
    /// Who asked for the release, while Stripe is asked to expire the session.
    ///
    /// The response to our call and Stripe's own event may arrive in either order. Both then find the same requester,
    /// so the release gets the same reason. A `processing` hold that an operator released keeps its requester, because
    /// its money goes back whatever comes ([`Hold::returns_late_money`]).
    pub requested_by: Option<ReleaseRequester>,
    /// The PaymentIntent that the guest pays with, once it is known.
    pub intent: Option<IntentId>,
    /// All payments that were ever made for the hold.
    pub payments: Vec<Payment>,
    /// What Stripe says about refunds and disputes of intents whose payment is not recorded yet.
    pub unmatched: BTreeMap<IntentId, PaymentFacts>,
    /// Whether the session sold at another price, or took another amount than discounts and taxes explain. The hold keeps
    /// the slot; an operator must check the payment.
    pub price_mismatch: bool,
    /// Whether another session took the payment of the hold, so that its own session must not take a second one.
    pub paid_elsewhere: bool,
    /// Whether its session ended with nothing to pay, so that its slot needs no money.
    pub owes_nothing: bool,
}

impl Hold {
    /// Makes a `held` hold, as a checkout places it.
    pub fn new(id: HoldId, session: SessionId, price: Money) -> Self {
        Self {
            id,
            session,
            price,
            status: Status::Held,
            requested_by: None,
            intent: None,
            payments: Vec::new(),
            unmatched: BTreeMap::new(),
            price_mismatch: false,
            paid_elsewhere: false,
            owes_nothing: false,
        }
    }

    /// Tells whether late money goes back even if the slot is free: an operator released the hold while a payment was in
    /// progress. Every other release ends with no requester.
    pub fn returns_late_money(&self) -> bool {
        matches!(self.status, Status::Released(_)) && self.requested_by == Some(ReleaseRequester::Operator)
    }

    /// Finds the payment that was made through this intent.
    pub fn find_payment(&self, intent: &IntentId) -> Option<&Payment> {
        self.payments.iter().find(|payment| payment.intent == *intent)
    }

    /// Returns the currency in which the hold's money is summed up: that of its payments. Where they have several, which only
    /// happens if another session took money, it is the price's.
    pub fn ledger_currency(&self) -> Currency {
        let mut currencies = self.payments.iter().map(|payment| payment.money.currency);
        match currencies.next() {
            Some(first) if currencies.all(|other| other == first) => first,
            _ => self.price.currency,
        }
    }

    /// Returns where the money of the payments in [that currency](Self::ledger_currency) is.
    pub fn sums(&self) -> Sums {
        let currency = self.ledger_currency();
        let counted = self.payments.iter();
        counted
            .filter(|payment| payment.money.currency == currency)
            .map(Payment::sums)
            .sum()
    }

    /// Records a payment, if it is not recorded yet, and returns it.
    pub(super) fn record(&mut self, receipt: &Receipt) -> &mut Payment {
        let known = self
            .payments
            .iter()
            .position(|payment| payment.intent == receipt.intent);
        let position = known.unwrap_or_else(|| {
            let facts = self.unmatched.remove(&receipt.intent).unwrap_or_default();
            self.payments.push(receipt.to_payment(facts));
            self.payments.len() - 1
        });
        &mut self.payments[position]
    }
}
