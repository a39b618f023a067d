//! Replaces a guest's earlier unpaid hold, so that a guest's own hold is no obstacle.
//!
//! - The same slot and kind of payment page for the same guest: the earlier hold goes on (`earlier_hold`), with the new name and
//!   metadata. If it was moved, its payment page says another time, and it is replaced.
//! - Another slot: the new hold is placed first, then the earlier one is released and its session expired. If the new one is
//!   not placed, the earlier one stays.
//! - Another slot that needs units of the earlier hold: its session is expired first (I2), then one transaction gives its
//!   units to the new hold. If another guest takes the rest in that moment, the earlier hold is released all the same, because it can no
//!   longer be paid.
//!
//! An earlier hold that turns out to be paid ends the checkout. A process that dies in between leaves an earlier hold that is
//! due at once, or whose session is expired: the sweep releases it.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::draft::Draft;
use super::placing::{MAX_PLACE_TRIES, close_lost_attempt, create_session, finish_placing, leave_unsettled};
use super::request::{CheckoutError, CheckoutRequest};
use crate::domain::availability::SlotRequest;
use crate::domain::booking::{Actor, Booking};
use crate::domain::hold::{Decision, Fact, ReleaseRequester, Status, decide};
use crate::domain::ids::HoldId;
use crate::domain::segment::{Allocation, allocated_segments, share_time};
use crate::store::{
    EarlierFate, HoldChange, HoldLimits, PlaceOutcome, ReplaceOutcome, Replacement, StateChange,
};
use crate::workflow::context::Context;
use crate::workflow::error::WorkflowError;
use crate::workflow::extend_hold::was_extended;
use crate::workflow::hold_limits::{AllowedBeside, LimitError, find_allowances_beside};
use crate::workflow::release_hold::{self, ReleaseOutcome, release_hold};
use crate::workflow::write_change::count_release;
use crate::workflow::write_fact::internal_error;
use crate::workflow::{apply_fact, availability};

/// A hold that a checkout replaces.
pub(super) struct EarlierHold {
    /// The hold as it was read.
    pub(super) booking: Booking,
    /// Whether the new hold needs its units.
    is_in_the_way: bool,
    /// Whether the new hold keeps a resource of this one at the same time. Then it gets no more time than this one: else a guest
    /// could keep a slot by replacing the hold again and again.
    keeps_time: bool,
    /// Whether the new hold has the extension of this one.
    is_extended: bool,
}

/// Why a hold was not placed in place of another one.
enum PlaceError {
    /// It certainly was not: the attempt is closed.
    Refused(CheckoutError),
    /// It is not known.
    Unknown(WorkflowError),
}

impl From<WorkflowError> for PlaceError {
    fn from(error: WorkflowError) -> Self {
        Self::Unknown(error)
    }
}

impl From<crate::store::StoreError> for PlaceError {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Unknown(error.into())
    }
}

/// Creates the session of a claimed checkout, places its hold in place of the earlier one, and releases that.
///
/// # Errors
/// [`CheckoutError`] if no hold is placed.
pub(super) async fn create_and_place(
    context: &Arc<Context>,
    draft: Draft<'_>,
    units: Vec<Allocation>,
    allowed: AllowedBeside,
    replaced: EarlierHold,
) -> Result<Booking, CheckoutError> {
    let mut booking = create_session(context, &draft, &units).await?;
    let earlier = replaced.booking.hold.id;
    let placed = if replaced.is_in_the_way {
        place_by_handover(context, &draft, &mut booking, units, allowed, replaced).await
    } else {
        place(context, &draft, &mut booking, units, allowed, replaced).await
    };
    match placed {
        Ok(outcome) => {
            let booking = finish_placing(context, booking, outcome).await?;
            release_earlier(context, booking, earlier).await
        }
        Err(PlaceError::Refused(error)) => {
            close_lost_attempt(context, &booking).await?;
            Err(error)
        }
        Err(PlaceError::Unknown(error)) => Err(leave_unsettled(context, &booking, error).await),
    }
}

