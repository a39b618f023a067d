//! The stream of events out, for who prefers to pull.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::error::Problem;
use crate::http::event_view::EventView;
use crate::http::field_errors::FieldErrors;
use crate::http::field_values::Limit;
use crate::http::query_string::parse_query;
use crate::http::server::Server;
use crate::workflow::stream_events;

const DEFAULT_LIMIT: u32 = 50;

/// An event with its id.
#[derive(Serialize, ToSchema)]
#[schema(as = StreamedEvent)]
pub(in crate::http) struct StreamedEventView {
    /// The id of the event: the `webhook-id` of its deliveries.
    #[schema(example = "evt_0193a2b3c4d5_000000000042_1a1ee565e00")]
    id: String,
    /// The event as endpoints get it.
    #[serde(flatten)]
    event: EventView,
}

/// A part of the stream, oldest event first.
#[derive(Serialize, ToSchema)]
#[schema(as = EventStream)]
pub(in crate::http) struct EventStreamView {
    /// The events, in the order in which their transactions were committed.
    data: Vec<StreamedEventView>,
    /// The id of the last event, if there may be more now; else null. Keep the id of the last event, and ask with it later.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

#[derive(Debug, Deserr)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
struct StreamQuery {
    #[deserr(default)]
    after: Option<String>,
    #[deserr(default)]
    limit: Option<Limit>,
}

/// Lists events in the order of their commits, oldest first. Who goes on after the last event misses none: an event gets its
/// place only when no open transaction can come before it. Events are kept for 30 days; after an event that is deleted, the
/// list begins with the oldest.
#[utoipa::path(
    get, path = "/v1/admin/events-out", operation_id = "pullEvents", tag = "operators",
    params(
        ("after" = Option<String>, Query, description = "the id of the last event that is known"),
        ("limit" = Option<u32>, Query, description = "the number of events, 50 by default", minimum = 1, maximum = 200),
    ),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The events", body = EventStreamView),
        (status = 422, description = "`invalid`"),
    )
)]
pub(in crate::http) async fn pull_events(
    State(server): State<Arc<Server>>,
    RawQuery(query): RawQuery,
) -> Result<Json<EventStreamView>, Problem> {
    let query: StreamQuery = parse_query(query.as_deref())?;
    let limit = query.limit.map_or(DEFAULT_LIMIT, |Limit(limit)| limit);
    let read = stream_events::read_stream(&server.context, query.after.as_deref(), limit).await?;
    let events =
        read.ok_or_else(|| Problem::invalid_field("after", "is not the id of an event of this service"))?;
    let is_full = events.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    let next_cursor = events.last().filter(|_| is_full).map(|event| event.id.clone());
    let view = |event: &stream_events::EventToSend| StreamedEventView {
        id: event.id.clone(),
        event: EventView::new(event),
    };
    Ok(Json(EventStreamView {
        data: events.iter().map(view).collect(),
        next_cursor,
    }))
}
