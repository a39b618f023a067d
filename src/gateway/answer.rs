//! What came back from one attempt at a call, sorted: an [`Answer`], or a [`Miss`] that says what is known of the
//! effect and whether to try again.
//!
//! `Stripe-Should-Retry` decides first; without it 409, 429, 5xx and broken connections are worth another try. Only a
//! body in Stripe's own form is a refusal: a proxy's 404 page says nothing about a session. Stripe's messages are
//! dropped here, since they may repeat what the guest typed (I9). Counting, waiting and repeating are left to
//! `transport`.

use std::error::Error;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use serde_json::Value;

use super::wire::text;
use super::{GatewayError, Refusal};

/// A good answer.
pub(super) struct Answer {
    /// The body.
    pub(super) json: Value,
    /// Stripe's clock.
    pub(super) date: Option<DateTime<Utc>>,
}

/// An attempt without one.
#[derive(Debug)]
pub(super) struct Miss {
    /// What it means, were it the last attempt.
    pub(super) error: GatewayError,
    /// Whether the same request may fare better.
    pub(super) again: bool,
    /// How long Stripe wants to be left alone.
    pub(super) not_before: Option<Duration>,
    /// Whether Stripe is there at all.
    pub(super) contact: Contact,
    /// For the log: of which kind, never what was said.
    pub(super) cause: String,
}

/// What an attempt says about Stripe's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contact {
    /// It answered for itself.
    Answered,
    /// It did not, or only with trouble of its own.
    Unanswered,
    /// It was not asked.
    NotTried,
}

/// The parts of a response's head that matter.
pub(super) struct Head {
    /// HTTP status.
    pub(super) status: u16,
    /// Stripe's `Request-Id`, for its support.
    pub(super) request_id: Option<String>,
    should_retry: Option<bool>,
    retry_after: Option<Duration>,
    date: Option<DateTime<Utc>>,
}

impl Head {
    pub(super) fn new(status: u16, headers: &HeaderMap) -> Self {
        let header = |name: &str| headers.get(name)?.to_str().ok();
        Self {
            status,
            request_id: header("request-id").map(str::to_owned),
            should_retry: header("stripe-should-retry").and_then(|v| v.parse().ok()),
            retry_after: header(RETRY_AFTER.as_str())
                .and_then(|v| v.parse().ok())
                .map(Duration::from_secs),
            date: header(DATE.as_str())
                .and_then(|v| DateTime::parse_from_rfc2822(v).ok())
                .map(|date| date.to_utc()),
        }
    }

    /// Sorts the response.
    pub(super) fn sort(&self, body: &[u8]) -> Result<Answer, Box<Miss>> {
        let json = serde_json::from_slice::<Value>(body).ok();
        match (self.status, json) {
            (200..=299, Some(json)) => Ok(Answer {
                json,
                date: self.date,
            }),
            (_, json) => Err(Box::new(self.miss(json.and_then(|json| self.refusal(&json))))),
        }
    }

    fn refusal(&self, json: &Value) -> Option<Refusal> {
        let error = json.get("error")?;
        Some(Refusal {
            status: self.status,
            kind: text(error, "type")?.to_owned(),
            code: text(error, "code").map(str::to_owned),
            param: text(error, "param").map(str::to_owned),
            request_id: self.request_id.clone(),
        })
    }

    fn miss(&self, refusal: Option<Refusal>) -> Miss {
        let code = refusal.as_ref().and_then(|r| r.code.as_deref());
        let busy = GatewayError::Unavailable {
            retry_after: self.retry_after,
        };
        let (error, again, contact) = match (self.status, code, refusal.clone()) {
            (429, ..) | (409, Some("lock_timeout"), _) => (busy, true, Contact::Answered),
            // The same order is being carried out just now, by an earlier try of ours or another's.
            (409, Some("idempotency_key_in_use"), _) => (GatewayError::Unknown, true, Contact::Answered),
            (401 | 403, _, refusal) => {
                let refusal = refusal.unwrap_or_else(|| self.bare_refusal());
                (GatewayError::Refused(refusal), false, Contact::Answered)
            }
            (status @ 400..=499, _, Some(refusal)) => {
                (GatewayError::Refused(refusal), status == 409, Contact::Answered)
            }
            (200..=299 | 500.., ..) => (GatewayError::Unknown, true, Contact::Unanswered),
            _ => (GatewayError::Unknown, false, Contact::Unanswered),
        };
        Miss {
            error,
            again: self.should_retry.unwrap_or(again),
            not_before: self.retry_after,
            contact,
            cause: code.unwrap_or("status").to_owned(),
        }
    }

