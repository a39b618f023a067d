//! Runs a service for a test, with a Stripe simulator that does nothing by itself, a clock that the test moves, and a
//! database of its own. All requests go over real HTTP, as those of a shop's page, Stripe and an operator do.
//!
//! When the app is dropped, the auditor checks the database and the simulator, and the test fails if an invariant is
//! broken. Several [`Instance`]s may share one database and one simulator.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use chrono::{DateTime, Duration, Utc};
use holdfast::app::{App, Background};
use holdfast::clock::SystemClock;
use holdfast::config::{self, Config, ConfigScope};
use holdfast::doctor::{self, Check};
use holdfast::domain::time::Clock;
use holdfast::sandbox::{Mode, PaymentOutcome, Simulator, SimulatorConfig};
use holdfast::workflow::Context;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::audit::{Audit, FINDING_TIMEOUT};
use super::catalogue_fixtures::offer;
pub(crate) use super::client::{ADMIN_KEY, ApiResponse, Client};
use super::database::{Engine, TestDatabase};
pub(crate) use super::process::LIMITS_OFF;
use super::process::Process;

pub(crate) const WEBHOOK_SECRET: &str = "whsec_tests";

/// A clock that changes only when the test moves it.
pub(crate) struct ManualClock(Mutex<DateTime<Utc>>);

impl ManualClock {
    pub(crate) fn starting_at(at: &str) -> Arc<Self> {
        Arc::new(Self(Mutex::new(at.parse().unwrap())))
    }

    pub(crate) fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }

    /// Sets the clock to the machine's time, for a test with a real process. It stays there until it is moved.
    pub(crate) fn catch_up(&self) {
        *self.0.lock().unwrap() = SystemClock.now();
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }

    /// The test moves the time of the database too.
    fn database_now(&self, _: DateTime<Utc>) -> DateTime<Utc> {
        self.now()
    }
}

/// The wrong clock of an instance, beside a database whose time the test moves.
struct SkewedClock {
    database: Arc<ManualClock>,
    ahead: Duration,
}

impl Clock for SkewedClock {
    fn now(&self) -> DateTime<Utc> {
        self.database.now() + self.ahead
    }

    fn database_now(&self, _: DateTime<Utc>) -> DateTime<Utc> {
        self.database.now()
    }
}

/// One running `serve` inside the test process.
pub(crate) struct Instance {
    pub(crate) context: Arc<Context>,
    /// A client of the operators' address, if they have one of their own.
    pub(crate) admin_client: Option<Client>,
    client: Client,
    stop: CancellationToken,
    running: Option<JoinHandle<()>>,
}

impl Instance {
    async fn start(settings: &BTreeMap<&str, String>, clock: Arc<dyn Clock>) -> Self {
        let config = config::load_config(|name| settings.get(name).cloned(), ConfigScope::Stripe).unwrap();
        let app = App::build(&config, clock, false).await.unwrap();
        let (address, context) = (app.address(), app.context());
        let admin_client = app.admin_address().map(Client::of);
        let stop = CancellationToken::new();
        let run = app.serve(stop.clone(), Background::Off);
        let running = tokio::spawn(async move { run.await.unwrap() });
        Self {
            context,
            admin_client,
            client: Client::of(address),
            stop,
            running: Some(running),
        }
    }

    /// Stops the instance as SIGTERM does, and waits until it has ended.
    pub(crate) async fn stop(&mut self) {
        self.stop.cancel();
        if let Some(running) = self.running.take() {
            running.await.unwrap();
        }
    }
}

impl std::ops::Deref for Instance {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A service, its simulator, its clock and its database.
pub(crate) struct TestApp {
    pub(crate) instance: Instance,
    pub(crate) simulator: Simulator,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) database: TestDatabase,
    settings: BTreeMap<&'static str, String>,
    simulator_stop: CancellationToken,
    unaudited: OnceLock<&'static str>,
}

impl std::ops::Deref for TestApp {
    type Target = Instance;

    fn deref(&self) -> &Instance {
        &self.instance
    }
}

impl TestApp {
    /// Starts a service with a 30-minute call and a 60-minute one, both with Ana, at 50 and 90 EUR.
    pub(crate) async fn start(engine: Engine) -> Self {
        Self::start_with(engine, &[]).await
    }

