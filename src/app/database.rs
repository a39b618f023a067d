//! Opens the configured database, of either engine.

use std::sync::Arc;

use secrecy::ExposeSecret;

use crate::config::Database;
use crate::store::postgres::{self, DatabaseTransport, PostgresStore};
use crate::store::{PoolOptions, Store, StoreError, sqlite};

/// Opens the configured database. It connects at the first query, not here. A file of SQLite that does not exist is made.
///
/// # Errors
/// [`StoreError`] if the database's address is not usable.
pub async fn open_store(database: &Database) -> Result<Arc<dyn Store>, StoreError> {
    let options = PoolOptions::default();
    Ok(match database {
        Database::Sqlite(path) => Arc::new(sqlite::connect(path, PoolOptions::of_one_process()).await?),
        Database::Postgres(url) => Arc::new(PostgresStore::connect(url.expose_secret(), options)?),
    })
}

/// Opens the configured database for a command that needs what is in it. It makes no file of SQLite, because one that is not
/// there has a misspelt path.
///
/// # Errors
/// [`StoreError`] if there is no file, or the database's address is not usable.
pub async fn open_existing_store(database: &Database) -> Result<Arc<dyn Store>, StoreError> {
    if let Database::Sqlite(path) = database {
        sqlite::require_file(path).await?;
    }
    open_store(database).await
}

/// Tells how the configured database is reached.
///
/// # Errors
/// [`StoreError`] if the database's address is not usable.
pub fn find_transport(database: &Database) -> Result<DatabaseTransport, StoreError> {
    match database {
        Database::Sqlite(_) => Ok(DatabaseTransport::Local),
        Database::Postgres(url) => postgres::find_transport(url.expose_secret()),
    }
}
