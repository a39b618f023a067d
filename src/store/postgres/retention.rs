//! Forgetting: bodies of events, then the events, and guests of holds that are over. A part at a time, the oldest first,
//! each from an index of what is still to be forgotten; when something is due is left to the caller. What another
//! instance is just forgetting is skipped. What is due is an array, as in all statements that lease or forget: the planner
//! takes few for granted then, and does not read the table.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgPool;

use super::error::Answer;

pub(super) const FORGET_PAYLOADS: &str = "UPDATE stripe_events SET payload = NULL WHERE id = ANY (ARRAY(
         SELECT id FROM stripe_events WHERE payload IS NOT NULL AND applied_at < $1
         ORDER BY applied_at LIMIT $2 FOR UPDATE SKIP LOCKED))";
pub(super) const FORGET_EVENTS: &str = "DELETE FROM stripe_events WHERE id = ANY (ARRAY(
         SELECT id FROM stripe_events WHERE payload IS NULL AND applied_at < $1
         ORDER BY applied_at LIMIT $2 FOR UPDATE SKIP LOCKED))";
/// A person is gone with the last
/// hold that knows them; one who is just booking again has a hold that is counted.
pub(super) const FORGET_GUESTS: &str = "WITH due AS (
         SELECT id, guest_id FROM holds
         WHERE status IN ('released', 'cancelled') AND guest_email IS NOT NULL AND updated_at < $1
         ORDER BY updated_at LIMIT $2 FOR UPDATE SKIP LOCKED),
     person AS (
         DELETE FROM guests g WHERE g.email = ANY (ARRAY(SELECT guest_id FROM due)) AND g.held = 0
           AND NOT EXISTS (SELECT 1 FROM holds h WHERE h.guest_id = g.email AND h.id NOT IN (SELECT id FROM due)))
     UPDATE holds SET guest_email = NULL, guest_name = NULL, guest_id = NULL
     WHERE id = ANY (ARRAY(SELECT id FROM due))";
pub(super) const FORGET_CLIENTS: &str = "DELETE FROM clients WHERE id = ANY (ARRAY(
         SELECT id FROM clients WHERE held = 0 AND updated_at < $1
         ORDER BY updated_at LIMIT $2 FOR UPDATE SKIP LOCKED)) AND held = 0";

/// Runs one of the statements above.
pub(super) async fn forget(
    pool: &PgPool,
    statement: &'static str,
    before: DateTime<Utc>,
    limit: u32,
) -> Answer<u64> {
    let done = sqlx::query(statement)
        .bind(before)
        .bind(i64::from(limit))
        .execute(pool)
        .await?;
    Ok(done.rows_affected())
}
