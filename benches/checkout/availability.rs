//! Measures what slot pages and checkouts cost as the database grows, and as a class fills up:
//! `cargo bench --bench availability`.
//!
//! Compared measurements take turns within one run and are printed as a ratio to the first of their kind, so that they
//! also hold on a noisy machine. The rows are inserted by SQL; for the statements of a checkout or of a page of slots,
//! they are like rows that checkouts write. A run takes about half an hour, most of it for inserting.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement that fails must stop the benchmark, and the printed table is its result"
)]
#![allow(dead_code, reason = "the other benchmarks use all of the shared modules")]

mod bulk_insert;
mod environment;
mod growth;
#[path = "../../tests/it/support/postgres.rs"]
mod postgres;
mod process;
mod service_client;
mod store_baseline;

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
    for (name, engine) in [("PostgreSQL", Engine::Postgres), ("SQLite", Engine::Sqlite)] {
        println!("{name}\n\n{}\n", runtime.block_on(growth::measure_engine(engine)));
    }
}
