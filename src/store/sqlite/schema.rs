//! The schema: bringing it up to date, and telling whether it is.

use std::collections::HashMap;

use sqlx::migrate::Migrator;

use super::SqliteStore;
use super::error::Answer;

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// All missing migrations in one transaction: its write lock keeps a second process out, which sqlx's own lock, empty
/// for SQLite, does not.
pub(super) async fn migrate(store: &SqliteStore) -> Answer<()> {
    let mut tx = store.begin().await?;
    // `run` takes only what can be acquired for any lifetime; this is what it does with it.
    MIGRATIONS.run_direct(None, &mut *tx, false).await?;
    Ok(tx.commit().await?)
}

/// Whether every migration of this program is applied, as this program has it. Later ones do not matter: they come
/// with a newer program, which sees to it that this one can still run.
pub(super) async fn is_ready(store: &SqliteStore) -> Answer<bool> {
    let kept =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = '_sqlx_migrations')");
    let exists: bool = store.read(kept.fetch_one(&store.readers)).await?;
    if !exists {
        return Ok(false);
    }
    let applied = sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations WHERE success");
    let applied: Vec<(i64, Vec<u8>)> = store.read(applied.fetch_all(&store.readers)).await?;
    let applied: HashMap<_, _> = applied.into_iter().collect();
    Ok(MIGRATIONS.iter().all(|ours| {
        applied
            .get(&ours.version)
            .is_some_and(|applied| *applied == *ours.checksum)
    }))
}

pub(super) async fn installation(store: &SqliteStore) -> Answer<String> {
    let question = sqlx::query_scalar("SELECT id FROM installation");
    store.read(question.fetch_one(&store.readers)).await
}
