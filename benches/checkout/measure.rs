//! Makes all measurements on one engine, one after the other.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::environment::{CpuTime, Engine, Environment};
use crate::load::{LoadResult, percentile, run_load};
use crate::single_insert::SingleInsert;

/// The number of concurrent checkouts.
pub(crate) const CONCURRENCY: u64 = 64;
/// Rounds of each kind. The kinds take turns: through the service, in the store alone, through the service, …
pub(crate) const ROUNDS: u32 = 5;
/// The number of checkouts per round.
pub(crate) const ROUND_SIZE: u64 = 1_000;
/// Memory is measured after this many holds, and again after twice as many.
pub(crate) const HOLDS: u64 = 10_000;
/// Guests who request one slot at once.
pub(crate) const GUESTS: u64 = 200;
/// How long the simulated Stripe takes to create a session in a rush, in milliseconds.
pub(crate) const LATENCIES_MS: [u64; 2] = [300, 2_400];
const WARM_UP: u64 = 500;
const STARTS: usize = 5;
const EVENT_COUNT: u64 = 2_000;
const REFUSAL_COUNT: u64 = 5_000;

/// An event type and a start.
type Slot = (String, DateTime<Utc>);

/// The results for one engine.
pub(crate) struct Figures {
    pub(crate) checkouts: Checkouts,
    /// Webhook events per second that confirm a hold.
    pub(crate) event_rate: f64,
    /// Refusals per second of a slot that is taken.
    pub(crate) refusal_rate: f64,
    pub(crate) rushes: Vec<Rush>,
    /// The time to ready on a database without a schema.
    pub(crate) first_start: Duration,
    /// The median time to ready on a database with a schema.
    pub(crate) later_start: Duration,
    /// Resident memory in MiB after [`HOLDS`] and after twice as many.
    pub(crate) resident_memory: [f64; 2],
}

/// Checkouts on distinct slots, through the service and in the store alone.
pub(crate) struct Checkouts {
    /// Checkouts per second through the service; median of the rounds.
    pub(crate) service_rate: f64,
    /// Checkouts per second in the store alone; median of the rounds.
    pub(crate) store_rate: f64,
    /// The service's rate relative to the store's; median of the rounds.
    pub(crate) service_share: f64,
    /// The time of a checkout in the store relative to a single insert; median of the rounds.
    pub(crate) store_per_insert: f64,
    /// The share of the attempt, which is committed before the call to Stripe, in a checkout in the store; median of
    /// the rounds.
    pub(crate) attempt_share: f64,
    /// Of the worst round.
    pub(crate) p50: Duration,
    /// Of the worst round.
    pub(crate) p99: Duration,
    /// The CPU time of each process per checkout.
    pub(crate) cpu_time: CpuTime,
}

/// Many guests who request one slot at once.
pub(crate) struct Rush {
    /// How long the simulated Stripe takes to respond.
    pub(crate) latency: Duration,
    pub(crate) session_requests: u64,
    /// Of the response times to the guests.
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

/// Makes all measurements on one engine.
pub(crate) async fn measure_engine(engine: Engine) -> Figures {
    let environment = Environment::new(engine).await;
    let checkouts = measure_checkouts(&environment).await;
    let event_rate = measure_events(&environment).await;
    let refusal_rate = measure_refusals(&environment).await;
    let mut rushes = Vec::new();
    for latency in LATENCIES_MS {
        rushes.push(measure_rush(&environment, latency).await);
    }
    let placed = WARM_UP + ROUND_SIZE * u64::from(ROUNDS) + EVENT_COUNT;
    book_through_service(&environment, HOLDS - placed).await;
    let after_holds = environment.resident_memory();
    book_through_service(&environment, HOLDS).await;
    let resident_memory = [after_holds, environment.resident_memory()];
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        starts.push(environment.start_another_service().await);
    }
    starts.sort_unstable();
    Figures {
        checkouts,
        event_rate,
        refusal_rate,
        rushes,
        first_start: environment.first_start,
        later_start: percentile(&starts, 50),
        resident_memory,
    }
}

