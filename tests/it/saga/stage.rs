//! Where the stories are played: a service with its books and its Stripe, tools that go wrong as planned, and the
//! restart after it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::FutureExt;
use holdfast::gateway::Gateway;
use holdfast::store::Store;
use holdfast::workflow::{Context, Settings, sweep};

use crate::support::app::TestApp;
use crate::support::database::Engine;
use crate::support::faulty::{FaultyGateway, FaultyStore, Plan};

/// Minutes that pass before each sweep after a restart: past what counts as stale, to the end of a hold whose session
/// is still open, then past the longest pause between two tries, again and again.
const PAUSES: [i64; 12] = [3, 28, 65, 65, 65, 65, 65, 65, 65, 65, 65, 65];

/// The sum of what somebody still has to do.
const UNFINISHED: &str = "SELECT (SELECT count(*) FROM commands WHERE done_at IS NULL)
    + (SELECT count(*) FROM checkout_attempts WHERE state IN ('running', 'unsettled'))
    + (SELECT count(*) FROM holds WHERE status = 'held')";

/// A service, and slots for many stories one after the other.
pub(super) struct Stage {
    pub(super) app: TestApp,
    slots: AtomicI64,
}

impl Stage {
    pub(super) async fn set(engine: Engine) -> Self {
        Self {
            app: TestApp::start(engine).await,
            slots: AtomicI64::new(0),
        }
    }

    /// The start of a slot that was never asked for.
    pub(super) fn slot(&self) -> String {
        let first: DateTime<Utc> = "2027-03-01T00:00:00Z".parse().unwrap();
        let slot = first + chrono::Duration::hours(self.slots.fetch_add(1, Ordering::Relaxed));
        slot.format("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// The tools of a process whose calls go wrong as planned.
    pub(super) fn disturbed(&self, plan: &Arc<Plan>) -> Arc<Context> {
        self.disturbed_at(plan, Arc::clone(&self.app.context.gateway))
    }

    /// The same with another Stripe.
    pub(super) fn disturbed_at(&self, plan: &Arc<Plan>, stripe: Arc<dyn Gateway>) -> Arc<Context> {
        let store = FaultyStore {
            inner: Arc::clone(&self.app.context.store),
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
        self.process(Arc::clone(&tools.store), Arc::clone(&tools.gateway))
    }

    fn process(&self, store: Arc<dyn Store>, gateway: Arc<dyn Gateway>) -> Arc<Context> {
        let tools = &self.app.context;
        let settings = Settings {
            // A lease that was lost is not given back by anybody here: there is nobody to wait for.
            patience: Duration::from_millis(50),
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

    /// A restart takes so long that the leases of the process before have run out.
    pub(super) async fn restart(&self) {
        for books in ["holds", "commands", "checkout_attempts"] {
            let statement = format!("UPDATE {books} SET leased_until = NULL WHERE leased_until IS NOT NULL");
            self.app.database.execute(&statement).await;
        }
    }

    /// So much later, one sweep of a fresh process.
    pub(super) async fn sweep_after(&self, minutes: i64) {
        self.app.clock.advance(chrono::Duration::minutes(minutes));
        self.app.simulator.expire_due();
        sweep::run_once(&self.fresh()).await.unwrap();
    }

    /// What somebody still has to do.
    pub(super) async fn unfinished(&self) -> i64 {
        self.app.database.count(UNFINISHED).await
    }

    /// Fresh processes sweep until there is nothing left to do, before or after Stripe has told all its events.
    pub(super) async fn until_quiet(&self, what: &str, stripe_tells_first: bool) {
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
        panic!("{what}: {} things are still to be done", self.unfinished().await);
    }

    /// Says what was tried where it fails.
    pub(super) async fn telling(&self, what: String, check: impl Future<Output = ()>) {
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
