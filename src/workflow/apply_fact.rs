//! Applies facts: from a webhook event, or from Stripe's response to a call.
//!
//! A fact may tie a payment to its hold. Then the hold also takes notice of the refunds and disputes that Stripe reported
//! before.

use super::context::Context;
use super::error::WorkflowError;
use super::record_money;
use super::write_fact::{self, WriteOutcome, internal_error};
use crate::domain::booking::{Actor, Booking};
use crate::domain::hold::Fact;
use crate::domain::ids::IntentId;
use crate::store::EventRecord;

/// Applies a fact from Stripe's response to a call. Returns the hold as it is then.
///
/// # Errors
/// [`WorkflowError`] if nothing was written.
pub(super) async fn apply_fact(
    context: &Context,
    booking: Booking,
    fact: &Fact,
    actor: Actor,
) -> Result<Booking, WorkflowError> {
    let id = booking.hold.id;
    match write_and_settle(context, booking, fact, actor, None).await? {
        WriteOutcome::Written { .. } => write_fact::reload_booking(context, id).await,
        WriteOutcome::Unchanged(booking) => Ok(*booking),
        WriteOutcome::Duplicate => Err(internal_error(id, "the store took a response for an event")),
    }
}

/// Applies a fact; then, if it tied an intent to the hold, also what was kept of that intent.
pub(super) async fn write_and_settle(
    context: &Context,
    booking: Booking,
    fact: &Fact,
    actor: Actor,
    record: Option<EventRecord>,
) -> Result<WriteOutcome, WorkflowError> {
    let written = write_fact::write_fact(context, booking, fact, actor, record).await?;
    if let WriteOutcome::Written { tied } = &written {
        for intent in tied {
            settle_or_leave(context, intent).await?;
        }
    }
    Ok(written)
}

/// Lets the hold take notice of what is known of a payment that was tied to it just now. A failure is left to the sweep,
/// because what tied the payment is committed.
async fn settle_or_leave(context: &Context, intent: &IntentId) -> Result<(), WorkflowError> {
    if context.store.is_money_reported(intent).await?
        && let Err(error) = Box::pin(record_money::settle_intent(context, intent)).await
    {
        tracing::warn!(%intent, %error, "refunds and disputes not noted; the sweep tries again");
    }
    Ok(())
}