async fn measure_checkouts(environment: &Environment) -> Checkouts {
    book_through_service(environment, WARM_UP).await;
    book_in_store(environment, WARM_UP).await;
    let single_insert = SingleInsert::open(&environment.url).await;
    insert_bookings(environment, &single_insert, WARM_UP).await;
    let (mut service_loads, mut store_rates, mut cpu_time) = (Vec::new(), Vec::new(), CpuTime::default());
    let (mut store_per_insert, mut attempt_shares) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let before = environment.cpu_time();
        service_loads.push(book_through_service(environment, ROUND_SIZE).await);
        cpu_time = cpu_time.plus(environment.cpu_time().since(before));
        let store_rate = book_in_store(environment, ROUND_SIZE).await.rate();
        attempt_shares.push(store_rate / claim_attempts(environment, ROUND_SIZE).await.rate());
        single_insert.delete_running_attempts().await;
        store_per_insert.push(
            insert_bookings(environment, &single_insert, ROUND_SIZE)
                .await
                .rate()
                / store_rate,
        );
        store_rates.push(store_rate);
    }
    let rates: Vec<f64> = service_loads.iter().map(LoadResult::rate).collect();
    let ratios = rates
        .iter()
        .zip(&store_rates)
        .map(|(service, store)| service / store);
    let worst = |percent| service_loads.iter().map(|load| load.percentile(percent)).max();
    Checkouts {
        service_share: median(ratios.collect()),
        store_per_insert: median(store_per_insert),
        attempt_share: median(attempt_shares),
        service_rate: median(rates),
        store_rate: median(store_rates),
        p50: worst(50).unwrap_or_default(),
        p99: worst(99).unwrap_or_default(),
        cpu_time: cpu_time.divided_by(ROUNDS * u32::try_from(ROUND_SIZE).unwrap()),
    }
}

async fn book_through_service(environment: &Environment, count: u64) -> LoadResult {
    let client = environment.client.clone();
    run_on_free_slots(environment, count, move |slot| {
        let client = client.clone();
        async move { drop(client.book_slot(&slot, 201).await) }
    })
    .await
}

async fn book_in_store(environment: &Environment, count: u64) -> LoadResult {
    let store = environment.store.clone();
    run_on_free_slots(environment, count, move |slot| {
        let store = store.clone();
        async move { store.book_slot(&slot).await }
    })
    .await
}

async fn insert_bookings(environment: &Environment, single_insert: &SingleInsert, count: u64) -> LoadResult {
    let single_insert = single_insert.clone();
    run_on_free_slots(environment, count, move |slot| {
        let single_insert = single_insert.clone();
        async move { single_insert.insert_booking(&slot).await }
    })
    .await
}

/// Runs `count` jobs, each with a free slot of its own.
async fn run_on_free_slots<F, Fut>(environment: &Environment, count: u64, job: F) -> LoadResult
where
    F: Fn(Slot) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    let slots = Arc::clone(&environment.slots);
    run_load(count, CONCURRENCY, move || job(slots.next_slot())).await
}

async fn claim_attempts(environment: &Environment, count: u64) -> LoadResult {
    let store = environment.store.clone();
    run_load(count, CONCURRENCY, move || {
        let store = store.clone();
        async move { store.claim_attempt_only().await }
    })
    .await
}

/// Places holds, then confirms each by an event. Returns the rate of the events alone.
async fn measure_events(environment: &Environment) -> f64 {
    let placed = Arc::new(Mutex::new(Vec::new()));
    let (client, slots, all) = (
        environment.client.clone(),
        Arc::clone(&environment.slots),
        Arc::clone(&placed),
    );
    run_load(EVENT_COUNT, CONCURRENCY, move || {
        let (client, slot, all) = (client.clone(), slots.next_slot(), Arc::clone(&all));
        async move {
            let hold = client.book_slot(&slot, 201).await;
            all.lock().unwrap().push(hold);
        }
    })
    .await;
    let client = environment.client.clone();
    let confirmed = run_load(EVENT_COUNT, CONCURRENCY, move || {
        let (client, hold) = (client.clone(), placed.lock().unwrap().pop());
        async move { client.send_paid_event(&hold.unwrap()).await }
    });
    confirmed.await.rate()
}

/// Requests a slot that is taken. Returns the rate of the refusals.
async fn measure_refusals(environment: &Environment) -> f64 {
    let slot = Arc::new(environment.slots.next_slot());
    environment.client.book_slot(&slot, 201).await;
    let client = environment.client.clone();
    let refused = run_load(REFUSAL_COUNT, CONCURRENCY, move || {
        let (client, slot) = (client.clone(), Arc::clone(&slot));
        async move { drop(client.book_slot(&slot, 409).await) }
    });
    refused.await.rate()
}

/// Lets many guests request one slot at once.
async fn measure_rush(environment: &Environment, milliseconds: u64) -> Rush {
    environment.client.set_stripe_latency(milliseconds).await;
    let before = environment.client.count_session_requests().await;
    let (client, slot, won) = (
        environment.client.clone(),
        Arc::new(environment.slots.next_slot()),
        Arc::new(Mutex::new(0)),
    );
    let winners = Arc::clone(&won);
    let load = run_load(GUESTS, GUESTS, move || {
        let (client, slot, winners) = (client.clone(), Arc::clone(&slot), Arc::clone(&winners));
        async move {
            if client.try_to_book_slot(&slot).await {
                *winners.lock().unwrap() += 1;
            }
        }
    })
    .await;
    assert_eq!(*won.lock().unwrap(), 1, "one slot, one buyer");
    let session_requests = environment.client.count_session_requests().await - before;
    environment.client.set_stripe_latency(0).await;
    Rush {
        latency: Duration::from_millis(milliseconds),
        session_requests,
        p50: load.percentile(50),
        p99: load.percentile(99),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
