//! The graph of guests on the return page, where Stripe is asked beside everything else. What the sweep asks for a guest who
//! came back is the same question.

use crate::budget::{Budget, NOTHING};
use crate::graph::SlotModel;
use crate::stripe::StripeAction::*;
use crate::{ONE, assert_holds};

#[test]
fn check_races_with_payment_release_and_sweep() {
    let stripe_actions = &[Pays, TimeIsUp, GoesToBank, BankPays];
    let budget = Budget {
        crashes: 1,
        lost_calls: 1,
        lost_commits: 1,
        sweeps: 1,
        deliveries: 1,
        stripe_actions: 2,
        releases: 1,
        checks: 1,
        ..NOTHING
    };
    assert_holds(
        "check",
        SlotModel {
            stripe_actions,
            budget,
            ..ONE
        },
    );
}
