//! The store in a SQLite file, for one process.
//!
//! SQLite has one writer at a time, so all writes go through one connection: writers queue in this process, in order, and
//! not at SQLite's lock. I1 rests on the condition of the statement that takes units and on triggers. Leases are judged by
//! the database's clock. Each trait of the store is implemented in the file of its name; what is equal in both engines
//! stands in the parent module.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use sqlx::pool::PoolConnection;
use sqlx::query::{Query, QueryAs};
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{Connection as _, FromRow, Sqlite, SqliteConnection, Transaction};

use super::columns::DbTime;
use super::group_commit::{GroupItem, Groups, keep_connection, run_statements};
use super::lease_request::LeaseRequest;
use super::{PoolOptions, StoreError, encoding};
use error::{SqliteError, SqliteResult};
use groups::SqliteGroups;

mod access_keys;
mod allowances;
mod attempts;
mod audit;
mod availability;
mod backup;
mod blocks;
mod catalogue;
mod catalogue_files;
mod changes;
mod clock;
mod closed_times;
mod closures;
mod commands;
mod console_sessions;
mod deliveries;
mod endpoints;
mod error;
mod event_changes;
mod events;
mod events_out;
mod feeds;
mod figures;
mod group_writes;
mod groups;
mod guests;
mod hold_deliveries;
mod holds;
mod ledger;
mod lookups;
mod new_holds;
mod occupancy;
mod one_trip;
mod payments;
mod placements;
mod refund_requests;
mod replacements;
mod resources;
mod schema;
mod sessions;
mod summary;
#[cfg(test)]
mod tests;
mod unowned_facts;
mod waiting_payments;

pub use backup::{BackupError, back_up};

/// The page cache of a connection that reads, in KiB (negative: not in pages). There are many, and the system caches the file too.
const READER_CACHE: &str = "-256";

/// Begins a write transaction. It has the write lock from the start, so that it cannot fail half-way for want of it.
const BEGIN: &str = "BEGIN IMMEDIATE";

/// After how many pages of its log SQLite copies them into the file: 16 MiB. Most checkouts change the same pages again, which are
/// copied once, so that a longer log is less to write; its own default, 1000, costs a checkout a tenth more.
const CHECKPOINT_PAGES: &str = "4000";

/// How many rows may wait until their reader takes them, of a connection.
const ROWS_IN_TRANSIT: usize = 1024;

/// A store in a SQLite file.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    /// Has one connection, for which writers queue in order.
    writer: SqlitePool,
    readers: SqlitePool,
    /// Callers that are served together.
    groups: Arc<SqliteGroups>,
    read_timeout: Duration,
}

#[derive(Debug, thiserror::Error)]
#[error("SQLite needs the path of a file: an in-memory database is lost with its connection")]
struct NotAFileError;

/// Opens the store at `path`. If there is no file, creates one that only its owner can read.
///
/// # Errors
/// [`StoreError::Broken`] if `path` is `:memory:`, empty, or a `file:` URI, or the file is not a database;
/// [`StoreError::Unavailable`] if it cannot be opened.
pub async fn connect(path: &str, options: PoolOptions) -> Result<SqliteStore, StoreError> {
    Ok(open(path, options).await?)
}

async fn open(path: &str, options: PoolOptions) -> SqliteResult<SqliteStore> {
    if path.is_empty() || path == ":memory:" || path.starts_with("file:") {
        return Err(StoreError::Broken(Box::new(NotAFileError)).into());
    }
    create_private(path).await.map_err(sqlx::Error::Io)?;
    let file = SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .busy_timeout(options.lock_timeout)
        // The rows of most groups fit, so that the connection's thread need not wait until some are taken.
        .row_buffer_size(ROWS_IN_TRANSIT);
    let writing = file
        .clone()
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        // What a statement changed, in case it fails, is kept in memory. A group changes so much that SQLite would write it to a
        // temporary file.
        .pragma("temp_store", "MEMORY")
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES);
    // A connection is tested when it is given back; a file does not go away in between.
    let pool = || {
        SqlitePoolOptions::new()
            .acquire_timeout(options.acquire_timeout)
            .test_before_acquire(false)
    };
    // SQLite may end a transaction by itself (a full disk, an I/O error), and the driver does not notice. Such a connection
    // is replaced; otherwise the only writer would be lost.
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
        .connect_with(file.read_only(true).pragma("cache_size", READER_CACHE))
        .await?;
    let read_timeout = options.acquire_timeout + options.statement_timeout;
    Ok(SqliteStore {
        writer,
        readers,
        groups: Arc::new(SqliteGroups::new(read_timeout)),
        read_timeout,
    })
}

/// Tells an operator that there is no file at `path`, before anything makes one there.
///
/// # Errors
/// [`StoreError::Unsuitable`] if there is no file.
pub async fn require_file(path: &str) -> Result<(), StoreError> {
    if tokio::fs::try_exists(path).await.unwrap_or(true) {
        return Ok(());
    }
    // A relative path misleads only with the directory that it begins in.
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.into());
    Err(StoreError::Unsuitable(format!(
        "there is no database at {}: correct DATABASE_URL, or make one with `holdfast migrate` or `holdfast serve`",
        whole.display()
    )))
}

/// Creates the file with mode 0600, because it holds addresses of guests. SQLite gives its side files the same mode.
async fn create_private(path: &str) -> std::io::Result<()> {
    let mut open = tokio::fs::OpenOptions::new();
    open.write(true).create(true).truncate(false);
    #[cfg(unix)]
    open.mode(0o600);
    open.open(path).await.map(drop)
}

