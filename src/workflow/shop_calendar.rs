//! The shop's calendar: what keeps each resource busy within a time, and which live holds a closed time meets.
//!
//! Everything is read from the store when it is asked for, and bounded: a part of the resources, and the first holds and
//! blocks of each.

use super::context::Context;
use super::error::WorkflowError;
use crate::domain::booking::Booking;
use crate::domain::catalogue::{ListedBlock, Resource};
use crate::domain::ids::ResourceId;
use crate::domain::listing::{BlockFilter, Page, PageRequest};
use crate::domain::time::Window;

/// The most live holds that are read at once.
pub const MAX_HOLDS: u32 = 500;

/// The most blocks of one resource that are read at once.
const MAX_BLOCKS: u32 = 200;

/// What keeps a resource busy within a time.
#[derive(Clone, Debug)]
pub struct ResourceTimes {
    /// The resource that is busy.
    pub resource: Resource,
    /// The live holds that have it, each once: the first start first.
    pub holds: Vec<Booking>,
    /// The blocks of all sources: the first start first.
    pub blocks: Vec<ListedBlock>,
}

/// What keeps some resources busy within a time.
#[derive(Clone, Debug)]
pub struct ShopCalendar {
    /// The resources with their times, newest first.
    pub resources: Page<ResourceTimes>,
    /// Whether everything is there; otherwise only the first [`MAX_HOLDS`] holds or the latest blocks are.
    pub is_complete: bool,
}

/// Reads what keeps a page of resources busy within a window.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn load_calendar(
    context: &Context,
    within: Window,
    page: &PageRequest,
) -> Result<ShopCalendar, WorkflowError> {
    let resources = context.store.list_resources(page).await?;
    let ids: Vec<ResourceId> = resources
        .entries
        .iter()
        .map(|resource| resource.id.clone())
        .collect();
    let (holds, mut is_complete) = list_live(context, &ids, within).await?;
    let mut entries = Vec::new();
    for resource in resources.entries {
        let (blocks, has_all) = list_blocks(context, &resource.id, within).await?;
        is_complete &= has_all;
        entries.push(ResourceTimes {
            holds: holds
                .iter()
                .filter(|booking| occupies(booking, &resource.id, within))
                .cloned()
                .collect(),
            blocks,
            resource,
        });
    }
    Ok(ShopCalendar {
        resources: Page {
            entries,
            next: resources.next,
        },
        is_complete,
    })
}

/// Lists the live holds that a time without sales would meet, on these resources or on all: the first start first, and whether
/// they are all.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn find_conflicts(
    context: &Context,
    resources: Option<&[ResourceId]>,
    closed: Window,
) -> Result<(Vec<Booking>, bool), WorkflowError> {
    match resources {
        Some(resources) => list_live(context, resources, closed).await,
        None => {
            let all = list_resource_ids(context).await?;
            list_live(context, &all, closed).await
        }
    }
}

/// Tells whether a booking keeps the resource busy within the window, buffers included.
fn occupies(booking: &Booking, resource: &ResourceId, within: Window) -> bool {
    let mut segments = booking.segments.iter();
    segments.any(|segment| segment.resource == *resource && segment.busy.overlaps(&within))
}

async fn list_live(
    context: &Context,
    resources: &[ResourceId],
    within: Window,
) -> Result<(Vec<Booking>, bool), WorkflowError> {
    let most = usize::try_from(MAX_HOLDS).unwrap_or(usize::MAX);
    let store = &context.store;
    let mut holds = store
        .list_live_of_resources(resources, within, MAX_HOLDS + 1)
        .await?;
    let has_all = holds.len() <= most;
    holds.truncate(most);
    Ok((holds, has_all))
}

async fn list_blocks(
    context: &Context,
    resource: &ResourceId,
    within: Window,
) -> Result<(Vec<ListedBlock>, bool), WorkflowError> {
    let filter = BlockFilter {
        from: Some(within.starts_at()),
        to: Some(within.ends_at()),
        only_operators: false,
    };
    let page = PageRequest {
        limit: MAX_BLOCKS,
        cursor: None,
    };
    let found = context.store.list_blocks(resource, &filter, &page).await?;
    let mut blocks = found.entries;
    blocks.reverse();
    Ok((blocks, found.next.is_none()))
}

/// Lists the ids of all resources.
async fn list_resource_ids(context: &Context) -> Result<Vec<ResourceId>, WorkflowError> {
    let mut page = PageRequest {
        limit: 200,
        cursor: None,
    };
    let mut ids = Vec::new();
    loop {
        let found = context.store.list_resources(&page).await?;
        ids.extend(found.entries.into_iter().map(|resource| resource.id));
        if found.next.is_none() {
            return Ok(ids);
        }
        page.cursor = found.next;
    }
}
