//! Holds a lock in a separate transaction, which blocks the service's transactions until the lock is released.

use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

use super::database::{Engine, TestDatabase};

/// The key of the advisory lock that a placing statement waits for.
const PLACING: i64 = 4711;
/// The key of the advisory lock that a transaction waits for which has changed an attempt.
const ATTEMPTS: i64 = 4712;

/// A lock that ends when it is released or dropped.
pub(crate) enum Lock {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Lock {
    /// Blocks all changes of this hold; on SQLite, all writes.
    pub(crate) async fn on_hold(database: &TestDatabase, hold: &str) -> Self {
        Self::on(
            database,
            &format!("SELECT 1 FROM holds WHERE id = '{hold}' FOR UPDATE"),
        )
        .await
    }

    /// Blocks the placing of holds of guests whose address is like the pattern: each waits with its windows and allowances
    /// taken. On SQLite it blocks all writes.
    pub(crate) async fn on_placing(database: &TestDatabase, guests: &str) -> Self {
        if database.engine() == Engine::Postgres {
            for statement in [
                &format!(
                    "CREATE OR REPLACE FUNCTION wait_to_place() RETURNS trigger LANGUAGE plpgsql AS
                     'BEGIN IF NEW.guest_id LIKE ''{guests}'' THEN PERFORM pg_advisory_xact_lock_shared({PLACING});
                      END IF; RETURN NEW; END'"
                ),
                "CREATE OR REPLACE TRIGGER wait_to_place BEFORE INSERT ON holds
                 FOR EACH ROW EXECUTE FUNCTION wait_to_place()",
            ] {
                database.execute(statement).await;
            }
        }
        Self::on(database, &format!("SELECT pg_advisory_xact_lock({PLACING})")).await
    }

    /// Blocks each transaction that has changed an attempt, with the row locked. PostgreSQL only.
    pub(crate) async fn on_attempts(database: &TestDatabase) -> Self {
        for statement in [
            &format!(
                "CREATE OR REPLACE FUNCTION wait_with_attempt() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN PERFORM pg_advisory_xact_lock_shared({ATTEMPTS}); RETURN NULL; END'"
            ),
            "CREATE OR REPLACE TRIGGER wait_with_attempt AFTER UPDATE ON checkout_attempts
             FOR EACH ROW EXECUTE FUNCTION wait_with_attempt()",
        ] {
            database.execute(statement).await;
        }
        Self::on(database, &format!("SELECT pg_advisory_xact_lock({ATTEMPTS})")).await
    }

    async fn on(database: &TestDatabase, rows: &str) -> Self {
        match database.engine() {
            Engine::Sqlite => {
                let mut connection = SqliteConnection::connect(database.url()).await.unwrap();
                sqlx::query("BEGIN IMMEDIATE")
                    .execute(&mut connection)
                    .await
                    .unwrap();
                Self::Sqlite(connection)
            }
            Engine::Postgres => {
                let mut connection = PgConnection::connect(database.url()).await.unwrap();
                sqlx::query("BEGIN").execute(&mut connection).await.unwrap();
                sqlx::query(AssertSqlSafe(rows))
                    .execute(&mut connection)
                    .await
                    .unwrap();
                Self::Postgres(connection)
            }
        }
    }

    pub(crate) async fn release_lock(self) {
        match self {
            Self::Sqlite(connection) => connection.close().await.unwrap(),
            Self::Postgres(connection) => connection.close().await.unwrap(),
        }
    }
}
