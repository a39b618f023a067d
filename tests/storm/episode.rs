//! One episode: the cast comes on, the storm, the quiet after it, the last word of every webhook, and a last look of every
//! guest.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use futures::StreamExt;
use holdfast::clock::SystemClock;
use holdfast::domain::time::Clock;
use holdfast::sandbox::{Faults, Simulator};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use reqwest::Method;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::diary::Diary;
use crate::door::{self, Door};
use crate::fleet::{Fleet, some_clock};
use crate::guest::Guest;
use crate::plant::Plant;
use crate::shop;
use crate::support::client::{ADMIN_KEY, Client};
use crate::support::database::{Engine, TestDatabase};
use crate::support::proxy::Proxy;
use crate::support::wait_for::eventually;
use crate::verdict::{self, Evidence};
use crate::weather::{Climate, Weather, decide};

/// How much later it is in the quiet: slow payments are asked about after a day.
const QUIET: TimeDelta = TimeDelta::hours(25);

/// How long guests may come, in milliseconds: several times what a hold has.
const MOST_OPEN_FOR: u64 = 3_000;

/// So many guests come only when everybody wants the same start.
const CROWD: u64 = 6;

/// What came of an episode.
pub(crate) struct Story {
    pub(crate) findings: Vec<String>,
    engine: Engine,
    seed: u64,
    figures: String,
    /// To set the stage, for the storm, and for the quiet.
    took: [Duration; 3],
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (engine, seed, took) = (self.engine, self.seed, self.took);
        write!(f, "{engine:?}, seed {seed}: {} in {took:.1?}", self.figures)?;
        for finding in &self.findings {
            write!(f, "\n    FOUND {finding}")?;
        }
        Ok(())
    }
}

/// Plays the episode of this seed.
pub(crate) async fn run(engine: Engine, seed: u64, plant: Plant) -> Story {
    let started = Instant::now();
    let mut chance = StdRng::seed_from_u64(seed);
    let stage = Stage::set(engine, plant, &mut chance).await;
    let set = started.elapsed();
    let mut findings = stage.storm(plant, &mut chance).await;
    let stormed = started.elapsed();
    findings.extend(verdict::one_buyer_each(&stage.evidence()).await);
    findings.extend(stage.quiet(&mut chance).await);
    if !findings.is_empty() && plant == Plant::Nothing {
        let file = std::env::temp_dir().join(format!("holdfast-storm-{seed}-{engine:?}.log"));
        std::fs::write(&file, stage.fleet.logs()).unwrap();
        findings.push(format!("what the processes said is in {}", file.display()));
    }
    Story {
        findings,
        engine,
        seed,
        figures: stage.figures(),
        took: [set, stormed - set, started.elapsed() - stormed],
    }
}

/// The parts that an episode is played with.
struct Stage {
    database: Arc<TestDatabase>,
    proxy: Option<Arc<Proxy>>,
    fleet: Arc<Fleet>,
    simulator: Simulator,
    /// Seconds by which the simulator's clock is ahead.
    stripe_ahead: Arc<AtomicI64>,
    diary: Arc<Diary>,
    stripe: Door,
    climate: Climate,
    ttl_ms: u64,
    _simulator_stops: DropGuard,
}

