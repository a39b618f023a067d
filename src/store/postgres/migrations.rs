//! Migrates the schema on PostgreSQL, and makes nobody wait for it.
//!
//! A statement that waits for an exclusive lock makes all later queries of the table wait behind it. So a migration gives
//! up after a moment and is tried again later, while a backup or a long query keeps the lock. Migrations run in order, each
//! in a transaction of its own, so a new try goes on where the last one stopped.

use std::convert::Infallible;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use sqlx::Connection as _;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnection, PgExecutor};
use tokio::time::Instant;

use super::error::{PostgresResult, is_missing_table};
use super::{PostgresStore, server};
use crate::store::schema::{self, has_all_migrations};
use crate::store::{ServerFault, StoreError};

static MIGRATIONS: Migrator = schema::accept_newer(sqlx::migrate!("migrations/postgres"));

/// The pause between two tries, in which others get what the last one kept from them.
const RETRY_PAUSE: Duration = Duration::from_secs(5);
/// How often a migration that runs is asked what it waits for. Several times within its lock timeout.
const WATCH_PAUSE: Duration = Duration::from_millis(50);

/// Makes the settings of a migration's connection. It waits for a lock for a moment only, and its statements may take as
/// long as they need, whatever is set for the role or the database. Not every version has each setting.
const SETTINGS: &str = "SET statement_timeout = 0; SET lock_timeout = 200;
    SELECT set_config(name, '0', false) FROM pg_settings
    WHERE name IN ('idle_in_transaction_session_timeout', 'transaction_timeout')";

/// Finds who has the lock that process `$1` waits for. It does not read their queries, which may name guests.
const FIND_BLOCKERS: &str =
    "SELECT b.pid, b.usename::text AS role, b.application_name AS application, b.query_start
     FROM pg_stat_activity m
     CROSS JOIN LATERAL unnest(pg_blocking_pids(m.pid)) AS blocking (pid)
     JOIN pg_stat_activity b ON b.pid = blocking.pid
     WHERE m.pid = $1 AND m.wait_event_type = 'Lock'";

/// A connection that has a lock which a migration needs. What our role may not see is missing.
#[derive(sqlx::FromRow)]
struct Blocker {
    pid: i32,
    role: Option<String>,
    application: Option<String>,
    query_start: Option<DateTime<Utc>>,
}

impl Blocker {
    fn describe(&self) -> String {
        let named = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let application = named(&self.application).unwrap_or_else(|| "without a name".to_owned());
        let role = named(&self.role).map_or_else(String::new, |role| format!(", role {role}"));
        let since = self.query_start.map_or_else(String::new, |start| {
            format!(
                ", its query began at {}",
                start.to_rfc3339_opts(SecondsFormat::Secs, true)
            )
        });
        format!("process {} (application {application}{role}{since})", self.pid)
    }
}

/// Applies the missing migrations, and tries again while somebody has a lock that they need.
pub(super) async fn migrate(store: &PostgresStore) -> Result<(), StoreError> {
    let deadline = Instant::now() + store.options.migration_timeout;
    loop {
        // Of this try: who kept a lock earlier may be gone, and another process may have its id.
        let mut blockers = Vec::new();
        match try_to_migrate(store, &mut blockers).await {
            Err(error) if error.is_lock_missing() => {}
            done => return Ok(done?),
        }
        let described: Vec<String> = blockers.iter().map(Blocker::describe).collect();
        let who = match described.join(", ") {
            none if none.is_empty() => "somebody who was not seen".to_owned(),
            some => some,
        };
        if Instant::now() + RETRY_PAUSE > deadline {
            return Err(StoreError::Unsuitable(format!(
                "a migration needs a lock that is kept by {who}: end that connection, or wait until it is done, and start again"
            )));
        }
        tracing::warn!(kept_by = %who, "a migration needs a lock; it is tried again in {} s", RETRY_PAUSE.as_secs());
        tokio::time::sleep(RETRY_PAUSE).await;
    }
}

/// Tries once, on a connection of its own. It is closed afterwards in any case, because it keeps sqlx's advisory lock
/// after an error, for which other instances would wait.
async fn try_to_migrate(store: &PostgresStore, blockers: &mut Vec<Blocker>) -> PostgresResult<()> {
    let (mut connection, mut watcher) = (store.connect_once().await?, store.connect_once().await?);
    let migrated = migrate_on(&mut connection, &mut watcher, blockers).await;
    // What the migration did is committed or lost already.
    let _ = tokio::join!(connection.close(), watcher.close());
    migrated
}

/// Runs the migrations, and looks from another connection for who keeps a lock from them.
async fn migrate_on(
    connection: &mut PgConnection,
    watcher: &mut PgConnection,
    blockers: &mut Vec<Blocker>,
) -> PostgresResult<()> {
    make_settings(connection).await?;
    let faults = find_lacks(connection).await?;
    if !faults.is_empty() {
        let described = faults.iter().map(|fault| format!("{fault}: {}", fault.remedy()));
        return Err(StoreError::Unsuitable(described.collect::<Vec<_>>().join("; ")).into());
    }
    let pid = sqlx::query_scalar("SELECT pg_backend_pid()");
    let pid: i32 = pid.fetch_one(&mut *connection).await?;
    tokio::select! {
        // `Migrator::run` needs an executor for any lifetime; this is what it calls.
        migrated = MIGRATIONS.run_direct(None, connection, false) => Ok(migrated?),
        never = watch_blockers(watcher, pid, blockers) => match never {},
    }
}

/// Makes the settings of a connection outside of the pool, so that those of the role do not cut its statements off.
pub(super) async fn make_settings(connection: &mut PgConnection) -> PostgresResult<()> {
    sqlx::raw_sql(SETTINGS).execute(connection).await?;
    Ok(())
}

async fn watch_blockers(watcher: &mut PgConnection, pid: i32, blockers: &mut Vec<Blocker>) -> Infallible {
    loop {
        let found = sqlx::query_as(FIND_BLOCKERS).bind(pid).fetch_all(&mut *watcher);
        match found.await {
            Ok(found) if found.is_empty() => {}
            Ok(found) => *blockers = found,
            // Without it, only the message lacks a name.
            Err(_) => std::future::pending().await,
        }
        tokio::time::sleep(WATCH_PAUSE).await;
    }
}

/// Tells whether all migrations of this program are applied.
pub(super) async fn is_migrated(executor: impl PgExecutor<'_>) -> PostgresResult<bool> {
    match sqlx::query_as(schema::APPLIED).fetch_all(executor).await {
        Ok(applied) => Ok(has_all_migrations(&MIGRATIONS, &applied)),
        Err(error) if is_missing_table(&error) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Finds what the server and our role lack for this program.
pub(super) async fn find_lacks(connection: &mut PgConnection) -> PostgresResult<Vec<ServerFault>> {
    let facts = server::read_facts(connection).await?;
    // Without the right to look, it does not matter what is applied: the facts have the fault.
    let must_migrate = facts.may_read_migrations && !is_migrated(connection).await?;
    Ok(facts.find_faults(must_migrate))
}
