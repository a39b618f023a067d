//! The verbs: starting a checkout, settling what Stripe says, giving a slot back, carrying out commands, sweeping.
//!
//! Each loads, decides by a pure rule of `domain`, and commits by compare-and-swap; none holds the database while it
//! waits for Stripe (I6). Who asked, and in which language, is left to `http` and `jobs`.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{Mutex, Notify, OnceCell, Semaphore};
use tokio_util::task::TaskTracker;

use crate::domain::hold::HoldPolicy;
use crate::domain::time::Clock;
use crate::domain::token::TokenKey;
use crate::gateway::{Gateway, GatewayError};
use crate::store::{Store, StoreError};

pub mod cancel;
pub mod catalogue;
pub mod checkout;
pub mod commands;
pub mod feeds;
mod gate;
pub mod inspect;
pub mod limits;
pub mod moving;
pub mod recover;
pub mod refresh;
pub mod release;
pub mod replay;
mod retention;
pub mod settle;
pub mod slots;
pub mod sweep;

/// What the shop can choose.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long a guest has to pay.
    pub hold_ttl: chrono::Duration,
    /// How long a lease lasts: longer than any call to Stripe, so that it runs out only where its owner died.
    pub lease: Duration,
    /// How long one request may wait for its turn at a slot, or for another's lease.
    pub wait_timeout: Duration,
    /// How long an attempt is its checkout's own: whoever takes longer is taken for dead.
    pub attempt_lease: Duration,
    /// How long a delayed payment is waited for before Stripe is asked; each further question waits twice as long.
    pub ask_processing_after: chrono::Duration,
    /// How long idempotency keys are remembered.
    pub remember_keys: chrono::Duration,
    /// How long the bodies of webhooks are kept, for a replay.
    pub keep_events: chrono::Duration,
    /// How long after a hold's end its guest is remembered.
    pub forget_after: chrono::Duration,
    /// How many slots one visitor may keep without paying.
    pub limits: limits::LimitSettings,
    /// The rules that the shop may choose.
    pub policy: HoldPolicy,
    /// Whether calendar feeds may lie on private addresses.
    pub calendar_allow_private: bool,
    /// Whether the secret key is a live one; events of the other mode are not ours.
    pub livemode: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hold_ttl: chrono::Duration::minutes(30),
            lease: Duration::from_secs(45),
            wait_timeout: Duration::from_secs(10),
            attempt_lease: Duration::from_secs(120),
            ask_processing_after: chrono::Duration::hours(24),
            remember_keys: chrono::Duration::hours(48),
            keep_events: chrono::Duration::days(30),
            forget_after: chrono::Duration::days(90),
            limits: limits::LimitSettings::default(),
            policy: HoldPolicy::default(),
            calendar_allow_private: false,
            livemode: false,
        }
    }
}

/// How often a decision is made again because another was faster, before that counts as a bug.
const MOST_ROUNDS: usize = 20;

/// What every workflow works with.
pub struct Context {
    /// The books.
    pub store: Arc<dyn Store>,
    /// Stripe.
    pub gateway: Arc<dyn Gateway>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The rights to cancel.
    pub tokens: TokenKey,
    /// The shop's choices.
    pub settings: Settings,
    /// Asked of the books once.
    installation: OnceCell<String>,
    gate: gate::SlotGate,
    /// Turns at looking for alternatives.
    alternatives: Semaphore,
    /// Rung when a command was written.
    new_commands: Notify,
    /// Rung when a calendar feed was set.
    new_feeds: Notify,
    /// Sagas that run in tasks of their own; a shutdown waits for them.
    sagas: TaskTracker,
    /// One sweep at a time in this process.
    sweeping: Mutex<()>,
}

impl Context {
    /// Puts the tools together.
    pub fn new(
        store: Arc<dyn Store>,
        gateway: Arc<dyn Gateway>,
        clock: Arc<dyn Clock>,
        tokens: TokenKey,
        settings: Settings,
    ) -> Arc<Self> {
        Arc::new(Self {
            store,
            gateway,
            clock,
            tokens,
            settings,
            installation: OnceCell::new(),
            gate: gate::SlotGate::default(),
            alternatives: Semaphore::new(slots::LOOKS_FOR_ALTERNATIVES),
            new_commands: Notify::new(),
            new_feeds: Notify::new(),
            sagas: TaskTracker::new(),
            sweeping: Mutex::new(()),
        })
    }

    /// The id of this installation.
    async fn installation(&self) -> Result<&str, StoreError> {
        self.installation
            .get_or_try_init(|| self.store.installation_id())
            .await
            .map(String::as_str)
    }

    /// Runs a saga in a task of its own, so that one who hangs up stops nothing half-way.
    async fn in_task<T: Send + 'static>(
        &self,
        saga: impl Future<Output = Result<T, WorkflowError>> + Send + 'static,
    ) -> Result<T, WorkflowError> {
        let done = self.sagas.spawn(saga).await;
        done.unwrap_or_else(|died| Err(WorkflowError::Internal(Box::new(died))))
    }

    /// The present.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Waits until every saga that was begun has ended. New ones may still begin: stop serving first.
    pub async fn drain(&self) {
        self.sagas.close();
        self.sagas.wait().await;
    }
}

/// What went wrong, where it is nobody's fault who asked.
#[derive(Debug, thiserror::Error)]
pub enum WorkflowError {
    /// Stripe timed out, refused for load, or is down. What it did, if anything, will be found out.
    #[error("Stripe is unavailable")]
    Stripe {
        /// When it is worth trying again, where that is known.
        retry_after: Option<Duration>,
    },
    /// The database is away.
    #[error("the database is unavailable")]
    Store(#[source] StoreError),
    /// Our bug, or a configuration that Stripe refuses.
    #[error("something that should not happen")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<StoreError> for WorkflowError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::Store(error),
            StoreError::Broken(_) => Self::Internal(Box::new(error)),
        }
    }
}

impl From<GatewayError> for WorkflowError {
    fn from(error: GatewayError) -> Self {
        match error {
            GatewayError::Refused(_) => Self::Internal(Box::new(error)),
            GatewayError::Unavailable { retry_after } => Self::Stripe { retry_after },
            GatewayError::Unknown => Self::Stripe { retry_after: None },
        }
    }
}

/// An error with its causes, in one line, for the log.
pub fn one_line(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// A random number in `0..1`, to spread retries.
fn spread() -> f64 {
    rand::random()
}
