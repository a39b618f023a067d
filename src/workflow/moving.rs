//! Moving a hold to another start: one transaction gives up the old windows and takes the new, or nothing changes.
//!
//! The price stays, and so does the session: the guest pays nothing again. Stripe is asked only about overdue holds that
//! are in the way.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};

use super::{Context, MOST_ROUNDS, Trouble, cancel, slots};
use crate::domain::availability::{Slot, Wish};
use crate::domain::booking::{Booking, Cause};
use crate::domain::catalogue::{EventType, StartError};
use crate::domain::hold::Status;
use crate::domain::ids::{HoldId, ResourceId};
use crate::store::{Move, Moved};

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
    Trouble(#[from] Trouble),
}

impl From<crate::store::StoreError> for MoveError {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Trouble(error.into())
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
    /// [`Cause::Guest`], who is bound by the shop's rules, or [`Cause::Operator`].
    pub cause: Cause,
}

/// Moves a hold, in a task of its own; the hold as it is then.
///
/// # Errors
/// [`MoveError`]; everything is as it was then.
pub async fn move_hold(context: &Arc<Context>, request: MoveRequest) -> Result<Booking, MoveError> {
    let saga = Arc::clone(context);
    let task = context.sagas.spawn(async move { run(&saga, &request).await });
    task.await
        .unwrap_or_else(|died| Err(MoveError::Trouble(Trouble::Internal(Box::new(died)))))
}

async fn run(context: &Context, request: &MoveRequest) -> Result<Booking, MoveError> {
    let mut rivals = 0;
    for _ in 0..MOST_ROUNDS {
        match try_to_move(context, request, rivals).await? {
            Moved::Done => {
                tracing::info!(hold = %request.hold, "hold moved");
                let moved = context.store.booking(request.hold).await?;
                return moved.ok_or(MoveError::Missing);
            }
            // Changed, or lost a race: it is looked at again, and then there are others, or none. Who lost together does
            // not go for the same units again.
            Moved::Lost | Moved::SlotTaken => rivals = rand::random(),
        }
    }
    let why = format!(
        "the hold could not be moved for others who were faster: {}",
        request.hold
    );
    Err(MoveError::Trouble(Trouble::Internal(why.into())))
}

async fn try_to_move(context: &Context, request: &MoveRequest, rivals: u32) -> Result<Moved, MoveError> {
    let booking = context.store.booking(request.hold).await?;
    let booking = booking.ok_or(MoveError::Missing)?;
    request.check(context, &booking)?;
    let event_type = context.store.event_type(&booking.event_type).await?;
    let event_type = event_type.ok_or(MoveError::NotOnSale)?;
    let wish = request.wish(&booking, &event_type)?;
    let offered = event_type.offers(request.starts_at, context.now());
    offered.map_err(MoveError::Start)?;
    let Some(to) = slots::free_units(context, &wish, request.starts_at, rivals).await? else {
        let near = slots::alternatives(context, &wish, request.starts_at).await;
        return Err(MoveError::SlotTaken(near.unwrap_or_default()));
    };
    let order = Move {
        hold: request.hold,
        version: booking.version,
        why: in_words(booking.window().starts_at(), request.starts_at),
        to,
        wish: request.resource.clone(),
        cause: request.cause.clone(),
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
        let until = booking.second_thoughts.move_until_minutes;
        let free_to = self.cause == Cause::Operator
            || until.is_some_and(|minutes| cancel::is_before(context, booking, minutes));
        free_to.then_some(()).ok_or(MoveError::TooLate)
    }

    /// The same again, elsewhere. Where the guest does not say whom they want, anyone may serve, whoever does now.
    fn wish<'a>(&'a self, booking: &Booking, event_type: &'a EventType) -> Result<Wish<'a>, MoveError> {
        if let Some(wanted) = &self.resource
            && !event_type.is_served_by(wanted)
        {
            return Err(MoveError::UnknownResource);
        }
        Ok(Wish {
            event_type,
            quantity: booking.quantity,
            resource: self.resource.as_ref(),
            moving: Some(booking.hold.id),
        })
    }
}

fn in_words(from: DateTime<Utc>, to: DateTime<Utc>) -> String {
    let text = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    format!("moved from {} to {}", text(from), text(to))
}
