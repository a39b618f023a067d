//! What a shop writes where it does it by hand: one guarded insert, and nothing else in the books. What Holdfast's books
//! cost beside it is the price of its promises: who may have been asked for a session is on the disk before Stripe is
//! called, history, counters of the guest and their address, units and blocks.

use std::str::FromStr;

use chrono::{DateTime, Duration, Utc};
use holdfast::store::PoolOptions;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use uuid::Uuid;

/// A table of its own beside Holdfast's, with as many connections.
#[derive(Clone)]
pub(crate) enum HandRolled {
    Postgres(PgPool),
    Sqlite(SqlitePool),
}

const POSTGRES: &str =
    "CREATE TABLE hand_rolled (id uuid PRIMARY KEY, resource text NOT NULL, during tstzrange NOT NULL,
    email text NOT NULL, session text NOT NULL, expires_at timestamptz NOT NULL,
    EXCLUDE USING gist (resource WITH =, during WITH &&))";
const SQLITE: &str =
    "CREATE TABLE hand_rolled (id TEXT PRIMARY KEY, resource TEXT NOT NULL, starts_at INTEGER NOT NULL,
    email TEXT NOT NULL, session TEXT NOT NULL, expires_at INTEGER NOT NULL, UNIQUE (resource, starts_at))";

impl HandRolled {
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

    /// A checkout on a slot that is free.
    pub(crate) async fn book(&self, (resource, start): &(String, DateTime<Utc>)) {
        let id = Uuid::new_v4();
        let (email, session) = (
            format!("{}@example.com", id.simple()),
            format!("cs_test_{}", id.simple()),
        );
        let (end, expires) = (*start + Duration::minutes(30), *start + Duration::minutes(45));
        let taken = match self {
            Self::Postgres(pool) => {
                let insert = sqlx::query(
                    "INSERT INTO hand_rolled VALUES ($1, $2, tstzrange($3, $4), $5, $6, $7) ON CONFLICT DO NOTHING",
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
                    sqlx::query("INSERT INTO hand_rolled VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
                let insert = insert
                    .bind(id.to_string())
                    .bind(resource)
                    .bind(start.timestamp_millis());
                let insert = insert.bind(email).bind(session).bind(expires.timestamp_millis());
                insert.execute(pool).await.unwrap().rows_affected()
            }
        };
        assert_eq!(taken, 1, "the slot is free");
    }

    /// Takes attempts that were only measured off the books, before the service asks Stripe about them.
    pub(crate) async fn forget_attempts(&self) {
        const FORGET: &str = "DELETE FROM checkout_attempts WHERE state = 'running'";
        match self {
            Self::Postgres(pool) => drop(sqlx::query(FORGET).execute(pool).await.unwrap()),
            Self::Sqlite(pool) => drop(sqlx::query(FORGET).execute(pool).await.unwrap()),
        }
    }
}
