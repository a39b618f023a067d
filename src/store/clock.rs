//! The clock of the database, which all instances share.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use super::group_commit::GroupItem;

/// Reads the clock of the database.
#[async_trait]
pub trait DatabaseClock {
    /// Returns the database's time, to the millisecond.
    async fn read_clock(&self) -> Result<DateTime<Utc>, StoreError>;
}

/// A question for the time. Those that wait at the same moment get the same answer, which is read after all of them asked.
#[derive(Clone, Copy)]
pub(super) struct ClockQuery;

impl GroupItem for ClockQuery {
    type Touched = ();

    fn touch(&mut self, (): &mut ()) -> bool {
        true
    }
}
