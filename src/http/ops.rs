//! For machines: is it alive, is it ready, how is it doing, what does it speak.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::Server;
use super::error::{Code, Problem};
use crate::workflow::queries;

/// All is well.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    /// `ok`.
    status: &'static str,
}

/// Answers as long as the process can answer.
#[utoipa::path(get, path = "/livez", operation_id = "livez", tag = "ops", responses((status = 200, description = "Alive", body = Health)))]
pub(super) async fn livez() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Whether requests should be sent here: the database answers, and its schema is this program's.
#[utoipa::path(
    get, path = "/readyz", operation_id = "readyz", tag = "ops",
    responses(
        (status = 200, description = "Ready", body = Health),
        (status = 503, description = "`store_unavailable`"),
    )
)]
pub(super) async fn readyz(State(server): State<Arc<Server>>) -> Result<Json<Health>, Problem> {
    match queries::is_ready(&server.context).await {
        Ok(true) => Ok(Json(Health { status: "ok" })),
        Ok(false) => Err(Problem::new(
            Code::StoreUnavailable,
            "the schema is not the one of this program",
        )),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            Err(Problem::new(Code::StoreUnavailable, "the database is away"))
        }
    }
}

/// Metrics in Prometheus' text format. Figures of the books are left out while the database is away.
#[utoipa::path(
    get, path = "/metrics", operation_id = "metrics", tag = "ops",
    responses((status = 200, description = "Prometheus text", body = String, content_type = "text/plain"))
)]
pub(super) async fn metrics(State(server): State<Arc<Server>>) -> impl IntoResponse {
    let text = (server.render_metrics)(queries::count_figures(&server.context).await.ok());
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text,
    )
}

/// This description.
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "getDescription", tag = "ops",
    responses((status = 200, description = "OpenAPI 3.1", body = serde_json::Value))
)]
pub(super) async fn openapi(State(server): State<Arc<Server>>) -> impl IntoResponse {
    (
        StatusCode::OK,
        [(header::CONTENT_TYPE, "application/json")],
        server.openapi.clone(),
    )
}
