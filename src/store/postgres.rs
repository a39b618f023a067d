//! The store on PostgreSQL 13 or newer, which any number of instances share.
//!
//! I1 rests on the exclusion constraint `occupancy_one_buyer` alone. The statements lock rows in one order, so that they
//! wait for each other but do not deadlock; a deadlock or serialization failure that the database reports all the same is
//! repeated here, with a bound. Leases are judged by the database's clock. Each trait of the store is implemented in the
//! file of its name; what is equal in both engines stands in the parent module.

use std::future::Future;
use std::io::ErrorKind::TimedOut;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions as _, FromRow, Postgres, Transaction};

use super::group_commit::{GroupItem, Groups, keep_connection, run_statements};
use super::lease_request::LeaseRequest;
use super::{PoolOptions, StoreError, encoding};
use error::PostgresResult;
use groups::PostgresGroups;
use plan_ages::PlanAges;

/// Runs a statement, repeats it if the database aborts it, and ignores how many rows it changed.
macro_rules! run_statement {
    ($store:expr, $query:expr) => {
        $store
            .retrying(|| async {
                $query.execute(&$store.pool).await?;
                Ok(())
            })
            .await
    };
}

/// Reads at most one row.
macro_rules! fetch_row {
    ($store:expr, $row:ty, $query:expr) => {
        $store
            .retrying(|| async {
                Ok(<$row>::decode_optional(
                    $query.fetch_optional(&$store.pool).await?,
                )?)
            })
            .await
    };
}

/// Reads one page of a list. `$query` is `None` after the last page, and it is built anew for each try.
macro_rules! fetch_page {
    ($store:expr, $row:ty, $query:expr, $page:expr) => {
        $store
            .retrying(|| async {
                let Some(query) = $query else {
                    return Ok(crate::store::paging::end_of_list());
                };
                Ok(<$row>::decode_page(query.fetch_all(&$store.pool).await?, $page)?)
            })
            .await
    };
}

mod access_keys;
mod allowances;
mod attempts;
mod audit;
mod availability;
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
mod groups;
mod guests;
mod hold_deliveries;
mod holds;
mod ledger;
mod lookups;
mod migrations;
mod new_holds;
mod occupancy;
mod payments;
mod placements;
mod plan_ages;
mod refund_requests;
mod replacements;
mod resources;
mod schema;
mod server;
mod sessions;
mod summary;
mod transport;
mod unowned_facts;
mod waiting_payments;

pub use transport::{DatabaseTransport, find_transport};

/// How long a pooled connection may be idle before it is tested. A connection that was used a moment ago is not tested,
/// which saves a round trip on every call.
const TEST_AFTER_IDLE: Duration = Duration::from_secs(1);

/// How long the statement of a group of several may wait for a lock. After that each of its items runs alone, beside the groups, so
/// that only the one that needs the lock goes on waiting.
const GROUP_LOCK_TIMEOUT: &str = "100ms";

/// A store on PostgreSQL.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    pool: PgPool,
    /// For connections outside of the pool: those of migrations, and those that look at the server.
    server: Arc<PgConnectOptions>,
    options: PoolOptions,
    /// Callers whose statements are run together.
    groups: Arc<PostgresGroups>,
    plan_ages: Arc<PlanAges>,
    /// How long one method may take, repetitions included.
    method_timeout: Duration,
}

impl PostgresStore {
    /// Prepares the pool without connecting, so that the service can start while the database is away.
    /// Must be called inside a Tokio runtime.
    ///
    /// # Errors
    /// [`StoreError::Broken`] where `url` is not a `postgres://` URL.
    pub fn connect(url: &str, options: PoolOptions) -> Result<Self, StoreError> {
        let server = PgConnectOptions::from_str(url).map_err(error::classify)?;
        // A pooler refuses connections that ask for settings which it does not know, among them sqlx's digits of numbers.
        // All others are made after connecting.
        let server = server.application_name("holdfast").extra_float_digits(None);
        let settings = session_settings(&options);
        let plan_ages = Arc::new(PlanAges::default());
        let ages = Arc::clone(&plan_ages);
        let pool = PgPoolOptions::new()
            .max_connections(options.max_connections)
            .acquire_timeout(options.acquire_timeout)
            .test_before_acquire(false)
            .after_connect(move |connection, _| {
                let settings = sqlx::raw_sql(AssertSqlSafe(settings.clone()));
                Box::pin(async move { settings.execute(connection).await.map(drop) })
            })
            .before_acquire(move |connection, metadata| {
                let ages = Arc::clone(&ages);
                Box::pin(async move {
                    if metadata.idle_for > TEST_AFTER_IDLE {
                        sqlx::Connection::ping(connection).await?;
                    }
                    ages.refresh(connection).await?;
                    Ok(true)
                })
            })
            .connect_lazy_with(server.clone());
        let method_timeout = options.acquire_timeout + options.statement_timeout;
        Ok(Self {
            pool,
            server: Arc::new(server),
            groups: Arc::new(PostgresGroups::new(method_timeout)),
            plan_ages,
            method_timeout,
            options,
        })
    }

