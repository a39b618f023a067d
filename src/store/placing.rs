//! What the placing and the moving of a hold are told, and what they answer.

use chrono::{DateTime, Utc};

use crate::domain::booking::{Actor, ClientId};
use crate::domain::ids::{HoldId, ResourceId};
use crate::domain::segment::Allocation;
use crate::domain::time::Window;

/// What the books are asked about resources.
#[derive(Clone, Copy, Debug)]
pub struct AvailabilityQuery<'a> {
    /// Which.
    pub resources: &'a [ResourceId],
    /// When.
    pub within: Window,
    /// A hold that keeps nothing busy, because it is to be moved.
    pub moving: Option<HoldId>,
    /// The present, where it matters who may still end. Else all holds count as firm: where a class is nearly full,
    /// looking up who has paid costs more than all the rest.
    pub statuses_at: Option<DateTime<Utc>>,
}

/// What the placing of a hold is bound by, beside its windows.
#[derive(Clone, Debug)]
pub struct HoldLimits {
    /// Most `held` holds of its guest, this one included.
    pub per_guest: u32,
    /// Where it came from, where that is to be counted.
    pub client: Option<ClientId>,
    /// Most `held` holds from there, this one included.
    pub per_client: u32,
}

/// The answer to placing a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceOutcome {
    /// The slot is the guest's; the attempt is `placed`.
    Placed,
    /// Someone else has a part of it; nothing was written.
    SlotTaken,
    /// The guest, or whoever sits at that address, has as many as they may; nothing was written.
    LimitReached,
    /// Someone else, such as the sweep, has closed the attempt meanwhile; nothing was written.
    AttemptClosed,
}

/// How a client has behaved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnpaidHoldCounts {
    /// How many `held` holds the guest has.
    pub guest_held: u32,
    /// How many came from that address.
    pub client_held: u32,
    /// How many of the last ones from there lapsed, one after the other.
    pub client_lapses: u32,
    /// When the last of them ended.
    pub client_lapsed_at: Option<DateTime<Utc>>,
}

/// A hold that is to go to other windows.
#[derive(Clone, Debug)]
pub struct HoldMove {
    /// Which, and the version that was decided on.
    pub hold: HoldId,
    /// Compare-and-swap, as in [`super::HoldChange`].
    pub version: i64,
    /// Where to.
    pub to: Vec<Allocation>,
    /// Whom the guest asked for by name.
    pub requested_resource: Option<ResourceId>,
    /// From and to, in words.
    pub why: String,
    /// By whom.
    pub cause: Actor,
    /// The present.
    pub now: DateTime<Utc>,
}

/// The answer to a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoveOutcome {
    /// It has the new windows, and the old ones are free.
    Done,
    /// Someone else has a part of the new windows; everything is as it was.
    SlotTaken,
    /// The hold has changed meanwhile: decide again.
    Conflict,
}
