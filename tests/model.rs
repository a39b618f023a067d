//! Model checking: two guests, one slot, one Stripe, and all events that can come between, in every order.
//!
//! The checker explores the shipped workflows, not a copy of them: they run against a store and a Stripe that the
//! model simulates. Between any two calls anything else may happen: another guest, the sweep of another instance, a
//! payment, an event that comes twice, out of order or never, a lost response, a lease that ends, a crash. After each
//! step the invariants must hold, and the sweep alone must be able to repair everything.
//!
//! | file | what it is |
//! |---|---|
//! | `graph`, `budget` | the graph: states, steps, properties; how often each action may happen |
//! | `final_sweep` | the state that is reached when only the sweep still runs |
//! | `process` | a running workflow as a value |
//! | `call` | the calls of a workflow, and their replies |
//! | `doubles`, `attempts`, `catalogue`, `commands`, `unowned_facts`, `gateway` | the store and the gateway as a workflow sees them |
//! | `world`, `store`, `stripe` | the simulated store and Stripe, and the mutations that can be added to them |
//! | `fixture` | the values that never change |
//! | `ledger`, `money` | the ledger of the simulated store, and the refunds and disputes of the simulated Stripe |
//! | `refunds` | the graphs of refunds and disputes |
//! | `copies`, `waiting_payments` | the graphs of payments through other sessions, and before the hold is placed |
//! | `checks` | the graph of guests on the return page |
//! | `replacements` | the graph of guests who change their mind |
//!
//! The store here is a few lines for each transaction; the store's contract tests check that the engines do the same.
//! Time is not modelled: what a clock decides may happen at any moment, which covers every clock.
//!
//! Each exploration has a budget and exhausts it. `HOLDFAST_MODEL_MORE=1` (2, …) widens every budget, for a long run:
//! `HOLDFAST_MODEL_MORE=1 cargo test --release --test model -- --nocapture`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a check fails by panicking")]
#![allow(clippy::print_stdout, reason = "prints what was explored, and what was found")]

#[path = "model/attempts.rs"]
mod attempts;
#[path = "model/budget.rs"]
mod budget;
#[path = "model/call.rs"]
mod call;
#[path = "model/catalogue.rs"]
mod catalogue;
#[path = "model/checks.rs"]
mod checks;
#[path = "model/commands.rs"]
mod commands;
#[path = "model/copies.rs"]
mod copies;
#[path = "model/doubles.rs"]
mod doubles;
#[path = "model/final_sweep.rs"]
mod final_sweep;
#[path = "model/fixture.rs"]
mod fixture;
#[path = "model/gateway.rs"]
mod gateway;
#[path = "model/graph.rs"]
mod graph;
#[path = "model/ledger.rs"]
mod ledger;
#[path = "model/money.rs"]
mod money;
#[path = "model/operators.rs"]
mod operators;
#[path = "model/process.rs"]
mod process;
#[path = "model/refunds.rs"]
mod refunds;
#[path = "model/replacements.rs"]
mod replacements;
#[path = "model/schema.rs"]
mod schema;
#[path = "model/store.rs"]
mod store;
#[path = "model/stripe.rs"]
mod stripe;
#[path = "model/unowned_facts.rs"]
mod unowned_facts;
#[path = "model/waiting_payments.rs"]
mod waiting_payments;
#[path = "model/world.rs"]
mod world;

use budget::{Budget, NOTHING};
use graph::{Action, SlotModel, State};
use stateright::{Checker, HasDiscoveries, Model, Path};
use stripe::StripeAction::*;
use world::Mutation;

/// Two guests who compete for one slot.
const TWO: SlotModel = SlotModel {
    guests: 2,
    keyed: false,
    replacing: false,
    stray_payments: false,
    stripe_actions: &[Pays],
    budget: NOTHING,
    max_running: 3,
    max_deliveries: 2,
    mutation: None,
};

const ONE: SlotModel = SlotModel { guests: 1, ..TWO };

/// Explores the whole graph and asserts that no property is broken.
fn assert_holds(name: &str, slot: SlotModel) {
    let budget = slot.budget.widened();
    let done = SlotModel { budget, ..slot }
        .checker()
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .join();
    let (states, depth) = (done.unique_state_count(), done.max_depth());
    println!(
        "{name}: {states} states, up to {depth} steps; {} replays so far",
        process::replays()
    );
    if let Some((property, path)) = done.discoveries().into_iter().next() {
        panic!("{name}: '{property}' is broken{}", describe_path(path));
    }
}

/// Asserts that this mutation breaks that property, and prints the shortest path to the failure.
fn assert_found(mutation: Mutation, property: &'static str, slot: SlotModel) {
    let broken = SlotModel {
        mutation: Some(mutation),
        ..slot
    };
    let done = broken
        .checker()
        .finish_when(HasDiscoveries::AnyOf([property].into()))
        .spawn_bfs()
        .join();
    let path = done.discovery(property);
    let path = path.unwrap_or_else(|| panic!("{mutation:?} was not found: the model does not detect it"));
    println!("{mutation:?} breaks '{property}'{}", describe_path(path));
}

/// Describes the path to a state, a line for each step, and what the final sweep makes of it.
fn describe_path(path: Path<State, Action>) -> String {
    let (state, _) = path.clone().into_vec().pop().unwrap();
    let steps = path
        .into_actions()
        .into_iter()
        .map(|action| format!("\n    {action}"));
    let in_the_end = final_sweep::find_fault(&state.world).unwrap_or("everything is repaired");
    let failure = state
        .failure
        .map(|message| format!("; a workflow failed: {message}"));
    format!(
        ":{}\n  after the final sweep: {in_the_end}{}",
        steps.collect::<String>(),
        failure.unwrap_or_default()
    )
}