    /// Opens a connection outside of the pool.
    async fn connect_once(&self) -> PostgresResult<PgConnection> {
        let connected = tokio::time::timeout(self.options.acquire_timeout, self.server.connect()).await;
        Ok(connected.unwrap_or_else(|_| Err(std::io::Error::from(TimedOut).into()))?)
    }
}

/// The settings of each pooled connection, as statements.
fn session_settings(options: &PoolOptions) -> String {
    let milliseconds = |time: Duration| time.as_millis().max(1);
    // Each statement keeps its first plan. Planning for each value took as long as the rest of a checkout, and no statement
    // here has values that need another plan. The first plan may be made while the tables are still empty, when reading a
    // whole table is the cheapest plan, so that this is not a choice. A plan that reads one all the same then counts as very
    // expensive, and would be compiled (`jit`) at each run, which takes longer than any statement here. The rest is against
    // what the role or the database may be set to: no transaction is cut off before its statements are, a trigger sees what
    // others have committed since its transaction began, and a commit reaches the disk.
    format!(
        "SET statement_timeout = {statement}; SET lock_timeout = {}; SET plan_cache_mode = force_generic_plan;
         SET enable_seqscan = off; SET jit = off; SET idle_in_transaction_session_timeout = {statement};
         SELECT set_config('transaction_timeout', '0', false) WHERE current_setting('transaction_timeout', true) IS NOT NULL;
         SET default_transaction_isolation = 'read committed';
         SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
        milliseconds(options.lock_timeout),
        statement = milliseconds(options.statement_timeout),
    )
}

