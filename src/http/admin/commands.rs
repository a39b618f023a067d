//! The outbox: what Stripe has still to be told, what is stuck, and a push.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use chrono::{DateTime, Utc};
use deserr::Deserr;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::Server;
use super::super::body::{self, Faults};
use super::super::error::{Problem, ProblemDetails};
use super::super::views::{instant, instant_text};
use super::{List, page};
use crate::domain::books::CommandFilter;
use crate::domain::command::{Command, Order};
use crate::domain::ids::CommandId;
use crate::workflow::{commands, inspect};

/// Where a command stands.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
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
    hold: Option<Uuid>,
    /// The Checkout Session to expire.
    checkout_session: Option<String>,
    /// The PaymentIntent to refund.
    payment_intent: Option<String>,
    /// How much to refund, in the minor unit.
    amount: Option<i64>,
    /// Lower-case ISO code.
    currency: Option<String>,
    /// Failed tries.
    tries: u32,
    /// What went wrong last.
    last_error: Option<String>,
    /// When it is tried next.
    #[serde(serialize_with = "instant")]
    due_at: DateTime<Utc>,
    /// When it was ordered.
    #[serde(serialize_with = "instant")]
    created_at: DateTime<Utc>,
    /// When Stripe answered.
    #[schema(format = DateTime)]
    done_at: Option<String>,
}

impl From<&Command> for CommandView {
    fn from(command: &Command) -> Self {
        let (kind, session, intent, money) = match &command.order {
            Order::ExpireSession(session) => (CommandKind::ExpireSession, Some(session), None, None),
            Order::Refund { intent, money } => (CommandKind::Refund, None, Some(intent), Some(money)),
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
#[deserr(error = Faults, deny_unknown_fields)]
struct ListQuery {
    #[deserr(default)]
    state: Option<String>,
    #[deserr(default)]
    limit: Option<String>,
    #[deserr(default)]
    cursor: Option<String>,
}

/// Lists commands, newest first; pending ones by default.
#[utoipa::path(
    get, path = "/v1/admin/commands", tag = "operators",
    params(
        ("state" = Option<CommandState>, Query, description = "`pending` by default"),
        ("limit" = Option<u32>, Query, description = "1 to 200, 50 by default"),
        ("cursor" = Option<String>, Query, description = "the `next_cursor` of the part before"),
    ),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "Commands", body = List<CommandView>),
        (status = 401, description = "`unauthorized`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "`invalid`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 500, description = "`internal`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "`store_unavailable`", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn list(
    State(server): State<Arc<Server>>,
    RawQuery(query): RawQuery,
) -> Result<Json<List<CommandView>>, Problem> {
    let query: ListQuery = body::query(query.as_deref())?;
    let mut faults = Faults::default();
    let page = page(query.limit, query.cursor, &mut faults);
    let state = query
        .state
        .and_then(|text| faults.take("state", filter(text)))
        .unwrap_or(CommandFilter::Pending);
    if !faults.is_empty() {
        return Err(faults.into_problem());
    }
    let found = inspect::commands(&server.context, state, &page).await?;
    let data = found.entries.iter().map(CommandView::from).collect();
    Ok(Json(List {
        data,
        next_cursor: found.next,
    }))
}

fn filter(text: String) -> Result<CommandFilter, &'static str> {
    let state = serde_json::from_value(text.into()).map_err(|_| "must be pending, stuck or done")?;
    Ok(match state {
        CommandState::Pending => CommandFilter::Pending,
        CommandState::Stuck => CommandFilter::Stuck,
        CommandState::Done => CommandFilter::Done,
    })
}

/// Tries a pending command now; the command as it is afterwards.
#[utoipa::path(
    post, path = "/v1/admin/commands/{id}/retry", tag = "operators",
    params(("id" = String, Path, description = "the command's id")),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "Tried", body = CommandView),
        (status = 401, description = "`unauthorized`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "`not_found`: no such pending command", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 500, description = "`internal`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "`store_unavailable`", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn retry(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
) -> Result<Json<CommandView>, Problem> {
    let missing = || Problem::not_found("pending command");
    let id = Uuid::try_parse(&id).map(CommandId).map_err(|_| missing())?;
    let command = commands::retry(&server.context, id).await?.ok_or_else(missing)?;
    Ok(Json(CommandView::from(&command)))
}
