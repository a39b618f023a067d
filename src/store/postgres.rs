//! The books on PostgreSQL 13 or newer: any number of instances share them.
//!
//! Promises what [`Store`] asks. I1 rests on the exclusion constraint `occupancy_one_buyer` alone; the statements lock
//! rows in one order, so that they wait for one another but do not deadlock, and whatever the database still refuses
//! as a deadlock or a serialization failure is repeated here, bounded. Leases are by the database's clock.
//! What a state is called, how a list goes on and what a transition does to the rows around a hold is shared with the
//! other engine (`rows`, `cursor`, `effect`).

use std::future::Future;
use std::io::ErrorKind::TimedOut;
use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

use super::{
    ApplyOutcome, AttemptEnd, AvailabilityQuery, Claim, EventRecord, HoldChange, HoldLimits, HoldMove,
    HoldRefs, MoveOutcome, NewAttempt, PlaceOutcome, PoolOptions, ReleaseLease, StaleAttempt, Store,
    StoreError, UnpaidHoldCounts,
};
use crate::domain::availability::Availability;
use crate::domain::booking::{Booking, ClientId, HistoryLine};
use crate::domain::command::Command;
use crate::domain::figures::Figures;
use crate::domain::hold::ReleaseRequester;
use crate::domain::ids::{CommandId, EventId, HoldId, IdempotencyKey, SessionId};
use crate::domain::listing::{CommandFilter, HoldFilter, Page, PageRequest, StoredEvent};
use crate::domain::payment::Receipt;
use crate::domain::segment::Allocation;

mod attempts;
mod calendar;
mod catalogue;
mod changes;
mod commands;
mod error;
mod events;
mod figures;
mod guests;
mod holds;
mod placing;
mod rehearse;
mod resources;
mod retention;
mod schema;
mod shelf;

use error::Answer;

/// How long a pooled connection may lie unused before it is tested; one that was used a moment ago is taken as it is,
/// which saves a round trip on every call.
const TEST_AFTER_IDLE: Duration = Duration::from_secs(1);

/// The books on PostgreSQL.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    pool: PgPool,
    /// For migrations, which may take longer than any other statement.
    unhurried: PgPool,
    /// How long one method may take, its repetitions included.
    patience: Duration,
}

