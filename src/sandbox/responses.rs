//! The responses of the simulated API: status, body and the headers that Stripe sends.
//!
//! Includes the responses of injected faults; `request_pipeline` decides when they replace the real response.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::api_error::ApiError;
use super::fault_injection::{ApiFault, FaultKind};
use super::fault_plan::CallPlan;
use super::idempotency_keys::SavedResponse;
use super::ids;
use super::object_json::API_VERSION;

/// What the headers of every response to one request contain.
#[derive(Debug, Clone)]
pub(super) struct RequestInfo {
    pub(super) request_id: String,
    /// The time on the simulator's clock.
    pub(super) received_at: DateTime<Utc>,
    /// The caller's `Stripe-Version` header.
    pub(super) version: Option<HeaderValue>,
}

impl RequestInfo {
    pub(super) fn new(headers: &HeaderMap, received_at: DateTime<Utc>) -> RequestInfo {
        let version = headers.get("stripe-version").cloned();
        RequestInfo {
            request_id: ids::generate_request_id(),
            received_at,
            version,
        }
    }
}

/// A response before the headers that all responses share are added.
#[derive(Debug)]
pub(super) struct ApiResponse {
    status: u16,
    body: Bytes,
    content_type: &'static str,
    headers: HeaderMap,
    fault: Option<FaultKind>,
}

impl ApiResponse {
    fn from_json(status: u16, body: &Value) -> ApiResponse {
        ApiResponse {
            status,
            body: Bytes::from(body.to_string()),
            content_type: "application/json",
            headers: HeaderMap::new(),
            fault: None,
        }
    }

    pub(super) fn from_object(object: &Value) -> ApiResponse {
        ApiResponse::from_json(200, object)
    }

    pub(super) fn from_error(error: &ApiError) -> ApiResponse {
        ApiResponse::from_json(error.status, &error.to_json())
    }

    /// Replays a saved response, marked with the headers that Stripe adds to a replay.
    pub(super) fn from_saved(saved: SavedResponse) -> ApiResponse {
        let mut response = ApiResponse {
            status: saved.status,
            body: saved.body,
            ..ApiResponse::from_object(&Value::Null)
        };
        response.set_header("idempotent-replayed", "true");
        response.set_header("original-request", &saved.request_id);
        response
    }

    /// Returns the response of a fault that replaces the effect, or `None` if the effect happens.
    pub(super) fn from_fault(plan: &CallPlan) -> Option<ApiResponse> {
        let fault = plan.fault.as_ref()?;
        let mut response = match fault.kind {
            FaultKind::RateLimited => rate_limited_response(fault),
            FaultKind::LockTimeout => lock_timeout_response(),
            FaultKind::ServerError | FaultKind::ServerErrorKept => {
                ApiResponse::from_error(&ApiError::server_error())
            }
            FaultKind::Forbidden => ApiResponse::from_error(&ApiError::forbidden()),
            FaultKind::BadGateway => bad_gateway_response(),
            FaultKind::Cut => ApiResponse::from_json(500, &Value::Null),
            // These two change only the way back: the call is executed.
            FaultKind::LostAnswer | FaultKind::Hang => return None,
        };
        if let Some(retry) = fault.should_retry {
            response.set_header("stripe-should-retry", if retry { "true" } else { "false" });
        }
        response.fault = Some(fault.kind);
        Some(response)
    }

    /// Returns what a fault's response leaves under the idempotency key: only `ServerErrorKept` leaves something.
    pub(super) fn fault_to_save(&self, info: &RequestInfo) -> Option<SavedResponse> {
        (self.fault == Some(FaultKind::ServerErrorKept)).then(|| self.to_saved(&info.request_id))
    }

    pub(super) fn to_saved(&self, request_id: &str) -> SavedResponse {
        SavedResponse {
            status: self.status,
            body: self.body.clone(),
            request_id: request_id.to_owned(),
        }
    }

    pub(super) fn with_idempotency_key(mut self, key: Option<String>) -> ApiResponse {
        if let Some(key) = key {
            self.set_header("idempotency-key", &key);
        }
        self
    }

    fn set_header(&mut self, name: &'static str, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
    }

    /// Adds the headers that every response has, and converts it for the HTTP server.
    pub(super) fn into_http_response(mut self, info: &RequestInfo) -> Response {
        if self.fault == Some(FaultKind::Cut) {
            return closed_connection_response();
        }
        self.set_header("request-id", &info.request_id);
        // On the simulator's clock, because a client may compare its own clock with this header.
        let date = info.received_at.format("%a, %d %b %Y %H:%M:%S GMT");
        self.set_header("date", &date.to_string());
        let version = info
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

/// Creates a 429 of the rate limiter (docs.stripe.com/rate-limits).
fn rate_limited_response(fault: &ApiFault) -> ApiResponse {
    let error = ApiError {
        status: 429,
        ..ApiError::invalid_request("Request rate limit exceeded.")
    };
    let mut response = ApiResponse::from_error(&error.with_code("rate_limit"));
    response.set_header(
        "stripe-rate-limited-reason",
        fault.reason.as_deref().unwrap_or("endpoint-rate"),
    );
    response
}

/// Creates a 429 of a locked object, which Stripe sends without the reason header of the rate limiter.
fn lock_timeout_response() -> ApiResponse {
    let message = "This object cannot be accessed right now because another API request or Stripe process is \
                   currently accessing it.";
    ApiResponse::from_error(
        &ApiError {
            status: 429,
            ..ApiError::invalid_request(message)
        }
        .with_code("lock_timeout"),
    )
}

fn bad_gateway_response() -> ApiResponse {
    let page =
        "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>";
    ApiResponse {
        status: 502,
        body: Bytes::from_static(page.as_bytes()),
        content_type: "text/html",
        ..ApiResponse::from_object(&Value::Null)
    }
}

/// Creates a response that makes the server close the connection without sending a byte.
///
/// Its body fails before the first byte, and until then the server has sent nothing.
pub(super) fn closed_connection_response() -> Response {
    Response::new(Body::from_stream(futures::stream::once(async {
        Err::<Bytes, _>(std::io::Error::other("connection closed by an injected fault"))
    })))
}
