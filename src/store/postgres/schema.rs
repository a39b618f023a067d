//! Making the schema, and knowing whether it is the one this program was built with.

use sqlx::migrate::Migrator;
use sqlx::postgres::PgPool;

use super::error::{Answer, is_missing_table};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// Applies what is missing, under an advisory lock. `unhurried` has connections whose statements may take as long as
/// they need; the one that is used is closed afterwards, because it would keep the lock where it fails half-way.
pub(super) async fn migrate(unhurried: &PgPool) -> Answer<()> {
    let mut connection = unhurried.acquire().await?;
    connection.close_on_drop();
    MIGRATIONS.run_direct(None, &mut *connection, false).await?;
    Ok(())
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

pub(super) async fn installation(pool: &PgPool) -> Answer<String> {
    Ok(sqlx::query_scalar("SELECT id FROM installation")
        .fetch_one(pool)
        .await?)
}
