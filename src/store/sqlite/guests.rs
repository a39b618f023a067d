//! Guests and clients on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;
use sqlx::types::Json;

use super::error::SqliteResult;
use super::{SqliteStore, attempts, events};
use crate::store::StoreError;
use crate::store::attempts::OpenAttemptRow;
use crate::store::columns::DbTime;
use crate::store::events::EventCopyRow;
use crate::store::guests::{self, GuestErasure, Guests};

#[async_trait]
impl Guests for SqliteStore {
    async fn erase_guests(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let erased = erase_in(&mut transaction, before, limit).await?;
        self.commit(transaction).await?;
        Ok(erased)
    }

    async fn clear_leftover_metadata(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        self.delete_or_clear(CLEAR_METADATA, before, limit).await
    }

    async fn erase_guest(&self, guest: &str, limit: u32) -> Result<GuestErasure, StoreError> {
        let mut transaction = self.begin().await?;
        let erasure = erase_one(&mut transaction, guest, limit).await?;
        self.commit(transaction).await?;
        Ok(erasure)
    }

    async fn delete_idle_clients(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        self.delete_or_clear(DELETE_IDLE_CLIENTS, before, limit).await
    }
}

/// Selects holds that ended before `$1` and still name their guest, at most `$2`.
pub(super) const SELECT_DUE: &str = "SELECT id, guest_id FROM holds
     WHERE status IN ('released', 'cancelled') AND guest_email IS NOT NULL AND updated_at < $1
     ORDER BY updated_at LIMIT $2";

/// Erases the guests of the holds in JSON `$1`, and what opens their payment pages, which show the guest's address.
pub(super) const ERASE: &str = "UPDATE holds
     SET guest_email = NULL, guest_name = NULL, guest_id = NULL, client_id = NULL, metadata = '{}', checkout_url = '',
         client_secret = NULL
     WHERE id IN (SELECT value FROM json_each($1))";

/// Clears the metadata of holds that have no guest and last changed before `$1`, at most `$2`.
pub(super) const CLEAR_METADATA: &str = "UPDATE holds SET metadata = '{}' WHERE id IN (
         SELECT id FROM holds
         WHERE status IN ('released', 'cancelled') AND guest_email IS NULL AND metadata <> '{}' AND updated_at < $1
         ORDER BY updated_at LIMIT $2)";

/// Selects holds of guest `$1` that are not unpaid, at most `$2`.
pub(super) const SELECT_OF_GUEST: &str = "SELECT id FROM holds
     WHERE guest_id = $1 AND status IN ('confirmed', 'released', 'cancelled')
     ORDER BY created_at DESC, id DESC LIMIT $2";

/// Clears the bodies of the events of the holds in JSON `$1`.
pub(super) const CLEAR_BODIES_OF_HOLDS: &str = "UPDATE stripe_events SET payload = NULL
     WHERE hold_id IN (SELECT value FROM json_each($1)) AND payload IS NOT NULL";

/// Clears the body of event `$1`.
const CLEAR_BODY: &str = "UPDATE stripe_events SET payload = NULL WHERE id = $1";

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
    let clear = sqlx::query(CLEAR_BODIES_OF_HOLDS).bind(Json(&holds));
    clear.execute(&mut *connection).await?;
    erase_from(connection, &holds, &guests).await
}

/// Erases guests from holds, and the guests that no other hold names; returns from how many holds.
async fn erase_from(
    connection: &mut SqliteConnection,
    holds: &[String],
    guests: &[Option<String>],
) -> SqliteResult<u64> {
    let erase = sqlx::query(ERASE).bind(Json(holds));
    let done = erase.execute(&mut *connection).await?;
    let delete = sqlx::query(DELETE_GUESTS).bind(Json(guests));
    delete.execute(connection).await?;
    Ok(done.rows_affected())
}

async fn erase_one(connection: &mut SqliteConnection, guest: &str, limit: u32) -> SqliteResult<GuestErasure> {
    let unpaid: i64 = sqlx::query_scalar(guests::COUNT_UNPAID_OF_GUEST)
        .bind(guest)
        .fetch_one(&mut *connection)
        .await?;
    let open = attempts::select_open(&mut *connection).await?;
    if unpaid > 0 || !OpenAttemptRow::decode_of_guest(open, guest)?.is_empty() {
        return Ok(GuestErasure::Unfinished);
    }
    let due = sqlx::query_scalar(SELECT_OF_GUEST).bind(guest).bind(limit);
    let due: Vec<String> = due.fetch_all(&mut *connection).await?;
    let clear = sqlx::query(CLEAR_BODIES_OF_HOLDS).bind(Json(&due));
    let mut cleared = clear.execute(&mut *connection).await?.rows_affected();
    let orphans = events::select_orphan_events(&mut *connection).await?;
    for orphan in EventCopyRow::decode_of_guest(orphans, guest)? {
        let clear = sqlx::query(CLEAR_BODY).bind(orphan.event.id.as_str());
        cleared += clear.execute(&mut *connection).await?.rows_affected();
    }
    let holds = erase_from(connection, &due, &[Some(guest.to_owned())]).await?;
    Ok(GuestErasure::Erased {
        holds,
        events: cleared,
    })
}
