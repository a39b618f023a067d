//! The stream that tells open pages to read again (server-sent events).
//!
//! It carries hints, never data: a page that gets one asks for itself anew, with its session and its scope. All streams of a
//! process read the database together, once a second.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::Stream;
use maud::{Markup, html};
use secrecy::ExposeSecret;
use tokio::time::{Instant, sleep};

use super::access::ConsoleRoutes;
use super::form_values::QueryValues;
use super::language::Language;
use super::signed_in::SignedIn;
use crate::domain::access_key::Scope;
use crate::domain::console_session::{ConsoleToken, ConsoleTokenDigest};
use crate::domain::event_out::StreamEnd;
use crate::http::error::Problem;
use crate::http::server::Server;
use crate::http::stream_permits::StreamPermit;
use crate::workflow::{console_sessions, stream_events};

/// The path of the stream.
const PATH: &str = "/console/changes";
/// How often a stream looks.
const LOOK_PAUSE: Duration = Duration::from_secs(1);
/// How often a stream says that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How often a stream looks whether its session has ended.
const SESSION_CHECK: Duration = Duration::from_secs(5);
/// How long a stream lasts; less than a connection may wait for its client. The browser opens the next one by itself.
const STREAM_LIFE: Duration = Duration::from_secs(60);

/// Adds the route of the stream.
pub(super) fn add_routes(routes: ConsoleRoutes) -> ConsoleRoutes {
    routes.stream(PATH, Scope::Read, get(stream_changes))
}

/// Returns the address of the stream for a page that is being made. What changes from now on, it hears.
pub(super) async fn find_stream(server: &Server) -> Result<String, Problem> {
    let end = stream_events::read_stream_end(&server.context).await?;
    Ok(format!("{PATH}?after={}", write_end(end)))
}

fn write_end(end: StreamEnd) -> String {
    end.0.to_string()
}

/// Makes the note that the script shows while it leaves a part of a page as it is.
pub(super) fn note_pause(language: Language) -> Markup {
    html! { p.quiet role="status" data-paused="" hidden { (language.choose("Not current since", "Nicht aktuell seit")) " " time {} } }
}

/// Sends hints until the session ends, the process stops, or the stream has lasted long enough.
async fn stream_changes(
    State(server): State<Arc<Server>>,
    signed_in: SignedIn,
    query: QueryValues,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let permit = server.console_streams.admit(signed_in.token.digest());
    let permit = permit.ok_or_else(|| Problem::too_busy("too many pages are open"))?;
    // A browser that opens the stream again says what it heard last.
    let heard = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let seen = heard.or(query.raw("after")).unwrap_or_default().to_owned();
    let now = Instant::now();
    let stream = ChangeStream {
        server,
        token: signed_in.token,
        seen,
        begun_at: now,
        heartbeat_at: now,
        checked_at: now,
        has_begun: false,
        _permit: permit,
    };
    // A proxy must pass each hint on at once.
    let headers = [("x-accel-buffering", "no")];
    Ok((headers, Sse::new(stream.into_events())).into_response())
}

struct ChangeStream {
    server: Arc<Server>,
    token: ConsoleToken,
    /// The end of the stream of events as the page has it.
    seen: String,
    begun_at: Instant,
    heartbeat_at: Instant,
    checked_at: Instant,
    has_begun: bool,
    _permit: StreamPermit<ConsoleTokenDigest>,
}

impl ChangeStream {
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
            return Some(Event::default().retry(LOOK_PAUSE).comment("open"));
        }
        loop {
            if self.begun_at.elapsed() >= STREAM_LIFE || self.has_session_ended().await {
                return None;
            }
            // Without the database nothing is known; the browser opens the stream again.
            let end = self
                .server
                .console_streams
                .current(&self.server.context)
                .await
                .ok()?;
            let end = write_end(end);
            if end != self.seen {
                self.seen.clone_from(&end);
                return Some(Event::default().event("changed").id(&end).data(end));
            }
            if self.heartbeat_at.elapsed() >= HEARTBEAT {
                self.heartbeat_at = Instant::now();
                return Some(Event::default().comment("alive"));
            }
            tokio::select! {
                () = self.server.stopping.cancelled() => return None,
                () = sleep(LOOK_PAUSE) => {}
            }
        }
    }

    /// Tells whether the session has ended, or that cannot be known.
    async fn has_session_ended(&mut self) -> bool {
        if self.checked_at.elapsed() < SESSION_CHECK {
            return false;
        }
        self.checked_at = Instant::now();
        let bootstrap = self.server.admin_key.as_ref().map(ExposeSecret::expose_secret);
        let found = console_sessions::find_session_key(&self.server.context, &self.token, bootstrap).await;
        !matches!(found, Ok(Some(_)))
    }
}
