//! What a transition means for the rows around a hold: for its occupancy, and for the sweep. Pure, so that both engines
//! follow one rule.

use chrono::{DateTime, Utc};

use crate::domain::hold::Status;

/// What a transition does to a hold's occupancy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OccupancyEffect {
    /// The occupancy stays as it is: the hold was and is live, or neither.
    Keep,
    /// The occupancy is deleted.
    Delete,
    /// The hold takes units again, if they are free.
    Take,
}

/// The occupancy follows the status: a live hold has it, any other has none.
pub(super) fn occupancy_effect(from: Status, to: Status) -> OccupancyEffect {
    match (from.is_live(), to.is_live()) {
        (true, false) => OccupancyEffect::Delete,
        (false, true) => OccupancyEffect::Take,
        (true, true) | (false, false) => OccupancyEffect::Keep,
    }
}

/// Whether the sweep asks Stripe about a hold of this status.
pub(super) fn is_due(status: Status) -> bool {
    match status {
        Status::Held | Status::Processing => true,
        Status::Confirmed | Status::Released(_) | Status::Cancelled(_) => false,
    }
}

/// When the sweep asks Stripe about a hold that becomes `next`: as `before` while it is held, at `check_at` if it is
/// processing (as before if that is not set), else never.
pub(super) fn next_due_at(
    before: Option<DateTime<Utc>>,
    next: Status,
    check_at: Option<DateTime<Utc>>,
) -> Option<DateTime<Utc>> {
    let set = check_at.filter(|_| next == Status::Processing);
    set.or(before).filter(|_| is_due(next))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::hold::ReleaseReason;

    const RELEASED: Status = Status::Released(ReleaseReason::Expired);

    #[test]
    fn occupancy_follows_the_status() {
        assert_eq!(
            occupancy_effect(Status::Held, Status::Confirmed),
            OccupancyEffect::Keep
        );
        assert_eq!(occupancy_effect(RELEASED, RELEASED), OccupancyEffect::Keep);
        assert_eq!(
            occupancy_effect(Status::Processing, RELEASED),
            OccupancyEffect::Delete
        );
        assert_eq!(
            occupancy_effect(RELEASED, Status::Confirmed),
            OccupancyEffect::Take
        );
    }

    #[test]
    fn only_unpaid_holds_are_due() {
        let old = DateTime::from_timestamp(1, 0);
        let new = DateTime::from_timestamp(2, 0);
        assert_eq!(next_due_at(old, Status::Held, new), old);
        assert_eq!(next_due_at(old, Status::Processing, new), new);
        assert_eq!(next_due_at(old, Status::Processing, None), old);
        assert_eq!(next_due_at(old, Status::Confirmed, new), None);
        assert_eq!(next_due_at(old, RELEASED, new), None);
    }
}
