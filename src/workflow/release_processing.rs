//! Releases a hold for an operator while its delayed payment is in progress: an exception to I2.
//!
//! Stripe is not asked: it does not know yet how the payment ends, and its session cannot expire any more. The release, the
//! rule that later money goes back, and the command that asks how the payment ends are one transaction, so no order of events and no
//! crash can part them.

use super::context::{Context, MAX_CONFLICTS};
use super::error::WorkflowError;
use super::write_change::write_change;
use crate::domain::booking::{Actor, Booking};
use crate::domain::hold::{Status, release_processing};
use crate::store::{ApplyOutcome, HoldChange, StateChange};

/// Releases a `processing` hold, and returns it as it is then. Returns a hold that is not processing, or not any more, as it is;
/// `None` if there is no such hold.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub(super) async fn release_processing_hold(
    context: &Context,
    mut booking: Booking,
    actor: &Actor,
) -> Result<Option<Booking>, WorkflowError> {
    let id = booking.hold.id;
    for _ in 0..MAX_CONFLICTS {
        if booking.hold.status != Status::Processing {
            break;
        }
        release_as_read(context, &booking, actor).await?;
        // It is released then, or decided anew.
        let Some(now) = context.store.find_booking(id).await? else {
            return Ok(None);
        };
        booking = now;
    }
    Ok(Some(booking))
}

/// Releases a `processing` hold if it still has the version that was read. Writes nothing otherwise.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub(super) async fn release_as_read(
    context: &Context,
    booking: &Booking,
    actor: &Actor,
) -> Result<(), WorkflowError> {
    let Some(transition) = release_processing(&booking.hold) else {
        return Ok(());
    };
    let change = HoldChange {
        event: None,
        hold: booking.hold.id,
        version: booking.version,
        noted: None,
        step: Some(StateChange::Transition(transition)),
        actor: actor.clone(),
        now: context.now(),
        check_at: None,
    };
    if let ApplyOutcome::Done { .. } = write_change(context, booking.hold.status, &change).await? {
        tracing::info!(hold = %booking.hold.id.log_id(), "processing hold released by the operator");
        context.new_commands.notify_one();
    }
    Ok(())
}
