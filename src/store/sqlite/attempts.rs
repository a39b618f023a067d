//! Checkout attempts on SQLite.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::{SqliteConnection, SqliteExecutor};

use super::error::SqliteResult;
use super::groups::GroupWrite;
use super::{SqliteStore, commands, database_now, to_millis, waiting_payments};
use crate::domain::ids::{CommandId, HoldId, SessionId};
use crate::domain::key_scope::ScopedKey;
use crate::domain::session::SessionTerms;
use crate::store::attempts::{
    self, AttemptEnd, Attempts, Claim, KnownAttemptRow, LatestEnd, NewAttempt, OpenAttemptRow, StaleAttempt,
    StaleAttemptRow, decode_stale_attempts, select_known_attempts,
};
use crate::store::columns::{DbTime, DbUuid};
use crate::store::commands::expire_session;
use crate::store::lease_request::LeaseRequest;
use crate::store::{StoreError, encoding};

#[async_trait]
impl Attempts for SqliteStore {
    async fn claim_attempt(&self, attempt: &NewAttempt) -> Result<Claim, StoreError> {
        let verdict = self.write_in_group(|| GroupWrite::Claim(Box::new(attempt.clone())));
        verdict.await?.into_claim()
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

    async fn list_latest_ends(&self, limit: u32) -> Result<Vec<LatestEnd>, StoreError> {
        let query = sqlx::query_as(attempts::LIST_LATEST_ENDS).bind(i64::from(limit));
        self.read(query.fetch_all(&self.readers)).await
    }

    async fn list_open_attempts(&self, guest: &str) -> Result<Vec<SessionTerms>, StoreError> {
        OpenAttemptRow::decode_of_guest(self.read(select_open(&self.readers)).await?, guest)
    }
}

/// Finds the attempts with the keys in JSON `$2`.
pub(super) const FIND_BY_KEYS: &str =
    select_known_attempts!("WHERE a.idempotency_key IN (SELECT value FROM json_each($2))");

/// Selects the attempts that have not ended.
pub(super) async fn select_open(executor: impl SqliteExecutor<'_>) -> sqlx::Result<Vec<OpenAttemptRow>> {
    sqlx::query_as(attempts::LIST_OPEN).fetch_all(executor).await
}

/// Finds the state of an attempt, if there is one.
async fn find_state(connection: &mut SqliteConnection, hold: HoldId) -> SqliteResult<Option<String>> {
    let query = sqlx::query_scalar(attempts::FIND_STATE).bind(DbUuid(hold.0));
    Ok(query.fetch_optional(connection).await?)
}

/// The state of an attempt, and whether money waits for its hold.
#[derive(sqlx::FromRow)]
pub(super) struct AttemptStateRow {
    pub(super) hold_id: DbUuid,
    pub(super) state: String,
    pub(super) is_paid: bool,
}

/// What becomes of claims.
pub(super) struct DecidedClaims<'a> {
    /// The claims, in the order of their attempts.
    pub(super) claims: Vec<Claim>,
    /// The attempts whose keys are free again.
    pub(super) over: Vec<DbUuid>,
    /// The attempts to write.
    pub(super) new: Vec<&'a NewAttempt>,
}

/// Decides what becomes of attempts, of which no two have the same key or hold, by the attempts that are stored.
pub(super) fn decide_claims<'a>(
    attempts: &[&'a NewAttempt],
    states: &BTreeMap<HoldId, AttemptStateRow>,
    known: &[KnownAttemptRow],
) -> DecidedClaims<'a> {
    let (mut claims, mut over, mut new) = (Vec::new(), Vec::new(), Vec::new());
    for attempt in attempts {
        let claim = match states.get(&attempt.terms.hold).map(|found| found.state.as_str()) {
            // A first call of ours wrote it, and its answer was lost.
            Some("running") => Claim::Free,
            Some(_) => Claim::Running,
            None => {
                let of_key = attempt.key.as_ref();
                let of_key = of_key
                    .map(|key| KnownAttemptRow::of_key(known, key))
                    .unwrap_or_default();
                let claim = KnownAttemptRow::claim_of(of_key.iter().copied(), &attempt.fingerprint);
                if claim == Claim::Free {
                    over.extend(of_key.iter().map(|known| known.hold_id));
                    new.push(*attempt);
                }
                claim
            }
        };
        claims.push(claim);
    }
    DecidedClaims { claims, over, new }
}

/// Writes the attempts in JSON `$1` as running.
pub(super) const INSERT: &str = concat!(
    "INSERT INTO checkout_attempts
         (hold_id, idempotency_key, fingerprint, state, terms, claimed_at, livemode, leased_until)
     SELECT value ->> 'hold', value ->> 'key', value ->> 'fingerprint', 'running', value -> 'terms', value ->> 'now',
         value ->> 'livemode', ",
    database_now!(),
    " + (value ->> 'lease') FROM jsonb_each($1)"
);

/// The row of a new attempt, as the statement reads it.
pub(super) fn encode_attempt(attempt: &NewAttempt) -> Value {
    json!({
        "hold": attempt.terms.hold.0,
        "key": attempt.key.as_ref().map(ScopedKey::to_text),
        "fingerprint": attempt.fingerprint,
        "terms": encoding::encode_terms(&attempt.terms),
        "now": attempt.now.timestamp_millis(),
        "livemode": attempt.livemode,
        "lease": to_millis(attempt.lease),
    })
}

/// Runs a statement that closes attempt `$1` at `$2`. Returns whether money waits for its hold; `None` if the statement did
/// not apply.
async fn close_attempt(
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

/// Finds the states of the attempts of the holds in JSON `$1`.
pub(super) const FIND_STATES: &str = "SELECT hold_id, state, is_paid FROM checkout_attempts
     WHERE hold_id IN (SELECT value FROM json_each($1))";

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
