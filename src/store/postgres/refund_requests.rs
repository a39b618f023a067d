//! Requests to return money on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;

use super::error::PostgresResult;
use super::{PostgresStore, changes};
use crate::domain::ids::IdempotencyKey;
use crate::store::StoreError;
use crate::store::changes::{ApplyOutcome, HoldChange};
use crate::store::refund_requests::{self, RefundRequest, RefundRequests, insert_request};

#[async_trait]
impl RefundRequests for PostgresStore {
    async fn find_refund_request(&self, key: &IdempotencyKey) -> Result<Option<String>, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_scalar(refund_requests::FIND).bind(key.as_str());
            Ok(query.fetch_optional(&self.pool).await?)
        })
        .await
    }

    async fn apply_refund_request(
        &self,
        change: &HoldChange,
        request: &RefundRequest,
    ) -> Result<ApplyOutcome, StoreError> {
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            let outcome = apply_in(&mut transaction, change, request).await?;
            match outcome {
                ApplyOutcome::Done { .. } => transaction.commit().await,
                ApplyOutcome::Conflict | ApplyOutcome::Duplicate => transaction.rollback().await,
            }?;
            Ok(outcome)
        })
        .await
    }

    async fn delete_old_refund_requests(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        self.delete_or_clear(DELETE_OLD, before, limit).await
    }
}

/// Writes the request first: one with the same key waits here until this transaction ends.
async fn apply_in(
    connection: &mut PgConnection,
    change: &HoldChange,
    request: &RefundRequest,
) -> PostgresResult<ApplyOutcome> {
    let done = insert_request!(request, change.now)
        .execute(&mut *connection)
        .await?;
    if done.rows_affected() == 0 {
        return Ok(ApplyOutcome::Duplicate);
    }
    changes::apply_in(connection, change).await
}

/// Deletes requests from before `$1`, at most `$2`.
const DELETE_OLD: &str = "DELETE FROM refund_requests WHERE idempotency_key = ANY (ARRAY(
         SELECT idempotency_key FROM refund_requests WHERE requested_at < $1
         ORDER BY requested_at LIMIT $2 FOR UPDATE SKIP LOCKED))";
