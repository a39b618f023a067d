//! Asks Stripe again about one hold in any status, for an operator who doubts what the store says.
//!
//! What Stripe says about the session is applied as if an event had brought it. So a payment whose webhook was lost
//! confirms its hold, a late payment gets its slot back or is refunded, and a delayed payment gets its result. An open
//! session is left alone: only `release_hold` expires sessions.

use std::sync::Arc;

use super::context::Context;
use super::error::WorkflowError;
use super::unknown_session::StoredSession;
use super::{apply_fact, release_hold};
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
    let saga = Arc::clone(context);
    context
        .run_in_task(async move { apply_session(&saga, id, actor).await })
        .await
}

async fn apply_session(
    context: &Context,
    id: HoldId,
    actor: Actor,
) -> Result<Option<Booking>, WorkflowError> {
    let Some(booking) = context.store.find_booking(id).await? else {
        return Ok(None);
    };
    let answer = release_hold::read_session(context, &StoredSession::from(&booking)).await;
    let Some(fact) = answer.map_err(release_hold::to_stripe_error)? else {
        return Ok(Some(booking));
    };
    apply_fact::apply_fact(context, booking, &fact, actor)
        .await
        .map(Some)
}
