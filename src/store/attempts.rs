//! Checkout attempts: a row for each checkout that has begun, so that a crash leaves no session without a record.

use std::collections::HashSet;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::columns::{DbJson, DbTime, DbUuid};
use super::group_commit::GroupItem;
use super::lease_request::LeaseRequest;
use super::{StoreError, encoding};
use crate::domain::booking::normalize_email;
use crate::domain::ids::{CommandId, HoldId, SessionId};
use crate::domain::key_scope::ScopedKey;
use crate::domain::refusal_code::RefusalCode;
use crate::domain::session::SessionTerms;

/// A checkout that is about to begin.
#[derive(Clone, Debug)]
pub struct NewAttempt {
    /// The session to create, and the id of the hold to place.
    pub terms: SessionTerms,
    /// The caller's idempotency key, in its scope.
    pub key: Option<ScopedKey>,
    /// SHA-256 of the request's body, in hex.
    pub fingerprint: String,
    /// Whether the session is to be a live one.
    pub livemode: bool,
    /// The present, by the instance's clock.
    pub now: DateTime<Utc>,
    /// How long the attempt belongs to its checkout. After that the checkout's process counts as dead.
    pub lease: Duration,
}

/// The attempts and the keys that the claims of a group write.
#[derive(Default)]
pub(super) struct TouchedAttempts {
    holds: HashSet<HoldId>,
    keys: HashSet<String>,
}

impl GroupItem for NewAttempt {
    type Touched = TouchedAttempts;

    fn touch(&mut self, touched: &mut TouchedAttempts) -> bool {
        let keys = stored_texts(self.key.iter());
        let is_new =
            !touched.holds.contains(&self.terms.hold) && !keys.iter().any(|key| touched.keys.contains(key));
        if is_new {
            touched.holds.insert(self.terms.hold);
            touched.keys.extend(keys);
        }
        is_new
    }
}

/// The result of claiming an idempotency key, or of looking it up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The key is free. After a claim, the attempt belongs to the caller; after a lookup, no checkout has the key.
    Free,
    /// The first request with this key is still running.
    Running,
    /// The first request placed this hold, and the hold is live.
    Placed(HoldId),
    /// The key was used with another body.
    Mismatch,
}

/// How an attempt ends without placing a hold and without losing the race for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptEnd {
    /// Its own checkout ends it, because Stripe certainly created no session. An attempt that the sweep has taken over
    /// stays with the sweep, which may have created a session since.
    Abandoned,
    /// Its own checkout ends it, because Stripe refused the session. Otherwise like [`Self::Abandoned`].
    Refused(RefusalCode),
    /// The sweep that has leased it ends it, because it left no session.
    NoSession,
    /// Its own checkout ends it, and Stripe may have created a session. The sweep must find out. The key is free again.
    Unsettled,
}

/// An attempt that its checkout did not finish, leased to the caller.
#[derive(Clone, Debug)]
pub struct StaleAttempt {
    /// The session that may exist at Stripe.
    pub terms: SessionTerms,
    /// How many recoveries have failed so far.
    pub tries: u32,
}

/// How one of the latest attempts ended.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct LatestEnd {
    /// Why Stripe refused it, if it did.
    pub refusal: Option<String>,
    /// Whether Stripe certainly took its session.
    pub has_session: bool,
}

