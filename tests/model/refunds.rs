//! The graphs of refunds and disputes: each order is refunded once, and the ledger ends with the money that Stripe has.

use crate::budget::Budget;
use crate::graph::SlotModel;
use crate::stripe::StripeAction::*;
use crate::world::Mutation;
use crate::{NOTHING, ONE, REPAIRED, assert_found, assert_holds};

/// One guest, and two processes at a time.
const TWO_AT_A_TIME: SlotModel = SlotModel {
    max_running: 2,
    ..ONE
};

const CANCELLED: Budget = Budget {
    stripe_actions: 2,
    sweeps: 2,
    cancellations: 1,
    ..NOTHING
};

#[test]
fn cancelled_booking_is_refunded_as_ordered() {
    let budget = Budget {
        crashes: 1,
        deliveries: 1,
        sweeps: 1,
        ..CANCELLED
    };
    let slot = SlotModel {
        stripe_actions: &[Pays, ShopRefunds],
        budget,
        ..TWO_AT_A_TIME
    };
    assert_holds("refunds", slot);
}

#[test]
fn late_repeat_finds_the_refund_of_the_first_try() {
    let budget = Budget {
        lost_calls: 1,
        deliveries: 1,
        sweeps: 3,
        ..CANCELLED
    };
    let slot = SlotModel {
        stripe_actions: &[Pays, DayPasses],
        budget,
        ..TWO_AT_A_TIME
    };
    assert_holds("keys", slot);
}

#[test]
fn disputes_and_failed_refunds_in_every_order() {
    let budget = Budget {
        deliveries: 1,
        sweeps: 1,
        stripe_actions: 3,
        ..CANCELLED
    };
    let slot = SlotModel {
        stripe_actions: &[Pays, DisputeOpens, DisputeIsWon, DisputeIsLost, RefundFails],
        budget,
        ..TWO_AT_A_TIME
    };
    assert_holds("disputes", slot);
}

#[test]
fn finds_refunds_that_are_counted() {
    let slot = SlotModel {
        stripe_actions: &[Pays],
        budget: Budget {
            deliveries: 1,
            ..CANCELLED
        },
        ..TWO_AT_A_TIME
    };
    assert_found(Mutation::RefundsCounted, REPAIRED, slot);
}

#[test]
fn finds_a_key_kept_after_a_refusal() {
    let slot = SlotModel {
        stripe_actions: &[Pays, DisputeOpens],
        budget: Budget {
            deliveries: 1,
            ..CANCELLED
        },
        ..TWO_AT_A_TIME
    };
    assert_found(Mutation::KeyKeptAfterRefusal, REPAIRED, slot);
}

#[test]
fn finds_a_late_repeat_without_a_look() {
    let budget = Budget {
        lost_calls: 1,
        sweeps: 3,
        deliveries: 1,
        ..CANCELLED
    };
    let slot = SlotModel {
        stripe_actions: &[Pays, DayPasses],
        budget,
        ..TWO_AT_A_TIME
    };
    assert_found(Mutation::LookupLeftOut, "I3: an order is refunded once", slot);
}
