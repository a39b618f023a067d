//! Parses and checks the endpoints that operators set.

use deserr::Deserr;
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::event_endpoint::EndpointKinds;
use crate::gateway::event_post::check_endpoint_address;
use crate::http::error::Problem;
use crate::http::field_errors::FieldErrors;
use crate::http::json_body::parse_json;
use crate::workflow::event_endpoints::EndpointSettings;

const MAX_URL: usize = 2_000;

/// Members of an answer that a request may repeat, and that only the service writes.
const WRITTEN_BY_SERVICE: [&str; 10] = [
    "id",
    "secret",
    "state",
    "failing_since",
    "last_status",
    "last_fault",
    "paused_until",
    "created_at",
    "waiting",
    "oldest_waiting_at",
];

/// An endpoint to set.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct NewEndpoint {
    /// The https URL that events are sent to, at most 2000 characters.
    #[schema(example = "https://shop.example/hooks/holdfast", max_length = 2000)]
    url: String,
    /// The types of events that it gets; `*` is all, also those of later versions.
    #[deserr(default = vec!["*".to_owned()])]
    #[schema(required = false, example = json!(["hold.confirmed", "hold.cancelled"]), min_items = 1)]
    events: Vec<String>,
    /// Whether events are sent to it. What happens while it is not enabled is sent later, for 30 days. True if absent.
    #[deserr(default = true)]
    #[schema(required = false)]
    enabled: bool,
}

/// Parses the endpoint that a body describes.
///
/// # Errors
/// `invalid`, with every error.
pub(super) fn parse_endpoint(mut body: Value, allow_private: bool) -> Result<EndpointSettings, Problem> {
    if let Value::Object(members) = &mut body {
        members.retain(|name, _| !WRITTEN_BY_SERVICE.contains(&name.as_str()));
    }
    let mut errors = FieldErrors::default();
    if let Some(new) = parse_json::<NewEndpoint>(body, &mut errors) {
        let url = errors.check("url", check_url(&new.url, allow_private));
        let kinds = EndpointKinds::parse(new.events.iter().map(String::as_str));
        let kinds = errors.check("events", kinds.ok_or("must be types of events, or *"));
        if let (Some(()), Some(kinds)) = (url, kinds) {
            return Ok(EndpointSettings {
                url: new.url,
                kinds,
                is_enabled: new.enabled,
            });
        }
    }
    Err(errors.into_problem())
}

/// Checks an endpoint's URL, and its host if that is an address. The addresses of a name are checked at each attempt.
fn check_url(text: &str, allow_private: bool) -> Result<(), &'static str> {
    // Some URL parsers read a backslash as a slash and others as part of a name, so they disagree on the host.
    let is_forbidden = |c: char| c.is_control() || c.is_whitespace() || c == '\\';
    if text.chars().count() > MAX_URL || text.chars().any(is_forbidden) {
        return Err("must be a plain https URL of at most 2000 characters");
    }
    check_endpoint_address(text, allow_private).map_err(
        |_| "must be an https URL without credentials, and not lead to a private or reserved address",
    )
}
