//! The fixture of the saga tests: a service with its database and its simulated Stripe, contexts that fail as planned,
//! and the restart after a fault.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::FutureExt;
use holdfast::gateway::Gateway;
use holdfast::store::postgres::PostgresStore;
use holdfast::store::{PoolOptions, Store};
use holdfast::workflow::{Context, Settings, sweep};
use serde_json::{Value, json};

use super::Scenario;
use crate::support::app::{ApiResponse, TestApp, order};
use crate::support::database::Engine;
use crate::support::fault_injection::{Disturbance, FaultyGateway, FaultyStore, Plan};
use crate::support::proxy::Proxy;
use crate::support::wait_for::eventually;

/// Minutes before each sweep after the first one. The first pause passes the end of a hold whose session is still open.
/// Each other pause is longer than the longest backoff, one hour.
const SWEEP_PAUSES: [i64; 12] = [28, 65, 65, 65, 65, 65, 65, 65, 65, 65, 65, 65];

/// Counts the commands, attempts and holds that still need work.
const UNFINISHED: &str = "SELECT (SELECT count(*) FROM commands WHERE done_at IS NULL)
    + (SELECT count(*) FROM checkout_attempts WHERE state IN ('running', 'unsettled'))
    + (SELECT count(*) FROM holds WHERE status = 'held')";

/// Counts the service's connections that are not idle.
const ACTIVE_CONNECTIONS: &str = "SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'holdfast' AND state <> 'idle'";

/// An event type and a quantity, for 50 EUR. One hold of it uses up its slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offer {
    pub(super) event_type: &'static str,
    pub(super) quantity: u32,
}

/// Half an hour of one resource with one unit.
const CALL: Offer = Offer {
    event_type: "call",
    quantity: 1,
};

/// Two units each of `room-1` or `room-2`, the studio and the kits: six units of three resources. The studio has three
/// units, so a second hold of two does not fit.
const WORKSHOP: Offer = Offer {
    event_type: "workshop",
    quantity: 2,
};

/// A service, and slots for many scenarios one after the other.
pub(super) struct SagaFixture {
    pub(super) app: TestApp,
    offer: Offer,
    slots: AtomicI64,
    proxied: Option<ProxiedStore>,
}

/// A store behind a proxy that can cut its connections. The pool stays the same before, during and after the cut.
struct ProxiedStore {
    proxy: Arc<Proxy>,
    store: Arc<dyn Store>,
}

/// With two connections, a cut hits one in use and one idle.
const CONNECTIONS: u32 = 2;

impl SagaFixture {
    /// Starts a service that sells an event type with several segments, a choice of resources, and several units each.
    pub(super) async fn start(engine: Engine) -> Self {
        // Stripe is asked about a delayed payment within the pauses between the sweeps.
        let app = TestApp::start_with(engine, &[("HOLDFAST_ASK_PROCESSING_AFTER", "1h")]).await;
        for (resource, units) in [("room-1", 2), ("room-2", 2), ("studio", 3), ("kits", 5)] {
            app.set_resource_capacity(resource, units).await;
        }
        let segment = |offset, minutes, any_of: &[&str]| json!({"offset_minutes": offset, "duration_minutes": minutes, "any_of": any_of});
        let segments = json!([
            segment(0, 30, &["room-1", "room-2"]),
            segment(30, 20, &["studio"]),
            segment(10, 40, &["kits"])
        ]);
        app.sell(
            "workshop",
            &json!({"segments": segments, "buffer_after_minutes": 5, "amount": 2500, "checkout": {"promotion_codes": true}}),
        )
        .await;
        Self {
            offer: WORKSHOP,
            ..Self::with_calls(app)
        }
    }

    fn with_calls(app: TestApp) -> Self {
        Self {
            app,
            offer: CALL,
            slots: AtomicI64::new(0),
            proxied: None,
        }
    }

    /// Starts a service on PostgreSQL behind a proxy, which sells calls.
    pub(super) async fn start_behind_proxy() -> Self {
        let fixture = Self::with_calls(TestApp::start(Engine::Postgres).await);
        let proxy = Arc::new(Proxy::to(fixture.app.database.url()).await);
        let options = PoolOptions {
            max_connections: CONNECTIONS,
            acquire_timeout: Duration::from_millis(150),
            ..PoolOptions::default()
        };
        let store = Arc::new(PostgresStore::connect(proxy.url(), options).unwrap());
        let proxied = Some(ProxiedStore { proxy, store });
        let fixture = Self { proxied, ..fixture };
        fixture.restore_database().await;
        fixture
    }

    /// Returns an action that cuts the database connections, if there is a proxy.
    pub(super) fn proxy_cut(&self) -> Option<Disturbance> {
        let proxy = Arc::clone(&self.proxied.as_ref()?.proxy);
        Some(Box::new(move || proxy.cut()))
    }

    /// Restores the database connection, if there is a proxy, and waits until the store is ready.
    pub(super) async fn restore_database(&self) {
        let Some(proxied) = &self.proxied else { return };
        self.wait_for_last_statements().await;
        proxied.proxy.restore_traffic();
        eventually("ready again", async || {
            let ready = (0..2 * CONNECTIONS).map(|_| proxied.store.is_ready());
            let ready = futures::future::join_all(ready).await;
            ready
                .iter()
                .all(|result| matches!(result, Ok(true)))
                .then_some(())
        })
        .await;
    }

