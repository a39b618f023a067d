//! What is on sale.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use self::new::NewEventType;
use self::segments::SegmentMembers;
use super::super::Server;
use super::super::body;
use super::super::error::Problem;
use super::super::path_id::PathId;
use super::super::schedule::ScheduleMembers;
use super::{List, Paging, page};
use crate::domain::catalogue::EventType;
use crate::domain::ids::EventTypeId;
use crate::domain::listing::PutOutcome;
use crate::workflow::catalogue;

mod new;
mod segments;

/// Something on sale.
#[derive(Serialize, ToSchema)]
#[schema(as = EventType)]
pub(in crate::http) struct EventTypeView {
    /// Its id.
    id: String,
    /// What the guest reads on the payment page.
    name: String,
    /// The resource it needs, where that is one from start to end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    resource: Option<String>,
    /// How long it takes, where it needs one resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    duration_minutes: Option<i64>,
    /// What it takes, one segment for the short form too.
    segments: Vec<SegmentMembers>,
    /// How long each resource stays busy before its segment.
    buffer_before_minutes: i64,
    /// How long each resource stays busy after its segment.
    buffer_after_minutes: i64,
    /// When it may start; without it, at any time to come.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    schedule: Option<ScheduleMembers>,
    /// Until how many minutes before the start a guest who has paid may cancel and gets all money back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    guest_cancel_until_minutes: Option<i64>,
    /// Until how many minutes before the start a guest may move it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    guest_move_until_minutes: Option<i64>,
    /// Its price in the currency's minor unit.
    amount: i64,
    /// Lower-case ISO code.
    currency: String,
    /// The methods that a guest may pay with; null: all that the account allows.
    payment_methods: Option<Vec<String>>,
}

impl From<&EventType> for EventTypeView {
    fn from(event_type: &EventType) -> Self {
        let short = match event_type.segments.as_slice() {
            [need] => need
                .any_of
                .first()
                .filter(|_| need.any_of.len() == 1)
                .zip(Some(need.duration_minutes)),
            _ => None,
        };
        Self {
            id: event_type.id.to_string(),
            name: event_type.name.clone(),
            resource: short.map(|(resource, _)| resource.to_string()),
            duration_minutes: short.map(|(_, minutes)| minutes),
            segments: event_type.segments.iter().map(SegmentMembers::from).collect(),
            buffer_before_minutes: event_type.buffer_before_minutes,
            buffer_after_minutes: event_type.buffer_after_minutes,
            schedule: event_type.schedule.as_ref().map(ScheduleMembers::from),
            guest_cancel_until_minutes: event_type.change_policy.cancel_until_minutes,
            guest_move_until_minutes: event_type.change_policy.move_until_minutes,
            amount: event_type.price.amount,
            currency: event_type.price.currency.to_string(),
            payment_methods: match event_type.payment_methods.as_slice() {
                [] => None,
                names => Some(names.iter().map(|name| name.as_str().to_owned()).collect()),
            },
        }
    }
}

/// Puts something on sale, or changes it. Holds keep the terms that they were made on.
#[utoipa::path(
    put, path = "/v1/admin/event-types/{id}", operation_id = "putEventType", tag = "operators",
    params(("id" = String, Path, description = "1 to 64 of a-z, 0-9 and -", pattern = "^[a-z0-9-]{1,64}$")),
    request_body = NewEventType,
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "Changed", body = EventTypeView),
        (status = 201, description = "New", body = EventTypeView),
        (status = 400, description = "`malformed`"),
        (status = 413, description = "`malformed`"),
        (status = 415, description = "`malformed`"),
        (status = 422, description = "`invalid`"),
    )
)]
pub(in crate::http) async fn put(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<EventTypeView>), Problem> {
    let event_type = new::read(&id, body::json(&headers, body)?)?;
    let status = match catalogue::put_event_type(&server.context, &event_type).await? {
        PutOutcome::Created => StatusCode::CREATED,
        PutOutcome::Replaced => StatusCode::OK,
    };
    Ok((status, Json(EventTypeView::from(&event_type))))
}

/// Shows one.
#[utoipa::path(
    get, path = "/v1/admin/event-types/{id}", operation_id = "getEventType", tag = "operators",
    params(("id" = String, Path, description = "the event type's id", pattern = "^[a-z0-9-]{1,64}$")),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The event type", body = EventTypeView),
        (status = 404, description = "`not_found`"),
    )
)]
pub(in crate::http) async fn show(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
) -> Result<Json<EventTypeView>, Problem> {
    let event_type = catalogue::find_event_type(&server.context, &known(&id)?).await?;
    let event_type = event_type.ok_or_else(|| Problem::not_found("event type"))?;
    Ok(Json(EventTypeView::from(&event_type)))
}

fn known(id: &str) -> Result<EventTypeId, Problem> {
    EventTypeId::parse(id).map_err(|_| Problem::not_found("event type"))
}

/// Shows all, newest first.
#[utoipa::path(
    get, path = "/v1/admin/event-types", operation_id = "listEventTypes", tag = "operators",
    params(
        Paging,
    ),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "Event types", body = List<EventTypeView>),
        (status = 422, description = "`invalid`"),
    )
)]
pub(in crate::http) async fn list(
    State(server): State<Arc<Server>>,
    RawQuery(query): RawQuery,
) -> Result<Json<List<EventTypeView>>, Problem> {
    let query: Paging = body::query(query.as_deref())?;
    let found = catalogue::list_event_types(&server.context, &page(query.limit, query.cursor)).await?;
    Ok(List::of(&found, EventTypeView::from))
}

/// Takes one off sale. Live holds keep their terms.
#[utoipa::path(
    delete, path = "/v1/admin/event-types/{id}", operation_id = "deleteEventType", tag = "operators",
    params(("id" = String, Path, description = "the event type's id", pattern = "^[a-z0-9-]{1,64}$")),
    security(("admin_key" = [])),
    responses(
        (status = 204, description = "Off sale"),
        (status = 404, description = "`not_found`"),
    )
)]
pub(in crate::http) async fn delete(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
) -> Result<StatusCode, Problem> {
    match catalogue::delete_event_type(&server.context, &known(&id)?).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::not_found("event type")),
    }
}
