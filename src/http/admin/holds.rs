//! Holds with all that the operator may know, guest, Stripe's ids, payments, history, and what the operator can do:
//! release one, and ask Stripe about one anew.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use chrono::{DateTime, Utc};
use deserr::Deserr;
use utoipa::ToSchema;

use super::super::Server;
use super::super::body::{self, FieldErrors};
use super::super::error::{Code, Problem};
use super::super::fields::{Cursor, Email, Limit, Note, RefundAmount};
use super::super::holds::{given_back, hold_id};
use super::super::path_id::PathId;
use super::super::views::{AdminHoldDetailView, AdminHoldView, StatusView};

use super::{List, Paging, page};
use crate::domain::booking::Actor;
use crate::domain::hold::{CancelError, ReleaseRequester};
use crate::domain::ids::{EventTypeId, HoldId, ResourceId};
use crate::domain::listing::{HoldFilter, PageRequest};
use crate::workflow::release_hold::ReleaseOutcome;
use crate::workflow::{cancel_hold, queries, refresh_hold, release_hold};

#[derive(Debug, Deserr)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
struct ListQuery {
    #[deserr(default)]
    status: Option<StatusView>,
    #[deserr(default)]
    event_type: Option<EventTypeId>,
    #[deserr(default)]
    resource: Option<ResourceId>,
    #[deserr(default)]
    from: Option<DateTime<Utc>>,
    #[deserr(default)]
    to: Option<DateTime<Utc>>,
    #[deserr(default)]
    guest: Option<Email>,
    #[deserr(default)]
    limit: Option<Limit>,
    #[deserr(default)]
    cursor: Option<Cursor>,
}

/// Lists holds, newest first.
#[utoipa::path(
    get, path = "/v1/admin/holds", operation_id = "listHoldsAsOperator", tag = "operators",
    params(
        ("status" = Option<StatusView>, Query, description = "only these"),
        ("event_type" = Option<String>, Query, description = "only of this event type", pattern = "^[a-z0-9-]{1,64}$"),
        ("resource" = Option<String>, Query, description = "only on this resource", pattern = "^[a-z0-9-]{1,64}$"),
        ("from" = Option<DateTime<Utc>>, Query, description = "only those that start then or later, RFC 3339"),
        ("to" = Option<DateTime<Utc>>, Query, description = "only those that start earlier, RFC 3339"),
        ("guest" = Option<String>, Query, description = "only of the guest with this address, in whatever case"),
        Paging,
    ),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "Holds", body = List<AdminHoldView>),
        (status = 422, description = "`invalid`"),
    )
)]
pub(in crate::http) async fn list(
    State(server): State<Arc<Server>>,
    RawQuery(query): RawQuery,
) -> Result<Json<List<AdminHoldView>>, Problem> {
    let (filter, page) = read(body::query(query.as_deref())?);
    let found = queries::list_holds(&server.context, &filter, &page).await?;
    Ok(List::of(&found, AdminHoldView::new))
}

fn read(query: ListQuery) -> (HoldFilter, PageRequest) {
    let filter = HoldFilter {
        status: query.status.map(Into::into),
        event_type: query.event_type,
        resource: query.resource,
        from: query.from,
        to: query.to,
        guest: query.guest.map(|Email(address)| address),
    };
    (filter, page(query.limit, query.cursor))
}

/// Shows one with its history.
#[utoipa::path(
    get, path = "/v1/admin/holds/{id}", operation_id = "getHoldAsOperator", tag = "operators",
    params(("id" = Uuid, Path, description = "the hold's id")),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The hold", body = AdminHoldDetailView),
        (status = 404, description = "`not_found`"),
    )
)]
pub(in crate::http) async fn show(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
) -> Result<Json<AdminHoldDetailView>, Problem> {
    detail(&server, hold_id(&id)?).await
}

async fn detail(server: &Server, id: HoldId) -> Result<Json<AdminHoldDetailView>, Problem> {
    let found = queries::find_hold_with_history(&server.context, id).await?;
    let (booking, history) = found.ok_or_else(|| Problem::not_found("hold"))?;
    Ok(Json(AdminHoldDetailView::new(&booking, &history)))
}

