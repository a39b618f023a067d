//! Measures how fast a checkout is, and how much of its time the database takes: `cargo bench --bench checkout`.
//!
//! Starts everything that it needs on loopback (a temporary PostgreSQL, the simulator and the service, each in its own
//! process), loads it, prints a table and removes everything. Compared measurements take turns within one run, so that
//! the ratios also hold on a noisy machine. A run takes about three minutes. `docs/benchmarks.md` explains the rows.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement that fails must stop the benchmark, and the printed table is its result"
)]

#[allow(dead_code, reason = "the other benchmarks use all of it")]
mod environment;
#[allow(dead_code, reason = "the other benchmarks use all of it")]
mod load;
mod measure;
#[path = "../../tests/it/support/postgres.rs"]
#[allow(dead_code, reason = "the tests use all of it")]
mod postgres;
mod process;
#[allow(dead_code, reason = "the other benchmarks use all of it")]
mod service_client;
mod single_insert;
mod store_baseline;
mod table;

use self::environment::Engine;

fn main() {
    // `cargo test --all-targets` runs this binary too, but needs no measurement.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let (postgres, sqlite) = runtime.block_on(async {
        let postgres = measure::measure_engine(Engine::Postgres).await;
        (postgres, measure::measure_engine(Engine::Sqlite).await)
    });
    println!(
        "{}\n\n{}",
        table::describe_method(),
        table::format_table(&postgres, &sqlite)
    );
}
