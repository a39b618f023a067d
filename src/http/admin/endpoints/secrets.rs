//! New secrets of endpoints.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::{missing, parse_endpoint_id};
use crate::http::error::{Problem, ProblemCode};
use crate::http::path_id::PathId;
use crate::http::server::Server;
use crate::http::timestamps::format_instant;
use crate::workflow::event_endpoints::{self, NewSecret};

/// A new secret of an endpoint.
#[derive(Serialize, ToSchema)]
#[schema(as = RotatedSecret)]
pub(in crate::http) struct RotatedSecretView {
    /// The new secret, `whsec_…`. It is shown here and never again.
    #[schema(example = "whsec_…")]
    secret: String,
    /// Until when each attempt is signed with the secret before too.
    #[schema(format = DateTime)]
    old_secret_until: String,
}

/// Makes a new secret for an endpoint, and shows it this once. Each one before signs too, for 24 hours after it was replaced.
#[utoipa::path(
    post, path = "/v1/admin/webhook-endpoints/{id}/rotate", operation_id = "rotateSecret", tag = "operators",
    params(("id" = String, Path, description = "the endpoint's id")),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The new secret", body = RotatedSecretView),
        (status = 404, description = "`not_found`"),
        (status = 409, description = "`conflict`: eight secrets before the current one sign still"),
    )
)]
pub(in crate::http) async fn rotate_secret(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
) -> Result<Json<RotatedSecretView>, Problem> {
    let rotated = event_endpoints::rotate_secret(&server.context, &parse_endpoint_id(&id)?).await?;
    let (secret, until) = match rotated {
        NewSecret::Made(secret, until) => (secret, until),
        NewSecret::TooMany => return Err(too_many_secrets()),
        NewSecret::Unknown => return Err(missing()),
    };
    Ok(Json(RotatedSecretView {
        secret: secret.reveal().to_owned(),
        old_secret_until: format_instant(until),
    }))
}

/// The refusal of one more secret while too many earlier ones sign.
pub(in crate::http) fn too_many_secrets() -> Problem {
    let detail = "eight secrets before the current one sign still: wait until the first has ended";
    Problem::new(ProblemCode::Conflict, detail)
}
