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
use crate::domain::catalogue::{EventType, MAX_QUANTITY, Resource, SegmentTemplate};
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
    /// The most units of one booking; all units of a segment are on one resource.
    #[schema(example = 20, minimum = 1)]
    max_quantity: u32,
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
    /// How many minutes after the start the segment begins.
    #[schema(example = 0)]
    offset_minutes: i64,
    /// The length of the segment in minutes.
    #[schema(example = 30)]
    duration_minutes: i64,
    /// The resources of which one serves the segment.
    resources: Vec<OfferResourceView>,
}

/// A resource that a guest may request.
#[derive(Clone, Serialize, ToSchema)]
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
    fn new(event_type: &EventType, resources: &HashMap<ResourceId, Resource>) -> Self {
        let segments: Vec<_> = event_type
            .segments
            .iter()
            .map(|segment| OfferSegmentView::new(segment, resources))
            .collect();
        let schedule = event_type.schedule.as_ref();
        Self {
            id: event_type.id.to_string(),
            name: event_type.name.clone(),
            description: event_type.description.clone(),
            amount: event_type.price.amount,
            currency: event_type.price.currency.to_string(),
            resources: segments
                .first()
                .map_or_else(Vec::new, |first| first.resources.clone()),
            max_quantity: find_max_quantity(event_type, resources),
            timezone: schedule.map_or_else(|| "UTC".to_owned(), |schedule| schedule.timezone.to_string()),
            guest_cancel_until_minutes: event_type.change_policy.cancel_until_minutes,
            guest_move_until_minutes: event_type.change_policy.move_until_minutes,
            segments,
        }
    }
}

impl OfferSegmentView {
    fn new(segment: &SegmentTemplate, resources: &HashMap<ResourceId, Resource>) -> Self {
        let show_resource = |id: &ResourceId| OfferResourceView {
            id: id.to_string(),
            name: resources
                .get(id)
                .map_or_else(|| id.to_string(), |resource| resource.name.clone()),
        };
        Self {
            offset_minutes: segment.offset_minutes,
            duration_minutes: segment.duration_minutes,
            resources: segment.any_of.iter().map(show_resource).collect(),
        }
    }
}

/// Finds the most units that one booking can have: those of the largest resource, in the segment where that is smallest.
fn find_max_quantity(event_type: &EventType, resources: &HashMap<ResourceId, Resource>) -> u32 {
    let largest = |segment: &SegmentTemplate| {
        let found = segment.any_of.iter().filter_map(|id| resources.get(id));
        found.map(|resource| resource.capacity).max()
    };
    let most = event_type.segments.iter().filter_map(largest).min();
    most.unwrap_or(1).clamp(1, MAX_QUANTITY)
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
    let resources = find_resources(&server.context, &found.entries).await?;
    Ok(List::from_page(&found, |event_type| {
        OfferView::new(event_type, &resources)
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
    let resources = find_resources(&server.context, std::slice::from_ref(&event_type)).await?;
    Ok(Json(OfferView::new(&event_type, &resources)))
}

/// Finds the resources that some event types need.
async fn find_resources(
    context: &Context,
    event_types: &[EventType],
) -> Result<HashMap<ResourceId, Resource>, WorkflowError> {
    let segments = event_types.iter().flat_map(|event_type| &event_type.segments);
    let mut ids: Vec<ResourceId> = segments.flat_map(|segment| segment.any_of.clone()).collect();
    ids.sort_unstable();
    ids.dedup();
    let found = catalogue::find_resources(context, &ids).await?;
    Ok(found
        .into_iter()
        .map(|resource| (resource.id.clone(), resource))
        .collect())
}
