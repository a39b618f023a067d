//! The event types on sale: puts, shows, lists and deletes them.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use self::checkout::CheckoutMembers;
use self::new_event_type::NewEventType;
pub(in crate::http) use self::new_event_type::parse_event_type;
use self::segments::SegmentMembers;
use super::pagination::{List, PageQuery, to_page_request};
use super::put_status::to_put_status;
use crate::domain::catalogue::{EventType, UnknownResources};
use crate::domain::ids::{EventTypeId, ResourceId};
use crate::domain::listing::PutOutcome;
use crate::http::audit_trail::AuditNote;
use crate::http::error::Problem;
use crate::http::field_errors::FieldErrors;
use crate::http::json_body::read_json;
use crate::http::path_id::{PathId, parse_event_type_id};
use crate::http::query_string::parse_query;
use crate::http::schedule::ScheduleMembers;
use crate::http::server::Server;
use crate::workflow::catalogue;

mod checkout;
mod new_event_type;
mod segments;

/// Something on sale: how long it takes, who serves, what it costs.
#[derive(Serialize, ToSchema)]
#[schema(as = EventType)]
pub(in crate::http) struct EventTypeView {
    /// The event type's id.
    id: String,
    /// The name that the guest reads on the payment page.
    name: String,
    /// What it is, in words for the guest.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    description: Option<String>,
    /// The resource, if the event type needs a single one from start to end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    resource: Option<String>,
    /// The length in minutes, if the event type needs a single resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    duration_minutes: Option<i64>,
    /// The segments of the event type. The short form has one segment.
    segments: Vec<SegmentMembers>,
    /// How long each resource stays busy before its segment, in minutes.
    buffer_before_minutes: i64,
    /// How long each resource stays busy after its segment, in minutes.
    buffer_after_minutes: i64,
    /// When the event type may start; at any time if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    schedule: Option<ScheduleMembers>,
    /// Until how many minutes before the start a guest who has paid may cancel for a full refund.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    guest_cancel_until_minutes: Option<i64>,
    /// Until how many minutes before the start a guest may move the hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    guest_move_until_minutes: Option<i64>,
    /// The price in the currency's minor unit.
    amount: i64,
    /// The lower-case ISO code of the currency.
    currency: String,
    /// The payment methods that a guest may use; null allows all that the Stripe account allows.
    payment_methods: Option<Vec<String>>,
    /// What Stripe's payment page asks of the guest.
    checkout: CheckoutMembers,
    /// The URLs of the images that the payment page shows.
    images: Vec<String>,
}

impl From<&EventType> for EventTypeView {
    fn from(event_type: &EventType) -> Self {
        let short = match event_type.segments.as_slice() {
            [segment] => segment
                .any_of
                .first()
                .filter(|_| segment.any_of.len() == 1)
                .zip(Some(segment.duration_minutes)),
            _ => None,
        };
        Self {
            id: event_type.id.to_string(),
            name: event_type.name.clone(),
            description: event_type.description.clone(),
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
            checkout: CheckoutMembers::from(&event_type.checkout),
            images: event_type.checkout.images.clone(),
        }
    }
}

/// Puts an event type on sale, or changes it. Existing holds keep their terms. The resources must exist.
#[utoipa::path(
    put, path = "/v1/admin/event-types/{id}", operation_id = "putEventType", tag = "operators",
    params(("id" = String, Path, description = "1 to 64 of a-z, 0-9 and -", pattern = "^[a-z0-9-]{1,64}$")),
    request_body = NewEventType,
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The event type is changed", body = EventTypeView),
        (status = 201, description = "The event type is created", body = EventTypeView),
        (status = 400, description = "`malformed`"),
        (status = 413, description = "`malformed`"),
        (status = 415, description = "`malformed`"),
        (status = 422, description = "`invalid`"),
    )
)]
pub(in crate::http) async fn put_event_type(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    Extension(note): Extension<AuditNote>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<EventTypeView>), Problem> {
    let (outcome, event_type) = store_event_type(&server, &note, &id, read_json(&headers, body)?).await?;
    Ok((to_put_status(outcome), Json(EventTypeView::from(&event_type))))
}

/// Puts the event type that a body describes on sale, and notes the change.
///
/// # Errors
/// As `PUT /v1/admin/event-types/{id}`.
pub(in crate::http) async fn store_event_type(
    server: &Server,
    note: &AuditNote,
    id: &str,
    body: Value,
) -> Result<(PutOutcome, EventType), Problem> {
    let has_segments = has_segments(&body);
    let event_type = check_event_type(server, id, body).await?;
    let before = catalogue::find_event_type(&server.context, &event_type.id).await?;
    note.set_before(before.as_ref().map(EventTypeView::from));
    let outcome = catalogue::put_event_type(&server.context, &event_type, before.as_ref()).await?;
    let outcome = outcome.map_err(|unknown| refuse_unknown(&event_type, has_segments, &unknown))?;
    note.set_after(EventTypeView::from(&event_type));
    Ok((outcome, event_type))
}

