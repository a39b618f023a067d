//! The books on SQLite: one file, one process that writes at a time, nothing to install.
//!
//! One connection writes, each write in a `BEGIN IMMEDIATE` transaction, so that what a transaction has read cannot
//! change under it; the others only read, beside it (WAL). I1 is kept by the one statement of `placing` that takes
//! units, under the write lock, and again by triggers in the schema, which refuse even a hand-written overlap. An answered write is on
//! the disk (`synchronous=FULL`). Times are kept to the millisecond.
//!
//! The questions stand in one file for each aggregate, with the same names as in `postgres/`; what both engines decide
//! alike is in `cursor`, `effect` and `rows`.

use std::future::Future;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::query::Query;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection, Sqlite, SqlitePool, Transaction};

use self::error::Answer;
use super::{
    ApplyOutcome, AttemptEnd, AvailabilityQuery, Claim, ClientId, EventRecord, HoldChange, HoldLimits,
    HoldMove, HoldRefs, MoveOutcome, NewAttempt, PlaceOutcome, PoolOptions, ReleaseLease, StaleAttempt,
    Store, StoreError, UnpaidHoldCounts,
};
use crate::domain::availability::Availability;
use crate::domain::booking::{Booking, HistoryLine};
use crate::domain::command::Command;
use crate::domain::figures::Figures;
use crate::domain::hold::ReleaseRequester;
use crate::domain::ids::{CommandId, EventId, HoldId, IdempotencyKey, SessionId};
use crate::domain::listing::{CommandFilter, HoldFilter, Page, PageRequest, StoredEvent};
use crate::domain::payment::Receipt;
use crate::domain::segment::Allocation;

mod attempts;
mod booking_row;
mod calendar;
mod catalogue;
mod changes;
mod commands;
mod error;
mod events;
mod figures;
mod guests;
mod history;
mod holds;
mod placing;
mod rehearse;
mod resources;
mod retention;
mod schema;
mod shelf;
#[cfg(test)]
mod tests;

/// The books in a SQLite file.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    /// Never more than one connection: writers queue here, fairly, and not at SQLite's lock.
    writer: SqlitePool,
    readers: SqlitePool,
    read_timeout: Duration,
}

#[derive(Debug, thiserror::Error)]
#[error("SQLite needs the path of a file: an in-memory database is gone with its connection")]
struct NotAFile;

/// Opens the books at `path`, and makes the file, readable by its owner only, where there is none.
///
/// # Errors
/// [`StoreError::Broken`] where `path` is `:memory:`, empty, or a `file:` URI, or the file is not a database;
/// [`StoreError::Unavailable`] where it cannot be opened.
pub async fn connect(path: &str, options: PoolOptions) -> Result<SqliteStore, StoreError> {
    Ok(open(path, options).await?)
}

async fn open(path: &str, options: PoolOptions) -> Answer<SqliteStore> {
    if path.is_empty() || path == ":memory:" || path.starts_with("file:") {
        return Err(StoreError::Broken(Box::new(NotAFile)).into());
    }
    create_private(path).await.map_err(sqlx::Error::Io)?;
    let file = SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .busy_timeout(options.lock_timeout);
    let writing = file
        .clone()
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let pool = || SqlitePoolOptions::new().acquire_timeout(options.acquire_timeout);
    // SQLite may end a transaction by itself (a full disk, an I/O error) without the driver's knowing; a connection
    // whose books on that are wrong is replaced, else the only writer would be lost.
    let writer = pool()
        .max_connections(1)
        .before_acquire(|connection, _| {
            let usable = !connection.is_in_transaction();
            Box::pin(async move { Ok(usable) })
        })
        .connect_with(writing)
        .await?;
    let readers = pool()
        .max_connections(options.max_connections)
        .connect_with(file.read_only(true))
        .await?;
    let read_timeout = options.acquire_timeout + options.statement_timeout;
    Ok(SqliteStore {
        writer,
        readers,
        read_timeout,
    })
}

/// The books hold addresses of guests; SQLite gives its side files the mode of this one.
async fn create_private(path: &str) -> std::io::Result<()> {
    let mut open = tokio::fs::OpenOptions::new();
    open.write(true).create(true).truncate(false);
    #[cfg(unix)]
    open.mode(0o600);
    open.open(path).await.map(drop)
}

