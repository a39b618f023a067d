//! How fast a checkout is, and how much of that is the database's own speed: `cargo bench --bench checkout`.
//!
//! Starts everything it needs on loopback (a throwaway PostgreSQL, the simulator, the service, each a process of its
//! own), loads it, prints a table, and is gone without a trace. What is compared is measured in turn in one run, so that
//! the ratios hold on a noisy machine too. Ends by itself within about three minutes; `docs/benchmarks.md` explains the
//! rows.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement that cannot be made must stop the benchmark, and the table is what it was run for"
)]

mod bare;
mod hand_rolled;
mod load;
mod measure;
#[path = "../../tests/it/support/postgres.rs"]
#[allow(dead_code, reason = "the tests use all of it")]
mod postgres;
mod process;
mod rig;
#[allow(dead_code, reason = "the other benchmark uses all of it")]
mod shop;
mod table;

use self::rig::Engine;

fn main() {
    // `cargo test --all-targets` runs this too, and wants no measurement.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let (postgres, sqlite) = runtime.block_on(async {
        let postgres = measure::measure(Engine::Postgres).await;
        (postgres, measure::measure(Engine::Sqlite).await)
    });
    println!("{}\n\n{}", table::method(), table::table(&postgres, &sqlite));
}
