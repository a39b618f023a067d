//! Checkout attempts on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::error::PostgresResult;
use super::{PostgresStore, commands, waiting_payments};
use crate::domain::ids::{CommandId, HoldId, SessionId};
use crate::domain::key_scope::ScopedKey;
use crate::domain::session::SessionTerms;
use crate::store::attempts::{
    self, AttemptEnd, Attempts, Claim, KnownAttemptRow, NewAttempt, OpenAttemptRow, StaleAttempt,
    decode_stale_attempts,
};
use crate::store::columns::{DbJson, DbTime, DbUuid};
use crate::store::commands::expire_session;
use crate::store::lease_request::LeaseRequest;
use crate::store::{StoreError, encoding};

#[async_trait]
impl Attempts for PostgresStore {
    async fn find_claim(&self, key: &ScopedKey, fingerprint: &str) -> Result<Claim, StoreError> {
        self.retrying(|| async {
            let known = find_by_key(&self.pool, key).await?;
            Ok(KnownAttemptRow::claim_of(&known, fingerprint))
        })
        .await
    }

    async fn claim_attempt(&self, attempt: &NewAttempt) -> Result<Claim, StoreError> {
        self.retrying(|| async {
            if insert_attempt(&self.pool, attempt).await? {
                return Ok(Claim::Free);
            }
            let mut transaction = self.begin().await?;
            let claim = claim_known(&mut transaction, attempt).await?;
            match claim {
                Claim::Free => transaction.commit().await,
                Claim::Running | Claim::Placed(_) | Claim::Mismatch => transaction.rollback().await,
            }?;
            Ok(claim)
        })
        .await
    }

    async fn end_attempt(&self, hold: HoldId, end: AttemptEnd, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            let query = sqlx::query_scalar(attempts::end_statement(end));
            let query = query.bind(DbUuid(hold.0)).bind(DbTime(now));
            let query = query.bind(attempts::encode_refusal(end));
            let is_paid: Option<bool> = query.fetch_optional(&mut *transaction).await?;
            give_back_if_paid(&mut transaction, hold, is_paid, now).await?;
            transaction.commit().await?;
            Ok(())
        })
        .await
    }

    async fn lease_stale_attempts(&self, request: &LeaseRequest) -> Result<Vec<StaleAttempt>, StoreError> {
        decode_stale_attempts(self.lease_rows(LEASE_STALE, request).await?)
    }

    async fn defer_attempt(&self, hold: HoldId, due_at: DateTime<Utc>) -> Result<(), StoreError> {
        self.retrying(|| async {
            let query = sqlx::query(attempts::DEFER);
            let query = query.bind(DbUuid(hold.0)).bind(DbTime(due_at));
            query.execute(&self.pool).await?;
            Ok(())
        })
        .await
    }

    async fn abandon_attempt(
        &self,
        hold: HoldId,
        session: &SessionId,
        now: DateTime<Utc>,
    ) -> Result<CommandId, StoreError> {
        self.retrying(|| async {
            let mut transaction = self.begin().await?;
            let is_paid = close_attempt(&mut transaction, attempts::ABANDON, hold, now).await?;
            if is_paid.is_none() && find_state(&mut transaction, hold).await?.as_deref() == Some("placed") {
                // The session of a placed hold must not be expired. No caller that respects the leases asks for it.
                return Err(encoding::unreadable_column("attempt to abandon", "placed").into());
            }
            let action = expire_session(session);
            let enqueued = commands::enqueue(&mut *transaction, Some(hold), &action, None, now).await?;
            give_back_if_paid(&mut transaction, hold, is_paid, now).await?;
            transaction.commit().await?;
            Ok(enqueued.id)
        })
        .await
    }

    async fn close_lost_attempt(
        &self,
        hold: HoldId,
        session: &SessionId,
        now: DateTime<Utc>,
    ) -> Result<Option<CommandId>, StoreError> {
        self.retrying(|| async {
            let action = expire_session(session);
            let mut transaction = self.begin().await?;
            let is_paid = close_attempt(&mut transaction, attempts::CLOSE_AS_LOST, hold, now).await?;
            if is_paid.is_some() {
                let enqueued = commands::enqueue(&mut *transaction, Some(hold), &action, None, now).await?;
                give_back_if_paid(&mut transaction, hold, is_paid, now).await?;
                transaction.commit().await?;
                return Ok(Some(enqueued.id));
            }
            // A first call of ours may have closed it, and its answer was lost.
            let known: Option<Uuid> = sqlx::query_scalar(
                "SELECT c.id FROM commands c JOIN checkout_attempts a ON a.hold_id = $2 AND a.state = 'lost'
                 WHERE c.deduplication_key = $1",
            )
            .bind(action.key())
            .bind(hold.0)
            .fetch_optional(&mut *transaction)
            .await?;
            transaction.rollback().await?;
            Ok(known.map(CommandId))
        })
        .await
    }

    async fn delete_old_attempts(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        self.delete_or_clear(DELETE_OLD, before, limit).await
    }

    async fn list_latest_refusals(&self, limit: u32) -> Result<Vec<Option<String>>, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_scalar(attempts::LIST_LATEST_REFUSALS).bind(i64::from(limit));
            Ok(query.fetch_all(&self.pool).await?)
        })
        .await
    }

    async fn list_open_attempts(&self, guest: &str) -> Result<Vec<SessionTerms>, StoreError> {
        self.retrying(|| find_open(&self.pool, guest)).await
    }
}

async fn find_by_key(executor: impl PgExecutor<'_>, key: &ScopedKey) -> sqlx::Result<Vec<KnownAttemptRow>> {
    let query = sqlx::query_as(attempts::FIND_BY_KEY).bind(key.to_text());
    query.bind(key.without_scope()).fetch_all(executor).await
}

