//! What is measured on one engine, in the order in which it is done.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::hand_rolled::HandRolled;
use crate::load::{self, Load, percentile};
use crate::rig::{Engine, Rig, Spent};

/// Checkouts at once.
pub(crate) const WIDTH: u64 = 64;
/// Rounds of each kind, in turn: through the service, bare, through the service, …
pub(crate) const ROUNDS: u32 = 5;
/// Checkouts in a round.
pub(crate) const ROUND: u64 = 1_000;
/// Holds after which memory is looked at, and again after as many.
pub(crate) const HOLDS: u64 = 10_000;
/// Guests who want one slot.
pub(crate) const GUESTS: u64 = 200;
/// How long the simulated Stripe takes to make a session, in a rush.
pub(crate) const LATENCIES: [u64; 2] = [300, 2_400];
const WARM_UP: u64 = 500;
const STARTS: usize = 5;
const EVENTS: u64 = 2_000;
const CONFLICTS: u64 = 5_000;

/// Event type and start.
type Slot = (String, DateTime<Utc>);

/// What came out for one engine.
pub(crate) struct FigureCounts {
    pub(crate) checkouts: Checkouts,
    /// Events a second that confirm a hold.
    pub(crate) events: f64,
    /// Refusals a second of a slot that is visibly taken.
    pub(crate) conflicts: f64,
    pub(crate) rushes: Vec<Rush>,
    /// To ready, on a database without a schema.
    pub(crate) first_start: Duration,
    /// To ready, on one that has it; median.
    pub(crate) start: Duration,
    /// MiB after [`HOLDS`] and after twice as many.
    pub(crate) resident: [f64; 2],
}

/// Checkouts on distinct slots, through the service and bare.
pub(crate) struct Checkouts {
    /// A second; median of the rounds.
    pub(crate) rate: f64,
    /// The same, of the bare database.
    pub(crate) bare: f64,
    /// Median of the rounds' ratios.
    pub(crate) ratio: f64,
    /// What the bare checkout takes, in times of an insert by hand; median of the rounds.
    pub(crate) of_hand_rolled: f64,
    /// The share of it that the attempt is, which is on the disk before Stripe is asked; median of the rounds.
    pub(crate) of_attempt: f64,
    /// In the worst round.
    pub(crate) p50: Duration,
    /// In the worst round.
    pub(crate) p99: Duration,
    /// Processor time for one checkout, by who spent it.
    pub(crate) spent: Spent,
}

/// Many guests and one slot.
pub(crate) struct Rush {
    /// Of the simulated Stripe.
    pub(crate) latency: Duration,
    pub(crate) sessions: u64,
    /// Of the guests' waiting.
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

/// All of it.
pub(crate) async fn measure(engine: Engine) -> FigureCounts {
    let rig = Rig::new(engine).await;
    let checkouts = checkouts(&rig).await;
    let events = events(&rig).await;
    let conflicts = conflicts(&rig).await;
    let mut rushes = Vec::new();
    for latency in LATENCIES {
        rushes.push(rush(&rig, latency).await);
    }
    let placed = WARM_UP + ROUND * u64::from(ROUNDS) + EVENTS;
    book(&rig, HOLDS - placed).await;
    let resident = rig.resident();
    book(&rig, HOLDS).await;
    let resident = [resident, rig.resident()];
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        starts.push(rig.start_another().await);
    }
    starts.sort_unstable();
    FigureCounts {
        checkouts,
        events,
        conflicts,
        rushes,
        first_start: rig.first_start,
        start: percentile(&starts, 50),
        resident,
    }
}

async fn checkouts(rig: &Rig) -> Checkouts {
    book(rig, WARM_UP).await;
    book_bare(rig, WARM_UP).await;
    let by_hand = HandRolled::open(&rig.url).await;
    book_by_hand(rig, &by_hand, WARM_UP).await;
    let (mut through, mut bare, mut spent) = (Vec::new(), Vec::new(), Spent::default());
    let (mut of_hand_rolled, mut of_attempt) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let before = rig.spent();
        through.push(book(rig, ROUND).await);
        spent = spent.plus(rig.spent().since(before));
        let rate = book_bare(rig, ROUND).await.rate();
        of_attempt.push(rate / attempt(rig, ROUND).await.rate());
        by_hand.forget_attempts().await;
        of_hand_rolled.push(book_by_hand(rig, &by_hand, ROUND).await.rate() / rate);
        bare.push(rate);
    }
    let rates: Vec<f64> = through.iter().map(Load::rate).collect();
    let ratios = rates.iter().zip(&bare).map(|(through, bare)| through / bare);
    let worst = |percent| through.iter().map(|load| load.percentile(percent)).max();
    Checkouts {
        ratio: median(ratios.collect()),
        of_hand_rolled: median(of_hand_rolled),
        of_attempt: median(of_attempt),
        rate: median(rates),
        bare: median(bare),
        p50: worst(50).unwrap_or_default(),
        p99: worst(99).unwrap_or_default(),
        spent: spent.for_each_of(ROUNDS * u32::try_from(ROUND).unwrap()),
    }
}

