//! Compares Holdfast with a checkout that a shop writes by hand: `cargo bench --bench peers`.
//!
//! The checkout by hand is `benches/peers/by_hand`: Node.js with Fastify, node-postgres and Stripe's official library. The
//! services take turns within one run, each as a process of its own on a new database, with the same requests, the same
//! simulator, the same PostgreSQL server and the same number of database connections. `docs/benchmarks.md` says what is
//! compared, and what the checkout by hand leaves out. A run takes about eleven minutes; `PEERS_ROUNDS` and `PEERS_SECONDS`
//! make it shorter. Without Node.js, nothing is measured.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement that fails must stop the benchmark, and the printed table is its result"
)]
#![allow(dead_code, reason = "the other benchmarks use all of the shared modules")]

mod by_hand;
mod connection;
mod endpoint;
#[path = "../checkout/environment.rs"]
mod environment;
#[path = "../checkout/load.rs"]
mod load;
mod peer;
#[path = "../../tests/it/support/postgres.rs"]
mod postgres;
#[path = "../checkout/process.rs"]
mod process;
mod report;
mod rounds;
#[path = "../checkout/service_client.rs"]
mod service_client;
#[path = "../checkout/store_baseline.rs"]
mod store_baseline;

use std::time::Duration;

use self::by_hand::Node;
use self::peer::{Installation, PeerKind};
use self::report::AllRounds;

const ROUNDS: usize = 5;
/// How long a load runs, in seconds.
const SECONDS: usize = 5;

fn main() {
    // `cargo test --all-targets` runs this binary too, but needs no measurement.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let node = match Node::find() {
        Ok(node) => node,
        Err(fault) => {
            println!("skipped: {fault}. The checkout by hand needs Node.js 20 or newer, with npm.");
            return;
        }
    };
    let rounds = read_variable("PEERS_ROUNDS", ROUNDS);
    let time = Duration::from_secs(read_variable("PEERS_SECONDS", SECONDS) as u64);
    let machine = report::describe_machine();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let (versions, all) = runtime.block_on(async {
        let installation = Installation::new(node);
        let versions = installation.describe_versions().await;
        (versions, measure_all(&installation, rounds, time).await)
    });
    println!(
        "{machine}; {versions}.\n{}\n\n{}",
        report::describe_method(rounds, time),
        report::format_table(&all)
    );
}

async fn measure_all(installation: &Installation, rounds: usize, time: Duration) -> AllRounds {
    let mut all = AllRounds::default();
    for _ in 0..rounds {
        for (peer, kind) in [PeerKind::ByHand, PeerKind::Postgres, PeerKind::Sqlite]
            .into_iter()
            .enumerate()
        {
            all[peer].push(rounds::measure_round(installation, kind, time).await);
        }
    }
    all
}

/// Reads a number of at least one.
fn read_variable(name: &str, default: usize) -> usize {
    let Ok(text) = std::env::var(name) else {
        return default;
    };
    let number = text.parse().ok().filter(|number| *number > 0);
    number.unwrap_or_else(|| panic!("{name} must be a number of at least 1"))
}
