//! Guests and clients: what is deleted of them. The tables `guests` and `clients` are those of the version before, which
//! counts unpaid holds in them; this version writes no rows to them.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;

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
    /// Erases the guests of at most `limit` released and cancelled holds that last changed before `before`: name, address,
    /// client, the caller's metadata and the bodies of events; returns how many. A hold's version stays, because no decision depends on its guest.
    async fn erase_guests(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError>;
    /// Clears the metadata of at most `limit` holds whose guests the version before erased without it, and that last changed
    /// before `before`; returns how many.
    async fn clear_leftover_metadata(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError>;
    /// Erases one guest (by normalized e-mail) from at most `limit` of their confirmed, released and cancelled holds, and
    /// from the bodies of events. A guest who has an unpaid hold or an open attempt stays as they are.
    async fn erase_guest(&self, guest: &str, limit: u32) -> Result<GuestErasure, StoreError>;
    /// Deletes at most `limit` clients that the version before wrote, that have no `held` hold and last changed before `before`; returns how many.
    async fn delete_idle_clients(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError>;
}

/// Counts the unpaid holds of guest `$1`, whose e-mail must not be erased.
pub(super) const COUNT_UNPAID_OF_GUEST: &str =
    "SELECT count(*) FROM holds WHERE guest_id = $1 AND status IN ('held', 'processing')";
