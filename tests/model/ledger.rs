//! The ledger of a replayed workflow, and what a transaction on it does in the simulated store.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use holdfast::domain::command::CommandAction;
use holdfast::domain::ids::{IntentId, RefundId};
use holdfast::domain::ledger::decisions::RefundOrder;
use holdfast::domain::ledger::snapshots::PaymentFacts;
use holdfast::domain::payment::Payment;
use holdfast::store::{LeaseRequest, Ledger, MergeOutcome, MoneyReport, OrphanPayment, StoreError};

use crate::call::{
    Call, Guest, MoneyWrite, Reply, Row, StripeEvent, by_hold, by_intent, by_session, intent_id,
};
use crate::doubles::{Script, command_id, unexpected};
use crate::process::Kind;
use crate::waiting_payments::Orphan;
use crate::world::{Mutation, World};

#[async_trait]
impl Ledger for Script {
    async fn merge_money(&self, report: &MoneyReport) -> Result<MergeOutcome, StoreError> {
        let write = MoneyWrite {
            event: report.event.as_ref().map(|event| StripeEvent::by_id(&event.id)),
            guest: by_intent(&report.intent),
            facts: report.facts.clone(),
        };
        match self.store(Call::MergeMoney(Box::new(write))).await? {
            Reply::Merged { is_changed } => Ok(MergeOutcome::Merged { is_changed }),
            Reply::Duplicate => Ok(MergeOutcome::Duplicate),
            other => unexpected(&other),
        }
    }

    async fn find_money_facts(&self, intent: &IntentId) -> Result<PaymentFacts, StoreError> {
        match self.store(Call::FindFacts(by_intent(intent))).await? {
            Reply::Facts(facts) => Ok(facts),
            other => unexpected(&other),
        }
    }

    async fn is_money_reported(&self, intent: &IntentId) -> Result<bool, StoreError> {
        Ok(!self.find_money_facts(intent).await?.is_empty())
    }

    async fn is_payment_known(&self, intent: &IntentId) -> Result<bool, StoreError> {
        match self.store(Call::IsPaymentKnown(by_intent(intent))).await? {
            Reply::Known(is_known) => Ok(is_known),
            other => unexpected(&other),
        }
    }

    async fn list_unnoted_money(&self, _: u32) -> Result<Vec<IntentId>, StoreError> {
        if self.kind != Kind::SweepMoney {
            return Ok(Vec::new());
        }
        match self.store(Call::ListUnnoted).await? {
            Reply::Unnoted(guest) => Ok(guest.map(intent_id).into_iter().collect()),
            other => unexpected(&other),
        }
    }

    async fn lease_unverified(
        &self,
        _: DateTime<Utc>,
        _: DateTime<Utc>,
        _: u32,
    ) -> Result<Vec<IntentId>, StoreError> {
        unimplemented!()
    }

    async fn lease_reconciliation(&self, _: &LeaseRequest) -> Result<bool, StoreError> {
        unimplemented!()
    }

    async fn finish_reconciliation(&self, _: DateTime<Utc>) -> Result<(), StoreError> {
        unimplemented!()
    }

    async fn delete_foreign_money(&self, _: DateTime<Utc>, _: u32) -> Result<u64, StoreError> {
        Ok(0)
    }
}

impl World {
    /// The guest whose hold has the payment of this guest's session. A copy pays for the hold of another guest.
    fn payer_of(&self, guest: Guest) -> Option<Guest> {
        let intent = intent_id(guest);
        self.store.holds.iter().position(|row| {
            row.as_ref()
                .is_some_and(|row| row.hold.find_payment(&intent).is_some())
        })
    }

    /// The hold that has the intent of this guest's session.
    pub(crate) fn find_owner(&self, guest: Guest) -> Option<Row> {
        let intent = intent_id(guest);
        let linked = || {
            let rows = self.store.holds.iter().flatten();
            rows.clone().find(|row| row.hold.intent.as_ref() == Some(&intent))
        };
        let payer = self
            .payer_of(guest)
            .and_then(|payer| self.store.holds[payer].as_ref());
        payer.or_else(linked).map(|row| self.shown(row))
    }

    pub(crate) fn is_payment_known(&self, guest: Guest) -> bool {
        let intent = intent_id(guest);
        let mut orphans = self.store.orphans.iter();
        self.payer_of(guest).is_some() || orphans.any(|orphan| orphan.payment.intent == intent)
    }

    /// A row as it is read: facts and orders have tables of their own.
    pub(crate) fn shown(&self, row: &Row) -> Row {
        let mut row = row.clone();
        for payment in &mut row.hold.payments {
            self.complete(payment);
        }
        row
    }

