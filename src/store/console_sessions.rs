//! Console sessions: written and read by the digest of their token, never by the token.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use super::columns::{DbTime, DbUuid};
use crate::domain::console_session::{BootstrapProof, ConsoleSession, ConsoleTokenDigest, SessionKey};
use crate::domain::ids::AccessKeyId;

/// How many sessions of one key are kept: a person has a few browsers, and what signs in again and again must not fill the
/// table.
pub const MOST_SESSIONS_OF_KEY: i64 = 20;

/// Console sessions in the database; one method is one transaction.
#[async_trait]
pub trait ConsoleSessions {
    /// Writes a new session, and deletes all but the newest [`MOST_SESSIONS_OF_KEY`] of its key. The key must exist.
    async fn insert_console_session(&self, session: &ConsoleSession) -> Result<(), StoreError>;
    /// Finds the session with this digest, ended or not.
    async fn find_console_session(
        &self,
        digest: &ConsoleTokenDigest,
    ) -> Result<Option<ConsoleSession>, StoreError>;
    /// Records that the browser was seen at `at`, unless it was seen later.
    async fn record_console_use(
        &self,
        digest: &ConsoleTokenDigest,
        at: DateTime<Utc>,
    ) -> Result<(), StoreError>;
    /// Deletes the session with this digest, if there is one.
    async fn delete_console_session(&self, digest: &ConsoleTokenDigest) -> Result<(), StoreError>;
    /// Deletes at most `limit` sessions that were last seen before `before`. Returns how many.
    async fn delete_idle_console_sessions(
        &self,
        before: DateTime<Utc>,
        limit: u32,
    ) -> Result<u64, StoreError>;
}

/// Finds the session with digest `$1`.
pub(super) const FIND: &str = "SELECT token_digest, key_id, bootstrap_proof, created_at, last_seen_at
     FROM console_sessions WHERE token_digest = $1";

/// Records that session `$1` was seen at `$2`.
pub(super) const RECORD_USE: &str =
    "UPDATE console_sessions SET last_seen_at = $2 WHERE token_digest = $1 AND last_seen_at < $2";

/// Deletes the session with digest `$1`.
pub(super) const DELETE: &str = "DELETE FROM console_sessions WHERE token_digest = $1";

/// Deletes at most `$2` sessions that were last seen before `$1`.
pub(super) const DELETE_IDLE: &str = "DELETE FROM console_sessions WHERE token_digest IN (
         SELECT token_digest FROM console_sessions WHERE last_seen_at < $1 ORDER BY last_seen_at LIMIT $2)";

/// Deletes the sessions of key `$1`, or of the environment's key, beyond the newest `$3`. Session `$2` is the newest, whatever the
/// clock said.
pub(super) const DELETE_OLDER: &str = "DELETE FROM console_sessions WHERE token_digest IN (
         SELECT token_digest FROM console_sessions WHERE key_id = $1 OR (key_id IS NULL AND $1 IS NULL)
         ORDER BY token_digest = $2 DESC, created_at DESC, token_digest LIMIT 1000 OFFSET $3)";

/// Builds the statement that deletes the sessions which a new one makes too many.
macro_rules! delete_older_sessions {
    ($session:expr) => {{
        let (key, _) = $crate::store::console_sessions::encode_key(&$session.key);
        sqlx::query($crate::store::console_sessions::DELETE_OLDER)
            .bind(key)
            .bind($session.digest.0.to_vec())
            .bind($crate::store::console_sessions::MOST_SESSIONS_OF_KEY)
    }};
}
pub(super) use delete_older_sessions;

/// Builds the statement that writes a session. Its repetition changes nothing.
macro_rules! insert_console_session {
    ($session:expr) => {{
        let (key, proof) = $crate::store::console_sessions::encode_key(&$session.key);
        sqlx::query(
            "INSERT INTO console_sessions (token_digest, key_id, bootstrap_proof, created_at, last_seen_at)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (token_digest) DO NOTHING",
        )
        .bind($session.digest.0.to_vec())
        .bind(key)
        .bind(proof)
        .bind($crate::store::columns::DbTime($session.created_at))
        .bind($crate::store::columns::DbTime($session.last_seen_at))
    }};
}
pub(super) use insert_console_session;

/// Returns the two columns of a session's key.
pub(super) fn encode_key(key: &SessionKey) -> (Option<DbUuid>, Option<Vec<u8>>) {
    match key {
        SessionKey::Access(id) => (Some(DbUuid(id.0)), None),
        SessionKey::Bootstrap(proof) => (None, Some(proof.0.to_vec())),
    }
}

#[derive(sqlx::FromRow)]
pub(super) struct ConsoleSessionRow {
    token_digest: Vec<u8>,
    key_id: Option<DbUuid>,
    bootstrap_proof: Option<Vec<u8>>,
    created_at: DbTime,
    last_seen_at: DbTime,
}

/// A column of a session does not have the length that every version writes.
#[derive(Debug, thiserror::Error)]
#[error("the column {0} of a console session is not readable")]
struct UnreadableSession(&'static str);

impl ConsoleSessionRow {
    fn decode(self) -> Result<ConsoleSession, StoreError> {
        let unreadable = |column| StoreError::Broken(Box::new(UnreadableSession(column)));
        let digest = self.token_digest.try_into();
        let key = match (self.key_id, self.bootstrap_proof) {
            (Some(id), None) => SessionKey::Access(AccessKeyId(id.0)),
            (None, Some(proof)) => {
                let proof = proof.try_into().map_err(|_| unreadable("bootstrap_proof"))?;
                SessionKey::Bootstrap(BootstrapProof(proof))
            }
            _ => return Err(unreadable("key_id")),
        };
        Ok(ConsoleSession {
            digest: ConsoleTokenDigest(digest.map_err(|_| unreadable("token_digest"))?),
            key,
            created_at: self.created_at.0,
            last_seen_at: self.last_seen_at.0,
        })
    }

    /// One session, if there is one.
    pub(super) fn decode_optional(row: Option<Self>) -> Result<Option<ConsoleSession>, StoreError> {
        row.map(Self::decode).transpose()
    }
}
