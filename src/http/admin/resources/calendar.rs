//! The calendar feed that says when a resource is busy. Reading it is left to `workflow::read_feeds`.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use deserr::Deserr;
use serde::Serialize;
use serde_json::Value;
use url::Url;
use utoipa::ToSchema;

use super::{known, unknown};
use crate::domain::catalogue::Feed;
use crate::http::Server;
use crate::http::body::{self, FieldErrors};
use crate::http::error::Problem;
use crate::http::path_id::PathId;
use crate::http::views::instant_text;
use crate::workflow::catalogue;

const MAX_URL: usize = 2_000;

/// Which feed is to be read.
#[derive(Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct NewCalendar {
    /// An iCalendar feed, at most 2000 characters of https; null ends it and removes its blocks.
    #[schema(
        required = true,
        example = "https://calendar.example/ana.ics",
        max_length = 2000
    )]
    url: Option<String>,
}

/// How a calendar feed does.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = Calendar)]
pub(in crate::http) struct CalendarView {
    /// Where it is; null where there is none.
    #[schema(required = true)]
    url: Option<String>,
    /// When it was last read well.
    #[schema(format = DateTime, required = true)]
    read_at: Option<String>,
    /// What is wrong with it since then; its last blocks stay.
    #[schema(required = true)]
    fault: Option<String>,
}

impl From<&Feed> for CalendarView {
    fn from(feed: &Feed) -> Self {
        Self {
            url: Some(feed.url.clone()),
            read_at: feed.read_at.map(instant_text),
            fault: feed.fault.clone(),
        }
    }
}

/// Reads a resource's calendar into blocks from now on, or no longer.
#[utoipa::path(
    put, path = "/v1/admin/resources/{id}/calendar", operation_id = "putCalendar", tag = "operators",
    params(("id" = String, Path, description = "the resource's id", pattern = "^[a-z0-9-]{1,64}$")),
    request_body = NewCalendar,
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "How the feed does; it is read shortly", body = CalendarView),
        (status = 400, description = "`malformed`"),
        (status = 404, description = "`not_found`: no such resource"),
        (status = 413, description = "`malformed`"),
        (status = 415, description = "`malformed`"),
        (status = 422, description = "`invalid`"),
    )
)]
pub(in crate::http) async fn put(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<CalendarView>, Problem> {
    let id = known(&id)?;
    let url = read(body::json(&headers, body)?, server.calendar_allow_private)?;
    if !catalogue::set_feed(&server.context, &id, url.as_deref()).await? {
        return Err(unknown());
    }
    let feed = catalogue::find_feed(&server.context, &id).await?;
    Ok(Json(feed.as_ref().map(CalendarView::from).unwrap_or_default()))
}

fn read(body: Value, allow_private: bool) -> Result<Option<String>, Problem> {
    let mut faults = FieldErrors::default();
    if let Some(NewCalendar { url }) = body::parse(body, &mut faults) {
        let url = url.map(|url| feed_url(&url, allow_private)).transpose();
        if let Some(url) = faults.take("url", url) {
            return Ok(url);
        }
    }
    Err(faults.into_problem())
}

/// Where a feed may be, as far as its URL says; which addresses its host has is looked at when it is read.
fn feed_url(text: &str, allow_private: bool) -> Result<String, &'static str> {
    let url = Url::parse(text).map_err(|_| "must be an absolute URL")?;
    let scheme = url.scheme() == "https" || allow_private && url.scheme() == "http";
    // A backslash is a slash to some readers of URLs and part of a name to others, so they disagree on the host.
    let odd = |c: char| c.is_control() || c.is_whitespace() || c == '\\';
    if !scheme || text.chars().count() > MAX_URL || text.chars().any(odd) {
        return Err("must be a plain https URL of at most 2000 characters");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not carry a user or a password");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_feed_is_fetched_by_https_and_names_nobody() {
        let good = "https://calendar.example/ana.ics?token=1";
        assert_eq!(feed_url(good, false).as_deref(), Ok(good));
        assert!(feed_url("http://127.0.0.1:8000/ana.ics", false).is_err());
        assert!(feed_url("http://127.0.0.1:8000/ana.ics", true).is_ok());
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
            assert!(feed_url(bad, true).is_err(), "{bad}");
        }
    }

    #[test]
    fn no_feed_is_said_by_null_and_not_by_silence() {
        assert_eq!(read(json!({"url": null}), false).unwrap(), None);
        assert!(read(json!({}), false).is_err());
        assert!(read(json!({"url": 5}), false).is_err());
    }
}
