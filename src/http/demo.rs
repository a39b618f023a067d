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
use crate::domain::books::PageRequest;
use crate::domain::catalogue::EventType;
use crate::workflow::catalogue;

/// The demo page.
pub(super) async fn page() -> impl IntoResponse {
    pages::page(include_str!("pages/demo.html"))
}

/// Its script.
pub(super) async fn script() -> impl IntoResponse {
    pages::javascript(include_str!("pages/demo.js"))
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
    /// Who serves: a choice where there is more than one.
    resources: Vec<String>,
}

/// The catalogue, oldest first.
pub(super) async fn event_types(State(server): State<Arc<Server>>) -> Result<impl IntoResponse, Problem> {
    let everything = PageRequest {
        limit: 200,
        cursor: None,
    };
    let found = catalogue::list(&server.context, &everything).await?;
    let event_types = found.entries.iter().rev().map(Offer::from).collect();
    Ok((
        [(header::CACHE_CONTROL, "no-store")],
        Json(ShopWindow { event_types }),
    ))
}

impl From<&EventType> for Offer {
    fn from(event_type: &EventType) -> Self {
        Self {
            id: event_type.id.to_string(),
            name: event_type.name.clone(),
            amount: event_type.price.amount,
            currency: event_type.price.currency.to_string(),
            duration_minutes: event_type.length().num_minutes(),
            resources: event_type.resources().iter().map(ToString::to_string).collect(),
        }
    }
}
