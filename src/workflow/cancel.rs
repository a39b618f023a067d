//! Cancelling what is paid: the slot is free at once, and the money goes back by a durable order.
//!
//! A guest may until so long before the start, and gets all of it back; an operator may always, and says how much.

use std::sync::Arc;

use chrono::Duration;

use super::{Context, MOST_ROUNDS, Trouble};
use crate::domain::booking::{Booking, Cause};
use crate::domain::hold::{CancelError, CancelReason, Refund, Status, Transition, Why, cancel};
use crate::domain::ids::HoldId;
use crate::store::{Applied, Change, Step};

/// How a cancellation came out.
#[derive(Debug)]
pub enum Outcome {
    /// The hold as it is now: cancelled, by this or before.
    Over(Box<Booking>),
    /// It is not such a one that can be cancelled, or not any more.
    Refused(Box<Booking>, CancelError),
    /// There is no such hold.
    Missing,
}

/// Whether its guest may still cancel a hold that is paid.
pub fn guest_may(context: &Context, booking: &Booking) -> bool {
    let until = booking.second_thoughts.cancel_until_minutes;
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
/// [`Trouble::Store`].
pub async fn by_guest(context: &Arc<Context>, id: HoldId) -> Result<Outcome, Trouble> {
    let order = |booking: &Booking| {
        cancel(
            &booking.hold,
            CancelReason::Guest,
            Refund::Full,
            Why::CancelledByGuest,
        )
    };
    run(context, id, Cause::Guest, order).await
}

/// Cancels a confirmed hold for the operator.
///
/// # Errors
/// [`Trouble::Store`].
pub async fn by_operator(
    context: &Arc<Context>,
    id: HoldId,
    refund: Refund,
    note: Option<String>,
) -> Result<Outcome, Trouble> {
    let why = Why::CancelledByOperator(note);
    let order = move |booking: &Booking| cancel(&booking.hold, CancelReason::Operator, refund, why.clone());
    run(context, id, Cause::Operator, order).await
}

async fn run(
    context: &Arc<Context>,
    id: HoldId,
    cause: Cause,
    order: impl Fn(&Booking) -> Result<Transition, CancelError> + Send + Sync + 'static,
) -> Result<Outcome, Trouble> {
    let saga = Arc::clone(context);
    context
        .in_task(async move { until_decided(&saga, id, cause, order).await })
        .await
}

async fn until_decided(
    context: &Context,
    id: HoldId,
    cause: Cause,
    order: impl Fn(&Booking) -> Result<Transition, CancelError>,
) -> Result<Outcome, Trouble> {
    for _ in 0..MOST_ROUNDS {
        let Some(booking) = context.store.booking(id).await? else {
            return Ok(Outcome::Missing);
        };
        if matches!(booking.hold.status, Status::Cancelled(_)) {
            return Ok(Outcome::Over(Box::new(booking)));
        }
        let step = match order(&booking) {
            Ok(step) => step,
            Err(refused) => return Ok(Outcome::Refused(Box::new(booking), refused)),
        };
        let change = Change {
            event: None,
            hold: id,
            version: booking.version,
            step: Some(Step::Take(step)),
            cause: cause.clone(),
            now: context.now(),
            check_at: None,
        };
        // Where the hold has changed meanwhile it is decided again.
        if let Applied::Done { orders, .. } = context.store.apply(&change).await? {
            tracing::info!(hold = %id, "hold cancelled");
            if orders > 0 {
                context.new_commands.notify_one();
            }
        }
    }
    let why = format!("the hold changed faster than it could be cancelled: {id}");
    Err(Trouble::Internal(why.into()))
}
