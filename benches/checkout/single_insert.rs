//! The baseline of a shop without Holdfast: one insert with a constraint against double bookings, and nothing else.
//!
//! Holdfast's store does more in a checkout: it commits the attempt before the call to Stripe, and writes history,
//! counters of the guest and the client, units and blocks. The difference is the price of its guarantees.

use std::str::FromStr;

use chrono::{DateTime, Duration, Utc};
use holdfast::store::PoolOptions;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use uuid::Uuid;

/// A separate table beside Holdfast's, with as many connections as the service.
#[derive(Clone)]
pub(crate) enum SingleInsert {
    Postgres(PgPool),
    Sqlite(SqlitePool),
}

const POSTGRES: &str =
    "CREATE TABLE single_insert (id uuid PRIMARY KEY, resource text NOT NULL, during tstzrange NOT NULL,
    email text NOT NULL, session text NOT NULL, expires_at timestamptz NOT NULL,
    EXCLUDE USING gist (resource WITH =, during WITH &&))";
const SQLITE: &str =
    "CREATE TABLE single_insert (id TEXT PRIMARY KEY, resource TEXT NOT NULL, starts_at INTEGER NOT NULL,
    email TEXT NOT NULL, session TEXT NOT NULL, expires_at INTEGER NOT NULL, UNIQUE (resource, starts_at))";

impl SingleInsert {
    pub(crate) async fn open(url: &str) -> Self {
        if url.starts_with("sqlite:") {
            let file = SqliteConnectOptions::from_str(url).unwrap();
            let file = file
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(std::time::Duration::from_secs(60));
            let pool = SqlitePoolOptions::new()
                .max_connections(1)
                .connect_with(file)
                .await
                .unwrap();
            sqlx::query(SQLITE).execute(&pool).await.unwrap();
            return Self::Sqlite(pool);
        }
        let pool = PgPoolOptions::new()
            .max_connections(PoolOptions::default().max_connections)
            .connect(url)
            .await
            .unwrap();
        sqlx::query(POSTGRES).execute(&pool).await.unwrap();
        Self::Postgres(pool)
    }

    /// Inserts a booking for a slot that is free.
    pub(crate) async fn insert_booking(&self, (resource, start): &(String, DateTime<Utc>)) {
        let id = Uuid::new_v4();
        let (email, session) = (
            format!("{}@example.com", id.simple()),
            format!("cs_test_{}", id.simple()),
        );
        let (end, expires) = (*start + Duration::minutes(30), *start + Duration::minutes(45));
        let inserted = match self {
            Self::Postgres(pool) => {
                let insert = sqlx::query(
                    "INSERT INTO single_insert VALUES ($1, $2, tstzrange($3, $4), $5, $6, $7) ON CONFLICT DO NOTHING",
                );
                let insert = insert.bind(id).bind(resource).bind(start).bind(end);
                insert
                    .bind(email)
                    .bind(session)
                    .bind(expires)
                    .execute(pool)
                    .await
                    .unwrap()
                    .rows_affected()
            }
            Self::Sqlite(pool) => {
                let insert =
                    sqlx::query("INSERT INTO single_insert VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
                let insert = insert
                    .bind(id.to_string())
                    .bind(resource)
                    .bind(start.timestamp_millis());
                let insert = insert.bind(email).bind(session).bind(expires.timestamp_millis());
                insert.execute(pool).await.unwrap().rows_affected()
            }
        };
        assert_eq!(inserted, 1, "the slot is free");
    }

    /// Deletes attempts that were only measured, so that the service does not ask Stripe about them.
    pub(crate) async fn delete_running_attempts(&self) {
        const DELETE: &str = "DELETE FROM checkout_attempts WHERE state = 'running'";
        match self {
            Self::Postgres(pool) => drop(sqlx::query(DELETE).execute(pool).await.unwrap()),
            Self::Sqlite(pool) => drop(sqlx::query(DELETE).execute(pool).await.unwrap()),
        }
    }
}
