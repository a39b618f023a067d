//! Where the stories are played: a service with its books and its Stripe, tools that go wrong as planned, and the
//! restart after it.

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

use super::Scene;
use crate::support::app::{Answer, TestApp, order};
use crate::support::database::Engine;
use crate::support::faulty::{Disturbance, FaultyGateway, FaultyStore, Plan};
use crate::support::proxy::Proxy;
use crate::support::wait::eventually;

/// Minutes that pass before each sweep after the first one: to the end of a hold whose session is still open, then past
/// the longest pause between two tries, again and again.
const PAUSES: [i64; 12] = [28, 65, 65, 65, 65, 65, 65, 65, 65, 65, 65, 65];

/// The sum of what somebody still has to do.
const UNFINISHED: &str = "SELECT (SELECT count(*) FROM commands WHERE done_at IS NULL)
    + (SELECT count(*) FROM checkout_attempts WHERE state IN ('running', 'unsettled'))
    + (SELECT count(*) FROM holds WHERE status = 'held')";

/// Connections of the service in the middle of something.
const AT_WORK: &str = "SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'holdfast' AND state <> 'idle'";

/// What the stories of a stage sell, for 50 EUR: whoever has it leaves no room at that start for another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sale {
    pub(super) event_type: &'static str,
    pub(super) quantity: u32,
}

/// Half an hour of one person.
const CALL: Sale = Sale {
    event_type: "call",
    quantity: 1,
};

/// Two places each in a room out of a pool, then in the studio, with kits for both: six units of three resources, and
/// what is left of the studio is too little for a second one.
const WORKSHOP: Sale = Sale {
    event_type: "workshop",
    quantity: 2,
};

/// A service, and slots for many stories one after the other.
pub(super) struct Stage {
    pub(super) app: TestApp,
    sale: Sale,
    slots: AtomicI64,
    outside: Option<Outside>,
}

/// Books whose way to the database can be cut: the same connections before, during and after.
struct Outside {
    proxy: Arc<Proxy>,
    store: Arc<dyn Store>,
}

/// One connection is in the middle of what is cut, another lies idle.
const CONNECTIONS: u32 = 2;

impl Stage {
    /// One where all that can be booked comes together: a composite with a pool and a class, more than one of each.
    pub(super) async fn set(engine: Engine) -> Self {
        let app = TestApp::start(engine).await;
        for (resource, units) in [("room-1", 2), ("room-2", 2), ("studio", 3), ("kits", 5)] {
            app.set_capacity(resource, units).await;
        }
        let segment = |offset, minutes, any_of: &[&str]| json!({"offset_minutes": offset, "duration_minutes": minutes, "any_of": any_of});
        let segments = json!([
            segment(0, 30, &["room-1", "room-2"]),
            segment(30, 20, &["studio"]),
            segment(10, 40, &["kits"])
        ]);
        app.sell(
            "workshop",
            &json!({"segments": segments, "buffer_after_minutes": 5, "amount": 2500}),
        )
        .await;
        Self {
            sale: WORKSHOP,
            ..Self::with_calls(app)
        }
    }

    fn with_calls(app: TestApp) -> Self {
        Self {
            app,
            sale: CALL,
            slots: AtomicI64::new(0),
            outside: None,
        }
    }

    /// One on PostgreSQL, behind a proxy, with calls on sale.
    pub(super) async fn behind_a_proxy() -> Self {
        let stage = Self::with_calls(TestApp::start(Engine::Postgres).await);
        let proxy = Arc::new(Proxy::to(stage.app.database.url()).await);
        let options = PoolOptions {
            max_connections: CONNECTIONS,
            acquire_timeout: Duration::from_millis(150),
            ..PoolOptions::default()
        };
        let store = Arc::new(PostgresStore::connect(proxy.url(), options).unwrap());
        let outside = Some(Outside { proxy, store });
        let stage = Self { outside, ..stage };
        stage.come_back().await;
        stage
    }

    /// What a fault does outside.
    pub(super) fn disturbance(&self) -> Option<Disturbance> {
        let proxy = Arc::clone(&self.outside.as_ref()?.proxy);
        Some(Box::new(move || proxy.cut()))
    }

    /// The way to the database is open again, and the same process is asked until it says that it is ready.
    pub(super) async fn come_back(&self) {
        let Some(outside) = &self.outside else { return };
        // What had come through to the server before the cut is done there, answered or not.
        eventually("nobody is at work", async || {
            (self.app.database.count(AT_WORK).await == 0).then_some(())
        })
        .await;
        outside.proxy.mend();
        eventually("ready again", async || {
            let ready = (0..2 * CONNECTIONS).map(|_| outside.store.is_ready());
            let ready = futures::future::join_all(ready).await;
            ready.iter().all(|one| matches!(one, Ok(true))).then_some(())
        })
        .await;
    }

