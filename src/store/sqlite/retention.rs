//! Forgetting: bodies of events, then the events, and guests of holds that are over. A part at a time, the oldest first,
//! each from an index of what is still to be forgotten; when something is due is left to the caller.

use chrono::{DateTime, Utc};

use super::SqliteStore;
use super::error::Answer;

pub(super) const FORGET_PAYLOADS: &str = "UPDATE stripe_events SET payload = NULL WHERE seq IN (
         SELECT seq FROM stripe_events WHERE payload IS NOT NULL AND applied_at < ?1 ORDER BY applied_at LIMIT ?2)";
pub(super) const FORGET_EVENTS: &str = "DELETE FROM stripe_events WHERE seq IN (
         SELECT seq FROM stripe_events WHERE payload IS NULL AND applied_at < ?1 ORDER BY applied_at LIMIT ?2)";
pub(super) const FORGET_GUESTS: &str = "UPDATE holds SET guest_email = NULL, guest_name = NULL WHERE id IN (
         SELECT id FROM holds
          WHERE status IN ('released', 'cancelled') AND guest_email IS NOT NULL AND updated_at < ?1
          ORDER BY updated_at LIMIT ?2)";

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
