//! Forgetting: bodies of events, then the events, guests of holds that are over, and client addresses without one. A
//! part at a time, the oldest first, each from an index of what is still to be forgotten; when something is due is left
//! to the caller.

use chrono::{DateTime, Utc};
use sqlx::types::Json;

use super::SqliteStore;
use super::error::Answer;

pub(super) const FORGET_PAYLOADS: &str = "UPDATE stripe_events SET payload = NULL WHERE seq IN (
         SELECT seq FROM stripe_events WHERE payload IS NOT NULL AND applied_at < ?1 ORDER BY applied_at LIMIT ?2)";
pub(super) const FORGET_EVENTS: &str = "DELETE FROM stripe_events WHERE seq IN (
         SELECT seq FROM stripe_events WHERE payload IS NULL AND applied_at < ?1 ORDER BY applied_at LIMIT ?2)";
pub(super) const FORGET_CLIENTS: &str = "DELETE FROM clients WHERE id IN (
         SELECT id FROM clients WHERE held = 0 AND updated_at < ?1 ORDER BY updated_at LIMIT ?2)";

/// Runs one of the statements above.
pub(super) async fn forget(
    store: &SqliteStore,
    statement: &'static str,
    before: DateTime<Utc>,
    limit: u32,
) -> Answer<u64> {
    let statement = sqlx::query(statement);
    store
        .write(statement.bind(before.timestamp_millis()).bind(limit))
        .await
}

pub(super) const GUESTS_DUE: &str = "SELECT id, guest_id FROM holds
      WHERE status IN ('released', 'cancelled') AND guest_email IS NOT NULL AND updated_at < ?1
      ORDER BY updated_at LIMIT ?2";
pub(super) const FORGET_GUESTS: &str =
    "UPDATE holds SET guest_email = NULL, guest_name = NULL, guest_id = NULL
      WHERE id IN (SELECT value FROM json_each(?1))";
/// A person is gone with the last hold that knows them.
pub(super) const FORGET_PEOPLE: &str = "DELETE FROM guests
      WHERE email IN (SELECT value FROM json_each(?1)) AND held = 0
        AND NOT EXISTS (SELECT 1 FROM holds h WHERE h.guest_id = guests.email)";

pub(super) async fn forget_guests(store: &SqliteStore, before: DateTime<Utc>, limit: u32) -> Answer<u64> {
    let mut tx = store.begin().await?;
    let due: Vec<(String, Option<String>)> = sqlx::query_as(GUESTS_DUE)
        .bind(before.timestamp_millis())
        .bind(limit)
        .fetch_all(&mut *tx)
        .await?;
    let (holds, people): (Vec<_>, Vec<_>) = due.into_iter().unzip();
    let done = sqlx::query(FORGET_GUESTS)
        .bind(Json(holds))
        .execute(&mut *tx)
        .await?;
    sqlx::query(FORGET_PEOPLE)
        .bind(Json(people))
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(done.rows_affected())
}
