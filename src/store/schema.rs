//! The schema: bringing it up to date, and finding out whether it fits this program.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::migrate::Migrator;

use super::{ServerFault, StoreError};
use crate::domain::token::TokenKey;

/// The schema of the database.
#[async_trait]
pub trait Schema {
    /// Applies the migrations that are missing, under a lock. [`StoreError::Unsuitable`] if the server has a fault, or if
    /// somebody keeps a lock that a migration needs.
    async fn migrate(&self) -> Result<(), StoreError>;
    /// Finds what keeps this program from working on the server; a file has nothing of the kind.
    async fn find_server_faults(&self) -> Result<Vec<ServerFault>, StoreError>;
    /// Whether the database answers and has every migration of this program. Later migrations do not matter: from 0.2.0
    /// on, a migration lets the version before go on serving.
    async fn is_ready(&self) -> Result<bool, StoreError>;
    /// Whether the database has no tables, so that nobody has used it yet.
    async fn is_empty(&self) -> Result<bool, StoreError>;
    /// The id of this installation, which the first migration created.
    async fn installation_id(&self) -> Result<String, StoreError>;
    /// The token key of this installation. A database that earlier versions used has none at first: it takes `earlier`,
    /// once, so that all instances have the same.
    async fn token_key(&self, earlier: &TokenKey) -> Result<TokenKey, StoreError>;
    /// Runs a checkout in a transaction that is rolled back: it places a hold, tries to place a second one on the same
    /// slot, and applies an event with a payment and a command. This shows that statements and schema fit, that we may
    /// write, and that an overlap is refused (I1). It does not show that a commit reaches the disk.
    async fn dry_run_checkout(&self, now: DateTime<Utc>) -> Result<(), StoreError>;
}

/// Accepts a database that a newer version has migrated already, so that an instance of this version may restart.
pub(super) const fn accept_newer(mut migrations: Migrator) -> Migrator {
    migrations.ignore_missing = true;
    migrations
}

/// Reads the applied migrations.
pub(super) const APPLIED: &str = "SELECT version, checksum FROM _sqlx_migrations WHERE success";

/// Reads the id of this installation.
pub(super) const INSTALLATION: &str = "SELECT id FROM installation";

/// Reads the token secret of this installation.
pub(super) const TOKEN_SECRET: &str = "SELECT token_secret FROM installation";

/// Writes token secret `$1`, unless another instance was faster.
pub(super) const FILL_TOKEN_SECRET: &str =
    "UPDATE installation SET token_secret = $1 WHERE token_secret IS NULL";

pub(super) fn encode_token_key(key: &TokenKey) -> String {
    hex::encode(key.as_bytes())
}

/// Decodes a token secret. The error does not repeat it.
pub(super) fn decode_token_key(text: &str) -> Result<TokenKey, StoreError> {
    let mut bytes = [0; 32];
    match hex::decode_to_slice(text, &mut bytes) {
        Ok(()) => Ok(TokenKey::from_bytes(bytes)),
        Err(error) => Err(StoreError::Broken(Box::new(error))),
    }
}

/// Whether all migrations of this program are among the applied ones, unchanged.
pub(super) fn has_all_migrations(migrator: &Migrator, applied: &[(i64, Vec<u8>)]) -> bool {
    let is_applied = |version: i64, checksum: &[u8]| {
        applied
            .iter()
            .any(|(other, sum)| *other == version && sum == checksum)
    };
    migrator
        .iter()
        .all(|migration| is_applied(migration.version, &migration.checksum))
}
