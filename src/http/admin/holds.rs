//! Holds as operators see them, and what operators can do: release, cancel and refresh a hold.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use axum::{Extension, Json};
use deserr::Deserr;
use serde_json::json;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, OneOfBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::ids::HoldId;
use crate::domain::money::MAX_AMOUNT;
use crate::http::audit_trail::AuditNote;
use crate::http::auth::KeyHolder;
use crate::http::error::Problem;
use crate::http::field_errors::FieldErrors;
use crate::http::field_values::{Note, RefundAmount, check_optional_between};
use crate::http::hold_acts;
use crate::http::hold_detail::AdminHoldDetailView;
use crate::http::json_body::{parse_json, parse_optional, read_json};
use crate::http::path_id::{PathId, parse_hold_id};
use crate::http::server::Server;
use crate::workflow::release_as_seen::SeenRelease;
use crate::workflow::{cancel_hold, queries};

/// Shows a hold with its money and its history.
#[utoipa::path(
    get, path = "/v1/admin/holds/{id}", operation_id = "getHoldAsOperator", tag = "operators",
    params(("id" = Uuid, Path, description = "the hold's id")),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The hold", body = AdminHoldDetailView),
        (status = 404, description = "`not_found`"),
    )
)]
pub(in crate::http) async fn get_hold(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
) -> Result<Json<AdminHoldDetailView>, Problem> {
    show_detail(&server, parse_hold_id(&id)?).await
}

pub(super) async fn show_detail(server: &Server, id: HoldId) -> Result<Json<AdminHoldDetailView>, Problem> {
    let found = queries::find_hold_with_history(&server.context, id).await?;
    let (booking, history) = found.ok_or_else(|| Problem::not_found("hold"))?;
    Ok(Json(AdminHoldDetailView::new(&booking, &history)))
}

/// How to release a hold.
#[derive(Debug, Default, Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Release {
    /// Frees the slot even if Stripe does not know the hold's session. If Stripe knows it, Stripe decides. False if absent.
    #[deserr(default)]
    #[schema(required = false)]
    without_stripe: bool,
    /// The `version` of the hold that the caller has seen: only that one is released. Any if absent.
    #[deserr(default, try_from(Option<i64>) = check_optional_between::<1, { i64::MAX }> -> String)]
    #[schema(minimum = 1)]
    version: Option<i64>,
}

/// Releases an unpaid hold: first the session expires at Stripe, then the slot is free. The slot of a `processing` hold is free at
/// once, and all money that comes for it later goes back. Send the `version` that you saw, so that a hold is not released whose
/// payment has begun since then. The body may be left out.
#[utoipa::path(
    post, path = "/v1/admin/holds/{id}/release", operation_id = "releaseHold", tag = "operators",
    params(("id" = Uuid, Path, description = "the hold's id")),
    request_body = Option<Release>,
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The hold is released, now or before", body = AdminHoldDetailView),
        (status = 400, description = "`malformed`"),
        (status = 404, description = "`not_found`"),
        (status = 409, description = "`already_paid`: the hold is confirmed, or was `held` and turned out to be `processing`: a repeat without `version` releases it then; `conflict`: the hold has another `version`"),
        (status = 413, description = "`malformed`"),
        (status = 415, description = "`malformed`"),
        (status = 422, description = "`invalid`"),
        (
            status = 503,
            description = "`stripe_unavailable` or `store_unavailable`: nothing has changed. A retry is safe with `version`; without, it also releases a hold whose payment has begun meanwhile"
        ),
    )
)]
pub(in crate::http) async fn release_hold(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    Extension(holder): Extension<KeyHolder>,
    Extension(note): Extension<AuditNote>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<AdminHoldDetailView>, Problem> {
    let id = parse_hold_id(&id)?;
    let release: Release = parse_optional(&headers, body)?;
    let (without_stripe, actor) = (release.without_stripe, holder.to_actor());
    if let Some(seen) = release.version {
        let order = SeenRelease {
            hold: id,
            seen,
            without_stripe,
            actor,
        };
        // A hold that is over is as the caller wants it, also if something else ended it.
        hold_acts::release_as_seen(&server, order, &note).await?;
    } else {
        hold_acts::release(&server, id, without_stripe, actor, &note).await?;
    }
    show_detail(&server, id).await
}

/// Describes what `RefundAmount` reads: a word or a number, which no derived schema can say.
impl PartialSchema for RefundAmount {
    fn schema() -> RefOr<Schema> {
        let word = ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(["full", "none"]))
            .description(Some("All that is left of the payments, or nothing."));
        let part = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
            .minimum(Some(1))
            .maximum(Some(MAX_AMOUNT))
            .description(Some("An amount in the currency's minor unit."));
        let either = OneOfBuilder::new().item(word).item(part);
        either
            .description(Some("What a guest gets back."))
            .examples([json!("full")])
            .into()
    }
}

impl ToSchema for RefundAmount {}

/// How to cancel a hold.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Cancellation {
    /// What the guest gets back.
    refund: RefundAmount,
    /// A note for the history.
    #[deserr(default)]
    #[schema(value_type = Option<String>, max_length = 500)]
    note: Option<Note>,
}

/// Cancels a confirmed hold: its slot is free at once, and the given amount is refunded.
#[utoipa::path(
    post, path = "/v1/admin/holds/{id}/cancel", operation_id = "cancelHoldAsOperator", tag = "operators",
    params(("id" = Uuid, Path, description = "the hold's id")),
    request_body = Cancellation,
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The hold is cancelled, now or before", body = AdminHoldDetailView),
        (status = 400, description = "`malformed`"),
        (status = 404, description = "`not_found`"),
        (status = 409, description = "`not_cancellable`: the hold is not confirmed"),
        (status = 413, description = "`malformed`"),
        (status = 415, description = "`malformed`"),
        (status = 422, description = "`invalid`"),
    )
)]
pub(in crate::http) async fn cancel_hold(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    Extension(holder): Extension<KeyHolder>,
    Extension(note): Extension<AuditNote>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<AdminHoldDetailView>, Problem> {
    let id = parse_hold_id(&id)?;
    let mut errors = FieldErrors::default();
    let cancellation: Option<Cancellation> = parse_json(read_json(&headers, body)?, &mut errors);
    let Some(cancellation) = cancellation.filter(|_| errors.is_empty()) else {
        return Err(errors.into_problem());
    };
    let cancellation = cancel_hold::Cancellation {
        refund: cancellation.refund.0,
        note: cancellation.note.map(|Note(text)| text),
    };
    hold_acts::cancel(&server, id, cancellation, holder.to_actor(), &note).await?;
    show_detail(&server, id).await
}

/// Reads a hold's session at Stripe, whatever the hold's status, and applies it. Use it if a webhook was lost.
#[utoipa::path(
    post, path = "/v1/admin/holds/{id}/refresh", operation_id = "refreshHold", tag = "operators",
    params(("id" = Uuid, Path, description = "the hold's id")),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The hold after the refresh", body = AdminHoldDetailView),
        (status = 404, description = "`not_found`"),
        (status = 503, description = "`stripe_unavailable` or `store_unavailable`; a retry is safe"),
    )
)]
pub(in crate::http) async fn refresh_hold(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    Extension(holder): Extension<KeyHolder>,
    Extension(note): Extension<AuditNote>,
) -> Result<Json<AdminHoldDetailView>, Problem> {
    let id = parse_hold_id(&id)?;
    hold_acts::refresh(&server, id, holder.to_actor(), &note).await?;
    show_detail(&server, id).await
}
