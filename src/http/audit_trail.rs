//! Puts what operators do into the audit trail: every change, every search by guest, and other reads once an hour.
//!
//! An act is in the trail before its handler runs; the handler notes what changes. A new operators' route is in the trail
//! without a line of its own, by the id of its operation. No entry has data of guests: a handler notes no such member, and
//! neither bodies nor queries are stored.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tracing::Instrument;
use uuid::Uuid;

use super::auth::KeyHolder;
use super::error::{Problem, ProblemCode};
use super::request_id::RequestId;
use super::server::Server;
use crate::domain::audit::{AuditOutcome, AuditedAct, AuditedChange};

/// The action of a read that is not a search by guest.
const READ: &str = "read";
/// The action of a search by guest.
const SEARCH: &str = "searchByGuest";
/// The parameters of a query that look for a guest.
const GUEST_PARAMETERS: [&str; 2] = ["guest", "q"];
/// The route that operators share with guests.
const MOVE_PATH: &str = "/v1/holds/{id}/move";

/// What a handler notes about its change. It is among the extensions of an audited request.
#[derive(Clone, Default)]
pub(super) struct AuditNote(Arc<Mutex<AuditedChange>>);

impl AuditNote {
    /// Notes the state before the act, if there was one.
    pub(super) fn set_before(&self, state: Option<impl Serialize>) {
        self.change(|change| change.before = state.and_then(|state| serde_json::to_string(&state).ok()));
    }

    /// Notes the state after the act.
    pub(super) fn set_after(&self, state: impl Serialize) {
        self.change(|change| change.after = serde_json::to_string(&state).ok());
    }

    /// Notes the target of the act, where the path does not name it.
    pub(super) fn set_target(&self, target: String) {
        self.change(|change| change.target = Some(target));
    }

    fn change(&self, set: impl FnOnce(&mut AuditedChange)) {
        set(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn take(&self) -> AuditedChange {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Puts a request of an operator into the audit trail.
pub(super) async fn record_act(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    match find_act(&server, &request) {
        Some(act) => record_this_act(server, act, request, next).await,
        None => next.run(request).await,
    }
}

/// Puts a request that does this into the audit trail.
pub(super) async fn record_this_act(
    server: Arc<Server>,
    act: AuditedAct,
    request: Request,
    next: Next,
) -> Response {
    let context = server.context.clone();
    if act.action == READ {
        // A read does not wait for its entry.
        server
            .context
            .spawn(async move { context.record_read(&act).await });
        return next.run(request).await;
    }
    // In a task, so that the entry gets its outcome even if the client disconnects.
    let audited = run_audited(server, act, request, next).instrument(tracing::Span::current());
    match context.spawn(audited).await {
        Ok(response) => response,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Problem::new(ProblemCode::Internal, "the log has the details").into_response(),
        },
    }
}

async fn run_audited(server: Arc<Server>, act: AuditedAct, mut request: Request, next: Next) -> Response {
    let trail = server.context.audit();
    let number = match trail.begin(&act).await {
        Ok(number) => number,
        Err(error) => return Problem::from(error).into_response(),
    };
    let note = AuditNote::default();
    request.extensions_mut().insert(note.clone());
    let response = next.run(request).await;
    trail
        .finish(number, to_outcome(response.status()), &note.take())
        .await;
    response
}

fn to_outcome(status: StatusCode) -> AuditOutcome {
    if status.is_server_error() {
        AuditOutcome::Failed
    } else if status.is_client_error() {
        AuditOutcome::Refused
    } else {
        AuditOutcome::Done
    }
}

/// Finds out what a request does, if an operator sends it and it belongs into the trail.
fn find_act(server: &Server, request: &Request) -> Option<AuditedAct> {
    let extensions = request.extensions();
    let holder = extensions.get::<KeyHolder>()?;
    let pattern = extensions.get::<MatchedPath>()?.as_str();
    if !(pattern.starts_with("/v1/admin/") || pattern == MOVE_PATH) {
        return None;
    }
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let (action, target) = match is_read {
        true => (name_read(request.uri().query()).to_owned(), None),
        false => (
            server.operations.find(request.method(), pattern),
            find_target(pattern, request.uri().path()),
        ),
    };
    Some(AuditedAct {
        actor: holder.name().to_owned(),
        action,
        target,
        request_id: extensions.get::<RequestId>().map(RequestId::to_uuid),
    })
}

/// Names a read: one that looks for a guest has an entry of its own.
pub(super) fn name_read(query: Option<&str>) -> &'static str {
    if is_guest_search(query) { SEARCH } else { READ }
}

fn is_guest_search(query: Option<&str>) -> bool {
    let mut members = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    members.any(|(name, _)| GUEST_PARAMETERS.contains(&name.as_ref()))
}

/// Returns the part of a path up to its last id, such as `resources/ana/blocks/dentist`. `None` if it has no id, or text
/// that no id has: somebody may have written an address there.
pub(super) fn find_target(pattern: &str, path: &str) -> Option<String> {
    let (up_to_last_id, _) = pattern.rsplit_once('}')?;
    let length = up_to_last_id.split('/').count();
    let segments: Option<Vec<String>> = path.split('/').take(length).map(to_plain_segment).collect();
    let target = segments?.join("/");
    let prefixes = ["/v1/admin/", "/v1/", "/console/"];
    let target = prefixes.iter().find_map(|prefix| target.strip_prefix(prefix));
    target.map(str::to_owned)
}

fn to_plain_segment(text: &str) -> Option<String> {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if text.len() > 255 || !text.bytes().all(is_plain) {
        return None;
    }
    // The same id in capitals is the same target.
    Some(Uuid::try_parse(text).map_or_else(|_| text.to_owned(), |id| id.hyphenated().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn target_is_the_path_up_to_its_last_id() {
        for (pattern, path, target) in [
            (
                "/v1/admin/event-types/{id}",
                "/v1/admin/event-types/call",
                Some("event-types/call"),
            ),
            (
                "/v1/admin/holds/{id}/cancel",
                "/v1/admin/holds/7/cancel",
                Some("holds/7"),
            ),
            (MOVE_PATH, "/v1/holds/7/move", Some("holds/7")),
            (
                "/v1/admin/resources/{id}/blocks/{block}",
                "/v1/admin/resources/ana/blocks/b",
                Some("resources/ana/blocks/b"),
            ),
            (
                "/v1/admin/holds/{id}/release",
                "/v1/admin/holds/01990000-0000-7000-8000-0000000000AB/release",
                Some("holds/01990000-0000-7000-8000-0000000000ab"),
            ),
            (
                "/console/holds/{id}/cancel",
                "/console/holds/7/cancel",
                Some("holds/7"),
            ),
            ("/v1/admin/sweep", "/v1/admin/sweep", None),
            (
                "/v1/admin/event-types/{id}",
                "/v1/admin/event-types/ada@example.com",
                None,
            ),
            (
                "/v1/admin/event-types/{id}",
                "/v1/admin/event-types/ada%40example",
                None,
            ),
        ] {
            assert_eq!(find_target(pattern, path).as_deref(), target, "{path}");
        }
    }

    #[test]
    fn search_by_guest_is_found_in_any_query() {
        for (query, expected) in [
            ("guest=ada%40example.com", true),
            ("status=held&%67uest=ada", true),
            ("q=", true),
            ("status=held", false),
            ("guests=1", false),
        ] {
            assert_eq!(is_guest_search(Some(query)), expected, "{query}");
        }
        assert!(!is_guest_search(None));
    }
}
