//! Holds a lock in a separate transaction, which blocks the service's transactions until the lock is released.

use std::future::Future;

use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

use super::database::{Engine, TestDatabase};
use super::wait_for::eventually;

/// The key of the advisory lock that a placing statement waits for.
const PLACING: i64 = 4711;
/// The key of the advisory lock that a transaction waits for which has changed a row.
const CHANGED_ROW: i64 = 4712;

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
    /// taken, and has looked for blocks. On SQLite it blocks all writes.
    pub(crate) async fn on_placing(database: &TestDatabase, guests: &str) -> Self {
        if database.engine() == Engine::Postgres {
            for statement in [
                &format!(
                    "CREATE OR REPLACE FUNCTION wait_to_place() RETURNS trigger LANGUAGE plpgsql AS
                     'BEGIN IF NEW.guest_id LIKE ''{guests}'' THEN PERFORM pg_advisory_xact_lock_shared({PLACING});
                      END IF; RETURN NEW; END'"
                ),
                "CREATE OR REPLACE TRIGGER wait_to_place AFTER INSERT ON holds
                 FOR EACH ROW EXECUTE FUNCTION wait_to_place()",
            ] {
                database.execute(statement).await;
            }
        }
        Self::on(database, &format!("SELECT pg_advisory_xact_lock({PLACING})")).await
    }

    /// Blocks each transaction that writes what is known of this intent. PostgreSQL only.
    pub(crate) async fn on_intent(database: &TestDatabase, intent: &str) -> Self {
        let lock = format!("SELECT pg_advisory_xact_lock(hashtextextended('{intent}', 0) & 1023)");
        Self::on(database, &lock).await
    }

    /// Blocks each transaction that has changed a row of this table, with the row locked. PostgreSQL only.
    pub(crate) async fn on_changed_row(database: &TestDatabase, table: &str) -> Self {
        for statement in [
            &format!(
                "CREATE OR REPLACE FUNCTION wait_with_row() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN PERFORM pg_advisory_xact_lock_shared({CHANGED_ROW}); RETURN NULL; END'"
            ),
            &format!(
                "CREATE OR REPLACE TRIGGER wait_with_row AFTER UPDATE ON {table}
                 FOR EACH ROW EXECUTE FUNCTION wait_with_row()"
            ),
        ] {
            database.execute(statement).await;
        }
        Self::on(database, &format!("SELECT pg_advisory_xact_lock({CHANGED_ROW})")).await
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

/// Runs two transactions at the same time: the first one pauses at the lock until the second one waits.
pub(crate) async fn with_pause<A, B>(
    database: &TestDatabase,
    pause: impl Future<Output = Lock>,
    first: impl Future<Output = A> + Send + 'static,
    second: impl Future<Output = B> + Send + 'static,
) -> (A, B)
where
    A: Send + 'static,
    B: Send + 'static,
{
    // SQLite has one writer, so a transaction cannot pause while another one runs.
    if database.engine() == Engine::Sqlite {
        return (first.await, second.await);
    }
    let pause = pause.await;
    let first = tokio::spawn(first);
    until_waiting(database, 1).await;
    let second = tokio::spawn(second);
    until_waiting(database, 2).await;
    pause.release_lock().await;
    (first.await.unwrap(), second.await.unwrap())
}

async fn until_waiting(database: &TestDatabase, connections: i64) {
    let waiting = "SELECT count(*) FROM pg_stat_activity
                   WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0";
    eventually("the transactions wait", async || {
        (database.count(waiting).await == connections).then_some(())
    })
    .await;
}
