//! The outbox: lists the commands for Stripe, and retries one.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::{Extension, Json};
use chrono::{DateTime, Utc};
use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::pagination::{List, PageQuery, to_page_request};
use crate::domain::command::{Command, CommandAction};
use crate::domain::ids::CommandId;
use crate::domain::listing::CommandFilter;
use crate::http::audit_trail::AuditNote;
use crate::http::auth::KeyHolder;
use crate::http::error::Problem;
use crate::http::field_errors::FieldErrors;
use crate::http::field_values::{Cursor, Limit};
use crate::http::json_body::parse_optional;
use crate::http::path_id::PathId;
use crate::http::query_string::parse_query;
use crate::http::server::Server;
use crate::http::timestamps::{format_instant, serialize_instant};
use crate::workflow::outbox::{self, RetryOutcome};
use crate::workflow::queries;

/// The state of a command.
#[derive(Clone, Copy, Debug, Serialize, Deserr, ToSchema)]
#[serde(rename_all = "snake_case")]
#[deserr(error = FieldErrors, rename_all = lowercase)]
pub(in crate::http) enum CommandState {
    /// Stripe has not carried it out yet. As a filter, this includes the stuck ones.
    Pending,
    /// Stripe has not carried it out after many tries. It is still tried.
    Stuck,
    /// Stripe has carried it out.
    Done,
}

/// What a command does.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum CommandKind {
    /// Expires a session that belongs to no live hold.
    ExpireSession,
    /// Refunds a payment, or a part of it.
    Refund,
}

/// A durable order to call Stripe.
#[derive(Serialize, ToSchema)]
#[schema(as = Command)]
pub(in crate::http) struct CommandView {
    /// The command's id; also Stripe's idempotency key.
    id: Uuid,
    /// What the command does.
    kind: CommandKind,
    /// The state of the command.
    state: CommandState,
    /// The hold that the command is for.
    #[schema(required = true)]
    hold: Option<Uuid>,
    /// The Checkout Session to expire.
    #[schema(required = true)]
    checkout_session: Option<String>,
    /// The PaymentIntent to refund.
    #[schema(required = true)]
    payment_intent: Option<String>,
    /// The amount to refund, in the currency's minor unit.
    #[schema(required = true)]
    amount: Option<i64>,
    /// The lower-case ISO code of the currency.
    #[schema(required = true)]
    currency: Option<String>,
    /// The number of failed tries.
    tries: u32,
    /// The error of the last failed try.
    #[schema(required = true)]
    last_error: Option<String>,
    /// When the command is tried next.
    #[serde(serialize_with = "serialize_instant")]
    due_at: DateTime<Utc>,
    /// When the command was created.
    #[serde(serialize_with = "serialize_instant")]
    created_at: DateTime<Utc>,
    /// When Stripe carried it out.
    #[schema(format = DateTime, required = true)]
    done_at: Option<String>,
}

impl From<&Command> for CommandView {
    fn from(command: &Command) -> Self {
        let (kind, session, intent, money) = match &command.action {
            CommandAction::ExpireSession(session) => (CommandKind::ExpireSession, Some(session), None, None),
            CommandAction::Refund { intent, money, .. } => {
                (CommandKind::Refund, None, Some(intent), Some(money))
            }
        };
        let state = match command.done_at {
            Some(_) => CommandState::Done,
            None if command.is_stuck() => CommandState::Stuck,
            None => CommandState::Pending,
        };
        Self {
            id: command.id.0,
            kind,
            state,
            hold: command.hold.map(|hold| hold.0),
            checkout_session: session.map(ToString::to_string),
            payment_intent: intent.map(ToString::to_string),
            amount: money.map(|money| money.amount),
            currency: money.map(|money| money.currency.to_string()),
            tries: command.tries,
            last_error: command.last_error.clone(),
            due_at: command.due_at,
            created_at: command.created_at,
            done_at: command.done_at.map(format_instant),
        }
    }
}

#[derive(Debug, Deserr)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
struct CommandListQuery {
    #[deserr(default)]
    state: Option<CommandState>,
    #[deserr(default)]
    limit: Option<Limit>,
    #[deserr(default)]
    cursor: Option<Cursor>,
}

/// Lists commands, newest first; by default the pending ones.
#[utoipa::path(
    get, path = "/v1/admin/commands", operation_id = "listCommands", tag = "operators",
    params(
        ("state" = Option<CommandState>, Query, description = "only commands in this state; `pending` by default"),
        PageQuery,
    ),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The commands", body = List<CommandView>),
        (status = 422, description = "`invalid`"),
    )
)]
pub(in crate::http) async fn list_commands(
    State(server): State<Arc<Server>>,
    RawQuery(query): RawQuery,
) -> Result<Json<List<CommandView>>, Problem> {
    let query: CommandListQuery = parse_query(query.as_deref())?;
    let state = query.state.unwrap_or(CommandState::Pending).into();
    let page = to_page_request(query.limit, query.cursor);
    let found = queries::list_commands(&server.context, state, &page).await?;
    Ok(List::from_page(&found, CommandView::from))
}

impl From<CommandState> for CommandFilter {
    fn from(state: CommandState) -> Self {
        match state {
            CommandState::Pending => Self::Pending,
            CommandState::Stuck => Self::Stuck,
            CommandState::Done => Self::Done,
        }
    }
}

/// How to retry a command.
#[derive(Debug, Default, Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct CommandRetry {
    /// For an order to refund that a version before 0.3.0 wrote: whether one of the refunds that `last_error` names carried it
    /// out. If not, it is sent now.
    #[deserr(default)]
    #[schema(required = false, nullable = false)]
    carried_out: Option<bool>,
}

/// Tries a pending command now, and returns it as it is afterwards. The body may be left out.
#[utoipa::path(
    post, path = "/v1/admin/commands/{id}/retry", operation_id = "retryCommand", tag = "operators",
    params(("id" = Uuid, Path, description = "the command's id")),
    request_body = Option<CommandRetry>,
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The command was tried", body = CommandView),
        (status = 400, description = "`malformed`"),
        (status = 404, description = "`not_found`: no such pending command"),
        (status = 413, description = "`malformed`"),
        (status = 415, description = "`malformed`"),
        (status = 422, description = "`invalid`, also if there is nothing to decide about the command"),
        (status = 502, description = "`stripe_refused`: the key may not read refunds"),
        (status = 503, description = "`stripe_unavailable` or `store_unavailable`: nothing has changed"),
    )
)]
pub(in crate::http) async fn retry_command(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    Extension(holder): Extension<KeyHolder>,
    Extension(note): Extension<AuditNote>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<CommandView>, Problem> {
    let missing = || Problem::not_found("pending command");
    let id = Uuid::try_parse(&id).map(CommandId).map_err(|_| missing())?;
    let CommandRetry { carried_out } = parse_optional(&headers, body)?;
    let retried = outbox::retry_command(&server.context, id, carried_out, holder.to_actor()).await?;
    match retried {
        RetryOutcome::Tried(command) => {
            let view = CommandView::from(&*command);
            note.set_after(&view);
            Ok(Json(view))
        }
        RetryOutcome::Missing => Err(missing()),
        RetryOutcome::NothingToDecide => {
            let mut errors = FieldErrors::default();
            errors.add("carried_out", "there is nothing to decide about this command");
            Err(errors.into_problem())
        }
    }
}