    /// Starts the same service with some variables changed.
    pub(crate) async fn start_with(engine: Engine, variables: &[(&'static str, &str)]) -> Self {
        let app = Self::start_on(TestDatabase::new(engine).await, variables).await;
        app.set_resource_capacity("ana", 1).await;
        app.offer("call", "ana", 30, 5000).await;
        app.offer("long-call", "ana", 60, 9000).await;
        app
    }

    /// Starts a service on this database, which keeps the event types it has.
    pub(crate) async fn start_on(database: TestDatabase, variables: &[(&'static str, &str)]) -> Self {
        let clock = ManualClock::starting_at("2026-11-20T08:00:00Z");
        let simulator_stop = CancellationToken::new();
        let (simulator, stripe) = serve_simulator(&clock, &simulator_stop).await;
        let settings = self::variables(database.url(), &stripe).into_iter();
        let settings = settings.map(|(name, value)| (name, value.to_owned()));
        let mut settings: BTreeMap<_, _> = settings.collect();
        settings.extend(LIMITS_OFF.map(|(name, value)| (name, value.to_owned())));
        settings.extend(variables.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let instance = Instance::start(&settings, clock.clone()).await;
        simulator.set_webhook_url(instance.url("/webhooks/stripe"));
        Self {
            instance,
            simulator,
            clock,
            database,
            settings,
            simulator_stop,
            unaudited: OnceLock::new(),
        }
    }

    /// Starts another instance on the same database and the same Stripe.
    pub(crate) async fn another_instance(&self) -> Instance {
        Instance::start(&self.settings, self.clock.clone()).await
    }

    /// Starts another instance with some variables changed.
    pub(crate) async fn another_instance_with(&self, variables: &[(&'static str, &str)]) -> Instance {
        let mut settings = self.settings.clone();
        settings.extend(variables.iter().map(|(name, value)| (*name, (*value).to_owned())));
        Instance::start(&settings, self.clock.clone()).await
    }

    /// Starts another instance whose clock is this far ahead of the clocks of the database and of Stripe.
    pub(crate) async fn another_instance_ahead(&self, ahead: Duration) -> Instance {
        let database = self.clock.clone();
        Instance::start(&self.settings, Arc::new(SkewedClock { database, ahead })).await
    }

    /// Starts another simulator, as another Stripe account, and returns its URL too.
    pub(crate) async fn another_account(&self) -> (Simulator, String) {
        serve_simulator(&self.clock, &self.simulator_stop).await
    }

    /// Starts another instance with the key of another account, which is the returned simulator.
    pub(crate) async fn instance_of_another_account(&self) -> (Instance, Simulator) {
        let (other, url) = self.another_account().await;
        let instance = self.another_instance_with(&[("STRIPE_API_BASE", &url)]).await;
        (instance, other)
    }

    /// Starts a real process on the same database and the same Stripe, which sends its events to the process from now
    /// on. The process uses the machine's clock, and the app's clock is set to it.
    pub(crate) async fn process(&self, directory: &Path, more: &[(&'static str, &str)]) -> (Process, Client) {
        self.clock.catch_up();
        let mut variables = variables(self.database.url(), self.stripe_url());
        variables.extend_from_slice(more);
        let mut process = Process::start(directory, &["serve"], &variables);
        let client = Client::of(process.address("serving on http://").await);
        self.simulator.set_webhook_url(client.url("/webhooks/stripe"));
        (process, client)
    }

    /// Returns the configuration of the instance, with its actual address and with some variables changed.
    pub(crate) fn config_with(&self, variables: &[(&'static str, &str)]) -> Config {
        let mut settings = self.settings.clone();
        settings.insert("HOLDFAST_LISTEN", self.address.to_string());
        settings.extend(variables.iter().map(|(name, value)| (*name, (*value).to_owned())));
        config::load_config(|name| settings.get(name).cloned(), ConfigScope::Stripe).unwrap()
    }

    /// Returns what `doctor` says of the database with this URL.
    pub(crate) async fn check_database(&self, url: &str) -> Check {
        let config = self.config_with(&[("DATABASE_URL", url)]);
        let checks = doctor::examine(&config, config.stripe.as_ref().unwrap(), self.clock.clone()).await;
        let of_database = checks.into_iter().find(|check| check.check == "database");
        of_database.unwrap()
    }

    /// Returns the base URL of the simulator.
    pub(crate) fn stripe_url(&self) -> &str {
        &self.settings["STRIPE_API_BASE"]
    }

    /// Returns the time of the service and of Stripe.
    pub(crate) fn clock_now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Returns what the auditor finds now.
    pub(crate) fn audit(&self) -> Vec<String> {
        self.audit_of(self.database.url())
    }

    /// Returns what the auditor finds now in the database at this URL.
    pub(crate) fn audit_of(&self, url: &str) -> Vec<String> {
        audit_findings(self.database.engine(), url, &self.simulator)
    }

    /// Skips the audit at the end, because the test breaks an invariant on purpose.
    pub(crate) fn without_audit(&self, reason: &'static str) {
        self.unaudited.set(reason).unwrap();
    }

    /// Puts an event type on sale, in EUR.
    pub(crate) async fn offer(&self, id: &str, resource: &str, minutes: i64, amount: i64) {
        offer(self, id, resource, minutes, amount).await;
    }

    /// Places a hold on this event type and start; it must succeed.
    pub(crate) async fn hold_slot(&self, event_type: &str, starts_at: &str) -> ApiResponse {
        self.checkout(&order(event_type, starts_at)).await.expect(201)
    }

    /// Makes the guest do this on Stripe's payment page. Stripe's events wait until they are delivered.
    pub(crate) fn pay(&self, hold: &ApiResponse, outcome: PaymentOutcome) {
        self.simulator
            .pay(hold.text("checkout_session"), outcome)
            .unwrap();
    }

    /// Deletes the hold and its attempt from the database, as restoring an older backup does.
    pub(crate) async fn delete_hold_rows(&self, hold: &ApiResponse) {
        let id = hold.text("id");
        for (table, column) in [
            ("occupancy", "hold_id"),
            ("hold_history", "hold_id"),
            ("checkout_attempts", "hold_id"),
            ("holds", "id"),
        ] {
            let statement = format!("DELETE FROM {table} WHERE {column} = '{id}'");
            assert_ne!(self.database.execute(&statement).await, 0, "{table}");
        }
    }

    /// Delivers all waiting events; each must get a 2xx response.
    pub(crate) async fn deliver_all(&self) {
        for delivery in self.simulator.deliver_all().await {
            assert!(delivery.accepted(), "{delivery:?}");
        }
    }

    /// Drops all waiting events, as if Stripe never sent them.
    pub(crate) fn drop_events(&self) {
        for event in self.simulator.pending_events() {
            self.simulator.drop_event(&event.id);
        }
    }

    /// Returns the status of the hold, with its reason if it has one: `released/expired`.
    pub(crate) async fn state_of(&self, hold: &ApiResponse) -> String {
        self.instance.state(hold.text("id")).await
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if !std::thread::panicking() && self.unaudited.get().is_none() {
            assert_audit_is_clean(&self.database, &self.simulator);
        }
        self.simulator_stop.cancel();
    }
}

/// Fails if the auditor finds a broken invariant in this database and at this Stripe.
pub(crate) fn assert_audit_is_clean(database: &TestDatabase, simulator: &Simulator) {
    let findings = audit_findings(database.engine(), database.url(), simulator);
    assert!(findings.is_empty(), "the auditor finds:\n{}", findings.join("\n"));
}

fn audit_findings(engine: Engine, url: &str, simulator: &Simulator) -> Vec<String> {
    let audit = Audit {
        engine,
        url: url.to_owned(),
        simulator: simulator.clone(),
        wait_timeout: FINDING_TIMEOUT,
    };
    audit.findings()
}

/// Serves a simulator that does nothing by itself until `stop`, and returns it with its base URL.
pub(crate) async fn serve_simulator(
    clock: &Arc<ManualClock>,
    stop: &CancellationToken,
) -> (Simulator, String) {
    let clock = clock.clone();
    let simulator = Simulator::new(SimulatorConfig {
        webhook_url: None,
        webhook_secret: WEBHOOK_SECRET.to_owned(),
        mode: Mode::Explicit,
        now: Arc::new(move || clock.now()),
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(simulator.clone().serve(listener, stop.clone()));
    (simulator, url)
}

/// Returns the environment of a real process: what `serve`, `sweep` and `doctor` need, with this database and this
/// Stripe.
pub(crate) fn variables<'a>(database: &'a str, stripe: &'a str) -> Vec<(&'static str, &'a str)> {
    vec![
        ("DATABASE_URL", database),
        ("STRIPE_SECRET_KEY", "sk_test_holdfast"),
        ("STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET),
        ("STRIPE_API_BASE", stripe),
        ("HOLDFAST_LISTEN", "127.0.0.1:0"),
        ("HOLDFAST_ADMIN_KEY", ADMIN_KEY),
    ]
}

/// Builds the body of a checkout for this event type and start, by some guest.
pub(crate) fn order(event_type: &str, starts_at: &str) -> Value {
    order_by("ada@example.com", event_type, starts_at)
}

/// Builds the body of a checkout by this guest.
pub(crate) fn order_by(email: &str, event_type: &str, starts_at: &str) -> Value {
    json!({"event_type": event_type, "starts_at": starts_at, "guest": {"email": email, "name": "Ada"}})
}
