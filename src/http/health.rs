//! For machines: health checks, metrics, and the OpenAPI description.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::database_reading::DatabaseReadiness;
use super::error::{Problem, ProblemCode};
use super::server::Server;

/// A successful health check.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    /// The state of the process, which is always `ok`.
    status: &'static str,
}

/// Says that the process is alive. Asks neither the database nor Stripe.
#[utoipa::path(
    get, path = "/livez", operation_id = "livez", tag = "ops",
    responses((status = 200, description = "The process is alive", body = Health))
)]
pub(super) async fn check_liveness() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Says whether this instance can serve requests: the database responds, and its schema is up to date. The answer is at
/// most a second old.
#[utoipa::path(
    get, path = "/readyz", operation_id = "readyz", tag = "ops",
    responses(
        (status = 200, description = "The instance is ready", body = Health),
        (status = 503, description = "`store_unavailable`"),
    )
)]
pub(super) async fn check_readiness(State(server): State<Arc<Server>>) -> Result<Json<Health>, Problem> {
    if !server.is_open() {
        return Err(not_open());
    }
    let reading = server.database_readings.current(&server.context).await;
    let detail = match reading.readiness {
        DatabaseReadiness::Ready => return Ok(Json(Health { status: "ok" })),
        DatabaseReadiness::OtherSchema => "the database schema does not match this program",
        DatabaseReadiness::Unavailable => "the database is unavailable",
    };
    Err(Problem::new(ProblemCode::StoreUnavailable, detail))
}

/// Refuses requests until the database was found usable at the start; health checks and metrics are always answered.
pub(super) async fn refuse_until_open(
    State(server): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    if server.is_open() || matches!(path, "/livez" | "/readyz" | "/metrics" | "/openapi.json") {
        return next.run(request).await;
    }
    not_open().into_response()
}

fn not_open() -> Problem {
    Problem::new(ProblemCode::StoreUnavailable, "the service is starting")
}

/// Returns metrics in the text format of Prometheus. The figures from the database are at most a second old, and left out
/// while it is unavailable.
#[utoipa::path(
    get, path = "/metrics", operation_id = "metrics", tag = "ops",
    responses((status = 200, description = "Prometheus text", body = String, content_type = "text/plain"))
)]
pub(super) async fn get_metrics(State(server): State<Arc<Server>>) -> impl IntoResponse {
    let reading = server.database_readings.current(&server.context).await;
    let text = (server.render_metrics)(reading.figures);
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text,
    )
}

/// Returns this description of the API.
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "getDescription", tag = "ops",
    responses(
        (status = 200, description = "OpenAPI 3.1", body = serde_json::Value),
        (status = 429, description = "`rate_limited`"),
    )
)]
pub(super) async fn get_openapi(State(server): State<Arc<Server>>) -> impl IntoResponse {
    (
        StatusCode::OK,
        [(header::CONTENT_TYPE, "application/json")],
        server.openapi.clone(),
    )
}
