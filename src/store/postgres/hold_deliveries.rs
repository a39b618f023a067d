//! What the endpoints received about one hold, on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;

use super::PostgresStore;
use super::deliveries::{lock_endpoint, release_in, takes_kind};
use super::error::PostgresResult;
use crate::domain::ids::{EndpointId, HoldId};
use crate::store::StoreError;
use crate::store::hold_deliveries::{self, HoldDeliveries, HoldEvent, HoldEventRow};

/// Lists the events of hold `$1` with their deliveries, at most `$2` rows. Those without a place have an index of their own.
const LIST: &str = concat!(
    "SELECT * FROM (",
    hold_deliveries::numbered_of_hold!(),
    " UNION ALL
         SELECT seq, NULL, kind, created_at, NULL, NULL, NULL, NULL, NULL
         FROM events_out WHERE hold_id = $1 AND position IS NULL
     ) AS of_hold
     ORDER BY sequence DESC NULLS FIRST, seq DESC, endpoint_id LIMIT $2"
);

/// Queues the events of hold `$2` for endpoint `$1` again.
const RESEND: &str = hold_deliveries::resend_of_hold!(takes_kind!());

#[async_trait]
impl HoldDeliveries for PostgresStore {
    async fn list_hold_events(&self, hold: HoldId) -> Result<Vec<HoldEvent>, StoreError> {
        self.retrying(|| async {
            let query = hold_deliveries::list_hold_events!(LIST, hold);
            Ok(HoldEventRow::decode_all(query.fetch_all(&self.pool).await?)?)
        })
        .await
    }

    async fn resend_hold_events(
        &self,
        endpoint: &EndpointId,
        hold: HoldId,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            lock_endpoint(&mut transaction, endpoint).await?;
            let count = resend_in(&mut transaction, endpoint, hold, now).await?;
            transaction.commit().await?;
            Ok(count)
        })
        .await
    }
}

async fn resend_in(
    connection: &mut PgConnection,
    endpoint: &EndpointId,
    hold: HoldId,
    now: DateTime<Utc>,
) -> PostgresResult<u64> {
    hold_deliveries::resend_hold_events!(connection, RESEND, endpoint, hold, now)
}
