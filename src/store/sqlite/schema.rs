//! The schema: bringing it up to date, and telling whether it is.

use std::collections::HashMap;

use sqlx::migrate::{Migrate, MigrateError, Migrator};

use super::{SqliteStore, trouble};
use crate::store::StoreError;

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// All missing migrations in one transaction: its write lock keeps a second process out, which sqlx's own lock, empty
/// for SQLite, does not.
pub(super) async fn migrate(store: &SqliteStore) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    // `run` takes only what can be acquired for any lifetime; this is what it does with it.
    MIGRATIONS
        .run_direct(None, &mut *tx, false)
        .await
        .map_err(migration_trouble)?;
    tx.commit().await.map_err(trouble)
}

/// Whether every migration of this program is applied, as this program has it. Later ones do not matter: they come
/// with a newer program, which sees to it that this one can still run.
pub(super) async fn is_ready(store: &SqliteStore) -> Result<bool, StoreError> {
    let kept =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = '_sqlx_migrations')");
    let exists: bool = store.read(kept.fetch_one(&store.readers)).await?;
    if !exists {
        return Ok(false);
    }
    let mut reader = store.readers.acquire().await.map_err(trouble)?;
    let applied = reader
        .list_applied_migrations(&MIGRATIONS.table_name)
        .await
        .map_err(migration_trouble)?;
    let applied: HashMap<_, _> = applied.into_iter().map(|m| (m.version, m.checksum)).collect();
    Ok(MIGRATIONS
        .iter()
        .all(|ours| applied.get(&ours.version) == Some(&ours.checksum)))
}

fn migration_trouble(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => trouble(error),
        other => StoreError::Broken(Box::new(other)),
    }
}
