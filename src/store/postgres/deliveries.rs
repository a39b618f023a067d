//! Deliveries of events out on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;

use super::PostgresStore;
use super::error::PostgresResult;
use crate::domain::event_endpoint::{DeliveryState, EventDelivery};
use crate::domain::ids::EndpointId;
use crate::domain::listing::{Page, PageRequest};
use crate::store::StoreError;
use crate::store::columns::DbTime;
use crate::store::deliveries::{
    self, AttemptResult, Deliveries, DeliveryRow, LeasedDelivery, ReplayedEvents,
};
use crate::store::delivery_attempts;
use crate::store::delivery_writes::define_delivery_writes;
use crate::store::endpoints;
use crate::store::lease_request::LeaseRequest;

/// The condition that endpoint `p` gets the type of event `e`.
macro_rules! takes_kind {
    () => {
        "EXISTS (SELECT 1 FROM jsonb_array_elements_text(p.kinds) AS k (word) WHERE k.word IN ('*', e.kind))"
    };
}
pub(super) use takes_kind;

/// Leases deliveries of endpoint `$4` that are due at `$1` for `$2` seconds, at most `$3`. Several instances lease at once,
/// so it skips locked rows.
const LEASE: &str = "UPDATE event_deliveries
     SET leased_until = clock_timestamp() + make_interval(secs => $2), attempts = attempts + 1, last_attempt_at = $1
     WHERE endpoint_id = $4 AND position = ANY (ARRAY(
         SELECT position FROM event_deliveries
         WHERE endpoint_id = $4 AND state = 'pending' AND due_at <= $1
           AND (leased_until IS NULL OR leased_until <= clock_timestamp())
           AND EXISTS (SELECT 1 FROM event_endpoints
                       WHERE id = $4 AND is_enabled AND (paused_until IS NULL OR paused_until <= $1))
         ORDER BY due_at, position LIMIT $3 FOR UPDATE SKIP LOCKED))
     RETURNING position, attempts, failures";

#[async_trait]
impl Deliveries for PostgresStore {
    async fn queue_events(&self, id: &EndpointId, now: DateTime<Utc>) -> Result<Option<i64>, StoreError> {
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            let moved = queue_in(&mut transaction, id, now).await?;
            transaction.commit().await?;
            Ok(moved)
        })
        .await
    }

    async fn lease_deliveries(
        &self,
        id: &EndpointId,
        request: &LeaseRequest,
    ) -> Result<Vec<LeasedDelivery>, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_as(LEASE)
                .bind(request.now)
                .bind(request.duration.as_secs_f64())
                .bind(i64::from(request.limit))
                .bind(id.as_str());
            Ok(query.fetch_all(&self.pool).await?)
        })
        .await
    }

    async fn finish_attempts(
        &self,
        id: &EndpointId,
        results: &[AttemptResult],
        now: DateTime<Utc>,
        next: Option<&LeaseRequest>,
    ) -> Result<Vec<LeasedDelivery>, StoreError> {
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            finish_in(&mut transaction, id, results, now).await?;
            Ok(transaction.commit().await?)
        })
        .await?;
        // Not in the same transaction: a lease that fails must not undo the results.
        match next {
            Some(request) => self.lease_deliveries(id, request).await,
            None => Ok(Vec::new()),
        }
    }

    async fn list_deliveries(
        &self,
        id: &EndpointId,
        state: Option<DeliveryState>,
        page: &PageRequest,
    ) -> Result<Page<EventDelivery>, StoreError> {
        fetch_page!(
            self,
            DeliveryRow,
            deliveries::list_deliveries!(id, state, page),
            page
        )
    }

    async fn replay_events(
        &self,
        id: &EndpointId,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<ReplayedEvents, StoreError> {
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            let replayed = replay_in(&mut transaction, id, (from, to), now).await?;
            transaction.commit().await?;
            Ok(replayed)
        })
        .await
    }

    async fn release_deliveries(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        for endpoint in endpoints::Endpoints::list_endpoints(self).await? {
            self.retrying(|| async {
                let mut transaction = self.begin().await?;
                release_in(&mut transaction, &endpoint.id, now).await?;
                Ok(transaction.commit().await?)
            })
            .await?;
        }
        Ok(())
    }
}

define_delivery_writes!(
    PgConnection,
    PostgresResult,
    takes_kind!(),
    " FOR UPDATE",
    "jsonb_to_recordset($2) AS r (at bigint, attempt int, answer int)",
    "= ANY (ARRAY(",
    "))"
);
