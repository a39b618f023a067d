//! Errors as callers see them. This is the only place that makes a status of an error (RFC 9457 problem details).
//!
//! A handler returns `Err(Problem)`, and [`render_problems`] writes it with the request's id. A 5xx says nothing about
//! its cause: the log has that, written once, in `from_workflow`.

use std::error::Error;
use std::time::Duration;

use axum::Json;
use axum::extract::Request;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::request_id::RequestId;
use super::slot_view::SlotView;
use crate::domain::availability::Slot;

mod field_error;
mod from_workflow;
mod shown_to_people;

pub(crate) use self::field_error::FieldError;

/// A stable word that says what went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Code)]
pub(crate) enum ProblemCode {
    /// The body is not JSON, too large, or not `application/json`; or the path does not have the method.
    Malformed,
    /// The body is JSON, but a member is missing, unknown, of the wrong type or not acceptable.
    Invalid,
    /// The key or token is missing or wrong.
    Unauthorized,
    /// The key's scope is not enough for the route.
    Forbidden,
    /// There is no such event type, hold, command, key or path.
    NotFound,
    /// Another live hold has the slot.
    SlotTaken,
    /// The hold cannot be released, because it is paid or being paid.
    AlreadyPaid,
    /// The hold cannot be cancelled, because it is not confirmed.
    NotCancellable,
    /// The hold cannot be moved, because it has ended or it is too late.
    NotMovable,
    /// The state of what the request names does not allow it, or another thing has its name.
    Conflict,
    /// The first request with this key is still running.
    IdempotencyInProgress,
    /// This key was used with another body.
    IdempotencyMismatch,
    /// The webhook's signature is missing, wrong or too old.
    BadSignature,
    /// The guest or the client address already keeps as many unpaid holds as it may.
    TooManyHolds,
    /// There were too many requests.
    RateLimited,
    /// Stripe timed out, limited our requests, or is down.
    StripeUnavailable,
    /// Stripe refuses the checkout, and would refuse it again: the shop must change something.
    StripeRefused,
    /// The database is unavailable.
    StoreUnavailable,
    /// This instance does as much work at once as it allows itself.
    TooBusy,
    /// The program has a bug.
    Internal,
}

impl ProblemCode {
    /// Returns the status of a response with this code.
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Malformed | Self::BadSignature => StatusCode::BAD_REQUEST,
            Self::Invalid | Self::IdempotencyMismatch => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::SlotTaken
            | Self::AlreadyPaid
            | Self::NotCancellable
            | Self::NotMovable
            | Self::Conflict
            | Self::IdempotencyInProgress => StatusCode::CONFLICT,
            Self::TooManyHolds | Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::StripeRefused => StatusCode::BAD_GATEWAY,
            Self::StripeUnavailable | Self::StoreUnavailable | Self::TooBusy => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Malformed => "The request cannot be read",
            Self::Invalid => "The request is not acceptable",
            Self::Unauthorized => "The key or token is missing or wrong",
            Self::Forbidden => "The key's scope is not enough",
            Self::NotFound => "There is no such thing",
            Self::SlotTaken => "The slot is taken",
            Self::AlreadyPaid => "The hold is already paid",
            Self::NotCancellable => "The hold cannot be cancelled",
            Self::NotMovable => "The hold cannot be moved",
            Self::Conflict => "The state does not allow it",
            Self::TooManyHolds => "Too many unpaid holds",
            Self::IdempotencyInProgress => "The first request with this key is still running",
            Self::IdempotencyMismatch => "This key was used with another body",
            Self::BadSignature => "The signature is not good",
            Self::RateLimited => "Too many requests",
            Self::StripeUnavailable => "Stripe is unavailable",
            Self::StripeRefused => "Stripe refuses the checkout",
            Self::StoreUnavailable => "The database is unavailable",
            Self::TooBusy => "The service is busy",
            Self::Internal => "Something went wrong on our side",
        }
    }

    /// Returns the word, as `Serialize` writes it.
    fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Invalid => "invalid",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::SlotTaken => "slot_taken",
            Self::AlreadyPaid => "already_paid",
            Self::NotCancellable => "not_cancellable",
            Self::NotMovable => "not_movable",
            Self::Conflict => "conflict",
            Self::TooManyHolds => "too_many_holds",
            Self::IdempotencyInProgress => "idempotency_in_progress",
            Self::IdempotencyMismatch => "idempotency_mismatch",
            Self::BadSignature => "bad_signature",
            Self::RateLimited => "rate_limited",
            Self::StripeUnavailable => "stripe_unavailable",
            Self::StripeRefused => "stripe_refused",
            Self::StoreUnavailable => "store_unavailable",
            Self::TooBusy => "too_busy",
            Self::Internal => "internal",
        }
    }

    /// Returns the seconds after which a retry makes sense, or `None` if waiting does not help.
    fn retry_after(self) -> Option<u64> {
        match self {
            Self::IdempotencyInProgress => Some(1),
            Self::StripeUnavailable | Self::StoreUnavailable | Self::TooBusy => Some(2),
            Self::TooManyHolds | Self::RateLimited => Some(5),
            _ => None,
        }
    }
}