/// Checkout attempts in the database; one method is one transaction.
#[async_trait]
pub trait Attempts {
    /// Writes the attempt as `running`, leased to its checkout. If the key belongs to an attempt that is over (lost,
    /// abandoned, unsettled, or its hold is no longer live), the key moves to the new attempt in the same transaction,
    /// whatever the fingerprint. Otherwise nothing is written, and the result says why.
    async fn claim_attempt(&self, attempt: &NewAttempt) -> Result<Claim, StoreError>;
    /// Ends an attempt without a hold. A checkout can end only a `running` one, the sweep only an `unsettled` one. Orders the
    /// refund of the money that waits, unless the attempt becomes `unsettled`.
    async fn end_attempt(&self, hold: HoldId, end: AttemptEnd, now: DateTime<Utc>) -> Result<(), StoreError>;
    /// Leases attempts to recover: unsettled ones that are due, and running ones whose lease is over. Such a running
    /// attempt becomes unsettled, so that its own task can no longer place it.
    async fn lease_stale_attempts(&self, request: &LeaseRequest) -> Result<Vec<StaleAttempt>, StoreError>;
    /// Returns a leased attempt, to try again at `due_at`, and counts the try.
    async fn defer_attempt(&self, hold: HoldId, due_at: DateTime<Utc>) -> Result<(), StoreError>;
    /// Closes an attempt that must not be placed, enqueues the command that expires its session, and orders the refund of the
    /// money that waits.
    async fn abandon_attempt(
        &self,
        hold: HoldId,
        session: &SessionId,
        now: DateTime<Utc>,
    ) -> Result<CommandId, StoreError>;
    /// Closes a running attempt as `lost`, enqueues the command that expires its session, and orders the refund of the money
    /// that waits. `None` if the attempt was closed otherwise.
    async fn close_lost_attempt(
        &self,
        hold: HoldId,
        session: &SessionId,
        now: DateTime<Utc>,
    ) -> Result<Option<CommandId>, StoreError>;
    /// Deletes at most `limit` attempts that ended before `before`; returns how many.
    async fn delete_old_attempts(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError>;
    /// Lists the attempts that ended last, at most `limit`, latest first.
    async fn list_latest_ends(&self, limit: u32) -> Result<Vec<LatestEnd>, StoreError>;
    /// Lists the attempts of a guest (by normalized e-mail) that have not ended, oldest first.
    async fn list_open_attempts(&self, guest: &str) -> Result<Vec<SessionTerms>, StoreError>;
}

/// The attempt that has a key, and whether its hold is live.
#[derive(sqlx::FromRow, serde::Deserialize)]
pub(super) struct KnownAttemptRow {
    pub(super) hold_id: DbUuid,
    idempotency_key: Option<String>,
    pub(super) fingerprint: String,
    pub(super) state: String,
    pub(super) is_live: bool,
}

/// Selects [`KnownAttemptRow`]s from attempts `a`.
macro_rules! select_known_attempts {
    ($rest:literal) => {
        concat!(
            "SELECT a.hold_id, a.idempotency_key, a.fingerprint, a.state,
                 coalesce(h.status IN ('held', 'processing', 'confirmed'), false) AS is_live
             FROM checkout_attempts a LEFT JOIN holds h ON h.id = a.hold_id ",
            $rest
        )
    };
}

pub(super) use select_known_attempts;

/// The texts under which keys may be stored: with their scopes, and from before keys had scopes.
pub(super) fn stored_texts<'a>(keys: impl Iterator<Item = &'a ScopedKey>) -> Vec<String> {
    keys.flat_map(|key| [key.to_text(), key.without_scope().to_owned()])
        .collect()
}

/// Finds the attempt of hold `$1`.
pub(super) const FIND_BY_HOLD: &str = select_known_attempts!("WHERE a.hold_id = $1");

impl KnownAttemptRow {
    /// Those of the attempts that have a key: the one with its scope, then the one from before keys had scopes.
    pub(super) fn of_key<'a>(known: &'a [Self], key: &ScopedKey) -> Vec<&'a Self> {
        let scoped = key.to_text();
        let with = |text: &str| {
            known
                .iter()
                .find(|one| one.idempotency_key.as_deref() == Some(text))
        };
        with(&scoped)
            .into_iter()
            .chain(with(key.without_scope()))
            .collect()
    }

    /// What the attempts with a key mean for a request with that key and with this fingerprint.
    pub(super) fn claim_of<'a>(known: impl Iterator<Item = &'a Self>, fingerprint: &str) -> Claim {
        let mut claims = known.map(|attempt| attempt.claim_for(fingerprint));
        claims.find(|claim| *claim != Claim::Free).unwrap_or(Claim::Free)
    }

    /// What this attempt means for a request with its key and with this fingerprint.
    fn claim_for(&self, fingerprint: &str) -> Claim {
        let claim = match self.state.as_str() {
            "running" => Claim::Running,
            "placed" if self.is_live => Claim::Placed(HoldId(self.hold_id.0)),
            _ => return Claim::Free,
        };
        if self.fingerprint == fingerprint {
            claim
        } else {
            Claim::Mismatch
        }
    }
}

/// Frees the key of attempt `$1`.
pub(super) const FREE_KEY: &str = "UPDATE checkout_attempts SET idempotency_key = NULL WHERE hold_id = $1";

