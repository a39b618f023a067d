//! The clock of the database, which all instances share.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;

/// Reads the clock of the database.
#[async_trait]
pub trait DatabaseClock {
    /// Returns the database's time, to the millisecond.
    async fn read_clock(&self) -> Result<DateTime<Utc>, StoreError>;
}
