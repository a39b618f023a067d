//! Checkout attempts: who has a key, which attempts nobody finished, and how they end without a hold.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnection, PgExecutor, PgPool};
use uuid::Uuid;

use super::super::{AttemptEnd, Claim, NewAttempt, StaleAttempt, StoreError, expire_order, rows};
use super::commands;
use super::error::Answer;
use crate::domain::ids::{CommandId, HoldId, IdempotencyKey, SessionId};

/// An attempt as the claim of its key sees it.
#[derive(sqlx::FromRow)]
struct KnownAttempt {
    hold_id: Uuid,
    fingerprint: String,
    state: String,
    live: bool,
}

impl KnownAttempt {
    /// What it means for a request with this fingerprint.
    fn judge(&self, fingerprint: &str) -> Claim {
        let claim = match self.state.as_str() {
            "running" => Claim::Running,
            "placed" if self.live => Claim::Placed(HoldId(self.hold_id)),
            _ => return Claim::Free,
        };
        if self.fingerprint == fingerprint {
            claim
        } else {
            Claim::Mismatch
        }
    }
}

pub(super) async fn look_at_key(pool: &PgPool, key: &IdempotencyKey, fingerprint: &str) -> Answer<Claim> {
    let known = find(pool, None, Some(key)).await?;
    Ok(known.map_or(Claim::Free, |known| known.judge(fingerprint)))
}

async fn find(
    executor: impl PgExecutor<'_>,
    hold: Option<HoldId>,
    key: Option<&IdempotencyKey>,
) -> Answer<Option<KnownAttempt>> {
    let known = sqlx::query_as(
        "SELECT a.hold_id, a.fingerprint, a.state,
                coalesce(h.status IN ('held', 'processing', 'confirmed'), false) AS live
         FROM checkout_attempts a LEFT JOIN holds h ON h.id = a.hold_id
         WHERE a.hold_id = $1 OR a.idempotency_key = $2",
    )
    .bind(hold.map(|hold| hold.0))
    .bind(key.map(IdempotencyKey::as_str))
    .fetch_optional(executor)
    .await?;
    Ok(known)
}

pub(super) async fn claim(pool: &PgPool, attempt: &NewAttempt) -> Answer<Claim> {
    if insert(pool, attempt).await? {
        return Ok(Claim::Free);
    }
    let key = attempt.key.as_ref();
    let mut transaction = pool.begin().await?;
    // Lock first, read after: a joined read that had waited for the lock would see the attempt as it is now, but its
    // hold as it was before, and would take a hold that was just placed for none.
    sqlx::query("SELECT 1 FROM checkout_attempts WHERE hold_id = $1 OR idempotency_key = $2 FOR UPDATE")
        .bind(attempt.terms.hold.0)
        .bind(key.map(IdempotencyKey::as_str))
        .execute(&mut *transaction)
        .await?;
    if let Some(known) = find(&mut *transaction, Some(attempt.terms.hold), key).await? {
        if known.hold_id == attempt.terms.hold.0 {
            // Our own first try, whose answer got lost on the way.
            let ours = known.state == "running";
            return Ok(if ours { Claim::Free } else { Claim::Running });
        }
        let claim = known.judge(&attempt.fingerprint);
        if claim != Claim::Free {
            return Ok(claim);
        }
        sqlx::query("UPDATE checkout_attempts SET idempotency_key = NULL WHERE hold_id = $1")
            .bind(known.hold_id)
            .execute(&mut *transaction)
            .await?;
    }
    if !insert(&mut *transaction, attempt).await? {
        // Another request moved the key in between, and is at it now.
        return Ok(Claim::Running);
    }
    transaction.commit().await?;
    Ok(Claim::Free)
}

