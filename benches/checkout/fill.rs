//! Fills the books with holds by SQL, far faster than checkouts could, and lets the database count what it has.

use chrono::{DateTime, Utc};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};

/// Rows for each statement: no transaction keeps the service waiting for long.
const BATCH: i64 = 50_000;
const DAY: i64 = 86_400_000;

/// Holds by number, which no other fill may use. The rest is SQL that both engines read alike, with `n` as the number.
pub(crate) struct Holds {
    pub(crate) from: i64,
    pub(crate) count: i64,
    pub(crate) resource: &'static str,
    /// In milliseconds since the epoch.
    pub(crate) starts_at: String,
    pub(crate) unit: &'static str,
    pub(crate) status: &'static str,
}

/// How an engine spells what the other spells otherwise.
struct Dialect {
    /// The numbers from one up to another.
    numbers: fn(i64, i64) -> String,
    /// An instant of so many milliseconds.
    instant: fn(&str) -> String,
    /// A uuid whose time is so many milliseconds, made unique by `n`.
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

/// A connection beside the service's.
pub(crate) enum Books {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

impl Books {
    /// Foreign keys are not looked up while this connection writes; all else that the schema demands is.
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

    pub(crate) async fn fill(&mut self, holds: &Holds, now: DateTime<Utc>) {
        let mut from = holds.from;
        while from < holds.from + holds.count {
            let to = (from + BATCH).min(holds.from + holds.count) - 1;
            for statement in statements(self.dialect(), holds, (from, to), now) {
                self.run(statement).await;
            }
            from = to + 1;
        }
    }

    /// What either engine does by itself sooner or later.
    pub(crate) async fn settle(&mut self) {
        let statements = match self {
            Self::Postgres(_) => &["VACUUM ANALYZE", "CHECKPOINT"],
            Self::Sqlite(_) => &["ANALYZE", "PRAGMA wal_checkpoint(TRUNCATE)"],
        };
        for statement in statements {
            self.run((*statement).to_owned()).await;
        }
    }

    fn dialect(&self) -> &'static Dialect {
        match self {
            Self::Postgres(_) => &POSTGRES,
            Self::Sqlite(_) => &SQLITE,
        }
    }

    async fn run(&mut self, statement: String) {
        let statement = sqlx::raw_sql(AssertSqlSafe(statement));
        match self {
            Self::Postgres(connection) => drop(statement.execute(connection).await.unwrap()),
            Self::Sqlite(connection) => drop(statement.execute(connection).await.unwrap()),
        }
    }
}

/// Holds, their guests, a line of history each, and the windows of those that are live.
fn statements(dialect: &Dialect, holds: &Holds, (from, to): (i64, i64), now: DateTime<Utc>) -> [String; 4] {
    let now = now.timestamp_millis();
    let at = |ms: String| (dialect.instant)(&ms);
    // Older than any that a checkout makes now, and as many milliseconds apart as their numbers.
    let id = (dialect.id)(&format!("{} + n", now - 100 * DAY));
    let (starts_at, ends_at) = (
        at(holds.starts_at.clone()),
        at(format!("{} + 900000", holds.starts_at)),
    );
    let (then, soon) = (at((now - DAY).to_string()), at((now + DAY).to_string()));
    let source = format!(
        "(SELECT n, {id} AS id, {resource} AS resource, {starts_at} AS starts_at, {ends_at} AS ends_at, {unit} AS unit,
             {status} AS status, 'filled-' || (n % 100000) || '@example.com' AS guest FROM {numbers}) AS source",
        resource = holds.resource,
        unit = holds.unit,
        status = holds.status,
        numbers = (dialect.numbers)(from, to),
    );
    let (columns, window) = dialect.window;
    [
        format!(
            "INSERT INTO guests (email, held, created_at) SELECT DISTINCT guest, 1, {then} FROM {source} WHERE true
             ON CONFLICT DO NOTHING"
        ),
        format!(
            "INSERT INTO holds (id, event_type_id, resource_id, starts_at, ends_at, segments, status, reason, amount,
                 currency, session_id, checkout_url, funds, guest_email, metadata, expires_at, session_expires_at,
                 due_at, created_at, updated_at, guest_id)
             SELECT id, resource, resource, starts_at, ends_at, '[]', status,
                 CASE status WHEN 'released' THEN 'expired' END, 5000, 'eur', 'cs_filled_' || n,
                 'http://127.0.0.1/pay', CASE status WHEN 'confirmed' THEN 'paid' ELSE 'none' END, guest, '{{}}',
                 {soon}, {soon}, CASE status WHEN 'held' THEN {soon} END, {then}, {then}, guest FROM {source}"
        ),
        format!(
            "INSERT INTO hold_history (hold_id, at, to_status, why, actor)
             SELECT id, {then}, 'held', 'filled', 'checkout' FROM {source}"
        ),
        format!(
            "INSERT INTO occupancy (hold_id, resource_id, unit, {columns})
             SELECT id, resource, unit, {window} FROM {source} WHERE status IN ('held', 'confirmed')"
        ),
    ]
}
