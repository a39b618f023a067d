//! Classifies the outcome of one attempt: a [`StripeResponse`], or an [`AttemptError`] that says what is known of the
//! effect and whether to retry.
//!
//! `Stripe-Should-Retry` decides first, as in Stripe's own SDKs; without it 409, 429, 5xx and broken connections are
//! retried. Only a body in Stripe's error format counts as a refusal, because a proxy's 404 page says nothing about a
//! session. Stripe's messages are dropped here, because they may repeat what the guest typed (I9).

use std::error::Error;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use serde_json::Value;

use super::stripe_json::Kept;
use super::stripe_objects::parse_text;
use super::{GatewayError, Refusal};

/// The longest pause that a response can ask for. Nothing can be added to the longest one that the header can name.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);

/// A successful response from Stripe.
pub(super) struct StripeResponse {
    pub(super) json: Value,
    /// The time on Stripe's clock.
    pub(super) date: Option<DateTime<Utc>>,
}

/// A failed attempt at a call.
#[derive(Debug)]
pub(super) struct AttemptError {
    /// The error of the call, if this is its last attempt.
    pub(super) error: GatewayError,
    /// Whether the same request may succeed later.
    pub(super) is_retryable: bool,
    /// The pause that Stripe asks for before the next request.
    pub(super) retry_after: Option<Duration>,
    pub(super) health: StripeHealth,
    /// The kind of failure, for the log. Never a text from the response.
    pub(super) cause: String,
}

/// What an attempt shows about Stripe's health, for the circuit breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StripeHealth {
    /// Stripe answered for itself, also if it refused.
    Healthy,
    /// Stripe did not answer, or answered with an internal error.
    Unhealthy,
    /// No request was sent.
    NotContacted,
}

/// The status and the headers of a response, as far as we use them.
pub(super) struct ResponseHead {
    pub(super) status: u16,
    /// Stripe's `Request-Id`, which its support asks for.
    pub(super) request_id: Option<String>,
    should_retry: Option<bool>,
    retry_after: Option<Duration>,
    date: Option<DateTime<Utc>>,
}

impl ResponseHead {
    pub(super) fn new(status: u16, headers: &HeaderMap) -> Self {
        let header = |name: &str| headers.get(name)?.to_str().ok();
        Self {
            status,
            request_id: header("request-id").map(str::to_owned),
            should_retry: header("stripe-should-retry").and_then(|v| v.parse().ok()),
            retry_after: header(RETRY_AFTER.as_str())
                .and_then(|v| v.parse().ok())
                .map(|seconds| Duration::from_secs(seconds).min(MAX_RETRY_AFTER)),
            date: header(DATE.as_str())
                .and_then(|v| DateTime::parse_from_rfc2822(v).ok())
                .map(|date| date.to_utc()),
        }
    }

    /// Classifies the response with this head and body. Of a successful one only what is `kept` is read.
    pub(super) fn classify_response(
        &self,
        body: &[u8],
        kept: Kept,
    ) -> Result<StripeResponse, Box<AttemptError>> {
        let kept = if (200..=299).contains(&self.status) {
            kept
        } else {
            Kept::All
        };
        let json = kept.parse_json(body).ok();
        match (self.status, json) {
            (200..=299, Some(json)) => Ok(StripeResponse {
                json,
                date: self.date,
            }),
            (_, json) => {
                let refusal = json.and_then(|json| self.parse_refusal(&json));
                Err(Box::new(self.classify_failure(refusal)))
            }
        }
    }

    /// Returns the refusal in a body of Stripe's documented form `{"error": {"type", …}}`.
    fn parse_refusal(&self, json: &Value) -> Option<Refusal> {
        let error = json.get("error")?;
        Some(Refusal {
            status: self.status,
            kind: parse_text(error, "type")?.to_owned(),
            code: parse_text(error, "code").map(str::to_owned),
            param: parse_text(error, "param").map(str::to_owned),
            request_id: self.request_id.clone(),
        })
    }

    fn classify_failure(&self, refusal: Option<Refusal>) -> AttemptError {
        let code = refusal.as_ref().and_then(|r| r.code.as_deref());
        let busy = unavailable(self.retry_after);
        let (error, is_retryable, health) = match (self.status, code, refusal.clone()) {
            // Stripe refused before it did anything: a rate limit, or contention on one object (`lock_timeout`).
            (429, ..) | (409, Some("lock_timeout"), _) => (busy, true, StripeHealth::Healthy),
            // An earlier attempt with this key is still running at Stripe, ours or another instance's.
            (409, Some("idempotency_key_in_use"), _) => (GatewayError::Unknown, true, StripeHealth::Healthy),
            // A bad key or permission needs no body in Stripe's format to be believed.
            (401 | 403, _, refusal) => {
                let refusal = refusal.unwrap_or_else(|| self.refusal_without_details());
                (GatewayError::Refused(refusal), false, StripeHealth::Healthy)
            }
            (status @ 400..=499, _, Some(refusal)) => (
                GatewayError::Refused(refusal),
                status == 409,
                StripeHealth::Healthy,
            ),
            // A 2xx gets here only if its body is not JSON. Stripe documents that a 500 leaves the effect open.
            (200..=299 | 500.., ..) => (GatewayError::Unknown, true, StripeHealth::Unhealthy),
            // Not in Stripe's format, such as a proxy's error page: it says nothing about the effect.
            _ => (GatewayError::Unknown, false, StripeHealth::Unhealthy),
        };
        AttemptError {
            error,
            is_retryable: self.should_retry.unwrap_or(is_retryable),
            retry_after: self.retry_after,
            health,
            cause: code.unwrap_or("status").to_owned(),
        }
    }

