//! Which slots are free, and which units a booking gets: computed from what the store says is occupied.
//!
//! The functions are pure, so that a checkout, a move, a list of slots and the alternatives of a refusal all get the
//! same result. The result may be stale a moment later: the database decides which hold gets a slot (I1).

mod booking_choices;
mod calendars;
mod check_slot;
mod find_segments;
mod list_version;
mod occupancy;
mod resource_calendar;
mod resource_scan;
mod slot;
mod slot_scan;

pub use calendars::Availability;
pub use check_slot::{ALTERNATIVE_RANGES, ALTERNATIVES};
pub use list_version::{ListVersion, ListVersioner};
pub use occupancy::{Occupancy, OccupancyStatus, OccupiedBy, ResourceUsage};
pub use slot::{Slot, SlotAvailability, SlotRequest, SlotSelection, SlotStatus};

#[cfg(test)]
mod competing_segments_tests;
#[cfg(test)]
mod tests;
