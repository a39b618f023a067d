//! The resources that serve event types: puts, shows and lists them.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use deserr::Deserr;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use self::calendar_feed::CalendarFeedView;
use super::pagination::{List, PageQuery, to_page_request};
use super::put_status::to_put_status;
use crate::domain::calendar_feed::Feed;
use crate::domain::catalogue::{MAX_CAPACITY, Resource, ResourceNeeds};
use crate::domain::ids::{ClosureId, EventTypeId, ResourceId};
use crate::domain::listing::PutOutcome;
use crate::http::audit_trail::AuditNote;
use crate::http::error::{Problem, ProblemCode};
use crate::http::field_errors::FieldErrors;
use crate::http::field_values::Name;
use crate::http::json_body::{drop_members, parse_json, read_json};
use crate::http::path_id::{PathId, parse_resource_id};
use crate::http::query_string::parse_query;
use crate::http::server::Server;
use crate::workflow::catalogue;

pub(in crate::http) mod block_list;
pub(in crate::http) mod blocks;
pub(in crate::http) mod calendar_feed;

/// The name and capacity of a resource.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct NewResource {
    /// The name that people see: 1 to 200 characters; the id by default.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "Ana", min_length = 1, max_length = 200)]
    name: Option<Name>,
    /// How many holds may overlap, each on its own unit: 1 for a person, 20 for a class. 1 if absent.
    #[deserr(default = 1, try_from(i64) = check_capacity -> String)]
    #[schema(required = false, minimum = 1, maximum = 1000)]
    capacity: u32,
}

fn check_capacity(units: i64) -> Result<u32, String> {
    let units = u32::try_from(units)
        .ok()
        .filter(|units| (1..=MAX_CAPACITY).contains(units));
    units.ok_or_else(|| format!("must be 1 to {MAX_CAPACITY}"))
}

/// A resource that serves event types.
#[derive(Serialize, ToSchema)]
#[schema(as = Resource)]
pub(in crate::http) struct ResourceView {
    /// The id of the resource.
    #[schema(example = "ana")]
    id: String,
    /// The name that people see.
    #[schema(example = "Ana")]
    name: String,
    /// How many holds may overlap.
    capacity: u32,
}

impl From<&Resource> for ResourceView {
    fn from(resource: &Resource) -> Self {
        Self {
            id: resource.id.to_string(),
            name: resource.name.clone(),
            capacity: resource.capacity,
        }
    }
}

/// A resource with its calendars.
#[derive(Serialize, ToSchema)]
#[schema(as = ResourceDetails)]
pub(in crate::http) struct ResourceDetailsView {
    /// The resource without its details.
    #[serde(flatten)]
    resource: ResourceView,
    /// The calendar feed whose events become blocks; null if there is none.
    #[schema(required = true)]
    calendar: Option<CalendarFeedView>,
    /// Whether an operator must look at the calendar feed: its state is `partial` or `failed`.
    needs_attention: bool,
    /// The path on this service where calendar programs read the resource's confirmed holds. It contains the key, so
    /// keep it secret.
    #[schema(example = "/v1/resources/ana/calendar.ics?key=…")]
    calendar_url: String,
}

/// Creates a resource, or changes it. If the capacity shrinks, live holds on the removed units stay.
#[utoipa::path(
    put, path = "/v1/admin/resources/{id}", operation_id = "putResource", tag = "operators",
    params(("id" = String, Path, description = "1 to 64 of a-z, 0-9 and -", pattern = "^[a-z0-9-]{1,64}$")),
    request_body = NewResource,
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The resource is changed", body = ResourceView),
        (status = 201, description = "The resource is created", body = ResourceView),
        (status = 400, description = "`malformed`"),
        (status = 413, description = "`malformed`"),
        (status = 415, description = "`malformed`"),
        (status = 422, description = "`invalid`"),
    )
)]
pub(in crate::http) async fn put_resource(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    Extension(note): Extension<AuditNote>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<ResourceView>), Problem> {
    let mut body = read_json(&headers, body)?;
    drop_members(&mut body, &["calendar", "needs_attention", "calendar_url"]);
    let (outcome, resource) = store_resource(&server, &note, &id, body).await?;
    Ok((to_put_status(outcome), Json(ResourceView::from(&resource))))
}

/// Writes the resource that a body describes, and notes the change.
///
/// # Errors
/// As `PUT /v1/admin/resources/{id}`.
pub(in crate::http) async fn store_resource(
    server: &Server,
    note: &AuditNote,
    id: &str,
    body: Value,
) -> Result<(PutOutcome, Resource), Problem> {
    let resource = parse_resource(id, body).map_err(FieldErrors::into_problem)?;
    let before = catalogue::find_resource(&server.context, &resource.id).await?;
    note.set_before(before.as_ref().map(ResourceView::from));
    let outcome = catalogue::put_resource(&server.context, &resource).await?;
    note.set_after(ResourceView::from(&resource));
    Ok((outcome, resource))
}

/// Parses the resource that a body describes.
///
/// # Errors
/// [`FieldErrors`] with every error.
pub(in crate::http) fn parse_resource(id: &str, mut body: Value) -> Result<Resource, FieldErrors> {
    drop_members(&mut body, &["id"]);
    let mut errors = FieldErrors::default();
    let id = errors.check("id", ResourceId::parse(id));
    let new: Option<NewResource> = parse_json(body, &mut errors);
    match (id, new) {
        (Some(id), Some(new)) if errors.is_empty() => Ok(Resource {
            name: new.name.map_or_else(|| id.to_string(), |name| name.0),
            capacity: new.capacity,
            id,
        }),
        _ => Err(errors),
    }
}