impl SqliteStore {
    /// A write transaction; it has the write lock from the start, so it cannot fail half-way for want of it.
    async fn begin(&self) -> Answer<Transaction<'static, Sqlite>> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// A write of one statement; answers how many rows it changed.
    async fn write(&self, statement: Query<'_, Sqlite, SqliteArguments>) -> Answer<u64> {
        let mut tx = self.begin().await?;
        let done = statement.execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(done.rows_affected())
    }

    /// A read, answered within the time for a connection and a statement.
    async fn read<T>(&self, question: impl Future<Output = sqlx::Result<T>>) -> Answer<T> {
        match tokio::time::timeout(self.read_timeout, question).await {
            Ok(answer) => Ok(answer?),
            Err(late) => Err(sqlx::Error::Io(late.into()).into()),
        }
    }
}

/// The database's clock, by which leases are taken and judged, in milliseconds since the epoch.
macro_rules! db_now {
    () => {
        "CAST(unixepoch('subsec') * 1000 AS INTEGER)"
    };
}
use db_now;

fn millis(lease: Duration) -> i64 {
    i64::try_from(lease.as_millis()).unwrap_or(i64::MAX / 2)
}

/// Where a list that runs by time and id goes on, as its two columns; `None` where the cursor was not given out.
fn timed_place(page: &PageRequest) -> Option<(i64, String)> {
    match &page.cursor {
        // Everything is before the end of time.
        None => Some((i64::MAX, String::new())),
        Some(cursor) => super::cursor::read_timed(cursor)
            .map(|(at, id)| (at.timestamp_millis(), id.hyphenated().to_string())),
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn migrate(&self) -> Result<(), StoreError> {
        Ok(schema::migrate(self).await?)
    }
    async fn is_ready(&self) -> Result<bool, StoreError> {
        Ok(schema::is_ready(self).await?)
    }
    async fn installation_id(&self) -> Result<String, StoreError> {
        Ok(schema::installation(self).await?)
    }
    async fn dry_run_checkout(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        Ok(rehearse::rehearse(self, now).await?)
    }
    async fn count_figures(&self, now: DateTime<Utc>) -> Result<Figures, StoreError> {
        Ok(figures::figures(self, now).await?)
    }

    async fn find_claim(&self, key: &IdempotencyKey, fingerprint: &str) -> Result<Claim, StoreError> {
        Ok(attempts::look_at_key(self, key, fingerprint).await?)
    }
    async fn claim_attempt(&self, attempt: &NewAttempt) -> Result<Claim, StoreError> {
        Ok(attempts::claim_attempt(self, attempt).await?)
    }
    async fn end_attempt(&self, hold: HoldId, end: AttemptEnd, now: DateTime<Utc>) -> Result<(), StoreError> {
        Ok(attempts::end_attempt(self, hold, end, now).await?)
    }
    async fn lease_stale_attempts(
        &self,
        now: DateTime<Utc>,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<StaleAttempt>, StoreError> {
        Ok(attempts::lease_stale_attempts(self, now, lease, limit).await?)
    }
    async fn defer_attempt(&self, hold: HoldId, due_at: DateTime<Utc>) -> Result<(), StoreError> {
        Ok(attempts::defer_attempt(self, hold, due_at).await?)
    }
    async fn abandon_attempt(
        &self,
        hold: HoldId,
        session: &SessionId,
        now: DateTime<Utc>,
    ) -> Result<CommandId, StoreError> {
        Ok(attempts::abandon_with_session(self, hold, session, now).await?)
    }
    async fn delete_old_attempts(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        Ok(attempts::forget_attempts(self, before, limit).await?)
    }

    async fn load_availability(&self, question: &AvailabilityQuery<'_>) -> Result<Availability, StoreError> {
        Ok(calendar::read(self, question).await?)
    }
    async fn place_hold(
        &self,
        booking: &Booking,
        units: &[Allocation],
        limits: &HoldLimits,
    ) -> Result<PlaceOutcome, StoreError> {
        Ok(placing::place(self, booking, units, limits).await?)
    }
    async fn close_lost_attempt(
        &self,
        hold: HoldId,
        session: &SessionId,
        now: DateTime<Utc>,
    ) -> Result<Option<CommandId>, StoreError> {
        Ok(placing::lose(self, hold, session, now).await?)
    }
    async fn move_hold(&self, order: &HoldMove) -> Result<MoveOutcome, StoreError> {
        Ok(placing::move_hold(self, order).await?)
    }
    async fn count_unpaid_holds(
        &self,
        guest: &str,
        client: Option<&ClientId>,
    ) -> Result<UnpaidHoldCounts, StoreError> {
        Ok(guests::standing(self, guest, client).await?)
    }
    async fn find_booking(&self, id: HoldId) -> Result<Option<Booking>, StoreError> {
        Ok(holds::booking(self, id).await?)
    }
    async fn find_booking_by_refs(&self, refs: &HoldRefs) -> Result<Option<Booking>, StoreError> {
        Ok(holds::find_booking(self, refs).await?)
    }
    async fn list_bookings(
        &self,
        filter: &HoldFilter,
        page: &PageRequest,
    ) -> Result<Page<Booking>, StoreError> {
        Ok(holds::bookings(self, filter, page).await?)
    }
    async fn list_history(&self, id: HoldId) -> Result<Vec<HistoryLine>, StoreError> {
        Ok(history::history(self, id).await?)
    }

    async fn lease_release(
        &self,
        id: HoldId,
        asker: Option<ReleaseRequester>,
        lease: Duration,
    ) -> Result<ReleaseLease, StoreError> {
        Ok(holds::lease_release(self, id, asker, lease).await?)
    }
    async fn lease_due_holds(
        &self,
        now: DateTime<Utc>,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<Booking>, StoreError> {
        Ok(holds::lease_due_holds(self, now, lease, limit).await?)
    }
    async fn defer_hold(
        &self,
        id: HoldId,
        due_at: DateTime<Utc>,
        forget_requester: bool,
    ) -> Result<(), StoreError> {
        Ok(holds::defer_hold(self, id, due_at, forget_requester).await?)
    }
    async fn apply_change(&self, change: &HoldChange) -> Result<ApplyOutcome, StoreError> {
        Ok(changes::apply(self, change).await?)
    }
    async fn record_orphan_payment(
        &self,
        event: Option<&EventRecord>,
        claimed: Option<HoldId>,
        receipt: &Receipt,
        now: DateTime<Utc>,
    ) -> Result<ApplyOutcome, StoreError> {
        Ok(changes::apply_orphan(self, event, claimed, receipt, now).await?)
    }

    async fn list_events(
        &self,
        hold: Option<HoldId>,
        page: &PageRequest,
    ) -> Result<Page<StoredEvent>, StoreError> {
        Ok(events::events(self, hold, page).await?)
    }
    async fn find_event_payload(&self, id: &EventId) -> Result<Option<String>, StoreError> {
        Ok(events::event_payload(self, id).await?)
    }
    async fn clear_event_payloads(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        Ok(retention::forget(self, retention::FORGET_PAYLOADS, before, limit).await?)
    }
    async fn delete_old_events(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        Ok(retention::forget(self, retention::FORGET_EVENTS, before, limit).await?)
    }
    async fn erase_guests(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        Ok(retention::forget_guests(self, before, limit).await?)
    }
    async fn delete_idle_clients(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        Ok(retention::forget(self, retention::FORGET_CLIENTS, before, limit).await?)
    }

    async fn lease_commands(
        &self,
        now: DateTime<Utc>,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<Command>, StoreError> {
        Ok(commands::lease_commands(self, now, lease, limit).await?)
    }
    async fn lease_command(&self, id: CommandId, lease: Duration) -> Result<Option<Command>, StoreError> {
        Ok(commands::lease_command(self, id, lease).await?)
    }
    async fn finish_command(&self, command: &Command, now: DateTime<Utc>) -> Result<(), StoreError> {
        Ok(commands::finish_command(self, command, now).await?)
    }
    async fn fail_command(
        &self,
        id: CommandId,
        error: &str,
        due_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        Ok(commands::fail_command(self, id, error, due_at).await?)
    }
    async fn find_command(&self, id: CommandId) -> Result<Option<Command>, StoreError> {
        commands::command(self, id).await
    }
    async fn list_commands(
        &self,
        filter: CommandFilter,
        page: &PageRequest,
    ) -> Result<Page<Command>, StoreError> {
        Ok(commands::commands(self, filter, page).await?)
    }
    async fn retry_command(&self, id: CommandId, now: DateTime<Utc>) -> Result<Option<Command>, StoreError> {
        Ok(commands::retry_command(self, id, now).await?)
    }
}
