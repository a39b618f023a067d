//! Lists the slots of an event type and whether each is free. Every request reads the database; nothing is cached.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::header;
use axum::response::IntoResponse;
use chrono::{DateTime, Duration, Utc};
use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;

use super::error::{Problem, ProblemCode};
use super::field_errors::FieldErrors;
use super::field_values::{QuantityText, SlotLimit};
use super::path_id::{PathId, parse_event_type_id};
use super::query_string::parse_query;
use super::server::Server;
use super::slot_view::SlotView;
use crate::domain::time::Window;
use crate::workflow::availability::{self, EventTypeSlots, SlotListRequest};

/// The longest period that one request may ask for.
const MAX_PERIOD: Duration = Duration::days(62);

/// The slots of an event type in a period.
#[derive(Serialize, ToSchema)]
#[schema(as = Slots)]
pub(super) struct SlotsView {
    /// The event type's id.
    #[schema(example = "intro-call")]
    event_type: String,
    /// The time zone of the event type's schedule; UTC if it has no schedule.
    #[schema(example = "Europe/Berlin")]
    timezone: String,
    /// The slots, ordered by start.
    slots: Vec<SlotView>,
}

#[derive(Debug, Deserr)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
struct SlotsQuery {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    #[deserr(default)]
    quantity: Option<QuantityText>,
    #[deserr(default)]
    limit: Option<SlotLimit>,
}

/// Lists the slots of a period of at most 62 days, and which of them are free.
#[utoipa::path(
    get, path = "/v1/event-types/{id}/slots", operation_id = "listSlots", tag = "holds",
    params(
        ("id" = String, Path, description = "the event type's id", pattern = "^[a-z0-9-]{1,64}$"),
        ("from" = DateTime<Utc>, Query, description = "only slots that start at this time or later, RFC 3339"),
        (
            "to" = DateTime<Utc>, Query,
            description = "only slots that start before this time, RFC 3339; at most 62 days after `from`"
        ),
        (
            "quantity" = Option<u32>, Query,
            description = "how many units to book together, 1 by default", minimum = 1, maximum = 50
        ),
        (
            "limit" = Option<u32>, Query,
            description = "the most slots to list, from the first one on; all by default", minimum = 1, maximum = 5000
        ),
    ),
    responses(
        (status = 200, description = "The slots", body = SlotsView),
        (status = 404, description = "`not_found`"),
        (status = 422, description = "`invalid`"),
        (status = 429, description = "`rate_limited`"),
        (status = 500, description = "`internal`"),
        (status = 503, description = "`store_unavailable` or `too_busy`"),
    )
)]
pub(super) async fn list_slots(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    RawQuery(query): RawQuery,
) -> Result<impl IntoResponse, Problem> {
    let id = parse_event_type_id(&id)?;
    let query: SlotsQuery = parse_query(query.as_deref())?;
    let period = Window::new(query.from, query.to).filter(|window| window.length() <= MAX_PERIOD);
    let period = period
        .ok_or_else(|| Problem::invalid_field("to", "must be after from, and at most 62 days after it"))?;
    let list = SlotListRequest {
        within: period,
        quantity: query.quantity.map_or(1, |QuantityText(quantity)| quantity),
        limit: query.limit.map(|SlotLimit(limit)| limit),
    };
    let json = availability::list_slots(&server.context, &id, list, show_slots).await?;
    let json = json.ok_or_else(|| Problem::not_found("event type"))?;
    let json = json.map_err(|error| {
        tracing::error!(%error, "the slots cannot be written");
        Problem::new(ProblemCode::Internal, "the log has the details")
    })?;
    Ok(([(header::CONTENT_TYPE, "application/json")], json))
}

/// Writes the slots as JSON.
fn show_slots(offer: EventTypeSlots) -> serde_json::Result<Vec<u8>> {
    let schedule = offer.event_type.schedule.as_ref();
    let timezone = schedule.map_or("UTC", |schedule| schedule.timezone.as_str());
    serde_json::to_vec(&SlotsView {
        event_type: offer.event_type.id.to_string(),
        timezone: timezone.to_owned(),
        slots: offer.slots.iter().map(SlotView::from).collect(),
    })
}
