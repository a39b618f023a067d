//! The demo shop of `holdfast sandbox`: its page, and the catalogue that the page shows.
//!
//! For slots, checkouts and holds, the page uses the public API, as the page of any shop would. The routes here are not
//! part of the API description, because a shop has its own page.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use serde::Serialize;

use super::error::Problem;
use super::server::Server;
use super::static_assets::{to_checkout_page, to_script};
use crate::domain::catalogue::{EventType, Resource, SegmentTemplate};
use crate::domain::ids::ResourceId;
use crate::domain::listing::PageRequest;
use crate::workflow::catalogue;

/// Serves the demo page.
pub(super) async fn serve_page(State(server): State<Arc<Server>>) -> impl IntoResponse {
    to_checkout_page(include_str!("pages/demo.html"), server.stripe_js.as_ref())
}

/// Serves the script of the demo page.
pub(super) async fn serve_script() -> impl IntoResponse {
    to_script(include_str!("pages/demo.js"))
}

/// Serves the script that draws choices, days and weeks.
pub(super) async fn serve_calendar_script() -> impl IntoResponse {
    to_script(include_str!("pages/calendar.js"))
}

/// The event types on sale, with what the demo page shows of them.
#[derive(Serialize)]
pub(super) struct DemoCatalogue {
    event_types: Vec<DemoEventType>,
}

/// An event type as the demo page shows it. The page asks the public API for its slots.
#[derive(Serialize)]
struct DemoEventType {
    id: String,
    name: String,
    amount: i64,
    currency: String,
    duration_minutes: i64,
    /// A guest may request one of the first segment's resources.
    segments: Vec<DemoSegment>,
}

#[derive(Serialize)]
struct DemoSegment {
    offset_minutes: i64,
    duration_minutes: i64,
    resources: Vec<DemoResource>,
}

#[derive(Serialize)]
struct DemoResource {
    id: String,
    name: String,
    capacity: u32,
}

/// Lists the event types on sale, oldest first.
pub(super) async fn list_event_types(
    State(server): State<Arc<Server>>,
) -> Result<Json<DemoCatalogue>, Problem> {
    // The demo's catalogue fits into one page.
    let first_page = PageRequest {
        limit: 200,
        cursor: None,
    };
    let found = catalogue::list_event_types(&server.context, &first_page).await?;
    let resources = catalogue::list_resources(&server.context, &first_page)
        .await?
        .entries;
    // The workflow lists the newest first.
    let oldest_first = found.entries.iter().rev();
    let event_types = oldest_first
        .map(|event_type| DemoEventType::new(event_type, &resources))
        .collect();
    Ok(Json(DemoCatalogue { event_types }))
}

impl DemoEventType {
    fn new(event_type: &EventType, resources: &[Resource]) -> Self {
        Self {
            id: event_type.id.to_string(),
            name: event_type.name.clone(),
            amount: event_type.price.amount,
            currency: event_type.price.currency.to_string(),
            duration_minutes: event_type.length().num_minutes(),
            segments: event_type
                .segments
                .iter()
                .map(|segment| DemoSegment::new(segment, resources))
                .collect(),
        }
    }
}

impl DemoSegment {
    fn new(segment: &SegmentTemplate, resources: &[Resource]) -> Self {
        let find_resource = |id: &ResourceId| {
            let found = resources.iter().find(|resource| resource.id == *id);
            found.map(DemoResource::from)
        };
        Self {
            offset_minutes: segment.offset_minutes,
            duration_minutes: segment.duration_minutes,
            resources: segment.any_of.iter().filter_map(find_resource).collect(),
        }
    }
}

impl From<&Resource> for DemoResource {
    fn from(resource: &Resource) -> Self {
        Self {
            id: resource.id.to_string(),
            name: resource.name.clone(),
            capacity: resource.capacity,
        }
    }
}
