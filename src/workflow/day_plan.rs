//! Reads what resources do within a window, for the people who work there.

use super::context::Context;
use super::error::WorkflowError;
use crate::domain::availability::OccupiedBy;
use crate::domain::booking::Booking;
use crate::domain::catalogue::{EventType, Resource};
use crate::domain::day_plan::{PlanEntryKind, PlanFacts, ResourcePlan, plan_resources};
use crate::domain::ids::ResourceId;
use crate::domain::listing::PageRequest;
use crate::domain::time::Window;
use crate::store::AvailabilityQuery;

/// The most entries of a page of a list.
const PAGE: u32 = 200;
/// How many pages of each list a plan reads at most.
const MAX_PAGES: usize = 10;
/// The most bookings of a plan.
const MAX_BOOKINGS: u32 = 2_000;
/// The work of placing the bookings of one resource; that of a day of an event type is 1.
const WORK_OF_BOOKINGS: u64 = 200;

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
    /// The plan of each resource, by name. One that is not complete has no gaps: what is left out may be in them.
    pub resources: Vec<ResourcePlan>,
    /// The bookings that the plans name by their index. Of some only a buffer lies within the window.
    pub bookings: Vec<Booking>,
    /// What the shop sells, for the names of what was booked.
    pub event_types: Vec<EventType>,
    /// Whether nothing is left out because there is too much.
    pub is_complete: bool,
    within: Window,
}

impl LoadedPlan {
    /// Lists the bookings whose guests come within the window.
    pub fn list_guests(&self) -> impl Iterator<Item = &Booking> {
        let bookings = self.bookings.iter();
        bookings.filter(|booking| booking.window().overlaps(&self.within))
    }
}

/// Reads the plan of all resources.
///
/// # Errors
/// - [`WorkflowError::Store`] if the database is unreachable.
/// - [`WorkflowError::TooBusy`] if the plan is long, and too much other heavy work runs.
pub async fn load_plan(context: &Context, within: Window) -> Result<LoadedPlan, WorkflowError> {
    let store = &context.store;
    let (mut resources, has_all_resources) = read_pages!(|page| store.list_resources(&page));
    resources.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
    let (event_types, has_all_types) = read_pages!(|page| store.list_event_types(&page));
    // Before the bookings: loading many is work too.
    let permit = context
        .heavy_work
        .admit(estimate_work(&resources, &event_types, within))
        .await?;
    let (bookings, has_all_bookings) = load_bookings(context, &resources, within).await?;
    let blocks = load_blocks(context, &resources, within).await?;
    let zones = context.settings.zones.clone();
    let is_complete = has_all_resources && has_all_types && has_all_bookings;
    let planned = permit.run(move |_| {
        let mut plans = plan_resources(
            PlanFacts {
                within,
                resources: &resources,
                bookings: &bookings,
                blocks: &blocks,
                event_types: &event_types,
            },
            &zones,
        );
        if !is_complete {
            for plan in &mut plans {
                plan.entries.retain(|entry| entry.kind != PlanEntryKind::Gap);
            }
        }
        LoadedPlan {
            resources: plans,
            bookings,
            event_types,
            is_complete,
            within,
        }
    });
    planned.await
}

/// Estimates the work of a plan: each resource looks at what each event type opens on each day, and its own bookings.
fn estimate_work(resources: &[Resource], event_types: &[EventType], within: Window) -> u64 {
    let days = within.length().num_days().unsigned_abs() + 1;
    let counted = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let of_each = counted(event_types.len()).saturating_mul(days);
    counted(resources.len()).saturating_mul(of_each.saturating_add(WORK_OF_BOOKINGS))
}

/// Loads the live holds that keep the resources busy within the window, and whether they are all.
async fn load_bookings(
    context: &Context,
    resources: &[Resource],
    within: Window,
) -> Result<(Vec<Booking>, bool), WorkflowError> {
    let ids = list_ids(resources);
    let store = &context.store;
    let mut bookings = store
        .list_live_of_resources(&ids, within, MAX_BOOKINGS + 1)
        .await?;
    let most = usize::try_from(MAX_BOOKINGS).unwrap_or(usize::MAX);
    let has_all = bookings.len() <= most;
    bookings.truncate(most);
    Ok((bookings, has_all))
}

fn list_ids(resources: &[Resource]) -> Vec<ResourceId> {
    resources.iter().map(|resource| resource.id.clone()).collect()
}

async fn load_blocks(
    context: &Context,
    resources: &[Resource],
    within: Window,
) -> Result<Vec<(ResourceId, Window)>, WorkflowError> {
    let ids = list_ids(resources);
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
