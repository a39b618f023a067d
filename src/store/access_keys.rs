//! Access keys: written and read by their digest, never by their text.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::columns::{DbTime, DbUuid};
use super::{StoreError, encoding, paging};
use crate::domain::access_key::{AccessKey, KeyDigest, Scope};
use crate::domain::ids::AccessKeyId;
use crate::domain::listing::{Page, PageRequest};

/// Access keys in the database; one method is one transaction.
#[async_trait]
pub trait AccessKeys {
    /// Writes a new key. `false` if another key has the name.
    async fn insert_key(&self, key: &AccessKey, digest: &KeyDigest) -> Result<bool, StoreError>;
    /// Finds the key with this digest, expired or not.
    async fn find_key(&self, digest: &KeyDigest) -> Result<Option<AccessKey>, StoreError>;
    /// Finds the key with this id, expired or not.
    async fn find_key_by_id(&self, id: AccessKeyId) -> Result<Option<AccessKey>, StoreError>;
    /// Lists keys, newest first.
    async fn list_keys(&self, page: &PageRequest) -> Result<Page<AccessKey>, StoreError>;
    /// Deletes a key, and returns it. `None` if there is none.
    async fn delete_key(&self, id: AccessKeyId) -> Result<Option<AccessKey>, StoreError>;
    /// Records that a key was used at `at`, unless a use after `since` is recorded.
    async fn record_key_use(
        &self,
        id: AccessKeyId,
        at: DateTime<Utc>,
        since: DateTime<Utc>,
    ) -> Result<(), StoreError>;
}

#[derive(sqlx::FromRow)]
pub(super) struct AccessKeyRow {
    id: DbUuid,
    name: String,
    scope: String,
    created_at: DbTime,
    expires_at: Option<DbTime>,
    last_used_at: Option<DbTime>,
}

/// The columns of [`AccessKeyRow`].
macro_rules! key_columns {
    () => {
        "id, name, scope, created_at, expires_at, last_used_at"
    };
}

/// Finds the key with digest `$1`.
pub(super) const FIND: &str = concat!("SELECT ", key_columns!(), " FROM access_keys WHERE digest = $1");

/// Finds the key with id `$1`.
pub(super) const FIND_BY_ID: &str = concat!("SELECT ", key_columns!(), " FROM access_keys WHERE id = $1");

/// Deletes key `$1` and returns it.
pub(super) const DELETE: &str = concat!("DELETE FROM access_keys WHERE id = $1 RETURNING ", key_columns!());

/// Records that key `$1` was used at `$2`, unless a use after `$3` is recorded.
pub(super) const RECORD_USE: &str =
    "UPDATE access_keys SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $3)";

/// Lists keys before `($1, $2)`, at most `$3`.
pub(super) const LIST: &str = concat!(
    "SELECT ",
    key_columns!(),
    " FROM access_keys WHERE (created_at, id) < ($1, $2) ORDER BY created_at DESC, id DESC LIMIT $3"
);

/// Builds the statement that writes a key, unless another one has its name.
macro_rules! insert_key {
    ($key:expr, $digest:expr) => {
        sqlx::query(
            "INSERT INTO access_keys (id, name, scope, digest, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO NOTHING",
        )
        .bind($crate::store::columns::DbUuid($key.id.0))
        .bind(&$key.name)
        .bind($key.scope.as_str())
        .bind(&$digest.0[..])
        .bind($crate::store::columns::DbTime($key.created_at))
        .bind($key.expires_at.map($crate::store::columns::DbTime))
    };
}
pub(super) use insert_key;

/// Builds the statement that lists keys, newest first; `None` after the end of the list.
macro_rules! list_query {
    ($page:expr) => {
        $crate::store::paging::timed_start($page).map(|(at, id)| {
            sqlx::query_as($crate::store::access_keys::LIST)
                .bind($crate::store::columns::DbTime(at))
                .bind($crate::store::columns::DbUuid(id))
                .bind($crate::store::paging::rows_wanted($page))
        })
    };
}
pub(super) use list_query;

impl AccessKeyRow {
    fn decode(self) -> Result<AccessKey, StoreError> {
        let scope = Scope::parse(&self.scope);
        Ok(AccessKey {
            id: AccessKeyId(self.id.0),
            name: self.name,
            scope: scope.ok_or_else(|| encoding::unreadable_column("scope", &self.scope))?,
            created_at: self.created_at.0,
            expires_at: self.expires_at.map(|at| at.0),
            last_used_at: self.last_used_at.map(|at| at.0),
        })
    }

    /// One key, if there is one.
    pub(super) fn decode_optional(row: Option<Self>) -> Result<Option<AccessKey>, StoreError> {
        row.map(Self::decode).transpose()
    }

    /// A page of keys, cut off rows that were read with [`LIST`].
    pub(super) fn decode_page(rows: Vec<Self>, page: &PageRequest) -> Result<Page<AccessKey>, StoreError> {
        let rows = paging::cut_page(rows, page, |row| paging::timed(row.created_at.0, row.id.0));
        paging::decode_page(rows, Self::decode)
    }
}
