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
    self, AttemptColumns, AttemptResult, Deliveries, DeliveryRow, LeasedDelivery, MAX_PENDING, MAX_REPLAYED,
    QUEUE_BATCH, ReplayedEvents, queue_between, replay_between,
};
use crate::store::endpoints::Endpoints as _;
use crate::store::lease_request::LeaseRequest;
use crate::store::{StoreError, paging};

/// The condition that endpoint `p` gets the type of event `e`.
macro_rules! takes_kind {
    () => {
        "EXISTS (SELECT 1 FROM json_each(p.kinds) AS k WHERE k.value IN ('*', e.kind))"
    };
}

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
        let query = sqlx::query_as(LEASE)
            .bind(DbTime(request.now))
            .bind(to_millis(request.duration))
            .bind(request.limit)
            .bind(id.as_str());
        let mut transaction = self.begin().await?;
        let leased = self.in_transaction(query.fetch_all(&mut *transaction)).await?;
        self.commit(transaction).await?;
        Ok(leased)
    }

    async fn finish_attempt(
        &self,
        id: &EndpointId,
        result: &AttemptResult,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        finish_in(&mut transaction, id, result, now).await?;
        self.commit(transaction).await
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
            let query = sqlx::query(deliveries::RELEASE).bind(endpoint.id.as_str());
            self.write(query.bind(DbTime(now))).await?;
        }
        Ok(())
    }
}

async fn release(connection: &mut SqliteConnection, id: &EndpointId, now: DateTime<Utc>) -> SqliteResult<()> {
    let query = sqlx::query(deliveries::RELEASE).bind(id.as_str());
    query.bind(DbTime(now)).execute(connection).await?;
    Ok(())
}

async fn queue_in(
    connection: &mut SqliteConnection,
    id: &EndpointId,
    now: DateTime<Utc>,
) -> SqliteResult<Option<i64>> {
    let position = sqlx::query_scalar("SELECT position FROM event_endpoints WHERE id = $1").bind(id.as_str());
    let position: Option<i64> = position.fetch_optional(&mut *connection).await?;
    let pending = sqlx::query_scalar(deliveries::COUNT_PENDING).bind(id.as_str());
    let pending: i64 = pending.bind(MAX_PENDING).fetch_one(&mut *connection).await?;
    let Some(position) = position.filter(|_| pending < MAX_PENDING) else {
        return Ok(None);
    };
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
    connection: &mut SqliteConnection,
    id: &EndpointId,
    result: &AttemptResult,
    now: DateTime<Utc>,
) -> SqliteResult<()> {
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

async fn replay_in(
    connection: &mut SqliteConnection,
    id: &EndpointId,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    now: DateTime<Utc>,
) -> SqliteResult<ReplayedEvents> {
    let found = sqlx::query_as(deliveries::LIST_RANGE)
        .bind(DbTime(from))
        .bind(DbTime(to))
        .bind(MAX_REPLAYED + 1);
    let found: Vec<(i64, DbTime)> = found.fetch_all(&mut *connection).await?;
    let (end, next_from) = deliveries::cut_range(&found, to);
    let resumed = sqlx::query(deliveries::RESUME)
        .bind(id.as_str())
        .bind(DbTime(now))
        .bind(DbTime(from))
        .bind(DbTime(end))
        .execute(&mut *connection)
        .await?;
    let queued = sqlx::query(replay_between!(takes_kind!()))
        .bind(id.as_str())
        .bind(DbTime(from))
        .bind(DbTime(end))
        .execute(&mut *connection)
        .await?;
    release(connection, id, now).await?;
    let count = queued.rows_affected() + resumed.rows_affected();
    Ok(ReplayedEvents { count, next_from })
}