#[test]
fn race_with_crash_and_lost_response() {
    let budget = Budget {
        crashes: 1,
        lost_calls: 1,
        sweeps: 2,
        stripe_actions: 1,
        deliveries: 1,
        ..NOTHING
    };
    assert_holds("race", SlotModel { budget, ..TWO });
}

#[test]
fn race_during_database_outages() {
    let budget = Budget {
        lost_commits: 2,
        sweeps: 2,
        stripe_actions: 1,
        ..NOTHING
    };
    assert_holds("database", SlotModel { budget, ..TWO });
}

#[test]
fn two_requests_with_one_idempotency_key() {
    let budget = Budget {
        crashes: 1,
        lost_calls: 1,
        lost_commits: 1,
        sweeps: 1,
        stripe_actions: 1,
        ..NOTHING
    };
    assert_holds(
        "twice",
        SlotModel {
            keyed: true,
            budget,
            ..TWO
        },
    );
}

#[test]
fn payment_at_the_deadline_while_all_release_the_hold() {
    let stripe_actions = &[Pays, TimeIsUp, GoesToBank, BankPays];
    let budget = Budget {
        lost_calls: 1,
        lapses: 1,
        sweeps: 1,
        deliveries: 2,
        stripe_actions: 2,
        releases: 1,
        ..NOTHING
    };
    assert_holds(
        "buzzer",
        SlotModel {
            stripe_actions,
            budget,
            ..ONE
        },
    );
}

#[test]
fn late_payment_gets_its_slot_or_a_refund() {
    let stripe_actions = &[GoesToBank, BankPays, ShopRefunds];
    let budget = Budget {
        lost_calls: 1,
        sweeps: 3,
        deliveries: 1,
        stripe_actions: 3,
        ..NOTHING
    };
    assert_holds(
        "late",
        SlotModel {
            stripe_actions,
            budget,
            ..TWO
        },
    );
}

#[test]
fn delayed_payment_succeeds_or_fails() {
    let stripe_actions = &[PaysSlowly, MoneyArrives, MoneyFails];
    let budget = Budget {
        sweeps: 2,
        deliveries: 2,
        stripe_actions: 2,
        ..NOTHING
    };
    assert_holds(
        "slow",
        SlotModel {
            stripe_actions,
            budget,
            max_running: 2,
            ..TWO
        },
    );
}

#[test]
fn events_repeated_and_in_any_order() {
    let stripe_actions = &[Declined, Pays, ShopRefunds, TimeIsUp];
    let budget = Budget {
        sweeps: 1,
        deliveries: 3,
        stripe_actions: 3,
        ..NOTHING
    };
    assert_holds(
        "events",
        SlotModel {
            stripe_actions,
            budget,
            ..ONE
        },
    );
}

const REPAIRED: &str = "I3, I4: sweeps alone repair everything";

#[test]
fn finds_a_release_by_the_clock() {
    let budget = Budget { sweeps: 1, ..NOTHING };
    let slot = SlotModel { budget, ..ONE };
    assert_found(
        Mutation::ReleaseByClock,
        "I2: Stripe is the arbiter of release",
        slot,
    );
    let budget = Budget {
        stripe_actions: 1,
        ..budget
    };
    assert_found(Mutation::ReleaseByClock, REPAIRED, SlotModel { budget, ..slot });
}

#[test]
fn finds_events_that_are_not_recorded() {
    let budget = Budget {
        deliveries: 2,
        stripe_actions: 1,
        ..NOTHING
    };
    let slot = SlotModel {
        stripe_actions: &[Declined],
        budget,
        ..ONE
    };
    assert_found(Mutation::EventsNotRemembered, "I5: an event has one effect", slot);
}

#[test]
fn finds_a_url_returned_before_the_commit() {
    assert_found(Mutation::UrlBeforeCommit, "I4: no URL before the commit", ONE);
}

#[test]
fn finds_a_lost_attempt_with_an_open_session() {
    assert_found(Mutation::LoserForgotten, REPAIRED, TWO);
}

#[test]
fn finds_a_late_payment_that_is_ignored() {
    let budget = Budget {
        sweeps: 1,
        stripe_actions: 2,
        ..NOTHING
    };
    let slot = SlotModel {
        stripe_actions: &[GoesToBank, BankPays],
        budget,
        ..ONE
    };
    assert_found(Mutation::LatePaymentIgnored, REPAIRED, slot);
}

#[test]
fn finds_a_change_that_overwrites_another() {
    let budget = Budget {
        sweeps: 1,
        deliveries: 2,
        stripe_actions: 2,
        ..NOTHING
    };
    let slot = SlotModel {
        stripe_actions: &[GoesToBank, BankPays, TimeIsUp],
        budget,
        ..TWO
    };
    assert_found(Mutation::NoCompareAndSwap, REPAIRED, slot);
}

#[test]
fn finds_two_buyers_of_one_slot() {
    assert_found(Mutation::NoExclusion, "I1: one slot, one buyer", TWO);
}

#[test]
fn finds_an_attempt_closed_without_a_response() {
    let budget = Budget {
        lost_calls: 1,
        ..NOTHING
    };
    assert_found(
        Mutation::UnsettledForgotten,
        REPAIRED,
        SlotModel { budget, ..ONE },
    );
}

#[test]
fn finds_an_attempt_closed_during_its_recovery() {
    let budget = Budget {
        crashes: 1,
        lost_calls: 1,
        sweeps: 1,
        ..NOTHING
    };
    assert_found(Mutation::TakeoverIgnored, REPAIRED, SlotModel { budget, ..ONE });
}
