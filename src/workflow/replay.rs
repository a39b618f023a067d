//! Settling a stored event once more: for an operator who mends what a bug made of it.
//!
//! The body is read anew, by the rules that hold now. It is not an event any more, but what the operator says, so what
//! keeps it from being applied twice is the object that it tells of: a payment, a refund, a session.

use std::sync::Arc;

use super::settle::{self, EventOutcome};
use super::{Context, WorkflowError};
use crate::domain::booking::Actor;
use crate::domain::ids::EventId;
use crate::gateway::webhook;

/// Settles a stored event again; `None` where it is unknown or its body is forgotten.
///
/// # Errors
/// [`WorkflowError`]; nothing is written then.
pub async fn replay(context: &Arc<Context>, id: EventId) -> Result<Option<EventOutcome>, WorkflowError> {
    let saga = Arc::clone(context);
    context.in_task(async move { again(&saga, &id).await }).await
}

async fn again(context: &Context, id: &EventId) -> Result<Option<EventOutcome>, WorkflowError> {
    let Some(payload) = context.store.find_event_payload(id).await? else {
        return Ok(None);
    };
    let event = webhook::read(payload.as_bytes())
        .map_err(|unreadable| WorkflowError::Internal(Box::new(unreadable)))?;
    let outcome = settle::sort(context, &event, Actor::Operator, None).await?;
    tracing::info!(event = %id, kind = event.kind, ?outcome, "event replayed");
    Ok(Some(outcome))
}