/// Ends attempt `$1` at `$2`, with refusal `$3`; for each end, only from the state in which the caller may end it. Returns
/// whether money waits that must go back now; no row if none can.
pub(super) fn end_statement(end: AttemptEnd) -> &'static str {
    match end {
        AttemptEnd::Abandoned | AttemptEnd::Refused(_) => {
            "UPDATE checkout_attempts
             SET state = 'abandoned', terms = NULL, due_at = NULL, leased_until = NULL, ended_at = $2, refusal = $3
             WHERE hold_id = $1 AND state = 'running' RETURNING is_paid"
        }
        AttemptEnd::NoSession => {
            "UPDATE checkout_attempts
             SET state = 'abandoned', terms = NULL, due_at = NULL, leased_until = NULL, ended_at = $2, refusal = $3
             WHERE hold_id = $1 AND state = 'unsettled' RETURNING is_paid"
        }
        // An attempt that is unsettled already belongs to the sweep, with its lease and its due time. Its money waits until the
        // sweep has ended it.
        AttemptEnd::Unsettled => {
            "UPDATE checkout_attempts SET state = 'unsettled', due_at = $2, leased_until = NULL, refusal = $3
             WHERE hold_id = $1 AND state = 'running'"
        }
    }
}

/// Returns the refusal of an end, as its column has it.
pub(super) fn encode_refusal(end: AttemptEnd) -> Option<&'static str> {
    match end {
        AttemptEnd::Refused(code) => Some(code.as_str()),
        AttemptEnd::Abandoned | AttemptEnd::NoSession | AttemptEnd::Unsettled => None,
    }
}

/// Lists the `$1` attempts that ended last. The condition is that of the index of ended attempts.
pub(super) const LIST_LATEST_ENDS: &str =
    "SELECT refusal, state IN ('placed', 'lost') AS has_session FROM checkout_attempts
     WHERE state IN ('placed', 'lost', 'abandoned') ORDER BY ended_at DESC LIMIT $1";

/// Abandons attempt `$1` at `$2`, unless it is closed; returns whether money waits.
pub(super) const ABANDON: &str = "UPDATE checkout_attempts
     SET state = 'abandoned', terms = NULL, due_at = NULL, leased_until = NULL, ended_at = $2
     WHERE hold_id = $1 AND state IN ('running', 'unsettled') RETURNING is_paid";

/// Closes running attempt `$1` as lost at `$2`; returns whether money waits.
pub(super) const CLOSE_AS_LOST: &str =
    "UPDATE checkout_attempts SET state = 'lost', terms = NULL, leased_until = NULL, ended_at = $2
     WHERE hold_id = $1 AND state = 'running' RETURNING is_paid";

/// Finds the state of attempt `$1`.
pub(super) const FIND_STATE: &str = "SELECT state FROM checkout_attempts WHERE hold_id = $1";

/// Returns leased attempt `$1`, due again at `$2`.
pub(super) const DEFER: &str =
    "UPDATE checkout_attempts SET due_at = $2, leased_until = NULL, tries = tries + 1
     WHERE hold_id = $1 AND state = 'unsettled'";

/// Selects the attempts that have not ended, oldest first.
pub(super) const LIST_OPEN: &str = "SELECT hold_id, terms FROM checkout_attempts
     WHERE state IN ('running', 'unsettled') ORDER BY claimed_at";

#[derive(sqlx::FromRow)]
pub(super) struct OpenAttemptRow {
    hold_id: DbUuid,
    terms: DbJson,
}

impl OpenAttemptRow {
    /// The terms of the attempts of one guest. The address is compared here, because the databases fold the case of other
    /// letters than `a` to `z` in different ways.
    pub(super) fn decode_of_guest(rows: Vec<Self>, guest: &str) -> Result<Vec<SessionTerms>, StoreError> {
        let terms = rows
            .into_iter()
            .map(|row| encoding::decode_terms(row.hold_id.0, row.terms.0));
        let terms: Result<Vec<_>, _> = terms.collect();
        let is_of_guest = |terms: &SessionTerms| normalize_email(&terms.email) == guest;
        Ok(terms?.into_iter().filter(is_of_guest).collect())
    }
}

#[derive(sqlx::FromRow)]
pub(super) struct StaleAttemptRow {
    hold_id: DbUuid,
    terms: DbJson,
    tries: i32,
    claimed_at: DbTime,
}

/// The leased attempts, oldest first: `RETURNING` guarantees no order.
pub(super) fn decode_stale_attempts(mut rows: Vec<StaleAttemptRow>) -> Result<Vec<StaleAttempt>, StoreError> {
    rows.sort_by_key(|row| row.claimed_at);
    let decode = |row: StaleAttemptRow| {
        Ok(StaleAttempt {
            terms: encoding::decode_terms(row.hold_id.0, row.terms.0)?,
            tries: row.tries.unsigned_abs(),
        })
    };
    rows.into_iter().map(decode).collect()
}