/// Finds the terms of the open attempts of a guest.
pub(super) async fn find_open(
    executor: impl PgExecutor<'_>,
    guest: &str,
) -> PostgresResult<Vec<SessionTerms>> {
    let rows = sqlx::query_as(attempts::LIST_OPEN).fetch_all(executor).await?;
    Ok(OpenAttemptRow::decode_of_guest(rows, guest)?)
}

async fn find_state(connection: &mut PgConnection, hold: HoldId) -> sqlx::Result<Option<String>> {
    let query = sqlx::query_scalar(attempts::FIND_STATE).bind(hold.0);
    query.fetch_optional(connection).await
}

/// Runs a statement that closes attempt `$1` at `$2`. Returns whether money waits for its hold; `None` if the statement did
/// not apply.
async fn close_attempt(
    connection: &mut PgConnection,
    statement: &'static str,
    hold: HoldId,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<bool>> {
    let query = sqlx::query_scalar(statement)
        .bind(DbUuid(hold.0))
        .bind(DbTime(now));
    query.fetch_optional(connection).await
}

/// Orders the refund of the money that waits for the hold of an attempt, which the caller has just closed.
async fn give_back_if_paid(
    connection: &mut PgConnection,
    hold: HoldId,
    is_paid: Option<bool>,
    now: DateTime<Utc>,
) -> PostgresResult<()> {
    if is_paid == Some(true) {
        waiting_payments::give_back_all(connection, hold, now).await?;
    }
    Ok(())
}

/// Claims an attempt whose id or key is in use; the caller commits if the claim is free.
async fn claim_known(connection: &mut PgConnection, attempt: &NewAttempt) -> PostgresResult<Claim> {
    let hold = attempt.terms.hold;
    // Lock first, then read in a statement of its own: a joined read that waited for the lock would see the attempt as
    // it is now but its hold as it was before, and would miss a hold that was just placed.
    sqlx::query(
        "SELECT 1 FROM checkout_attempts WHERE hold_id = $1 OR idempotency_key IN ($2, $3)
         ORDER BY hold_id FOR UPDATE",
    )
    .bind(hold.0)
    .bind(attempt.key.as_ref().map(ScopedKey::to_text))
    .bind(attempt.key.as_ref().map(ScopedKey::without_scope))
    .execute(&mut *connection)
    .await?;
    let own = sqlx::query_as(attempts::FIND_BY_HOLD).bind(hold.0);
    let own: Option<KnownAttemptRow> = own.fetch_optional(&mut *connection).await?;
    if let Some(own) = own {
        // A first call of ours wrote it, and its answer was lost.
        let is_running = own.state == "running";
        return Ok(if is_running { Claim::Free } else { Claim::Running });
    }
    if let Some(key) = &attempt.key {
        let known = find_by_key(&mut *connection, key).await?;
        let claim = KnownAttemptRow::claim_of(&known, &attempt.fingerprint);
        if claim != Claim::Free {
            return Ok(claim);
        }
        for over in known {
            let free = sqlx::query(attempts::FREE_KEY).bind(over.hold_id);
            free.execute(&mut *connection).await?;
        }
    }
    // If this fails, another request has moved the key in between and is running now.
    let is_ours = insert_attempt(connection, attempt).await?;
    Ok(if is_ours { Claim::Free } else { Claim::Running })
}

/// Writes a running attempt; `false` if its key, with its scope or from before keys had scopes, or its hold's id is in use.
pub(super) async fn insert_attempt(
    executor: impl PgExecutor<'_>,
    attempt: &NewAttempt,
) -> PostgresResult<bool> {
    let done = sqlx::query(
        "INSERT INTO checkout_attempts (hold_id, idempotency_key, fingerprint, state, terms, claimed_at, livemode, leased_until)
         SELECT $1, $2, $3, 'running', $4, $5, $6, clock_timestamp() + make_interval(secs => $7)
         WHERE NOT EXISTS (SELECT 1 FROM checkout_attempts WHERE idempotency_key = $8)
         ON CONFLICT DO NOTHING",
    )
    .bind(attempt.terms.hold.0)
    .bind(attempt.key.as_ref().map(ScopedKey::to_text))
    .bind(&attempt.fingerprint)
    .bind(DbJson(encoding::encode_terms(&attempt.terms)))
    .bind(attempt.now)
    .bind(attempt.livemode)
    .bind(attempt.lease.as_secs_f64())
    .bind(attempt.key.as_ref().map(ScopedKey::without_scope))
    .execute(executor)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Leases stale attempts at `$1` for `$2` seconds, at most `$3`. Several instances lease at once, so it skips locked rows.
const LEASE_STALE: &str = "UPDATE checkout_attempts
     SET state = 'unsettled', due_at = coalesce(due_at, $1),
         leased_until = clock_timestamp() + make_interval(secs => $2)
     WHERE hold_id = ANY (ARRAY(
         SELECT hold_id FROM checkout_attempts
         WHERE state IN ('running', 'unsettled')
           AND (state = 'running' OR due_at <= $1)
           AND (leased_until IS NULL OR leased_until <= clock_timestamp())
         ORDER BY claimed_at LIMIT $3 FOR UPDATE SKIP LOCKED))
     RETURNING hold_id, terms, tries, claimed_at";

/// Deletes attempts that ended before `$1`, at most `$2`.
const DELETE_OLD: &str = "DELETE FROM checkout_attempts WHERE hold_id = ANY (ARRAY(
         SELECT hold_id FROM checkout_attempts
         WHERE state IN ('placed', 'lost', 'abandoned') AND ended_at < $1
         ORDER BY ended_at LIMIT $2 FOR UPDATE SKIP LOCKED))";
