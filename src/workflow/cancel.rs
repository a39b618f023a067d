//! Cancelling what is paid: the slot is free at once, and the money goes back by a durable order.
//!
//! A guest may until so long before the start, and gets all of it back; an operator may always, and says how much.

use std::sync::Arc;

use chrono::Duration;

use super::{Context, MOST_ROUNDS, WorkflowError};
use crate::domain::booking::{Actor, Booking};
use crate::domain::hold::{CancelError, CancelReason, Refund, Status, Transition, TransitionReason, cancel};
use crate::domain::ids::HoldId;
use crate::store::{ApplyOutcome, HoldChange, StateChange};

/// How a cancellation came out.
#[derive(Debug)]
pub enum CancelOutcome {
    /// The hold as it is now: cancelled, by this or before.
    Over(Box<Booking>),
    /// It is not such a one that can be cancelled, or not any more.
    Refused(Box<Booking>, CancelError),
    /// There is no such hold.
    Missing,
}

/// Whether its guest may still cancel a hold that is paid.
pub fn guest_may(context: &Context, booking: &Booking) -> bool {
    let until = booking.change_policy.cancel_until_minutes;
    booking.hold.status == Status::Confirmed
        && until.is_some_and(|minutes| is_before(context, booking, minutes))
}

/// Whether it is earlier than so many minutes before the start.
pub(super) fn is_before(context: &Context, booking: &Booking, minutes: i64) -> bool {
    let latest = Duration::try_minutes(minutes)
        .and_then(|before| booking.window().starts_at().checked_sub_signed(before));
    latest.is_some_and(|latest| context.now() <= latest)
}

/// Cancels a confirmed hold for its guest: all money goes back. Whether the guest may is for the caller to ask before.
///
/// # Errors
/// [`WorkflowError::Store`].
pub async fn by_guest(context: &Arc<Context>, id: HoldId) -> Result<CancelOutcome, WorkflowError> {
    let order = |booking: &Booking| {
        cancel(
            &booking.hold,
            CancelReason::Guest,
            Refund::Full,
            TransitionReason::CancelledByGuest,
        )
    };
    run(context, id, Actor::Guest, order).await
}

/// Cancels a confirmed hold for the operator.
///
/// # Errors
/// [`WorkflowError::Store`].
pub async fn by_operator(
    context: &Arc<Context>,
    id: HoldId,
    refund: Refund,
    note: Option<String>,
) -> Result<CancelOutcome, WorkflowError> {
    let why = TransitionReason::CancelledByOperator(note);
    let order = move |booking: &Booking| cancel(&booking.hold, CancelReason::Operator, refund, why.clone());
    run(context, id, Actor::Operator, order).await
}

async fn run(
    context: &Arc<Context>,
    id: HoldId,
    cause: Actor,
    order: impl Fn(&Booking) -> Result<Transition, CancelError> + Send + Sync + 'static,
) -> Result<CancelOutcome, WorkflowError> {
    let saga = Arc::clone(context);
    context
        .in_task(async move { until_decided(&saga, id, cause, order).await })
        .await
}

async fn until_decided(
    context: &Context,
    id: HoldId,
    cause: Actor,
    order: impl Fn(&Booking) -> Result<Transition, CancelError>,
) -> Result<CancelOutcome, WorkflowError> {
    for _ in 0..MOST_ROUNDS {
        let Some(booking) = context.store.find_booking(id).await? else {
            return Ok(CancelOutcome::Missing);
        };
        if matches!(booking.hold.status, Status::Cancelled(_)) {
            return Ok(CancelOutcome::Over(Box::new(booking)));
        }
        let step = match order(&booking) {
            Ok(step) => step,
            Err(refused) => return Ok(CancelOutcome::Refused(Box::new(booking), refused)),
        };
        let change = HoldChange {
            event: None,
            hold: id,
            version: booking.version,
            step: Some(StateChange::Transition(step)),
            cause: cause.clone(),
            now: context.now(),
            check_at: None,
        };
        // Where the hold has changed meanwhile it is decided again.
        if let ApplyOutcome::Done { orders, .. } = context.store.apply_change(&change).await? {
            tracing::info!(hold = %id, "hold cancelled");
            if orders > 0 {
                context.new_commands.notify_one();
            }
        }
    }
    let why = format!("the hold changed faster than it could be cancelled: {id}");
    Err(WorkflowError::Internal(why.into()))
}
