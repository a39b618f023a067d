//! Asks Stripe about an unpaid hold when its guest comes back from the payment page, so that a payment shows at once even if
//! its webhook is late or lost.
//!
//! Two ask: the return page, for which there is [`check_hold`], and a minute later the sweep ([`check_returned_holds`]), for a
//! guest who closed the page. Neither ends the session: only `release_hold` does.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;

use super::context::Context;
use super::error::WorkflowError;
use super::refresh_hold::{ReadHold, read_and_apply};
use crate::domain::booking::{Actor, Booking};
use crate::domain::hold::Status;
use crate::store::LeaseRequest;

/// How long after the guest came back the sweep asks, and how long after a question without an answer it asks again.
const ASK_AFTER: Duration = Duration::from_mins(1);

/// How many sessions are read at the same time.
const BATCH: u32 = 8;

/// A hold, and what Stripe says about its session.
#[derive(Clone, Debug)]
pub struct CheckedHold {
    /// The hold as it is after Stripe's answer.
    pub booking: Booking,
    /// Whether the guest can still pay; `None` if Stripe was not asked.
    pub is_open: Option<bool>,
}

/// Asks Stripe about an unpaid hold whose guest is on the return page, if `may_ask` allows it, and applies the answer. Without
/// it, and for a hold that is paid or over, returns the hold as it is stored.
///
/// # Errors
/// [`WorkflowError::Stripe`] if Stripe gave no answer: nothing has changed.
pub async fn check_hold(
    context: &Arc<Context>,
    booking: Booking,
    may_ask: impl FnOnce() -> bool,
) -> Result<CheckedHold, WorkflowError> {
    match booking.hold.status {
        Status::Held => {
            let now = context.database_now().await?;
            let store = &context.store;
            store.record_return(booking.hold.id, now, now + ASK_AFTER).await?;
        }
        Status::Processing => {}
        Status::Confirmed | Status::Released(_) | Status::Cancelled(_) => {
            return Ok(CheckedHold {
                booking,
                is_open: Some(false),
            });
        }
    }
    if !may_ask() {
        return Ok(CheckedHold {
            booking,
            is_open: None,
        });
    }
    let owned = Arc::clone(context);
    let reading = async move { read_and_apply(&owned, booking, Actor::Guest).await };
    let ReadHold { booking, is_open } = context.run_in_task(reading).await?;
    Ok(CheckedHold {
        booking,
        is_open: Some(is_open),
    })
}

/// Asks Stripe about one batch of holds whose guests came back a minute ago. Returns what became of each, and whether there may
/// be more.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub(super) async fn check_returned_holds(
    context: &Context,
) -> Result<(Vec<Result<Booking, WorkflowError>>, bool), WorkflowError> {
    let now = context.database_now().await?;
    let request = LeaseRequest::new(now, ASK_AFTER, BATCH);
    let batch = context.store.take_returned_holds(&request).await?;
    let is_full = batch.len() == BATCH as usize;
    let results = futures::stream::iter(batch)
        .map(|booking| check_returned_hold(context, booking))
        .buffer_unordered(BATCH as usize)
        .collect()
        .await;
    Ok((results, is_full))
}

async fn check_returned_hold(context: &Context, booking: Booking) -> Result<Booking, WorkflowError> {
    let id = booking.hold.id;
    let read = read_and_apply(context, booking, Actor::Sweep).await?;
    // A guest who has not paid yet pays later or never: the sweep then asks at the end of the time to pay.
    context.store.finish_read(id).await?;
    Ok(read.booking)
}
