//! The endpoints of the shop: where events out are sent. `workflow::deliver_events` sends them.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use serde::Serialize;
use serde_json::Value;
use url::Url;
use utoipa::ToSchema;

use self::new_endpoint::{NewEndpoint, parse_endpoint};
use super::pagination::List;
use crate::domain::event_endpoint::{EndpointSecret, EventEndpoint};
use crate::domain::ids::EndpointId;
use crate::domain::listing::Page;
use crate::http::audit_trail::AuditNote;
use crate::http::error::{Problem, ProblemCode};
use crate::http::event_view::render_test;
use crate::http::json_body::read_json;
use crate::http::path_id::PathId;
use crate::http::server::Server;
use crate::http::timestamps::format_instant;
use crate::workflow::deliver_events;
use crate::workflow::event_endpoints::{self, EndpointOutcome};

pub(in crate::http) mod deliveries;
mod new_endpoint;
pub(in crate::http) mod secrets;

/// How an endpoint is.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = EndpointState)]
enum EndpointStateView {
    /// The last attempt succeeded, or there was none.
    Ok,
    /// The last attempt failed; another one follows.
    Failing,
    /// It answered 410, which disabled it.
    Gone,
    /// An operator disabled it.
    Disabled,
}

/// An endpoint of the shop.
#[derive(Serialize, ToSchema)]
#[schema(as = Endpoint)]
pub(in crate::http) struct EndpointView {
    /// The endpoint's id, which the operator chose.
    #[schema(example = "shop")]
    id: String,
    /// Where events are sent.
    url: String,
    /// The types of events that it gets.
    events: Vec<&'static str>,
    /// Whether events are sent to it.
    enabled: bool,
    /// How the endpoint is now.
    state: EndpointStateView,
    /// Since when no attempt has succeeded.
    #[schema(format = DateTime, required = true)]
    failing_since: Option<String>,
    /// The HTTP status of its last answer.
    #[schema(required = true)]
    last_status: Option<u16>,
    /// Why the last attempt failed.
    #[schema(required = true)]
    last_fault: Option<String>,
    /// Until when it asked to be left alone.
    #[schema(format = DateTime, required = true)]
    paused_until: Option<String>,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
}

impl From<&EventEndpoint> for EndpointView {
    fn from(endpoint: &EventEndpoint) -> Self {
        Self {
            id: endpoint.id.to_string(),
            url: endpoint.url.clone(),
            events: endpoint.kinds.words(),
            enabled: endpoint.is_enabled,
            state: match endpoint.failing_since {
                _ if endpoint.is_gone => EndpointStateView::Gone,
                _ if !endpoint.is_enabled => EndpointStateView::Disabled,
                Some(_) => EndpointStateView::Failing,
                None => EndpointStateView::Ok,
            },
            failing_since: endpoint.failing_since.map(format_instant),
            last_status: endpoint.last_status,
            last_fault: endpoint.last_fault.clone(),
            paused_until: endpoint.paused_until.map(format_instant),
            created_at: format_instant(endpoint.created_at),
        }
    }
}

/// An endpoint with what waits for it.
#[derive(Serialize, ToSchema)]
#[schema(as = EndpointDetails)]
pub(in crate::http) struct EndpointDetailsView {
    /// The endpoint, without its secret.
    #[serde(flatten)]
    endpoint: EndpointView,
    /// How many events wait to be sent to it, for the first time or again; 10000 may be more.
    waiting: u64,
    /// When the oldest of them happened.
    #[schema(format = DateTime, required = true)]
    oldest_waiting_at: Option<String>,
}

/// An endpoint with its secret, if that is shown.
#[derive(Serialize, ToSchema)]
#[schema(as = SetEndpoint)]
pub(in crate::http) struct SetEndpointView {
    /// The endpoint, without its secret.
    #[serde(flatten)]
    endpoint: EndpointView,
    /// The secret that signs, `whsec_…`. It is shown when the endpoint is made, and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "whsec_…")]
    secret: Option<String>,
}

