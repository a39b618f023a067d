//! Holds a lock in a separate transaction, which blocks the service's transactions until the lock is released.

use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

use super::database::{Engine, TestDatabase};

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

    /// Blocks the count of known clients: placing a hold waits there, with its windows taken. On SQLite it blocks all
    /// writes.
    #[allow(dead_code, reason = "only the storm has many guests behind one address")]
    pub(crate) async fn on_clients(database: &TestDatabase) -> Self {
        Self::on(database, "SELECT 1 FROM clients FOR UPDATE").await
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
