//! The operator's hands on the catalogue: what is on sale, who serves, and when they are busy for other reasons. Holds
//! keep the terms that they were made on. Reading calendar feeds is left to `feeds`.

use super::{Context, Trouble};
use crate::domain::books::{Page, PageRequest, Put};
use crate::domain::catalogue::{Block, Conflict, EventType, Feed, Resource};
use crate::domain::ids::{EventTypeId, ResourceId};

/// Writes an event type, and its resources where they are new.
///
/// # Errors
/// [`Trouble::Store`].
pub async fn put(context: &Context, event_type: &EventType) -> Result<Put, Trouble> {
    Ok(context.store.put_event_type(event_type, context.now()).await?)
}

/// Reads one.
///
/// # Errors
/// [`Trouble::Store`].
pub async fn get(context: &Context, id: &EventTypeId) -> Result<Option<EventType>, Trouble> {
    Ok(context.store.event_type(id).await?)
}

/// Reads all, newest first.
///
/// # Errors
/// [`Trouble::Store`].
pub async fn list(context: &Context, page: &PageRequest) -> Result<Page<EventType>, Trouble> {
    Ok(context.store.event_types(page).await?)
}

/// Takes one off sale; `false` where there was none.
///
/// # Errors
/// [`Trouble::Store`].
pub async fn delete(context: &Context, id: &EventTypeId) -> Result<bool, Trouble> {
    Ok(context.store.delete_event_type(id).await?)
}

/// Writes a resource. Live holds on units that it no longer has stay.
///
/// # Errors
/// [`Trouble::Store`].
pub async fn put_resource(context: &Context, resource: &Resource) -> Result<Put, Trouble> {
    Ok(context.store.put_resource(resource, context.now()).await?)
}

/// Reads a resource.
///
/// # Errors
/// [`Trouble::Store`].
pub async fn resource(context: &Context, id: &ResourceId) -> Result<Option<Resource>, Trouble> {
    Ok(context.store.resource(id).await?)
}

/// Reads all resources, newest first.
///
/// # Errors
/// [`Trouble::Store`].
pub async fn resources(context: &Context, page: &PageRequest) -> Result<Page<Resource>, Trouble> {
    Ok(context.store.resources(page).await?)
}

/// Writes a block: no new hold comes into it. The live holds that it overlaps stay and are answered; `None` where there
/// is no such resource.
///
/// # Errors
/// [`Trouble::Store`].
pub async fn put_block(
    context: &Context,
    resource: &ResourceId,
    block: &Block,
) -> Result<Option<(Put, Vec<Conflict>)>, Trouble> {
    // A resource is never taken out of the books, so it is still there afterwards.
    if context.store.resource(resource).await?.is_none() {
        return Ok(None);
    }
    Ok(Some(
        context.store.put_block(resource, block, context.now()).await?,
    ))
}

/// Removes a block; `false` where there was none. Those of a calendar feed are the feed's.
///
/// # Errors
/// [`Trouble::Store`].
pub async fn delete_block(context: &Context, resource: &ResourceId, id: &str) -> Result<bool, Trouble> {
    Ok(context.store.delete_block(resource, id).await?)
}

/// Sets a resource's calendar feed, or ends it; `false` where there is no such resource.
///
/// # Errors
/// [`Trouble::Store`].
pub async fn set_feed(context: &Context, resource: &ResourceId, url: Option<&str>) -> Result<bool, Trouble> {
    if context.store.resource(resource).await?.is_none() {
        return Ok(false);
    }
    context.store.set_feed(resource, url, context.now()).await?;
    context.new_feeds.notify_one();
    Ok(true)
}

/// How a resource's calendar feed does; `None` where it has none.
///
/// # Errors
/// [`Trouble::Store`].
pub async fn feed(context: &Context, resource: &ResourceId) -> Result<Option<Feed>, Trouble> {
    Ok(context.store.feed(resource).await?)
}
