//! The audit trail on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::SqliteStore;
use crate::domain::audit::{AuditEntry, AuditFilter, AuditOutcome, AuditedAct, AuditedChange};
use crate::domain::listing::{Page, PageRequest};
use crate::store::audit::{self, Audit, AuditRow};
use crate::store::columns::DbTime;
use crate::store::{StoreError, paging};

#[async_trait]
impl Audit for SqliteStore {
    async fn begin_audit(&self, act: &AuditedAct, now: DateTime<Utc>) -> Result<i64, StoreError> {
        let mut transaction = self.begin().await?;
        let query = audit::bind_act!(sqlx::query_scalar(audit::BEGIN), act, now);
        let number = self.in_transaction(query.fetch_one(&mut *transaction)).await?;
        self.commit(transaction).await?;
        Ok(number)
    }

    async fn finish_audit(
        &self,
        number: i64,
        outcome: AuditOutcome,
        change: &AuditedChange,
    ) -> Result<(), StoreError> {
        self.write(audit::finish_query!(number, outcome, change)).await?;
        Ok(())
    }

    async fn record_act_since(
        &self,
        act: &AuditedAct,
        now: DateTime<Utc>,
        since: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let query = audit::bind_act!(sqlx::query(audit::RECORD_SINCE), act, now)
            .bind(audit::encode_outcome(AuditOutcome::Done))
            .bind(DbTime(since));
        self.write(query).await?;
        Ok(())
    }

    async fn list_audit(
        &self,
        filter: &AuditFilter,
        page: &PageRequest,
    ) -> Result<Page<AuditEntry>, StoreError> {
        let Some(query) = audit::list_query!(filter, page) else {
            return Ok(paging::end_of_list());
        };
        AuditRow::decode_page(self.read(query.fetch_all(&self.readers)).await?, page)
    }

    async fn delete_old_audit(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        self.delete_or_clear(DELETE_OLD, before, limit).await
    }
}

/// Deletes entries from before `$1`, at most `$2`.
pub(super) const DELETE_OLD: &str = "DELETE FROM audit_entries WHERE seq IN (
         SELECT seq FROM audit_entries WHERE at < $1 ORDER BY at LIMIT $2)";
