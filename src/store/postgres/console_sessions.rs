//! Console sessions on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::PostgresStore;
use crate::domain::console_session::{ConsoleSession, ConsoleTokenDigest};
use crate::store::StoreError;
use crate::store::console_sessions::{self, ConsoleSessionRow, ConsoleSessions};

#[async_trait]
impl ConsoleSessions for PostgresStore {
    async fn insert_console_session(&self, session: &ConsoleSession) -> Result<(), StoreError> {
        self.retrying(|| async {
            let (key, _) = console_sessions::encode_key(&session.key);
            let mut transaction = self.begin().await?;
            // Two sign-ins with one key do not see each other's sessions, so one waits for the other.
            sqlx::query("SELECT pg_advisory_xact_lock(27, hashtext(coalesce($1::text, '')))")
                .bind(key)
                .execute(&mut *transaction)
                .await?;
            console_sessions::insert_console_session!(session)
                .execute(&mut *transaction)
                .await?;
            console_sessions::delete_older_sessions!(session)
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await?;
            Ok(())
        })
        .await
    }

    async fn find_console_session(
        &self,
        digest: &ConsoleTokenDigest,
    ) -> Result<Option<ConsoleSession>, StoreError> {
        fetch_row!(
            self,
            ConsoleSessionRow,
            sqlx::query_as(console_sessions::FIND).bind(&digest.0[..])
        )
    }

    async fn record_console_use(
        &self,
        digest: &ConsoleTokenDigest,
        at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        run_statement!(
            self,
            sqlx::query(console_sessions::RECORD_USE)
                .bind(&digest.0[..])
                .bind(at)
        )
    }

    async fn delete_console_session(&self, digest: &ConsoleTokenDigest) -> Result<(), StoreError> {
        run_statement!(self, sqlx::query(console_sessions::DELETE).bind(&digest.0[..]))
    }

    async fn delete_idle_console_sessions(
        &self,
        before: DateTime<Utc>,
        limit: u32,
    ) -> Result<u64, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query(console_sessions::DELETE_IDLE)
                .bind(before)
                .bind(i64::from(limit));
            Ok(query.execute(&self.pool).await?.rows_affected())
        })
        .await
    }
}
