//! The demo shop of `holdfast sandbox`: its page, and what the page asks for besides the public API, which it uses like
//! any shop's page: slots, checkouts, holds. Not part of the API's description: a shop has its own page.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde::Serialize;

use super::error::Problem;
use super::{Server, pages};
use crate::domain::catalogue::{EventType, Resource, SegmentTemplate};
use crate::domain::ids::ResourceId;
use crate::domain::listing::PageRequest;
use crate::workflow::catalogue;

/// The demo page.
pub(super) async fn page() -> impl IntoResponse {
    pages::page(include_str!("pages/demo.html"))
}

/// Its script.
pub(super) async fn script() -> impl IntoResponse {
    pages::javascript(include_str!("pages/demo.js"))
}

/// The part of its script that draws choices, days and weeks.
pub(super) async fn drawing() -> impl IntoResponse {
    pages::javascript(include_str!("pages/draw.js"))
}

/// What is on show.
#[derive(Serialize)]
struct ShopWindow {
    event_types: Vec<Offer>,
}

/// An event type; its slots are the API's to tell.
#[derive(Serialize)]
struct Offer {
    id: String,
    name: String,
    amount: i64,
    currency: String,
    duration_minutes: i64,
    /// The first of its resources are those a guest may wish for.
    segments: Vec<Segment>,
}

/// A part of it, and who can serve that part.
#[derive(Serialize)]
struct Segment {
    offset_minutes: i64,
    duration_minutes: i64,
    resources: Vec<Known>,
}

/// Who serves, by the name that guests know.
#[derive(Serialize)]
struct Known {
    id: String,
    name: String,
    capacity: u32,
}

/// The catalogue, oldest first.
pub(super) async fn event_types(State(server): State<Arc<Server>>) -> Result<impl IntoResponse, Problem> {
    let everything = PageRequest {
        limit: 200,
        cursor: None,
    };
    let found = catalogue::list_event_types(&server.context, &everything).await?;
    let known = catalogue::list_resources(&server.context, &everything)
        .await?
        .entries;
    let offers = found.entries.iter().rev();
    let event_types = offers.map(|event_type| Offer::new(event_type, &known)).collect();
    Ok((
        [(header::CACHE_CONTROL, "no-store")],
        Json(ShopWindow { event_types }),
    ))
}

impl Offer {
    fn new(event_type: &EventType, known: &[Resource]) -> Self {
        Self {
            id: event_type.id.to_string(),
            name: event_type.name.clone(),
            amount: event_type.price.amount,
            currency: event_type.price.currency.to_string(),
            duration_minutes: event_type.length().num_minutes(),
            segments: event_type
                .segments
                .iter()
                .map(|need| Segment::new(need, known))
                .collect(),
        }
    }
}

impl Segment {
    fn new(need: &SegmentTemplate, known: &[Resource]) -> Self {
        let name = |id: &ResourceId| known.iter().find(|resource| resource.id == *id).map(Known::from);
        Self {
            offset_minutes: need.offset_minutes,
            duration_minutes: need.duration_minutes,
            resources: need.any_of.iter().filter_map(name).collect(),
        }
    }
}

impl From<&Resource> for Known {
    fn from(resource: &Resource) -> Self {
        Self {
            id: resource.id.to_string(),
            name: resource.name.clone(),
            capacity: resource.capacity,
        }
    }
}
