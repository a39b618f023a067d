//! An id for each request: in the log, in every error, and in the response header `x-request-id`.
//!
//! The id is always our own, never the caller's, so that a caller can neither write into our log nor reuse another
//! request's id.

use std::fmt;

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;
use uuid::Uuid;

pub(super) const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request.
#[derive(Clone, Default)]
pub(crate) struct RequestId(Uuid);

impl RequestId {
    /// Returns the id as a value, to store it.
    pub(super) fn to_uuid(&self) -> Uuid {
        self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// Assigns the request an id, and gives everything that is logged for it a span with that id.
pub(super) async fn assign_request_id(mut request: Request, next: Next) -> Response {
    let id = RequestId(Uuid::new_v4());
    // Log the route, not the path: the id of a hold in the path gives the right to read the hold.
    let route = request
        .extensions()
        .get::<axum::extract::MatchedPath>()
        .map_or("-", |path| path.as_str())
        .to_owned();
    let span = tracing::info_span!("request", %id, method = %request.method(), route);
    request.extensions_mut().insert(id.clone());
    let mut response = async move {
        let response = next.run(request).await;
        tracing::debug!(status = response.status().as_u16(), "responded");
        response
    }
    .instrument(span)
    .await;
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        response.headers_mut().insert(REQUEST_ID_HEADER, value);
    }
    response
}