/// Shows a resource with its calendars.
#[utoipa::path(
    get, path = "/v1/admin/resources/{id}", operation_id = "getResource", tag = "operators",
    params(("id" = String, Path, description = "the resource's id", pattern = "^[a-z0-9-]{1,64}$")),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The resource", body = ResourceDetailsView),
        (status = 404, description = "`not_found`"),
    )
)]
pub(in crate::http) async fn get_resource(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
) -> Result<Json<ResourceDetailsView>, Problem> {
    let id = parse_resource_id(&id)?;
    let key = catalogue::find_calendar_key(&server.context, &id).await?;
    show_details(&server, &id, key).await
}

/// Shows a resource whose calendar export has this key; `None` if there is no such resource.
async fn show_details(
    server: &Server,
    id: &ResourceId,
    calendar_key: Option<String>,
) -> Result<Json<ResourceDetailsView>, Problem> {
    let resource = catalogue::find_resource(&server.context, id).await?;
    let (Some(resource), Some(key)) = (resource, calendar_key) else {
        return Err(Problem::not_found("resource"));
    };
    let feed = catalogue::find_feed(&server.context, id).await?;
    Ok(Json(ResourceDetailsView {
        resource: ResourceView::from(&resource),
        needs_attention: feed.as_ref().is_some_and(Feed::needs_attention),
        calendar: feed.as_ref().map(CalendarFeedView::from),
        calendar_url: format!("/v1/resources/{id}/calendar.ics?key={key}"),
    }))
}

/// Deletes a resource that nothing needs: no event type, no live hold, no block or closure of its own, no calendar feed. Holds
/// that have ended keep its id.
#[utoipa::path(
    delete, path = "/v1/admin/resources/{id}", operation_id = "deleteResource", tag = "operators",
    params(("id" = String, Path, description = "the resource's id", pattern = "^[a-z0-9-]{1,64}$")),
    security(("admin_key" = [])),
    responses(
        (status = 204, description = "The resource is deleted"),
        (status = 404, description = "`not_found`"),
        (status = 409, description = "`conflict`: `detail` says what needs it"),
    )
)]
pub(in crate::http) async fn delete_resource(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    Extension(note): Extension<AuditNote>,
) -> Result<StatusCode, Problem> {
    match remove_resource(&server, &note, &parse_resource_id(&id)?).await? {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(needs) => Err(Problem::new(ProblemCode::Conflict, describe_needs(&needs))),
    }
}

/// Deletes a resource, unless something needs it, and notes what it was.
///
/// # Errors
/// `not_found` if there is no such resource.
pub(in crate::http) async fn remove_resource(
    server: &Server,
    note: &AuditNote,
    id: &ResourceId,
) -> Result<Result<(), ResourceNeeds>, Problem> {
    let before = catalogue::find_resource(&server.context, id).await?;
    note.set_before(before.as_ref().map(ResourceView::from));
    match catalogue::delete_resource(&server.context, id).await? {
        Ok(true) => Ok(Ok(())),
        Ok(false) => Err(Problem::not_found("resource")),
        Err(needs) => Ok(Err(needs)),
    }
}

fn describe_needs(needs: &ResourceNeeds) -> String {
    let list = |what: &str, ids: Vec<&str>| (!ids.is_empty()).then(|| format!("{what}: {}", ids.join(", ")));
    let event_types = needs.event_types.iter().map(EventTypeId::as_str).collect();
    let blocks = needs.blocks.iter().map(String::as_str).collect();
    let closures = needs.closures.iter().map(ClosureId::as_str).collect();
    let holds = (needs.live_holds > 0).then(|| format!("live holds: {}", needs.live_holds));
    let feed = needs.has_feed.then(|| "its calendar feed".to_owned());
    let all = [
        list("event types", event_types),
        holds,
        list("blocks", blocks),
        list("closures", closures),
        feed,
    ];
    let all: Vec<String> = all.into_iter().flatten().collect();
    format!("the resource is needed by {}", all.join("; "))
}

/// Makes a new address for a resource's calendar export. The old one ends at once.
#[utoipa::path(
    post, path = "/v1/admin/resources/{id}/calendar-key", operation_id = "renewCalendarKey", tag = "operators",
    params(("id" = String, Path, description = "the resource's id", pattern = "^[a-z0-9-]{1,64}$")),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The resource with its new `calendar_url`", body = ResourceDetailsView),
        (status = 404, description = "`not_found`"),
    )
)]
pub(in crate::http) async fn renew_calendar_key(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
) -> Result<Json<ResourceDetailsView>, Problem> {
    let id = parse_resource_id(&id)?;
    let key = catalogue::renew_calendar_key(&server.context, &id).await?;
    show_details(&server, &id, key).await
}

/// Lists the resources, newest first.
#[utoipa::path(
    get, path = "/v1/admin/resources", operation_id = "listResources", tag = "operators",
    params(
        PageQuery,
    ),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The resources", body = List<ResourceView>),
        (status = 422, description = "`invalid`"),
    )
)]
pub(in crate::http) async fn list_resources(
    State(server): State<Arc<Server>>,
    RawQuery(query): RawQuery,
) -> Result<Json<List<ResourceView>>, Problem> {
    let query: PageQuery = parse_query(query.as_deref())?;
    let found =
        catalogue::list_resources(&server.context, &to_page_request(query.limit, query.cursor)).await?;
    Ok(List::from_page(&found, ResourceView::from))
}
