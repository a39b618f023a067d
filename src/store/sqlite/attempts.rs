//! Checkout attempts on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::{SqliteConnection, SqliteExecutor};

use super::error::SqliteResult;
use super::{SqliteStore, commands, database_now, to_millis, waiting_payments};
use crate::domain::ids::{CommandId, HoldId, SessionId};
use crate::domain::key_scope::ScopedKey;
use crate::domain::session::SessionTerms;
use crate::store::attempts::{
    self, AttemptEnd, Attempts, Claim, KnownAttemptRow, NewAttempt, OpenAttemptRow, StaleAttempt,
    StaleAttemptRow, decode_stale_attempts,
};
use crate::store::columns::{DbJson, DbTime, DbUuid};
use crate::store::commands::expire_session;
use crate::store::lease_request::LeaseRequest;
use crate::store::{StoreError, encoding};

#[async_trait]
impl Attempts for SqliteStore {
    async fn find_claim(&self, key: &ScopedKey, fingerprint: &str) -> Result<Claim, StoreError> {
        let known = self.read(find_by_key(&self.readers, key)).await?;
        Ok(KnownAttemptRow::claim_of(&known, fingerprint))
    }

    async fn claim_attempt(&self, attempt: &NewAttempt) -> Result<Claim, StoreError> {
        let mut transaction = self.begin().await?;
        let claim = claim_in(&mut transaction, attempt).await?;
        match claim {
            Claim::Free => self.commit(transaction).await?,
            Claim::Running | Claim::Placed(_) | Claim::Mismatch => self.roll_back(transaction).await?,
        }
        Ok(claim)
    }

    async fn end_attempt(&self, hold: HoldId, end: AttemptEnd, now: DateTime<Utc>) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let query = sqlx::query_scalar(attempts::end_statement(end));
        let query = query.bind(DbUuid(hold.0)).bind(DbTime(now));
        let query = query.bind(attempts::encode_refusal(end));
        let is_paid: Option<bool> = self
            .in_transaction(query.fetch_optional(&mut *transaction))
            .await?;
        give_back_if_paid(&mut transaction, hold, is_paid, now).await?;
        self.commit(transaction).await
    }

    async fn lease_stale_attempts(&self, request: &LeaseRequest) -> Result<Vec<StaleAttempt>, StoreError> {
        let rows: Vec<StaleAttemptRow> = self.lease_rows(LEASE_STALE, request).await?;
        decode_stale_attempts(rows)
    }

    async fn defer_attempt(&self, hold: HoldId, due_at: DateTime<Utc>) -> Result<(), StoreError> {
        let query = sqlx::query(attempts::DEFER);
        self.write(query.bind(DbUuid(hold.0)).bind(DbTime(due_at)))
            .await?;
        Ok(())
    }

    async fn abandon_attempt(
        &self,
        hold: HoldId,
        session: &SessionId,
        now: DateTime<Utc>,
    ) -> Result<CommandId, StoreError> {
        let mut transaction = self.begin().await?;
        if find_state(&mut transaction, hold).await?.as_deref() == Some("placed") {
            // The session of a placed hold must not be expired. No caller that respects the leases asks for it.
            return Err(encoding::unreadable_column("attempt to abandon", "placed"));
        }
        let is_paid = close_attempt(&mut transaction, attempts::ABANDON, hold, now).await?;
        give_back_if_paid(&mut transaction, hold, is_paid, now).await?;
        let id = commands::enqueue_and_find(&mut transaction, hold, &expire_session(session), now).await?;
        self.commit(transaction).await?;
        Ok(id)
    }

    async fn close_lost_attempt(
        &self,
        hold: HoldId,
        session: &SessionId,
        now: DateTime<Utc>,
    ) -> Result<Option<CommandId>, StoreError> {
        let action = expire_session(session);
        let mut transaction = self.begin().await?;
        let command = match find_state(&mut transaction, hold).await?.as_deref() {
            Some("running") => {
                let is_paid = close_attempt(&mut transaction, attempts::CLOSE_AS_LOST, hold, now).await?;
                give_back_if_paid(&mut transaction, hold, is_paid, now).await?;
                Some(commands::enqueue_and_find(&mut transaction, hold, &action, now).await?)
            }
            // A first call of ours may have closed it, and its answer was lost.
            Some("lost") => commands::find_id(&mut transaction, &action).await?,
            _ => None,
        };
        self.commit(transaction).await?;
        Ok(command)
    }

    async fn delete_old_attempts(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        self.delete_or_clear(DELETE_OLD, before, limit).await
    }

    async fn list_latest_refusals(&self, limit: u32) -> Result<Vec<Option<String>>, StoreError> {
        let query = sqlx::query_scalar(attempts::LIST_LATEST_REFUSALS).bind(i64::from(limit));
        self.read(query.fetch_all(&self.readers)).await
    }

    async fn list_open_attempts(&self, guest: &str) -> Result<Vec<SessionTerms>, StoreError> {
        OpenAttemptRow::decode_of_guest(self.read(select_open(&self.readers)).await?, guest)
    }
}