/// Ends the earlier session, and places the hold on its units. If that fails, the earlier hold is released all the same.
async fn place_by_handover(
    context: &Context,
    draft: &Draft<'_>,
    booking: &mut Booking,
    units: Vec<Allocation>,
    allowed: AllowedBeside,
    mut replaced: EarlierHold,
) -> Result<PlaceOutcome, PlaceError> {
    let id = replaced.booking.hold.id;
    match release_hold::end_session(context, id).await {
        Ok(Some(ended)) => replaced.booking = ended,
        Ok(None) => {}
        // Stripe gave no answer, so the earlier hold stays as it was.
        Err(error) => return Err(PlaceError::Refused(error.into())),
    }
    let placed = place(context, draft, booking, units, allowed, replaced).await;
    match &placed {
        Ok(outcome) if outcome.is_placed() => {}
        Ok(_) | Err(PlaceError::Refused(_)) => release_ended(context, id).await,
        Err(PlaceError::Unknown(_)) => make_due(context, id).await,
    }
    placed
}

/// Places the hold in place of the earlier one. If another checkout gets its units or allowances first, tries again with others
/// that are free.
async fn place(
    context: &Context,
    draft: &Draft<'_>,
    booking: &mut Booking,
    mut units: Vec<Allocation>,
    mut allowed: AllowedBeside,
    mut replaced: EarlierHold,
) -> Result<PlaceOutcome, PlaceError> {
    let (request, earlier) = (draft.request, replaced.booking.hold.id);
    for _ in 0..MAX_PLACE_TRIES {
        let replacement = Replacement {
            earlier,
            fate: replaced.decide_fate(context)?,
            booking: &*booking,
            units: &units,
            limits: &allowed.limits,
            inherited: &allowed.inherited,
            is_extended: replaced.is_extended,
            now: draft.now,
        };
        match context.store.replace_hold(&replacement).await? {
            ReplaceOutcome::Decided(PlaceOutcome::SlotTaken | PlaceOutcome::LimitReached) => {}
            ReplaceOutcome::Decided(outcome) => {
                replaced.announce(context, &replacement.fate, outcome);
                return Ok(outcome);
            }
            ReplaceOutcome::Conflict => match context.store.find_booking(earlier).await? {
                Some(now) => replaced.booking = now,
                None => return Ok(PlaceOutcome::SlotTaken),
            },
        }
        let slot_request = SlotRequest {
            moving: replaced.moving(),
            ..request.to_slot_request(draft.event_type)
        };
        let found = availability::find_free_units(context, &slot_request, request.starts_at, rand::random());
        let Some(others) = found.await? else {
            return Ok(PlaceOutcome::SlotTaken);
        };
        booking.segments = allocated_segments(&others);
        units = others;
        let (guest, client) = (&request.guest, request.client.as_ref());
        allowed = match find_allowances_beside(context, guest, client, Some(earlier)).await {
            // From now on it waits, so that it is refused only if the others really get the last allowances.
            Ok(found) => AllowedBeside {
                limits: HoldLimits {
                    waits: true,
                    ..found.limits
                },
                ..found
            },
            Err(LimitError::TooMany { .. }) => return Ok(PlaceOutcome::LimitReached),
            Err(LimitError::Workflow(error)) => return Err(error.into()),
        };
    }
    Ok(PlaceOutcome::SlotTaken)
}

impl EarlierHold {
    /// Finds what a hold with these units takes over from the earlier one.
    ///
    /// # Errors
    /// [`WorkflowError::Store`] if the database is unreachable.
    pub(super) async fn find(
        context: &Context,
        booking: Booking,
        is_in_the_way: bool,
        units: &[Allocation],
    ) -> Result<Self, WorkflowError> {
        let keeps_time = share_time(&booking.segments, &allocated_segments(units));
        let is_extended = keeps_time && was_extended(&context.store.list_history(booking.hold.id).await?);
        Ok(Self {
            booking,
            is_in_the_way,
            keeps_time,
            is_extended,
        })
    }

    /// Returns when the new hold ends at the latest.
    pub(super) fn latest_end(&self) -> Option<DateTime<Utc>> {
        self.keeps_time.then_some(self.booking.expires_at)
    }

    /// Returns the hold whose units may be taken: the earlier one, while it has them and cannot be paid.
    fn moving(&self) -> Option<HoldId> {
        let hold = &self.booking.hold;
        (self.is_in_the_way && hold.status == Status::Held).then_some(hold.id)
    }

