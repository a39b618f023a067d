//! What the endpoints received about one hold, on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::SqliteStore;
use super::deliveries::{release_in, takes_kind};
use super::error::SqliteResult;
use crate::domain::ids::{EndpointId, HoldId};
use crate::store::StoreError;
use crate::store::hold_deliveries::{self, HoldDeliveries, HoldEvent, HoldEventRow};

/// Lists the events of hold `$1` with their deliveries, at most `$2` rows. Here every event has its place at once.
pub(super) const LIST: &str = concat!(
    hold_deliveries::numbered_of_hold!(),
    " ORDER BY e.sequence DESC, d.endpoint_id LIMIT $2"
);

/// Queues the events of hold `$2` for endpoint `$1` again.
pub(super) const RESEND: &str = hold_deliveries::resend_of_hold!(takes_kind!());

#[async_trait]
impl HoldDeliveries for SqliteStore {
    async fn list_hold_events(&self, hold: HoldId) -> Result<Vec<HoldEvent>, StoreError> {
        let query = hold_deliveries::list_hold_events!(LIST, hold);
        HoldEventRow::decode_all(self.read(query.fetch_all(&self.readers)).await?)
    }

    async fn resend_hold_events(
        &self,
        endpoint: &EndpointId,
        hold: HoldId,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let count = resend_in(&mut transaction, endpoint, hold, now).await?;
        self.commit(transaction).await?;
        Ok(count)
    }
}

async fn resend_in(
    connection: &mut SqliteConnection,
    endpoint: &EndpointId,
    hold: HoldId,
    now: DateTime<Utc>,
) -> SqliteResult<u64> {
    hold_deliveries::resend_hold_events!(connection, RESEND, endpoint, hold, now)
}