/// An error response before it is written.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    code: ProblemCode,
    status: StatusCode,
    detail: String,
    errors: Vec<FieldError>,
    alternatives: Option<Vec<SlotView>>,
    own_hold: bool,
    retry_after: Option<u64>,
}

impl Problem {
    /// Makes a problem with this code. `detail` is for people; it must say nothing personal or internal.
    pub(crate) fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        let (status, retry_after) = (code.status(), code.retry_after());
        Self {
            code,
            status,
            detail: detail.into(),
            errors: Vec::new(),
            alternatives: None,
            own_hold: false,
            retry_after,
        }
    }

    /// Makes a `slot_taken` problem with the nearest free slots.
    pub(crate) fn slot_taken(alternatives: &[Slot]) -> Self {
        Self {
            alternatives: Some(alternatives.iter().map(SlotView::from).collect()),
            ..Self::new(ProblemCode::SlotTaken, "the slot is taken")
        }
    }

    /// Makes a `slot_taken` problem for a guest whose own unpaid hold keeps the slot.
    pub(crate) fn slot_taken_by_own_hold(alternatives: &[Slot]) -> Self {
        Self {
            own_hold: true,
            detail: "an unpaid hold of this guest keeps the slot".to_owned(),
            ..Self::slot_taken(alternatives)
        }
    }

    /// Sets after how long a retry makes sense.
    pub(crate) fn with_retry_after(mut self, wait: Duration) -> Self {
        // Rounded up: who comes back then is not refused again.
        let seconds = u64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u64::MAX);
        self.retry_after = Some(seconds.max(1));
        self
    }

    /// Makes a `malformed` problem: the path does not have this method.
    pub(crate) fn method_not_allowed() -> Self {
        Self::malformed(
            StatusCode::METHOD_NOT_ALLOWED,
            "the path does not have this method",
        )
    }

    /// Makes a `malformed` problem: the body does not have the required media type.
    pub(crate) fn unsupported_media_type(detail: &str) -> Self {
        Self::malformed(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
    }

    /// Makes a `malformed` problem: the body is too large.
    pub(crate) fn too_large() -> Self {
        Self::malformed(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large")
    }

    fn malformed(status: StatusCode, detail: &str) -> Self {
        Self {
            status,
            ..Self::new(ProblemCode::Malformed, detail)
        }
    }

    /// Makes a `too_busy` problem.
    pub(crate) fn too_busy(detail: &str) -> Self {
        Self::new(ProblemCode::TooBusy, detail)
    }

    /// Makes an `invalid` problem that names the members, as far as there is space: a hostile body has thousands.
    pub(crate) fn invalid(errors: Vec<FieldError>) -> Self {
        let count = errors.len();
        let errors = field_error::keep_first(errors);
        let detail = match errors.as_slice() {
            [one] if count == 1 => format!("{} {}", one.field, one.detail),
            _ => format!("{count} members are not acceptable"),
        };
        Self {
            errors,
            ..Self::new(ProblemCode::Invalid, detail)
        }
    }

    /// Makes an `invalid` problem for one member.
    pub(crate) fn invalid_field(field: &str, detail: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError {
            field: field.to_owned(),
            detail: detail.into(),
        }])
    }

    /// Makes a `not_found` problem for `what`, such as "hold".
    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(ProblemCode::NotFound, format!("there is no such {what}"))
    }
}

