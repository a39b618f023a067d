//! Guests and clients on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::PostgresStore;
use crate::domain::booking::ClientId;
use crate::store::StoreError;
use crate::store::guests::{self, Guests, UnpaidHoldCounts, UnpaidHoldCountsRow};

#[async_trait]
impl Guests for PostgresStore {
    async fn count_unpaid_holds(
        &self,
        guest: &str,
        client: Option<&ClientId>,
    ) -> Result<UnpaidHoldCounts, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_as(guests::COUNT_UNPAID).bind(guest);
            let query = query.bind(client.map(|client| client.0.as_str()));
            let row: UnpaidHoldCountsRow = query.fetch_one(&self.pool).await?;
            Ok(row.decode())
        })
        .await
    }

    async fn erase_guests(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        self.delete_or_clear(ERASE, before, limit).await
    }

    async fn delete_idle_clients(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        self.delete_or_clear(DELETE_IDLE_CLIENTS, before, limit).await
    }
}

/// Erases the guests of holds that ended before `$1`, at most `$2`. A guest's row goes with the last hold that names it; a
/// guest who is booking right now has a hold that is counted.
const ERASE: &str = "WITH due AS (
         SELECT id, guest_id FROM holds
         WHERE status IN ('released', 'cancelled') AND guest_email IS NOT NULL AND updated_at < $1
         ORDER BY updated_at LIMIT $2 FOR UPDATE SKIP LOCKED),
     guest AS (
         DELETE FROM guests g WHERE g.email = ANY (ARRAY(SELECT guest_id FROM due)) AND g.held = 0
           AND NOT EXISTS (SELECT 1 FROM holds h WHERE h.guest_id = g.email AND h.id NOT IN (SELECT id FROM due)))
     UPDATE holds SET guest_email = NULL, guest_name = NULL, guest_id = NULL
     WHERE id = ANY (ARRAY(SELECT id FROM due))";

/// Deletes clients without a held hold that last changed before `$1`, at most `$2`.
const DELETE_IDLE_CLIENTS: &str = "DELETE FROM clients WHERE id = ANY (ARRAY(
         SELECT id FROM clients WHERE held = 0 AND updated_at < $1
         ORDER BY updated_at LIMIT $2 FOR UPDATE SKIP LOCKED)) AND held = 0";
