//! The storm: whole episodes of guests, injected faults and crashed processes, each followed by an audit of the
//! database.
//!
//! An episode is two or three real `holdfast serve` processes on one database, the Stripe simulator, and for
//! PostgreSQL a proxy before the server. The shop sells one person, a pool, places in classes, and composites of all
//! three in opposite orders. Guests compete for a few overlapping slots, move them, pay, decline, pay late, cancel or
//! leave. A foreigner pays for other things on the same Stripe account, with our ids in them. A stranger keeps slots
//! without paying, and sends requests that never end. At the same time Stripe fails in every way that the simulator has; webhooks arrive twice, late, in disorder or never; the database stalls,
//! loses connections or loses responses; processes with wrong clocks are killed, stopped and started; and somebody
//! sweeps with the key of another Stripe account. An operator cancels bookings and keeps all, a part or nothing; refunds
//! fail, and banks dispute payments. The shop's own endpoint fails, loses answers, is slow, asks for pauses and dies.
//!
//! Then no fault is injected any more. The last guests race for the last place of a class or leave their holds unpaid,
//! and the stranger keeps slots until a limit refuses it. All processes stop, time passes, and somebody sweeps with the
//! wrong key once more. After it the sweep alone must finish everything. Every event is delivered once more, every
//! guest reads their hold once more, the endpoint has got every event in order, and `checks` reads the database, the simulator and what the guests observed: at no
//! instant may more of a resource be sold than the shop has, counted by what the guests received.
//!
//! ```text
//! cargo test --test storm                                              a short storm on each engine, and the mutations
//! HOLDFAST_STORM_EPISODES=500 cargo test --test storm -- storm_on      500 episodes on each engine
//! HOLDFAST_STORM_SEED=17 HOLDFAST_STORM_EPISODES=1 cargo test --test storm -- storm_on_postgres      episode 17 again
//! ```
//! `HOLDFAST_STORM_AT_ONCE` runs so many episodes at a time on each engine (1): most of an episode is waiting.
//! Episodes take the seeds from `HOLDFAST_STORM_SEED` on, or from a random seed if it is not set; each is printed. A
//! seed fixes the actions of the guests and the faults, but not the timing of the machine: a rare finding may need
//! several runs of its seed.
//!
//! A storm without findings proves something only if it would find a bug. `mutation` adds bugs to the database of an
//! episode, from outside, and the same checks must name each of them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a check fails by panicking"
)]
#![allow(clippy::print_stderr, reason = "prints the seeds and the counts")]

#[path = "storm/checks.rs"]
mod checks;
#[path = "storm/episode.rs"]
mod episode;
#[path = "storm/fault_injection.rs"]
mod fault_injection;
#[path = "storm/foreigner.rs"]
mod foreigner;
#[path = "storm/guest.rs"]
mod guest;
#[path = "storm/money.rs"]
mod money;
#[path = "storm/mutation.rs"]
mod mutation;
#[path = "storm/observations.rs"]
mod observations;
#[path = "storm/processes.rs"]
mod processes;
#[path = "storm/shop.rs"]
mod shop;
#[path = "storm/shop_endpoint.rs"]
mod shop_endpoint;
#[path = "storm/sold_units.rs"]
mod sold_units;
#[path = "storm/stranger.rs"]
mod stranger;
#[path = "storm/stripe_proxy.rs"]
mod stripe_proxy;
#[path = "storm/support.rs"]
mod support;
#[path = "storm/wrong_account.rs"]
mod wrong_account;

use std::time::Instant;

use futures::StreamExt;
use mutation::Mutation;
use support::database::Engine;

/// The number of episodes on each engine by default.
const DEFAULT_EPISODES: u64 = 6;
/// The number of episodes within which the checks must find a mutation.
const MOST_EPISODES_TO_FIND: u64 = 25;

fn number_from_env(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is not a number")))
}