/// Checks the event type that a body describes as [`store_event_type`] does, without writing it.
///
/// # Errors
/// As `PUT /v1/admin/event-types/{id}`.
pub(in crate::http) async fn check_event_type(
    server: &Server,
    id: &str,
    body: Value,
) -> Result<EventType, Problem> {
    let has_segments = has_segments(&body);
    let zones = &server.context.settings.zones;
    let event_type = parse_event_type(id, body, zones).map_err(FieldErrors::into_problem)?;
    let before = catalogue::find_event_type(&server.context, &event_type.id).await?;
    check_new_price(before.as_ref(), &event_type)?;
    let named = event_type.list_resources();
    let known = catalogue::find_resources(&server.context, &named).await?;
    let is_unknown = |id: &ResourceId| !known.iter().any(|resource| resource.id == *id);
    let unknown: Vec<ResourceId> = named.into_iter().filter(is_unknown).collect();
    match unknown.is_empty() {
        true => Ok(event_type),
        false => Err(refuse_unknown(
            &event_type,
            has_segments,
            &UnknownResources(unknown),
        )),
    }
}

/// Adds what the payment page asks, as it is now, to the body of an event type that says nothing of it.
pub(in crate::http) fn keep_checkout(body: &mut Value, event_type: &EventType) {
    let view = EventTypeView::from(event_type);
    let kept = [("checkout", json!(view.checkout)), ("images", json!(view.images))];
    if let Value::Object(members) = body {
        for (name, value) in kept {
            members.entry(name).or_insert(value);
        }
    }
}

fn has_segments(body: &Value) -> bool {
    body.get("segments").is_some_and(|segments| !segments.is_null())
}

/// Says where an event type names resources that do not exist.
fn refuse_unknown(event_type: &EventType, has_segments: bool, unknown: &UnknownResources) -> Problem {
    let mut errors = FieldErrors::default();
    for (n, segment) in event_type.segments.iter().enumerate() {
        for (m, _) in segment
            .any_of
            .iter()
            .enumerate()
            .filter(|(_, id)| unknown.0.contains(id))
        {
            let field = match has_segments {
                true => format!("segments[{n}].any_of[{m}]"),
                false => "resource".to_owned(),
            };
            errors.add(&field, "must be a resource that exists");
        }
    }
    errors.into_problem()
}

/// Refuses a price that Stripe does not charge, if it is new. The rules may be younger than the price: what `GET` shows can
/// be put back, with other members changed.
fn check_new_price(before: Option<&EventType>, event_type: &EventType) -> Result<(), Problem> {
    let mut errors = FieldErrors::default();
    if before.is_none_or(|before| before.price != event_type.price) {
        errors.check("amount", event_type.price.check_charge());
    }
    match errors.is_empty() {
        true => Ok(()),
        false => Err(errors.into_problem()),
    }
}

/// Shows an event type.
#[utoipa::path(
    get, path = "/v1/admin/event-types/{id}", operation_id = "getEventType", tag = "operators",
    params(("id" = String, Path, description = "the event type's id", pattern = "^[a-z0-9-]{1,64}$")),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The event type", body = EventTypeView),
        (status = 404, description = "`not_found`"),
    )
)]
pub(in crate::http) async fn get_event_type(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
) -> Result<Json<EventTypeView>, Problem> {
    let event_type = catalogue::find_event_type(&server.context, &parse_event_type_id(&id)?).await?;
    let event_type = event_type.ok_or_else(|| Problem::not_found("event type"))?;
    Ok(Json(EventTypeView::from(&event_type)))
}

/// Lists the event types, newest first.
#[utoipa::path(
    get, path = "/v1/admin/event-types", operation_id = "listEventTypes", tag = "operators",
    params(
        PageQuery,
    ),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The event types", body = List<EventTypeView>),
        (status = 422, description = "`invalid`"),
    )
)]
pub(in crate::http) async fn list_event_types(
    State(server): State<Arc<Server>>,
    RawQuery(query): RawQuery,
) -> Result<Json<List<EventTypeView>>, Problem> {
    let query: PageQuery = parse_query(query.as_deref())?;
    let found =
        catalogue::list_event_types(&server.context, &to_page_request(query.limit, query.cursor)).await?;
    Ok(List::from_page(&found, EventTypeView::from))
}

/// Takes an event type off sale. Live holds keep their terms.
#[utoipa::path(
    delete, path = "/v1/admin/event-types/{id}", operation_id = "deleteEventType", tag = "operators",
    params(("id" = String, Path, description = "the event type's id", pattern = "^[a-z0-9-]{1,64}$")),
    security(("admin_key" = [])),
    responses(
        (status = 204, description = "The event type is off sale"),
        (status = 404, description = "`not_found`"),
    )
)]
pub(in crate::http) async fn delete_event_type(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    Extension(note): Extension<AuditNote>,
) -> Result<StatusCode, Problem> {
    remove_event_type(&server, &note, &parse_event_type_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes an event type off sale, and notes what it was.
///
/// # Errors
/// As `DELETE /v1/admin/event-types/{id}`.
pub(in crate::http) async fn remove_event_type(
    server: &Server,
    note: &AuditNote,
    id: &EventTypeId,
) -> Result<(), Problem> {
    let before = catalogue::find_event_type(&server.context, id).await?;
    note.set_before(before.as_ref().map(EventTypeView::from));
    match catalogue::delete_event_type(&server.context, id).await? {
        true => Ok(()),
        false => Err(Problem::not_found("event type")),
    }
}
