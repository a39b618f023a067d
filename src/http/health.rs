//! For machines: health checks, metrics, and the OpenAPI description.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::error::{Problem, ProblemCode};
use super::server::Server;
use crate::workflow::queries;

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

/// Says whether this instance can serve requests: the database responds, and its schema is up to date.
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
    match queries::is_ready(&server.context).await {
        Ok(true) => Ok(Json(Health { status: "ok" })),
        Ok(false) => Err(Problem::new(
            ProblemCode::StoreUnavailable,
            "the database schema does not match this program",
        )),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            Err(Problem::new(
                ProblemCode::StoreUnavailable,
                "the database is unavailable",
            ))
        }
    }
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

/// Returns metrics in the text format of Prometheus. The figures from the database are left out while it is
/// unavailable.
#[utoipa::path(
    get, path = "/metrics", operation_id = "metrics", tag = "ops",
    responses((status = 200, description = "Prometheus text", body = String, content_type = "text/plain"))
)]
pub(super) async fn get_metrics(State(server): State<Arc<Server>>) -> impl IntoResponse {
    let text = (server.render_metrics)(queries::count_figures(&server.context).await.ok());
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text,
    )
}

/// Returns this description of the API.
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "getDescription", tag = "ops",
    responses((status = 200, description = "OpenAPI 3.1", body = serde_json::Value))
)]
pub(super) async fn get_openapi(State(server): State<Arc<Server>>) -> impl IntoResponse {
    (
        StatusCode::OK,
        [(header::CONTENT_TYPE, "application/json")],
        server.openapi.clone(),
    )
}
