//! Asks Stripe again about one hold in any status: for an operator who doubts what the store says, and for `check_hold`.
//!
//! What Stripe says about the session is applied as if an event had brought it. So a payment whose webhook was lost
//! confirms its hold, a late payment gets its slot back or is refunded, and a delayed payment gets its result. An open
//! session is left alone: only `release_hold` expires sessions.

use std::sync::Arc;

use super::context::Context;
use super::error::WorkflowError;
use super::unknown_session::StoredSession;
use super::{apply_fact, ask_session};
use crate::domain::booking::{Actor, Booking};
use crate::domain::ids::HoldId;

/// Reads the hold's session at Stripe and applies what it says, on behalf of `actor`. Returns the hold as it is then; `None` if there is no
/// such hold.
///
/// # Errors
/// [`WorkflowError::Stripe`] if Stripe gave no answer: nothing has changed.
pub async fn refresh_hold(
    context: &Arc<Context>,
    id: HoldId,
    actor: Actor,
) -> Result<Option<Booking>, WorkflowError> {
    let owned = Arc::clone(context);
    context
        .run_in_task(async move {
            let Some(booking) = owned.store.find_booking(id).await? else {
                return Ok(None);
            };
            let read = read_and_apply(&owned, booking, actor).await?;
            Ok(Some(read.booking))
        })
        .await
}

/// A hold whose session was read.
pub(super) struct ReadHold {
    /// The hold as it is after Stripe's answer.
    pub(super) booking: Booking,
    /// Whether the session is open.
    pub(super) is_open: bool,
}

/// Reads the session of a hold at Stripe, and applies what it says.
///
/// # Errors
/// [`WorkflowError::Stripe`] if Stripe gave no answer: nothing has changed.
pub(super) async fn read_and_apply(
    context: &Context,
    booking: Booking,
    actor: Actor,
) -> Result<ReadHold, WorkflowError> {
    let answer = ask_session::read_session(context, &StoredSession::from(&booking)).await;
    Ok(match answer.map_err(ask_session::to_stripe_error)? {
        None => ReadHold {
            booking,
            is_open: true,
        },
        Some(fact) => ReadHold {
            booking: apply_fact::apply_fact(context, booking, &fact, actor).await?,
            is_open: false,
        },
    })
}
