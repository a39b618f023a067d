//! temp
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs
)]

#[path = "model/books.rs"]
mod books;
#[path = "model/call.rs"]
mod call;
#[path = "model/doubles.rs"]
mod doubles;
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
#[path = "model/stripe_double.rs"]
mod stripe_double;
#[path = "model/world.rs"]
mod world;

use std::time::Instant;

use slot::{Budget, Slot};
use stateright::{Checker, Model};
use stripe::Happening::*;

fn explore(name: &str, slot: Slot) {
    let began = Instant::now();
    let checker = slot
        .checker()
        .threads(2)
        .finish_when(stateright::HasDiscoveries::AnyFailures)
        .target_state_count(400000)
        .spawn_bfs()
        .join();
    println!(
        "{name}: {} states, {} unique, depth {}, {} questions, {:?}",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth(),
        process::replays(),
        began.elapsed()
    );
    for (name, path) in checker.discoveries() {
        println!("{name}: {path:?}\n{:?}", quiet::wrong(&path.last_state().world));
        println!("{:#?}", path.last_state().world);
    }
    assert!(checker.discoveries().is_empty());
}

const BASE: Slot = Slot {
    guests: 2,
    keyed: false,
    strays: false,
    happenings: &[Pays],
    budget: Budget {
        crashes: 0,
        lost_calls: 0,
        lost_commits: 0,
        lapses: 0,
        sweeps: 0,
        deliveries: 0,
        happenings: 0,
        given_back: 0,
    },
    at_once: 3,
    per_event: 2,
    fault: None,
};

#[test]
fn race() {
    explore(
        "race",
        Slot {
            budget: Budget {
                crashes: 1,
                lost_calls: 1,
                sweeps: 2,
                happenings: 1,
                deliveries: 0,
                ..Budget::default()
            },
            ..BASE
        },
    );
}
#[test]
fn buzzer() {
    explore(
        "buzzer",
        Slot {
            guests: 1,
            happenings: &[Pays, TimeIsUp, GoesToBank, BankPays],
            budget: Budget {
                crashes: 1,
                lost_calls: 1,
                sweeps: 2,
                lapses: 1,
                happenings: 2,
                deliveries: 3,
                given_back: 1,
                ..Budget::default()
            },
            ..BASE
        },
    );
}
#[test]
fn late() {
    explore(
        "late",
        Slot {
            guests: 2,
            happenings: &[GoesToBank, BankPays],
            budget: Budget {
                crashes: 0,
                lost_calls: 0,
                sweeps: 2,
                happenings: 2,
                deliveries: 2,
                ..Budget::default()
            },
            ..BASE
        },
    );
}
#[test]
fn slow() {
    explore(
        "slow",
        Slot {
            guests: 2,
            happenings: &[PaysSlowly, MoneyArrives, MoneyFails],
            budget: Budget {
                crashes: 0,
                lost_calls: 0,
                sweeps: 2,
                happenings: 2,
                deliveries: 3,
                ..Budget::default()
            },
            ..BASE
        },
    );
}
