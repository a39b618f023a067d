//! Moves a hold to another start: one transaction frees the old windows and takes the new ones, or nothing changes.
//!
//! Price and session stay the same, so the guest pays nothing again. Stripe is asked only about overdue holds that
//! block the new slot.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};

use super::context::{Context, MAX_CONFLICTS};
use super::error::WorkflowError;
use super::{acquire_slot, availability};
use crate::domain::availability::{Slot, SlotRequest};
use crate::domain::booking::{Actor, Booking};
use crate::domain::catalogue::{EventType, StartError};
use crate::domain::hold::Status;
use crate::domain::ids::{HoldId, ResourceId};
use crate::store::{HoldMove, MoveOutcome};

/// Why a hold does not move.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// There is no such hold.
    #[error("no such hold")]
    Missing,
    /// The hold is neither `held` nor `confirmed`.
    #[error("only a held or a confirmed hold moves")]
    NotMovable(Status),
    /// The change policy does not allow the guest to move it, or not any more.
    #[error("it is too late to move it")]
    TooLate,
    /// The event type is not in the catalogue any more.
    #[error("what was booked is not on sale any more")]
    NotOnSale,
    /// The event type is not for sale at the new start.
    #[error("starts_at {0}")]
    Start(StartError),
    /// The requested resource does not serve the event type.
    #[error("the resource is not one of this event type's")]
    UnknownResource,
    /// The new slot is taken. The alternatives are free, nearest first.
    #[error("the slot is taken")]
    SlotTaken(Vec<Slot>),
    /// The hold is not as the operator saw it any more.
    #[error("the hold has changed")]
    Changed,
    /// The request was valid, but the workflow failed.
    #[error(transparent)]
    Workflow(#[from] WorkflowError),
}

impl From<crate::store::StoreError> for MoveError {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Workflow(error.into())
    }
}

/// What a hold's move is to do.
#[derive(Clone, Debug)]
pub struct MoveRequest {
    /// Identifies the hold to move.
    pub hold: HoldId,
    /// The start to move to.
    pub starts_at: DateTime<Utc>,
    /// The resource that the guest asks for by name, if any.
    pub resource: Option<ResourceId>,
    /// [`Actor::Guest`], to whom the change policy applies, or [`Actor::Operator`].
    pub actor: Actor,
    /// The only version of the hold that moves, if the caller has seen one.
    pub seen: Option<i64>,
}

/// Moves a hold in a task of its own, and returns it as it is then.
///
/// # Errors
/// [`MoveError`] if nothing was changed.
pub async fn move_hold(context: &Arc<Context>, request: MoveRequest) -> Result<Booking, MoveError> {
    let owned = Arc::clone(context);
    let task = context
        .sagas
        .spawn(async move { move_until_decided(&owned, &request).await });
    task.await
        .unwrap_or_else(|panicked| Err(MoveError::Workflow(WorkflowError::Internal(Box::new(panicked)))))
}

async fn move_until_decided(context: &Context, request: &MoveRequest) -> Result<Booking, MoveError> {
    let mut unit_offset = 0;
    for _ in 0..MAX_CONFLICTS {
        match try_move(context, request, unit_offset).await? {
            MoveOutcome::Done => {
                tracing::info!(hold = %request.hold.log_id(), "hold moved");
                let moved = context.store.find_booking(request.hold).await?;
                return moved.ok_or(MoveError::Missing);
            }
            // Decides again on the current state. The random offset keeps moves that lost the same race from
            // competing for the same units again.
            MoveOutcome::Conflict | MoveOutcome::SlotTaken => unit_offset = rand::random(),
        }
    }
    let message = format!("too many conflicts while moving hold {}", request.hold.log_id());
    Err(MoveError::Workflow(WorkflowError::Internal(message.into())))
}

async fn try_move(
    context: &Context,
    request: &MoveRequest,
    unit_offset: u32,
) -> Result<MoveOutcome, MoveError> {
    let booking = context.store.find_booking(request.hold).await?;
    let booking = booking.ok_or(MoveError::Missing)?;
    let now = context.database_now().await?;
    request.check(&booking, now)?;
    let event_type = context.store.find_event_type(&booking.event_type).await?;
    let event_type = event_type.ok_or(MoveError::NotOnSale)?;
    let slot_request = request.to_slot_request(&booking, &event_type)?;
    let start = event_type.check_start(request.starts_at, now, &context.settings.zones);
    start.map_err(MoveError::Start)?;
    let units =
        acquire_slot::find_units_or_release(context, &slot_request, request.starts_at, now, unit_offset);
    let Some(to) = units.await? else {
        let near = availability::find_alternatives(context, &slot_request, request.starts_at).await;
        return Err(MoveError::SlotTaken(near));
    };
    let hold_move = HoldMove {
        hold: request.hold,
        version: booking.version,
        message: describe_move(booking.window().starts_at(), request.starts_at),
        to,
        requested_resource: request.resource.clone(),
        cancel_right_passed: request.keeps_guest_from_cancelling(&booking, now),
        actor: request.actor.clone(),
        now,
    };
    Ok(context.store.move_hold(&hold_move).await?)
}

impl MoveRequest {
    /// Checks that the hold's status and the change policy allow the move.
    fn check(&self, booking: &Booking, now: DateTime<Utc>) -> Result<(), MoveError> {
        if self.seen.is_some_and(|version| version != booking.version) {
            return Err(MoveError::Changed);
        }
        if !is_movable(booking) {
            return Err(MoveError::NotMovable(booking.hold.status));
        }
        let is_allowed = matches!(self.actor, Actor::Operator(_)) || booking.is_move_in_time(now);
        is_allowed.then_some(()).ok_or(MoveError::TooLate)
    }

    /// Tells whether the guest may not cancel after this move, whatever the new start: a right that has passed does not
    /// come back by the guest's own move. An operator's move gives the rights of the new start.
    fn keeps_guest_from_cancelling(&self, booking: &Booking, now: DateTime<Utc>) -> bool {
        !matches!(self.actor, Actor::Operator(_)) && !booking.is_cancel_in_time(now)
    }

    /// Makes the request for the new slot. If no resource is named, any may serve, whichever serves now.
    fn to_slot_request<'a>(
        &'a self,
        booking: &Booking,
        event_type: &'a EventType,
    ) -> Result<SlotRequest<'a>, MoveError> {
        if let Some(requested) = &self.resource
            && !event_type.is_served_by(requested)
        {
            return Err(MoveError::UnknownResource);
        }
        Ok(SlotRequest {
            event_type,
            quantity: booking.quantity,
            requested_resource: self.resource.as_ref(),
            moving: Some(booking.hold.id),
        })
    }
}

/// Tells whether the status of a hold lets it move.
pub fn is_movable(booking: &Booking) -> bool {
    matches!(booking.hold.status, Status::Held | Status::Confirmed)
}

fn describe_move(from: DateTime<Utc>, to: DateTime<Utc>) -> String {
    let text = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    format!("moved from {} to {}", text(from), text(to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::hold::HistoryDetail;

    #[test]
    fn history_of_a_move_can_be_read_back() {
        let [from, to] = ["2026-12-01T10:00:00Z", "2027-01-01T09:30:00Z"].map(|at| at.parse().unwrap());
        let message = describe_move(from, to);
        assert_eq!(
            HistoryDetail::parse("moved", &message),
            Some(HistoryDetail::Moved(from, to))
        );
    }
}
