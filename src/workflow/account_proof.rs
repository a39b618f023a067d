//! What this process knows about the account of its key: whether it is the one in which the sessions of this store were
//! made.
//!
//! A session that this process has made itself proves little: with a wrong key, the first checkout makes a session in
//! the wrong account, and that session is known to the wrong key. So:
//!
//! - Stripe showing us a session proves the key for the sessions that are newer. A wrong key that has sold knows its own
//!   sessions, but none from before it.
//! - Before a 404 is believed, a process without proof reads the newest session that is older than the one in question. If
//!   Stripe does not know it, the key stays unproven, however many sessions this process makes. Only if the store has
//!   no older one, the newest other session is read, but none that this process has made.
//! - A session that this process has made counts only if the store has none from before this process, as in a new shop,
//!   and if the session in question is not from before it either.
//!
//! Only sessions of the key's mode count, so that a shop that has tried first in test mode can go live. What this cannot
//! see is a wrong key that has sold, if the session in question is the oldest of the store; and one that has sold both
//! before and after the session in question. The first 404 of a wrong key must be seen: that is what the alarm is for.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::domain::ids::{HoldId, SessionId};

/// What this process knows about the account of its key.
pub(super) struct AccountProof {
    /// When the earliest checkout of this process began, in milliseconds since the Unix epoch: by the clock that the ids of
    /// its holds are made with.
    first_checkout_ms: AtomicI64,
    /// The first two sessions that this process has made: at least one is another than the session in question.
    made: [OnceLock<SessionId>; 2],
    /// The oldest hold whose session Stripe has shown us.
    oldest_read: Mutex<Option<HoldId>>,
}

impl AccountProof {
    /// Makes the proof of a process that starts: it knows nothing.
    pub(super) fn new() -> Self {
        Self {
            first_checkout_ms: AtomicI64::new(i64::MAX),
            made: [OnceLock::new(), OnceLock::new()],
            oldest_read: Mutex::new(None),
        }
    }

    /// Records that this process begins a checkout, whose hold gets an id of this time.
    pub(super) fn record_checkout(&self, now: DateTime<Utc>) {
        self.first_checkout_ms
            .fetch_min(now.timestamp_millis(), Ordering::Relaxed);
    }

    /// Returns an id that is smaller than the ids of all holds that this process makes.
    fn lower_bound(&self) -> HoldId {
        let first = DateTime::from_timestamp_millis(self.first_checkout_ms.load(Ordering::Relaxed));
        // Without a checkout, no hold is its own.
        first.map_or(HoldId(Uuid::max()), HoldId::lower_bound_at)
    }

    /// Records that Stripe has made a session with our key.
    pub(super) fn record_made(&self, session: &SessionId) {
        let [first, second] = &self.made;
        if first.set(session.clone()).is_err() {
            // Two are enough.
            let _ = second.set(session.clone());
        }
    }

    /// Records that Stripe has shown us the session of this hold. Not for an attempt: this process may have repeated its
    /// call, and then the session is its own although the attempt is older.
    pub(super) fn record_read(&self, hold: HoldId) {
        if self.bound().is_some_and(|bound| hold >= bound) {
            return;
        }
        let mut oldest = self.oldest_read.lock().unwrap_or_else(PoisonError::into_inner);
        *oldest = Some(oldest.map_or(hold, |known| known.min(hold)));
    }

    /// Tells whether Stripe has shown us a session that is older than the one of this hold or attempt. If it belongs to
    /// neither, any session will do.
    pub(super) fn is_proven_for(&self, hold: Option<HoldId>) -> bool {
        let oldest = *self.oldest_read.lock().unwrap_or_else(PoisonError::into_inner);
        oldest.is_some_and(|oldest| hold.is_none_or(|hold| oldest < hold))
    }

    /// Returns the id below which holds are not this process's own; `None` if it has made none.
    pub(super) fn bound(&self) -> Option<HoldId> {
        self.made[0].get().map(|_| self.lower_bound())
    }

    /// Tells whether this process has made another session than this one, whose hold is not from before this process.
    pub(super) fn has_made_another(&self, than: &SessionId, hold: Option<HoldId>) -> bool {
        let mut made = self.made.iter().filter_map(OnceLock::get);
        hold.is_some_and(|hold| hold >= self.lower_bound()) && made.any(|session| session != than)
    }
}

#[cfg(test)]
mod tests {
    use uuid::{NoContext, Timestamp};

    use super::*;

    fn hold(seconds: u64) -> HoldId {
        HoldId(Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, 0)))
    }

    fn session(name: &str) -> SessionId {
        SessionId::new(name)
    }

    fn proof() -> AccountProof {
        let proof = AccountProof::new();
        proof.record_checkout(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        proof
    }

    #[test]
    fn session_of_another_process_proves_the_key_for_newer_ones() {
        let newer = Some(hold(1_800_000_009));
        let fresh = proof();
        assert!(!fresh.is_proven_for(newer) && !fresh.is_proven_for(None));
        let read = hold(1_800_000_001);
        fresh.record_read(read);
        assert!(
            fresh.is_proven_for(newer) && fresh.is_proven_for(None),
            "this process has made none, so it is another's"
        );
        let same_or_older = [read, hold(1_799_999_999)];
        assert!(!same_or_older.iter().any(|hold| fresh.is_proven_for(Some(*hold))));
        fresh.record_read(hold(1_799_999_998));
        fresh.record_read(hold(1_800_000_005));
        assert!(
            fresh.is_proven_for(Some(hold(1_799_999_999))),
            "the oldest counts"
        );
    }

    #[test]
    fn own_session_proves_nothing() {
        let newer = Some(hold(1_800_000_009));
        let seller = proof();
        seller.record_made(&session("cs_1"));
        seller.record_read(hold(1_800_000_001));
        assert!(!seller.is_proven_for(newer), "it may be its own");
        seller.record_read(hold(1_799_999_999));
        assert!(seller.is_proven_for(newer));
    }

    #[test]
    fn own_session_counts_for_another_own_session_only() {
        let (ours, older) = (Some(hold(1_800_000_001)), Some(hold(1_799_999_999)));
        let seller = proof();
        assert!(!seller.has_made_another(&session("cs_1"), ours));
        seller.record_made(&session("cs_1"));
        assert!(!seller.has_made_another(&session("cs_1"), ours));
        seller.record_made(&session("cs_2"));
        assert!(seller.has_made_another(&session("cs_1"), ours));
        assert!(!seller.has_made_another(&session("cs_1"), older));
        assert!(!seller.has_made_another(&session("cs_1"), None));
    }
}
