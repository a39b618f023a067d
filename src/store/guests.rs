//! Guests and clients: how many unpaid holds each has, and what is deleted of them. Placing a hold counts it in, a trigger
//! counts it out.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use super::columns::DbTime;
use crate::domain::booking::ClientId;

/// The unpaid holds of a guest and of a client, and how the client's last ones ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnpaidHoldCounts {
    /// How many `held` holds the guest has.
    pub guest_held: u32,
    /// How many `held` holds came from the client.
    pub client_held: u32,
    /// How many of the client's last holds expired, without one in between that ended otherwise.
    pub client_lapses: u32,
    /// When the last hold that `client_lapses` counts ended.
    pub client_lapsed_at: Option<DateTime<Utc>>,
}

/// The result of erasing one guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuestErasure {
    /// The guest is erased from so many holds and events. There may be more holds if the limit was reached.
    Erased {
        /// Holds that named the guest.
        holds: u64,
        /// Events whose bodies are cleared.
        events: u64,
    },
    /// The guest has an unpaid hold, or an attempt that has not ended. Nothing was erased.
    Unfinished,
}

/// Guests and clients in the database; one method is one transaction.
#[async_trait]
pub trait Guests {
    /// Counts the unpaid holds of a guest (by normalized e-mail) and of a client.
    async fn count_unpaid_holds(
        &self,
        guest: &str,
        client: Option<&ClientId>,
    ) -> Result<UnpaidHoldCounts, StoreError>;
    /// Erases the guests of at most `limit` released and cancelled holds that last changed before `before`: name, address,
    /// client and the caller's metadata; returns how many. A hold's version stays, because no decision depends on its guest.
    async fn erase_guests(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError>;
    /// Clears the metadata of at most `limit` holds whose guests the version before erased without it, and that last changed
    /// before `before`; returns how many.
    async fn clear_leftover_metadata(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError>;
    /// Erases one guest (by normalized e-mail) from at most `limit` of their confirmed, released and cancelled holds, and
    /// from the bodies of events. A guest who has an unpaid hold or an open attempt stays as they are.
    async fn erase_guest(&self, guest: &str, limit: u32) -> Result<GuestErasure, StoreError>;
    /// Deletes at most `limit` clients that have no `held` hold and last changed before `before`; returns how many.
    async fn delete_idle_clients(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError>;
}

#[derive(sqlx::FromRow)]
pub(super) struct UnpaidHoldCountsRow {
    guest_held: i32,
    client_held: i32,
    lapses: i32,
    lapsed_at: Option<DbTime>,
}

/// Counts the unpaid holds of guest `$1` and of client `$2`.
pub(super) const COUNT_UNPAID: &str =
    "SELECT coalesce((SELECT held FROM guests WHERE email = $1), 0) AS guest_held,
         coalesce(c.held, 0) AS client_held, coalesce(c.lapses, 0) AS lapses, c.lapsed_at
     FROM (SELECT 1 AS one) AS one LEFT JOIN clients c ON c.id = $2";

/// Counts the unpaid holds of guest `$1`, whose e-mail must not be erased.
pub(super) const COUNT_UNPAID_OF_GUEST: &str =
    "SELECT count(*) FROM holds WHERE guest_id = $1 AND status IN ('held', 'processing')";

impl UnpaidHoldCountsRow {
    pub(super) fn decode(self) -> UnpaidHoldCounts {
        UnpaidHoldCounts {
            guest_held: self.guest_held.unsigned_abs(),
            client_held: self.client_held.unsigned_abs(),
            client_lapses: self.lapses.unsigned_abs(),
            client_lapsed_at: self.lapsed_at.map(|at| at.0),
        }
    }
}