impl SqliteStore {
    /// Begins a write transaction.
    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        self.record_wait(self.writer.begin_with(BEGIN)).await
    }

    /// Records the wait until a write transaction has `begun`: for the writers before this one, or for another process that has
    /// the lock.
    async fn record_wait<T>(&self, begun: impl Future<Output = sqlx::Result<T>>) -> Result<T, StoreError> {
        let began = Instant::now();
        let begun = self.in_transaction(begun).await;
        super::call_duration::record_call(began);
        begun
    }

    async fn commit(&self, transaction: Transaction<'static, Sqlite>) -> Result<(), StoreError> {
        self.in_transaction(transaction.commit()).await
    }

    async fn roll_back(&self, transaction: Transaction<'static, Sqlite>) -> Result<(), StoreError> {
        self.in_transaction(transaction.rollback()).await
    }

    /// Classifies the error of a statement of a write transaction.
    async fn in_transaction<T>(
        &self,
        statement: impl Future<Output = sqlx::Result<T>>,
    ) -> Result<T, StoreError> {
        Ok(statement.await.map_err(SqliteError::from)?)
    }

    /// Runs one statement that writes; returns how many rows it changed.
    async fn write(&self, query: Query<'_, Sqlite, SqliteArguments>) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let done = self.in_transaction(query.execute(&mut *transaction)).await?;
        self.commit(transaction).await?;
        Ok(done.rows_affected())
    }

    /// Runs one statement that writes at most one row, and returns that row.
    async fn write_returning<T>(
        &self,
        query: QueryAs<'_, Sqlite, T, SqliteArguments>,
    ) -> Result<Option<T>, StoreError>
    where
        T: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        let mut transaction = self.begin().await?;
        let row = self
            .in_transaction(query.fetch_optional(&mut *transaction))
            .await?;
        self.commit(transaction).await?;
        Ok(row)
    }

    /// Runs a statement that leases rows: its parameters are the present, the lease in milliseconds, and the most rows.
    async fn lease_rows<T>(
        &self,
        statement: &'static str,
        request: &LeaseRequest,
    ) -> Result<Vec<T>, StoreError>
    where
        T: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        let query = sqlx::query_as(statement)
            .bind(DbTime(request.now))
            .bind(to_millis(request.duration))
            .bind(request.limit);
        let mut transaction = self.begin().await?;
        let rows = self.in_transaction(query.fetch_all(&mut *transaction)).await?;
        self.commit(transaction).await?;
        Ok(rows)
    }

    /// Runs a statement that deletes or clears old rows: its parameters are the time before which a row is old, and the
    /// most rows.
    async fn delete_or_clear(
        &self,
        statement: &'static str,
        before: DateTime<Utc>,
        limit: u32,
    ) -> Result<u64, StoreError> {
        self.write(sqlx::query(statement).bind(DbTime(before)).bind(limit))
            .await
    }

    /// Runs a read as one of a group, or alone. `read` answers several queries, in their order.
    async fn read_in_group<I, V, R>(
        &self,
        groups: &Arc<Groups<I, V, PoolConnection<Sqlite>>>,
        query: I,
        read: R,
    ) -> Result<V, StoreError>
    where
        I: GroupItem + Clone + Sync,
        V: Send + 'static,
        R: for<'c> Fn(&'c mut SqliteConnection, &'c [I]) -> BoxFuture<'c, SqliteResult<Vec<V>>>
            + Clone
            + Send
            + Sync
            + 'static,
    {
        let (store, read_all) = (self.clone(), read.clone());
        let run_group = move |taken_over: Option<PoolConnection<Sqlite>>, queries: Vec<I>| {
            let (store, read) = (store.clone(), read_all.clone());
            async move {
                let store = &store;
                let connection = async {
                    match taken_over {
                        Some(connection) => Ok(connection),
                        None => store.acquire_reader().await,
                    }
                };
                let statements = |mut connection: PoolConnection<Sqlite>| async move {
                    let answers = read(&mut connection, &queries).await?;
                    let answers = answers.into_iter().map(Some).collect();
                    Ok::<_, SqliteError>((answers, keep_connection(&store.readers, connection)))
                };
                let began = Instant::now();
                let done = run_statements(store.read_timeout, connection, statements).await;
                super::call_duration::record_call(began);
                done
            }
        };
        let query_alone = [query.clone()];
        let alone = || async move {
            let began = Instant::now();
            let read = read(&mut *self.acquire_reader().await?, &query_alone).await;
            super::call_duration::record_call(began);
            let answer = read?.pop();
            answer.ok_or_else(|| encoding::unreadable_column("answer", "none"))
        };
        groups.submit(query, run_group, alone).await
    }

    async fn acquire_reader(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        Ok(self.readers.acquire().await.map_err(SqliteError::from)?)
    }

    /// Runs a read, bounded by the time for a connection and a statement.
    async fn read<T>(&self, query: impl Future<Output = sqlx::Result<T>>) -> Result<T, StoreError> {
        let read = async {
            match tokio::time::timeout(self.read_timeout, query).await {
                Ok(result) => Ok(result?),
                Err(elapsed) => Err(SqliteError::from(sqlx::Error::Io(elapsed.into()))),
            }
        };
        let began = Instant::now();
        let read = read.await;
        super::call_duration::record_call(began);
        Ok(read?)
    }
}

/// The database's clock, which leases are judged by, in milliseconds since the Unix epoch.
macro_rules! database_now {
    () => {
        "CAST(unixepoch('subsec') * 1000 AS INTEGER)"
    };
}
use database_now;

/// A lease in milliseconds, in a range that can be added to the clock.
fn to_millis(lease: Duration) -> i64 {
    i64::try_from(lease.as_millis()).unwrap_or(i64::MAX / 2)
}
