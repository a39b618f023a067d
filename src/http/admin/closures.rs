//! Closures: days on which the shop, or some of its resources, sells nothing.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use chrono::{DateTime, NaiveDate, Utc};
use deserr::Deserr;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::pagination::{List, PageQuery, to_page_request};
use super::put_status::to_put_status;
use super::resources::blocks::BlockConflictView;
use crate::domain::catalogue::{BlockConflict, MAX_ADVANCE};
use crate::domain::closure::{Closure, DatedClosure, MAX_CLOSED_RESOURCES};
use crate::domain::ids::{ClosureId, ResourceId};
use crate::domain::listing::PutOutcome;
use crate::http::audit_trail::AuditNote;
use crate::http::error::Problem;
use crate::http::field_errors::FieldErrors;
use crate::http::field_values::Note;
use crate::http::json_body::{drop_members, parse_json, read_json};
use crate::http::path_id::{PathId, parse_closure_id};
use crate::http::query_string::parse_query;
use crate::http::server::Server;
use crate::workflow::closures;

/// The days on which the shop, or some of its resources, is to be closed.
#[derive(Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct NewClosure {
    /// The first closed day, within ten years.
    #[schema(value_type = String, format = Date, example = "2026-12-24")]
    from: NaiveDate,
    /// The last closed day, within ten years; the same day, or a later one.
    #[schema(value_type = String, format = Date, example = "2026-12-26")]
    to: NaiveDate,
    /// A note for operators: at most 500 characters.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "Christmas", max_length = 500)]
    note: Option<Note>,
    /// The ids of the resources that are closed, each once; without it all, also those that are made later.
    #[deserr(default, try_from(Option<Vec<ResourceId>>) = check_resources -> String)]
    #[schema(value_type = Option<Vec<String>>, example = json!(["ana"]), min_items = 1, max_items = 1000)]
    resources: Option<Vec<ResourceId>>,
}

fn check_resources(resources: Option<Vec<ResourceId>>) -> Result<Option<Vec<ResourceId>>, String> {
    let mut sorted = resources.clone().unwrap_or_default();
    sorted.sort_unstable();
    sorted.dedup();
    let is_valid = resources
        .as_ref()
        .is_none_or(|given| given.len() == sorted.len() && (1..=MAX_CLOSED_RESOURCES).contains(&given.len()));
    is_valid
        .then_some(resources)
        .ok_or_else(|| format!("must be 1 to {MAX_CLOSED_RESOURCES} resources, each once"))
}

/// Days on which the shop, or some of its resources, is closed.
#[derive(Serialize, ToSchema)]
#[schema(as = Closure)]
pub(in crate::http) struct ClosureView {
    /// The closure's id, which the operator chose.
    id: String,
    /// The first closed day.
    #[schema(value_type = String, format = Date)]
    from: NaiveDate,
    /// The last closed day.
    #[schema(value_type = String, format = Date)]
    to: NaiveDate,
    /// A note for operators.
    note: String,
    /// The ids of the resources that are closed; null if all are.
    #[schema(required = true)]
    resources: Option<Vec<String>>,
    /// The zone of the days: the one that all schedules share, else `HOLDFAST_TIMEZONE`.
    #[schema(example = "Europe/Berlin")]
    timezone: String,
}

/// A closure with the live holds that it overlaps.
#[derive(Serialize, ToSchema)]
#[schema(as = ClosureDetails)]
pub(in crate::http) struct ClosureDetailsView {
    /// The closure without its conflicts.
    #[serde(flatten)]
    closure: ClosureView,
    /// The live holds that the closure overlaps. They stay; an operator has to move or cancel them.
    conflicts: Vec<BlockConflictView>,
}

impl From<&DatedClosure> for ClosureView {
    fn from(dated: &DatedClosure) -> Self {
        let resources = dated.closure.resources.as_ref();
        Self {
            id: dated.closure.id.to_string(),
            from: dated.closure.first_day,
            to: dated.closure.last_day,
            note: dated.closure.note.clone(),
            resources: resources.map(|ids| ids.iter().map(ToString::to_string).collect()),
            timezone: dated.timezone.to_string(),
        }
    }
}

