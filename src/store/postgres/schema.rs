//! Making the schema, and knowing whether it is the one this program was built with.

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

use super::error::{Answer, is_missing_table};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// Applies what is missing, under an advisory lock. On a connection of its own, which takes the lock along where it
/// fails half-way, and whose statements may take as long as they need.
pub(super) async fn migrate(options: &PgConnectOptions) -> Answer<()> {
    let connection = PgPoolOptions::new()
        .max_connections(1)
        .connect_lazy_with(options.clone());
    let done = MIGRATIONS.run(&connection).await;
    connection.close().await;
    Ok(done?)
}

/// Whether every migration that this program carries is applied, as it is carried. A newer schema is ready too: it is
/// what the instances of an older version see while a new one is rolled out.
pub(super) async fn is_ready(pool: &PgPool) -> Answer<bool> {
    let applied: Vec<(i64, Vec<u8>)> =
        match sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations WHERE success")
            .fetch_all(pool)
            .await
        {
            Err(error) if is_missing_table(&error) => return Ok(false),
            answer => answer?,
        };
    let is_applied = |version: i64, checksum: &[u8]| {
        applied
            .iter()
            .any(|(other, sum)| *other == version && sum == checksum)
    };
    Ok(MIGRATIONS
        .iter()
        .all(|migration| is_applied(migration.version, &migration.checksum)))
}
