//! Placing and moving holds: the only place where it is decided who gets a slot (I1).

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use crate::domain::booking::{Actor, Booking, ClientId};
use crate::domain::hold_limit::AllowanceOffer;
use crate::domain::ids::{HoldId, ResourceId};
use crate::domain::segment::{Allocation, allocated_segments, window_of};

/// What placing a hold takes of the limits on unpaid holds.
#[derive(Clone, Debug, Default)]
pub struct HoldLimits {
    /// The client it comes from, if that is known; the hold names it, so that its lapses are found.
    pub client: Option<ClientId>,
    /// For each limit, free numbers of which the hold takes one.
    pub allowances: Vec<AllowanceOffer>,
    /// Whether to wait for a concurrent checkout that is taking the last number offered. Without it the number counts as
    /// taken, although that checkout may still fail.
    pub waits: bool,
}

/// The result of placing a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceOutcome {
    /// The guest has the slot; the attempt is `placed`.
    Placed,
    /// Like [`Self::Placed`], and money for the hold came before. It waits for the workflow to give it to the hold.
    PlacedWithMoney,
    /// Another hold has a part of the slot, or is taking the last allowance that was offered. Nothing was written.
    SlotTaken,
    /// Other holds have all the allowances that were offered for a limit. Nothing was written.
    LimitReached,
    /// The attempt was closed meanwhile, for example by the sweep. Nothing was written.
    AttemptClosed,
}

/// A hold that moves to other windows.
#[derive(Clone, Debug)]
pub struct HoldMove {
    /// The hold that moves.
    pub hold: HoldId,
    /// The version on which the move was decided; the move applies only if the row still has it.
    pub version: i64,
    /// The units it takes.
    pub to: Vec<Allocation>,
    /// The resource that the guest requested by name.
    pub requested_resource: Option<ResourceId>,
    /// Whether the guest's right to cancel stays passed, whatever the new start.
    pub cancel_right_passed: bool,
    /// The history line's message: from when to when it moves.
    pub message: String,
    /// Says who moves the hold.
    pub actor: Actor,
    /// The present, by the database's clock.
    pub now: DateTime<Utc>,
}

impl HoldMove {
    /// The start that the hold moves to.
    pub(super) fn starts_at(&self) -> DateTime<Utc> {
        window_of(&allocated_segments(&self.to)).starts_at()
    }
}

/// The result of moving a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoveOutcome {
    /// The hold has the new windows, and the old ones are free.
    Done,
    /// Another hold has a part of the new windows. Nothing has changed.
    SlotTaken,
    /// The hold has changed since the decision: decide again.
    Conflict,
}

/// Placing and moving holds in the database; one method is one transaction.
#[async_trait]
pub trait Placements {
    /// Places the hold with these units of its segments, its first history line and its attempt, all or nothing. This
    /// decides who gets a slot, and who an allowance.
    async fn place_hold(
        &self,
        booking: &Booking,
        units: &[Allocation],
        limits: &HoldLimits,
    ) -> Result<PlaceOutcome, StoreError>;
    /// Moves a hold, all or nothing. The new windows may overlap its own old ones. A hold that ends after its new start
    /// ends, and is due, at that start.
    async fn move_hold(&self, order: &HoldMove) -> Result<MoveOutcome, StoreError>;
}

impl PlaceOutcome {
    /// The outcome of a hold that is placed.
    pub(super) fn placed(is_paid: bool) -> Self {
        if is_paid {
            Self::PlacedWithMoney
        } else {
            Self::Placed
        }
    }
}

/// Updates moved hold `$1`: it requests resource `$2`, its right to cancel has passed or not (`$3`), it starts at `$4`, and
/// was moved at `$5`.
macro_rules! update_moved_hold {
    () => {
        "UPDATE holds SET requested_resource_id = $2, cancel_right_passed = $3,
             expires_at = CASE WHEN expires_at > $4 THEN $4 ELSE expires_at END,
             due_at = CASE WHEN due_at > $4 THEN $4 ELSE due_at END,
             version = version + 1, updated_at = $5
         WHERE id = $1"
    };
}
pub(super) use update_moved_hold;

/// The transition code of a history line that a move writes.
pub(super) const MOVED: &str = "moved";