/// Writes the attempt; `false` where its key or its hold's id is taken.
pub(super) async fn insert(executor: impl PgExecutor<'_>, attempt: &NewAttempt) -> Answer<bool> {
    let done = sqlx::query(
        "INSERT INTO checkout_attempts (hold_id, idempotency_key, fingerprint, state, terms, claimed_at, leased_until)
         VALUES ($1, $2, $3, 'running', $4, $5, clock_timestamp() + make_interval(secs => $6)) ON CONFLICT DO NOTHING",
    )
    .bind(attempt.terms.hold.0)
    .bind(attempt.key.as_ref().map(IdempotencyKey::as_str))
    .bind(&attempt.fingerprint)
    .bind(rows::terms_json(&attempt.terms))
    .bind(attempt.now)
    .bind(attempt.lease.as_secs_f64())
    .execute(executor)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn end(pool: &PgPool, hold: HoldId, end: AttemptEnd, now: DateTime<Utc>) -> Answer<()> {
    let statement = match end {
        AttemptEnd::Abandoned => {
            "UPDATE checkout_attempts
             SET state = 'abandoned', terms = NULL, due_at = NULL, leased_until = NULL, ended_at = $2
             WHERE hold_id = $1 AND state = 'running'"
        }
        AttemptEnd::NoSession => {
            "UPDATE checkout_attempts
             SET state = 'abandoned', terms = NULL, due_at = NULL, leased_until = NULL, ended_at = $2
             WHERE hold_id = $1 AND state = 'unsettled'"
        }
        // One that the sweep already has stays with it, lease and all.
        AttemptEnd::Unsettled => {
            "UPDATE checkout_attempts SET state = 'unsettled', due_at = $2, leased_until = NULL
             WHERE hold_id = $1 AND state = 'running'"
        }
    };
    sqlx::query(statement)
        .bind(hold.0)
        .bind(now)
        .execute(pool)
        .await?;
    Ok(())
}

/// `false` where it is no longer to be abandoned.
async fn abandon(executor: impl PgExecutor<'_>, hold: HoldId, now: DateTime<Utc>) -> Answer<bool> {
    let done = sqlx::query(
        "UPDATE checkout_attempts
         SET state = 'abandoned', terms = NULL, due_at = NULL, leased_until = NULL, ended_at = $2
         WHERE hold_id = $1 AND state IN ('running', 'unsettled')",
    )
    .bind(hold.0)
    .bind(now)
    .execute(executor)
    .await?;
    Ok(done.rows_affected() == 1)
}

#[derive(sqlx::FromRow)]
struct StaleRow {
    hold_id: Uuid,
    terms: serde_json::Value,
    tries: i32,
    claimed_at: DateTime<Utc>,
}

pub(super) async fn lease_stale(
    pool: &PgPool,
    now: DateTime<Utc>,
    lease: Duration,
    limit: u32,
) -> Answer<Vec<StaleAttempt>> {
    let mut stale: Vec<StaleRow> = sqlx::query_as(
        "UPDATE checkout_attempts
         SET state = 'unsettled', due_at = coalesce(due_at, $1),
             leased_until = clock_timestamp() + make_interval(secs => $2)
         WHERE hold_id = ANY (ARRAY(
             SELECT hold_id FROM checkout_attempts
             WHERE state IN ('running', 'unsettled')
               AND (state = 'running' OR due_at <= $1)
               AND (leased_until IS NULL OR leased_until <= clock_timestamp())
             ORDER BY claimed_at LIMIT $3 FOR UPDATE SKIP LOCKED))
         RETURNING hold_id, terms, tries, claimed_at",
    )
    .bind(now)
    .bind(lease.as_secs_f64())
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await?;
    stale.sort_by_key(|row| row.claimed_at);
    Ok(stale.into_iter().map(read_stale).collect::<Result<_, _>>()?)
}

fn read_stale(row: StaleRow) -> Result<StaleAttempt, StoreError> {
    Ok(StaleAttempt {
        terms: rows::terms(row.hold_id, row.terms)?,
        tries: row.tries.unsigned_abs(),
    })
}

pub(super) async fn defer(pool: &PgPool, hold: HoldId, due_at: DateTime<Utc>) -> Answer<()> {
    sqlx::query(
        "UPDATE checkout_attempts SET due_at = $2, leased_until = NULL, tries = tries + 1
         WHERE hold_id = $1 AND state = 'unsettled'",
    )
    .bind(hold.0)
    .bind(due_at)
    .execute(pool)
    .await?;
    Ok(())
}

pub(super) async fn abandon_with_session(
    pool: &PgPool,
    hold: HoldId,
    session: &SessionId,
    now: DateTime<Utc>,
) -> Answer<CommandId> {
    let mut transaction = pool.begin().await?;
    if !abandon(&mut *transaction, hold, now).await? && is_placed(&mut transaction, hold).await? {
        // Its session must not be ended; nobody who keeps to the leases can ask for that.
        return Err(rows::unreadable("attempt to abandon", "placed").into());
    }
    let ordered = commands::order(&mut *transaction, Some(hold), &expire_order(session), now).await?;
    transaction.commit().await?;
    Ok(ordered.id)
}

async fn is_placed(connection: &mut PgConnection, hold: HoldId) -> Answer<bool> {
    let state: Option<String> = sqlx::query_scalar("SELECT state FROM checkout_attempts WHERE hold_id = $1")
        .bind(hold.0)
        .fetch_optional(connection)
        .await?;
    Ok(state.as_deref() == Some("placed"))
}

pub(super) async fn forget(pool: &PgPool, before: DateTime<Utc>, limit: u32) -> Answer<u64> {
    let done = sqlx::query(
        "DELETE FROM checkout_attempts WHERE hold_id = ANY (ARRAY(
             SELECT hold_id FROM checkout_attempts
             WHERE state IN ('placed', 'lost', 'abandoned') AND ended_at < $1
             ORDER BY ended_at LIMIT $2 FOR UPDATE SKIP LOCKED))",
    )
    .bind(before)
    .bind(i64::from(limit))
    .execute(pool)
    .await?;
    Ok(done.rows_affected())
}
