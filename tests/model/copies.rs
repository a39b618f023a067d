//! The graphs of payments that a hold's own session did not take: of a lost attempt's session, and of a copy.

use crate::budget::Budget;
use crate::graph::SlotModel;
use crate::stripe::StripeAction::*;
use crate::world::Mutation;
use crate::{NOTHING, ONE, REPAIRED, TWO, assert_found, assert_holds};

#[test]
fn payment_for_a_session_without_a_hold() {
    let budget = Budget {
        lost_calls: 1,
        sweeps: 2,
        stripe_actions: 1,
        deliveries: 1,
        ..NOTHING
    };
    assert_holds(
        "stray_payments",
        SlotModel {
            stray_payments: true,
            budget,
            ..TWO
        },
    );
}

#[test]
fn copy_of_a_session_is_paid_as_well() {
    let stripe_actions = &[Pays, PaysCopy, TimeIsUp];
    let budget = Budget {
        sweeps: 1,
        deliveries: 2,
        stripe_actions: 3,
        ..NOTHING
    };
    assert_holds(
        "copy",
        SlotModel {
            stripe_actions,
            budget,
            max_running: 2,
            ..ONE
        },
    );
}

#[test]
fn finds_an_own_session_left_open() {
    let budget = Budget {
        stripe_actions: 1,
        ..NOTHING
    };
    let slot = SlotModel {
        stripe_actions: &[PaysCopy],
        budget,
        ..ONE
    };
    assert_found(Mutation::OwnSessionLeftOpen, REPAIRED, slot);
}
