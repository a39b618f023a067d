//! Guests and clients on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;
use sqlx::types::Json;

use super::SqliteStore;
use super::error::SqliteResult;
use crate::domain::booking::ClientId;
use crate::store::StoreError;
use crate::store::columns::DbTime;
use crate::store::guests::{self, Guests, UnpaidHoldCounts, UnpaidHoldCountsRow};

#[async_trait]
impl Guests for SqliteStore {
    async fn count_unpaid_holds(
        &self,
        guest: &str,
        client: Option<&ClientId>,
    ) -> Result<UnpaidHoldCounts, StoreError> {
        let query = sqlx::query_as(guests::COUNT_UNPAID).bind(guest);
        let query = query.bind(client.map(|client| client.0.as_str()));
        let row: UnpaidHoldCountsRow = self.read(query.fetch_one(&self.readers)).await?;
        Ok(row.decode())
    }

    async fn erase_guests(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let erased = erase_in(&mut transaction, before, limit).await?;
        self.commit(transaction).await?;
        Ok(erased)
    }

    async fn delete_idle_clients(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        self.delete_or_clear(DELETE_IDLE_CLIENTS, before, limit).await
    }
}

/// Selects holds that ended before `$1` and still name their guest, at most `$2`.
pub(super) const SELECT_DUE: &str = "SELECT id, guest_id FROM holds
     WHERE status IN ('released', 'cancelled') AND guest_email IS NOT NULL AND updated_at < $1
     ORDER BY updated_at LIMIT $2";

/// Erases the guests of the holds in JSON `$1`.
pub(super) const ERASE: &str = "UPDATE holds SET guest_email = NULL, guest_name = NULL, guest_id = NULL
     WHERE id IN (SELECT value FROM json_each($1))";

/// Deletes the guests in JSON `$1` that no hold names any more.
pub(super) const DELETE_GUESTS: &str = "DELETE FROM guests
     WHERE email IN (SELECT value FROM json_each($1)) AND held = 0
       AND NOT EXISTS (SELECT 1 FROM holds h WHERE h.guest_id = guests.email)";

/// Deletes clients without a held hold that last changed before `$1`, at most `$2`.
pub(super) const DELETE_IDLE_CLIENTS: &str = "DELETE FROM clients WHERE id IN (
         SELECT id FROM clients WHERE held = 0 AND updated_at < $1 ORDER BY updated_at LIMIT $2)";

async fn erase_in(connection: &mut SqliteConnection, before: DateTime<Utc>, limit: u32) -> SqliteResult<u64> {
    let due: Vec<(String, Option<String>)> = sqlx::query_as(SELECT_DUE)
        .bind(DbTime(before))
        .bind(limit)
        .fetch_all(&mut *connection)
        .await?;
    let (holds, guests): (Vec<_>, Vec<_>) = due.into_iter().unzip();
    let erase = sqlx::query(ERASE).bind(Json(holds));
    let done = erase.execute(&mut *connection).await?;
    let delete = sqlx::query(DELETE_GUESTS).bind(Json(guests));
    delete.execute(connection).await?;
    Ok(done.rows_affected())
}
