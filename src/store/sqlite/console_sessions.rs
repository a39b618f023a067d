//! Console sessions on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::SqliteStore;
use crate::domain::console_session::{ConsoleSession, ConsoleTokenDigest};
use crate::store::StoreError;
use crate::store::columns::DbTime;
use crate::store::console_sessions::{self, ConsoleSessionRow, ConsoleSessions};

#[async_trait]
impl ConsoleSessions for SqliteStore {
    async fn insert_console_session(&self, session: &ConsoleSession) -> Result<(), StoreError> {
        let insert = console_sessions::insert_console_session!(session);
        let delete_older = console_sessions::delete_older_sessions!(session);
        let mut transaction = self.begin().await?;
        self.in_transaction(insert.execute(&mut *transaction)).await?;
        self.in_transaction(delete_older.execute(&mut *transaction))
            .await?;
        self.commit(transaction).await
    }

    async fn find_console_session(
        &self,
        digest: &ConsoleTokenDigest,
    ) -> Result<Option<ConsoleSession>, StoreError> {
        let query = sqlx::query_as(console_sessions::FIND).bind(&digest.0[..]);
        ConsoleSessionRow::decode_optional(self.read(query.fetch_optional(&self.readers)).await?)
    }

    async fn record_console_use(
        &self,
        digest: &ConsoleTokenDigest,
        at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let query = sqlx::query(console_sessions::RECORD_USE).bind(&digest.0[..]);
        self.write(query.bind(DbTime(at))).await?;
        Ok(())
    }

    async fn delete_console_session(&self, digest: &ConsoleTokenDigest) -> Result<(), StoreError> {
        self.write(sqlx::query(console_sessions::DELETE).bind(&digest.0[..]))
            .await?;
        Ok(())
    }

    async fn delete_idle_console_sessions(
        &self,
        before: DateTime<Utc>,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let query = sqlx::query(console_sessions::DELETE_IDLE).bind(DbTime(before));
        self.write(query.bind(i64::from(limit))).await
    }
}
