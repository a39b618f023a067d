//! Cancels a paid hold: the slot is free at once, and a durable command refunds the money.
//!
//! A guest may cancel until the deadline of the change policy and gets all money back. An operator may always cancel,
//! and chooses how much to refund.

use std::sync::Arc;

use super::context::{Context, MAX_CONFLICTS};
use super::error::WorkflowError;
use super::write_change::write_change;
use crate::domain::booking::{Actor, Booking};
use crate::domain::hold::{CancelError, CancelReason, Refund, Status, Transition, TransitionReason, cancel};
use crate::domain::ids::HoldId;
use crate::store::{ApplyOutcome, HoldChange, StateChange};

/// The result of a cancellation.
#[derive(Debug)]
pub enum CancelOutcome {
    /// The hold is cancelled, by this call or before.
    Over(Box<Booking>),
    /// The hold cannot be cancelled, or not with this refund.
    Refused(Box<Booking>, CancelError),
    /// There is no such hold.
    Missing,
}

/// Tells whether the guest may still cancel a paid hold.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn is_cancellable_by_guest(context: &Context, booking: &Booking) -> Result<bool, WorkflowError> {
    if booking.hold.status != Status::Confirmed {
        return Ok(false);
    }
    Ok(booking.is_cancel_in_time(context.database_now().await?))
}

/// Cancels a confirmed hold for its guest, with a full refund.
///
/// The caller must check [`is_cancellable_by_guest`] first.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn cancel_by_guest(context: &Arc<Context>, id: HoldId) -> Result<CancelOutcome, WorkflowError> {
    let transition = |booking: &Booking| {
        cancel(
            &booking.hold,
            CancelReason::Guest,
            Refund::Full,
            TransitionReason::CancelledByGuest,
        )
    };
    cancel_in_task(context, id, Actor::Guest, transition).await
}

/// Cancels a confirmed hold for the operator `actor`, with the refund that the operator chose.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn cancel_by_operator(
    context: &Arc<Context>,
    id: HoldId,
    refund: Refund,
    note: Option<String>,
    actor: Actor,
) -> Result<CancelOutcome, WorkflowError> {
    let reason = TransitionReason::CancelledByOperator(note);
    let transition =
        move |booking: &Booking| cancel(&booking.hold, CancelReason::Operator, refund, reason.clone());
    cancel_in_task(context, id, actor, transition).await
}

async fn cancel_in_task(
    context: &Arc<Context>,
    id: HoldId,
    actor: Actor,
    transition: impl Fn(&Booking) -> Result<Transition, CancelError> + Send + Sync + 'static,
) -> Result<CancelOutcome, WorkflowError> {
    let saga = Arc::clone(context);
    context
        .run_in_task(async move { cancel_hold(&saga, id, actor, transition).await })
        .await
}

async fn cancel_hold(
    context: &Context,
    id: HoldId,
    actor: Actor,
    transition: impl Fn(&Booking) -> Result<Transition, CancelError>,
) -> Result<CancelOutcome, WorkflowError> {
    for _ in 0..MAX_CONFLICTS {
        let Some(booking) = context.store.find_booking(id).await? else {
            return Ok(CancelOutcome::Missing);
        };
        if matches!(booking.hold.status, Status::Cancelled(_)) {
            return Ok(CancelOutcome::Over(Box::new(booking)));
        }
        let step = match transition(&booking) {
            Ok(step) => step,
            Err(refused) => return Ok(CancelOutcome::Refused(Box::new(booking), refused)),
        };
        let change = HoldChange {
            event: None,
            hold: id,
            version: booking.version,
            noted: None,
            step: Some(StateChange::Transition(step)),
            actor: actor.clone(),
            now: context.now(),
            check_at: None,
        };
        // Both outcomes repeat the loop: a conflict is decided anew, and a written change is read back as `Cancelled`.
        if let ApplyOutcome::Done { commands, .. } =
            write_change(context, booking.hold.status, &change).await?
        {
            tracing::info!(hold = %id.log_id(), "hold cancelled");
            if commands > 0 {
                context.new_commands.notify_one();
            }
        }
    }
    let message = format!("too many conflicts while cancelling hold {}", id.log_id());
    Err(WorkflowError::Internal(message.into()))
}