async fn storm(engine: Engine) {
    let first = number_from_env("HOLDFAST_STORM_SEED").unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let episodes = number_from_env("HOLDFAST_STORM_EPISODES").unwrap_or(DEFAULT_EPISODES);
    let at_once = usize::try_from(number_from_env("HOLDFAST_STORM_AT_ONCE").unwrap_or(1)).unwrap();
    let started = Instant::now();
    let run = |seed| async move {
        let report = episode::run_episode(engine, seed, Mutation::None).await;
        eprintln!("{report}");
        (!report.findings.is_empty()).then_some(seed)
    };
    let episodes_run = futures::stream::iter(first..first + episodes).map(run);
    let broken: Vec<Option<u64>> = episodes_run.buffer_unordered(at_once).collect().await;
    let broken: Vec<u64> = broken.into_iter().flatten().collect();
    eprintln!(
        "{engine:?}: {episodes} episodes from seed {first} in {:.0?}",
        started.elapsed()
    );
    assert!(
        broken.is_empty(),
        "broken invariants in the episodes of the seeds {broken:?}; see above"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn storm_on_sqlite() {
    storm(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn storm_on_postgres() {
    storm(Engine::Postgres).await;
}

/// Runs episodes with this mutation until a finding contains these words.
async fn assert_found(engine: Engine, mutation: Mutation, words: &str) {
    let first = u64::from(rand::random::<u32>());
    for seed in first..first + MOST_EPISODES_TO_FIND {
        let report = episode::run_episode(engine, seed, mutation).await;
        let named = report.findings.iter().find(|finding| finding.contains(words));
        eprintln!("{mutation:?} in the episode of seed {seed}: {named:.100?}");
        if named.is_some() {
            return;
        }
    }
    panic!("{mutation:?} on {engine:?} was not found from seed {first} on: no {words:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_constraint_is_found() {
    assert_found(Engine::Postgres, Mutation::NoConstraint, "one slot, two buyers").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn constraint_on_the_first_unit_only_is_found() {
    assert_found(
        Engine::Postgres,
        Mutation::FirstUnitConstrained,
        "one slot, two buyers",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forgotten_events_are_found() {
    assert_found(
        Engine::Sqlite,
        Mutation::EventsForgotten,
        "an event was applied twice",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn release_by_the_clock_is_found() {
    assert_found(
        Engine::Postgres,
        Mutation::ReleaseByClock,
        "a stray payable session",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn believed_404_of_another_account_is_found() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        assert_found(engine, Mutation::UnknownBelieved, "a stray payable session").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_commands_are_found() {
    assert_found(
        Engine::Sqlite,
        Mutation::CommandsDropped,
        "a stray payable session",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn composite_with_only_its_first_segment_is_found() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        assert_found(engine, Mutation::FirstSegmentOnly, "more sold than the shop has").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn class_with_an_extra_unit_is_found() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        assert_found(engine, Mutation::ExtraUnit, "more sold than the shop has").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expire_before_lease_is_found() {
    for words in [
        "Stripe was called before the lease was taken",
        "a guest received a session that was over",
    ] {
        assert_found(Engine::Postgres, Mutation::ExpireBeforeLease, words).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ownership_by_client_reference_id_is_found() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        assert_found(
            engine,
            Mutation::OwnershipByReference,
            "a foreign payment in the ledger",
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unwritten_move_is_found() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        assert_found(
            engine,
            Mutation::MoveUnwritten,
            "not at the start that it was moved to",
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uncounted_slow_payments_are_found() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        assert_found(
            engine,
            Mutation::ProcessingUncounted,
            "a client has more unpaid holds than the limit",
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refunds_that_are_counted_are_found() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        assert_found(engine, Mutation::RefundsCounted, "the ledger is not as at Stripe").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unwritten_events_are_found() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        assert_found(engine, Mutation::EventsUnwritten, "a change without an event").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_out_of_order_are_found() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        assert_found(
            engine,
            Mutation::EventsUnordered,
            "an event came before the ones before it",
        )
        .await;
    }
}