/// How an endpoint answered to a test.
#[derive(Serialize, ToSchema)]
#[schema(as = EndpointTest)]
pub(in crate::http) struct EndpointTestView {
    /// Whether it took the event.
    ok: bool,
    /// The HTTP status of its answer.
    #[schema(required = true, example = 204)]
    status: Option<u16>,
    /// Why it did not take the event.
    #[schema(required = true)]
    fault: Option<String>,
}

/// An endpoint as the audit trail has it. Only the host is kept, because the rest of the URL may be a secret.
#[derive(Serialize)]
struct AuditedEndpoint {
    host: Option<String>,
    events: Vec<&'static str>,
    enabled: bool,
}

impl From<&EventEndpoint> for AuditedEndpoint {
    fn from(endpoint: &EventEndpoint) -> Self {
        let url = Url::parse(&endpoint.url).ok();
        Self {
            host: url.as_ref().and_then(Url::host_str).map(str::to_owned),
            events: endpoint.kinds.words(),
            enabled: endpoint.is_enabled,
        }
    }
}

pub(in crate::http) fn missing() -> Problem {
    Problem::not_found("endpoint")
}

pub(in crate::http) fn parse_endpoint_id(text: &str) -> Result<EndpointId, Problem> {
    EndpointId::parse(text).map_err(|_| missing())
}

/// Sets an endpoint, to which events are sent from now on. The answer shows the secret of a new one.
#[utoipa::path(
    put, path = "/v1/admin/webhook-endpoints/{id}", operation_id = "putEndpoint", tag = "operators",
    params(("id" = String, Path, description = "the endpoint's id", pattern = "^[a-z0-9-]{1,64}$")),
    request_body = NewEndpoint,
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The endpoint is replaced; it keeps its secret", body = SetEndpointView),
        (status = 201, description = "The endpoint is made", body = SetEndpointView),
        (status = 400, description = "`malformed`"),
        (status = 404, description = "`not_found`: no endpoint can have this id"),
        (status = 409, description = "`conflict`: there are 50 endpoints"),
        (status = 413, description = "`malformed`"),
        (status = 415, description = "`malformed`"),
        (status = 422, description = "`invalid`"),
    )
)]
pub(in crate::http) async fn put_endpoint(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    Extension(note): Extension<AuditNote>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<SetEndpointView>), Problem> {
    let id = parse_endpoint_id(&id)?;
    let (endpoint, secret) = store_endpoint(&server, &note, &id, read_json(&headers, body)?).await?;
    let status = match secret {
        Some(_) => StatusCode::CREATED,
        None => StatusCode::OK,
    };
    let view = SetEndpointView {
        endpoint: EndpointView::from(&endpoint),
        secret: secret.as_ref().map(EndpointSecret::reveal).map(str::to_owned),
    };
    Ok((status, Json(view)))
}

/// Sets the endpoint that a body describes, and notes the change. Returns it, with its secret if it is new.
///
/// # Errors
/// As `PUT /v1/admin/webhook-endpoints/{id}`.
pub(in crate::http) async fn store_endpoint(
    server: &Server,
    note: &AuditNote,
    id: &EndpointId,
    body: Value,
) -> Result<(EventEndpoint, Option<EndpointSecret>), Problem> {
    let settings = parse_endpoint(body, server.calendar_allow_private)?;
    let before = event_endpoints::find_endpoint(&server.context, id).await?;
    note.set_before(before.as_ref().map(AuditedEndpoint::from));
    let put = event_endpoints::put_endpoint(&server.context, id, settings).await?;
    let (endpoint, secret) = match put {
        EndpointOutcome::Created(endpoint, secret) => (endpoint, Some(secret)),
        EndpointOutcome::Replaced(endpoint) => (endpoint, None),
        EndpointOutcome::TooMany => {
            return Err(Problem::new(
                ProblemCode::Conflict,
                "there are as many endpoints as there may be",
            ));
        }
    };
    note.set_after(AuditedEndpoint::from(&*endpoint));
    Ok((*endpoint, secret))
}

