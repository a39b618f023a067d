//! Model checking: two guests, one slot, one Stripe, and everything that can come between, in every order.
//!
//! What is explored is not a drawing of Holdfast but Holdfast: the shipped workflows run, with books and a Stripe that
//! the model answers for. Between any two answers anything else may happen: another guest, another instance's sweep, a
//! payment, an event that comes twice or out of turn or never, an answer that gets lost, a lease that runs out, a death.
//! After every single step the invariants must hold, and the sweep alone must be able to put all right.
//!
//! | file | what it is |
//! |---|---|
//! | `slot` | the graph: states, steps, properties |
//! | `quiet` | what everything comes to when only the sweep still runs |
//! | `process` | a workflow on its way, as a value |
//! | `call`, `doubles`, `catalogue`, `gateway` | its questions and answers; store and gateway as it sees them |
//! | `world`, `books`, `stripe` | what answers it, and the faults that can be planted there |
//! | `setting` | what never changes |
//!
//! The books here are a few lines for each transaction; that the engines keep to the same is held by the store's contract
//! tests. Time is not modelled: whatever a clock decides may happen at any moment, which covers every clock.
//!
//! Each exploration is bounded by its budget and exhausts it. `HOLDFAST_MODEL_MORE=1` (2, …) widens every budget, for an
//! hour with nothing better to do: `HOLDFAST_MODEL_MORE=1 cargo test --release --test model -- --nocapture`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a check fails by panicking")]
#![allow(
    clippy::print_stdout,
    reason = "how much was explored, and the way to what was found"
)]

#[path = "model/books.rs"]
mod books;
#[path = "model/call.rs"]
mod call;
#[path = "model/catalogue.rs"]
mod catalogue;
#[path = "model/doubles.rs"]
mod doubles;
#[path = "model/gateway.rs"]
mod gateway;
#[path = "model/process.rs"]
mod process;
#[path = "model/quiet.rs"]
mod quiet;
#[path = "model/setting.rs"]
mod setting;
#[path = "model/slot.rs"]
mod slot;
#[path = "model/stripe.rs"]
mod stripe;
#[path = "model/world.rs"]
mod world;

use slot::{Action, Budget, Slot, State};
use stateright::{Checker, HasDiscoveries, Model, Path};
use stripe::Happening::*;
use world::Fault;

/// Nothing goes wrong, and nothing comes by itself.
const NOTHING: Budget = Budget {
    crashes: 0,
    lost_calls: 0,
    lost_commits: 0,
    lapses: 0,
    sweeps: 0,
    deliveries: 0,
    happenings: 0,
    given_back: 0,
};

/// Two guests who want one slot.
const TWO: Slot = Slot {
    guests: 2,
    keyed: false,
    strays: false,
    happenings: &[Pays],
    budget: NOTHING,
    at_once: 3,
    per_event: 2,
    fault: None,
};

const ONE: Slot = Slot { guests: 1, ..TWO };

/// Widens what a budget has at all.
fn widened(budget: Budget) -> Budget {
    let more: u8 = std::env::var("HOLDFAST_MODEL_MORE").map_or(0, |text| text.parse().unwrap());
    let wider = |count: u8| if count == 0 { 0 } else { count + more };
    Budget {
        crashes: wider(budget.crashes),
        lost_calls: wider(budget.lost_calls),
        lost_commits: wider(budget.lost_commits),
        lapses: wider(budget.lapses),
        sweeps: wider(budget.sweeps),
        deliveries: wider(budget.deliveries),
        happenings: wider(budget.happenings),
        given_back: wider(budget.given_back),
    }
}

/// Explores all of it and finds nothing wrong.
fn assert_holds(name: &str, slot: Slot) {
    let budget = widened(slot.budget);
    let done = Slot { budget, ..slot }
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
        panic!("{name}: '{property}' is broken{}", way(path));
    }
}

/// Finds that this fault breaks that property, and prints the shortest way there.
fn assert_found(fault: Fault, property: &'static str, slot: Slot) {
    let broken = Slot {
        fault: Some(fault),
        ..slot
    };
    let done = broken
        .checker()
        .finish_when(HasDiscoveries::AnyOf([property].into()))
        .spawn_bfs()
        .join();
    let path = done.discovery(property);
    let path = path.unwrap_or_else(|| panic!("{fault:?} was not found: the model is blind to it"));
    println!("{fault:?} breaks '{property}'{}", way(path));
}

/// The way to a state, a line for each step, and what would become of it.
fn way(path: Path<State, Action>) -> String {
    let (state, _) = path.clone().into_vec().pop().unwrap();
    let steps = path
        .into_actions()
        .into_iter()
        .map(|action| format!("\n    {action}"));
    let in_the_end = quiet::wrong(&state.world).unwrap_or("all is put right");
    let stumble = state.stumble.map(|said| format!("; a workflow said: {said}"));
    format!(
        ":{}\n  in the end: {in_the_end}{}",
        steps.collect::<String>(),
        stumble.unwrap_or_default()
    )
}

#[test]
fn a_race_with_a_crash_and_a_lost_answer() {
    let budget = Budget {
        crashes: 1,
        lost_calls: 1,
        sweeps: 2,
        happenings: 1,
        deliveries: 1,
        ..NOTHING
    };
    assert_holds("race", Slot { budget, ..TWO });
}

