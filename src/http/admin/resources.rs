//! Who serves, and how many at a time.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use deserr::Deserr;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use self::calendar::CalendarView;
use super::super::Server;
use super::super::body::{self, FieldErrors};
use super::super::error::Problem;
use super::super::fields::Name;
use super::super::path_id::PathId;
use super::{List, Paging, page};
use crate::domain::catalogue::{MAX_CAPACITY, Resource};
use crate::domain::ids::ResourceId;
use crate::domain::listing::PutOutcome;
use crate::workflow::catalogue;

pub(in crate::http) mod blocks;
pub(in crate::http) mod calendar;

/// What a resource should be.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct NewResource {
    /// What people call it: 1 to 200 characters; its id by default.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "Ana", min_length = 1, max_length = 200)]
    name: Option<Name>,
    /// How many holds may overlap on it, each on a unit of its own: 1 for a person, 20 for a class.
    #[deserr(default = 1, try_from(i64) = read_capacity -> String)]
    #[schema(required = false, default = 1, minimum = 1, maximum = 1000)]
    capacity: u32,
}

fn read_capacity(units: i64) -> Result<u32, String> {
    let units = u32::try_from(units)
        .ok()
        .filter(|units| (1..=MAX_CAPACITY).contains(units));
    units.ok_or_else(|| format!("must be 1 to {MAX_CAPACITY}"))
}

/// A resource.
#[derive(Serialize, ToSchema)]
#[schema(as = Resource)]
pub(in crate::http) struct ResourceView {
    /// Its id.
    #[schema(example = "ana")]
    id: String,
    /// What people call it.
    #[schema(example = "Ana")]
    name: String,
    /// How many holds may overlap on it.
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
    /// The resource.
    #[serde(flatten)]
    resource: ResourceView,
    /// The calendar feed that is read into blocks; null where there is none.
    #[schema(required = true)]
    calendar: Option<CalendarView>,
    /// Where any calendar program reads its confirmed holds, on this service; whoever has it may read them.
    #[schema(example = "/v1/resources/ana/calendar.ics?key=…")]
    calendar_url: String,
}

/// Makes a resource, or changes it. Live holds on units that it no longer has stay.
#[utoipa::path(
    put, path = "/v1/admin/resources/{id}", operation_id = "putResource", tag = "operators",
    params(("id" = String, Path, description = "1 to 64 of a-z, 0-9 and -", pattern = "^[a-z0-9-]{1,64}$")),
    request_body = NewResource,
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "Changed", body = ResourceView),
        (status = 201, description = "New", body = ResourceView),
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
) -> Result<(StatusCode, Json<ResourceView>), Problem> {
    let resource = read(&id, body::json(&headers, body)?)?;
    let put = catalogue::put_resource(&server.context, &resource).await?;
    Ok((put_status(put), Json(ResourceView::from(&resource))))
}

fn put_status(put: PutOutcome) -> StatusCode {
    match put {
        PutOutcome::Created => StatusCode::CREATED,
        PutOutcome::Replaced => StatusCode::OK,
    }
}

fn read(id: &str, body: Value) -> Result<Resource, Problem> {
    let mut faults = FieldErrors::default();
    let id = faults.take("id", ResourceId::parse(id));
    let new: Option<NewResource> = body::parse(body, &mut faults);
    match (id, new) {
        (Some(id), Some(new)) if faults.is_empty() => Ok(Resource {
            name: new.name.map_or_else(|| id.to_string(), |name| name.0),
            capacity: new.capacity,
            id,
        }),
        _ => Err(faults.into_problem()),
    }
}

/// Shows one, with its calendars.
#[utoipa::path(
    get, path = "/v1/admin/resources/{id}", operation_id = "getResource", tag = "operators",
    params(("id" = String, Path, description = "the resource's id", pattern = "^[a-z0-9-]{1,64}$")),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The resource", body = ResourceDetailsView),
        (status = 404, description = "`not_found`"),
    )
)]
pub(in crate::http) async fn show(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
) -> Result<Json<ResourceDetailsView>, Problem> {
    let (context, id) = (&server.context, known(&id)?);
    let resource = catalogue::find_resource(context, &id)
        .await?
        .ok_or_else(unknown)?;
    let feed = catalogue::find_feed(context, &id).await?;
    let key = context.tokens.calendar_key(&id);
    Ok(Json(ResourceDetailsView {
        resource: ResourceView::from(&resource),
        calendar: feed.as_ref().map(CalendarView::from),
        calendar_url: format!("/v1/resources/{id}/calendar.ics?key={key}"),
    }))
}

/// An id that some resource could have.
fn known(id: &str) -> Result<ResourceId, Problem> {
    ResourceId::parse(id).map_err(|_| unknown())
}

fn unknown() -> Problem {
    Problem::not_found("resource")
}

/// Shows all, newest first.
#[utoipa::path(
    get, path = "/v1/admin/resources", operation_id = "listResources", tag = "operators",
    params(
        Paging,
    ),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "Resources", body = List<ResourceView>),
        (status = 422, description = "`invalid`"),
    )
)]
pub(in crate::http) async fn list(
    State(server): State<Arc<Server>>,
    RawQuery(query): RawQuery,
) -> Result<Json<List<ResourceView>>, Problem> {
    let query: Paging = body::query(query.as_deref())?;
    let found = catalogue::list_resources(&server.context, &page(query.limit, query.cursor)).await?;
    Ok(List::of(&found, ResourceView::from))
}
