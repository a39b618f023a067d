//! Checkouts on their way: who has which key, and what a crash left behind.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{SqliteConnection, SqliteExecutor};
use uuid::fmt::Hyphenated;

use super::error::Answer;
use super::{SqliteStore, commands, db_now, millis};
use crate::domain::ids::{CommandId, HoldId, IdempotencyKey, SessionId};
use crate::store::{AttemptEnd, Claim, NewAttempt, StaleAttempt, StoreError, expire_order, rows};

/// Who has a key.
#[derive(sqlx::FromRow)]
struct KeyRow {
    hold_id: Hyphenated,
    fingerprint: String,
    running: bool,
    live: bool,
}

impl KeyRow {
    fn claim(&self, fingerprint: &str) -> Claim {
        match (self.running || self.live, self.fingerprint == fingerprint) {
            (false, _) => Claim::Free,
            (true, false) => Claim::Mismatch,
            (true, true) if self.running => Claim::Running,
            (true, true) => Claim::Placed(HoldId(self.hold_id.into_uuid())),
        }
    }
}

async fn key_row(executor: impl SqliteExecutor<'_>, key: &IdempotencyKey) -> sqlx::Result<Option<KeyRow>> {
    sqlx::query_as(
        "SELECT a.hold_id, a.fingerprint, a.state = 'running' AS running,
                a.state = 'placed' AND EXISTS (
                    SELECT 1 FROM holds h
                     WHERE h.id = a.hold_id AND h.status IN ('held', 'processing', 'confirmed')) AS live
           FROM checkout_attempts a WHERE a.idempotency_key = ?",
    )
    .bind(key.as_str())
    .fetch_optional(executor)
    .await
}

pub(super) async fn look_at_key(
    store: &SqliteStore,
    key: &IdempotencyKey,
    fingerprint: &str,
) -> Answer<Claim> {
    let row = store.read(key_row(&store.readers, key)).await?;
    Ok(row.map_or(Claim::Free, |row| row.claim(fingerprint)))
}

pub(super) async fn claim_attempt(store: &SqliteStore, attempt: &NewAttempt) -> Answer<Claim> {
    let hold = attempt.terms.hold;
    let mut tx = store.begin().await?;
    match standing(&mut tx, hold).await? {
        None => {}
        // Ours already: a repeat after a commit whose answer was lost.
        Some(Standing::Running) => return Ok(Claim::Free),
        Some(_) => return Ok(Claim::Running),
    }
    if let Some(key) = &attempt.key
        && let Some(holder) = key_row(&mut *tx, key).await?
    {
        match holder.claim(&attempt.fingerprint) {
            Claim::Free => free_key(&mut tx, key).await?,
            taken => return Ok(taken),
        }
    }
    insert(&mut tx, attempt).await?;
    tx.commit().await?;
    Ok(Claim::Free)
}