    /// Adds to a payment what is known of its facts and orders.
    pub(crate) fn complete(&self, payment: &mut Payment) {
        let guest = by_intent(&payment.intent);
        payment.facts = self.store.facts[guest].clone();
        payment.decisions.orders.clear();
        for (index, command) in self.store.commands.iter().enumerate() {
            match &command.action {
                CommandAction::Refund { intent, money, .. } if *intent == payment.intent => {
                    payment.decisions.orders.push(RefundOrder {
                        ordered_by: None,
                        command: Some(command_id(index)),
                        amount: money.amount,
                        is_done: command.done,
                    });
                }
                _ => {}
            }
        }
    }

    /// The payments whose hold has not taken notice.
    pub(crate) fn unnoted(&self) -> Vec<Guest> {
        let guests = 0..self.store.unnoted.len();
        guests
            .filter(|guest| self.store.unnoted[*guest] && self.payer_of(*guest).is_some())
            .collect()
    }

    pub(crate) fn merge_money(&mut self, write: &MoneyWrite) -> Reply {
        if self.is_applied(write.event) {
            return Reply::Duplicate;
        }
        self.record_event(write.event);
        self.touch_hold(write.guest);
        let known = self.store.facts[write.guest].clone();
        let mut merged = known.clone().merge(write.facts.clone());
        if self.mutation == Some(Mutation::RefundsCounted) {
            add_repeated_refunds(&known, &write.facts, &mut merged);
        }
        let is_changed = merged != known;
        if is_changed {
            self.store.facts[write.guest] = merged;
            self.store.unnoted[write.guest] = true;
            self.note_orphan(write.guest);
        }
        Reply::Merged { is_changed }
    }

    /// Changes the version of the hold that has the payment of this guest's session.
    pub(crate) fn touch_hold(&mut self, guest: Guest) {
        if let Some(payer) = self.payer_of(guest) {
            self.store.holds[payer].as_mut().unwrap().version += 1;
        }
    }

    pub(crate) fn note_orphan(&mut self, guest: Guest) {
        let intent = intent_id(guest);
        let Some(place) = self
            .store
            .orphans
            .iter()
            .position(|orphan| orphan.payment.intent == intent)
        else {
            return;
        };
        let mut payment = self.store.orphans[place].payment.clone();
        self.complete(&mut payment);
        if let Some(rest) = payment.order_rest() {
            self.write_command(rest, None);
        }
        payment.note();
        // The hold takes notice, if it is placed.
        self.store.unnoted[guest] &= payment.waits_for_hold();
        self.store.orphans[place].payment = as_stored(payment);
    }

    pub(crate) fn record_orphan_payment(
        &mut self,
        event: Option<StripeEvent>,
        orphan: &OrphanPayment,
    ) -> Reply {
        let claimed = by_hold(orphan.claimed_hold.unwrap());
        if self.store.holds[claimed].is_some() {
            return Reply::Conflict;
        }
        if self.is_applied(event) {
            return Reply::Duplicate;
        }
        self.record_event(event);
        let waits = self.is_attempt_open(claimed) && self.mutation != Some(Mutation::RefundedWhileRunning);
        if let Some(attempt) = self.store.attempts[claimed].as_mut().filter(|_| waits) {
            attempt.is_paid = self.mutation != Some(Mutation::WaitForgotten);
        }
        let guest = by_intent(&orphan.payment.intent);
        let session = orphan.session.as_ref().map(by_session);
        if self.is_payment_known(guest) {
            let known = self.store.orphans.iter_mut();
            for known in known.filter(|known| known.payment.intent == orphan.payment.intent) {
                known.session = known.session.or(session);
            }
            return Reply::Duplicate;
        }
        self.store.orphans.push(Orphan {
            payment: as_stored(orphan.payment.clone()),
            claimed,
            session,
        });
        if waits {
            self.note_orphan(guest);
            return Reply::ApplyOutcome { commands: 0 };
        }
        let commands = self.give_back(guest);
        Reply::ApplyOutcome { commands }
    }
}

/// A payment as its row has it, without what other tables have.
pub(crate) fn as_stored(mut payment: Payment) -> Payment {
    payment.facts = PaymentFacts::default();
    payment.decisions.orders.clear();
    payment
}

/// The bug of a counter: what is reported twice counts twice.
fn add_repeated_refunds(known: &PaymentFacts, reported: &PaymentFacts, merged: &mut PaymentFacts) {
    for (id, refund) in &reported.refunds {
        if known.refunds.contains_key(id) {
            let again = RefundId::new(format!("{id}_again"));
            let counted = holdfast::domain::ledger::snapshots::RefundSnapshot {
                id: again.clone(),
                command: None,
                ..refund.clone()
            };
            merged.refunds.insert(again, counted);
        }
    }
}
