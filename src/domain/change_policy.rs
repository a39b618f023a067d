//! Until when guests may cancel or move a booking that they have paid for.

use chrono::{DateTime, Duration, Utc};

/// Limits what guests may change after they have paid. Each limit is optional: without one, guests may never do it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChangePolicy {
    /// Minutes before the start until which a guest may cancel and gets all money back.
    pub cancel_until_minutes: Option<i64>,
    /// Minutes before the start until which a guest may move the booking to another start.
    pub move_until_minutes: Option<i64>,
}

impl ChangePolicy {
    /// Tells whether a guest may still cancel a booking that starts at `starts_at`.
    pub fn is_cancel_in_time(&self, starts_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        is_in_time(self.cancel_until_minutes, starts_at, now)
    }

    /// Tells whether a guest may still move a booking that starts at `starts_at`.
    pub fn is_move_in_time(&self, starts_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        is_in_time(self.move_until_minutes, starts_at, now)
    }
}

fn is_in_time(until_minutes: Option<i64>, starts_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    // A number of minutes that no date can express means "too late" and must not panic.
    let deadline = until_minutes
        .and_then(Duration::try_minutes)
        .and_then(|before| starts_at.checked_sub_signed(before));
    deadline.is_some_and(|deadline| now <= deadline)
}