/// Lists the endpoints, by their ids.
#[utoipa::path(
    get, path = "/v1/admin/webhook-endpoints", operation_id = "listEndpoints", tag = "operators",
    security(("admin_key" = [])),
    responses((status = 200, description = "The endpoints, at most 50", body = List<EndpointView>))
)]
pub(in crate::http) async fn list_endpoints(
    State(server): State<Arc<Server>>,
) -> Result<Json<List<EndpointView>>, Problem> {
    let entries = event_endpoints::list_endpoints(&server.context).await?;
    let page = Page { entries, next: None };
    Ok(List::from_page(&page, EndpointView::from))
}

/// Shows an endpoint, without its secret, and how far it lags behind.
#[utoipa::path(
    get, path = "/v1/admin/webhook-endpoints/{id}", operation_id = "getEndpoint", tag = "operators",
    params(("id" = String, Path, description = "the endpoint's id")),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The endpoint", body = EndpointDetailsView),
        (status = 404, description = "`not_found`"),
    )
)]
pub(in crate::http) async fn get_endpoint(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
) -> Result<Json<EndpointDetailsView>, Problem> {
    let id = parse_endpoint_id(&id)?;
    let found = event_endpoints::find_endpoint(&server.context, &id).await?;
    let endpoint = EndpointView::from(&found.ok_or_else(missing)?);
    let backlog = event_endpoints::measure_backlog(&server.context, &id).await?;
    Ok(Json(EndpointDetailsView {
        endpoint,
        waiting: backlog.count,
        oldest_waiting_at: backlog.oldest_at.map(format_instant),
    }))
}

/// Deletes an endpoint with what is left to be sent to it.
#[utoipa::path(
    delete, path = "/v1/admin/webhook-endpoints/{id}", operation_id = "deleteEndpoint", tag = "operators",
    params(("id" = String, Path, description = "the endpoint's id")),
    security(("admin_key" = [])),
    responses(
        (status = 204, description = "The endpoint is deleted"),
        (status = 404, description = "`not_found`"),
    )
)]
pub(in crate::http) async fn delete_endpoint(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    Extension(note): Extension<AuditNote>,
) -> Result<StatusCode, Problem> {
    remove_endpoint(&server, &note, &parse_endpoint_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes an endpoint, and notes what it was.
///
/// # Errors
/// `not_found` if there is no such endpoint.
pub(in crate::http) async fn remove_endpoint(
    server: &Server,
    note: &AuditNote,
    id: &EndpointId,
) -> Result<(), Problem> {
    let before = event_endpoints::find_endpoint(&server.context, id).await?;
    note.set_before(before.as_ref().map(AuditedEndpoint::from));
    match event_endpoints::delete_endpoint(&server.context, id).await? {
        true => Ok(()),
        false => Err(missing()),
    }
}

/// Sends a test event, `endpoint.test`, to an endpoint once, and says how it answered.
#[utoipa::path(
    post, path = "/v1/admin/webhook-endpoints/{id}/test", operation_id = "testEndpoint", tag = "operators",
    params(("id" = String, Path, description = "the endpoint's id")),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "How the endpoint answered", body = EndpointTestView),
        (status = 404, description = "`not_found`"),
    )
)]
pub(in crate::http) async fn test_endpoint(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
) -> Result<Json<EndpointTestView>, Problem> {
    let id = parse_endpoint_id(&id)?;
    let body = render_test(server.context.now());
    let tested = deliver_events::send_test(&server.context, &id, body).await?;
    let tested = tested.ok_or_else(missing)?;
    Ok(Json(EndpointTestView {
        ok: tested.fault.is_none(),
        status: tested.status,
        fault: tested.fault,
    }))
}
