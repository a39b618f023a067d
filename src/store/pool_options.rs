//! Bounds on the connections of an engine: how many, and how long each may wait.

use std::time::Duration;

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
    /// How long migrations go on trying to get their locks.
    pub migration_timeout: Duration,
}

impl Default for PoolOptions {
    /// Enough for one instance on a small server; well within the 10 s that a caller waits.
    fn default() -> Self {
        Self {
            max_connections: 16,
            acquire_timeout: Duration::from_secs(4),
            statement_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(3),
            migration_timeout: Duration::from_mins(10),
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