    fn refusal_without_details(&self) -> Refusal {
        Refusal {
            status: self.status,
            request_id: self.request_id.clone(),
            ..Refusal::default()
        }
    }
}

impl AttemptError {
    /// Returns the error of an attempt without a response.
    pub(super) fn from_missing_response(error: &reqwest::Error) -> Box<Self> {
        // Only if no connection was made is it certain that Stripe did nothing.
        let is_unsent = error.is_connect() || error.is_builder();
        Box::new(Self {
            error: if is_unsent {
                unavailable(None)
            } else {
                GatewayError::Unknown
            },
            is_retryable: !error.is_builder(),
            retry_after: None,
            health: StripeHealth::Unhealthy,
            cause: innermost_message(error),
        })
    }

    /// Returns the error of a successful response that lacks a field which we need.
    pub(super) fn from_unreadable_response() -> Box<Self> {
        Box::new(Self {
            error: GatewayError::Unknown,
            is_retryable: true,
            retry_after: None,
            health: StripeHealth::Unhealthy,
            cause: "unreadable response".to_owned(),
        })
    }

    /// Returns the error of a request that our own rate limit would delay beyond its deadline.
    pub(super) fn from_own_rate_limit(wait: Duration) -> Box<Self> {
        Box::new(Self {
            error: unavailable(Some(wait)),
            is_retryable: false,
            retry_after: None,
            health: StripeHealth::NotContacted,
            cause: "own rate limit".to_owned(),
        })
    }
}

pub(super) fn unavailable(retry_after: Option<Duration>) -> GatewayError {
    GatewayError::Unavailable { retry_after }
}

/// Returns the innermost error's message: the outer messages repeat the URL, and with it a session's id (I9).
fn innermost_message(error: &reqwest::Error) -> String {
    let mut inner: &dyn Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    if inner.is::<reqwest::Error>() {
        "request failed".to_owned()
    } else {
        inner.to_string()
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn failed_attempt(
        status: u16,
        headers: &[(&'static str, &'static str)],
        body: &str,
    ) -> Box<AttemptError> {
        let headers = headers
            .iter()
            .map(|&(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
            .collect();
        match ResponseHead::new(status, &headers).classify_response(body.as_bytes(), Kept::All) {
            Ok(_) => panic!("a successful response"),
            Err(failure) => failure,
        }
    }

    fn body(code: &str) -> String {
        format!(
            r#"{{"error": {{"type": "invalid_request_error", "code": "{code}", "message": "ada@example.com"}}}}"#
        )
    }

    #[test]
    fn status_decides_effect_and_retry() {
        let refused = |m: &AttemptError| matches!(m.error, GatewayError::Refused(_));
        let unknown = |m: &AttemptError| m.error == GatewayError::Unknown;
        let unavailable = |m: &AttemptError| matches!(m.error, GatewayError::Unavailable { .. });
        let html = "<html>";
        for (status, body, is_expected, is_retryable) in [
            (
                400,
                &*body("parameter_invalid"),
                &refused as &dyn Fn(&AttemptError) -> bool,
                false,
            ),
            (401, html, &refused, false),
            (403, html, &refused, false),
            (404, &body("resource_missing"), &refused, false),
            (404, html, &unknown, false),
            (409, &body("idempotency_key_in_use"), &unknown, true),
            (409, &body("lock_timeout"), &unavailable, true),
            (409, &body("other"), &refused, true),
            (429, &body("lock_timeout"), &unavailable, true),
            (429, html, &unavailable, true),
            (302, "", &unknown, false),
            (200, html, &unknown, true),
            (500, &body("x"), &unknown, true),
            (502, html, &unknown, true),
        ] {
            let failure = failed_attempt(status, &[], body);
            assert!(is_expected(&failure), "{status} {body}: {failure:?}");
            assert_eq!(failure.is_retryable, is_retryable, "{status} {body}");
        }
    }

    #[test]
    fn should_retry_header_outweighs_the_status() {
        for (should_retry, is_retryable) in [("true", true), ("false", false)] {
            for status in [400, 409, 429, 500] {
                let failure = failed_attempt(status, &[("stripe-should-retry", should_retry)], &body("x"));
                assert_eq!(failure.is_retryable, is_retryable, "{status} {should_retry}");
            }
        }
    }

    #[test]
    fn response_with_half_a_character_is_read() {
        let head = ResponseHead::new(200, &HeaderMap::new());
        let body = br#"{"status": "complete", "customer_details": {"name": "Ada \ud83d"}}"#;
        let response = head.classify_response(body, Kept::All).ok().unwrap();
        assert_eq!(parse_text(&response.json, "status"), Some("complete"));
    }

    #[test]
    fn refusal_has_code_and_param_but_no_message() {
        let body =
            r#"{"error": {"type": "card_error", "code": "c", "param": "p", "message": "ada@example.com"}}"#;
        let failure = failed_attempt(402, &[("request-id", "req_1")], body);
        let GatewayError::Refused(refusal) = &failure.error else {
            panic!("{failure:?}");
        };
        assert_eq!(refusal.to_string(), "402 card_error c p req_1");
        assert!(!format!("{failure:?}").contains("ada"));
    }

    #[test]
    fn retry_after_of_a_429_is_passed_on() {
        let failure = failed_attempt(429, &[("retry-after", "7")], "");
        assert_eq!(failure.error, unavailable(Some(Duration::from_secs(7))));
        assert_eq!(failure.retry_after, Some(Duration::from_secs(7)));
    }
}
