//! The steps around placing a hold: its session before, and what follows from the outcome.

use std::sync::Arc;

use super::draft::Draft;
use super::failed_attempt::{end_attempt, end_failed_attempt};
use super::request::CheckoutError;
use crate::domain::booking::Booking;
use crate::domain::segment::Allocation;
use crate::store::{AttemptEnd, PlaceOutcome};
use crate::workflow::context::Context;
use crate::workflow::error::WorkflowError;
use crate::workflow::write_change::count_placing;
use crate::workflow::{hold_limits, outbox, waiting_payments};

/// How often other units are tried after the slot was lost. Each loss means that another checkout has won, so only a
/// rush on a large pool reaches this limit.
pub(super) const MAX_PLACE_TRIES: u32 = 50;

/// Creates the session of a claimed checkout, and returns the hold to place with it.
pub(super) async fn create_session(
    context: &Context,
    draft: &Draft<'_>,
    units: &[Allocation],
) -> Result<Booking, CheckoutError> {
    match context.gateway.create_session(&draft.terms).await {
        Ok(session) => {
            context.account.record_made(&session.id);
            Ok(draft.booking(session, units))
        }
        Err(error) => Err(end_failed_attempt(context, draft.terms.hold, error).await),
    }
}

/// Announces a hold that is placed, or closes the attempt of one that is not.
pub(super) async fn finish_placing(
    context: &Arc<Context>,
    booking: Booking,
    outcome: PlaceOutcome,
) -> Result<Booking, CheckoutError> {
    match outcome {
        PlaceOutcome::Placed | PlaceOutcome::PlacedWithMoney => {
            let hold = booking.hold.id;
            tracing::info!(hold = %hold.log_id(), event_type = %booking.event_type, "hold placed");
            metrics::counter!("holdfast_checkouts_total", "outcome" => "placed").increment(1);
            count_placing(booking.hold.status);
            Ok(match outcome {
                PlaceOutcome::PlacedWithMoney => waiting_payments::settle_placed(context, booking).await,
                _ => booking,
            })
        }
        PlaceOutcome::SlotTaken | PlaceOutcome::LimitReached => {
            close_lost_attempt(context, &booking).await?;
            metrics::counter!("holdfast_checkouts_total", "outcome" => "lost").increment(1);
            Err(match outcome {
                PlaceOutcome::LimitReached => CheckoutError::TooMany {
                    retry_after: hold_limits::retry_after_limit(context),
                },
                _ => CheckoutError::SlotTaken(Vec::new()),
            })
        }
        // This checkout took so long that the sweep counted it as dead and expired the session.
        PlaceOutcome::AttemptClosed => Err(WorkflowError::Stripe { retry_after: None }.into()),
    }
}

/// Leaves an attempt to the sweep. It is not known whether the hold was committed. If it was, a repeated request finds it by its
/// key. If not, the sweep recovers the attempt and expires the session, whose URL no guest got.
pub(super) async fn leave_unsettled(
    context: &Context,
    booking: &Booking,
    error: WorkflowError,
) -> CheckoutError {
    end_attempt(context, booking.hold.id, AttemptEnd::Unsettled).await;
    error.into()
}

/// Closes the attempt and enqueues the expiry of its session, whose URL no guest got.
pub(super) async fn close_lost_attempt(
    context: &Arc<Context>,
    booking: &Booking,
) -> Result<(), CheckoutError> {
    let hold = booking.hold.id;
    match context
        .store
        .close_lost_attempt(hold, &booking.hold.session, context.now())
        .await
    {
        Ok(Some(command)) => {
            tracing::info!(hold = %hold.log_id(), "hold not placed; its session is being expired");
            outbox::run_command_soon(context, command).await;
            Ok(())
        }
        Ok(None) => Ok(()),
        Err(error) => {
            end_attempt(context, hold, AttemptEnd::Unsettled).await;
            Err(error.into())
        }
    }
}