    /// Decides what becomes of the earlier hold in the transaction that places the new one.
    fn decide_fate(&self, context: &Context) -> Result<EarlierFate, PlaceError> {
        let hold = &self.booking.hold;
        match hold.status {
            Status::Processing | Status::Confirmed => Err(PlaceError::Refused(CheckoutError::AlreadyPaid)),
            Status::Released(_) | Status::Cancelled(_) => Ok(EarlierFate::Over),
            Status::Held if !self.is_in_the_way => Ok(EarlierFate::Kept {
                version: self.booking.version,
            }),
            Status::Held => match decide(hold, &Fact::SessionDead, context.settings.policy) {
                Decision::Change(transition) => Ok(EarlierFate::Released(Box::new(HoldChange {
                    event: None,
                    hold: hold.id,
                    version: self.booking.version,
                    noted: None,
                    step: Some(StateChange::Transition(transition)),
                    actor: Actor::Guest,
                    now: context.now(),
                    check_at: None,
                }))),
                Decision::Stay(_) | Decision::Reclaim { .. } => {
                    Err(internal_error(hold.id, "a held hold outlives its session").into())
                }
            },
        }
    }

    /// Counts and logs the release that was a part of placing, and wakes the outbox worker.
    fn announce(&self, context: &Context, fate: &EarlierFate, outcome: PlaceOutcome) {
        let EarlierFate::Released(change) = fate else {
            return;
        };
        if !outcome.is_placed() {
            return;
        }
        if let Some(StateChange::Transition(transition)) = &change.step {
            count_release(self.booking.hold.status, transition.next.status);
        }
        context.new_commands.notify_one();
        tracing::info!(hold = %change.hold.log_id(), "hold released; another one of its guest has its slot");
    }
}

/// Releases a hold whose session is expired.
async fn release_ended(context: &Context, id: HoldId) {
    let released = async {
        if let Some(booking) = context.store.find_booking(id).await? {
            apply_fact::apply_fact(context, booking, &Fact::SessionDead, Actor::Guest).await?;
        }
        Ok::<(), WorkflowError>(())
    };
    if let Err(error) = released.await {
        tracing::warn!(hold = %id.log_id(), %error, "hold not released; the sweep releases it");
        make_due(context, id).await;
    }
}

/// Lets the next sweep ask about a hold.
async fn make_due(context: &Context, id: HoldId) {
    let returned = async {
        let now = context.database_now().await?;
        context.store.return_lease(id, now, false).await
    };
    if let Err(error) = returned.await {
        tracing::warn!(hold = %id.log_id(), %error, "the sweep asks about a hold only when it would have asked anyway");
    }
}

/// Releases the earlier hold after the new one is placed. If Stripe gives no answer, the sweep goes on: the hold is due.
///
/// # Errors
/// [`CheckoutError::AlreadyPaid`] if the earlier one is paid. Then the new one is released: nobody has its URL yet.
async fn release_earlier(context: &Context, new: Booking, earlier: HoldId) -> Result<Booking, CheckoutError> {
    if new.hold.status != Status::Held {
        return Ok(new);
    }
    let guest = Some(ReleaseRequester::Guest);
    match release_hold(context, earlier, guest, Actor::Guest).await {
        Ok(ReleaseOutcome::Over(booking)) if is_paid(booking.hold.status) => {}
        Ok(_) => return Ok(new),
        Err(error) => {
            tracing::warn!(hold = %earlier.log_id(), %error, "replaced hold not released; the sweep releases it");
            return Ok(new);
        }
    }
    match release_hold(context, new.hold.id, guest, Actor::Guest).await {
        Ok(ReleaseOutcome::Over(booking)) if is_paid(booking.hold.status) => Ok(*booking),
        Ok(_) => Err(CheckoutError::AlreadyPaid),
        Err(_) => {
            make_due(context, new.hold.id).await;
            Err(CheckoutError::AlreadyPaid)
        }
    }
}

fn is_paid(status: Status) -> bool {
    match status {
        Status::Processing | Status::Confirmed => true,
        Status::Held | Status::Released(_) | Status::Cancelled(_) => false,
    }
}

/// Goes on where an earlier request with the same key ended, and returns the hold that it placed.
///
/// # Errors
/// The same as [`release_earlier`].
pub(super) async fn settle_replay(
    context: &Context,
    request: &CheckoutRequest,
    placed: Booking,
) -> Result<Booking, CheckoutError> {
    let Some(id) = request.replaces else {
        return Ok(placed);
    };
    match context.store.find_booking(id).await? {
        Some(earlier) if earlier.replaced_by == Some(placed.hold.id) => {
            release_earlier(context, placed, id).await
        }
        Some(_) | None => Ok(placed),
    }
}
