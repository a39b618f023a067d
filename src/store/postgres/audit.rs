//! The audit trail on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::PostgresStore;
use crate::domain::audit::{AuditEntry, AuditFilter, AuditOutcome, AuditedAct, AuditedChange};
use crate::domain::listing::{Page, PageRequest};
use crate::store::StoreError;
use crate::store::audit::{self, Audit, AuditRow};

#[async_trait]
impl Audit for PostgresStore {
    async fn begin_audit(&self, act: &AuditedAct, now: DateTime<Utc>) -> Result<i64, StoreError> {
        self.retrying(|| async {
            let query = audit::bind_act!(sqlx::query_scalar(audit::BEGIN), act, now);
            Ok(query.fetch_one(&self.pool).await?)
        })
        .await
    }

    async fn finish_audit(
        &self,
        number: i64,
        outcome: AuditOutcome,
        change: &AuditedChange,
    ) -> Result<(), StoreError> {
        run_statement!(self, audit::finish_query!(number, outcome, change))
    }

    async fn record_act_since(
        &self,
        act: &AuditedAct,
        now: DateTime<Utc>,
        since: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let done = audit::encode_outcome(AuditOutcome::Done);
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            // Two instances do not see each other's entries, so one waits for the other.
            sqlx::query("SELECT pg_advisory_xact_lock(10, hashtext($1))")
                .bind(&act.actor)
                .execute(&mut *transaction)
                .await?;
            audit::bind_act!(sqlx::query(audit::RECORD_SINCE), act, now)
                .bind(done)
                .bind(since)
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await?;
            Ok(())
        })
        .await
    }

    async fn list_audit(
        &self,
        filter: &AuditFilter,
        page: &PageRequest,
    ) -> Result<Page<AuditEntry>, StoreError> {
        fetch_page!(self, AuditRow, audit::list_query!(filter, page), page)
    }

    async fn delete_old_audit(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        self.delete_or_clear(DELETE_OLD, before, limit).await
    }
}

/// Deletes entries from before `$1`, at most `$2`.
const DELETE_OLD: &str = "DELETE FROM audit_entries WHERE seq = ANY (ARRAY(
         SELECT seq FROM audit_entries WHERE at < $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED))";
