//! Guests and clients on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::error::PostgresResult;
use super::{PostgresStore, attempts, events};
use crate::store::StoreError;
use crate::store::guests::{self, GuestErasure, Guests};

#[async_trait]
impl Guests for PostgresStore {
    async fn erase_guests(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        self.delete_or_clear(ERASE, before, limit).await
    }

    async fn clear_leftover_metadata(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        self.delete_or_clear(CLEAR_METADATA, before, limit).await
    }

    async fn erase_guest(&self, guest: &str, limit: u32) -> Result<GuestErasure, StoreError> {
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            let erasure = erase_one(&mut transaction, guest, limit).await?;
            transaction.commit().await?;
            Ok(erasure)
        })
        .await
    }

    async fn delete_idle_clients(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        self.delete_or_clear(DELETE_IDLE_CLIENTS, before, limit).await
    }
}

/// Erases the guests of holds that ended before `$1`, at most `$2`, also from the bodies of events, and what opens their payment
/// pages, which show the guest's address. A guest's row goes with the last hold that names it; a
/// guest who is booking right now has a hold that is counted.
const ERASE: &str = "WITH due AS (
         SELECT id, guest_id FROM holds
         WHERE status IN ('released', 'cancelled') AND guest_email IS NOT NULL AND updated_at < $1
         ORDER BY updated_at LIMIT $2 FOR UPDATE SKIP LOCKED),
     guest AS (
         DELETE FROM guests g WHERE g.email = ANY (ARRAY(SELECT guest_id FROM due)) AND g.held = 0
           AND NOT EXISTS (SELECT 1 FROM holds h WHERE h.guest_id = g.email AND h.id NOT IN (SELECT id FROM due))),
     bodies AS (
         UPDATE stripe_events SET payload = NULL
         WHERE hold_id = ANY (ARRAY(SELECT id FROM due)) AND payload IS NOT NULL)
     UPDATE holds SET guest_email = NULL, guest_name = NULL, guest_id = NULL, client_id = NULL, metadata = '{}',
         checkout_url = '', client_secret = NULL
     WHERE id = ANY (ARRAY(SELECT id FROM due))";

/// Clears the metadata of holds that have no guest and last changed before `$1`, at most `$2`.
const CLEAR_METADATA: &str = "UPDATE holds SET metadata = '{}' WHERE id = ANY (ARRAY(
         SELECT id FROM holds
         WHERE status IN ('released', 'cancelled') AND guest_email IS NULL AND metadata <> '{}' AND updated_at < $1
         ORDER BY updated_at LIMIT $2 FOR UPDATE SKIP LOCKED))";

/// Locks holds of guest `$1` that are not unpaid, at most `$2`, and returns their ids.
const LOCK_OF_GUEST: &str = "SELECT id FROM holds
     WHERE guest_id = $1 AND status IN ('confirmed', 'released', 'cancelled')
     ORDER BY created_at DESC, id DESC LIMIT $2 FOR UPDATE";

/// Erases guest `$1` from the holds `$2`, as [`ERASE`] does. The guest's row goes with the last hold that names it.
const ERASE_ONE: &str = "WITH guest AS (
         DELETE FROM guests g WHERE g.email = $1 AND g.held = 0
           AND NOT EXISTS (SELECT 1 FROM holds h WHERE h.guest_id = $1 AND h.id <> ALL ($2)))
     UPDATE holds SET guest_email = NULL, guest_name = NULL, guest_id = NULL, client_id = NULL, metadata = '{}',
         checkout_url = '', client_secret = NULL
     WHERE id = ANY ($2)";

/// Clears the bodies of the events of holds `$1`.
const CLEAR_BODIES_OF_HOLDS: &str =
    "UPDATE stripe_events SET payload = NULL WHERE hold_id = ANY ($1) AND payload IS NOT NULL";

/// Clears the bodies of events `$1`.
const CLEAR_BODIES: &str =
    "UPDATE stripe_events SET payload = NULL WHERE id = ANY ($1) AND payload IS NOT NULL";

async fn erase_one(connection: &mut PgConnection, guest: &str, limit: u32) -> PostgresResult<GuestErasure> {
    // The attempts first: one that ends in between has placed its hold, which the second statement sees.
    let open = attempts::find_open(&mut *connection, guest).await?;
    let unpaid: i64 = sqlx::query_scalar(guests::COUNT_UNPAID_OF_GUEST)
        .bind(guest)
        .fetch_one(&mut *connection)
        .await?;
    if unpaid > 0 || !open.is_empty() {
        return Ok(GuestErasure::Unfinished);
    }
    let due = sqlx::query_scalar(LOCK_OF_GUEST)
        .bind(guest)
        .bind(i64::from(limit));
    let due: Vec<Uuid> = due.fetch_all(&mut *connection).await?;
    let clear = sqlx::query(CLEAR_BODIES_OF_HOLDS).bind(&due);
    let mut cleared = clear.execute(&mut *connection).await?.rows_affected();
    let orphans = events::find_orphan_events(&mut *connection, guest).await?;
    let orphans: Vec<&str> = orphans.iter().map(|orphan| orphan.event.id.as_str()).collect();
    let clear = sqlx::query(CLEAR_BODIES).bind(orphans);
    cleared += clear.execute(&mut *connection).await?.rows_affected();
    let erase = sqlx::query(ERASE_ONE).bind(guest).bind(&due);
    let holds = erase.execute(connection).await?.rows_affected();
    Ok(GuestErasure::Erased {
        holds,
        events: cleared,
    })
}

/// Deletes clients without a held hold that last changed before `$1`, at most `$2`.
const DELETE_IDLE_CLIENTS: &str = "DELETE FROM clients WHERE id = ANY (ARRAY(
         SELECT id FROM clients WHERE held = 0 AND updated_at < $1
         ORDER BY updated_at LIMIT $2 FOR UPDATE SKIP LOCKED)) AND held = 0";
