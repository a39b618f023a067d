//! What every workflow works with: the store, Stripe, the clock, the settings, and the tasks of this process.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::{Mutex, Notify, OnceCell};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use super::account_proof::AccountProof;
use super::alternative_searches::AlternativeSearches;
use super::error::WorkflowError;
use super::heavy_work::HeavyWork;
use super::recorded_reads::RecordedReads;
use super::settings::Settings;
use super::slot_gate::SlotGate;
use crate::domain::command::backoff;
use crate::domain::time::Clock;
use crate::domain::token::{ConfiguredTokenKeys, TokenKeys};
use crate::gateway::Gateway;
use crate::store::{Store, StoreError};

/// How often a workflow decides again after a lost compare-and-swap. More conflicts in a row than this are a bug.
pub(super) const MAX_CONFLICTS: usize = 20;

/// What every workflow works with.
pub struct Context {
    /// The database behind all workflows.
    pub store: Arc<dyn Store>,
    /// The connection to Stripe.
    pub gateway: Arc<dyn Gateway>,
    /// The source of the present time.
    pub clock: Arc<dyn Clock>,
    /// The token keys that the configuration gives; [`Self::token_keys`] has all.
    pub configured_token_keys: ConfiguredTokenKeys,
    /// The settings of the shop.
    pub settings: Settings,
    /// Read from the store once, then kept.
    installation: OnceCell<String>,
    /// Read from the store once, then kept.
    token_keys: OnceCell<TokenKeys>,
    /// What this process knows about the account of its key.
    pub(super) account: AccountProof,
    pub(super) gate: SlotGate,
    /// The searches for alternatives of refused slots, and who waits for one.
    pub(super) alternative_searches: AlternativeSearches,
    /// Bounds the work that takes a processor for a while.
    pub(super) heavy_work: HeavyWork,
    /// Wakes the outbox worker after a command was written.
    pub(super) new_commands: Notify,
    /// Wakes the feed worker after a calendar feed was set.
    pub(super) new_feeds: Notify,
    /// Sagas that run in tasks of their own; a shutdown waits for them.
    pub(super) sagas: TaskTracker,
    /// Remembers which reads of operators are in the audit trail.
    pub(super) recorded_reads: RecordedReads,
    /// Allows one sweep at a time in this process.
    pub(super) sweeping: Mutex<()>,
}

impl Context {
    /// Makes a context from its parts.
    pub fn new(
        store: Arc<dyn Store>,
        gateway: Arc<dyn Gateway>,
        clock: Arc<dyn Clock>,
        configured_token_keys: ConfiguredTokenKeys,
        settings: Settings,
    ) -> Arc<Self> {
        Arc::new(Self {
            account: AccountProof::new(),
            store,
            gateway,
            clock,
            configured_token_keys,
            settings,
            installation: OnceCell::new(),
            token_keys: OnceCell::new(),
            gate: SlotGate::default(),
            alternative_searches: AlternativeSearches::default(),
            heavy_work: HeavyWork::of_this_machine(),
            new_commands: Notify::new(),
            new_feeds: Notify::new(),
            sagas: TaskTracker::new(),
            recorded_reads: RecordedReads::default(),
            sweeping: Mutex::new(()),
        })
    }

    /// Returns the id of this installation.
    pub(super) async fn installation_id(&self) -> Result<&str, StoreError> {
        self.installation
            .get_or_try_init(|| self.store.installation_id())
            .await
            .map(String::as_str)
    }

    /// Returns the keys that make and check tokens. After the first success the database is not asked again.
    ///
    /// # Errors
    /// [`WorkflowError::Store`] if the database is unreachable.
    pub async fn token_keys(&self) -> Result<&TokenKeys, WorkflowError> {
        Ok(self.load_token_keys().await?)
    }

    /// Returns the keys as [`Self::token_keys`] does. A database that earlier versions used gets its key by this.
    ///
    /// # Errors
    /// [`StoreError`] if the database is unreachable.
    pub async fn load_token_keys(&self) -> Result<&TokenKeys, StoreError> {
        let load = async || {
            let configured = &self.configured_token_keys;
            let stored = self.store.token_key(&configured.from_stripe_key).await?;
            Ok(TokenKeys::new(configured.listed.clone(), stored))
        };
        self.token_keys.get_or_try_init(load).await
    }

    /// Runs a saga in a task of its own, so that it finishes even if the client disconnects.
    pub(super) async fn run_in_task<T: Send + 'static>(
        &self,
        saga: impl Future<Output = Result<T, WorkflowError>> + Send + 'static,
    ) -> Result<T, WorkflowError> {
        let joined = self.sagas.spawn(saga).await;
        joined.unwrap_or_else(|panicked| Err(WorkflowError::Internal(Box::new(panicked))))
    }

    /// Runs work in a task of its own, which a shutdown waits for.
    pub fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.sagas.spawn(work)
    }

    /// Returns the present time, by the clock of this instance.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Returns the present time by the database's clock, on which all instances agree whether a hold is overdue, a slot
    /// has begun or a guest may still change a booking.
    pub(super) async fn database_now(&self) -> Result<DateTime<Utc>, StoreError> {
        Ok(self.clock.database_now(self.store.read_clock().await?))
    }

    /// Returns when to try something again that has failed `tries` times in a row.
    pub(super) fn retry_at(&self, tries: u32) -> DateTime<Utc> {
        self.now() + backoff(tries, rand::random())
    }

    /// Waits until all running sagas have ended. New sagas may still start, so stop serving requests first.
    pub async fn drain(&self) {
        self.sagas.close();
        self.sagas.wait().await;
    }
}
