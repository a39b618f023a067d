//! Deliveries of events out on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::error::SqliteResult;
use super::{SqliteStore, database_now, to_millis};
use crate::domain::event_endpoint::{DeliveryState, EventDelivery};
use crate::domain::ids::EndpointId;
use crate::domain::listing::{Page, PageRequest};
use crate::store::columns::DbTime;
use crate::store::deliveries::{
    self, AttemptResult, Deliveries, DeliveryRow, LeasedDelivery, ReplayedEvents,
};
use crate::store::delivery_attempts;
use crate::store::delivery_writes::define_delivery_writes;
use crate::store::endpoints::Endpoints as _;
use crate::store::lease_request::LeaseRequest;
use crate::store::{StoreError, paging};

/// The condition that endpoint `p` gets the type of event `e`.
macro_rules! takes_kind {
    () => {
        "EXISTS (SELECT 1 FROM json_each(p.kinds) AS k WHERE k.value IN ('*', e.kind))"
    };
}
pub(super) use takes_kind;

/// Leases deliveries of endpoint `$4` that are due at `$1` for `$2` milliseconds, at most `$3`.
pub(super) const LEASE: &str = concat!(
    "UPDATE event_deliveries SET leased_until = ",
    database_now!(),
    " + $2, attempts = attempts + 1, last_attempt_at = $1
     WHERE endpoint_id = $4 AND position IN (
         SELECT position FROM event_deliveries
         WHERE endpoint_id = $4 AND state = 'pending' AND due_at IS NOT NULL AND due_at <= $1
           AND coalesce(leased_until, 0) <= ",
    database_now!(),
    " AND EXISTS (SELECT 1 FROM event_endpoints
                  WHERE id = $4 AND is_enabled AND (paused_until IS NULL OR paused_until <= $1))
         ORDER BY due_at, position LIMIT $3)
     RETURNING position, attempts, failures"
);

#[async_trait]
impl Deliveries for SqliteStore {
    async fn queue_events(&self, id: &EndpointId, now: DateTime<Utc>) -> Result<Option<i64>, StoreError> {
        let mut transaction = self.begin().await?;
        let moved = queue_in(&mut transaction, id, now).await?;
        self.commit(transaction).await?;
        Ok(moved)
    }

    async fn lease_deliveries(
        &self,
        id: &EndpointId,
        request: &LeaseRequest,
    ) -> Result<Vec<LeasedDelivery>, StoreError> {
        let mut transaction = self.begin().await?;
        let leased = lease_in(&mut transaction, id, request).await?;
        self.commit(transaction).await?;
        Ok(leased)
    }

    async fn finish_attempts(
        &self,
        id: &EndpointId,
        results: &[AttemptResult],
        now: DateTime<Utc>,
        next: Option<&LeaseRequest>,
    ) -> Result<Vec<LeasedDelivery>, StoreError> {
        let mut transaction = self.begin().await?;
        finish_in(&mut transaction, id, results, now).await?;
        // Each commit waits for the disk, and so do all other writers.
        let leased = match next {
            Some(request) => lease_in(&mut transaction, id, request).await?,
            None => Vec::new(),
        };
        self.commit(transaction).await?;
        Ok(leased)
    }

    async fn list_deliveries(
        &self,
        id: &EndpointId,
        state: Option<DeliveryState>,
        page: &PageRequest,
    ) -> Result<Page<EventDelivery>, StoreError> {
        let Some(query) = deliveries::list_deliveries!(id, state, page) else {
            return Ok(paging::end_of_list());
        };
        DeliveryRow::decode_page(self.read(query.fetch_all(&self.readers)).await?, page)
    }

    async fn replay_events(
        &self,
        id: &EndpointId,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<ReplayedEvents, StoreError> {
        let mut transaction = self.begin().await?;
        let replayed = replay_in(&mut transaction, id, (from, to), now).await?;
        self.commit(transaction).await?;
        Ok(replayed)
    }

    async fn release_deliveries(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        for endpoint in self.list_endpoints().await? {
            let mut transaction = self.begin().await?;
            release_in(&mut transaction, &endpoint.id, now).await?;
            self.commit(transaction).await?;
        }
        Ok(())
    }
}

async fn lease_in(
    connection: &mut SqliteConnection,
    id: &EndpointId,
    request: &LeaseRequest,
) -> SqliteResult<Vec<LeasedDelivery>> {
    let query = sqlx::query_as(LEASE)
        .bind(DbTime(request.now))
        .bind(to_millis(request.duration))
        .bind(request.limit)
        .bind(id.as_str());
    Ok(query.fetch_all(connection).await?)
}

define_delivery_writes!(
    SqliteConnection,
    SqliteResult,
    takes_kind!(),
    "",
    "(SELECT value ->> 'at' AS at, value ->> 'attempt' AS attempt, value ->> 'answer' AS answer FROM json_each($2)) AS r",
    "IN (",
    ")"
);
