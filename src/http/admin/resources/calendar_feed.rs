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

use super::blocks::refuse_unknown_resource;
use crate::domain::calendar_feed::{Feed, FeedState};
use crate::domain::ids::ResourceId;
use crate::domain::zone::ZoneDatabase;
use crate::gateway::calendar_feed::{fetch, is_zone_name};
use crate::http::audit_trail::AuditNote;
use crate::http::error::Problem;
use crate::http::field_errors::FieldErrors;
use crate::http::json_body::{drop_members, parse_json, read_json};
use crate::http::path_id::PathId;
use crate::http::server::Server;
use crate::http::timestamps::format_instant;
use crate::workflow::catalogue;

const MAX_URL: usize = 2_000;
const MAX_TIMEZONE: usize = 100;

/// The calendar feed to read.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
#[serde(deny_unknown_fields)]
#[schema(as = NewCalendar)]
pub(in crate::http) struct NewCalendarFeed {
    /// The https or webcal URL of an iCalendar feed, at most 2000 characters; null removes the feed and its blocks.
    #[schema(
        required = true,
        example = "https://calendar.example/ana.ics",
        max_length = 2000
    )]
    pub(in crate::http) url: Option<String>,
    /// The zone of whole days and of times without a zone: an IANA name. Without it, the one that the feed names, else those
    /// of the schedules that offer the resource.
    #[deserr(default)]
    #[schema(example = "Europe/Berlin", max_length = 100)]
    pub(in crate::http) timezone: Option<String>,
}

/// The calendar feed of a resource, and how its last read went.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = Calendar)]
pub(in crate::http) struct CalendarFeedView {
    /// The URL of the feed; null if there is none.
    #[schema(required = true)]
    url: Option<String>,
    /// The zone that was set with the feed.
    #[schema(required = true)]
    timezone: Option<String>,
    /// How the last read went: `ok`, `partial` (some entries have faults; each fault says what blocks
    /// instead) or `failed` (the blocks of the read before stay). Null before the first read.
    #[schema(required = true, value_type = Option<String>, example = "ok")]
    state: Option<&'static str>,
    /// When the feed was last read without an error.
    #[schema(format = DateTime, required = true)]
    read_at: Option<String>,
    /// What was wrong at the last read, in one sentence.
    #[schema(required = true)]
    fault: Option<String>,
    /// How many entries the feed had when it was last read without an error.
    entries: i32,
    /// How many faults these entries had.
    fault_count: i32,
    /// The first ten faults, each with the position of its entry in the feed. They name no event.
    faults: Vec<String>,
}

impl From<&Feed> for CalendarFeedView {
    fn from(feed: &Feed) -> Self {
        Self {
            url: Some(feed.url.clone()),
            timezone: feed.timezone.clone(),
            state: feed.state.map(name_state),
            read_at: feed.read_at.map(format_instant),
            fault: feed.fault.clone(),
            entries: feed.entries,
            fault_count: feed.fault_count,
            faults: feed.faults.clone(),
        }
    }
}

fn name_state(state: FeedState) -> &'static str {
    match state {
        FeedState::Ok => "ok",
        FeedState::Partial => "partial",
        FeedState::Failed => "failed",
    }
}

/// A calendar feed as the audit trail has it. Only the host is kept, because the rest of the URL is often a secret.
#[derive(Serialize)]
struct AuditedFeed {
    host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timezone: Option<String>,
}