async fn book(rig: &Rig, count: u64) -> Load {
    let shop = rig.shop.clone();
    on_free_slots(rig, count, move |slot| {
        let shop = shop.clone();
        async move { drop(shop.book(&slot, 201).await) }
    })
    .await
}

async fn book_bare(rig: &Rig, count: u64) -> Load {
    let bare = rig.bare.clone();
    on_free_slots(rig, count, move |slot| {
        let bare = bare.clone();
        async move { bare.book(&slot).await }
    })
    .await
}

async fn book_by_hand(rig: &Rig, by_hand: &HandRolled, count: u64) -> Load {
    let by_hand = by_hand.clone();
    on_free_slots(rig, count, move |slot| {
        let by_hand = by_hand.clone();
        async move { by_hand.book(&slot).await }
    })
    .await
}

/// As many jobs, each on a slot of its own that nobody has asked for.
async fn on_free_slots<F, Fut>(rig: &Rig, count: u64, job: F) -> Load
where
    F: Fn(Slot) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    let slots = Arc::clone(&rig.slots);
    load::run(count, WIDTH, move || job(slots.next())).await
}

async fn attempt(rig: &Rig, count: u64) -> Load {
    let bare = rig.bare.clone();
    load::run(count, WIDTH, move || {
        let bare = bare.clone();
        async move { bare.attempt().await }
    })
    .await
}

/// Holds are placed first, then confirmed by an event each; only the second half counts.
async fn events(rig: &Rig) -> f64 {
    let placed = Arc::new(Mutex::new(Vec::new()));
    let (shop, slots, all) = (rig.shop.clone(), Arc::clone(&rig.slots), Arc::clone(&placed));
    load::run(EVENTS, WIDTH, move || {
        let (shop, slot, all) = (shop.clone(), slots.next(), Arc::clone(&all));
        async move {
            let hold = shop.book(&slot, 201).await;
            all.lock().unwrap().push(hold);
        }
    })
    .await;
    let shop = rig.shop.clone();
    let confirmed = load::run(EVENTS, WIDTH, move || {
        let (shop, hold) = (shop.clone(), placed.lock().unwrap().pop());
        async move { shop.confirm(&hold.unwrap()).await }
    });
    confirmed.await.rate()
}

/// A slot that is visibly taken.
async fn conflicts(rig: &Rig) -> f64 {
    let slot = Arc::new(rig.slots.next());
    rig.shop.book(&slot, 201).await;
    let shop = rig.shop.clone();
    let refused = load::run(CONFLICTS, WIDTH, move || {
        let (shop, slot) = (shop.clone(), Arc::clone(&slot));
        async move { drop(shop.book(&slot, 409).await) }
    });
    refused.await.rate()
}

async fn rush(rig: &Rig, milliseconds: u64) -> Rush {
    rig.shop.slow_stripe_down(milliseconds).await;
    let before = rig.shop.sessions_asked_for().await;
    let (shop, slot, won) = (
        rig.shop.clone(),
        Arc::new(rig.slots.next()),
        Arc::new(Mutex::new(0)),
    );
    let winners = Arc::clone(&won);
    let load = load::run(GUESTS, GUESTS, move || {
        let (shop, slot, winners) = (shop.clone(), Arc::clone(&slot), Arc::clone(&winners));
        async move {
            if shop.try_to_book(&slot).await {
                *winners.lock().unwrap() += 1;
            }
        }
    })
    .await;
    assert_eq!(*won.lock().unwrap(), 1, "one slot, one buyer");
    let sessions = rig.shop.sessions_asked_for().await - before;
    rig.shop.slow_stripe_down(0).await;
    Rush {
        latency: Duration::from_millis(milliseconds),
        sessions,
        p50: load.percentile(50),
        p99: load.percentile(99),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
