//! What a caller asks for when it leases due work.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// A request for due work: what is due at `now`, for how long, and at most how many rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseRequest {
    /// The present: by the database's clock for holds, else by the instance's.
    pub now: DateTime<Utc>,
    /// How long the lease runs, by the database's clock.
    pub duration: Duration,
    /// The most rows to lease.
    pub limit: u32,
}

impl LeaseRequest {
    /// Asks for at most `limit` rows that are due at `now`, for this duration.
    #[must_use]
    pub const fn new(now: DateTime<Utc>, duration: Duration, limit: u32) -> Self {
        Self { now, duration, limit }
    }
}
