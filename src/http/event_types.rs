//! The event types on sale, as guests may see them.
//!
//! The views have what a guest needs to choose, and nothing of how the shop works.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::admin::pagination::{List, PageQuery, to_page_request};
use super::error::Problem;
use super::path_id::{PathId, parse_event_type_id};
use super::query_string::parse_query;
use super::server::Server;
use crate::domain::catalogue::{EventType, Resource};
use crate::domain::ids::ResourceId;
use crate::workflow::{Context, WorkflowError, catalogue};

/// An event type on sale, as guests may see it.
#[derive(Serialize, ToSchema)]
#[schema(as = PublicEventType)]
pub(super) struct OfferView {
    /// The event type's id.
    #[schema(example = "intro-call")]
    id: String,
    /// The name of the event type.
    #[schema(example = "Intro call")]
    name: String,
    /// What it is, in words; null if the shop does not say so.
    #[schema(required = true)]
    description: Option<String>,
    /// The segments of the event type. The first one begins at the start.
    segments: Vec<OfferSegmentView>,
    /// The price of one unit, in the currency's minor unit.
    #[schema(example = 5000)]
    amount: i64,
    /// The lower-case ISO code of the currency.
    #[schema(example = "eur")]
    currency: String,
    /// The resources of the first segment. A guest may request one of them.
    resources: Vec<OfferResourceView>,
    /// The time zone of the schedule; UTC if there is none.
    #[schema(example = "Europe/Berlin")]
    timezone: String,
    /// Until how many minutes before the start a guest who has paid may cancel for a full refund; null if never.
    #[schema(required = true)]
    guest_cancel_until_minutes: Option<i64>,
    /// Until how many minutes before the start a guest may move the hold; null if never.
    #[schema(required = true)]
    guest_move_until_minutes: Option<i64>,
}

/// A part of an event type, as guests may see it.
#[derive(Serialize, ToSchema)]
#[schema(as = PublicSegment)]
struct OfferSegmentView {
    /// The length of the segment in minutes.
    #[schema(example = 30)]
    duration_minutes: i64,
}

/// A resource that a guest may request.
#[derive(Serialize, ToSchema)]
#[schema(as = PublicResource)]
struct OfferResourceView {
    /// The id of the resource.
    #[schema(example = "ana")]
    id: String,
    /// The name that people see.
    #[schema(example = "Ana")]
    name: String,
}

impl OfferView {
    fn new(event_type: &EventType, names: &HashMap<ResourceId, String>) -> Self {
        let show_resource = |id: &ResourceId| OfferResourceView {
            id: id.to_string(),
            name: names.get(id).cloned().unwrap_or_else(|| id.to_string()),
        };
        let first = event_type.segments.first();
        let segments = event_type.segments.iter();
        let schedule = event_type.schedule.as_ref();
        Self {
            id: event_type.id.to_string(),
            name: event_type.name.clone(),
            description: event_type.description.clone(),
            segments: segments
                .map(|segment| OfferSegmentView {
                    duration_minutes: segment.duration_minutes,
                })
                .collect(),
            amount: event_type.price.amount,
            currency: event_type.price.currency.to_string(),
            resources: first.map_or_else(Vec::new, |first| first.any_of.iter().map(show_resource).collect()),
            timezone: schedule.map_or_else(|| "UTC".to_owned(), |schedule| schedule.timezone.to_string()),
            guest_cancel_until_minutes: event_type.change_policy.cancel_until_minutes,
            guest_move_until_minutes: event_type.change_policy.move_until_minutes,
        }
    }
}

/// Lists the event types on sale, newest first.
#[utoipa::path(
    get, path = "/v1/event-types", operation_id = "listOffers", tag = "holds",
    params(
        PageQuery,
    ),
    responses(
        (status = 200, description = "The event types on sale", body = List<OfferView>),
        (status = 422, description = "`invalid`"),
        (status = 429, description = "`rate_limited`"),
        (status = 500, description = "`internal`"),
        (status = 503, description = "`store_unavailable` or `too_busy`"),
    )
)]
pub(super) async fn list_offers(
    State(server): State<Arc<Server>>,
    RawQuery(query): RawQuery,
) -> Result<Json<List<OfferView>>, Problem> {
    let query: PageQuery = parse_query(query.as_deref())?;
    let page = to_page_request(query.limit, query.cursor);
    let found = catalogue::list_event_types(&server.context, &page).await?;
    let names = find_names(&server.context, &found.entries).await?;
    Ok(List::from_page(&found, |event_type| {
        OfferView::new(event_type, &names)
    }))
}

/// Shows an event type on sale.
#[utoipa::path(
    get, path = "/v1/event-types/{id}", operation_id = "getOffer", tag = "holds",
    params(("id" = String, Path, description = "the event type's id", pattern = "^[a-z0-9-]{1,64}$")),
    responses(
        (status = 200, description = "The event type", body = OfferView),
        (status = 404, description = "`not_found`"),
        (status = 429, description = "`rate_limited`"),
        (status = 500, description = "`internal`"),
        (status = 503, description = "`store_unavailable` or `too_busy`"),
    )
)]
pub(super) async fn get_offer(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
) -> Result<Json<OfferView>, Problem> {
    let event_type = catalogue::find_event_type(&server.context, &parse_event_type_id(&id)?).await?;
    let event_type = event_type.ok_or_else(|| Problem::not_found("event type"))?;
    let names = find_names(&server.context, std::slice::from_ref(&event_type)).await?;
    Ok(Json(OfferView::new(&event_type, &names)))
}

/// Finds the names of the resources that the views of some event types show.
async fn find_names(
    context: &Context,
    event_types: &[EventType],
) -> Result<HashMap<ResourceId, String>, WorkflowError> {
    let first_segments = event_types
        .iter()
        .filter_map(|event_type| event_type.segments.first());
    let mut ids: Vec<ResourceId> = first_segments.flat_map(|first| first.any_of.clone()).collect();
    ids.sort_unstable();
    ids.dedup();
    let found = catalogue::find_resources(context, &ids).await?;
    Ok(found
        .into_iter()
        .map(|Resource { id, name, .. }| (id, name))
        .collect())
}
