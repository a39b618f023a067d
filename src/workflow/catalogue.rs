//! The operator's changes to the catalogue: event types, resources, blocks and calendar feeds.
//!
//! Existing holds keep the terms that they were placed with. `read_feeds` reads the calendar feeds.

use super::context::Context;
use super::error::WorkflowError;
use crate::domain::calendar_feed::{FEED_REACH, Feed};
use crate::domain::catalogue::{
    Block, BlockConflict, EventType, ListedBlock, Resource, ResourceNeeds, UnknownResources,
};
use crate::domain::ids::{EventTypeId, ResourceId};
use crate::domain::listing::{BlockFilter, Page, PageRequest, PutOutcome};
use crate::domain::zone::ZoneName;
use crate::store::NewFeed;

/// Writes an event type, if its resources exist. If its zone or its resources differ from those `before`, their calendar feeds
/// are read again: whole days of a feed may be those of the schedules. Closures may be in another zone then.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn put_event_type(
    context: &Context,
    event_type: &EventType,
    before: Option<&EventType>,
) -> Result<Result<PutOutcome, UnknownResources>, WorkflowError> {
    let zones = context.settings.closure_zones();
    let outcome = match context
        .store
        .put_event_type(event_type, zones, context.now())
        .await?
    {
        Ok(outcome) => outcome,
        Err(unknown) => return Ok(Err(unknown)),
    };
    let zone_and_resources = |event_type: &EventType| {
        let zone = event_type
            .schedule
            .as_ref()
            .map(|schedule| schedule.timezone.clone());
        (zone, event_type.list_resources())
    };
    let (zone, resources) = zone_and_resources(event_type);
    if zone.is_some() && before.map(zone_and_resources) != Some((zone, resources.clone())) {
        for resource in &resources {
            context.store.make_feed_due(resource, context.now()).await?;
        }
        context.new_feeds.notify_one();
    }
    Ok(Ok(outcome))
}

/// Finds an event type.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn find_event_type(
    context: &Context,
    id: &EventTypeId,
) -> Result<Option<EventType>, WorkflowError> {
    Ok(context.store.find_event_type(id).await?)
}

/// Lists event types, newest first.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn list_event_types(
    context: &Context,
    page: &PageRequest,
) -> Result<Page<EventType>, WorkflowError> {
    Ok(context.store.list_event_types(page).await?)
}

/// Lists the event types whose schedule has a time zone without known rules, with the zone. Nothing of them is for sale.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn list_unknown_zones(context: &Context) -> Result<Vec<(EventTypeId, ZoneName)>, WorkflowError> {
    let mut page = PageRequest {
        limit: 200,
        cursor: None,
    };
    let mut unknown = Vec::new();
    loop {
        let found = context.store.list_event_types(&page).await?;
        let zones = found
            .entries
            .into_iter()
            .filter_map(|event_type| Some((event_type.id, event_type.schedule?.timezone)));
        unknown.extend(zones.filter(|(_, zone)| context.settings.zones.find(zone).is_none()));
        if found.next.is_none() {
            return Ok(unknown);
        }
        page.cursor = found.next;
    }
}

/// Deletes an event type, so that it is no longer for sale; `false` if there was none.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn delete_event_type(context: &Context, id: &EventTypeId) -> Result<bool, WorkflowError> {
    let zones = context.settings.closure_zones();
    Ok(context.store.delete_event_type(id, zones).await?)
}

/// Writes a resource to the catalogue. Live holds keep their units, even if a lower capacity no longer has them.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn put_resource(context: &Context, resource: &Resource) -> Result<PutOutcome, WorkflowError> {
    Ok(context.store.put_resource(resource, context.now()).await?)
}

/// Finds a resource of the catalogue.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn find_resource(context: &Context, id: &ResourceId) -> Result<Option<Resource>, WorkflowError> {
    Ok(context.store.find_resource(id).await?)
}

/// Finds those of some resources that exist, in the order of their ids.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn find_resources(context: &Context, ids: &[ResourceId]) -> Result<Vec<Resource>, WorkflowError> {
    Ok(context.store.find_resources(ids).await?)
}

/// Deletes a resource, unless something needs it; `false` if there was none. Holds that have ended keep its id. A checkout that
/// began before an event type let go of the resource may still place its hold, as if the event type itself was deleted.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn delete_resource(
    context: &Context,
    id: &ResourceId,
) -> Result<Result<bool, ResourceNeeds>, WorkflowError> {
    let now = context.database_now().await?;
    Ok(context.store.delete_resource(id, now).await?)
}

