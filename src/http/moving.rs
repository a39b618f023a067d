//! Moving a hold: for its guest, by the hold's token and within the shop's rules, and for operators, by theirs.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use chrono::{DateTime, Utc};
use deserr::Deserr;
use utoipa::ToSchema;

use super::body::{self, FieldErrors};
use super::error::Problem;
use super::holds::{bearer, hold_id, unauthorized};
use super::path_id::PathId;
use super::views::HoldView;
use super::{Server, admin};
use crate::domain::booking::Actor;
use crate::domain::ids::ResourceId;
use crate::workflow::move_hold::{self, MoveRequest};

/// Where a hold is to go.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
#[serde(deny_unknown_fields)]
#[schema(as = Move)]
pub(super) struct NewStart {
    /// From when on: a whole second in the future, RFC 3339 with any offset.
    #[schema(example = "2030-12-01T11:00:00Z")]
    starts_at: DateTime<Utc>,
    /// Whom the guest wants: one of the event type's resources.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "ana", pattern = "^[a-z0-9-]{1,64}$")]
    resource: Option<ResourceId>,
}

/// Moves a hold to another start, all or nothing, at the same price.
#[utoipa::path(
    post, path = "/v1/holds/{id}/move", operation_id = "moveHold", tag = "holds",
    params(("id" = Uuid, Path, description = "the hold's id")),
    request_body = NewStart,
    security(("hold_token" = []), ("admin_key" = [])),
    responses(
        (status = 200, description = "Moved", body = HoldView),
        (status = 400, description = "`malformed`"),
        (status = 401, description = "`unauthorized`"),
        (status = 404, description = "`not_found`"),
        (status = 409, description = "`slot_taken`: everything is as it was; or `not_movable`"),
        (status = 413, description = "`malformed`"),
        (status = 415, description = "`malformed`"),
        (status = 422, description = "`invalid`"),
        (status = 429, description = "`rate_limited`"),
        (status = 500, description = "`internal`"),
        (status = 503, description = "`stripe_unavailable` or `store_unavailable`; asking again is safe"),
    )
)]
pub(super) async fn move_hold(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<HoldView>, Problem> {
    let hold = hold_id(&id)?;
    let cause = if admin::is_operator(&server, &headers) {
        Actor::Operator
    } else {
        let token = bearer(&headers).ok_or_else(unauthorized)?;
        let right = server.context.tokens.is_hold_token(hold, token);
        right.then_some(Actor::Guest).ok_or_else(unauthorized)?
    };
    let mut faults = FieldErrors::default();
    let new: Option<NewStart> = body::parse(body::json(&headers, body)?, &mut faults);
    let Some(new) = new.filter(|_| faults.is_empty()) else {
        return Err(faults.into_problem());
    };
    let request = MoveRequest {
        hold,
        starts_at: new.starts_at,
        resource: new.resource,
        cause,
    };
    let booking = move_hold::move_hold(&server.context, request).await?;
    Ok(Json(HoldView::new(&booking)))
}