    fn bare_refusal(&self) -> Refusal {
        Refusal {
            status: self.status,
            request_id: self.request_id.clone(),
            ..Refusal::default()
        }
    }
}

impl Miss {
    /// No response. Only where no connection was made is it certain that Stripe did nothing.
    pub(super) fn no_response(error: &reqwest::Error) -> Box<Self> {
        let unsent = error.is_connect() || error.is_builder();
        Box::new(Self {
            error: if unsent {
                unavailable(None)
            } else {
                GatewayError::Unknown
            },
            again: !error.is_builder(),
            not_before: None,
            contact: Contact::Unanswered,
            cause: innermost(error),
        })
    }

    /// A good response that lacks what we need from it.
    pub(super) fn unreadable() -> Box<Self> {
        Box::new(Self {
            error: GatewayError::Unknown,
            again: true,
            not_before: None,
            contact: Contact::Unanswered,
            cause: "unreadable answer".to_owned(),
        })
    }

    /// Our own limit leaves no room in time.
    pub(super) fn kept_back(wait: Duration) -> Box<Self> {
        Box::new(Self {
            error: unavailable(Some(wait)),
            again: false,
            not_before: None,
            contact: Contact::NotTried,
            cause: "own rate limit".to_owned(),
        })
    }
}

pub(super) fn unavailable(retry_after: Option<Duration>) -> GatewayError {
    GatewayError::Unavailable { retry_after }
}

/// The outer layers repeat the URL, and with it a session's id.
fn innermost(error: &reqwest::Error) -> String {
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

    fn miss(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Box<Miss> {
        let headers = headers
            .iter()
            .map(|&(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
            .collect();
        match Head::new(status, &headers).sort(body.as_bytes()) {
            Ok(_) => panic!("a good answer"),
            Err(miss) => miss,
        }
    }

    fn body(code: &str) -> String {
        format!(
            r#"{{"error": {{"type": "invalid_request_error", "code": "{code}", "message": "ada@example.com"}}}}"#
        )
    }

    #[test]
    fn every_status_is_sorted_by_what_it_says_of_the_effect() {
        let refused = |m: &Miss| matches!(m.error, GatewayError::Refused(_));
        let unknown = |m: &Miss| m.error == GatewayError::Unknown;
        let unavailable = |m: &Miss| matches!(m.error, GatewayError::Unavailable { .. });
        let html = "<html>";
        for (status, body, sorted, again) in [
            (
                400,
                &*body("parameter_invalid"),
                &refused as &dyn Fn(&Miss) -> bool,
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
            let miss = miss(status, &[], body);
            assert!(sorted(&miss), "{status} {body}: {miss:?}");
            assert_eq!(miss.again, again, "{status} {body}");
        }
    }

    #[test]
    fn stripes_own_word_on_retries_outweighs_the_status() {
        for (word, again) in [("true", true), ("false", false)] {
            for status in [400, 409, 429, 500] {
                let miss = miss(status, &[("stripe-should-retry", word)], &body("x"));
                assert_eq!(miss.again, again, "{status} {word}");
            }
        }
    }

    #[test]
    fn a_refusal_names_code_and_param_and_keeps_the_message_to_itself() {
        let body =
            r#"{"error": {"type": "card_error", "code": "c", "param": "p", "message": "ada@example.com"}}"#;
        let miss = miss(402, &[("request-id", "req_1")], body);
        let GatewayError::Refused(refusal) = &miss.error else {
            panic!("{miss:?}");
        };
        assert_eq!(refusal.to_string(), "402 card_error c p req_1");
        assert!(!format!("{miss:?}").contains("ada"));
    }

    #[test]
    fn a_429_says_when_to_come_back() {
        let miss = miss(429, &[("retry-after", "7")], "");
        assert_eq!(miss.error, unavailable(Some(Duration::from_secs(7))));
        assert_eq!(miss.not_before, Some(Duration::from_secs(7)));
    }
}
