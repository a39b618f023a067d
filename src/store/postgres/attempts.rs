//! Checkout attempts on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use sqlx::postgres::{PgConnection, PgExecutor};
use sqlx::types::Json;
use uuid::Uuid;

use super::error::PostgresResult;
use super::{GROUP_LOCK_TIMEOUT, PostgresStore, commands, waiting_payments};
use crate::domain::ids::{CommandId, HoldId, SessionId};
use crate::domain::key_scope::ScopedKey;
use crate::domain::session::SessionTerms;
use crate::store::attempts::{
    self, AttemptEnd, Attempts, Claim, KnownAttemptRow, LatestEnd, NewAttempt, OpenAttemptRow, StaleAttempt,
    decode_stale_attempts, select_known_attempts,
};
use crate::store::columns::{DbTime, DbUuid};
use crate::store::commands::expire_session;
use crate::store::lease_request::LeaseRequest;
use crate::store::{StoreError, encoding};

#[async_trait]
impl Attempts for PostgresStore {
    async fn claim_attempt(&self, attempt: &NewAttempt) -> Result<Claim, StoreError> {
        self.grouped(
            &self.groups.claims,
            attempt.clone(),
            |connection, attempts| claim_group(connection, attempts).boxed(),
            || self.claim_alone(attempt),
        )
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

    async fn list_latest_ends(&self, limit: u32) -> Result<Vec<LatestEnd>, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_as(attempts::LIST_LATEST_ENDS).bind(i64::from(limit));
            Ok(query.fetch_all(&self.pool).await?)
        })
        .await
    }

    async fn list_open_attempts(&self, guest: &str) -> Result<Vec<SessionTerms>, StoreError> {
        self.retrying(|| find_open(&self.pool, guest)).await
    }
}

impl PostgresStore {
    async fn claim_alone(&self, attempt: &NewAttempt) -> Result<Claim, StoreError> {
        self.retrying(|| async {
            if !insert_attempts(&self.pool, &[attempt], None).await?.is_empty() {
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
}

/// Claims the attempts of a group. An attempt whose id or key is in use has no verdict, so that its caller finds out why.
async fn claim_group(
    connection: &mut PgConnection,
    attempts: &[NewAttempt],
) -> PostgresResult<Vec<Option<Claim>>> {
    let all: Vec<&NewAttempt> = attempts.iter().collect();
    let claimed = insert_attempts(&mut *connection, &all, Some(GROUP_LOCK_TIMEOUT)).await?;
    let verdict = |attempt: &NewAttempt| claimed.contains(&attempt.terms.hold).then_some(Claim::Free);
    Ok(attempts.iter().map(verdict).collect())
}

/// Finds the attempts with keys `$1`.
const FIND_BY_KEYS: &str = select_known_attempts!("WHERE a.idempotency_key = ANY ($1)");

/// Finds the attempts with keys, with their scopes or from before keys had scopes.
async fn find_by_keys(
    executor: impl PgExecutor<'_>,
    keys: impl Iterator<Item = &ScopedKey>,
) -> sqlx::Result<Vec<KnownAttemptRow>> {
    let query = sqlx::query_as(FIND_BY_KEYS).bind(attempts::stored_texts(keys));
    query.fetch_all(executor).await
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
        let known = find_by_keys(&mut *connection, std::iter::once(key)).await?;
        let of_key = KnownAttemptRow::of_key(&known, key);
        let claim = KnownAttemptRow::claim_of(of_key.into_iter(), &attempt.fingerprint);
        if claim != Claim::Free {
            return Ok(claim);
        }
        for over in known {
            let free = sqlx::query(attempts::FREE_KEY).bind(over.hold_id);
            free.execute(&mut *connection).await?;
        }
    }
    // If this fails, another request has moved the key in between and is running now.
    let is_ours = !insert_attempts(connection, &[attempt], None).await?.is_empty();
    Ok(if is_ours { Claim::Free } else { Claim::Running })
}

/// Writes running attempts (`$1` holds, `$2` keys, `$3` fingerprints, `$4` terms, `$5` times, `$6` modes, `$7` leases in seconds,
/// `$8` keys without scope), those whose keys and holds are not in use. It waits for a lock no longer than `$9`.
/// Old keys are counted: with `EXISTS` the planner could scan the table.
const INSERT: &str = "WITH bound AS (SELECT set_config('lock_timeout', coalesce($9, current_setting('lock_timeout')), true))
     INSERT INTO checkout_attempts (hold_id, idempotency_key, fingerprint, state, terms, claimed_at, livemode, leased_until)
     SELECT a.hold_id, a.key, a.fingerprint, 'running', a.terms, a.claimed_at, a.livemode,
         clock_timestamp() + make_interval(secs => a.lease)
     FROM unnest($1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::timestamptz[], $6::bool[], $7::float8[], $8::text[])
         AS a (hold_id, key, fingerprint, terms, claimed_at, livemode, lease, key_without_scope)
     WHERE (SELECT count(*) FROM bound) = 1
       AND (SELECT count(*) FROM checkout_attempts o WHERE o.idempotency_key = a.key_without_scope) = 0
     ORDER BY a.key, a.hold_id
     ON CONFLICT DO NOTHING RETURNING hold_id";

/// Writes running attempts, of which no two have the same key or hold. Returns the holds of those that were written; missing
/// is each whose key, with its scope or from before keys had scopes, or whose hold's id is in use.
pub(super) async fn insert_attempts(
    executor: impl PgExecutor<'_>,
    attempts: &[&NewAttempt],
    lock_timeout: Option<&str>,
) -> sqlx::Result<Vec<HoldId>> {
    let all = attempts.iter();
    let keys = all.clone().map(|attempt| attempt.key.as_ref());
    let written: Vec<Uuid> = sqlx::query_scalar(INSERT)
        .bind(
            all.clone()
                .map(|attempt| attempt.terms.hold.0)
                .collect::<Vec<_>>(),
        )
        .bind(
            keys.clone()
                .map(|key| key.map(ScopedKey::to_text))
                .collect::<Vec<_>>(),
        )
        .bind(
            all.clone()
                .map(|attempt| attempt.fingerprint.as_str())
                .collect::<Vec<_>>(),
        )
        .bind(
            all.clone()
                .map(|attempt| Json(encoding::encode_terms(&attempt.terms)))
                .collect::<Vec<_>>(),
        )
        .bind(all.clone().map(|attempt| attempt.now).collect::<Vec<_>>())
        .bind(all.clone().map(|attempt| attempt.livemode).collect::<Vec<_>>())
        .bind(all.map(|attempt| attempt.lease.as_secs_f64()).collect::<Vec<_>>())
        .bind(
            keys.map(|key| key.map(ScopedKey::without_scope))
                .collect::<Vec<_>>(),
        )
        .bind(lock_timeout)
        .fetch_all(executor)
        .await?;
    Ok(written.into_iter().map(HoldId).collect())
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
