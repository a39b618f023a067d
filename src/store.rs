//! The store: what the workflows need of a database, independent of the engine.
//!
//! There is a trait for each aggregate, declared in the file of its name here and implemented in the file of the same name
//! in `postgres/` and in `sqlite/`; [`Store`] is their sum. The file here also holds the row structs and the statements that
//! are equal in both engines. Statements that differ stand in the engines, with the reason.
//!
//! One method is one transaction. Expected outcomes are values (`Placed | SlotTaken`, `Done | Conflict | Duplicate`); a
//! [`StoreError`] means that something failed. No method calls Stripe, and none waits for anything but the database (I6).
//! Leases are taken and judged by the database's clock, so that instances whose clocks differ do not take work from each
//! other. The caller passes every other time.
//!
//! To add a statement: put it into the file of its aggregate, here if it is equal in both engines; add a method to the trait
//! and implement it in both engines; add a case to the contract tests, which run one suite over both engines.

use std::time::Duration;

pub mod attempts;
pub mod availability;
pub mod blocks;
pub mod catalogue;
pub mod changes;
mod columns;
pub mod commands;
mod dry_run;
mod encoding;
pub mod events;
pub mod feeds;
pub mod figures;
pub mod guests;
pub mod holds;
mod paging;
pub mod placements;
pub mod postgres;
pub mod resources;
mod schedule_json;
pub mod schema;
pub mod sqlite;
mod transition_effect;

pub use attempts::{AttemptEnd, Attempts, Claim, NewAttempt, StaleAttempt};
pub use availability::{AvailabilityQuery, Occupancies};
pub use blocks::Blocks;
pub use catalogue::Catalogue;
pub use changes::{ApplyOutcome, Changes, HoldChange, StateChange};
pub use commands::Commands;
pub use events::{EventRecord, Events};
pub use feeds::Feeds;
pub use figures::Figures;
pub use guests::{Guests, UnpaidHoldCounts};
pub use holds::{Holds, ReleaseLease};
pub use paging::is_cursor;
pub use placements::{HoldLimits, HoldMove, MoveOutcome, PlaceOutcome, Placements};
pub use resources::Resources;
pub use schema::Schema;

/// Everything that the workflows need of a database: the sum of the traits of all aggregates.
pub trait Store:
    Attempts
    + Blocks
    + Catalogue
    + Changes
    + Commands
    + Events
    + Feeds
    + Figures
    + Guests
    + Holds
    + Occupancies
    + Placements
    + Resources
    + Schema
    + Send
    + Sync
    + 'static
{
}

impl<T> Store for T where
    T: Attempts
        + Blocks
        + Catalogue
        + Changes
        + Commands
        + Events
        + Feeds
        + Figures
        + Guests
        + Holds
        + Occupancies
        + Placements
        + Resources
        + Schema
        + Send
        + Sync
        + 'static
{
}

/// An error of the database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is away, full or too busy; the same call may succeed later. Whether a commit that was under way took
    /// place is unknown: every method can be repeated.
    #[error("the database is unavailable")]
    Unavailable(#[source] sqlx::Error),
    /// The database answered something that should not be possible: a bug, or a schema that is not ours.
    #[error("the database answered unexpectedly")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Bounds on an engine: how long it may take, and how much of it may be used at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolOptions {
    /// The most connections; on SQLite those that read, besides the one that writes.
    pub max_connections: u32,
    /// How long to wait for a free connection.
    pub acquire_timeout: Duration,
    /// How long a statement may run.
    pub statement_timeout: Duration,
    /// How long a statement may wait for a lock.
    pub lock_timeout: Duration,
}

impl Default for PoolOptions {
    /// Enough for one instance on a small server; well within the 10 s that a caller waits.
    fn default() -> Self {
        Self {
            max_connections: 16,
            acquire_timeout: Duration::from_secs(4),
            statement_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(3),
        }
    }
}

impl PoolOptions {
    /// Returns the bounds for SQLite. No server can be away, so a caller that waits for a connection queues
    /// behind requests of this process, and may wait nearly as long as a request may take.
    #[must_use]
    pub fn of_one_process() -> Self {
        Self {
            acquire_timeout: Duration::from_secs(7),
            ..Self::default()
        }
    }
}
