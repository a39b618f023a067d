//! Requests to return money on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::error::SqliteResult;
use super::{SqliteStore, changes};
use crate::domain::ids::IdempotencyKey;
use crate::store::StoreError;
use crate::store::changes::{ApplyOutcome, HoldChange};
use crate::store::refund_requests::{self, RefundRequest, RefundRequests, insert_request};

#[async_trait]
impl RefundRequests for SqliteStore {
    async fn find_refund_request(&self, key: &IdempotencyKey) -> Result<Option<String>, StoreError> {
        let query = sqlx::query_scalar(refund_requests::FIND).bind(key.as_str());
        self.read(query.fetch_optional(&self.readers)).await
    }

    async fn apply_refund_request(
        &self,
        change: &HoldChange,
        request: &RefundRequest,
    ) -> Result<ApplyOutcome, StoreError> {
        let mut transaction = self.begin().await?;
        let outcome = apply_in(&mut transaction, change, request).await?;
        match outcome {
            ApplyOutcome::Done { .. } => self.commit(transaction).await?,
            ApplyOutcome::Conflict | ApplyOutcome::Duplicate => self.roll_back(transaction).await?,
        }
        Ok(outcome)
    }

    async fn delete_old_refund_requests(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        self.delete_or_clear(DELETE_OLD, before, limit).await
    }
}

async fn apply_in(
    connection: &mut SqliteConnection,
    change: &HoldChange,
    request: &RefundRequest,
) -> SqliteResult<ApplyOutcome> {
    let done = insert_request!(request, change.now)
        .execute(&mut *connection)
        .await?;
    if done.rows_affected() == 0 {
        return Ok(ApplyOutcome::Duplicate);
    }
    changes::apply_in(connection, change).await
}

/// Deletes requests from before `$1`, at most `$2`.
pub(super) const DELETE_OLD: &str = "DELETE FROM refund_requests WHERE idempotency_key IN (
         SELECT idempotency_key FROM refund_requests WHERE requested_at < $1 ORDER BY requested_at LIMIT $2)";
