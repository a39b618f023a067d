//! Checks the API key of a request (docs.stripe.com/api/authentication).

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::api_error::ApiError;

/// Accepts any test key as bearer token or basic user, because there is one account and nothing to protect.
pub(super) fn authenticate(headers: &HeaderMap) -> Result<(), ApiError> {
    let authorization = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let key = match authorization.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => key.trim().to_owned(),
        Some((scheme, pair)) if scheme.eq_ignore_ascii_case("basic") => parse_basic_user(pair.trim()),
        _ => String::new(),
    };
    if key.is_empty() {
        return Err(ApiError::unauthorized(
            "You did not provide an API key. You need to provide your API key in the Authorization header, using \
             Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
        ));
    }
    match key.split_once('_') {
        Some(("sk" | "rk", rest)) if !rest.starts_with("live_") => Ok(()),
        // A live key here is a misconfiguration. Refusing it shows the mistake at once.
        Some(("sk" | "rk", _)) => Err(ApiError::unauthorized(
            "This is a simulator: live keys are refused.",
        )),
        _ => Err(ApiError::unauthorized("Invalid API Key provided.")),
    }
}

/// Returns the user of HTTP basic authentication: Stripe's clients send the key there, with an empty password.
fn parse_basic_user(pair: &str) -> String {
    let decoded = BASE64_STANDARD.decode(pair).unwrap_or_default();
    let text = String::from_utf8(decoded).unwrap_or_default();
    text.split(':').next().unwrap_or_default().to_owned()
}