    /// Waits until the server has finished each statement that it received from a process which stopped, or before a cut,
    /// although nobody gets the answer.
    async fn wait_for_last_statements(&self) {
        if self.app.database.engine() != Engine::Postgres {
            // The next statement waits for the last one.
            return;
        }
        eventually("no connection is active", async || {
            (self.app.database.count(ACTIVE_CONNECTIONS).await == 0).then_some(())
        })
        .await;
    }

    fn store(&self) -> Arc<dyn Store> {
        match &self.proxied {
            Some(proxied) => Arc::clone(&proxied.store),
            None => Arc::clone(&self.app.context.store),
        }
    }

    /// Returns the start of a slot that no test used before.
    fn next_slot(&self) -> String {
        let first: DateTime<Utc> = "2027-03-01T00:00:00Z".parse().unwrap();
        let slot = first + chrono::Duration::hours(self.slots.fetch_add(1, Ordering::Relaxed));
        slot.format("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// Creates an empty scenario at an unused slot.
    pub(super) fn new_scenario(&self) -> Scenario {
        Scenario {
            offer: self.offer,
            slot: self.next_slot(),
            holds: Vec::new(),
            events: Vec::new(),
            orphan_sessions: Vec::new(),
        }
    }

    /// Builds a checkout body for this slot.
    pub(super) fn checkout_body(&self, slot: &str) -> Value {
        let mut body = order(self.offer.event_type, slot);
        body["quantity"] = self.offer.quantity.into();
        body
    }

    /// Creates a hold on this slot. The slot must be free.
    pub(super) async fn create_hold(&self, slot: &str) -> ApiResponse {
        self.app.checkout(&self.checkout_body(slot)).await.expect(201)
    }

    /// Builds the context of a process whose calls fail as planned.
    pub(super) fn faulty_context(&self, plan: &Arc<Plan>) -> Arc<Context> {
        self.faulty_context_with(plan, Arc::clone(&self.app.context.gateway))
    }

    /// Builds the same with another gateway.
    pub(super) fn faulty_context_with(&self, plan: &Arc<Plan>, gateway: Arc<dyn Gateway>) -> Arc<Context> {
        let store = FaultyStore {
            inner: self.store(),
            plan: Arc::clone(plan),
        };
        let gateway = FaultyGateway {
            inner: gateway,
            plan: Arc::clone(plan),
        };
        self.build_context(Arc::new(store), Arc::new(gateway))
    }

    /// Builds the context of a process that has just started.
    pub(super) fn fresh_context(&self) -> Arc<Context> {
        let tools = &self.app.context;
        self.build_context(self.store(), Arc::clone(&tools.gateway))
    }

    /// Builds the same with another gateway.
    pub(super) fn context_with_gateway(&self, gateway: Arc<dyn Gateway>) -> Arc<Context> {
        self.build_context(self.store(), gateway)
    }

    fn build_context(&self, store: Arc<dyn Store>, gateway: Arc<dyn Gateway>) -> Arc<Context> {
        let tools = &self.app.context;
        let settings = Settings {
            // Short, because no other process gives a lost lease back, so a wait for it is useless. Not shorter,
            // because this also limits the availability query, which must finish on a busy machine.
            wait_timeout: Duration::from_secs(2),
            ..tools.settings.clone()
        };
        Context::new(
            store,
            gateway,
            Arc::clone(&tools.clock),
            tools.configured_token_keys.clone(),
            settings,
        )
    }

    /// Restarts the process and sweeps. The restart takes so long that the leases of the old process are
    /// over, and its attempts are stale at the first sweep.
    pub(super) async fn restart_and_sweep(&self, events_first: bool) {
        // Otherwise one of them could take a lease after the leases ended here.
        self.wait_for_last_statements().await;
        self.app.database.expire_all_leases().await;
        if events_first {
            self.app.deliver_all().await;
        }
        self.advance_and_sweep(3).await;
    }

    /// Advances the clock and sweeps once in a fresh process.
    pub(super) async fn advance_and_sweep(&self, minutes: i64) {
        self.app.clock.advance(chrono::Duration::minutes(minutes));
        // A lease ends by the database's clock, which the test does not move. Each pause is longer than a lease.
        self.app.database.expire_all_leases().await;
        self.app.simulator.expire_due();
        sweep::sweep_once(&self.fresh_context()).await.unwrap();
    }

    /// Counts the work that is left.
    pub(super) async fn count_unfinished(&self) -> i64 {
        self.app.database.count(UNFINISHED).await
    }

    /// Sweeps in fresh processes until no work is left and Stripe has delivered all its events.
    pub(super) async fn sweep_until_done(&self, events_first: bool) {
        let mut is_delivering = events_first;
        for pause in SWEEP_PAUSES {
            if is_delivering {
                self.app.deliver_all().await;
            }
            self.advance_and_sweep(pause).await;
            let is_done = self.count_unfinished().await == 0;
            if is_done && is_delivering && self.app.simulator.pending_events().is_empty() {
                return;
            }
            is_delivering |= is_done;
        }
        panic!("{} items still need work", self.count_unfinished().await);
    }

    /// Runs a check with a label. If it fails, prints the label first.
    pub(super) async fn check_with_label(&self, label: &str, check: impl Future<Output = ()>) {
        if let Err(failure) = std::panic::AssertUnwindSafe(check).catch_unwind().await {
            eprintln!("this run fails: {label}");
            std::panic::resume_unwind(failure);
        }
    }

    /// Counts the rows of a `FROM` clause.
    pub(super) async fn count_rows(&self, from_clause: &str) -> i64 {
        self.app
            .database
            .count(&format!("SELECT count(*) FROM {from_clause}"))
            .await
    }
}
