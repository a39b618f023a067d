//! What was sent to an endpoint and what is to be, and how to send it again.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use chrono::{DateTime, Utc};
use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::pagination::{List, PageQuery, to_page_request};
use super::{missing, parse_endpoint_id};
use crate::domain::event_endpoint::DeliveryState;
use crate::http::error::Problem;
use crate::http::field_errors::FieldErrors;
use crate::http::field_values::{Cursor, Limit};
use crate::http::json_body::{parse_json, read_json};
use crate::http::path_id::PathId;
use crate::http::query_string::parse_query;
use crate::http::server::Server;
use crate::http::timestamps::format_instant;
use crate::workflow::event_endpoints::{self, DeliveryWithId};

/// What has become of an event at an endpoint.
#[derive(Clone, Copy, Debug, Serialize, Deserr, ToSchema)]
#[serde(rename_all = "snake_case")]
#[deserr(error = FieldErrors, rename_all = lowercase)]
#[schema(as = DeliveryState)]
enum DeliveryStateView {
    /// It is to be sent, for the first time or again.
    Pending,
    /// The endpoint has taken it.
    Done,
    /// The endpoint has not taken it, and it is sent no more.
    Failed,
}

impl From<DeliveryState> for DeliveryStateView {
    fn from(state: DeliveryState) -> Self {
        match state {
            DeliveryState::Pending => Self::Pending,
            DeliveryState::Done => Self::Done,
            DeliveryState::Failed => Self::Failed,
        }
    }
}

impl From<DeliveryStateView> for DeliveryState {
    fn from(state: DeliveryStateView) -> Self {
        match state {
            DeliveryStateView::Pending => Self::Pending,
            DeliveryStateView::Done => Self::Done,
            DeliveryStateView::Failed => Self::Failed,
        }
    }
}

/// An event at an endpoint.
#[derive(Serialize, ToSchema)]
#[schema(as = Delivery)]
pub(in crate::http) struct DeliveryView {
    /// The id of the event: its `webhook-id`.
    #[schema(required = true, example = "evt_0193a2b3c4d5_000000000042_1a1ee565e00")]
    event: Option<String>,
    /// The type of the event.
    #[schema(required = true, value_type = Option<String>, example = "hold.confirmed")]
    r#type: Option<&'static str>,
    /// The hold that it happened to.
    #[schema(required = true)]
    hold: Option<Uuid>,
    /// What has become of it.
    state: DeliveryStateView,
    /// How many attempts were made.
    attempts: u32,
    /// When the next attempt is due. Null if none is, or while an earlier event of the hold is not over.
    #[schema(format = DateTime, required = true)]
    next_at: Option<String>,
    /// When the last attempt was made.
    #[schema(format = DateTime, required = true)]
    last_at: Option<String>,
    /// The HTTP status of the last answer.
    #[schema(required = true)]
    last_status: Option<u16>,
    /// Why the last attempt failed.
    #[schema(required = true)]
    last_fault: Option<String>,
}

impl From<&DeliveryWithId> for DeliveryView {
    fn from(named: &DeliveryWithId) -> Self {
        let delivery = &named.delivery;
        Self {
            event: named.event.clone(),
            r#type: delivery.kind.map(|kind| kind.as_str()),
            hold: delivery.hold.map(|hold| hold.0),
            state: delivery.state.into(),
            attempts: delivery.attempts,
            next_at: delivery.due_at.map(format_instant),
            last_at: delivery.last_attempt_at.map(format_instant),
            last_status: delivery.last_status,
            last_fault: delivery.last_fault.clone(),
        }
    }
}

#[derive(Debug, Deserr)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
struct DeliveryListQuery {
    #[deserr(default)]
    state: Option<DeliveryStateView>,
    #[deserr(default)]
    limit: Option<Limit>,
    #[deserr(default)]
    cursor: Option<Cursor>,
}

/// Lists what was sent to an endpoint and what is to be, newest event first.
#[utoipa::path(
    get, path = "/v1/admin/webhook-endpoints/{id}/deliveries", operation_id = "listDeliveries", tag = "operators",
    params(
        ("id" = String, Path, description = "the endpoint's id"),
        ("state" = Option<DeliveryStateView>, Query, description = "only deliveries in this state"),
        PageQuery,
    ),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The deliveries", body = List<DeliveryView>),
        (status = 404, description = "`not_found`"),
        (status = 422, description = "`invalid`"),
    )
)]
pub(in crate::http) async fn list_deliveries(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    RawQuery(query): RawQuery,
) -> Result<Json<List<DeliveryView>>, Problem> {
    let id = parse_endpoint_id(&id)?;
    let query: DeliveryListQuery = parse_query(query.as_deref())?;
    let page = to_page_request(query.limit, query.cursor);
    let state = query.state.map(DeliveryState::from);
    let found = event_endpoints::list_deliveries(&server.context, &id, state, &page).await?;
    Ok(List::from_page(&found.ok_or_else(missing)?, DeliveryView::from))
}

/// Which events to send again.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct EventReplay {
    /// The first instant of the range.
    #[schema(example = "2026-12-01T00:00:00Z")]
    from: DateTime<Utc>,
    /// The first instant after the range.
    #[schema(example = "2026-12-02T00:00:00Z")]
    to: DateTime<Utc>,
}

/// What is sent again.
#[derive(Serialize, ToSchema)]
#[schema(as = ReplayedEvents)]
pub(in crate::http) struct ReplayedEventsView {
    /// How many events are sent again.
    #[schema(example = 12)]
    events: u64,
    /// Where the next replay must begin, if the range has more events than one replay sends; else null.
    #[schema(format = DateTime, required = true)]
    next_from: Option<String>,
}

/// Sends the events of a range again, with their ids, in order for each hold: at most 10,000, oldest first. What was not sent
/// yet is not sent twice.
#[utoipa::path(
    post, path = "/v1/admin/webhook-endpoints/{id}/replay", operation_id = "replayEvents", tag = "operators",
    params(("id" = String, Path, description = "the endpoint's id")),
    request_body = EventReplay,
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "How many are sent again", body = ReplayedEventsView),
        (status = 400, description = "`malformed`"),
        (status = 404, description = "`not_found`"),
        (status = 413, description = "`malformed`"),
        (status = 415, description = "`malformed`"),
        (status = 422, description = "`invalid`"),
    )
)]
pub(in crate::http) async fn replay_events(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<ReplayedEventsView>, Problem> {
    let id = parse_endpoint_id(&id)?;
    let mut errors = FieldErrors::default();
    let range: Option<EventReplay> = parse_json(read_json(&headers, body)?, &mut errors);
    let Some(EventReplay { from, to }) = range.filter(|_| errors.is_empty()) else {
        return Err(errors.into_problem());
    };
    if from >= to {
        return Err(Problem::invalid_field("to", "must be after `from`"));
    }
    let replayed = event_endpoints::replay_events(&server.context, &id, from, to).await?;
    let replayed = replayed.ok_or_else(missing)?;
    Ok(Json(ReplayedEventsView {
        events: replayed.count,
        next_from: replayed.next_from.map(format_instant),
    }))
}
