//! The simulator's state and configuration: one account in memory, shared by all clones of [`Simulator`]. `account_file`
//! can keep it in a file.
//!
//! Other files add what it does: `server` its HTTP interface, `test_controls` and `webhook_delivery` the Rust interface
//! for tests.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use tokio::sync::Notify;

use super::account_state::AccountState;
use super::endpoint::{CallCounts, Endpoint};
use super::fault_injection::Faults;
use super::fault_plan::{ApiFaultPlanner, CallPlan};
use super::idempotency_keys::IdempotencyKeys;
use super::webhook_client::WebhookClient;

/// The function that returns the simulator's current time.
pub type Now = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// Whether webhooks and expiry happen in the background or on command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Background tasks of `serve` deliver and retry webhooks and expire sessions.
    Automatic,
    /// Webhooks stay in the queue and sessions stay open until a test delivers or expires them.
    Explicit,
}

/// The configuration of a simulator.
#[derive(Clone)]
pub struct SimulatorConfig {
    /// The URL that webhooks are sent to, `http` only. Without it they stay in the queue until it is set.
    pub webhook_url: Option<String>,
    /// The secret that signs webhooks: the whole `whsec_…` string.
    pub webhook_secret: String,
    /// Whether webhooks and expiry happen in the background or on command.
    pub mode: Mode,
    /// The simulator's clock, so that tests can set the time.
    pub now: Now,
}

/// A Stripe simulator; all clones share one account.
#[derive(Clone)]
pub struct Simulator {
    pub(super) shared: Arc<SharedState>,
}

/// The state that all clones of a simulator share.
pub(super) struct SharedState {
    pub(super) config: SimulatorConfig,
    pub(super) account: Mutex<AccountState>,
    pub(super) idempotency_keys: Mutex<IdempotencyKeys>,
    pub(super) api_faults: Mutex<ApiFaultPlanner>,
    pub(super) counts: Mutex<CallCounts>,
    pub(super) webhook_client: WebhookClient,
    /// Wakes the background delivery when there is a new event or a new webhook URL.
    pub(super) delivery_wakeup: Notify,
    /// Wakes the task that keeps the account in a file.
    pub(super) account_changed: Notify,
}

/// Locks a mutex, even if a thread panicked while it held the lock.
///
/// Ignoring the poison is safe, because nobody who holds one of the locks can leave a change half done.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Simulator {
    /// Creates a simulator with an empty account.
    pub fn new(config: SimulatorConfig) -> Simulator {
        let mut account = AccountState::default();
        account.webhook_url.clone_from(&config.webhook_url);
        account.events.has_background_delivery = config.mode == Mode::Automatic;
        let shared = Arc::new(SharedState {
            account: Mutex::new(account),
            idempotency_keys: Mutex::default(),
            api_faults: Mutex::new(ApiFaultPlanner::new(Faults::default())),
            counts: Mutex::default(),
            webhook_client: WebhookClient::new(),
            delivery_wakeup: Notify::new(),
            account_changed: Notify::new(),
            config,
        });
        Simulator { shared }
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        (self.shared.config.now)()
    }

    /// Changes the account, and wakes the background delivery if there are new events.
    pub(super) fn change_state<T>(&self, change: impl FnOnce(&mut AccountState) -> T) -> T {
        let mut account = lock(&self.shared.account);
        let result = change(&mut account);
        self.shared.account_changed.notify_one();
        if account.events.has_unclaimed() {
            self.shared.delivery_wakeup.notify_one();
        }
        result
    }

    pub(super) fn read_state<T>(&self, read: impl FnOnce(&AccountState) -> T) -> T {
        read(&lock(&self.shared.account))
    }

    pub(super) fn idempotency_keys(&self) -> MutexGuard<'_, IdempotencyKeys> {
        lock(&self.shared.idempotency_keys)
    }

    pub(super) fn plan_call(&self, endpoint: Endpoint) -> CallPlan {
        lock(&self.shared.api_faults).plan_call(endpoint)
    }

    pub(super) fn update_counts(&self, update: impl FnOnce(&mut CallCounts)) {
        update(&mut lock(&self.shared.counts));
    }
}