/// The body of every error.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProblemDetails {
    /// A URI that names the kind of problem.
    #[schema(example = "urn:holdfast:problem:slot_taken")]
    r#type: String,
    /// The kind of problem in words.
    title: &'static str,
    /// The HTTP status of the response.
    #[schema(example = 409)]
    status: u16,
    /// What happened in this case.
    detail: String,
    /// What happened, as a stable word for programs.
    code: ProblemCode,
    /// The request's id, as in the header `x-request-id` and in the log.
    request_id: String,
    /// The errors of the request's members; only with `invalid`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<FieldError>,
    /// The nearest free slots; only with `slot_taken`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    alternatives: Option<Vec<SlotView>>,
    /// True if an unpaid hold with the same e-mail address from the same client keeps the slot: send it in `replaces`, or go on
    /// with it. Only with `slot_taken`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    own_hold: bool,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Marks a response as it is to be sent, whatever its status: a page that shows an error to a person.
#[derive(Clone)]
pub(super) struct CompleteResponse;

/// Writes problems as responses, including errors that axum made without a body, such as for an unknown path.
pub(super) async fn render_problems(request: Request, next: Next) -> Response {
    let id = request
        .extensions()
        .get::<RequestId>()
        .cloned()
        .unwrap_or_default();
    let response = next.run(request).await;
    let status = response.status();
    match response.extensions().get::<Problem>().cloned() {
        Some(problem) => problem.into_response_with(&id, response),
        None if response.extensions().get::<CompleteResponse>().is_some() => response,
        None if status.is_client_error() || status.is_server_error() => {
            Problem::from_status(status).into_response_with(&id, response)
        }
        None => response,
    }
}

impl Problem {
    /// Makes the problem for an error that axum made by itself.
    pub(super) fn from_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::not_found("path"),
            status if status.is_client_error() => Self::malformed(status, "the request cannot be read"),
            _ => Self::new(ProblemCode::Internal, "the log has the details"),
        }
    }

    /// Writes the response for this problem. Keeps the headers of the original one, such as those for CORS
    /// and `Allow`.
    fn into_response_with(self, id: &RequestId, original: Response) -> Response {
        if matches!(
            self.code,
            ProblemCode::RateLimited | ProblemCode::TooManyHolds | ProblemCode::TooBusy
        ) {
            metrics::counter!("holdfast_requests_refused_total", "code" => self.code.as_str()).increment(1);
        }
        let body = ProblemDetails {
            r#type: format!("urn:holdfast:problem:{}", self.code.as_str()),
            title: self.code.title(),
            status: self.status.as_u16(),
            detail: self.detail,
            code: self.code,
            request_id: id.to_string(),
            errors: self.errors,
            alternatives: self.alternatives,
            own_hold: self.own_hold,
        };
        let (parts, body) = (original.into_parts().0, Json(body).into_response().into_body());
        let mut response = Response::from_parts(parts, body);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_LENGTH);
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if self.code == ProblemCode::Unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// Too many large bodies arrive at once.
#[derive(Debug, thiserror::Error)]
#[error("too many large bodies arrive at once")]
pub(super) struct NoSpaceForBody;

impl From<BytesRejection> for Problem {
    fn from(rejection: BytesRejection) -> Self {
        let causes = std::iter::successors(rejection.source(), |&error| error.source());
        match rejection.status() {
            _ if causes.into_iter().any(|error| error.is::<NoSpaceForBody>()) => {
                Self::too_busy("too many large bodies arrive at once")
            }
            StatusCode::PAYLOAD_TOO_LARGE => Self::too_large(),
            _ => Self::new(ProblemCode::Malformed, "the body is incomplete, or took too long"),
        }
    }
}