    fn store(&self) -> Arc<dyn Store> {
        match &self.outside {
            Some(outside) => Arc::clone(&outside.store),
            None => Arc::clone(&self.app.context.store),
        }
    }

    /// The start of a slot that was never asked for.
    fn slot(&self) -> String {
        let first: DateTime<Utc> = "2027-03-01T00:00:00Z".parse().unwrap();
        let slot = first + chrono::Duration::hours(self.slots.fetch_add(1, Ordering::Relaxed));
        slot.format("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// A scene at a slot that was never asked for, with nothing in it yet.
    pub(super) fn scene(&self) -> Scene {
        Scene {
            sale: self.sale,
            slot: self.slot(),
            holds: Vec::new(),
            events: Vec::new(),
            nobodys: Vec::new(),
        }
    }

    /// What somebody asks for who wants this slot.
    pub(super) fn order(&self, slot: &str) -> Value {
        let mut order = order(self.sale.event_type, slot);
        order["quantity"] = self.sale.quantity.into();
        order
    }

    /// A hold on this slot, which must be had.
    pub(super) async fn hold(&self, slot: &str) -> Answer {
        self.app.checkout(&self.order(slot)).await.expect(201)
    }

    /// The tools of a process whose calls go wrong as planned.
    pub(super) fn disturbed(&self, plan: &Arc<Plan>) -> Arc<Context> {
        self.disturbed_at(plan, Arc::clone(&self.app.context.gateway))
    }

    /// The same with another Stripe.
    pub(super) fn disturbed_at(&self, plan: &Arc<Plan>, stripe: Arc<dyn Gateway>) -> Arc<Context> {
        let store = FaultyStore {
            inner: self.store(),
            plan: Arc::clone(plan),
        };
        let gateway = FaultyGateway {
            inner: stripe,
            plan: Arc::clone(plan),
        };
        self.process(Arc::new(store), Arc::new(gateway))
    }

    /// The tools of a process that has just started.
    pub(super) fn fresh(&self) -> Arc<Context> {
        let tools = &self.app.context;
        self.process(self.store(), Arc::clone(&tools.gateway))
    }

    /// The same with another Stripe.
    pub(super) fn with_stripe(&self, stripe: Arc<dyn Gateway>) -> Arc<Context> {
        self.process(self.store(), stripe)
    }

    fn process(&self, store: Arc<dyn Store>, gateway: Arc<dyn Gateway>) -> Arc<Context> {
        let tools = &self.app.context;
        let settings = Settings {
            // A lease that was lost is not given back by anybody here: there is nobody to wait for. But a look at the
            // slot is bounded by this too, and must come to its end on a busy machine.
            wait_timeout: Duration::from_secs(2),
            ..tools.settings.clone()
        };
        Context::new(
            store,
            gateway,
            Arc::clone(&tools.clock),
            tools.tokens.clone(),
            settings,
        )
    }

    /// A restart takes so long that the leases of the process before have run out, and what it was at is stale for
    /// the first sweep.
    pub(super) async fn restart(&self, stripe_tells_first: bool) {
        self.app.database.end_leases().await;
        if stripe_tells_first {
            self.app.deliver_all().await;
        }
        self.sweep_after(3).await;
    }

    /// So much later, one sweep of a fresh process.
    pub(super) async fn sweep_after(&self, minutes: i64) {
        self.app.clock.advance(chrono::Duration::minutes(minutes));
        self.app.simulator.expire_due();
        sweep::sweep_once(&self.fresh()).await.unwrap();
    }

    /// What somebody still has to do.
    pub(super) async fn unfinished(&self) -> i64 {
        self.app.database.count(UNFINISHED).await
    }

    /// Fresh processes sweep until there is nothing left to do, before or after Stripe has told all its events.
    pub(super) async fn until_quiet(&self, stripe_tells_first: bool) {
        let mut told = stripe_tells_first;
        for pause in PAUSES {
            if told {
                self.app.deliver_all().await;
            }
            self.sweep_after(pause).await;
            let quiet = self.unfinished().await == 0;
            if quiet && told && self.app.simulator.pending_events().is_empty() {
                return;
            }
            told |= quiet;
        }
        panic!("{} things are still to be done", self.unfinished().await);
    }

    /// Says what was tried where it fails.
    pub(super) async fn telling(&self, what: &str, check: impl Future<Output = ()>) {
        if let Err(failure) = std::panic::AssertUnwindSafe(check).catch_unwind().await {
            eprintln!("this fails: {what}");
            std::panic::resume_unwind(failure);
        }
    }

    /// How many rows there are of what this says.
    pub(super) async fn count(&self, what: &str) -> i64 {
        self.app
            .database
            .count(&format!("SELECT count(*) FROM {what}"))
            .await
    }
}
