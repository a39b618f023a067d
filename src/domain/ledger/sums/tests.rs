//! Tests the sums against a small model of a Stripe account, in which people, the bank and our orders move one payment.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::domain::ids::{CommandId, DisputeId, IntentId, RefundId};
use crate::domain::ledger::decisions::KeepReason;
use crate::domain::ledger::snapshots::{DisputeSnapshot, RefundSnapshot};
use crate::domain::money::{Currency, Money};
use crate::domain::payment::{Payment, PaymentState, Receipt};

const PAID: i64 = 5000;

fn eur(amount: i64) -> Money {
    Money {
        amount,
        currency: Currency::parse("eur").unwrap(),
    }
}

/// What happens to a payment. Amounts are cut to what is possible then.
#[derive(Clone, Debug)]
enum Move {
    Order(i64),
    GiveBack,
    CancelAndKeep,
    Send(&'static str),
    RefundByHand(i64, &'static str),
    SettleRefund(&'static str),
    Dispute(i64),
    CloseDispute(&'static str),
    SettleOutside(i64),
    OrderAnew(i64, i64),
}

fn some_move() -> impl Strategy<Value = Move> {
    use Move::{
        CancelAndKeep, CloseDispute, Dispute, GiveBack, Order, OrderAnew, RefundByHand, Send, SettleOutside,
        SettleRefund,
    };
    let status = || prop::sample::select(vec!["pending", "succeeded", "failed", "requires_action"]);
    let end = || prop::sample::select(vec!["succeeded", "failed", "canceled"]);
    prop_oneof![
        (1..PAID).prop_map(Order),
        Just(GiveBack),
        Just(CancelAndKeep),
        status().prop_map(Send),
        (1..PAID, status()).prop_map(|(amount, status)| RefundByHand(amount, status)),
        end().prop_map(SettleRefund),
        (1..PAID).prop_map(Dispute),
        prop::sample::select(vec!["won", "lost"]).prop_map(CloseDispute),
        (1..PAID).prop_map(SettleOutside),
        (0..PAID, 0..PAID).prop_map(|(due, more)| OrderAnew(due, more)),
    ]
}

/// The payment, and what Stripe knows of it.
struct World {
    payment: Payment,
    next_id: u128,
}

impl World {
    fn new() -> Self {
        let receipt = Receipt {
            asked: None,
            intent: IntentId::new("pi_1"),
            money: eur(PAID),
        };
        Self {
            payment: receipt.to_payment(PaymentFacts::default()),
            next_id: 0,
        }
    }

    /// Returns what Stripe would still refund: nothing while the bank has money.
    fn left_at_stripe(&self) -> i64 {
        let parts = &self.payment.facts;
        if parts.disputes.values().any(|dispute| dispute.status.is_open()) {
            return 0;
        }
        let refunds = sum_refunds(parts, |status| !status.is_over());
        PAID - refunds - sum_disputes(parts, |status| *status == DisputeStatus::Lost)
    }

    fn add_refund(&mut self, amount: i64, status: &str, command: Option<CommandId>) {
        self.next_id += 1;
        let id = RefundId::new(format!("re_{}", self.next_id));
        let refund = RefundSnapshot {
            status: RefundStatus::from_word(status),
            money: eur(amount),
            failure_reason: None,
            command,
            intent: None,
            charge: None,
            created: chrono::DateTime::UNIX_EPOCH,
            id: id.clone(),
        };
        self.payment.facts.refunds.insert(id, refund);
    }

    fn apply(&mut self, step: &Move) {
        match step {
            Move::Order(amount) => {
                let amount = (*amount).min(self.payment.refundable());
                if amount > 0 {
                    self.payment.order_refund(amount);
                    self.name_orders();
                }
            }
            Move::GiveBack => {
                self.payment.give_back();
                self.name_orders();
            }
            Move::CancelAndKeep => self.payment.decisions.reason = KeepReason::Operator,
            Move::Send(status) => self.send_order(status),
            Move::RefundByHand(amount, status) => {
                let amount = (*amount).min(self.left_at_stripe());
                if amount > 0 {
                    self.add_refund(amount, status, None);
                }
            }
            Move::SettleRefund(status) => {
                let mut refunds = self.payment.facts.refunds.values_mut();
                if let Some(refund) = refunds.find(|refund| is_on_its_way(&refund.status)) {
                    refund.status = RefundStatus::from_word(status);
                }
            }
            Move::Dispute(amount) => {
                let amount = (*amount).min(self.left_at_stripe());
                if amount > 0 {
                    self.open_dispute(amount);
                }
            }
            Move::CloseDispute(status) => {
                let mut disputes = self.payment.facts.disputes.values_mut();
                if let Some(dispute) = disputes.find(|dispute| dispute.status.is_open()) {
                    dispute.status = DisputeStatus::from_word(status);
                }
            }
            Move::SettleOutside(amount) => {
                let amount = (*amount).min(self.payment.reorderable());
                self.payment.settle_outside(amount);
            }
            Move::OrderAnew(due, more) => {
                let due = (*due).min(self.payment.reorderable());
                let more = (*more).min(self.payment.refundable());
                if due + more > 0 {
                    self.payment.order_anew(due, more);
                    self.name_orders();
                }
            }
        }
        self.payment.note();
    }

    fn name_orders(&mut self) {
        for order in &mut self.payment.decisions.orders {
            self.next_id += 1;
            order
                .command
                .get_or_insert(CommandId(Uuid::from_u128(self.next_id)));
        }
    }

    /// Carries out the first order that waits, as the outbox does: Stripe makes a refund, or refuses for good.
    fn send_order(&mut self, status: &str) {
        let left = self.left_at_stripe();
        let is_disputed = self.payment.sums().disputed > 0;
        let facts = self.payment.facts.clone();
        let waiting = self
            .payment
            .decisions
            .orders
            .iter_mut()
            .find(|order| !order.is_done && order.find_refund(&facts).is_none());
        let Some(order) = waiting else { return };
        if order.amount > left && is_disputed {
            return;
        }
        order.is_done = true;
        let (amount, command) = (order.amount, order.command);
        if amount <= left {
            self.add_refund(amount, status, command);
        }
    }
}

fn disputed_by(world: &mut World, status: &str) {
    for dispute in world.payment.facts.disputes.values_mut() {
        dispute.status = DisputeStatus::from_word(status);
    }
    world.payment.note();
}

impl World {
    fn open_dispute(&mut self, amount: i64) {
        self.next_id += 1;
        let id = DisputeId::new(format!("du_{}", self.next_id));
        let dispute = DisputeSnapshot {
            status: DisputeStatus::NeedsResponse,
            money: eur(amount),
            reason: None,
            due_by: None,
            intent: None,
            charge: None,
            created: chrono::DateTime::UNIX_EPOCH,
            id: id.clone(),
        };
        self.payment.facts.disputes.insert(id, dispute);
    }
}

proptest! {
    /// Each cent is in one place, whatever happens in whatever order.
    #[test]
    fn sums_add_up_after_every_step(steps in prop::collection::vec(some_move(), 1..24)) {
        let mut world = World::new();
        for step in &steps {
            world.apply(step);
            let sums = world.payment.sums();
            prop_assert!(sums.adds_up(), "after {:?} of {:?}: {:?} {:?}", step, steps, sums, world.payment);
        }
    }

    /// No more goes back than was paid, and no order is answered by two refunds.
    #[test]
    fn no_more_goes_back_than_was_paid(steps in prop::collection::vec(some_move(), 1..24)) {
        let mut world = World::new();
        for step in &steps {
            world.apply(step);
        }
        let sums = world.payment.sums();
        prop_assert!(sums.refunded + sums.refund_pending + sums.lost <= PAID, "{:?}", sums);
    }
}

/// Ordering money again that was ordered before counts it once, and leaves what else can be ordered as it was.
#[test]
fn order_anew_counts_money_once() {
    let mut world = World::new();
    world.apply(&Move::Order(2000));
    world.apply(&Move::Send("failed"));
    world.apply(&Move::OrderAnew(2000, 500));
    let sums = world.payment.sums();
    assert_eq!((sums.due_back, sums.refund_pending, sums.kept), (0, 2500, 2500));
    world.apply(&Move::Send("succeeded"));
    let sums = world.payment.sums();
    assert_eq!((sums.refunded, sums.refund_pending, sums.kept), (2500, 0, 2500));
    assert!(sums.adds_up());
}

/// An order that ended without a refund may turn out to have one: its command is found in a list that was read later.
#[test]
fn first_order_that_succeeded_after_all_adds_up() {
    let mut world = World::new();
    world.apply(&Move::GiveBack);
    world.payment.decisions.orders[0].is_done = true;
    world.apply(&Move::OrderAnew(PAID, 0));
    let first = world.payment.decisions.orders[0].command;
    world.add_refund(PAID, "succeeded", first);
    let sums = world.payment.sums();
    assert_eq!((sums.refunded, sums.refund_pending, sums.due_back), (PAID, 0, 0));
    assert!(sums.adds_up());
}

#[test]
fn won_dispute_gives_back_what_was_ordered_and_no_more() {
    for (keeps, state, kept) in [
        (true, PaymentState::Kept, PAID),
        (false, PaymentState::RefundDue, 0),
    ] {
        let mut world = World::new();
        world.open_dispute(PAID);
        world.payment.note();
        assert_eq!(world.payment.state, PaymentState::Disputed);
        match keeps {
            true => world.apply(&Move::CancelAndKeep),
            false => world.apply(&Move::GiveBack),
        }
        disputed_by(&mut world, "won");
        assert_eq!((world.payment.state, world.payment.sums().kept), (state, kept));
    }
}

#[test]
fn lost_dispute_closes_what_was_due() {
    let mut world = World::new();
    world.apply(&Move::GiveBack);
    world.open_dispute(PAID);
    disputed_by(&mut world, "lost");
    let sums = world.payment.sums();
    assert_eq!((sums.lost, sums.refund_pending, sums.due_back), (PAID, 0, 0));
}

#[test]
fn second_refund_of_one_order_does_not_add_up() {
    let mut world = World::new();
    world.apply(&Move::GiveBack);
    world.apply(&Move::Send("succeeded"));
    assert!(world.payment.sums().adds_up());
    let command = world.payment.decisions.orders[0].command;
    world.add_refund(PAID, "succeeded", command);
    assert!(!world.payment.sums().adds_up());
}

/// A refund by hand that an order counted on was meant to go back, so its end makes the money due.
#[test]
fn failed_refund_by_hand_that_was_counted_on_is_due_back() {
    let mut world = World::new();
    world.apply(&Move::RefundByHand(2000, "pending"));
    world.apply(&Move::GiveBack);
    let sums = world.payment.sums();
    assert_eq!((sums.refund_pending, sums.kept, sums.due_back), (PAID, 0, 0));
    world.apply(&Move::SettleRefund("failed"));
    let sums = world.payment.sums();
    assert_eq!((sums.refund_pending, sums.kept, sums.due_back), (3000, 0, 2000));
    assert_eq!(world.payment.reorderable(), 2000);
    world.apply(&Move::OrderAnew(2000, 0));
    assert_eq!(world.payment.sums().due_back, 0);
}

/// The bank may withdraw what was refunded before: the shop then pays twice, and the payment still adds up.
#[test]
fn dispute_of_refunded_money_takes_no_money_of_the_payment() {
    let mut world = World::new();
    world.apply(&Move::RefundByHand(3000, "succeeded"));
    world.open_dispute(PAID + 100);
    let sums = world.payment.sums();
    assert_eq!((sums.refunded, sums.disputed, sums.kept), (3000, 2000, 0));
    assert!(sums.adds_up());
    disputed_by(&mut world, "lost");
    let sums = world.payment.sums();
    assert_eq!((sums.lost, sums.disputed, sums.adds_up()), (2000, 0, true));
}

/// A refund that was made before an order is not the money of that order.
#[test]
fn failed_order_is_due_whatever_went_back_before() {
    let mut world = World::new();
    world.apply(&Move::RefundByHand(2000, "succeeded"));
    world.apply(&Move::Order(2000));
    assert_eq!(world.payment.sums().kept, 1000);
    world.apply(&Move::Send("failed"));
    let sums = world.payment.sums();
    assert_eq!((sums.due_back, sums.kept), (2000, 1000));
    assert_eq!(world.payment.reorderable(), 2000);
}

/// Stripe refuses an order that is larger than what is left. The rest is ordered once.
#[test]
fn rest_of_a_refused_order_is_ordered_once() {
    let mut world = World::new();
    world.apply(&Move::GiveBack);
    world.add_refund(1000, "succeeded", None);
    assert!(world.payment.order_rest().is_none(), "Stripe has not refused it");
    world.apply(&Move::Send("succeeded"));
    assert_eq!(world.payment.sums().due_back, PAID - 1000);
    assert!(world.payment.order_rest().is_some());
    world.name_orders();
    let sums = world.payment.sums();
    assert_eq!((sums.due_back, sums.refund_pending), (0, PAID - 1000));
    assert!(world.payment.order_rest().is_none());
}

/// Nobody ordered that refund here, so the shop keeps what comes back of it.
#[test]
fn failed_refund_by_hand_that_nobody_counted_on_is_kept() {
    let mut world = World::new();
    world.apply(&Move::RefundByHand(2000, "pending"));
    world.apply(&Move::CancelAndKeep);
    world.apply(&Move::SettleRefund("failed"));
    let sums = world.payment.sums();
    assert_eq!((sums.kept, sums.due_back), (PAID, 0));
}

#[test]
fn failed_refund_is_due_until_somebody_settles_it() {
    let settle = [Move::RefundByHand(PAID, "succeeded"), Move::SettleOutside(PAID)];
    for step in &settle {
        let mut world = World::new();
        world.apply(&Move::Order(2000));
        world.apply(&Move::Send("failed"));
        assert_eq!(world.payment.sums().due_back, 2000);
        world.apply(step);
        assert_eq!(world.payment.sums().due_back, 0, "{step:?}");
    }
}
