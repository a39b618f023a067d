//! Answers of the simulated API: status, body and the headers that Stripe sends with every one.
//!
//! Also the answers that ordered faults give in place of the real one. Which it is to be, `api` decides.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::API_VERSION;
use super::api::broken_body;
use super::dice::Plan;
use super::error::ApiError;
use super::faults::{ApiFault, FaultKind};
use super::idempotency::Kept;

/// What every answer to one request carries.
#[derive(Debug, Clone)]
pub(super) struct Stamp {
    pub(super) request_id: String,
    /// When the request came, on the simulator's clock.
    pub(super) at: DateTime<Utc>,
    /// The API version that the caller asked for.
    pub(super) version: Option<HeaderValue>,
}

/// An answer before it is stamped.
#[derive(Debug)]
pub(super) struct Answer {
    status: u16,
    body: Bytes,
    content_type: &'static str,
    headers: HeaderMap,
    trouble: Option<FaultKind>,
}

impl Answer {
    fn json(status: u16, body: &Value) -> Answer {
        Answer {
            status,
            body: Bytes::from(body.to_string()),
            content_type: "application/json",
            headers: HeaderMap::new(),
            trouble: None,
        }
    }

    pub(super) fn object(object: &Value) -> Answer {
        Answer::json(200, object)
    }

    pub(super) fn refusal(refusal: &ApiError) -> Answer {
        Answer::json(refusal.status, &refusal.body())
    }

    pub(super) fn replay(kept: Kept) -> Answer {
        let mut answer = Answer {
            status: kept.status,
            body: kept.body,
            ..Answer::object(&Value::Null)
        };
        answer.header("idempotent-replayed", "true");
        answer.header("original-request", &kept.request_id);
        answer
    }

    /// What a fault answers where the effect should have been; nothing for faults that let it happen.
    pub(super) fn instead_of_effect(plan: &Plan) -> Option<Answer> {
        let fault = plan.fault.as_ref()?;
        let mut answer = match fault.kind {
            FaultKind::RateLimited => rate_limited(fault),
            FaultKind::LockTimeout => lock_timeout(),
            FaultKind::ServerError | FaultKind::ServerErrorKept => Answer::refusal(&ApiError::server()),
            FaultKind::BadGateway => bad_gateway(),
            FaultKind::Cut => Answer::json(500, &Value::Null),
            FaultKind::LostAnswer | FaultKind::Hang => return None,
        };
        if let Some(retry) = fault.should_retry {
            answer.header("stripe-should-retry", if retry { "true" } else { "false" });
        }
        answer.trouble = Some(fault.kind);
        Some(answer)
    }

    /// Of all faults only one is kept under the idempotency key.
    pub(super) fn kept(&self, stamp: &Stamp) -> Option<Kept> {
        (self.trouble == Some(FaultKind::ServerErrorKept)).then(|| self.to_keep(&stamp.request_id))
    }

    pub(super) fn to_keep(&self, request_id: &str) -> Kept {
        Kept {
            status: self.status,
            body: self.body.clone(),
            request_id: request_id.to_owned(),
        }
    }

    pub(super) fn with_key(mut self, key: Option<String>) -> Answer {
        if let Some(key) = key {
            self.header("idempotency-key", &key);
        }
        self
    }

    fn header(&mut self, name: &'static str, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
    }

    pub(super) fn respond(mut self, stamp: &Stamp) -> Response {
        if self.trouble == Some(FaultKind::Cut) {
            return cut();
        }
        self.header("request-id", &stamp.request_id);
        self.header("date", &stamp.at.format("%a, %d %b %Y %H:%M:%S GMT").to_string());
        let version = stamp
            .version
            .clone()
            .unwrap_or(HeaderValue::from_static(API_VERSION));
        self.headers.insert("stripe-version", version);
        self.headers
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, self.headers, Body::from(self.body)).into_response()
    }
}

fn rate_limited(fault: &ApiFault) -> Answer {
    let refusal = ApiError {
        status: 429,
        ..ApiError::invalid("Request rate limit exceeded.")
    };
    let mut answer = Answer::refusal(&refusal.with_code("rate_limit"));
    answer.header(
        "stripe-rate-limited-reason",
        fault.reason.as_deref().unwrap_or("endpoint-rate"),
    );
    answer
}

fn lock_timeout() -> Answer {
    let message = "This object cannot be accessed right now because another API request or Stripe process is \
                   currently accessing it.";
    Answer::refusal(
        &ApiError {
            status: 429,
            ..ApiError::invalid(message)
        }
        .with_code("lock_timeout"),
    )
}

fn bad_gateway() -> Answer {
    let page =
        "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>";
    Answer {
        status: 502,
        body: Bytes::from_static(page.as_bytes()),
        content_type: "text/html",
        ..Answer::object(&Value::Null)
    }
}

/// Closes the connection without a byte of an answer.
pub(super) fn cut() -> Response {
    Response::new(broken_body())
}
