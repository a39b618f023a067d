//! Slots, requests for them, and the result of a check.

use crate::domain::catalogue::EventType;
use crate::domain::ids::{HoldId, ResourceId};
use crate::domain::segment::Allocation;
use crate::domain::time::Window;

/// A start of an event type, as it is offered for sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The time as the guest sees it, without buffers.
    pub window: Window,
    /// How many bookings of the requested quantity the slot still takes.
    pub available: u32,
    /// Whether the slot is free, or may become free.
    pub state: SlotStatus,
}

/// Whether a slot is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SlotStatus {
    /// The slot can be booked.
    Free,
    /// The slot cannot be booked now, but may become free: some hold in it is not paid yet.
    Held,
    /// The slot cannot be booked.
    Taken,
}

/// Which of the slots of a period a list has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SlotSelection {
    /// Whether slots that are not free are left out.
    pub only_free: bool,
    /// The most slots to list, from the first one on. `None` lists all.
    pub limit: Option<usize>,
}

/// What a guest asks for, apart from the start.
#[derive(Clone, Copy, Debug)]
pub struct SlotRequest<'a> {
    /// The event type to book.
    pub event_type: &'a EventType,
    /// Units of each segment.
    pub quantity: u32,
    /// The resource that the guest asked for by name, if any.
    pub requested_resource: Option<&'a ResourceId>,
    /// The hold that is to move to the new start. It does not block itself: the store leaves its windows out.
    pub moving: Option<HoldId>,
}

/// What a checkout can do about a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SlotAvailability {
    /// The slot is free with these units.
    Free(Vec<Allocation>),
    /// The slot is free once these overdue holds are released.
    Overdue(Vec<HoldId>),
    /// The slot is taken.
    Taken,
}
