//! What the books say of single resources: what keeps one busy, and how it stands.

use crate::domain::hold::Status;
use crate::domain::ids::{HoldId, ResourceId};
use crate::domain::time::Window;

/// Something that keeps a resource busy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Busy {
    /// What is busy.
    pub resource: ResourceId,
    /// When.
    pub window: Window,
    /// By what.
    pub by: By,
}

/// What keeps a resource busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// A live hold: one unit.
    Hold {
        /// Which.
        id: HoldId,
        /// Which unit, from 1 on.
        unit: u32,
        /// Where it stands.
        status: Status,
        /// Whether it is `held` and its guest's time is over.
        overdue: bool,
    },
    /// Other reasons: all units.
    Block,
}

impl By {
    /// A live hold that is not paid: its slot may come back.
    pub(super) fn may_end(&self) -> bool {
        matches!(
            self,
            Self::Hold {
                status: Status::Held | Status::Processing,
                ..
            }
        )
    }

    pub(super) fn is_overdue(&self) -> bool {
        matches!(self, Self::Hold { overdue: true, .. })
    }
}

/// One resource, as the books have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Which.
    pub resource: ResourceId,
    /// How many units it has.
    pub capacity: u32,
    /// The latest of its live holds; ids grow with time.
    pub latest: Option<HoldId>,
}
