//! Returns money of a hold without cancelling it.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use axum::{Extension, Json};
use deserr::Deserr;
use serde_json::json;
use utoipa::ToSchema;

use super::holds::show_detail;
use crate::domain::booking::Actor;
use crate::domain::hold::ReturnWay;
use crate::domain::ids::HoldId;
use crate::http::audit_trail::AuditNote;
use crate::http::auth::KeyHolder;
use crate::http::error::Problem;
use crate::http::field_errors::FieldErrors;
use crate::http::field_values::{Amount, Note};
use crate::http::hold_acts;
use crate::http::hold_detail::AdminHoldDetailView;
use crate::http::idempotency_key::{digest_body, parse_idempotency_key};
use crate::http::json_body::{parse_json, read_json};
use crate::http::path_id::{PathId, parse_hold_id};
use crate::http::server::Server;
use crate::workflow::return_money::ReturnRequest;

/// What an operator returns.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRefund)]
pub(in crate::http) struct NewRefund {
    /// The amount, in the currency's minor unit.
    #[schema(value_type = i64, minimum = 1, maximum = 99_999_999, example = 2000)]
    amount: Amount,
    /// Why, for the history.
    #[schema(value_type = String, max_length = 500, example = "the heating failed")]
    note: Note,
    /// Records that the amount, which was due back, was settled elsewhere, such as in cash: nothing is ordered at Stripe.
    /// False if absent.
    #[deserr(default)]
    #[schema(required = false)]
    outside: bool,
}

/// Returns money without cancelling: of a confirmed hold, or what is due back because its refund failed.
#[utoipa::path(
    post, path = "/v1/admin/holds/{id}/refund", operation_id = "refundHold", tag = "operators",
    params(
        ("id" = Uuid, Path, description = "the hold's id"),
        (
            "Idempotency-Key" = Option<String>, Header,
            description = "1 to 255 visible ASCII characters: the same key and body return money once",
            nullable = false, pattern = "^[!-~]{1,255}$"
        ),
    ),
    request_body = NewRefund,
    security(("admin_key" = [])),
    responses(
        (
            status = 200, description = "The refund is ordered, or the settlement recorded, now or before",
            body = AdminHoldDetailView
        ),
        (status = 400, description = "`malformed`"),
        (status = 404, description = "`not_found`"),
        (status = 413, description = "`malformed`"),
        (status = 415, description = "`malformed`"),
        (
            status = 422,
            description = "`invalid`, also if less can go back; `idempotency_mismatch`"
        ),
    )
)]
pub(in crate::http) async fn refund_hold(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    Extension(holder): Extension<KeyHolder>,
    Extension(note): Extension<AuditNote>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<AdminHoldDetailView>, Problem> {
    let id = parse_hold_id(&id)?;
    let request = parse_request(id, holder.to_actor(), &headers, body)?;
    hold_acts::return_money(&server, request, &note).await?;
    show_detail(&server, id).await
}

fn parse_request(
    hold: HoldId,
    actor: Actor,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<ReturnRequest, Problem> {
    let json = read_json(headers, body)?;
    // The hold belongs to it: the key of one hold's request is not good for another's.
    let fingerprint = digest_body(&json!({"hold": hold.0, "body": &json}));
    let mut errors = FieldErrors::default();
    let key = errors.check("Idempotency-Key", parse_idempotency_key(headers));
    let new: Option<NewRefund> = parse_json(json, &mut errors);
    match (new, key) {
        (Some(new), Some(key)) if errors.is_empty() => Ok(ReturnRequest {
            hold,
            amount: new.amount.0,
            way: if new.outside {
                ReturnWay::Outside
            } else {
                ReturnWay::Refund
            },
            note: new.note.0,
            actor,
            key,
            fingerprint,
            seen: None,
        }),
        _ => Err(errors.into_problem()),
    }
}
