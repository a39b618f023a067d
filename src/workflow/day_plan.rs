//! Reads what resources do within a window, for the people who work there.

use chrono::Duration;

use super::context::Context;
use super::error::WorkflowError;
use crate::domain::availability::OccupiedBy;
use crate::domain::booking::Booking;
use crate::domain::catalogue::{EventType, MAX_DURATION_MINUTES, Resource};
use crate::domain::day_plan::{PlanFacts, ResourcePlan, plan_resources};
use crate::domain::ids::ResourceId;
use crate::domain::listing::{HoldFilter, HoldSort, PageRequest, StatusKind};
use crate::domain::time::Window;
use crate::store::AvailabilityQuery;

/// The most entries of a page of a list.
const PAGE: u32 = 200;
/// How many pages of each list a plan reads at most.
const MAX_PAGES: usize = 10;

/// Reads a list page by page. Results in its entries, and whether they are all.
macro_rules! read_pages {
    (|$page:ident| $read:expr) => {{
        let (mut entries, mut cursor, mut is_complete) = (Vec::new(), None, false);
        for _ in 0..MAX_PAGES {
            let $page = PageRequest { limit: PAGE, cursor };
            let found = $read.await?;
            entries.extend(found.entries);
            cursor = found.next;
            if cursor.is_none() {
                is_complete = true;
                break;
            }
        }
        (entries, is_complete)
    }};
}

/// What resources do within a window.
#[derive(Clone, Debug)]
pub struct LoadedPlan {
    /// The plan of each resource, by name.
    pub resources: Vec<ResourcePlan>,
    /// The bookings that the plans name by their index.
    pub bookings: Vec<Booking>,
    /// What the shop sells, for the names of what was booked.
    pub event_types: Vec<EventType>,
    /// Whether nothing is left out because there is too much.
    pub is_complete: bool,
}

/// Reads the plan of all resources.
///
/// # Errors
/// [`WorkflowError::Store`] if the database is unreachable.
pub async fn load_plan(context: &Context, within: Window) -> Result<LoadedPlan, WorkflowError> {
    let store = &context.store;
    let (mut resources, has_all_resources) = read_pages!(|page| store.list_resources(&page));
    resources.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
    let (event_types, has_all_types) = read_pages!(|page| store.list_event_types(&page));
    // A booking is not longer than this, so none that overlaps the window begins earlier.
    let from = within.starts_at() - Duration::minutes(MAX_DURATION_MINUTES);
    let filter = HoldFilter {
        statuses: vec![StatusKind::Held, StatusKind::Processing, StatusKind::Confirmed],
        from: Some(from),
        to: Some(within.ends_at()),
        sort: HoldSort::Start,
        ..HoldFilter::default()
    };
    let (mut bookings, has_all_bookings) = read_pages!(|page| store.list_bookings(&filter, &page));
    bookings.retain(|booking| booking.window().overlaps(&within));
    let blocks = load_blocks(context, &resources, within).await?;
    let facts = PlanFacts {
        within,
        resources: &resources,
        bookings: &bookings,
        blocks: &blocks,
        event_types: &event_types,
    };
    Ok(LoadedPlan {
        resources: plan_resources(facts, &context.settings.zones),
        bookings,
        event_types,
        is_complete: has_all_resources && has_all_types && has_all_bookings,
    })
}

async fn load_blocks(
    context: &Context,
    resources: &[Resource],
    within: Window,
) -> Result<Vec<(ResourceId, Window)>, WorkflowError> {
    let ids: Vec<ResourceId> = resources.iter().map(|resource| resource.id.clone()).collect();
    let query = AvailabilityQuery {
        resources: &ids,
        within,
        moving: None,
        statuses_at: None,
    };
    let availability = context.store.load_availability(&query).await?;
    let occupancies = availability.occupancies();
    let blocks = occupancies.filter(|occupancy| occupancy.by == OccupiedBy::Block);
    Ok(blocks
        .map(|block| (block.resource.clone(), block.window))
        .collect())
}
