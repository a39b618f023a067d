//! Moving a hold to another start: one transaction gives up the old windows and takes the new, or nothing changes.
//!
//! The price stays, and so does the session: the guest pays nothing again. Stripe is asked only about overdue holds that
//! are in the way.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};

use super::{Context, MOST_ROUNDS, WorkflowError, cancel, slots};
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
    /// It is neither `held` nor `confirmed`.
    #[error("only a held or a confirmed hold moves")]
    NotMovable(Status),
    /// Its guest may not, or not any more.
    #[error("it is too late to move it")]
    TooLate,
    /// What was booked is not on sale any more.
    #[error("what was booked is not on sale any more")]
    NotOnSale,
    /// That start is not for sale.
    #[error("starts_at {0}")]
    Start(StartError),
    /// Nobody of that name serves it.
    #[error("the resource is not one of this event type's")]
    UnknownResource,
    /// Someone else has the new slot. These are free, nearest first.
    #[error("the slot is taken")]
    SlotTaken(Vec<Slot>),
    /// Nobody's fault who asked.
    #[error(transparent)]
    Workflow(#[from] WorkflowError),
}

impl From<crate::store::StoreError> for MoveError {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Workflow(error.into())
    }
}

/// Where a hold is to go.
#[derive(Clone, Debug)]
pub struct MoveRequest {
    /// Which.
    pub hold: HoldId,
    /// From when on.
    pub starts_at: DateTime<Utc>,
    /// Whom the guest wants, where that matters to them.
    pub resource: Option<ResourceId>,
    /// [`Actor::Guest`], who is bound by the shop's rules, or [`Actor::Operator`].
    pub cause: Actor,
}

/// Moves a hold, in a task of its own; the hold as it is then.
///
/// # Errors
/// [`MoveError`]; everything is as it was then.
pub async fn move_hold(context: &Arc<Context>, request: MoveRequest) -> Result<Booking, MoveError> {
    let saga = Arc::clone(context);
    let task = context.sagas.spawn(async move { run(&saga, &request).await });
    task.await
        .unwrap_or_else(|died| Err(MoveError::Workflow(WorkflowError::Internal(Box::new(died)))))
}

async fn run(context: &Context, request: &MoveRequest) -> Result<Booking, MoveError> {
    let mut unit_offset = 0;
    for _ in 0..MOST_ROUNDS {
        match try_to_move(context, request, unit_offset).await? {
            MoveOutcome::Done => {
                tracing::info!(hold = %request.hold, "hold moved");
                let moved = context.store.find_booking(request.hold).await?;
                return moved.ok_or(MoveError::Missing);
            }
            // Changed, or lost a race: it is looked at again, and then there are others, or none. Who lost together does
            // not go for the same units again.
            MoveOutcome::Conflict | MoveOutcome::SlotTaken => unit_offset = rand::random(),
        }
    }
    let why = format!(
        "the hold could not be moved for others who were faster: {}",
        request.hold
    );
    Err(MoveError::Workflow(WorkflowError::Internal(why.into())))
}

async fn try_to_move(
    context: &Context,
    request: &MoveRequest,
    unit_offset: u32,
) -> Result<MoveOutcome, MoveError> {
    let booking = context.store.find_booking(request.hold).await?;
    let booking = booking.ok_or(MoveError::Missing)?;
    request.check(context, &booking)?;
    let event_type = context.store.find_event_type(&booking.event_type).await?;
    let event_type = event_type.ok_or(MoveError::NotOnSale)?;
    let slot_request = request.slot_request(&booking, &event_type)?;
    let offered = event_type.offers(request.starts_at, context.now());
    offered.map_err(MoveError::Start)?;
    let Some(to) =
        slots::free_units_or_release(context, &slot_request, request.starts_at, unit_offset).await?
    else {
        let near = slots::alternatives(context, &slot_request, request.starts_at).await;
        return Err(MoveError::SlotTaken(near.unwrap_or_default()));
    };
    let order = HoldMove {
        hold: request.hold,
        version: booking.version,
        message: in_words(booking.window().starts_at(), request.starts_at),
        to,
        requested_resource: request.resource.clone(),
        actor: request.cause.clone(),
        now: context.now(),
    };
    Ok(context.store.move_hold(&order).await?)
}

impl MoveRequest {
    fn check(&self, context: &Context, booking: &Booking) -> Result<(), MoveError> {
        match booking.hold.status {
            Status::Held | Status::Confirmed => {}
            other => return Err(MoveError::NotMovable(other)),
        }
        let until = booking.change_policy.move_until_minutes;
        let free_to = self.cause == Actor::Operator
            || until.is_some_and(|minutes| cancel::is_before(context, booking, minutes));
        free_to.then_some(()).ok_or(MoveError::TooLate)
    }

    /// The same again, elsewhere. Where the guest does not say whom they want, anyone may serve, whoever does now.
    fn slot_request<'a>(
        &'a self,
        booking: &Booking,
        event_type: &'a EventType,
    ) -> Result<SlotRequest<'a>, MoveError> {
        if let Some(wanted) = &self.resource
            && !event_type.is_served_by(wanted)
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

fn in_words(from: DateTime<Utc>, to: DateTime<Utc>) -> String {
    let text = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    format!("moved from {} to {}", text(from), text(to))
}
