//! Stripe's events that were applied, without their bodies, which hold what Stripe knows of guests; and a replay.

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
use super::super::views::instant;
use super::super::webhooks::Received;
use super::{List, Paging, page};
use crate::domain::ids::{EventId, HoldId};
use crate::domain::listing::StoredEvent;
use crate::workflow::{queries, replay_event};

/// An event of Stripe's that was applied.
#[derive(Serialize, ToSchema)]
#[schema(as = StoredEvent)]
pub(in crate::http) struct EventView {
    /// Stripe's id of it.
    #[schema(example = "evt_1")]
    id: String,
    /// Its type.
    #[schema(example = "checkout.session.completed")]
    r#type: String,
    /// The hold it was about; of money without a hold, the one that it claims.
    #[schema(required = true)]
    hold: Option<Uuid>,
    /// When it was applied.
    #[serde(serialize_with = "instant")]
    applied_at: DateTime<Utc>,
    /// Whether its body is still kept, so that it can be replayed.
    has_payload: bool,
}

impl From<&StoredEvent> for EventView {
    fn from(event: &StoredEvent) -> Self {
        Self {
            id: event.id.to_string(),
            r#type: event.kind.clone(),
            hold: event.hold.map(|hold| hold.0),
            applied_at: event.applied_at,
            has_payload: event.has_payload,
        }
    }
}

#[derive(Debug, Deserr)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
struct ListQuery {
    #[deserr(default)]
    hold: Option<HoldId>,
    #[deserr(default)]
    limit: Option<Limit>,
    #[deserr(default)]
    cursor: Option<Cursor>,
}

/// Lists applied events, newest first; never their bodies.
#[utoipa::path(
    get, path = "/v1/admin/events", operation_id = "listEvents", tag = "operators",
    params(
        ("hold" = Option<Uuid>, Query, description = "only those about this hold"),
        Paging,
    ),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "Events", body = List<EventView>),
        (status = 422, description = "`invalid`"),
    )
)]
pub(in crate::http) async fn list(
    State(server): State<Arc<Server>>,
    RawQuery(query): RawQuery,
) -> Result<Json<List<EventView>>, Problem> {
    let query: ListQuery = body::query(query.as_deref())?;
    let page = page(query.limit, query.cursor);
    let found = queries::list_events(&server.context, query.hold, &page).await?;
    Ok(List::of(&found, EventView::from))
}

/// What Stripe could have called an event; a database cannot even look for some other texts.
fn event_id(text: String) -> Option<EventId> {
    let good = text.len() <= 255 && text.bytes().all(|b| b.is_ascii_graphic());
    good.then(|| EventId::new(text))
}

/// Settles a stored event once more, idempotently; the history says `operator`.
#[utoipa::path(
    post, path = "/v1/admin/events/{id}/replay", operation_id = "replayEvent", tag = "operators",
    params(("id" = String, Path, description = "Stripe's id of the event")),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "`applied` where it changed something now, else `duplicate`", body = Received),
        (status = 404, description = "`not_found`: unknown, or its body is forgotten"),
    )
)]
pub(in crate::http) async fn replay(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
) -> Result<Json<Received>, Problem> {
    let missing = || Problem::not_found("event with a body");
    let id = event_id(id).ok_or_else(missing)?;
    let outcome = replay_event::replay_event(&server.context, id)
        .await?
        .ok_or_else(missing)?;
    Ok(Json(outcome.into()))
}
