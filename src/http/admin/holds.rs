//! Holds with all that the operator may know: guest, Stripe's ids, payments, history.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use deserr::Deserr;

use super::super::body::{self, Faults};
use super::super::error::{Problem, ProblemDetails};
use super::super::holds::hold_id;
use super::super::views::{AdminHoldDetailView, AdminHoldView, StatusView};
use super::super::{Server, fields};
use super::{List, page};
use crate::domain::books::{HoldFilter, PageRequest};
use crate::domain::ids::{EventTypeId, ResourceId};
use crate::workflow::inspect;

#[derive(Debug, Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
struct ListQuery {
    #[deserr(default)]
    status: Option<String>,
    #[deserr(default)]
    event_type: Option<String>,
    #[deserr(default)]
    resource: Option<String>,
    #[deserr(default)]
    from: Option<String>,
    #[deserr(default)]
    to: Option<String>,
    #[deserr(default)]
    limit: Option<String>,
    #[deserr(default)]
    cursor: Option<String>,
}

/// Lists holds, newest first.
#[utoipa::path(
    get, path = "/v1/admin/holds", tag = "operators",
    params(
        ("status" = Option<StatusView>, Query, description = "only these"),
        ("event_type" = Option<String>, Query, description = "only of this event type"),
        ("resource" = Option<String>, Query, description = "only on this resource"),
        ("from" = Option<String>, Query, description = "only those that start then or later, RFC 3339"),
        ("to" = Option<String>, Query, description = "only those that start earlier, RFC 3339"),
        ("limit" = Option<u32>, Query, description = "1 to 200, 50 by default"),
        ("cursor" = Option<String>, Query, description = "the `next_cursor` of the part before"),
    ),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "Holds", body = List<AdminHoldView>),
        (status = 401, description = "`unauthorized`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "`invalid`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 500, description = "`internal`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "`store_unavailable`", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn list(
    State(server): State<Arc<Server>>,
    RawQuery(query): RawQuery,
) -> Result<Json<List<AdminHoldView>>, Problem> {
    let (filter, page) = read(body::query(query.as_deref())?)?;
    let found = inspect::holds(&server.context, &filter, &page).await?;
    let data = found.entries.iter().map(AdminHoldView::new).collect();
    Ok(Json(List {
        data,
        next_cursor: found.next,
    }))
}

fn read(query: ListQuery) -> Result<(HoldFilter, PageRequest), Problem> {
    let mut faults = Faults::default();
    let page = page(query.limit, query.cursor, &mut faults);
    let filter = HoldFilter {
        status: query
            .status
            .and_then(|text| faults.take("status", status(text)))
            .map(Into::into),
        event_type: query
            .event_type
            .and_then(|text| faults.take("event_type", EventTypeId::parse(&text))),
        resource: query
            .resource
            .and_then(|text| faults.take("resource", ResourceId::parse(&text))),
        from: query
            .from
            .and_then(|text| faults.take("from", fields::instant(&text))),
        to: query
            .to
            .and_then(|text| faults.take("to", fields::instant(&text))),
    };
    if faults.is_empty() {
        Ok((filter, page))
    } else {
        Err(faults.into_problem())
    }
}

fn status(text: String) -> Result<StatusView, &'static str> {
    serde_json::from_value(text.into())
        .map_err(|_| "must be held, processing, confirmed, released or cancelled")
}

/// Shows one with its history.
#[utoipa::path(
    get, path = "/v1/admin/holds/{id}", tag = "operators",
    params(("id" = String, Path, description = "the hold's id")),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The hold", body = AdminHoldDetailView),
        (status = 401, description = "`unauthorized`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "`not_found`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 500, description = "`internal`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "`store_unavailable`", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn show(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
) -> Result<Json<AdminHoldDetailView>, Problem> {
    let found = inspect::hold_with_history(&server.context, hold_id(&id)?).await?;
    let (booking, history) = found.ok_or_else(|| Problem::not_found("hold"))?;
    Ok(Json(AdminHoldDetailView::new(&booking, &history)))
}
