//! Runs one episode: the setup, the storm, the final sweep, all webhooks once more, and a last view of every hold.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use futures::StreamExt;
use futures::future::join_all;
use holdfast::clock::SystemClock;
use holdfast::domain::time::Clock;
use holdfast::sandbox::{Faults, Simulator};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::checks::{self, Evidence};
use crate::fault_injection::{FaultInjector, FaultProfile, decide_payment};
use crate::foreigner::Foreigner;
use crate::guest::{Guest, LAST_RACING_GUESTS, LEAVING_GUESTS, race_for_last_place};
use crate::money;
use crate::mutation::Mutation;
use crate::observations::Observations;
use crate::processes::{Processes, random_clock_offset, sweep_until_done};
use crate::shop::{self, SlotRequest};
use crate::shop_endpoint::ShopEndpoint;
use crate::stranger::Stranger;
use crate::stripe_proxy::{self, StripeProxy};
use crate::support::client::Client;
use crate::support::database::{Engine, TestDatabase};
use crate::support::proxy::Proxy;
use crate::wrong_account::{WrongAccount, sweep_if_sold};

/// How much later the final sweep runs: the sweep checks slow payments after a day.
const FINAL_SWEEP_DELAY: TimeDelta = TimeDelta::hours(25);

/// Longer than the sweep defers a slow payment: by at most 32 days.
const LONGEST_DEFERRAL: TimeDelta = TimeDelta::days(33);

/// How long guests may start requests, in milliseconds: several times the lifetime of a hold.
const MOST_OPEN_MS: u64 = 3_000;

/// The number of guests who only request the start that is sent to all of them.
const RACING_GUESTS: u64 = 6;

/// The findings and the figures of an episode.
pub(crate) struct EpisodeReport {
    pub(crate) findings: Vec<String>,
    engine: Engine,
    seed: u64,
    figures: String,
    /// The durations of setup, storm and final sweep.
    took: [Duration; 3],
}

impl fmt::Display for EpisodeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (engine, seed, took) = (self.engine, self.seed, self.took);
        write!(f, "{engine:?}, seed {seed}: {} in {took:.1?}", self.figures)?;
        for finding in &self.findings {
            write!(f, "\n    FOUND {finding}")?;
        }
        Ok(())
    }
}

/// Runs the episode of this seed.
pub(crate) async fn run_episode(engine: Engine, seed: u64, mutation: Mutation) -> EpisodeReport {
    let started = Instant::now();
    let mut rng = StdRng::seed_from_u64(seed);
    let episode = Episode::prepare(engine, mutation, &mut rng).await;
    let prepared = started.elapsed();
    let mut findings = episode.storm(mutation, &mut rng).await;
    let stormed = started.elapsed();
    findings.extend(checks::at_every_moment(&episode.evidence()).await);
    findings.extend(episode.final_sweep(&mut rng).await);
    if !findings.is_empty() && mutation == Mutation::None {
        let file = std::env::temp_dir().join(format!("holdfast-storm-{seed}-{engine:?}.log"));
        std::fs::write(&file, episode.processes.logs()).unwrap();
        findings.push(format!("the output of the processes is in {}", file.display()));
    }
    EpisodeReport {
        findings,
        engine,
        seed,
        figures: episode.figures(),
        took: [prepared, stormed - prepared, started.elapsed() - stormed],
    }
}

/// The running parts of an episode.
struct Episode {
    database: Arc<TestDatabase>,
    proxy: Option<Arc<Proxy>>,
    processes: Arc<Processes>,
    simulator: Simulator,
    /// Seconds by which the clock of the simulator is ahead.
    stripe_ahead: Arc<AtomicI64>,
    observations: Arc<Observations>,
    stripe: StripeProxy,
    wrong_account: WrongAccount,
    endpoint: ShopEndpoint,
    profile: FaultProfile,
    ttl_ms: u64,
    /// The first start that is for sale during the storm.
    first_start: DateTime<Utc>,
    _simulator_stops: DropGuard,
}

