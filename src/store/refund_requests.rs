//! Requests of operators to return money: the change of the hold and the request's idempotency key in one transaction, so
//! that a repeated request orders nothing again.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use super::changes::{ApplyOutcome, HoldChange};
use crate::domain::ids::IdempotencyKey;

/// A request that was carried out, by its idempotency key.
#[derive(Clone, Debug)]
pub struct RefundRequest {
    /// The key that the caller chose, or a random one.
    pub key: IdempotencyKey,
    /// A digest of the hold and the body. The same key with another fingerprint is a mistake of the caller.
    pub fingerprint: String,
}

/// Requests to return money in the database; one method is one transaction.
#[async_trait]
pub trait RefundRequests {
    /// Finds the fingerprint of the request that was carried out with this key.
    async fn find_refund_request(&self, key: &IdempotencyKey) -> Result<Option<String>, StoreError>;
    /// Commits a change together with the request that asks for it. `Duplicate` if a request with its key was carried out.
    async fn apply_refund_request(
        &self,
        change: &HoldChange,
        request: &RefundRequest,
    ) -> Result<ApplyOutcome, StoreError>;
    /// Deletes at most `limit` requests from before `before`; returns how many.
    async fn delete_old_refund_requests(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError>;
}

/// Finds the request with key `$1`.
pub(super) const FIND: &str = "SELECT fingerprint FROM refund_requests WHERE idempotency_key = $1";

/// Writes the request with key `$1` and fingerprint `$2` at `$3`, unless the key is known.
pub(super) const INSERT: &str = "INSERT INTO refund_requests (idempotency_key, fingerprint, requested_at)
     VALUES ($1, $2, $3) ON CONFLICT (idempotency_key) DO NOTHING";

/// Builds the statement that writes a request.
macro_rules! insert_request {
    ($request:expr, $now:expr) => {
        sqlx::query($crate::store::refund_requests::INSERT)
            .bind($request.key.as_str())
            .bind($request.fingerprint.as_str())
            .bind($crate::store::columns::DbTime($now))
    };
}
pub(super) use insert_request;
