//! What reading and taking slots costs as the books grow, and as a class fills: `cargo bench --bench availability`.
//!
//! What is compared is measured in turn, in one run, and told as a ratio to the first of its kind, so that it holds on a
//! noisy machine too. The books are filled by SQL: what is in them is as real as what checkouts write, as far as a
//! statement of a checkout or a page of slots can see. Takes about half an hour, most of it for filling.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement that cannot be made must stop the benchmark, and the table is what it was run for"
)]
#![allow(dead_code, reason = "the other benchmark uses all of what both share")]

mod bare;
mod fill;
#[path = "../../tests/it/support/postgres.rs"]
mod postgres;
mod process;
mod rig;
mod scale;
mod shop;

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
    for (name, engine) in [("PostgreSQL", Engine::Postgres), ("SQLite", Engine::Sqlite)] {
        println!("{name}\n\n{}\n", runtime.block_on(scale::measure(engine)));
    }
}