#[test]
fn a_race_while_the_database_comes_and_goes() {
    let budget = Budget {
        lost_commits: 2,
        sweeps: 2,
        happenings: 1,
        ..NOTHING
    };
    assert_holds("database", Slot { budget, ..TWO });
}

#[test]
fn a_page_that_asks_twice_under_one_key() {
    let budget = Budget {
        crashes: 1,
        lost_calls: 1,
        lost_commits: 1,
        sweeps: 1,
        happenings: 1,
        ..NOTHING
    };
    assert_holds(
        "twice",
        Slot {
            keyed: true,
            budget,
            ..TWO
        },
    );
}

#[test]
fn a_payment_at_the_buzzer_while_everybody_ends_the_hold() {
    let happenings = &[Pays, TimeIsUp, GoesToBank, BankPays];
    let budget = Budget {
        lost_calls: 1,
        lapses: 1,
        sweeps: 1,
        deliveries: 2,
        happenings: 2,
        given_back: 1,
        ..NOTHING
    };
    assert_holds(
        "buzzer",
        Slot {
            happenings,
            budget,
            ..ONE
        },
    );
}

#[test]
fn money_after_the_end_finds_its_slot_or_goes_back() {
    let happenings = &[GoesToBank, BankPays, ShopRefunds];
    let budget = Budget {
        lost_calls: 1,
        sweeps: 3,
        deliveries: 1,
        happenings: 3,
        ..NOTHING
    };
    assert_holds(
        "late",
        Slot {
            happenings,
            budget,
            ..TWO
        },
    );
}

#[test]
fn slow_money_that_comes_or_does_not() {
    let happenings = &[PaysSlowly, MoneyArrives, MoneyFails];
    let budget = Budget {
        sweeps: 2,
        deliveries: 2,
        happenings: 2,
        ..NOTHING
    };
    assert_holds(
        "slow",
        Slot {
            happenings,
            budget,
            at_once: 2,
            ..TWO
        },
    );
}

#[test]
fn money_for_a_session_that_never_got_a_hold() {
    let budget = Budget {
        lost_calls: 1,
        sweeps: 2,
        happenings: 1,
        deliveries: 1,
        ..NOTHING
    };
    assert_holds(
        "strays",
        Slot {
            strays: true,
            budget,
            ..TWO
        },
    );
}

#[test]
fn events_doubled_and_in_any_order() {
    let happenings = &[Declined, Pays, ShopRefunds, TimeIsUp];
    let budget = Budget {
        sweeps: 1,
        deliveries: 3,
        happenings: 3,
        ..NOTHING
    };
    assert_holds(
        "events",
        Slot {
            happenings,
            budget,
            ..ONE
        },
    );
}

const SWEPT: &str = "I3, I4: sweeps alone put all right";

#[test]
fn found_a_release_by_the_clock() {
    let budget = Budget { sweeps: 1, ..NOTHING };
    let slot = Slot { budget, ..ONE };
    assert_found(
        Fault::ReleaseByClock,
        "I2: Stripe is the arbiter of release",
        slot,
    );
    let budget = Budget {
        happenings: 1,
        ..budget
    };
    assert_found(Fault::ReleaseByClock, SWEPT, Slot { budget, ..slot });
}

#[test]
fn found_events_that_are_not_remembered() {
    let budget = Budget {
        deliveries: 2,
        happenings: 1,
        ..NOTHING
    };
    let slot = Slot {
        happenings: &[Declined],
        budget,
        ..ONE
    };
    assert_found(Fault::EventsNotRemembered, "I5: an event has one effect", slot);
}

#[test]
fn found_a_url_that_leaves_before_the_commit() {
    assert_found(Fault::UrlBeforeCommit, "I4: no URL before the commit", ONE);
}

#[test]
fn found_a_loser_whose_session_nobody_ends() {
    assert_found(Fault::LoserForgotten, SWEPT, TWO);
}

#[test]
fn found_a_late_payment_that_is_ignored() {
    let budget = Budget {
        sweeps: 1,
        happenings: 2,
        ..NOTHING
    };
    let slot = Slot {
        happenings: &[GoesToBank, BankPays],
        budget,
        ..ONE
    };
    assert_found(Fault::LatePaymentIgnored, SWEPT, slot);
}

#[test]
fn found_a_change_that_overwrites_another() {
    let budget = Budget {
        sweeps: 1,
        deliveries: 2,
        happenings: 2,
        ..NOTHING
    };
    let slot = Slot {
        happenings: &[GoesToBank, BankPays, TimeIsUp],
        budget,
        ..TWO
    };
    assert_found(Fault::NoCompareAndSwap, SWEPT, slot);
}

#[test]
fn found_two_buyers_of_one_slot() {
    assert_found(Fault::NoExclusion, "I1: one slot, one buyer", TWO);
}

#[test]
fn found_an_attempt_that_is_closed_without_an_answer() {
    let budget = Budget {
        lost_calls: 1,
        ..NOTHING
    };
    assert_found(Fault::UnsettledForgotten, SWEPT, Slot { budget, ..ONE });
}

#[test]
fn found_an_attempt_that_is_closed_in_the_sweeps_hands() {
    let budget = Budget {
        crashes: 1,
        lost_calls: 1,
        sweeps: 1,
        ..NOTHING
    };
    assert_found(Fault::TakeoverIgnored, SWEPT, Slot { budget, ..ONE });
}