/// Returns the key of a resource's calendar export; `None` if there is no such resource.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn find_calendar_key(
    context: &Context,
    resource: &ResourceId,
) -> Result<Option<String>, WorkflowError> {
    let salt = context.store.find_calendar_salt(resource).await?;
    let keys = context.token_keys().await?;
    Ok(salt.map(|salt| keys.calendar_key(resource, &salt)))
}

/// Tells whether this is the key of a resource's calendar export.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn is_calendar_key(
    context: &Context,
    resource: &ResourceId,
    key: &str,
) -> Result<bool, WorkflowError> {
    let salt = context.store.find_calendar_salt(resource).await?;
    let keys = context.token_keys().await?;
    Ok(salt.is_some_and(|salt| keys.is_calendar_key(resource, &salt, key)))
}

/// Ends the key of a resource's calendar export, and returns the new one; `None` if there is no such resource.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn renew_calendar_key(
    context: &Context,
    resource: &ResourceId,
) -> Result<Option<String>, WorkflowError> {
    context.store.renew_calendar_salt(resource).await?;
    find_calendar_key(context, resource).await
}

/// Lists resources, newest first.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn list_resources(context: &Context, page: &PageRequest) -> Result<Page<Resource>, WorkflowError> {
    Ok(context.store.list_resources(page).await?)
}

/// Writes a block, which keeps new holds out of its window. Returns the live holds that it overlaps, which stay; `None`
/// if there is no such resource.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn put_block(
    context: &Context,
    resource: &ResourceId,
    block: &Block,
) -> Result<Option<(PutOutcome, Vec<BlockConflict>)>, WorkflowError> {
    Ok(context.store.put_block(resource, block, context.now()).await?)
}

/// Finds a block that an operator set.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn find_block(
    context: &Context,
    resource: &ResourceId,
    id: &str,
) -> Result<Option<Block>, WorkflowError> {
    Ok(context.store.find_block(resource, id).await?)
}

/// Lists the blocks of a resource from all sources, the latest start first; `None` if there is no such resource.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn list_blocks(
    context: &Context,
    resource: &ResourceId,
    filter: &BlockFilter,
    page: &PageRequest,
) -> Result<Option<Page<ListedBlock>>, WorkflowError> {
    if context.store.find_resource(resource).await?.is_none() {
        return Ok(None);
    }
    Ok(Some(context.store.list_blocks(resource, filter, page).await?))
}

/// Deletes a block; `false` if there was none. Blocks of a calendar feed cannot be deleted: the feed owns them.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn delete_block(context: &Context, resource: &ResourceId, id: &str) -> Result<bool, WorkflowError> {
    Ok(context.store.delete_block(resource, id).await?)
}

/// Sets a resource's calendar feed, its URL and the zone of its times without a zone, or removes it; `false` if there is no such
/// resource. A feed that is set already is read again and keeps its state until then.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn set_feed(
    context: &Context,
    resource: &ResourceId,
    feed: Option<(&str, Option<&str>)>,
) -> Result<bool, WorkflowError> {
    let now = context.now();
    let known = context.store.find_feed(resource).await?;
    let known = known
        .as_ref()
        .map(|known| (known.url.as_str(), known.timezone.as_deref()));
    if feed.is_some() && known == feed {
        context.store.make_feed_due(resource, now).await?;
        context.new_feeds.notify_one();
        return Ok(true);
    }
    let new = feed.map(|(url, timezone)| NewFeed {
        url,
        timezone,
        reaches_to: now + FEED_REACH,
    });
    let is_set = context.store.set_feed(resource, new.as_ref(), now).await?;
    context.new_feeds.notify_one();
    Ok(is_set)
}

/// Finds a resource's calendar feed and its state; `None` if it has none.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn find_feed(context: &Context, resource: &ResourceId) -> Result<Option<Feed>, WorkflowError> {
    Ok(context.store.find_feed(resource).await?)
}

/// Lists all calendar feeds, the one that was set up last first.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn list_feeds(context: &Context, page: &PageRequest) -> Result<Page<Feed>, WorkflowError> {
    Ok(context.store.list_feeds(page).await?)
}

/// Has a resource's calendar feed read again, shortly; `false` if it has none. It keeps its state until then.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn read_feed_again(context: &Context, resource: &ResourceId) -> Result<bool, WorkflowError> {
    if context.store.find_feed(resource).await?.is_none() {
        return Ok(false);
    }
    context.store.make_feed_due(resource, context.now()).await?;
    context.new_feeds.notify_one();
    Ok(true)
}

/// Lists at most `limit` calendar feeds whose last read found faults, or failed.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn list_faulty_feeds(context: &Context, limit: u32) -> Result<Vec<Feed>, WorkflowError> {
    Ok(context.store.list_faulty_feeds(limit).await?)
}