impl PostgresStore {
    /// Begins a transaction, in a task of its own, which runs to its end even if the caller stops waiting. sqlx 0.9.0
    /// forgets a `BEGIN` whose caller does not wait for the answer: the connection goes back to the pool in a transaction,
    /// and nothing that later callers write with it is ever committed.
    async fn begin(&self) -> PostgresResult<Transaction<'static, Postgres>> {
        let pool = self.pool.clone();
        let begun = tokio::spawn(async move { pool.begin().await }).await;
        Ok(begun.unwrap_or_else(|ended| Err(std::io::Error::other(ended).into()))?)
    }

    /// Runs one transaction, and repeats it if the database aborts it in favour of another one. The time is bounded on our
    /// side too: a network that loses all packets closes no connection and delivers no timeout of the server. The duration is
    /// recorded: the statements are short, so a long one is a wait for a connection, for a lock or for the disk.
    async fn retrying<T, F>(&self, transaction: impl Fn() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = PostgresResult<T>>,
    {
        let began = Instant::now();
        let done = tokio::time::timeout(self.method_timeout, run_until_stable(transaction)).await;
        super::call_duration::record_call(began);
        done.unwrap_or_else(|_| Err(timed_out()))
    }

    /// Runs an item as one of a group, or `alone`; the time is bounded as that of [`Self::retrying`]. `run` runs the statement
    /// of a group of several.
    async fn grouped<I, V, R, A>(
        &self,
        groups: &Arc<Groups<I, V, PoolConnection<Postgres>>>,
        item: I,
        run: R,
        alone: impl FnOnce() -> A,
    ) -> Result<V, StoreError>
    where
        I: GroupItem + Sync,
        V: Send + 'static,
        R: for<'c> Fn(&'c mut PgConnection, &'c [I]) -> BoxFuture<'c, PostgresResult<Vec<Option<V>>>>
            + Send
            + Sync
            + 'static,
        A: Future<Output = Result<V, StoreError>>,
    {
        let (store, run) = (self.clone(), Arc::new(run));
        let run_group = move |mut taken_over: Option<PoolConnection<Postgres>>, items: Vec<I>| {
            let (store, run) = (store.clone(), Arc::clone(&run));
            async move {
                let store = &store;
                let connection = async {
                    if let Some(connection) = &mut taken_over
                        && store.plan_ages.refresh(connection).await.is_err()
                    {
                        // It is broken. The pool finds another one.
                        taken_over = None;
                    }
                    match taken_over {
                        Some(connection) => Ok(connection),
                        None => store.pool.acquire().await.map_err(error::classify),
                    }
                };
                let statements = |mut connection: PoolConnection<Postgres>| async move {
                    let done = run(&mut connection, &items).await;
                    if let Err(error) = &done
                        && let Some(reason) = error.transient_reason()
                    {
                        count_retry(reason);
                    }
                    done.map(|verdicts| (verdicts, keep_connection(&store.pool, connection)))
                };
                let began = Instant::now();
                let done = run_statements(store.method_timeout, connection, statements).await;
                super::call_duration::record_call(began);
                done
            }
        };
        groups.submit(item, run_group, alone).await
    }

    /// Runs a read as one of a group, or alone. `read` answers several queries, in their order.
    async fn read_in_group<I, V, R>(
        &self,
        groups: &Arc<Groups<I, V, PoolConnection<Postgres>>>,
        query: I,
        read: R,
    ) -> Result<V, StoreError>
    where
        I: GroupItem + Clone + Sync,
        V: Send + 'static,
        R: for<'c> Fn(&'c mut PgConnection, &'c [I]) -> BoxFuture<'c, PostgresResult<Vec<V>>>
            + Clone
            + Send
            + Sync
            + 'static,
    {
        let (query_alone, read_alone) = ([query.clone()], read.clone());
        let alone = || {
            self.retrying(|| async {
                let mut connection = self.pool.acquire().await?;
                let answer = read_alone(&mut connection, &query_alone).await?.pop();
                Ok(answer.ok_or_else(|| encoding::unreadable_column("answer", "none"))?)
            })
        };
        let all = |answers: PostgresResult<Vec<V>>| Ok(answers?.into_iter().map(Some).collect());
        self.grouped(
            groups,
            query,
            move |connection, queries| read(connection, queries).map(all).boxed(),
            alone,
        )
        .await
    }

    /// Runs a statement that leases rows: its parameters are the present, the lease in seconds, and the most rows.
    async fn lease_rows<T>(
        &self,
        statement: &'static str,
        request: &LeaseRequest,
    ) -> Result<Vec<T>, StoreError>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        self.retrying(|| async {
            let query = sqlx::query_as(statement)
                .bind(request.now)
                .bind(request.duration.as_secs_f64())
                .bind(i64::from(request.limit));
            Ok(query.fetch_all(&self.pool).await?)
        })
        .await
    }

    /// Runs a statement that deletes or clears old rows: its parameters are the time before which a row is old, and the
    /// most rows. The statements select the rows into an array first, because the planner then expects few rows and does
    /// not scan the table, and they skip rows that another instance is deleting.
    async fn delete_or_clear(
        &self,
        statement: &'static str,
        before: DateTime<Utc>,
        limit: u32,
    ) -> Result<u64, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query(statement).bind(before).bind(i64::from(limit));
            Ok(query.execute(&self.pool).await?.rows_affected())
        })
        .await
    }
}

fn timed_out() -> StoreError {
    StoreError::Unavailable(std::io::Error::from(TimedOut).into())
}

/// Repeats a transaction until it succeeds, fails for another reason, or was tried [`error::TRIES`] times.
async fn run_until_stable<T, F>(transaction: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = PostgresResult<T>>,
{
    let mut tries = 1;
    loop {
        match transaction().await {
            Err(error) if tries < error::TRIES => {
                let Some(reason) = error.transient_reason() else {
                    return Err(error.into());
                };
                tries += 1;
                count_retry(reason);
            }
            done => return done.map_err(StoreError::from),
        }
    }
}

fn count_retry(reason: &'static str) {
    metrics::counter!("holdfast_store_retries_total", "reason" => reason).increment(1);
}
