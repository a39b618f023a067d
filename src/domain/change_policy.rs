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
        is_in_time(self.cancel_deadline(starts_at), now)
    }

    /// Tells whether a guest may still move a booking that starts at `starts_at`.
    pub fn is_move_in_time(&self, starts_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        is_in_time(self.move_deadline(starts_at), now)
    }

    /// Returns the last instant at which a guest may cancel a booking that starts at `starts_at`; `None` for never.
    pub fn cancel_deadline(&self, starts_at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        find_deadline(self.cancel_until_minutes, starts_at)
    }

    /// Returns the last instant at which a guest may move a booking that starts at `starts_at`; `None` for never.
    pub fn move_deadline(&self, starts_at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        find_deadline(self.move_until_minutes, starts_at)
    }
}

fn find_deadline(until_minutes: Option<i64>, starts_at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    // A number of minutes that no date can express means "too late" and must not panic.
    until_minutes
        .and_then(Duration::try_minutes)
        .and_then(|before| starts_at.checked_sub_signed(before))
}

fn is_in_time(deadline: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    deadline.is_some_and(|deadline| now <= deadline)
}
