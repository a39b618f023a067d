//! What the endpoints of the shop received about one hold, and sending it again.

use super::context::Context;
use super::error::WorkflowError;
use super::stream_events::number_events;
use crate::domain::ids::{EndpointId, HoldId};
pub use crate::store::hold_deliveries::{HoldDelivery, HoldEvent};

/// Lists the events of a hold with their deliveries, the newest event first. Reading numbers no events: one that is not numbered
/// yet has no sequence and no delivery.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn list_hold_events(context: &Context, hold: HoldId) -> Result<Vec<HoldEvent>, WorkflowError> {
    Ok(context.store.list_hold_events(hold).await?)
}

/// Sends the events of a hold to an endpoint again, in order, and returns how many. `None` if there is no such endpoint.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn resend_hold_events(
    context: &Context,
    hold: HoldId,
    endpoint: &EndpointId,
) -> Result<Option<u64>, WorkflowError> {
    if context.store.find_endpoint(endpoint).await?.is_none() {
        return Ok(None);
    }
    // An event without its place in the stream is sent by nobody yet.
    number_events(context).await?;
    let now = context.now();
    Ok(Some(context.store.resend_hold_events(endpoint, hold, now).await?))
}
