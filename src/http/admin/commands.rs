//! The outbox: what Stripe has still to be told, what is stuck, and a push.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use chrono::{DateTime, Utc};
use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::Server;
use super::super::body::{self, FieldErrors};
use super::super::error::Problem;
use super::super::fields::{Cursor, Limit};
use super::super::path_id::PathId;
use super::super::views::{instant, instant_text};
use super::{List, Paging, page};
use crate::domain::command::{Command, CommandAction};
use crate::domain::ids::CommandId;
use crate::domain::listing::CommandFilter;
use crate::workflow::{outbox, queries};

/// Where a command stands.
#[derive(Clone, Copy, Debug, Serialize, Deserr, ToSchema)]
#[serde(rename_all = "snake_case")]
#[deserr(error = FieldErrors, rename_all = lowercase)]
pub(in crate::http) enum CommandState {
    /// Not answered yet; as a filter, the stuck ones are included.
    Pending,
    /// Not answered after many tries; still tried.
    Stuck,
    /// Answered.
    Done,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum CommandKind {
    /// End a session that belongs to no live hold.
    ExpireSession,
    /// Give money back.
    Refund,
}

/// A durable order to Stripe.
#[derive(Serialize, ToSchema)]
#[schema(as = Command)]
pub(in crate::http) struct CommandView {
    /// Its id; also the Stripe idempotency key.
    id: Uuid,
    /// What is to be done.
    kind: CommandKind,
    /// Where it stands.
    state: CommandState,
    /// The hold it is for.
    #[schema(required = true)]
    hold: Option<Uuid>,
    /// The Checkout Session to expire.
    #[schema(required = true)]
    checkout_session: Option<String>,
    /// The PaymentIntent to refund.
    #[schema(required = true)]
    payment_intent: Option<String>,
    /// How much to refund, in the minor unit.
    #[schema(required = true)]
    amount: Option<i64>,
    /// Lower-case ISO code.
    #[schema(required = true)]
    currency: Option<String>,
    /// Failed tries.
    tries: u32,
    /// What went wrong last.
    #[schema(required = true)]
    last_error: Option<String>,
    /// When it is tried next.
    #[serde(serialize_with = "instant")]
    due_at: DateTime<Utc>,
    /// When it was ordered.
    #[serde(serialize_with = "instant")]
    created_at: DateTime<Utc>,
    /// When Stripe answered.
    #[schema(format = DateTime, required = true)]
    done_at: Option<String>,
}

impl From<&Command> for CommandView {
    fn from(command: &Command) -> Self {
        let (kind, session, intent, money) = match &command.action {
            CommandAction::ExpireSession(session) => (CommandKind::ExpireSession, Some(session), None, None),
            CommandAction::Refund { intent, money } => (CommandKind::Refund, None, Some(intent), Some(money)),
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
            done_at: command.done_at.map(instant_text),
        }
    }
}

#[derive(Debug, Deserr)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
struct ListQuery {
    #[deserr(default)]
    state: Option<CommandState>,
    #[deserr(default)]
    limit: Option<Limit>,
    #[deserr(default)]
    cursor: Option<Cursor>,
}

/// Lists commands, newest first; pending ones by default.
#[utoipa::path(
    get, path = "/v1/admin/commands", operation_id = "listCommands", tag = "operators",
    params(
        ("state" = Option<CommandState>, Query, description = "`pending` by default"),
        Paging,
    ),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "Commands", body = List<CommandView>),
        (status = 422, description = "`invalid`"),
    )
)]
pub(in crate::http) async fn list(
    State(server): State<Arc<Server>>,
    RawQuery(query): RawQuery,
) -> Result<Json<List<CommandView>>, Problem> {
    let query: ListQuery = body::query(query.as_deref())?;
    let state = query.state.unwrap_or(CommandState::Pending).into();
    let page = page(query.limit, query.cursor);
    let found = queries::list_commands(&server.context, state, &page).await?;
    Ok(List::of(&found, CommandView::from))
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

/// Tries a pending command now; the command as it is afterwards.
#[utoipa::path(
    post, path = "/v1/admin/commands/{id}/retry", operation_id = "retryCommand", tag = "operators",
    params(("id" = Uuid, Path, description = "the command's id")),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "Tried", body = CommandView),
        (status = 404, description = "`not_found`: no such pending command"),
    )
)]
pub(in crate::http) async fn retry(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
) -> Result<Json<CommandView>, Problem> {
    let missing = || Problem::not_found("pending command");
    let id = Uuid::try_parse(&id).map(CommandId).map_err(|_| missing())?;
    let command = outbox::retry_command(&server.context, id)
        .await?
        .ok_or_else(missing)?;
    Ok(Json(CommandView::from(&command)))
}
