//! The operator's hands on the catalogue: what is on sale, who serves, and when they are busy for other reasons. Holds
//! keep the terms that they were made on. Reading calendar feeds is left to `feeds`.

use super::{Context, WorkflowError};
use crate::domain::catalogue::{Block, BlockConflict, EventType, Feed, Resource};
use crate::domain::ids::{EventTypeId, ResourceId};
use crate::domain::listing::{Page, PageRequest, PutOutcome};

/// Writes an event type, and its resources where they are new.
///
/// # Errors
/// [`WorkflowError::Store`].
pub async fn put(context: &Context, event_type: &EventType) -> Result<PutOutcome, WorkflowError> {
    Ok(context.store.put_event_type(event_type, context.now()).await?)
}

/// Reads one.
///
/// # Errors
/// [`WorkflowError::Store`].
pub async fn get(context: &Context, id: &EventTypeId) -> Result<Option<EventType>, WorkflowError> {
    Ok(context.store.find_event_type(id).await?)
}

/// Reads all, newest first.
///
/// # Errors
/// [`WorkflowError::Store`].
pub async fn list(context: &Context, page: &PageRequest) -> Result<Page<EventType>, WorkflowError> {
    Ok(context.store.list_event_types(page).await?)
}

/// Takes one off sale; `false` where there was none.
///
/// # Errors
/// [`WorkflowError::Store`].
pub async fn delete(context: &Context, id: &EventTypeId) -> Result<bool, WorkflowError> {
    Ok(context.store.delete_event_type(id).await?)
}

/// Writes a resource. Live holds on units that it no longer has stay.
///
/// # Errors
/// [`WorkflowError::Store`].
pub async fn put_resource(context: &Context, resource: &Resource) -> Result<PutOutcome, WorkflowError> {
    Ok(context.store.put_resource(resource, context.now()).await?)
}

/// Reads a resource.
///
/// # Errors
/// [`WorkflowError::Store`].
pub async fn resource(context: &Context, id: &ResourceId) -> Result<Option<Resource>, WorkflowError> {
    Ok(context.store.find_resource(id).await?)
}

/// Reads all resources, newest first.
///
/// # Errors
/// [`WorkflowError::Store`].
pub async fn resources(context: &Context, page: &PageRequest) -> Result<Page<Resource>, WorkflowError> {
    Ok(context.store.list_resources(page).await?)
}

/// Writes a block: no new hold comes into it. The live holds that it overlaps stay and are answered; `None` where there
/// is no such resource.
///
/// # Errors
/// [`WorkflowError::Store`].
pub async fn put_block(
    context: &Context,
    resource: &ResourceId,
    block: &Block,
) -> Result<Option<(PutOutcome, Vec<BlockConflict>)>, WorkflowError> {
    // A resource is never taken out of the books, so it is still there afterwards.
    if context.store.find_resource(resource).await?.is_none() {
        return Ok(None);
    }
    Ok(Some(
        context.store.put_block(resource, block, context.now()).await?,
    ))
}

/// Removes a block; `false` where there was none. Those of a calendar feed are the feed's.
///
/// # Errors
/// [`WorkflowError::Store`].
pub async fn delete_block(context: &Context, resource: &ResourceId, id: &str) -> Result<bool, WorkflowError> {
    Ok(context.store.delete_block(resource, id).await?)
}

/// Sets a resource's calendar feed, or ends it; `false` where there is no such resource.
///
/// # Errors
/// [`WorkflowError::Store`].
pub async fn set_feed(
    context: &Context,
    resource: &ResourceId,
    url: Option<&str>,
) -> Result<bool, WorkflowError> {
    if context.store.find_resource(resource).await?.is_none() {
        return Ok(false);
    }
    context.store.set_feed(resource, url, context.now()).await?;
    context.new_feeds.notify_one();
    Ok(true)
}

/// How a resource's calendar feed does; `None` where it has none.
///
/// # Errors
/// [`WorkflowError::Store`].
pub async fn feed(context: &Context, resource: &ResourceId) -> Result<Option<Feed>, WorkflowError> {
    Ok(context.store.find_feed(resource).await?)
}
