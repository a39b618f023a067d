//! Asking Stripe anew about one hold, whatever its state: for an operator who doubts what the books say.
//!
//! What Stripe says of the session is settled as if an event had brought it, so a payment whose webhook was lost
//! confirms its hold, a late one gets its slot or goes back, and a delayed one gets its verdict. An open session is left
//! alone: ending it is `release`'s.

use std::sync::Arc;

use super::{Context, WorkflowError, release, settle};
use crate::domain::booking::{Actor, Booking};
use crate::domain::ids::HoldId;

/// Reads the hold's session at Stripe and settles what it says; the hold as it is afterwards, `None` where there is no
/// such hold.
///
/// # Errors
/// [`WorkflowError::Stripe`] where Stripe gave no answer: nothing has changed.
pub async fn refresh(context: &Arc<Context>, id: HoldId) -> Result<Option<Booking>, WorkflowError> {
    let saga = Arc::clone(context);
    context.in_task(async move { ask(&saga, id).await }).await
}

async fn ask(context: &Context, id: HoldId) -> Result<Option<Booking>, WorkflowError> {
    let Some(booking) = context.store.find_booking(id).await? else {
        return Ok(None);
    };
    let answer = release::read(context, &booking.hold.session).await;
    let Some(fact) = answer.map_err(release::no_answer)? else {
        return Ok(Some(booking));
    };
    settle::apply_fact(context, booking, &fact, Actor::Operator)
        .await
        .map(Some)
}
