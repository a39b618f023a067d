//! Placing and moving holds: the only place where it is decided who gets a slot (I1).

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use super::group_commit::GroupItem;
use crate::domain::booking::{Actor, Booking, ClientId};
use crate::domain::hold_limit::{AllowanceOffer, LimitScope};
use crate::domain::ids::{HoldId, ResourceId};
use crate::domain::segment::{Allocation, allocated_segments, window_of};
use crate::domain::time::Window;

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

/// The most numbers of a limit that a hold of a group is offered, so that many holds of one caller fit in a group.
const NUMBERS_IN_GROUP: usize = 8;

/// A hold to place.
pub(super) struct HoldToPlace<'a> {
    /// The hold and its booking.
    pub(super) booking: &'a Booking,
    /// The units that it takes.
    pub(super) units: &'a [Allocation],
    /// The client it comes from, if that is known.
    pub(super) client: Option<&'a ClientId>,
    /// For each limit, the numbers of which it takes one.
    pub(super) offers: &'a [AllowanceOffer],
    /// Whether it waits for a concurrent checkout that is taking the last number offered.
    pub(super) waits: bool,
}

impl<'a> HoldToPlace<'a> {
    /// A hold that is placed alone, with all that is offered.
    pub(super) fn alone(booking: &'a Booking, units: &'a [Allocation], limits: &'a HoldLimits) -> Self {
        Self {
            booking,
            units,
            client: limits.client.as_ref(),
            offers: &limits.allowances,
            waits: limits.waits,
        }
    }

    /// How many units it takes in all.
    pub(super) fn units_wanted(&self) -> usize {
        self.units.len() * usize::try_from(self.booking.quantity).unwrap_or(usize::MAX)
    }
}

/// How many units cost as much work as the other rows of a hold.
const UNITS_PER_WORK: usize = 8;

/// A hold to place that may be one of a group.
pub(super) struct PlaceItem {
    /// The hold and its booking.
    pub(super) booking: Booking,
    /// The units that it takes.
    pub(super) units: Vec<Allocation>,
    /// The limits with all that it is offered.
    pub(super) limits: HoldLimits,
    /// Numbers that no other hold of the group is offered.
    offers: Vec<AllowanceOffer>,
}

impl PlaceItem {
    /// A hold to place on these units.
    pub(super) fn new(booking: &Booking, units: &[Allocation], limits: &HoldLimits) -> Self {
        Self {
            booking: booking.clone(),
            units: units.to_vec(),
            limits: limits.clone(),
            offers: Vec::new(),
        }
    }

    /// The hold as one of a group.
    pub(super) fn in_group(&self) -> HoldToPlace<'_> {
        HoldToPlace {
            offers: &self.offers,
            ..HoldToPlace::alone(&self.booking, &self.units, &self.limits)
        }
    }
}

/// What the holds of a group take.
#[derive(Default)]
pub(super) struct TouchedSlots {
    holds: HashSet<HoldId>,
    units: HashMap<ResourceId, Vec<(Window, Vec<u32>)>>,
    numbers: HashMap<(LimitScope, String), HashSet<u32>>,
}

impl TouchedSlots {
    fn has_units_of(&self, allocation: &Allocation) -> bool {
        let segment = &allocation.segment;
        let taken = self.units.get(&segment.resource);
        taken.into_iter().flatten().any(|(busy, units)| {
            busy.overlaps(&segment.busy) && units.iter().any(|unit| allocation.units.contains(unit))
        })
    }

    /// Narrows offers to numbers that no other hold of the group is offered; `None` if a limit has none.
    fn narrow(&self, offers: &[AllowanceOffer]) -> Option<Vec<AllowanceOffer>> {
        let narrow = |offer: &AllowanceOffer| {
            let offered = self
                .numbers
                .get(&(offer.limit.scope, offer.limit.subject.clone()));
            let is_free = |number: &u32| offered.is_none_or(|offered| !offered.contains(number));
            let free = offer.numbers.iter().copied().filter(is_free);
            let mut numbers = Vec::with_capacity(NUMBERS_IN_GROUP);
            numbers.extend(free.take(NUMBERS_IN_GROUP));
            (!numbers.is_empty()).then(|| AllowanceOffer {
                limit: offer.limit.clone(),
                numbers,
            })
        };
        offers.iter().map(narrow).collect()
    }
}

impl GroupItem for PlaceItem {
    type Touched = TouchedSlots;

    fn touch(&mut self, touched: &mut TouchedSlots) -> bool {
        let id = self.booking.hold.id;
        if touched.holds.contains(&id) || self.units.iter().any(|units| touched.has_units_of(units)) {
            return false;
        }
        let Some(offers) = touched.narrow(&self.limits.allowances) else {
            return false;
        };
        touched.holds.insert(id);
        for Allocation { segment, units } in &self.units {
            let of_resource = touched.units.entry(segment.resource.clone()).or_default();
            of_resource.push((segment.busy, units.clone()));
        }
        for offer in &offers {
            let limit = (offer.limit.scope, offer.limit.subject.clone());
            touched.numbers.entry(limit).or_default().extend(&offer.numbers);
        }
        self.offers = offers;
        true
    }

    /// A hold of many units writes a row for each.
    fn estimate_work(&self) -> usize {
        1 + self.in_group().units_wanted() / UNITS_PER_WORK
    }
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

/// More time to pay for a hold.
#[derive(Clone, Debug)]
pub struct HoldExtension {
    /// The hold that ends later.
    pub hold: HoldId,
    /// The version on which this was decided; the extension applies only if the row still has it.
    pub version: i64,
    /// The end of the time to pay from now on.
    pub expires_at: DateTime<Utc>,
    /// When the sweep asks Stripe.
    pub due_at: DateTime<Utc>,
    /// The history line's message.
    pub message: String,
    /// The present, by the database's clock.
    pub now: DateTime<Utc>,
}

/// The transition code of a history line that an extension writes, of the hold or of the one that it replaces. A hold has at most one.
pub const EXTENDED: &str = "extended";

/// Extends held hold `$1` of version `$2` to `$3`, due at `$4`, at `$5`.
macro_rules! extend_hold {
    ($extension:expr) => {
        sqlx::query(
            "UPDATE holds SET expires_at = $3, due_at = $4, version = version + 1, updated_at = $5
             WHERE id = $1 AND version = $2 AND status = 'held'",
        )
        .bind(crate::store::columns::DbUuid($extension.hold.0))
        .bind($extension.version)
        .bind(crate::store::columns::DbTime($extension.expires_at))
        .bind(crate::store::columns::DbTime($extension.due_at))
        .bind(crate::store::columns::DbTime($extension.now))
    };
}
pub(super) use extend_hold;

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
    /// Extends a `held` hold, with a history line; `false` if the hold has changed since the decision.
    async fn extend_hold(&self, extension: &HoldExtension) -> Result<bool, StoreError>;
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

    /// Whether the hold was written.
    pub fn is_placed(self) -> bool {
        match self {
            Self::Placed | Self::PlacedWithMoney => true,
            Self::SlotTaken | Self::LimitReached | Self::AttemptClosed => false,
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
pub const MOVED: &str = "moved";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::dry_run::DryRun;

    #[test]
    fn hold_of_many_units_is_more_work_than_others() {
        let of_quantity = |quantity| {
            let mut run = DryRun::new(DateTime::UNIX_EPOCH).unwrap();
            run.booking.quantity = quantity;
            PlaceItem::new(&run.booking, &run.units, &run.limits).estimate_work()
        };
        assert_eq!((of_quantity(1), of_quantity(400)), (1, 51));
    }
}
