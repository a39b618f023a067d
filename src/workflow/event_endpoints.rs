//! The endpoints of the shop: sets, lists and deletes them, and sends past events again.

use chrono::{DateTime, Utc};

use super::context::Context;
use super::error::WorkflowError;
use super::stream_events::number_events;
use crate::domain::event_endpoint::{
    DeliveryState, EndpointBacklog, EndpointKinds, EndpointSecret, EventDelivery, EventEndpoint,
    OLD_SECRET_SIGNS,
};
use crate::domain::ids::EndpointId;
use crate::domain::listing::{Page, PageRequest, PutOutcome};
use crate::store::{NewEndpoint, ReplayedEvents, RotateOutcome};

/// What an operator sets of an endpoint.
#[derive(Clone, Debug)]
pub struct EndpointSettings {
    /// Where events are sent.
    pub url: String,
    /// Which types it gets.
    pub kinds: EndpointKinds,
    /// Whether it gets any.
    pub is_enabled: bool,
}

/// The result of setting an endpoint.
#[derive(Clone, Debug)]
pub enum EndpointOutcome {
    /// The endpoint is new, and has this secret, which is shown once.
    Created(Box<EventEndpoint>, EndpointSecret),
    /// The endpoint was there, and keeps its secret.
    Replaced(Box<EventEndpoint>),
    /// There are too many endpoints.
    TooMany,
}

/// Sets an endpoint of the shop. A new one gets what happens from now on.
///
/// # Errors
/// [`WorkflowError`] if the database is unreachable, or the endpoint was deleted meanwhile.
pub async fn put_endpoint(
    context: &Context,
    id: &EndpointId,
    settings: EndpointSettings,
) -> Result<EndpointOutcome, WorkflowError> {
    // What has happened before does not go to a new endpoint.
    number_events(context).await?;
    let secret = EndpointSecret::from_random(rand::random());
    let new = NewEndpoint {
        id: id.clone(),
        url: settings.url,
        kinds: settings.kinds,
        is_enabled: settings.is_enabled,
        secret: secret.clone(),
    };
    let Some(outcome) = context.store.put_endpoint(&new, context.now()).await? else {
        return Ok(EndpointOutcome::TooMany);
    };
    let endpoint = context.store.find_endpoint(id).await?;
    let endpoint =
        endpoint.ok_or_else(|| WorkflowError::Internal("an endpoint was deleted while it was set".into()))?;
    Ok(match outcome {
        PutOutcome::Created => EndpointOutcome::Created(Box::new(endpoint), secret),
        PutOutcome::Replaced => EndpointOutcome::Replaced(Box::new(endpoint)),
    })
}

/// Finds an endpoint by its id.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn find_endpoint(
    context: &Context,
    id: &EndpointId,
) -> Result<Option<EventEndpoint>, WorkflowError> {
    Ok(context.store.find_endpoint(id).await?)
}

/// Counts the events that wait to be sent to an endpoint, and finds the oldest of them.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn measure_backlog(context: &Context, id: &EndpointId) -> Result<EndpointBacklog, WorkflowError> {
    number_events(context).await?;
    Ok(context.store.measure_backlog(id).await?)
}

/// Lists all endpoints, by their ids.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn list_endpoints(context: &Context) -> Result<Vec<EventEndpoint>, WorkflowError> {
    Ok(context.store.list_endpoints().await?)
}

/// Deletes an endpoint and what was to be sent to it. `false` if there is none.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn delete_endpoint(context: &Context, id: &EndpointId) -> Result<bool, WorkflowError> {
    Ok(context.store.delete_endpoint(id).await?)
}

/// The result of a new secret.
#[derive(Clone, Debug)]
pub enum NewSecret {
    /// The secret, which is shown once, and until when the one before signs too.
    Made(EndpointSecret, DateTime<Utc>),
    /// As many old secrets sign as may at a time.
    TooMany,
    /// There is no such endpoint.
    Unknown,
}

/// Gives an endpoint a new secret. Each one before signs too, for a day after it was replaced.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn rotate_secret(context: &Context, id: &EndpointId) -> Result<NewSecret, WorkflowError> {
    let (secret, now) = (EndpointSecret::from_random(rand::random()), context.now());
    Ok(match context.store.rotate_secret(id, &secret, now).await? {
        RotateOutcome::Rotated => NewSecret::Made(secret, now + OLD_SECRET_SIGNS),
        RotateOutcome::TooMany => NewSecret::TooMany,
        RotateOutcome::Unknown => NewSecret::Unknown,
    })
}

/// Lists what was sent to an endpoint and what is to be, newest first. `None` if there is no such endpoint.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn list_deliveries(
    context: &Context,
    id: &EndpointId,
    state: Option<DeliveryState>,
    page: &PageRequest,
) -> Result<Option<Page<DeliveryWithId>>, WorkflowError> {
    if context.store.find_endpoint(id).await?.is_none() {
        return Ok(None);
    }
    let installation = context.installation_id().await?;
    let found = context.store.list_deliveries(id, state, page).await?;
    let name = |delivery: EventDelivery| DeliveryWithId {
        event: delivery.event.map(|event| event.to_text(installation)),
        delivery,
    };
    Ok(Some(Page {
        entries: found.entries.into_iter().map(name).collect(),
        next: found.next,
    }))
}

/// A delivery with the id of its event, as the endpoint gets it.
#[derive(Clone, Debug)]
pub struct DeliveryWithId {
    /// The id of the event; `None` once it is deleted.
    pub event: Option<String>,
    /// The delivery as it is stored.
    pub delivery: EventDelivery,
}

/// Sends the events of a range again, in order. `None` if there is no such endpoint.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn replay_events(
    context: &Context,
    id: &EndpointId,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Option<ReplayedEvents>, WorkflowError> {
    if context.store.find_endpoint(id).await?.is_none() {
        return Ok(None);
    }
    let now = context.now();
    Ok(Some(context.store.replay_events(id, from, to, now).await?))
}
