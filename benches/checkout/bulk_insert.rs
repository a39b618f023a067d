//! Inserts many holds by SQL, far faster than checkouts could, and updates the database's statistics.

use chrono::{DateTime, Utc};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};

/// Rows per statement, so that no transaction makes the service wait for long.
const BATCH: i64 = 50_000;
const DAY: i64 = 86_400_000;

/// HoldRange to insert, with a number each. The texts are SQL for both engines, with `n` as the hold's number.
pub(crate) struct HoldRange {
    /// The first number of the range. No other range may use the same numbers.
    pub(crate) from: i64,
    pub(crate) count: i64,
    pub(crate) resource: &'static str,
    /// In milliseconds since the epoch.
    pub(crate) starts_at: String,
    pub(crate) unit: &'static str,
    pub(crate) status: &'static str,
}

/// The SQL that differs between the engines.
struct Dialect {
    /// A table of the numbers from one up to another.
    numbers: fn(i64, i64) -> String,
    /// An instant, from milliseconds since the epoch.
    instant: fn(&str) -> String,
    /// A UUID with a time in milliseconds since the epoch, made unique by `n`.
    id: fn(&str) -> String,
    window: (&'static str, &'static str),
}

const POSTGRES: Dialect = Dialect {
    numbers: |from, to| format!("generate_series({from}::bigint, {to}::bigint) AS numbers (n)"),
    instant: |ms| format!("to_timestamp(({ms}) / 1000.0)"),
    id: |ms| {
        format!(
            "(lpad(to_hex({ms}), 12, '0') || '7' || lpad(to_hex(n % 4096), 3, '0') || '8' || lpad(to_hex(n), 15, '0'))::uuid"
        )
    },
    window: ("during", "tstzrange(starts_at, ends_at)"),
};

const SQLITE: Dialect = Dialect {
    numbers: |from, to| {
        format!(
            "(WITH RECURSIVE numbers (n) AS (SELECT {from} UNION ALL SELECT n + 1 FROM numbers WHERE n < {to})
              SELECT n FROM numbers)"
        )
    },
    instant: |ms| format!("({ms})"),
    id: |ms| format!("printf('%08x-%04x-7%03x-8000-%012x', ({ms}) >> 16, ({ms}) & 65535, n % 4096, n)"),
    window: ("starts_at, ends_at", "starts_at, ends_at"),
};

/// A connection for inserts, beside the service's connections.
pub(crate) enum BulkInserter {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

impl BulkInserter {
    /// Opens a connection that does not check foreign keys, for speed. All other constraints are checked.
    pub(crate) async fn open(url: &str) -> Self {
        if url.starts_with("sqlite:") {
            let options: SqliteConnectOptions = url.parse().unwrap();
            let options = options
                .foreign_keys(false)
                .busy_timeout(std::time::Duration::from_secs(60))
                .pragma("cache_size", "-262144");
            return Self::Sqlite(SqliteConnection::connect_with(&options).await.unwrap());
        }
        let mut connection = PgConnection::connect(url).await.unwrap();
        connection
            .execute("SET session_replication_role = replica")
            .await
            .unwrap();
        Self::Postgres(connection)
    }

    pub(crate) async fn insert_holds(&mut self, holds: &HoldRange, now: DateTime<Utc>) {
        let mut from = holds.from;
        while from < holds.from + holds.count {
            let to = (from + BATCH).min(holds.from + holds.count) - 1;
            for statement in insert_statements(self.dialect(), holds, (from, to), now) {
                self.execute(statement).await;
            }
            from = to + 1;
        }
    }

    /// Updates the statistics and writes everything to disk, as each engine does by itself sooner or later.
    pub(crate) async fn update_statistics(&mut self) {
        let statements = match self {
            Self::Postgres(_) => &["VACUUM ANALYZE", "CHECKPOINT"],
            Self::Sqlite(_) => &["ANALYZE", "PRAGMA wal_checkpoint(TRUNCATE)"],
        };
        for statement in statements {
            self.execute((*statement).to_owned()).await;
        }
    }

    fn dialect(&self) -> &'static Dialect {
        match self {
            Self::Postgres(_) => &POSTGRES,
            Self::Sqlite(_) => &SQLITE,
        }
    }

    async fn execute(&mut self, statement: String) {
        let statement = sqlx::raw_sql(AssertSqlSafe(statement));
        match self {
            Self::Postgres(connection) => drop(statement.execute(connection).await.unwrap()),
            Self::Sqlite(connection) => drop(statement.execute(connection).await.unwrap()),
        }
    }
}

/// Returns the inserts of guests, holds, one line of history for each hold, and the occupancy of live holds.
fn insert_statements(
    dialect: &Dialect,
    holds: &HoldRange,
    (from, to): (i64, i64),
    now: DateTime<Utc>,
) -> [String; 4] {
    let now = now.timestamp_millis();
    let at = |ms: String| (dialect.instant)(&ms);
    // Older than the ids that checkouts make now, and one millisecond apart.
    let id = (dialect.id)(&format!("{} + n", now - 100 * DAY));
    let (starts_at, ends_at) = (
        at(holds.starts_at.clone()),
        at(format!("{} + 900000", holds.starts_at)),
    );
    let (yesterday, tomorrow) = (at((now - DAY).to_string()), at((now + DAY).to_string()));
    let source = format!(
        "(SELECT n, {id} AS id, {resource} AS resource, {starts_at} AS starts_at, {ends_at} AS ends_at, {unit} AS unit,
             {status} AS status, 'bulk-' || (n % 100000) || '@example.com' AS guest FROM {numbers}) AS source",
        resource = holds.resource,
        unit = holds.unit,
        status = holds.status,
        numbers = (dialect.numbers)(from, to),
    );
    let (columns, window) = dialect.window;
    [
        format!(
            "INSERT INTO guests (email, held, created_at) SELECT DISTINCT guest, 1, {yesterday} FROM {source} WHERE true
             ON CONFLICT DO NOTHING"
        ),
        format!(
            "INSERT INTO holds (id, event_type_id, resource_id, starts_at, ends_at, segments, status, reason, amount,
                 currency, session_id, checkout_url, funds, guest_email, metadata, expires_at, session_expires_at,
                 due_at, created_at, updated_at, guest_id)
             SELECT id, resource, resource, starts_at, ends_at, '[]', status,
                 CASE status WHEN 'released' THEN 'expired' END, 5000, 'eur', 'cs_bulk_' || n,
                 'http://127.0.0.1/pay', CASE status WHEN 'confirmed' THEN 'paid' ELSE 'none' END, guest, '{{}}',
                 {tomorrow}, {tomorrow}, CASE status WHEN 'held' THEN {tomorrow} END, {yesterday}, {yesterday}, guest
             FROM {source}"
        ),
        format!(
            "INSERT INTO hold_history (hold_id, at, to_status, transition, message, actor)
             SELECT id, {yesterday}, 'held', 'placed', 'bulk', 'checkout' FROM {source}"
        ),
        format!(
            "INSERT INTO occupancy (hold_id, resource_id, unit, {columns})
             SELECT id, resource, unit, {window} FROM {source} WHERE status IN ('held', 'confirmed')"
        ),
    ]
}