impl ClosureDetailsView {
    fn new(dated: &DatedClosure, conflicts: Vec<BlockConflict>) -> Self {
        Self {
            closure: ClosureView::from(dated),
            conflicts: conflicts.into_iter().map(Into::into).collect(),
        }
    }
}

/// A closure as the audit trail has it. Its note is left out, because it may name a guest.
#[derive(Serialize)]
struct ClosureState<'a> {
    from: NaiveDate,
    to: NaiveDate,
    resources: Option<Vec<&'a str>>,
}

impl<'a> From<&'a Closure> for ClosureState<'a> {
    fn from(closure: &'a Closure) -> Self {
        let resources = closure.resources.as_ref();
        Self {
            from: closure.first_day,
            to: closure.last_day,
            resources: resources.map(|ids| ids.iter().map(ResourceId::as_str).collect()),
        }
    }
}

/// Closes the shop, or some of its resources, on whole days, or changes a closure. No new hold can overlap it; live holds that
/// overlap it stay and are listed.
#[utoipa::path(
    put, path = "/v1/admin/closures/{id}", operation_id = "putClosure", tag = "operators",
    params(("id" = String, Path, description = "1 to 64 of a-z, 0-9 and -", pattern = "^[a-z0-9-]{1,64}$")),
    request_body = NewClosure,
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The closure is changed", body = ClosureDetailsView),
        (status = 201, description = "The closure is created", body = ClosureDetailsView),
        (status = 400, description = "`malformed`"),
        (status = 413, description = "`malformed`"),
        (status = 415, description = "`malformed`"),
        (status = 422, description = "`invalid`"),
    )
)]
pub(in crate::http) async fn put_closure(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    Extension(note): Extension<AuditNote>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<ClosureDetailsView>), Problem> {
    let closure = parse_closure(&id, read_json(&headers, body)?, server.context.now());
    let closure = closure.map_err(FieldErrors::into_problem)?;
    let (outcome, dated, conflicts) = store_closure(&server, &note, &closure).await?;
    Ok((
        to_put_status(outcome),
        Json(ClosureDetailsView::new(&dated, conflicts)),
    ))
}

/// Writes a closure, and notes the change. Returns the live holds that it overlaps.
///
/// # Errors
/// As `PUT /v1/admin/closures/{id}`.
pub(in crate::http) async fn store_closure(
    server: &Server,
    note: &AuditNote,
    closure: &Closure,
) -> Result<(PutOutcome, DatedClosure, Vec<BlockConflict>), Problem> {
    note_closure_before(server, note, &closure.id).await?;
    let stored = closures::put_closure(&server.context, closure).await?;
    note.set_after(ClosureState::from(closure));
    Ok(stored)
}

async fn note_closure_before(server: &Server, note: &AuditNote, id: &ClosureId) -> Result<(), Problem> {
    let before = closures::find_closure(&server.context, id).await?;
    let before = before.as_ref();
    note.set_before(before.map(|(before, _)| ClosureState::from(&before.closure)));
    Ok(())
}

/// Parses the closure that a body describes.
///
/// # Errors
/// [`FieldErrors`] with every error.
pub(in crate::http) fn parse_closure(
    id: &str,
    mut body: Value,
    now: DateTime<Utc>,
) -> Result<Closure, FieldErrors> {
    let mut errors = FieldErrors::default();
    drop_members(&mut body, &["id", "timezone", "conflicts"]);
    let id = errors.check("id", ClosureId::parse(id));
    let new: Option<NewClosure> = parse_json(body, &mut errors);
    if let Some(new) = &new {
        errors.check("from", check_day(new.from, now));
        errors.check("to", check_day(new.to, now));
        if new.to < new.from {
            errors.add("to", "must not be before from");
        }
    }
    match (id, new) {
        (Some(id), Some(new)) if errors.is_empty() => Ok(Closure {
            id,
            first_day: new.from,
            last_day: new.to,
            note: new.note.map(|note| note.0).unwrap_or_default(),
            resources: new.resources,
        }),
        _ => Err(errors),
    }
}

fn check_day(day: NaiveDate, now: DateTime<Utc>) -> Result<(), &'static str> {
    let is_near = (day - now.date_naive()).abs() <= MAX_ADVANCE;
    is_near.then_some(()).ok_or("must be within ten years")
}