async fn find_by_key(
    executor: impl SqliteExecutor<'_>,
    key: &ScopedKey,
) -> sqlx::Result<Vec<KnownAttemptRow>> {
    let query = sqlx::query_as(attempts::FIND_BY_KEY).bind(key.to_text());
    query.bind(key.without_scope()).fetch_all(executor).await
}

/// Selects the attempts that have not ended.
pub(super) async fn select_open(executor: impl SqliteExecutor<'_>) -> sqlx::Result<Vec<OpenAttemptRow>> {
    sqlx::query_as(attempts::LIST_OPEN).fetch_all(executor).await
}

/// Finds the state of an attempt, if there is one.
pub(super) async fn find_state(
    connection: &mut SqliteConnection,
    hold: HoldId,
) -> SqliteResult<Option<String>> {
    let query = sqlx::query_scalar(attempts::FIND_STATE).bind(DbUuid(hold.0));
    Ok(query.fetch_optional(connection).await?)
}

/// Claims an attempt; the caller commits if the claim is free.
async fn claim_in(connection: &mut SqliteConnection, attempt: &NewAttempt) -> SqliteResult<Claim> {
    match find_state(connection, attempt.terms.hold).await?.as_deref() {
        None => {}
        // A first call of ours wrote it, and its answer was lost.
        Some("running") => return Ok(Claim::Free),
        Some(_) => return Ok(Claim::Running),
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
    insert_attempt(connection, attempt).await?;
    Ok(Claim::Free)
}

/// Writes a running attempt.
pub(super) async fn insert_attempt(
    connection: &mut SqliteConnection,
    attempt: &NewAttempt,
) -> SqliteResult<()> {
    sqlx::query(concat!(
        "INSERT INTO checkout_attempts (hold_id, idempotency_key, fingerprint, state, terms, claimed_at, livemode, leased_until)
         VALUES ($1, $2, $3, 'running', $4, $5, $6, ",
        database_now!(),
        " + $7)"
    ))
    .bind(DbUuid(attempt.terms.hold.0))
    .bind(attempt.key.as_ref().map(ScopedKey::to_text))
    .bind(&attempt.fingerprint)
    .bind(DbJson(encoding::encode_terms(&attempt.terms)))
    .bind(DbTime(attempt.now))
    .bind(attempt.livemode)
    .bind(to_millis(attempt.lease))
    .execute(connection)
    .await?;
    Ok(())
}

/// Runs a statement that closes attempt `$1` at `$2`. Returns whether money waits for its hold; `None` if the statement did
/// not apply.
pub(super) async fn close_attempt(
    connection: &mut SqliteConnection,
    statement: &'static str,
    hold: HoldId,
    now: DateTime<Utc>,
) -> SqliteResult<Option<bool>> {
    let query = sqlx::query_scalar(statement)
        .bind(DbUuid(hold.0))
        .bind(DbTime(now));
    Ok(query.fetch_optional(connection).await?)
}

/// Orders the refund of the money that waits for the hold of an attempt, which the caller has just closed.
async fn give_back_if_paid(
    connection: &mut SqliteConnection,
    hold: HoldId,
    is_paid: Option<bool>,
    now: DateTime<Utc>,
) -> SqliteResult<()> {
    if is_paid == Some(true) {
        waiting_payments::give_back_all(connection, hold, now).await?;
    }
    Ok(())
}

/// Closes attempt `$1` as placed at `$2`.
pub(super) const CLOSE_AS_PLACED: &str =
    "UPDATE checkout_attempts SET state = 'placed', terms = NULL, leased_until = NULL, ended_at = $2
     WHERE hold_id = $1";

/// Leases stale attempts at `$1` for `$2` milliseconds, at most `$3`.
pub(super) const LEASE_STALE: &str = concat!(
    "UPDATE checkout_attempts
     SET state = 'unsettled', due_at = coalesce(due_at, $1), leased_until = ",
    database_now!(),
    " + $2
     WHERE hold_id IN (
         SELECT hold_id FROM checkout_attempts
         WHERE state IN ('running', 'unsettled')
           AND (state = 'running' OR due_at <= $1)
           AND coalesce(leased_until, 0) <= ",
    database_now!(),
    " ORDER BY claimed_at LIMIT $3)
     RETURNING hold_id, terms, tries, claimed_at"
);

/// Deletes attempts that ended before `$1`, at most `$2`.
pub(super) const DELETE_OLD: &str = "DELETE FROM checkout_attempts WHERE hold_id IN (
         SELECT hold_id FROM checkout_attempts
         WHERE state IN ('placed', 'lost', 'abandoned') AND ended_at < $1
         ORDER BY ended_at LIMIT $2)";
