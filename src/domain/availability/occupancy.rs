//! What occupies single resources, and which of it a question counts.

use crate::domain::ids::{HoldId, ResourceId};
use crate::domain::time::Window;

/// A window in which something occupies a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occupancy {
    /// The resource that is occupied.
    pub resource: ResourceId,
    /// The time for which it is occupied, buffers included.
    pub window: Window,
    /// What occupies the resource.
    pub by: OccupiedBy,
}

/// What occupies a resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OccupiedBy {
    /// Live holds with the same status.
    ///
    /// Units are grouped, so that a class that is nearly full is one or two occupancies and not a thousand.
    Holds {
        /// Numbers of the occupied units, from 1 on, in any order.
        units: Vec<u32>,
        /// Whether the units may become free again.
        status: OccupancyStatus,
    },
    /// A block, which occupies all units.
    Block,
}

/// Whether units that live holds occupy may become free again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OccupancyStatus {
    /// The holds are confirmed.
    Confirmed,
    /// The holds are not paid yet: the units may become free again.
    Unpaid,
    /// This hold is `held` and its time to pay is over: Stripe can be asked now whether it still keeps its units.
    Overdue(HoldId),
}

/// A resource's capacity, and when it was last booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceUsage {
    /// The resource that this is about.
    pub resource: ResourceId,
    /// Number of its units.
    pub capacity: u32,
    /// The latest of its live holds; hold ids grow with time.
    pub latest: Option<HoldId>,
}

/// Selects the occupancies that a question counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OccupancyFilter {
    /// Counts all occupancies, paid or not.
    All,
    /// Does not count overdue holds, because most of them are released as soon as Stripe is asked about them.
    ExceptOverdue,
    /// Does not count holds that may still be released.
    ExceptUnpaid,
}

impl OccupancyFilter {
    pub(super) fn has_excluded(self, status: OccupancyStatus) -> bool {
        match self {
            Self::All => false,
            Self::ExceptOverdue => matches!(status, OccupancyStatus::Overdue(_)),
            Self::ExceptUnpaid => status != OccupancyStatus::Confirmed,
        }
    }
}