impl AuditedFeed {
    fn new(url: &str, timezone: Option<&str>) -> Self {
        let url = fetch::parse_address(url).ok();
        Self {
            host: url.as_ref().and_then(Url::host_str).map(str::to_owned),
            timezone: timezone.map(str::to_owned),
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
        (status = 413, description = "`malformed`"),
        (status = 415, description = "`malformed`"),
        (status = 422, description = "`invalid`; also if there is no such resource"),
    )
)]
pub(in crate::http) async fn put_calendar_feed(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    Extension(note): Extension<AuditNote>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<CalendarFeedView>, Problem> {
    let feed = store_feed(&server, &note, &id, read_json(&headers, body)?).await?;
    Ok(Json(
        feed.as_ref().map(CalendarFeedView::from).unwrap_or_default(),
    ))
}

/// Sets the calendar feed that a body describes, or removes it, and notes the change.
///
/// # Errors
/// As `PUT /v1/admin/resources/{id}/calendar`.
pub(in crate::http) async fn store_feed(
    server: &Server,
    note: &AuditNote,
    id: &str,
    body: Value,
) -> Result<Option<Feed>, Problem> {
    let new = parse_new_feed(
        body,
        server.calendar_allow_private,
        &server.context.settings.zones,
    );
    let id = ResourceId::parse(id).map_err(|_| refuse_unknown_resource())?;
    let new = new.map_err(FieldErrors::into_problem)?;
    let before = catalogue::find_feed(&server.context, &id).await?;
    note.set_before(before.map(|feed| AuditedFeed::new(&feed.url, feed.timezone.as_deref())));
    let (url, timezone) = (new.url.as_deref(), new.timezone.as_deref());
    if !catalogue::set_feed(&server.context, &id, url.map(|url| (url, timezone))).await? {
        return Err(refuse_unknown_resource());
    }
    if let Some(url) = url {
        note.set_after(AuditedFeed::new(url, timezone));
    }
    Ok(catalogue::find_feed(&server.context, &id).await?)
}

/// Has the calendar feed of a resource read again, and notes which one it is.
///
/// # Errors
/// `not_found` if the resource has no feed.
pub(in crate::http) async fn reread_feed(
    server: &Server,
    note: &AuditNote,
    id: &ResourceId,
) -> Result<(), Problem> {
    let feed = catalogue::find_feed(&server.context, id).await?;
    let feed = feed.ok_or_else(|| Problem::not_found("calendar feed"))?;
    let audited = || AuditedFeed::new(&feed.url, feed.timezone.as_deref());
    note.set_before(Some(audited()));
    match catalogue::read_feed_again(&server.context, id).await? {
        true => {
            note.set_after(audited());
            Ok(())
        }
        false => Err(Problem::not_found("calendar feed")),
    }
}

/// Parses the calendar feed that a body describes. Members that only the service writes are ignored.
///
/// # Errors
/// [`FieldErrors`] with every error.
pub(in crate::http) fn parse_new_feed(
    mut body: Value,
    allow_private: bool,
    zones: &ZoneDatabase,
) -> Result<NewCalendarFeed, FieldErrors> {
    let of_service = ["state", "read_at", "fault", "entries", "fault_count", "faults"];
    drop_members(&mut body, &of_service);
    let mut errors = FieldErrors::default();
    if let Some(NewCalendarFeed { url, timezone }) = parse_json(body, &mut errors) {
        let url = url.map(|url| check_feed_url(&url, allow_private)).transpose();
        let url = errors.check("url", url);
        let timezone = errors.check(
            "timezone",
            timezone.map(|name| check_timezone(name, zones)).transpose(),
        );
        if let (Some(url), Some(timezone)) = (url, timezone) {
            return Ok(NewCalendarFeed { url, timezone });
        }
    }
    Err(errors)
}

fn check_timezone(name: String, zones: &ZoneDatabase) -> Result<String, &'static str> {
    let is_known = name.len() <= MAX_TIMEZONE && is_zone_name(&name, zones);
    is_known
        .then_some(name)
        .ok_or("must be a name of the IANA time zone database, such as Europe/Berlin")
}

/// Checks a feed's URL, and its host if that is an address. The addresses of a name are checked when the feed is fetched.
fn check_feed_url(text: &str, allow_private: bool) -> Result<String, &'static str> {
    let url = fetch::parse_address(text).map_err(|_| "must be an absolute URL")?;
    let is_scheme_allowed = url.scheme() == "https" || allow_private && url.scheme() == "http";
    // Some URL parsers read a backslash as a slash and others as part of a name, so they disagree on the host.
    let is_forbidden = |c: char| c.is_control() || c.is_whitespace() || c == '\\';
    if !is_scheme_allowed || text.chars().count() > MAX_URL || text.chars().any(is_forbidden) {
        return Err("must be a plain https URL of at most 2000 characters");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not contain a user or a password");
    }
    fetch::check_feed_address(text, allow_private)
        .map_err(|_| "must not lead to a private or reserved address")?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(body: Value) -> Result<NewCalendarFeed, FieldErrors> {
        parse_new_feed(body, false, &ZoneDatabase::linked())
    }

    #[test]
    fn feed_url_is_https_without_credentials() {
        let good = "https://calendar.example/ana.ics?token=1";
        for good in [good, "webcal://calendar.example/ana.ics", "WEBCAL://1.1.1.1/"] {
            assert_eq!(check_feed_url(good, false).as_deref(), Ok(good));
        }
        for private in [
            "https://127.0.0.1/",
            "https://10.0.0.1/",
            "webcal://[::1]/",
            "https://2130706433/",
        ] {
            assert!(check_feed_url(private, false).is_err(), "{private}");
        }
        assert!(check_feed_url("http://127.0.0.1:8000/ana.ics", false).is_err());
        assert!(check_feed_url("http://127.0.0.1:8000/ana.ics", true).is_ok());
        let long = format!("https://calendar.example/{}", "x".repeat(2000));
        for bad in [
            "",
            "/ana.ics",
            "file:///etc/passwd",
            "webcal://ana@calendar.example/",
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
        assert_eq!(parse(json!({"url": null})).unwrap().url, None);
        assert!(parse(json!({})).is_err());
        assert!(parse(json!({"url": 5})).is_err());
    }

    #[test]
    fn zone_of_a_feed_is_a_known_name() {
        let url = "https://calendar.example/";
        let parse_zone = |zone: &str| parse(json!({"url": url, "timezone": zone}));
        assert_eq!(
            parse_zone("Europe/Berlin").unwrap().timezone.as_deref(),
            Some("Europe/Berlin")
        );
        assert!(parse_zone("Mars/Olympus").is_err());
        assert!(parse_zone("").is_err());
    }
}
