//! A transaction by hand that keeps the service's own from going on: the database is busy until it is let go.

use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

use super::database::{Engine, TestDatabase};

/// Ends when it is let go, or dropped.
pub(crate) enum Lock {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Lock {
    /// Nobody can change this hold meanwhile; on SQLite nobody can write at all.
    pub(crate) async fn on_hold(database: &TestDatabase, hold: &str) -> Self {
        Self::on(
            database,
            &format!("SELECT 1 FROM holds WHERE id = '{hold}' FOR UPDATE"),
        )
        .await
    }

    /// Nobody can count a checkout of a client that is known already: a placing waits there, with its windows taken. On
    /// SQLite nobody can write at all.
    #[allow(dead_code, reason = "only the storm has crowds behind one address")]
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

    pub(crate) async fn let_go(self) {
        match self {
            Self::Sqlite(connection) => connection.close().await.unwrap(),
            Self::Postgres(connection) => connection.close().await.unwrap(),
        }
    }
}
