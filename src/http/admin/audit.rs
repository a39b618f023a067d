//! Lists the audit trail.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use chrono::{DateTime, Utc};
use deserr::Deserr;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::pagination::{List, PageQuery, to_page_request};
use crate::domain::audit::{AuditEntry, AuditFilter, AuditOutcome};
use crate::http::error::Problem;
use crate::http::field_errors::FieldErrors;
use crate::http::field_values::{Cursor, Limit, Name};
use crate::http::query_string::parse_query;
use crate::http::server::Server;
use crate::http::timestamps::serialize_instant;

/// How an act ended.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AuditOutcome)]
enum AuditOutcomeView {
    /// The act was carried out.
    Done,
    /// The act was refused, and changed nothing.
    Refused,
    /// The act failed; its target shows whether it changed something.
    Failed,
}

/// An act of an operator.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub(in crate::http) struct AuditEntryView {
    /// The number of the entry; later entries have higher ones.
    id: i64,
    /// When the act began.
    #[serde(serialize_with = "serialize_instant")]
    at: DateTime<Utc>,
    /// The name of the key that was used; `command-line` on the machine itself.
    #[schema(example = "ana")]
    actor: String,
    /// The `operationId` of what was called; `searchByGuest` for a search, `read` for other reads, once an hour.
    #[schema(example = "putEventType")]
    action: String,
    /// What it was done to; null if it was not one thing.
    #[schema(required = true, example = "event-types/intro-call")]
    target: Option<String>,
    /// How it ended; null if the process ended before it could tell.
    #[schema(required = true)]
    outcome: Option<AuditOutcomeView>,
    /// The state before, without data of guests; null if there was none.
    #[schema(required = true)]
    before: Option<Value>,
    /// The state after, without data of guests; null if there is none.
    #[schema(required = true)]
    after: Option<Value>,
    /// The id of the request, as in its header `x-request-id` and in the log; null at the command line.
    #[schema(required = true)]
    request_id: Option<Uuid>,
}

impl From<&AuditEntry> for AuditEntryView {
    fn from(entry: &AuditEntry) -> Self {
        let parse = |state: &Option<String>| serde_json::from_str(state.as_deref()?).ok();
        Self {
            id: entry.number,
            at: entry.at,
            actor: entry.act.actor.clone(),
            action: entry.act.action.clone(),
            target: entry.act.target.clone(),
            outcome: entry.outcome.map(|outcome| match outcome {
                AuditOutcome::Done => AuditOutcomeView::Done,
                AuditOutcome::Refused => AuditOutcomeView::Refused,
                AuditOutcome::Failed => AuditOutcomeView::Failed,
            }),
            before: parse(&entry.before),
            after: parse(&entry.after),
            request_id: entry.act.request_id,
        }
    }
}

#[derive(Debug, Deserr)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
struct AuditQuery {
    #[deserr(default)]
    actor: Option<Name>,
    #[deserr(default)]
    action: Option<Name>,
    #[deserr(default)]
    target: Option<Name>,
    #[deserr(default)]
    from: Option<DateTime<Utc>>,
    #[deserr(default)]
    to: Option<DateTime<Utc>>,
    #[deserr(default)]
    limit: Option<Limit>,
    #[deserr(default)]
    cursor: Option<Cursor>,
}

/// Lists who did what to what, newest first.
#[utoipa::path(
    get, path = "/v1/admin/audit", operation_id = "listAudit", tag = "operators",
    params(
        ("actor" = Option<String>, Query, description = "only what this key did, by its name"),
        ("action" = Option<String>, Query, description = "only this action, such as `putEventType`"),
        ("target" = Option<String>, Query, description = "only what was done to this, such as `event-types/intro-call`"),
        ("from" = Option<DateTime<Utc>>, Query, description = "only what began at this time or later, RFC 3339"),
        ("to" = Option<DateTime<Utc>>, Query, description = "only what began before this time, RFC 3339"),
        PageQuery,
    ),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The entries", body = List<AuditEntryView>),
        (status = 422, description = "`invalid`"),
    )
)]
pub(in crate::http) async fn list_audit(
    State(server): State<Arc<Server>>,
    RawQuery(query): RawQuery,
) -> Result<Json<List<AuditEntryView>>, Problem> {
    let query: AuditQuery = parse_query(query.as_deref())?;
    let text = |name: Option<Name>| name.map(|Name(text)| text);
    let filter = AuditFilter {
        actor: text(query.actor),
        action: text(query.action),
        target: text(query.target),
        from: query.from,
        to: query.to,
    };
    let page = to_page_request(query.limit, query.cursor);
    let found = server.context.audit().list(&filter, &page).await?;
    Ok(List::from_page(&found, AuditEntryView::from))
}
