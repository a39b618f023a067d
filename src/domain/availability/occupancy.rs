//! What the books say of single resources: what keeps one busy, and how it stands.

use crate::domain::ids::{HoldId, ResourceId};
use crate::domain::time::Window;

/// Something that keeps a resource busy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occupancy {
    /// What is busy.
    pub resource: ResourceId,
    /// When.
    pub window: Window,
    /// By what.
    pub by: OccupiedBy,
}

/// What keeps a resource busy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OccupiedBy {
    /// Live holds of one tenure: these units, from 1 on. A class that is nearly full is one or two of these, not a
    /// thousand.
    Holds {
        /// Which units, in any order.
        units: Vec<u32>,
        /// How firmly they are taken.
        status: OccupancyStatus,
    },
    /// Other reasons: all units.
    Block,
}

/// How firmly live holds have their units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OccupancyStatus {
    /// They are confirmed.
    Confirmed,
    /// They are not paid yet: their slot may come back.
    Unpaid,
    /// This one is `held`, and its guest's time is over: it may come back as soon as Stripe is asked.
    Overdue(HoldId),
}

/// One resource, as the books have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceUsage {
    /// Which.
    pub resource: ResourceId,
    /// How many units it has.
    pub capacity: u32,
    /// The latest of its live holds; ids grow with time.
    pub latest: Option<HoldId>,
}
