//! Stripe's events that were applied, and their replay.
//!
//! The lists leave out the bodies of events, because these contain what Stripe knows about guests.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::{Extension, Json};
use chrono::{DateTime, Utc};
use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::pagination::{List, PageQuery, to_page_request};
use crate::domain::booking::Actor;
use crate::domain::ids::{EventId, HoldId};
use crate::domain::listing::StoredEvent;
use crate::http::audit_trail::AuditNote;
use crate::http::auth::KeyHolder;
use crate::http::error::Problem;
use crate::http::field_errors::FieldErrors;
use crate::http::field_values::{Cursor, Limit};
use crate::http::path_id::PathId;
use crate::http::query_string::parse_query;
use crate::http::server::Server;
use crate::http::timestamps::serialize_instant;
use crate::http::webhooks::EventReceipt;
use crate::workflow::apply_event::EventOutcome;
use crate::workflow::{queries, replay_event};

/// An event from Stripe that was applied.
#[derive(Serialize, ToSchema)]
#[schema(as = StoredEvent)]
pub(in crate::http) struct StoredEventView {
    /// The event's id at Stripe.
    #[schema(example = "evt_1")]
    id: String,
    /// The type of the event.
    #[schema(example = "checkout.session.completed")]
    r#type: String,
    /// The hold that the event is about. For a payment without a hold, it is the hold that the metadata names.
    #[schema(required = true)]
    hold: Option<Uuid>,
    /// When the event was applied.
    #[serde(serialize_with = "serialize_instant")]
    applied_at: DateTime<Utc>,
    /// Whether the event's body is still stored, so that it can be replayed.
    has_payload: bool,
}

impl From<&StoredEvent> for StoredEventView {
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
struct EventListQuery {
    #[deserr(default)]
    hold: Option<HoldId>,
    #[deserr(default)]
    limit: Option<Limit>,
    #[deserr(default)]
    cursor: Option<Cursor>,
}

/// Lists applied events, newest first, without their bodies.
#[utoipa::path(
    get, path = "/v1/admin/events", operation_id = "listEvents", tag = "operators",
    params(
        ("hold" = Option<Uuid>, Query, description = "only events about this hold"),
        PageQuery,
    ),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The events", body = List<StoredEventView>),
        (status = 422, description = "`invalid`"),
    )
)]
pub(in crate::http) async fn list_events(
    State(server): State<Arc<Server>>,
    RawQuery(query): RawQuery,
) -> Result<Json<List<StoredEventView>>, Problem> {
    let query: EventListQuery = parse_query(query.as_deref())?;
    let page = to_page_request(query.limit, query.cursor);
    let found = queries::list_events(&server.context, query.hold, &page).await?;
    Ok(List::from_page(&found, StoredEventView::from))
}

/// Parses an id that Stripe could have given an event. Other text never reaches the database, which cannot even look
/// up some of it.
pub(in crate::http) fn parse_event_id(text: String) -> Option<EventId> {
    let good = text.len() <= 255 && text.bytes().all(|b| b.is_ascii_graphic());
    good.then(|| EventId::new(text))
}

/// Applies a stored event again; idempotent. The history says `operator`.
#[utoipa::path(
    post, path = "/v1/admin/events/{id}/replay", operation_id = "replayEvent", tag = "operators",
    params(("id" = String, Path, description = "Stripe's id of the event")),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "`applied` if it changed something now, else `duplicate`", body = EventReceipt),
        (status = 404, description = "`not_found`: unknown, or its body is deleted"),
    )
)]
pub(in crate::http) async fn replay_event(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    Extension(holder): Extension<KeyHolder>,
    Extension(note): Extension<AuditNote>,
) -> Result<Json<EventReceipt>, Problem> {
    let outcome = apply_again(&server, id, holder.to_actor(), &note).await?;
    Ok(Json(EventReceipt::from(outcome)))
}

/// Applies a stored event again, and notes what came of it.
///
/// # Errors
/// `not_found` if the event is unknown, or its body is deleted.
pub(in crate::http) async fn apply_again(
    server: &Server,
    id: String,
    actor: Actor,
    note: &AuditNote,
) -> Result<EventOutcome, Problem> {
    let missing = || Problem::not_found("event with a body");
    let id = parse_event_id(id).ok_or_else(missing)?;
    let outcome = replay_event::replay_event(&server.context, id, actor).await?;
    let outcome = outcome.ok_or_else(missing)?;
    note.set_after(EventReceipt::from(outcome));
    Ok(outcome)
}