/// Writes a running attempt.
pub(super) async fn insert(connection: &mut SqliteConnection, attempt: &NewAttempt) -> Answer<()> {
    sqlx::query(concat!(
        "INSERT INTO checkout_attempts (hold_id, idempotency_key, fingerprint, state, terms, claimed_at, leased_until)
         VALUES (?, ?, ?, 'running', ?, ?, ",
        db_now!(),
        " + ?)"
    ))
    .bind(attempt.terms.hold.0.hyphenated())
    .bind(attempt.key.as_ref().map(IdempotencyKey::as_str))
    .bind(&attempt.fingerprint)
    .bind(Json(rows::terms_json(&attempt.terms)))
    .bind(attempt.now.timestamp_millis())
    .bind(millis(attempt.lease))
    .execute(connection)
    .await?;
    Ok(())
}

async fn free_key(connection: &mut SqliteConnection, key: &IdempotencyKey) -> Answer<()> {
    sqlx::query("UPDATE checkout_attempts SET idempotency_key = NULL WHERE idempotency_key = ?")
        .bind(key.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn end_attempt(
    store: &SqliteStore,
    hold: HoldId,
    end: AttemptEnd,
    now: DateTime<Utc>,
) -> Answer<()> {
    let statement = match end {
        AttemptEnd::Abandoned => {
            "UPDATE checkout_attempts
                SET state = 'abandoned', terms = NULL, due_at = NULL, leased_until = NULL, ended_at = ?1
              WHERE hold_id = ?2 AND state = 'running'"
        }
        AttemptEnd::NoSession => {
            "UPDATE checkout_attempts
                SET state = 'abandoned', terms = NULL, due_at = NULL, leased_until = NULL, ended_at = ?1
              WHERE hold_id = ?2 AND state = 'unsettled'"
        }
        // One that is unsettled already may be in the sweep's hands: its lease and its time stay.
        AttemptEnd::Unsettled => {
            "UPDATE checkout_attempts SET state = 'unsettled', due_at = ?1, leased_until = NULL
              WHERE hold_id = ?2 AND state = 'running'"
        }
    };
    let statement = sqlx::query(statement)
        .bind(now.timestamp_millis())
        .bind(hold.0.hyphenated());
    store.write(statement).await.map(drop)
}

/// Where an attempt stands, as far as its hold is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Its hold may be placed.
    Running,
    /// Its hold was placed.
    Placed,
    /// It lost the race for its slot.
    Lost,
    /// It is closed, or in the sweep's hands.
    Closed,
}

pub(super) async fn standing(connection: &mut SqliteConnection, hold: HoldId) -> Answer<Option<Standing>> {
    let state: Option<String> = sqlx::query_scalar("SELECT state FROM checkout_attempts WHERE hold_id = ?")
        .bind(hold.0.hyphenated())
        .fetch_optional(connection)
        .await?;
    Ok(state.map(|state| match state.as_str() {
        "running" => Standing::Running,
        "placed" => Standing::Placed,
        "lost" => Standing::Lost,
        _ => Standing::Closed,
    }))
}

/// Ends a running attempt: `placed`, or else lost.
pub(super) async fn decide(
    connection: &mut SqliteConnection,
    hold: HoldId,
    placed: bool,
    now: DateTime<Utc>,
) -> Answer<()> {
    sqlx::query(
        "UPDATE checkout_attempts
            SET state = iif(?, 'placed', 'lost'), terms = NULL, leased_until = NULL, ended_at = ?
          WHERE hold_id = ?",
    )
    .bind(placed)
    .bind(now.timestamp_millis())
    .bind(hold.0.hyphenated())
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) const LEASE_STALE: &str = concat!(
    "UPDATE checkout_attempts
            SET state = 'unsettled', due_at = coalesce(due_at, ?1), leased_until = ",
    db_now!(),
    " + ?2
          WHERE hold_id IN (
                SELECT hold_id FROM checkout_attempts
                 WHERE state IN ('running', 'unsettled')
                   AND (state = 'running' OR due_at <= ?1)
                   AND coalesce(leased_until, 0) <= ",
    db_now!(),
    "        ORDER BY claimed_at LIMIT ?3)
         RETURNING hold_id, terms, tries, claimed_at"
);

#[derive(sqlx::FromRow)]
struct StaleRow {
    hold_id: Hyphenated,
    terms: Json<Value>,
    tries: u32,
    claimed_at: i64,
}

impl StaleRow {
    fn read(self) -> Result<StaleAttempt, StoreError> {
        Ok(StaleAttempt {
            terms: rows::terms(self.hold_id.into_uuid(), self.terms.0)?,
            tries: self.tries,
        })
    }
}

pub(super) async fn lease_stale_attempts(
    store: &SqliteStore,
    now: DateTime<Utc>,
    lease: Duration,
    limit: u32,
) -> Answer<Vec<StaleAttempt>> {
    let mut tx = store.begin().await?;
    let mut leased: Vec<StaleRow> = sqlx::query_as(LEASE_STALE)
        .bind(now.timestamp_millis())
        .bind(millis(lease))
        .bind(limit)
        .fetch_all(&mut *tx)
        .await?;
    tx.commit().await?;
    // RETURNING promises no order.
    leased.sort_by_key(|row| row.claimed_at);
    Ok(leased.into_iter().map(StaleRow::read).collect::<Result<_, _>>()?)
}

pub(super) async fn defer_attempt(store: &SqliteStore, hold: HoldId, due_at: DateTime<Utc>) -> Answer<()> {
    let statement = sqlx::query(
        "UPDATE checkout_attempts SET due_at = ?, tries = tries + 1, leased_until = NULL
          WHERE hold_id = ? AND state = 'unsettled'",
    )
    .bind(due_at.timestamp_millis())
    .bind(hold.0.hyphenated());
    store.write(statement).await.map(drop)
}

pub(super) async fn abandon_with_session(
    store: &SqliteStore,
    hold: HoldId,
    session: &SessionId,
    now: DateTime<Utc>,
) -> Answer<CommandId> {
    let mut tx = store.begin().await?;
    // To expire the session of a hold that stands would break I3; nobody who follows the leases can ask for it.
    if standing(&mut tx, hold).await? == Some(Standing::Placed) {
        return Err(rows::unreadable("attempt to abandon", "placed").into());
    }
    sqlx::query(
        "UPDATE checkout_attempts
            SET state = 'abandoned', terms = NULL, due_at = NULL, leased_until = NULL, ended_at = ?
          WHERE hold_id = ? AND state IN ('running', 'unsettled')",
    )
    .bind(now.timestamp_millis())
    .bind(hold.0.hyphenated())
    .execute(&mut *tx)
    .await?;
    let id = commands::ordered(&mut tx, hold, &expire_order(session), now).await?;
    tx.commit().await?;
    Ok(id)
}

pub(super) async fn forget_attempts(store: &SqliteStore, before: DateTime<Utc>, limit: u32) -> Answer<u64> {
    let statement = sqlx::query(
        "DELETE FROM checkout_attempts WHERE hold_id IN (
             SELECT hold_id FROM checkout_attempts
              WHERE state IN ('placed', 'lost', 'abandoned') AND ended_at < ?
              ORDER BY ended_at LIMIT ?)",
    )
    .bind(before.timestamp_millis())
    .bind(limit);
    store.write(statement).await
}