impl Stage {
    async fn set(engine: Engine, plant: Plant, chance: &mut StdRng) -> Self {
        let database = Arc::new(TestDatabase::new(engine).await);
        plant.into_the_database(&database).await;
        let proxy = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(Arc::new(Proxy::to(database.url()).await)),
        };
        let stripe_ahead = Arc::new(AtomicI64::new(0));
        let (simulator, simulator_stops) = door::simulator(&stripe_ahead).await;
        let stripe = door::opens(&simulator, &database).await;
        let ttl_ms = 1_000 * chance.random_range(1..=2);
        let processes = match engine {
            Engine::Sqlite => chance.random_range(1..=2),
            Engine::Postgres => chance.random_range(2..=3),
        };
        let clocks: Vec<i64> = (0..processes).map(|_| some_clock(chance)).collect();
        let url = proxy.as_ref().map_or(database.url(), |proxy| proxy.url());
        let fleet = Fleet::launch(url, &stripe.url, &format!("{ttl_ms}ms"), &clocks).await;
        let client = fleet.client(0);
        simulator.set_webhook_url(client.url("/webhooks/stripe"));
        shop::opens(&client).await;
        Self {
            database,
            proxy,
            fleet: Arc::new(fleet),
            simulator,
            stripe_ahead,
            diary: Arc::default(),
            stripe,
            climate: Climate::by(chance),
            ttl_ms,
            _simulator_stops: simulator_stops,
        }
    }

    fn evidence(&self) -> Evidence<'_> {
        Evidence {
            database: &self.database,
            simulator: &self.simulator,
            diary: &self.diary,
            porter: &self.stripe.porter,
        }
    }

    /// Guests and weather together; what should not have happened.
    async fn storm(&self, plant: Plant, chance: &mut StdRng) -> Vec<String> {
        let first_start = (SystemClock.now() + TimeDelta::days(7))
            .duration_trunc(TimeDelta::hours(1))
            .unwrap();
        let closing = CancellationToken::new();
        let (rush, sign) = watch::channel(None);
        let guests: Vec<_> = (0..chance.random_range(9..=14))
            .map(|number| {
                let guest = Guest {
                    rush: (number < CROWD).then(|| sign.clone()),
                    ..self.guest(number, first_start, &closing, chance)
                };
                tokio::spawn(guest.visits())
            })
            .collect();
        let weather = Weather {
            fleet: self.fleet.clone(),
            simulator: self.simulator.clone(),
            database: self.database.clone(),
            proxy: self.proxy.clone(),
            climate: self.climate,
            chance: StdRng::seed_from_u64(chance.random()),
            plant,
            rush,
            first_start,
            faults: Vec::new(),
        };
        let lurking = plant.lurks(&self.database, &self.simulator, &self.stripe.url, &closing);
        let raging = tokio::spawn(weather.rages(closing.clone()));
        let open_for = chance.random_range(MOST_OPEN_FOR / 2..=MOST_OPEN_FOR);
        let mut findings = verdict::throughout(&self.evidence(), Duration::from_millis(open_for)).await;
        closing.cancel();
        for guest in guests {
            guest.await.unwrap();
        }
        lurking.await.unwrap();
        findings.extend(raging.await.unwrap().faults);
        findings
    }

    fn guest(
        &self,
        number: u64,
        first_start: DateTime<Utc>,
        shop_closes: &CancellationToken,
        chance: &mut StdRng,
    ) -> Guest {
        Guest {
            number,
            fleet: self.fleet.clone(),
            simulator: self.simulator.clone(),
            diary: self.diary.clone(),
            chance: StdRng::seed_from_u64(chance.random()),
            first_start,
            ttl_ms: self.ttl_ms,
            rush: None,
            shop_closes: shop_closes.clone(),
        }
    }

    /// The storm is over: what is not as it must be when all has come to rest.
    async fn quiet(&self, chance: &mut StdRng) -> Vec<String> {
        self.simulator.set_faults(Faults::default());
        self.simulator.set_webhook_url(door::nowhere());
        let mut findings = self.fleet.stop_all().await;
        for session in self.simulator.sessions() {
            decide(
                &self.simulator,
                &session.id,
                session.status,
                chance.random_bool(0.6),
            );
        }
        // Whoever had one is dead by now.
        self.database.end_leases().await;
        // Webhooks that have not come by now never will: the sweep must do without.
        let made = self.simulator.events();
        for event in self.simulator.pending_events() {
            self.simulator.drop_event(&event.id);
        }
        let ahead = QUIET.num_seconds();
        if self.climate.keeps_errors {
            self.stripe_ahead.store(ahead, Ordering::SeqCst);
            // What is over by that clock is over now, not at the simulator's next look.
            self.simulator.expire_due();
        }
        let last = Fleet::launch(self.database.url(), &self.stripe.url, "1s", &[ahead]).await;
        let client = last.client(0);
        findings.extend(comes_to_rest(&client, "by sweeping").await);
        findings.extend(verdict::without_late_payments(&self.evidence()).await);
        self.stripe_ahead.store(ahead, Ordering::SeqCst);
        self.simulator.set_webhook_url(client.url("/webhooks/stripe"));
        let mut events: Vec<String> = made.into_iter().map(|event| event.id).collect();
        events.shuffle(chance);
        findings.extend(self.tell_again(events).await);
        findings.extend(comes_to_rest(&client, "after all webhooks").await);
        self.all_look_once_more(&client).await;
        findings.extend(last.stop_all().await);
        self.fleet.keeps_log_of(&last);
        findings.extend(verdict::in_full(&self.evidence()).await);
        findings
    }

    /// Delivers each of these events, several at once; what was not taken.
    async fn tell_again(&self, events: Vec<String>) -> Vec<String> {
        let deliveries = futures::stream::iter(events)
            .map(|event| async move { self.simulator.deliver(&event).await })
            .buffer_unordered(8);
        let deliveries: Vec<_> = deliveries.collect().await;
        let refused = deliveries.into_iter().flatten();
        refused
            .filter(|delivery| !delivery.accepted())
            .map(|delivery| format!("an event was not taken: {delivery:?}"))
            .collect()
    }

    /// Each guest, at where its hold is now.
    async fn all_look_once_more(&self, client: &Client) {
        for hold in self.diary.holds() {
            let shown = client.get(&format!("/v1/holds/{hold}")).await;
            // One that is not on the books is found there.
            if shown.status == 200 {
                self.diary.notes(&hold, &shown.body);
            }
        }
    }

    fn figures(&self) -> String {
        let given = self.diary.given.lock().unwrap();
        let sure = given.iter().filter(|given| given.confirmed).count();
        let refused = *self.diary.refused.lock().unwrap();
        let moved = *self.diary.moved.lock().unwrap();
        format!(
            "{} given, {refused} refused, {moved} moved, {sure} read confirmed; {} sessions, {} refunds, {} events",
            given.len(),
            self.simulator.sessions().len(),
            self.simulator.refunds().len(),
            self.simulator.events().len(),
        )
    }
}

/// Sweeps until nothing is left to do; what is still to do where that does not come.
async fn comes_to_rest(client: &Client, how: &str) -> Vec<String> {
    const WORK: [&str; 4] = [
        "holdfast_holds{status=\"held\"}",
        "holdfast_holds{status=\"processing\"}",
        "holdfast_commands_pending",
        "holdfast_attempts_open",
    ];
    let rest = eventually("at rest", async || {
        let sweep = client
            .request(Method::POST, "/v1/admin/sweep")
            .bearer_auth(ADMIN_KEY);
        client.send(sweep).await.expect(200);
        let metrics = client.get("/metrics").await.expect(200);
        let text = metrics.body.as_str().unwrap_or_default().to_owned();
        let left = WORK
            .iter()
            .filter(|name| !text.contains(&format!("\n{name} 0\n")));
        let left: Vec<_> = left.collect();
        left.is_empty().then_some(())
    });
    match tokio::time::timeout(Duration::from_secs(25), rest).await {
        Ok(()) => Vec::new(),
        Err(_) => vec![format!("{how}, it does not come to rest")],
    }
}
