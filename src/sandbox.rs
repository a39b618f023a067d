//! A Stripe simulator: the part of Stripe's HTTP API that a checkout needs, with its webhooks and a payment page.
//!
//! For trying the service without an account and for testing it. Speaks the wire of a real test-mode account (forms,
//! ids, error bodies, idempotency keys, signed and retried webhooks), so that the client that talks to Stripe talks to
//! it unchanged; adds controls under `/sandbox` and faults to order. One account, in memory, loopback, no secrets.
//! A server of its own: it knows nothing of the rest of the crate, and its clock is a value that is passed in.

mod answer;
mod api;
mod control;
mod delivery;
mod dice;
mod disputes;
mod endpoint;
mod error;
mod events;
mod faults;
mod hands;
mod idempotency;
mod ids;
mod money;
mod objects;
mod operations;
mod page;
mod params;
mod payments;
mod refunds;
mod session_params;
mod sessions;
mod sign;
mod state;
mod views;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::routing::{get, post, put};
use chrono::{DateTime, Utc};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use delivery::Delivery;
pub use endpoint::{CallCounts, Endpoint};
pub use events::QueuedEvent;
pub use faults::{ApiFault, Chance, FaultKind, Faults, WebhookFaults};
pub use hands::ControlError;
pub use params::Metadata;
pub use payments::{IntentStatus, Outcome};
pub use sessions::{PaymentStatus, SessionStatus};
pub use sign::signature_header;
pub use views::{IntentView, RefundView, SessionView};

/// The API version whose shapes the objects and events have.
pub const API_VERSION: &str = "2026-09-30.endive";

/// The simulator's clock.
pub type Now = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// Whether things happen by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Webhooks are delivered and retried, and sessions expire, in background tasks of `serve`.
    Automatic,
    /// Nothing happens until the test says so: webhooks queue up, sessions expire only when told to.
    Explicit,
}

/// How a simulator is set up.
#[derive(Clone)]
pub struct SimulatorConfig {
    /// Where webhooks go (`http` only); without one they queue up until it is set.
    pub webhook_url: Option<String>,
    /// The whole `whsec_…` string that signs them.
    pub webhook_secret: String,
    /// Whether things happen by themselves.
    pub mode: Mode,
    /// The simulator's clock.
    pub now: Now,
}

/// The simulator; clones share one account.
#[derive(Clone)]
pub struct Simulator(Arc<Inner>);

struct Inner {
    config: SimulatorConfig,
    webhook_url: Mutex<Option<String>>,
    state: Mutex<state::State>,
    ledger: Mutex<idempotency::Ledger>,
    faults: Mutex<dice::ApiDice>,
    counts: Mutex<CallCounts>,
    postman: delivery::Postman,
    /// Rung when there may be something for the background courier.
    bell: Notify,
}

/// A holder of one of these locks cannot leave a change half-done, so a poisoned lock is as good as new.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Simulator {
    /// An empty account.
    pub fn new(config: SimulatorConfig) -> Simulator {
        let mut state = state::State::default();
        state.events.feeds_courier = config.mode == Mode::Automatic;
        Simulator(Arc::new(Inner {
            webhook_url: Mutex::new(config.webhook_url.clone()),
            state: Mutex::new(state),
            ledger: Mutex::default(),
            faults: Mutex::new(dice::ApiDice::new(Faults::default())),
            counts: Mutex::default(),
            postman: delivery::Postman::new(),
            bell: Notify::new(),
            config,
        }))
    }

    /// The whole route table: controls, payment page, and the API for everything else.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/sandbox/sessions", get(control::sessions))
            .route("/sandbox/sessions/{id}/pay", post(control::pay))
            .route("/sandbox/sessions/{id}/expire", post(control::expire))
            .route("/sandbox/intents/{id}/refund", post(control::refund))
            .route("/sandbox/intents/{id}/dispute", post(control::dispute))
            .route("/sandbox/events", get(control::events))
            .route("/sandbox/events/{id}/deliver", post(control::deliver))
            .route("/sandbox/faults", put(control::set_faults).get(control::faults))
            .route("/sandbox/calls", get(control::calls))
            .route("/c/pay/{id}", get(page::show))
            .fallback(api::handle)
            .with_state(self.clone())
    }

    /// Serves until `shutdown`; in automatic mode also delivers webhooks and expires sessions meanwhile.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(self, listener: TcpListener, shutdown: CancellationToken) -> std::io::Result<()> {
        use axum::serve::ListenerExt;
        let background = shutdown.child_token();
        let _ends_with_us = background.clone().drop_guard();
        if self.0.config.mode == Mode::Automatic {
            tokio::spawn(delivery::courier(self.clone(), background.clone()));
            tokio::spawn(delivery::expirer(self.clone(), background));
        }
        let listener = listener.tap_io(|stream| {
            // Without it small answers wait for the peer's acknowledgement. It can fail only on a dead connection.
            let _ = stream.set_nodelay(true);
        });
        let serving =
            axum::serve(listener, self.router()).with_graceful_shutdown(shutdown.clone().cancelled_owned());
        // A hanging answer, ordered as a fault, must not keep the process alive.
        let patience = async {
            shutdown.cancelled().await;
            tokio::time::sleep(delivery::PATIENCE_AT_SHUTDOWN).await;
        };
        tokio::select! {
            served = serving => served,
            () = patience => Ok(()),
        }
    }

    fn now(&self) -> DateTime<Utc> {
        (self.0.config.now)()
    }

    /// Changes the state; the courier learns of new events.
    fn change<T>(&self, act: impl FnOnce(&mut state::State) -> T) -> T {
        let mut state = lock(&self.0.state);
        let result = act(&mut state);
        if state.events.has_fresh() {
            self.0.bell.notify_one();
        }
        result
    }

    fn read<T>(&self, look: impl FnOnce(&state::State) -> T) -> T {
        look(&lock(&self.0.state))
    }

    fn ledger(&self) -> MutexGuard<'_, idempotency::Ledger> {
        lock(&self.0.ledger)
    }

    fn plan(&self, endpoint: Endpoint) -> dice::Plan {
        lock(&self.0.faults).plan(endpoint)
    }

    fn count(&self, add: impl FnOnce(&mut CallCounts)) {
        add(&mut lock(&self.0.counts));
    }
}
