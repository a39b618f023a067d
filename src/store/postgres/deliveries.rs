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
    self, AttemptColumns, AttemptResult, Deliveries, DeliveryRow, LeasedDelivery, MAX_PENDING, MAX_REPLAYED,
    QUEUE_BATCH, ReplayedEvents, queue_between, replay_between,
};
use crate::store::endpoints;
use crate::store::lease_request::LeaseRequest;

/// The condition that endpoint `p` gets the type of event `e`.
macro_rules! takes_kind {
    () => {
        "EXISTS (SELECT 1 FROM jsonb_array_elements_text(p.kinds) AS k (word) WHERE k.word IN ('*', e.kind))"
    };
}

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

    async fn finish_attempt(
        &self,
        id: &EndpointId,
        result: &AttemptResult,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            if lock_endpoint(&mut transaction, id).await?.is_some() {
                finish_in(&mut transaction, id, result, now).await?;
            }
            Ok(transaction.commit().await?)
        })
        .await
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
            lock_endpoint(&mut transaction, id).await?;
            let found = sqlx::query_as(deliveries::LIST_RANGE)
                .bind(DbTime(from))
                .bind(DbTime(to))
                .bind(MAX_REPLAYED + 1);
            let found: Vec<(i64, DbTime)> = found.fetch_all(&mut *transaction).await?;
            let (end, next_from) = deliveries::cut_range(&found, to);
            let resumed = sqlx::query(deliveries::RESUME)
                .bind(id.as_str())
                .bind(DbTime(now))
                .bind(DbTime(from))
                .bind(DbTime(end))
                .execute(&mut *transaction)
                .await?;
            let queued = sqlx::query(replay_between!(takes_kind!()))
                .bind(id.as_str())
                .bind(DbTime(from))
                .bind(DbTime(end))
                .execute(&mut *transaction)
                .await?;
            release(&mut transaction, id, now).await?;
            transaction.commit().await?;
            let count = queued.rows_affected() + resumed.rows_affected();
            Ok(ReplayedEvents { count, next_from })
        })
        .await
    }

    async fn release_deliveries(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        for endpoint in endpoints::Endpoints::list_endpoints(self).await? {
            self.retrying(|| async {
                let mut transaction = self.begin().await?;
                lock_endpoint(&mut transaction, &endpoint.id).await?;
                release(&mut transaction, &endpoint.id, now).await?;
                Ok(transaction.commit().await?)
            })
            .await?;
        }
        Ok(())
    }
}

/// Locks an endpoint and returns its position, if it is there.
async fn lock_endpoint(connection: &mut PgConnection, id: &EndpointId) -> PostgresResult<Option<i64>> {
    let query = sqlx::query_scalar("SELECT position FROM event_endpoints WHERE id = $1 FOR UPDATE");
    Ok(query.bind(id.as_str()).fetch_optional(connection).await?)
}

async fn release(connection: &mut PgConnection, id: &EndpointId, now: DateTime<Utc>) -> PostgresResult<()> {
    let query = sqlx::query(deliveries::RELEASE).bind(id.as_str());
    query.bind(DbTime(now)).execute(connection).await?;
    Ok(())
}

async fn queue_in(
    connection: &mut PgConnection,
    id: &EndpointId,
    now: DateTime<Utc>,
) -> PostgresResult<Option<i64>> {
    let Some(position) = lock_endpoint(connection, id).await? else {
        return Ok(None);
    };
    let pending = sqlx::query_scalar(deliveries::COUNT_PENDING).bind(id.as_str());
    let pending: i64 = pending.bind(MAX_PENDING).fetch_one(&mut *connection).await?;
    if pending >= MAX_PENDING {
        return Ok(None);
    }
    let next = sqlx::query_scalar(deliveries::FIND_NEXT).bind(position);
    let next: Option<i64> = next.bind(QUEUE_BATCH).fetch_one(&mut *connection).await?;
    let Some(next) = next else {
        return Ok(None);
    };
    sqlx::query(queue_between!(takes_kind!()))
        .bind(id.as_str())
        .bind(position)
        .bind(next)
        .execute(&mut *connection)
        .await?;
    release(connection, id, now).await?;
    let moved = sqlx::query(deliveries::MOVE).bind(id.as_str()).bind(next);
    moved.execute(connection).await?;
    Ok(Some(next))
}

async fn finish_in(
    connection: &mut PgConnection,
    id: &EndpointId,
    result: &AttemptResult,
    now: DateTime<Utc>,
) -> PostgresResult<()> {
    let finished = deliveries::finish_attempt!(id, result);
    if finished.execute(&mut *connection).await?.rows_affected() == 0 {
        return Ok(());
    }
    if AttemptColumns::new(result).is_over() {
        sqlx::query(deliveries::RELEASE_OF_HOLD)
            .bind(id.as_str())
            .bind(DbTime(now))
            .bind(result.delivery.position)
            .execute(&mut *connection)
            .await?;
    }
    deliveries::note_attempt!(id, result, now)
        .execute(connection)
        .await?;
    Ok(())
}
