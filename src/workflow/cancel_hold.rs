//! Cancels a paid hold: the slot is free at once, and a durable command refunds the money.
//!
//! A guest may cancel until the deadline of the change policy and gets all money back. An operator may always cancel,
//! and chooses how much to refund.

use std::sync::Arc;

use super::context::{Context, MAX_CONFLICTS};
use super::error::WorkflowError;
use super::write_change::{write_change, write_requested_change};
use crate::domain::booking::{Actor, Booking};
use crate::domain::hold::{CancelError, CancelReason, Refund, Status, Transition, TransitionReason, cancel};
use crate::domain::ids::{HoldId, IdempotencyKey};
use crate::store::{ApplyOutcome, HoldChange, RefundRequest, StateChange};

/// The result of a cancellation.
#[derive(Debug)]
pub enum CancelOutcome {
    /// The hold is cancelled, by this call or before.
    Over(Box<Booking>),
    /// The hold cannot be cancelled, or not with this refund.
    Refused(Box<Booking>, CancelError),
    /// Something else cancelled the hold before, so nothing was done, whatever the operator chose about the money.
    AlreadyOver,
    /// The hold is not as it was seen any more, or another amount goes back than was seen, so nothing was done.
    Changed,
    /// There is no such hold.
    Missing,
}

/// What an operator who cancels a hold decides.
#[derive(Clone, Debug)]
pub struct Cancellation {
    /// How much of the money goes back.
    pub refund: Refund,
    /// A note for the history.
    pub note: Option<String>,
}

impl Cancellation {
    /// Decides what the cancellation does to a hold. What is shown before and what is done come from here.
    ///
    /// # Errors
    /// [`CancelError`] if the hold is not confirmed, or the refund is too large.
    pub fn decide(&self, booking: &Booking) -> Result<Transition, CancelError> {
        cancel(
            &booking.hold,
            CancelReason::Operator,
            self.refund,
            TransitionReason::CancelledByOperator(self.note.clone()),
        )
    }
}

/// What an operator who cancels has seen before.
#[derive(Clone, Debug)]
pub struct SeenHold {
    /// The version of the hold that was shown.
    pub version: i64,
    /// Identifies this order of the operator, so that it is known when it is sent twice.
    pub key: IdempotencyKey,
    /// A digest of the hold and the order, which tells a repetition from another order with the same key.
    pub fingerprint: String,
}

impl SeenHold {
    fn to_request(&self) -> RefundRequest {
        RefundRequest {
            key: self.key.clone(),
            fingerprint: self.fingerprint.clone(),
        }
    }
}

/// What was seen before a cancellation, which is not done if that has changed.
enum Seen {
    /// The whole hold, by an operator.
    Hold(SeenHold),
    /// How much goes back, if the caller names it.
    Refund(Option<i64>),
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

/// Decides what a guest's cancellation does to a hold. What is shown before and what is done come from here.
///
/// # Errors
/// [`CancelError`] if the hold is not confirmed.
pub fn decide_for_guest(booking: &Booking) -> Result<Transition, CancelError> {
    cancel(
        &booking.hold,
        CancelReason::Guest,
        Refund::Full,
        TransitionReason::CancelledByGuest,
    )
}

/// Cancels a confirmed hold for its guest, with a full refund. If the guest has seen how much goes back (`seen_refund`), and it
/// is another amount by now, nothing is done.
///
/// The caller must check [`is_cancellable_by_guest`] first.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn cancel_by_guest(
    context: &Arc<Context>,
    id: HoldId,
    seen_refund: Option<i64>,
) -> Result<CancelOutcome, WorkflowError> {
    let saw = Seen::Refund(seen_refund);
    cancel_in_task(context, id, saw, Actor::Guest, decide_for_guest).await
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
    let cancellation = Cancellation { refund, note };
    cancel_in_task(context, id, Seen::Refund(None), actor, move |booking| {
        cancellation.decide(booking)
    })
    .await
}

/// Cancels a hold as [`cancel_by_operator`] does, but only the one that the operator has seen, and once for each request.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn cancel_as_seen(
    context: &Arc<Context>,
    id: HoldId,
    seen: SeenHold,
    cancellation: Cancellation,
    actor: Actor,
) -> Result<CancelOutcome, WorkflowError> {
    let decide = move |booking: &Booking| cancellation.decide(booking);
    cancel_in_task(context, id, Seen::Hold(seen), actor, decide).await
}

async fn cancel_in_task(
    context: &Arc<Context>,
    id: HoldId,
    seen: Seen,
    actor: Actor,
    transition: impl Fn(&Booking) -> Result<Transition, CancelError> + Send + Sync + 'static,
) -> Result<CancelOutcome, WorkflowError> {
    let owned = Arc::clone(context);
    context
        .run_in_task(async move { cancel_hold(&owned, id, &seen, actor, transition).await })
        .await
}

async fn cancel_hold(
    context: &Context,
    id: HoldId,
    seen: &Seen,
    actor: Actor,
    transition: impl Fn(&Booking) -> Result<Transition, CancelError>,
) -> Result<CancelOutcome, WorkflowError> {
    for _ in 0..MAX_CONFLICTS {
        let Some(booking) = context.store.find_booking(id).await? else {
            return Ok(CancelOutcome::Missing);
        };
        let is_over = matches!(booking.hold.status, Status::Cancelled(_));
        if let Seen::Hold(seen) = seen {
            // The request is read after the hold: one that cancelled it is found.
            let found = context.store.find_refund_request(&seen.key).await?;
            if found.as_ref() == Some(&seen.fingerprint) {
                return Ok(CancelOutcome::Over(Box::new(booking)));
            }
            if is_over {
                return Ok(CancelOutcome::AlreadyOver);
            }
            // The key of another order orders nothing more.
            if found.is_some() || seen.version != booking.version {
                return Ok(CancelOutcome::Changed);
            }
        } else if is_over {
            return Ok(CancelOutcome::Over(Box::new(booking)));
        }
        let step = match transition(&booking) {
            Ok(step) => step,
            Err(refused) => return Ok(CancelOutcome::Refused(Box::new(booking), refused)),
        };
        if let Seen::Refund(Some(seen)) = seen
            && *seen != step.preview_money(&booking.hold).refunded()
        {
            return Ok(CancelOutcome::Changed);
        }
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
        let before = booking.hold.status;
        let written = match seen {
            Seen::Hold(seen) => write_requested_change(context, before, &change, &seen.to_request()).await?,
            Seen::Refund(_) => write_change(context, before, &change).await?,
        };
        // Both outcomes repeat the loop: a conflict is decided anew, and a written change is read back as `Cancelled`.
        if let ApplyOutcome::Done { commands, .. } = written {
            tracing::info!(hold = %id.log_id(), "hold cancelled");
            if commands > 0 {
                context.new_commands.notify_one();
            }
        }
    }
    let message = format!("too many conflicts while cancelling hold {}", id.log_id());
    Err(WorkflowError::Internal(message.into()))
}