impl PostgresStore {
    /// Prepares the pool without connecting, so that the service can start while the database is away.
    /// Must be called inside a Tokio runtime.
    ///
    /// # Errors
    /// [`StoreError::Broken`] where `url` is not a `postgres://` URL.
    pub fn connect(url: &str, options: PoolOptions) -> Result<Self, StoreError> {
        let server = PgConnectOptions::from_str(url).map_err(error::sort)?;
        let server = server.application_name("holdfast");
        let milliseconds = |time: Duration| format!("{}ms", time.as_millis().max(1));
        let hurried = server.clone().options([
            ("statement_timeout", milliseconds(options.statement_timeout)),
            ("lock_timeout", milliseconds(options.lock_timeout)),
            // A statement's first plan is the one it keeps. Planning anew for each value took as long as all the rest of
            // a checkout, and none of our statements has values that want another plan.
            ("plan_cache_mode", "force_generic_plan".to_owned()),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(options.max_connections)
            .acquire_timeout(options.acquire_timeout)
            .test_before_acquire(false)
            .before_acquire(|connection, lately| {
                Box::pin(async move {
                    if lately.idle_for > TEST_AFTER_IDLE {
                        sqlx::Connection::ping(connection).await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(hurried);
        let unhurried = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(options.acquire_timeout)
            .connect_lazy_with(server);
        Ok(Self {
            pool,
            unhurried,
            patience: options.acquire_timeout + options.statement_timeout,
        })
    }
}

impl PostgresStore {
    /// Runs one transaction, again where the database gave it up in favour of another. Bounded on our side too: a
    /// network that loses every packet ends no connection, and no timeout of the server's comes through it.
    async fn retrying<T, F>(&self, transaction: impl Fn() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Answer<T>>,
    {
        let done = tokio::time::timeout(self.patience, repeated(transaction)).await;
        done.unwrap_or_else(|_| Err(StoreError::Unavailable(std::io::Error::from(TimedOut).into())))
    }
}

async fn repeated<T, F>(transaction: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Answer<T>>,
{
    let mut tries = 1;
    loop {
        match transaction().await {
            Err(trouble) if trouble.is_transient() && tries < error::TRIES => {
                tries += 1;
                metrics::counter!("holdfast_store_retries_total").increment(1);
            }
            done => return done.map_err(StoreError::from),
        }
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn migrate(&self) -> Result<(), StoreError> {
        Ok(schema::migrate(&self.unhurried).await?)
    }

    async fn is_ready(&self) -> Result<bool, StoreError> {
        self.retrying(|| schema::is_ready(&self.pool)).await
    }

    async fn installation_id(&self) -> Result<String, StoreError> {
        self.retrying(|| schema::installation(&self.pool)).await
    }

    async fn dry_run_checkout(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.retrying(|| rehearse::rehearse(&self.pool, now)).await
    }

    async fn count_figures(&self, now: DateTime<Utc>) -> Result<Figures, StoreError> {
        self.retrying(|| figures::figures(&self.pool, now)).await
    }

    async fn find_claim(&self, key: &IdempotencyKey, fingerprint: &str) -> Result<Claim, StoreError> {
        self.retrying(|| attempts::look_at_key(&self.pool, key, fingerprint))
            .await
    }

    async fn claim_attempt(&self, attempt: &NewAttempt) -> Result<Claim, StoreError> {
        self.retrying(|| attempts::claim(&self.pool, attempt)).await
    }

    async fn end_attempt(&self, hold: HoldId, end: AttemptEnd, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.retrying(|| attempts::end(&self.pool, hold, end, now)).await
    }

    async fn lease_stale_attempts(
        &self,
        now: DateTime<Utc>,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<StaleAttempt>, StoreError> {
        self.retrying(|| attempts::lease_stale(&self.pool, now, lease, limit))
            .await
    }

    async fn defer_attempt(&self, hold: HoldId, due_at: DateTime<Utc>) -> Result<(), StoreError> {
        self.retrying(|| attempts::defer(&self.pool, hold, due_at)).await
    }

    async fn abandon_attempt(
        &self,
        hold: HoldId,
        session: &SessionId,
        now: DateTime<Utc>,
    ) -> Result<CommandId, StoreError> {
        self.retrying(|| attempts::abandon_with_session(&self.pool, hold, session, now))
            .await
    }

    async fn delete_old_attempts(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        self.retrying(|| attempts::forget(&self.pool, before, limit))
            .await
    }

    async fn load_availability(&self, question: &AvailabilityQuery<'_>) -> Result<Availability, StoreError> {
        self.retrying(|| calendar::read(&self.pool, question)).await
    }

    async fn place_hold(
        &self,
        booking: &Booking,
        units: &[Allocation],
        limits: &HoldLimits,
    ) -> Result<PlaceOutcome, StoreError> {
        self.retrying(|| placing::place(&self.pool, booking, units, limits))
            .await
    }

    async fn close_lost_attempt(
        &self,
        hold: HoldId,
        session: &SessionId,
        now: DateTime<Utc>,
    ) -> Result<Option<CommandId>, StoreError> {
        self.retrying(|| placing::lose(&self.pool, hold, session, now))
            .await
    }

    async fn move_hold(&self, order: &HoldMove) -> Result<MoveOutcome, StoreError> {
        self.retrying(|| placing::move_hold(&self.pool, order)).await
    }

    async fn count_unpaid_holds(
        &self,
        guest: &str,
        client: Option<&ClientId>,
    ) -> Result<UnpaidHoldCounts, StoreError> {
        self.retrying(|| guests::standing(&self.pool, guest, client))
            .await
    }

    async fn find_booking(&self, id: HoldId) -> Result<Option<Booking>, StoreError> {
        self.retrying(|| holds::read(&self.pool, id)).await
    }

    async fn find_booking_by_refs(&self, refs: &HoldRefs) -> Result<Option<Booking>, StoreError> {
        self.retrying(|| holds::find(&self.pool, refs)).await
    }

    async fn list_bookings(
        &self,
        filter: &HoldFilter,
        page: &PageRequest,
    ) -> Result<Page<Booking>, StoreError> {
        self.retrying(|| holds::list(&self.pool, filter, page)).await
    }

    async fn list_history(&self, id: HoldId) -> Result<Vec<HistoryLine>, StoreError> {
        self.retrying(|| changes::history(&self.pool, id)).await
    }

    async fn lease_release(
        &self,
        id: HoldId,
        asker: Option<ReleaseRequester>,
        lease: Duration,
    ) -> Result<ReleaseLease, StoreError> {
        self.retrying(|| holds::lease_release(&self.pool, id, asker, lease))
            .await
    }

    async fn lease_due_holds(
        &self,
        now: DateTime<Utc>,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<Booking>, StoreError> {
        self.retrying(|| holds::lease_due(&self.pool, now, lease, limit))
            .await
    }

    async fn defer_hold(
        &self,
        id: HoldId,
        due_at: DateTime<Utc>,
        forget_requester: bool,
    ) -> Result<(), StoreError> {
        self.retrying(|| holds::defer(&self.pool, id, due_at, forget_requester))
            .await
    }

    async fn apply_change(&self, change: &HoldChange) -> Result<ApplyOutcome, StoreError> {
        self.retrying(|| changes::apply(&self.pool, change)).await
    }

    async fn record_orphan_payment(
        &self,
        event: Option<&EventRecord>,
        claimed: Option<HoldId>,
        receipt: &Receipt,
        now: DateTime<Utc>,
    ) -> Result<ApplyOutcome, StoreError> {
        self.retrying(|| changes::apply_orphan(&self.pool, event, claimed, receipt, now))
            .await
    }

    async fn list_events(
        &self,
        hold: Option<HoldId>,
        page: &PageRequest,
    ) -> Result<Page<StoredEvent>, StoreError> {
        self.retrying(|| events::list(&self.pool, hold, page)).await
    }

    async fn find_event_payload(&self, id: &EventId) -> Result<Option<String>, StoreError> {
        self.retrying(|| events::payload(&self.pool, id)).await
    }

    async fn clear_event_payloads(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        self.retrying(|| retention::forget(&self.pool, retention::FORGET_PAYLOADS, before, limit))
            .await
    }

    async fn delete_old_events(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        self.retrying(|| retention::forget(&self.pool, retention::FORGET_EVENTS, before, limit))
            .await
    }

    async fn erase_guests(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        self.retrying(|| retention::forget(&self.pool, retention::FORGET_GUESTS, before, limit))
            .await
    }

    async fn delete_idle_clients(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        let statement = retention::FORGET_CLIENTS;
        self.retrying(|| retention::forget(&self.pool, statement, before, limit))
            .await
    }

    async fn lease_commands(
        &self,
        now: DateTime<Utc>,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<Command>, StoreError> {
        self.retrying(|| commands::lease_due(&self.pool, now, lease, limit))
            .await
    }

    async fn lease_command(&self, id: CommandId, lease: Duration) -> Result<Option<Command>, StoreError> {
        self.retrying(|| commands::lease_one(&self.pool, id, lease)).await
    }

    async fn finish_command(&self, command: &Command, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.retrying(|| commands::finish(&self.pool, command, now)).await
    }

    async fn fail_command(
        &self,
        id: CommandId,
        error: &str,
        due_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.retrying(|| commands::fail(&self.pool, id, error, due_at))
            .await
    }

    async fn find_command(&self, id: CommandId) -> Result<Option<Command>, StoreError> {
        self.retrying(|| commands::read(&self.pool, id)).await
    }

    async fn list_commands(
        &self,
        filter: CommandFilter,
        page: &PageRequest,
    ) -> Result<Page<Command>, StoreError> {
        self.retrying(|| commands::list(&self.pool, filter, page)).await
    }

    async fn retry_command(&self, id: CommandId, now: DateTime<Utc>) -> Result<Option<Command>, StoreError> {
        self.retrying(|| commands::retry(&self.pool, id, now)).await
    }
}
