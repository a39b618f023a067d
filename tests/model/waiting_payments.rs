//! Money that waits for its hold: what a replayed workflow calls, what the simulated store does, and the graphs of it.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use holdfast::domain::ids::HoldId;
use holdfast::domain::payment::Payment;
use holdfast::store::{StoreError, WaitingPayment, WaitingPayments};

use crate::budget::Budget;
use crate::call::{Call, Guest, Reply, by_intent, hold_id, receipt, session_id};
use crate::doubles::{Script, unexpected};
use crate::graph::SlotModel;
use crate::ledger::as_stored;
use crate::process::Kind;
use crate::stripe::StripeAction::*;
use crate::world::{AttemptState, Mutation, World};
use crate::{NOTHING, ONE, REPAIRED, TWO, assert_found, assert_holds};

/// A payment that belongs to no hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Orphan {
    pub(crate) payment: Payment,
    /// The guest whose hold its metadata names.
    pub(crate) claimed: Guest,
    /// The guest whose session took it, if a report named the session.
    pub(crate) session: Option<Guest>,
}

#[async_trait]
impl WaitingPayments for Script {
    async fn list_waiting_payments(&self, hold: HoldId) -> Result<Vec<WaitingPayment>, StoreError> {
        match self.store(Call::ListWaiting(self.guest(hold))).await? {
            Reply::Waiting(found) => Ok(found
                .into_iter()
                .map(|(guest, session)| WaitingPayment {
                    receipt: receipt(guest),
                    session: session.map(session_id),
                })
                .collect()),
            other => unexpected(&other),
        }
    }

    async fn list_unsettled_waits(&self, _: u32) -> Result<Vec<HoldId>, StoreError> {
        if self.kind != Kind::SweepWaits {
            return Ok(Vec::new());
        }
        match self.store(Call::ListUnsettledWaits).await? {
            Reply::Unnoted(guest) => Ok(guest.map(hold_id).into_iter().collect()),
            other => unexpected(&other),
        }
    }

    async fn give_back_waiting(&self, hold: HoldId, _: DateTime<Utc>) -> Result<usize, StoreError> {
        match self.store(Call::GiveBackWaiting(self.guest(hold))).await? {
            Reply::ApplyOutcome { commands } => Ok(commands),
            other => unexpected(&other),
        }
    }
}

impl World {
    /// Whether the attempt of this guest may still place its hold, or is still to be recovered.
    pub(crate) fn is_attempt_open(&self, guest: Guest) -> bool {
        let state = self.store.attempts[guest].map(|attempt| attempt.state);
        matches!(state, Some(AttemptState::Running | AttemptState::Unsettled))
    }

    /// The payments that wait for the hold of this guest, and the sessions that took them.
    pub(crate) fn waiting(&self, guest: Guest) -> Vec<(Guest, Option<Guest>)> {
        let orphans = self.store.orphans.iter();
        let waits = orphans.filter(|orphan| orphan.claimed == guest && orphan.payment.waits_for_hold());
        waits
            .map(|orphan| (by_intent(&orphan.payment.intent), orphan.session))
            .collect()
    }

    /// The guests for whose holds money waits although their attempt has ended.
    pub(crate) fn unsettled_waits(&self) -> Vec<Guest> {
        let guests = 0..self.store.attempts.len();
        guests
            .filter(|_| self.mutation != Some(Mutation::WaitForgotten))
            .filter(|guest| !self.is_attempt_open(*guest) && !self.waiting(*guest).is_empty())
            .collect()
    }

    pub(crate) fn give_back_waiting(&mut self, guest: Guest) -> Reply {
        let may_have_hold = self.is_attempt_open(guest) || self.store.holds[guest].is_some();
        let commands = if may_have_hold {
            0
        } else {
            self.give_back_all(guest)
        };
        Reply::ApplyOutcome { commands }
    }

    /// Orders the refund of the money that waits for the hold of this guest, whose attempt has ended.
    pub(crate) fn give_back_all(&mut self, guest: Guest) -> usize {
        let waiting = self.waiting(guest);
        waiting.into_iter().map(|(payer, _)| self.give_back(payer)).sum()
    }

    /// Orders the refund of the payment of this guest's session, which no hold has.
    pub(crate) fn give_back(&mut self, payer: Guest) -> usize {
        let mut orphans = self.store.orphans.iter();
        let Some(place) = orphans.position(|orphan| by_intent(&orphan.payment.intent) == payer) else {
            return 0;
        };
        let mut payment = self.store.orphans[place].payment.clone();
        self.complete(&mut payment);
        let refund = payment.give_back();
        self.store.orphans[place].payment = as_stored(payment);
        let commands = usize::from(refund.is_some());
        if let Some(refund) = refund {
            self.write_command(refund, None);
        }
        self.note_orphan(payer);
        commands
    }
}

/// A session that is paid while the call that made it still hangs, and while its hold is placed or lost.
const PAID_EARLY: SlotModel = SlotModel {
    stray_payments: true,
    max_running: 2,
    ..ONE
};

#[test]
fn payment_while_the_checkout_runs() {
    let budget = Budget {
        crashes: 1,
        lost_calls: 1,
        sweeps: 1,
        deliveries: 2,
        stripe_actions: 1,
        ..NOTHING
    };
    assert_holds("paid_early", SlotModel { budget, ..PAID_EARLY });
}

#[test]
fn payment_and_refund_while_the_checkout_runs() {
    let budget = Budget {
        sweeps: 1,
        deliveries: 3,
        stripe_actions: 2,
        ..NOTHING
    };
    let slot = SlotModel {
        stripe_actions: &[Pays, ShopRefunds, DisputeOpens],
        budget,
        ..PAID_EARLY
    };
    assert_holds("refunded_early", slot);
}

#[test]
fn payment_of_a_checkout_that_loses_the_slot() {
    let budget = Budget {
        lost_commits: 1,
        deliveries: 1,
        stripe_actions: 1,
        ..NOTHING
    };
    let slot = SlotModel {
        budget,
        guests: 2,
        ..PAID_EARLY
    };
    assert_holds("lost_early", slot);
}

#[test]
fn finds_a_refund_ordered_while_the_checkout_runs() {
    let budget = Budget {
        deliveries: 1,
        stripe_actions: 1,
        ..NOTHING
    };
    assert_found(
        Mutation::RefundedWhileRunning,
        REPAIRED,
        SlotModel { budget, ..PAID_EARLY },
    );
}

#[test]
fn finds_waiting_money_that_is_forgotten() {
    let budget = Budget {
        deliveries: 1,
        stripe_actions: 1,
        ..NOTHING
    };
    let slot = SlotModel {
        budget,
        stray_payments: true,
        ..TWO
    };
    assert_found(Mutation::WaitForgotten, REPAIRED, slot);
}