/// Gives a held slot back at once: Stripe ends the session first, then the slot is free.
#[utoipa::path(
    post, path = "/v1/admin/holds/{id}/release", operation_id = "releaseHold", tag = "operators",
    params(("id" = Uuid, Path, description = "the hold's id")),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "Released, now or before", body = AdminHoldDetailView),
        (status = 404, description = "`not_found`"),
        (status = 409, description = "`already_paid`: it is confirmed, or a delayed payment is at work"),
        (status = 503, description = "`stripe_unavailable` or `store_unavailable`; asking again is safe"),
    )
)]
pub(in crate::http) async fn release(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
) -> Result<Json<AdminHoldDetailView>, Problem> {
    let id = hold_id(&id)?;
    let asker = Some(ReleaseRequester::Operator);
    match release_hold::release_hold_in_task(&server.context, id, asker, Actor::Operator).await? {
        ReleaseOutcome::Missing => Err(Problem::not_found("hold")),
        ReleaseOutcome::Over(booking) => {
            given_back(&booking)?;
            detail(&server, id).await
        }
    }
}

/// How a hold is cancelled.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Cancellation {
    /// How much goes back: `full`, `none`, or an amount in the currency's minor unit.
    #[schema(value_type = Value, example = "full")]
    refund: RefundAmount,
    /// Why, for the history.
    #[deserr(default)]
    #[schema(value_type = Option<String>, max_length = 500)]
    note: Option<Note>,
}

/// Cancels a confirmed hold: its slot is free at once, and the money goes back as ordered.
#[utoipa::path(
    post, path = "/v1/admin/holds/{id}/cancel", operation_id = "cancelHoldAsOperator", tag = "operators",
    params(("id" = Uuid, Path, description = "the hold's id")),
    request_body = Cancellation,
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "Cancelled, now or before", body = AdminHoldDetailView),
        (status = 400, description = "`malformed`"),
        (status = 404, description = "`not_found`"),
        (status = 409, description = "`not_cancellable`: it is not confirmed"),
        (status = 413, description = "`malformed`"),
        (status = 415, description = "`malformed`"),
        (status = 422, description = "`invalid`"),
    )
)]
pub(in crate::http) async fn cancel(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<AdminHoldDetailView>, Problem> {
    let id = hold_id(&id)?;
    let mut faults = FieldErrors::default();
    let order: Option<Cancellation> = body::parse(body::json(&headers, body)?, &mut faults);
    let Some(order) = order.filter(|_| faults.is_empty()) else {
        return Err(faults.into_problem());
    };
    let note = order.note.map(|Note(note)| note);
    match cancel_hold::cancel_by_operator(&server.context, id, order.refund.0, note).await? {
        cancel_hold::CancelOutcome::Missing => Err(Problem::not_found("hold")),
        cancel_hold::CancelOutcome::Over(_) => detail(&server, id).await,
        cancel_hold::CancelOutcome::Refused(_, why @ CancelError::TooMuch(_)) => {
            Err(Problem::invalid_field("refund", why.to_string()))
        }
        cancel_hold::CancelOutcome::Refused(_, why @ CancelError::NotConfirmed) => {
            Err(Problem::new(Code::NotCancellable, why.to_string()))
        }
    }
}

/// Asks Stripe about a hold anew, whatever its state, and settles what it says: for a webhook that was lost.
#[utoipa::path(
    post, path = "/v1/admin/holds/{id}/refresh", operation_id = "refreshHold", tag = "operators",
    params(("id" = Uuid, Path, description = "the hold's id")),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The hold as Stripe's answer left it", body = AdminHoldDetailView),
        (status = 404, description = "`not_found`"),
        (status = 503, description = "`stripe_unavailable` or `store_unavailable`; asking again is safe"),
    )
)]
pub(in crate::http) async fn refresh(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
) -> Result<Json<AdminHoldDetailView>, Problem> {
    let id = hold_id(&id)?;
    let found = refresh_hold::refresh_hold(&server.context, id).await?;
    found.ok_or_else(|| Problem::not_found("hold"))?;
    detail(&server, id).await
}