/// Shows a closure with the live holds that it overlaps now.
#[utoipa::path(
    get, path = "/v1/admin/closures/{id}", operation_id = "getClosure", tag = "operators",
    params(("id" = String, Path, description = "the closure's id", pattern = "^[a-z0-9-]{1,64}$")),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The closure", body = ClosureDetailsView),
        (status = 404, description = "`not_found`"),
    )
)]
pub(in crate::http) async fn get_closure(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
) -> Result<Json<ClosureDetailsView>, Problem> {
    let found = closures::find_closure(&server.context, &parse_closure_id(&id)?).await?;
    let (dated, conflicts) = found.ok_or_else(|| Problem::not_found("closure"))?;
    Ok(Json(ClosureDetailsView::new(&dated, conflicts)))
}

/// Lists the closures, newest first.
#[utoipa::path(
    get, path = "/v1/admin/closures", operation_id = "listClosures", tag = "operators",
    params(
        PageQuery,
    ),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The closures", body = List<ClosureView>),
        (status = 422, description = "`invalid`"),
    )
)]
pub(in crate::http) async fn list_closures(
    State(server): State<Arc<Server>>,
    RawQuery(query): RawQuery,
) -> Result<Json<List<ClosureView>>, Problem> {
    let query: PageQuery = parse_query(query.as_deref())?;
    let found = closures::list_closures(&server.context, &to_page_request(query.limit, query.cursor)).await?;
    Ok(List::from_page(&found, ClosureView::from))
}

/// Deletes a closure: its days are for sale again.
#[utoipa::path(
    delete, path = "/v1/admin/closures/{id}", operation_id = "deleteClosure", tag = "operators",
    params(("id" = String, Path, description = "the closure's id", pattern = "^[a-z0-9-]{1,64}$")),
    security(("admin_key" = [])),
    responses(
        (status = 204, description = "The closure is deleted"),
        (status = 404, description = "`not_found`"),
    )
)]
pub(in crate::http) async fn delete_closure(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    Extension(note): Extension<AuditNote>,
) -> Result<StatusCode, Problem> {
    remove_closure(&server, &note, &parse_closure_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes a closure, and notes what it was.
///
/// # Errors
/// `not_found` if there is no such closure.
pub(in crate::http) async fn remove_closure(
    server: &Server,
    note: &AuditNote,
    id: &ClosureId,
) -> Result<(), Problem> {
    note_closure_before(server, note, id).await?;
    match closures::delete_closure(&server.context, id).await? {
        true => Ok(()),
        false => Err(Problem::not_found("closure")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::http::field_errors::list_fields;

    fn parse(body: Value) -> Result<Closure, FieldErrors> {
        parse_closure("holiday", body, "2026-11-22T10:00:00Z".parse().unwrap())
    }

    #[test]
    fn closure_has_days_in_order_within_ten_years() {
        for (from, to) in [("2026-12-24", "2026-12-24"), ("2026-01-01", "2036-11-22")] {
            assert!(parse(json!({"from": from, "to": to})).is_ok(), "{from} {to}");
        }
        for (from, to, field) in [
            ("2026-12-24", "2026-12-23", "to"),
            ("2026-12-24", "2037-12-24", "to"),
            ("2006-12-24", "2026-12-24", "from"),
            ("2026-12-24T00:00:00Z", "2026-12-25", "from"),
            ("2026-2-4", "2026-12-25", "from"),
        ] {
            let errors = parse(json!({"from": from, "to": to})).unwrap_err();
            assert_eq!(list_fields(&errors), [field], "{from} {to}");
        }
        assert_eq!(list_fields(&parse(json!({})).unwrap_err()), ["from", "to"]);
    }

    #[test]
    fn closed_resources_are_some_and_each_once() {
        let closure =
            |resources: Value| json!({"from": "2026-12-24", "to": "2026-12-24", "resources": resources});
        assert_eq!(parse(closure(Value::Null)).unwrap().resources, None);
        assert!(parse(closure(json!(["ana", "ben"]))).is_ok());
        for bad in [json!([]), json!(["ana", "ana"]), json!(["Ana"]), json!("ana")] {
            assert!(parse(closure(bad.clone())).is_err(), "{bad}");
        }
    }
}
