//! Applies a stored event again, for an operator who repairs the effect of a bug.
//!
//! The body is parsed by the rules of today. The operator and not the event is the actor, so the event's id does not
//! protect against a second effect. The object that the event is about does: a payment, a refund, a session.

use std::sync::Arc;

use super::apply_event::{self, EventOutcome};
use super::context::Context;
use super::error::WorkflowError;
use crate::domain::booking::Actor;
use crate::domain::ids::EventId;
use crate::gateway::webhook;

/// Applies a stored event again, on behalf of `actor`; `None` if the event is unknown or its body is deleted.
///
/// # Errors
/// [`WorkflowError`] if nothing was written.
pub async fn replay_event(
    context: &Arc<Context>,
    id: EventId,
    actor: Actor,
) -> Result<Option<EventOutcome>, WorkflowError> {
    let owned = Arc::clone(context);
    context
        .run_in_task(async move { apply_stored_event(&owned, &id, actor).await })
        .await
}

async fn apply_stored_event(
    context: &Context,
    id: &EventId,
    actor: Actor,
) -> Result<Option<EventOutcome>, WorkflowError> {
    let Some(payload) = context.store.find_event_payload(id).await? else {
        return Ok(None);
    };
    let event = webhook::parse_event(payload.as_bytes())
        .map_err(|unreadable| WorkflowError::Internal(Box::new(unreadable)))?;
    let outcome = apply_event::apply_event_content(context, &event, actor, None).await?;
    tracing::info!(event = %id, kind = event.kind, ?outcome, "event replayed");
    Ok(Some(outcome))
}
