//! What a transition means for the rows around the hold: for its windows, and for the sweep.
//!
//! Pure, so that both engines follow one rule; writing it is theirs.

use chrono::{DateTime, Utc};

use crate::domain::hold::Status;

/// What becomes of a hold's windows in a transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Windows {
    /// They stay as they are: kept, or given up before.
    AsTheyAre,
    /// They are given up.
    Free,
    /// They are taken back, if they can be had.
    Take,
}

/// The windows follow the state: live keeps them, everything else gives them up.
pub(super) fn windows(from: Status, to: Status) -> Windows {
    match (from.is_live(), to.is_live()) {
        (true, false) => Windows::Free,
        (false, true) => Windows::Take,
        (true, true) | (false, false) => Windows::AsTheyAre,
    }
}

/// When the sweep should ask about a hold that becomes `next`: as `before` while it is held, at `check_at` where it is
/// processing (as before where nothing new was said), else never.
pub(super) fn due_at(
    before: Option<DateTime<Utc>>,
    next: Status,
    check_at: Option<DateTime<Utc>>,
) -> Option<DateTime<Utc>> {
    match next {
        Status::Held => before,
        Status::Processing => check_at.or(before),
        Status::Confirmed | Status::Released(_) | Status::Cancelled(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::hold::ReleaseReason;

    const RELEASED: Status = Status::Released(ReleaseReason::Expired);

    #[test]
    fn windows_follow_the_state() {
        assert_eq!(windows(Status::Held, Status::Confirmed), Windows::AsTheyAre);
        assert_eq!(windows(RELEASED, RELEASED), Windows::AsTheyAre);
        assert_eq!(windows(Status::Processing, RELEASED), Windows::Free);
        assert_eq!(windows(RELEASED, Status::Confirmed), Windows::Take);
    }

    #[test]
    fn only_what_waits_for_stripe_is_due() {
        let old = DateTime::from_timestamp(1, 0);
        let new = DateTime::from_timestamp(2, 0);
        assert_eq!(due_at(old, Status::Held, new), old);
        assert_eq!(due_at(old, Status::Processing, new), new);
        assert_eq!(due_at(old, Status::Processing, None), old);
        assert_eq!(due_at(old, Status::Confirmed, new), None);
        assert_eq!(due_at(old, RELEASED, new), None);
    }
}
