//! The stream that tells open pages which slots may have changed (server-sent events).
//!
//! It carries hints, and nothing about guests: a page that gets one lists the slots again.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use deserr::Deserr;
use futures::Stream;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::check_period;
use crate::domain::catalogue::EventType;
use crate::domain::ids::ResourceId;
use crate::domain::time::Window;
use crate::http::client_address::ClientAddress;
use crate::http::error::Problem;
use crate::http::field_errors::FieldErrors;
use crate::http::path_id::{PathId, parse_event_type_id};
use crate::http::query_string::parse_query;
use crate::http::server::Server;
use crate::http::slot_streams::{Seen, UnsaidChanges};
use crate::http::stream_permits::StreamPermit;
use crate::http::timestamps::format_instant;
use crate::workflow::slot_changes::{self, ChangedTimes, StreamPlace};

/// How often a stream looks.
const LOOK_PAUSE: Duration = Duration::from_secs(1);
/// How often a stream says that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a stream lasts; less than a connection may wait for its client. The browser opens the next one by itself.
const STREAM_LIFE: Duration = Duration::from_secs(60);

#[derive(Debug, Deserr)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
struct StreamQuery {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

/// Sends hints about slots that may have changed, as server-sent events. An event `changed` has `{"starts": […]}`, or
/// `{"reload": true}` if any slot may have changed. List the slots after the stream is open, and again after each hint.
#[utoipa::path(
    get, path = "/v1/event-types/{id}/slots/stream", operation_id = "streamSlotChanges", tag = "holds",
    params(
        ("id" = String, Path, description = "the event type's id", pattern = "^[a-z0-9-]{1,64}$"),
        ("from" = DateTime<Utc>, Query, description = "only slots that start at this time or later, RFC 3339"),
        (
            "to" = DateTime<Utc>, Query,
            description = "only slots that start before this time, RFC 3339; at most 62 days after `from`"
        ),
        (
            "Last-Event-ID" = Option<String>, Header,
            description = "the id of the last event of an earlier stream, which browsers send by themselves: what has changed since comes first"
        ),
    ),
    responses(
        (status = 200, description = "The hints, for a minute", body = String, content_type = "text/event-stream"),
        (status = 404, description = "`not_found`"),
        (status = 422, description = "`invalid`"),
        (status = 429, description = "`rate_limited`"),
        (status = 500, description = "`internal`"),
        (status = 503, description = "`store_unavailable` or `too_busy`"),
    )
)]
pub(in crate::http) async fn stream_slots(
    State(server): State<Arc<Server>>,
    client: ClientAddress,
    PathId(id): PathId,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = parse_event_type_id(&id)?;
    let query: StreamQuery = parse_query(query.as_deref())?;
    let within = check_period(query.from, query.to)?;
    let permit = server.slot_streams.admit(client.0);
    let permit = permit.ok_or_else(|| Problem::too_busy("too many streams are open"))?;
    let event_type = slot_changes::find_event_type(&server.context, &id).await?;
    let event_type = event_type.ok_or_else(|| Problem::not_found("event type"))?;
    // What is no mark of ours is older than all that is remembered.
    let heard = headers
        .get("last-event-id")
        .map(|id| id.to_str().unwrap_or_default());
    let seen = heard.map_or(Seen::Now, Seen::Mark);
    let unsaid = server.slot_streams.changes_after(&server.context, seen).await?;
    let now = Instant::now();
    let stream = SlotStream {
        server,
        event_type,
        within,
        seen: unsaid.last.clone(),
        unsaid: Some(unsaid),
        resumes: heard.is_some(),
        begun_at: now,
        heartbeat_at: now,
        has_begun: false,
        _permit: permit,
    };
    // A proxy must pass each hint on at once.
    let headers = [("x-accel-buffering", "no")];
    Ok((headers, Sse::new(stream.into_events())).into_response())
}

struct SlotStream {
    server: Arc<Server>,
    event_type: EventType,
    within: Window,
    /// The place up to which the page knows the changes.
    seen: StreamPlace,
    /// What had changed when the stream began, until it is said.
    unsaid: Option<UnsaidChanges>,
    /// Whether the page had an earlier stream.
    resumes: bool,
    begun_at: Instant,
    heartbeat_at: Instant,
    has_begun: bool,
    _permit: StreamPermit<IpAddr>,
}

impl SlotStream {
    fn into_events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        futures::stream::unfold(self, |mut stream| async move {
            let event = stream.find_next().await?;
            Some((Ok(event), stream))
        })
    }

    /// Waits for the next line; `None` ends the stream.
    async fn find_next(&mut self) -> Option<Event> {
        if !self.has_begun {
            self.has_begun = true;
            let open = Event::default().retry(LOOK_PAUSE).comment("open");
            // An id without data is no event, but the browser remembers it. One that resumes has its id until it hears more.
            return Some(match self.resumes {
                true => open,
                false => open.id(&self.seen.mark),
            });
        }
        while self.begun_at.elapsed() < STREAM_LIFE {
            let unsaid = match self.unsaid.take() {
                Some(unsaid) => unsaid,
                None => self.look().await?,
            };
            self.seen = unsaid.last;
            if let Some(hint) = self.describe(&unsaid.times) {
                let event = Event::default().event("changed").data(hint.to_string());
                return Some(event.id(&self.seen.mark));
            }
            if self.heartbeat_at.elapsed() >= HEARTBEAT {
                self.heartbeat_at = Instant::now();
                return Some(Event::default().comment("alive").id(&self.seen.mark));
            }
            tokio::select! {
                () = self.server.stopping.cancelled() => return None,
                () = sleep(LOOK_PAUSE) => {}
            }
        }
        None
    }

    /// Looks what has changed. `None` ends the stream: the process stops, or without the database nothing is known, and the
    /// browser opens the stream again.
    async fn look(&self) -> Option<UnsaidChanges> {
        let (context, streams) = (&self.server.context, &self.server.slot_streams);
        tokio::select! {
            () = self.server.stopping.cancelled() => None,
            unsaid = streams.changes_after(context, Seen::Position(self.seen.position)) => unsaid.ok(),
        }
    }

    /// Says what has changed for the page; `None` if nothing has.
    fn describe(&self, times: &ChangedTimes) -> Option<Value> {
        let reload = json!({"reload": true});
        let ChangedTimes::Some(times) = times else {
            return Some(reload);
        };
        match self.list_starts(times) {
            None => Some(reload),
            Some(starts) if starts.is_empty() => None,
            Some(starts) => {
                Some(json!({"starts": starts.into_iter().map(format_instant).collect::<Vec<_>>()}))
            }
        }
    }

    fn list_starts(&self, times: &[(ResourceId, Window)]) -> Option<Vec<DateTime<Utc>>> {
        let context = &self.server.context;
        let zones = &context.settings.zones;
        slot_changes::list_changed_starts(&self.event_type, times, self.within, context.clock.now(), zones)
    }
}
