//! The calendar feed whose events become blocks of a resource. `workflow::read_feeds` fetches it.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use axum::{Extension, Json};
use deserr::Deserr;
use serde::Serialize;
use serde_json::Value;
use url::Url;
use utoipa::ToSchema;

use crate::domain::catalogue::Feed;
use crate::http::audit_trail::AuditNote;
use crate::http::error::Problem;
use crate::http::field_errors::FieldErrors;
use crate::http::json_body::{parse_json, read_json};
use crate::http::path_id::{PathId, parse_resource_id};
use crate::http::server::Server;
use crate::http::timestamps::format_instant;
use crate::workflow::catalogue;

const MAX_URL: usize = 2_000;

/// The calendar feed to read.
#[derive(Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
#[serde(deny_unknown_fields)]
#[schema(as = NewCalendar)]
pub(in crate::http) struct NewCalendarFeed {
    /// The https URL of an iCalendar feed, at most 2000 characters; null removes the feed and its blocks.
    #[schema(
        required = true,
        example = "https://calendar.example/ana.ics",
        max_length = 2000
    )]
    url: Option<String>,
}

/// The calendar feed of a resource, and how its last read went.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = Calendar)]
pub(in crate::http) struct CalendarFeedView {
    /// The URL of the feed; null if there is none.
    #[schema(required = true)]
    url: Option<String>,
    /// When the feed was last read without an error.
    #[schema(format = DateTime, required = true)]
    read_at: Option<String>,
    /// What was wrong at the last read: with some events, or with the whole feed. Then the blocks of the read before stay.
    #[schema(required = true)]
    fault: Option<String>,
}

impl From<&Feed> for CalendarFeedView {
    fn from(feed: &Feed) -> Self {
        Self {
            url: Some(feed.url.clone()),
            read_at: feed.read_at.map(format_instant),
            fault: feed.fault.clone(),
        }
    }
}

/// A calendar feed as the audit trail has it. Only the host is kept, because the rest of the URL is often a secret.
#[derive(Serialize)]
struct FeedState {
    host: Option<String>,
}

impl FeedState {
    fn new(url: &str) -> Self {
        let url = Url::parse(url).ok();
        Self {
            host: url.as_ref().and_then(Url::host_str).map(str::to_owned),
        }
    }
}

/// Sets the calendar feed of a resource, or removes it. The events of the feed become blocks.
#[utoipa::path(
    put, path = "/v1/admin/resources/{id}/calendar", operation_id = "putCalendar", tag = "operators",
    params(("id" = String, Path, description = "the resource's id", pattern = "^[a-z0-9-]{1,64}$")),
    request_body = NewCalendarFeed,
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The feed; it is read shortly", body = CalendarFeedView),
        (status = 400, description = "`malformed`"),
        (status = 404, description = "`not_found`: no such resource"),
        (status = 413, description = "`malformed`"),
        (status = 415, description = "`malformed`"),
        (status = 422, description = "`invalid`"),
    )
)]
pub(in crate::http) async fn put_calendar_feed(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    Extension(note): Extension<AuditNote>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<CalendarFeedView>, Problem> {
    let id = parse_resource_id(&id)?;
    let url = parse_new_feed(read_json(&headers, body)?, server.calendar_allow_private)?;
    let before = catalogue::find_feed(&server.context, &id).await?;
    note.set_before(before.map(|feed| FeedState::new(&feed.url)));
    if !catalogue::set_feed(&server.context, &id, url.as_deref()).await? {
        return Err(Problem::not_found("resource"));
    }
    if let Some(url) = &url {
        note.set_after(FeedState::new(url));
    }
    let feed = catalogue::find_feed(&server.context, &id).await?;
    Ok(Json(
        feed.as_ref().map(CalendarFeedView::from).unwrap_or_default(),
    ))
}

fn parse_new_feed(body: Value, allow_private: bool) -> Result<Option<String>, Problem> {
    let mut errors = FieldErrors::default();
    if let Some(NewCalendarFeed { url }) = parse_json(body, &mut errors) {
        let url = url.map(|url| check_feed_url(&url, allow_private)).transpose();
        if let Some(url) = errors.check("url", url) {
            return Ok(url);
        }
    }
    Err(errors.into_problem())
}

/// Checks a feed's URL. The addresses of its host are checked when the feed is fetched.
fn check_feed_url(text: &str, allow_private: bool) -> Result<String, &'static str> {
    let url = Url::parse(text).map_err(|_| "must be an absolute URL")?;
    let is_scheme_allowed = url.scheme() == "https" || allow_private && url.scheme() == "http";
    // Some URL parsers read a backslash as a slash and others as part of a name, so they disagree on the host.
    let is_forbidden = |c: char| c.is_control() || c.is_whitespace() || c == '\\';
    if !is_scheme_allowed || text.chars().count() > MAX_URL || text.chars().any(is_forbidden) {
        return Err("must be a plain https URL of at most 2000 characters");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not contain a user or a password");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn feed_url_is_https_without_credentials() {
        let good = "https://calendar.example/ana.ics?token=1";
        assert_eq!(check_feed_url(good, false).as_deref(), Ok(good));
        assert!(check_feed_url("http://127.0.0.1:8000/ana.ics", false).is_err());
        assert!(check_feed_url("http://127.0.0.1:8000/ana.ics", true).is_ok());
        let long = format!("https://calendar.example/{}", "x".repeat(2000));
        for bad in [
            "",
            "/ana.ics",
            "file:///etc/passwd",
            "webcal://calendar.example/ana.ics",
            "https://ana@calendar.example/",
            "https://:secret@calendar.example/",
            "https://calendar.example\\@evil.example/",
            " https://calendar.example/",
            &long,
        ] {
            assert!(check_feed_url(bad, true).is_err(), "{bad}");
        }
    }

    #[test]
    fn feed_is_removed_by_null_only() {
        assert_eq!(parse_new_feed(json!({"url": null}), false).unwrap(), None);
        assert!(parse_new_feed(json!({}), false).is_err());
        assert!(parse_new_feed(json!({"url": 5}), false).is_err());
    }
}
