//! Measures what an honest guest notices of an attack, and how much memory ten thousand connections take:
//! `cargo bench --bench abuse`.
//!
//! Each attack takes turns with a time without one, so that the ratios also hold on a noisy machine. `docs/benchmarks.md`
//! explains the rows. The benchmark fails if a guest waits more than three times as long as without the attack, or if the
//! connections take more than 200 MiB. A run takes about two minutes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement that fails must stop the benchmark, and the printed table is its result"
)]
#![allow(dead_code, reason = "the other benchmarks use all of the shared modules")]

mod attack;
mod environment;
mod load;
mod open_connections;
#[path = "../../tests/it/support/postgres.rs"]
mod postgres;
mod process;
mod service_client;
mod store_baseline;

use std::sync::Arc;
use std::time::Duration;

use self::attack::Attack;
use self::environment::{Engine, Environment};
use self::load::run_load;
use self::open_connections::CONNECTIONS;

/// Rounds of each attack. Each round begins with as many guests without an attack.
const ROUNDS: usize = 3;
/// Guests per round, and how many of them come at once.
const GUESTS: u64 = 300;
const CONCURRENCY: u64 = 2;
/// How much longer than without an attack a guest may wait.
const MAX_RATIO: f64 = 3.0;
/// The most memory that the connections may take, in MiB.
const MAX_MEMORY: f64 = 200.0;

/// What a guest noticed of one attack.
struct Figures {
    attack: Attack,
    /// The 99th percentile without and with the attack, of the median round.
    p99: [Duration; 2],
    ratio: f64,
    /// What the attacker did, in words.
    effort: String,
}

fn main() {
    // `cargo test --all-targets` runs this binary too, but needs no measurement.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut is_good = true;
    for (name, engine) in [("PostgreSQL", Engine::Postgres), ("SQLite", Engine::Sqlite)] {
        let figures = runtime.block_on(measure_engine(engine));
        is_good &= figures.iter().all(|figures| figures.ratio <= MAX_RATIO);
        println!("{name}\n\n{}\n", format_table(&figures));
    }
    let memory = runtime.block_on(open_connections::measure_memory());
    is_good &= memory[1] < MAX_MEMORY;
    println!(
        "resident memory: {:.0} MiB with no connection, {:.0} MiB with {CONNECTIONS}",
        memory[0], memory[1]
    );
    assert!(is_good, "a number is over its bound");
}

async fn measure_engine(engine: Engine) -> Vec<Figures> {
    // The limits of one address and the number of connections are the defaults.
    let environment = Environment::with_variables(engine, &[("HOLDFAST_READ_LIMIT", "300/min")]).await;
    attack::create_long_lists(&environment.client).await;
    book_as_guests(&environment).await;
    let mut figures = Vec::new();
    for attack in Attack::ALL {
        let mut rounds = Vec::new();
        let mut effort = String::new();
        for _ in 0..ROUNDS {
            let without = book_as_guests(&environment).await;
            let running = attack.start(&environment.service_address()).await;
            let with = book_as_guests(&environment).await;
            effort = running.stop().await;
            rounds.push((with.as_secs_f64() / without.as_secs_f64(), [without, with]));
        }
        rounds.sort_by(|one, other| one.0.total_cmp(&other.0));
        let (ratio, p99) = rounds[ROUNDS / 2];
        figures.push(Figures {
            attack,
            p99,
            ratio,
            effort,
        });
    }
    figures
}

/// Lets guests look at a day's slots and book one, each over connections of its own. Returns the 99th percentile.
async fn book_as_guests(environment: &Environment) -> Duration {
    let client = environment.client.with_new_connections();
    let slots = Arc::clone(&environment.slots);
    let load = run_load(GUESTS, CONCURRENCY, move || {
        let (client, slot) = (client.clone(), slots.next_slot());
        async move {
            let (event_type, start) = &slot;
            client
                .count_slots(event_type, *start, *start + chrono::Duration::days(1))
                .await;
            drop(client.book_slot(&slot, 201).await);
        }
    });
    load.await.percentile(99)
}

fn format_table(figures: &[Figures]) -> String {
    let mut lines = vec![
        "| attack | p99 without | p99 beside it | ratio | the attacker |".to_owned(),
        "|---|---:|---:|---:|---|".to_owned(),
    ];
    let ms = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1000.0);
    lines.extend(figures.iter().map(|figures| {
        format!(
            "| {} | {} | {} | **{:.2}** | {} |",
            figures.attack.name(),
            ms(figures.p99[0]),
            ms(figures.p99[1]),
            figures.ratio,
            figures.effort
        )
    }));
    lines.join("\n")
}
