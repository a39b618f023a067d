//! The sessions of holds: which one a key is tried with, and what is left to do in Stripe's other mode.
//!
//! A session's id tells its mode. An attempt and a payment without a hold have no session; they have the column
//! `livemode`.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::StoreError;
use super::columns::DbUuid;
use crate::domain::figures::OtherModeWork;
use crate::domain::ids::{HoldId, SessionId};

/// Which session to find.
#[derive(Clone, Debug)]
pub struct SessionSearch {
    /// Whether the session is a live one. A session whose id does not tell its mode fits both.
    pub livemode: bool,
    /// Finds only sessions of holds with a smaller id.
    pub older_than: Option<HoldId>,
    /// Does not find this session.
    pub except: Option<SessionId>,
}

/// A session that was found, and its hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundSession {
    /// The hold that the session was made for.
    pub hold: HoldId,
    /// Stripe's id of the session.
    pub id: SessionId,
}

/// Sessions in the database; one method is one transaction.
#[async_trait]
pub trait Sessions {
    /// Finds the newest session of a hold. A command's session does not count, because a process may have made it anew.
    async fn find_newest_session(&self, search: &SessionSearch) -> Result<Option<FoundSession>, StoreError>;
    /// Finds the newest session of a hold that is not paid yet.
    async fn find_newest_unpaid_session(&self, livemode: bool) -> Result<Option<SessionId>, StoreError>;
    /// Counts what is left to do in the other mode than `livemode`.
    async fn count_other_mode_work(
        &self,
        livemode: bool,
        now: DateTime<Utc>,
    ) -> Result<OtherModeWork, StoreError>;
}

/// The mode that a session's id tells, as SQL: true, false, or null.
macro_rules! mode_of {
    ($session:literal) => {
        concat!(
            "CASE substr(",
            $session,
            ", 1, 8) WHEN 'cs_live_' THEN true WHEN 'cs_test_' THEN false END"
        )
    };
}

/// Finds the newest session of mode `$1` whose hold is older than `$2`, except `$3`.
pub(super) const FIND_NEWEST: &str = concat!(
    "SELECT id, session_id FROM holds WHERE id < $2 AND session_id <> $3 AND coalesce(",
    mode_of!("session_id"),
    ", $1) = $1 ORDER BY id DESC LIMIT 1"
);

/// Finds the newest session of mode `$1` of an unpaid hold.
pub(super) const FIND_NEWEST_UNPAID: &str = concat!(
    "SELECT session_id FROM holds WHERE status IN ('held', 'processing') AND coalesce(",
    mode_of!("session_id"),
    ", $1) = $1 ORDER BY id DESC LIMIT 1"
);

impl SessionSearch {
    /// The bound that [`FIND_NEWEST`] gets: beyond all ids if there is none.
    pub(super) fn id_bound(&self) -> Uuid {
        self.older_than.map_or(Uuid::max(), |hold| hold.0)
    }

    /// The exception that [`FIND_NEWEST`] gets: a text that is no session's id if there is none.
    pub(super) fn exception(&self) -> &str {
        self.except.as_ref().map_or("", SessionId::as_str)
    }
}

#[derive(sqlx::FromRow)]
pub(super) struct FoundSessionRow {
    id: DbUuid,
    session_id: String,
}

impl FoundSessionRow {
    pub(super) fn decode(self) -> FoundSession {
        FoundSession {
            hold: HoldId(self.id.0),
            id: SessionId::new(self.session_id),
        }
    }
}

#[derive(sqlx::FromRow)]
pub(super) struct OtherModeWorkRow {
    held: i64,
    processing: i64,
    future_bookings: i64,
    attempts: i64,
    commands: i64,
}

/// Counts the work of mode `$1` that is left at `$2`. Each count reads an index of what is live: future bookings are found
/// by the occupancy `o` of each resource `r`, joined on `$future`, because each engine stores windows in its own way. Their status is
/// compared as an expression, because the planner could else read all bookings that ever were from an index of such.
macro_rules! count_work {
    ($future:expr) => {
        concat!(
            "SELECT
                 (SELECT count(*) FROM holds WHERE status IN ('held', 'processing') AND status = 'held' AND ",
            $crate::store::sessions::mode_of!("session_id"),
            " = $1) AS held,
                 (SELECT count(*) FROM holds WHERE status IN ('held', 'processing') AND status = 'processing' AND ",
            $crate::store::sessions::mode_of!("session_id"),
            " = $1) AS processing,
                 (SELECT count(DISTINCT h.id)
                  FROM resources r JOIN occupancy o ON ",
            $future,
            " JOIN holds h ON h.id = o.hold_id
                  WHERE h.status || '' = 'confirmed' AND h.starts_at > $2 AND ",
            $crate::store::sessions::mode_of!("h.session_id"),
            " = $1) AS future_bookings,
                 (SELECT count(*) FROM checkout_attempts
                  WHERE state IN ('running', 'unsettled') AND livemode = $1) AS attempts,
                 (SELECT count(*) FROM commands c
                  LEFT JOIN holds h ON h.id = c.hold_id
                  LEFT JOIN payments p ON p.intent_id = c.intent_id
                  WHERE c.done_at IS NULL AND coalesce(",
            $crate::store::sessions::mode_of!("coalesce(c.session_id, h.session_id)"),
            ", p.livemode) = $1) AS commands"
        )
    };
}
pub(super) use {count_work, mode_of};

impl OtherModeWorkRow {
    pub(super) fn decode(self) -> OtherModeWork {
        OtherModeWork {
            held: self.held,
            processing: self.processing,
            future_bookings: self.future_bookings,
            attempts: self.attempts,
            commands: self.commands,
        }
    }
}
