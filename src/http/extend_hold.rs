//! Gives a guest more time to pay, once.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;

use super::auth::{require_bearer_token, require_token_of};
use super::error::Problem;
use super::path_id::{PathId, parse_hold_id};
use super::server::Server;
use super::views::HoldView;
use crate::workflow::extend_hold;

/// Extends a `held` hold, once: to the end of its payment session, and not beyond the start of its slot.
#[utoipa::path(
    post, path = "/v1/holds/{id}/extend", operation_id = "extendHold", tag = "holds",
    params(("id" = Uuid, Path, description = "the hold's id")),
    security(("hold_token" = [])),
    responses(
        (status = 200, description = "The hold, with its later end", body = HoldView),
        (status = 401, description = "`unauthorized`"),
        (status = 404, description = "`not_found`"),
        (status = 409, description = "`conflict`: the hold is not held any more, was extended, or cannot end later"),
        (status = 429, description = "`rate_limited`"),
        (status = 500, description = "`internal`"),
        (status = 503, description = "`store_unavailable`"),
    )
)]
pub(super) async fn extend_hold(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    headers: HeaderMap,
) -> Result<Json<HoldView>, Problem> {
    let id = parse_hold_id(&id)?;
    require_token_of(&server, id, require_bearer_token(&headers)?).await?;
    let booking = extend_hold::extend_hold(&server.context, id).await?;
    Ok(Json(HoldView::for_guest(&booking, &server)))
}