impl Episode {
    async fn prepare(engine: Engine, mutation: Mutation, rng: &mut StdRng) -> Self {
        let database = Arc::new(TestDatabase::new(engine).await);
        mutation.add_to_database(&database).await;
        let proxy = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(Arc::new(Proxy::to(database.url()).await)),
        };
        let stripe_ahead = Arc::new(AtomicI64::new(0));
        let (simulator, simulator_stops) = stripe_proxy::start_simulator(&stripe_ahead).await;
        let stripe = stripe_proxy::start_proxy(&simulator, &database).await;
        let ttl_ms = 1_000 * rng.random_range(1..=2);
        let count = match engine {
            Engine::Sqlite => rng.random_range(1..=2),
            Engine::Postgres => rng.random_range(2..=3),
        };
        let clocks: Vec<i64> = (0..count).map(|_| random_clock_offset(rng)).collect();
        let url = proxy.as_ref().map_or(database.url(), |proxy| proxy.url());
        let processes = Processes::launch(url, &stripe.url, &format!("{ttl_ms}ms"), &clocks).await;
        let client = processes.client(0);
        simulator.set_webhook_url(client.url("/webhooks/stripe"));
        shop::create_catalogue(&client).await;
        let endpoint = ShopEndpoint::start(rng).await;
        endpoint.set_at(&client).await;
        Self {
            database,
            proxy,
            processes: Arc::new(processes),
            simulator,
            stripe_ahead,
            observations: Arc::default(),
            stripe,
            wrong_account: WrongAccount::start(mutation).await,
            endpoint,
            profile: FaultProfile::random(rng),
            ttl_ms,
            first_start: (SystemClock.now() + TimeDelta::days(7))
                .duration_trunc(TimeDelta::hours(1))
                .unwrap(),
            _simulator_stops: simulator_stops,
        }
    }

    fn evidence(&self) -> Evidence<'_> {
        Evidence {
            database: &self.database,
            simulator: &self.simulator,
            observations: &self.observations,
            lease_observer: &self.stripe.observer,
        }
    }

    /// Runs guests and fault injection together; returns what went wrong.
    async fn storm(&self, mutation: Mutation, rng: &mut StdRng) -> Vec<String> {
        let closing = CancellationToken::new();
        let (rush, signal) = watch::channel(None);
        let guests: Vec<_> = (0..rng.random_range(9..=14))
            .map(|number| {
                let guest = Guest {
                    rush: (number < RACING_GUESTS).then(|| signal.clone()),
                    ..self.guest(number, 0, &closing, rng)
                };
                tokio::spawn(guest.run())
            })
            .collect();
        let injector = FaultInjector {
            processes: self.processes.clone(),
            simulator: self.simulator.clone(),
            database: self.database.clone(),
            proxy: self.proxy.clone(),
            profile: self.profile,
            rng: StdRng::seed_from_u64(rng.random()),
            mutation,
            wrong_account: self.wrong_account.url.clone(),
            rush,
            first_start: self.first_start,
            findings: Vec::new(),
        };
        let background = mutation.run_in_background(
            &self.database,
            &self.simulator,
            &self.processes,
            &self.stripe.url,
            &closing,
        );
        let foreigner = Foreigner {
            simulator: self.simulator.clone(),
            observations: self.observations.clone(),
            rng: StdRng::seed_from_u64(rng.random()),
            shop_closes: closing.clone(),
        };
        let purchasing = tokio::spawn(foreigner.run());
        let keeping_slots = tokio::spawn(self.stranger(0, &closing, rng).run());
        let injecting = tokio::spawn(injector.run_until_closed(closing.clone()));
        let open_for = rng.random_range(MOST_OPEN_MS / 2..=MOST_OPEN_MS);
        let mut findings = checks::check_repeatedly(&self.evidence(), Duration::from_millis(open_for)).await;
        closing.cancel();
        for guest in guests {
            guest.await.unwrap();
        }
        background.await.unwrap();
        purchasing.await.unwrap();
        keeping_slots.await.unwrap();
        findings.extend(injecting.await.unwrap().findings);
        findings
    }

    /// A guest who wants the starts so many days after the storm's.
    fn guest(&self, number: u64, day: i64, shop_closes: &CancellationToken, rng: &mut StdRng) -> Guest {
        Guest {
            number,
            processes: self.processes.clone(),
            simulator: self.simulator.clone(),
            observations: self.observations.clone(),
            rng: StdRng::seed_from_u64(rng.random()),
            first_start: self.first_start + TimeDelta::days(day),
            ttl_ms: self.ttl_ms,
            rush: None,
            shop_closes: shop_closes.clone(),
        }
    }

    fn stranger(&self, day: i64, shop_closes: &CancellationToken, rng: &mut StdRng) -> Stranger {
        Stranger {
            processes: self.processes.clone(),
            simulator: self.simulator.clone(),
            observations: self.observations.clone(),
            rng: StdRng::seed_from_u64(rng.random()),
            first_start: self.first_start + TimeDelta::days(day),
            shop_closes: shop_closes.clone(),
        }
    }

    /// Runs the sweep alone after the storm, then delivers all events again; returns what is wrong.
    async fn final_sweep(&self, rng: &mut StdRng) -> Vec<String> {
        self.simulator.set_faults(Faults::default());
        let mut findings = self.serve_last_guests(rng).await;
        self.simulator.set_webhook_url(stripe_proxy::unused_webhook_url());
        findings.extend(self.processes.stop_all().await);
        for session in self.simulator.sessions() {
            decide_payment(&self.simulator, &session.id, session.status, rng.random_bool(0.6));
        }
        money::settle(&self.simulator, rng);
        // All processes that had a lease are dead.
        self.database.expire_all_leases().await;
        self.advance_due_times(FINAL_SWEEP_DELAY).await;
        findings.extend(self.sweep_with_wrong_key().await);
        // The remaining webhooks are never delivered: the sweep must work without them.
        let made = self.simulator.events();
        for event in self.simulator.pending_events() {
            self.simulator.drop_event(&event.id);
        }
        let ahead = FINAL_SWEEP_DELAY.num_seconds();
        if self.profile.keeps_errors {
            self.stripe_ahead.store(ahead, Ordering::SeqCst);
            // Expires sessions by the new clock now, and not at the next tick of the simulator.
            self.simulator.expire_due();
        }
        let last = Processes::launch(self.database.url(), &self.stripe.url, "1s", &[ahead]).await;
        let client = last.client(0);
        findings.extend(sweep_until_done(&client, "by sweeping").await);
        findings.extend(checks::without_late_payments(&self.evidence()).await);
        self.stripe_ahead.store(ahead, Ordering::SeqCst);
        self.simulator.set_webhook_url(client.url("/webhooks/stripe"));
        let mut events: Vec<String> = made.into_iter().map(|event| event.id).collect();
        events.shuffle(rng);
        findings.extend(self.deliver_again(events).await);
        findings.extend(sweep_until_done(&client, "after all webhooks").await);
        self.view_all_holds(&client).await;
        let mut database = self.evidence().open_database().await;
        findings.extend(self.endpoint.finish(&self.database, &mut database).await);
        findings.extend(last.stop_all().await);
        self.processes.add_logs_of(&last);
        findings.extend(checks::check_all(&self.evidence()).await);
        findings
    }

    /// Serves the last guests while nothing fails, each group at starts of its own; returns what is wrong.
    ///
    /// Some race for a place that is not the first of its class, and the stranger keeps slots until a limit refuses it:
    /// few storms have both. The others leave their holds unpaid: most storms end with every hold decided, and the
    /// wrong key has nothing to get wrong.
    async fn serve_last_guests(&self, rng: &mut StdRng) -> Vec<String> {
        let webhook_url = self.processes.accepting_webhook_url().await;
        self.simulator.set_webhook_url(webhook_url);
        let open = CancellationToken::new();
        let mut guests = |numbers: Range<u64>, day| {
            numbers
                .map(|number| self.guest(number, day, &open, rng))
                .collect()
        };
        let (leaving, racing): (Vec<_>, Vec<_>) = (guests(LEAVING_GUESTS, 1), guests(LAST_RACING_GUESTS, 3));
        let stranger = self.stranger(4, &open, rng);
        let class = SlotRequest {
            start: self.first_start + TimeDelta::days(3),
            offer: Some(shop::random_class(rng)),
            quantity: None,
        };
        let evidence = self.evidence();
        let race = async {
            race_for_last_place(&self.database, racing, class).await;
            // At once: an unpaid hold is soon over.
            checks::at_every_moment(&evidence).await
        };
        let (mut findings, ()) = tokio::join!(race, stranger.reach_limit(&self.database));
        findings.extend(checks::at_every_moment(&evidence).await);
        // Last: their holds must not be over before all processes stop.
        join_all(leaving.into_iter().map(Guest::leave_hold)).await;
        findings
    }

    /// Lets somebody sweep with the key of another account while no process serves. All unpaid holds are due, and no
    /// other sweep takes them first. Stripe has ended no session by itself yet, so that a slot that is freed by mistake
    /// shows.
    async fn sweep_with_wrong_key(&self) -> Vec<String> {
        sweep_if_sold(&self.database, &self.processes, &self.wrong_account.url, 0).await;
        // That sweep has deferred what it could not decide.
        self.advance_due_times(LONGEST_DEFERRAL).await;
        checks::payable_sessions(&self.evidence())
    }

    /// Makes all holds due so much earlier, as if that time had passed: the database's clock decides when a hold is due.
    async fn advance_due_times(&self, by: TimeDelta) {
        let earlier = match self.database.engine() {
            Engine::Sqlite => format!("due_at - {}", by.num_milliseconds()),
            Engine::Postgres => format!("due_at - interval '{} s'", by.num_seconds()),
        };
        let statement = format!("UPDATE holds SET due_at = {earlier} WHERE due_at IS NOT NULL");
        self.database.execute(&statement).await;
    }

    /// Delivers each event again, several at once; returns the refused ones.
    async fn deliver_again(&self, events: Vec<String>) -> Vec<String> {
        let deliveries = futures::stream::iter(events)
            .map(|event| async move { self.simulator.deliver(&event).await })
            .buffer_unordered(8);
        let deliveries: Vec<_> = deliveries.collect().await;
        let refused = deliveries.into_iter().flatten();
        refused
            .filter(|delivery| !delivery.accepted())
            .map(|delivery| format!("an event was refused: {delivery:?}"))
            .collect()
    }

    /// Lets each guest read its hold once more.
    async fn view_all_holds(&self, client: &Client) {
        for hold in self.observations.hold_ids() {
            let shown = client.get(&format!("/v1/holds/{hold}")).await;
            // `checks` reports a hold that is not in the database.
            if shown.status == 200 {
                self.observations.record_view(&hold, &shown.body);
            }
        }
    }

    fn figures(&self) -> String {
        let holds = self.observations.holds.lock().unwrap();
        let confirmed = holds.iter().filter(|hold| hold.confirmed).count();
        let refused = *self.observations.refused.lock().unwrap();
        let limited = *self.observations.limited.lock().unwrap();
        let moved = *self.observations.moved.lock().unwrap();
        format!(
            "{} received, {refused} refused, {limited} limited, {moved} moved, {confirmed} read confirmed; {} sessions, {} refunds, {} disputes, {} events, {} sent to the shop",
            holds.len(),
            self.simulator.sessions().len(),
            self.simulator.refunds().len(),
            self.simulator.disputes().len(),
            self.simulator.events().len(),
            self.endpoint.count_taken(),
        )
    }
}
