//! Moves a hold to another start: for its guest, within the shop's change policy, and for operators.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use axum::{Extension, Json};
use chrono::{DateTime, Utc};
use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;

use super::audit_trail::AuditNote;
use super::auth::{KeyHolder, require_bearer_token, require_token_of};
use super::error::Problem;
use super::field_errors::FieldErrors;
use super::hold_acts;
use super::json_body::{parse_json, read_json};
use super::path_id::{PathId, parse_hold_id};
use super::server::Server;
use super::views::HoldView;
use crate::domain::access_key::Scope;
use crate::domain::booking::{Actor, Booking};
use crate::domain::hold::Status;
use crate::domain::ids::ResourceId;
use crate::workflow::move_hold::MoveRequest;

/// The new start of a hold.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
#[serde(deny_unknown_fields)]
#[schema(as = Move)]
pub(super) struct NewStart {
    /// The new start: a whole second, at least a minute ahead, RFC 3339 with any offset.
    #[schema(example = "2030-12-01T11:00:00Z")]
    starts_at: DateTime<Utc>,
    /// The resource that the guest asks for: one of the event type's.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "ana", pattern = "^[a-z0-9-]{1,64}$")]
    resource: Option<ResourceId>,
}

/// A hold after a move.
#[derive(Serialize, ToSchema)]
#[schema(as = MovedHold)]
pub(super) struct MovedHoldView {
    /// The hold as everybody may see it.
    #[serde(flatten)]
    hold: HoldView,
    /// Whether the guest can still pay on a page whose line says the time from before the move: Stripe cannot change the
    /// line of a session. A new checkout with `replaces` has a new line.
    checkout_line_outdated: bool,
}

impl MovedHoldView {
    fn new(booking: &Booking, hold: HoldView) -> Self {
        Self {
            hold,
            checkout_line_outdated: booking.hold.status == Status::Held,
        }
    }
}

/// Moves a hold to another start at the same price: all its segments, or none.
#[utoipa::path(
    post, path = "/v1/holds/{id}/move", operation_id = "moveHold", tag = "holds",
    params(("id" = Uuid, Path, description = "the hold's id")),
    request_body = NewStart,
    security(("hold_token" = []), ("admin_key" = [])),
    responses(
        (status = 200, description = "The hold is moved", body = MovedHoldView),
        (status = 400, description = "`malformed`"),
        (status = 401, description = "`unauthorized`"),
        (status = 403, description = "`forbidden`: the key's scope is less than `operate`"),
        (status = 404, description = "`not_found`"),
        (status = 409, description = "`slot_taken` or `not_movable`; the hold is unchanged"),
        (status = 413, description = "`malformed`"),
        (status = 415, description = "`malformed`"),
        (status = 422, description = "`invalid`"),
        (status = 429, description = "`rate_limited`"),
        (status = 500, description = "`internal`"),
        (status = 503, description = "`stripe_unavailable` or `store_unavailable`; a retry is safe"),
    )
)]
pub(super) async fn move_hold(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    holder: Option<Extension<KeyHolder>>,
    note: Option<Extension<AuditNote>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<MovedHoldView>, Problem> {
    let hold = parse_hold_id(&id)?;
    let actor = match holder {
        Some(Extension(holder)) => {
            holder.require_scope(Scope::Operate)?;
            holder.to_actor()
        }
        None => {
            require_token_of(&server, hold, require_bearer_token(&headers)?).await?;
            Actor::Guest
        }
    };
    let mut errors = FieldErrors::default();
    let new: Option<NewStart> = parse_json(read_json(&headers, body)?, &mut errors);
    let Some(new) = new.filter(|_| errors.is_empty()) else {
        return Err(errors.into_problem());
    };
    let request = MoveRequest {
        hold,
        starts_at: new.starts_at,
        resource: new.resource,
        actor: actor.clone(),
        seen: None,
    };
    let note = note.as_ref().map(|Extension(note)| note);
    let booking = hold_acts::move_to(&server, request, note).await?;
    let hold = match actor {
        Actor::Guest => HoldView::for_guest(&booking, &server),
        _ => HoldView::new(&booking),
    };
    Ok(Json(MovedHoldView::new(&booking, hold)))
}
