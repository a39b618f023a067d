//! An id for each request: in the log, in every error, and in the answer's `x-request-id`. Always our own, never the
//! caller's, so that nobody can write into our log or pass one request off as another.

use std::fmt;

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;
use uuid::Uuid;

pub(super) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The id of the request at hand.
#[derive(Clone, Default)]
pub(crate) struct RequestId(Uuid);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// Gives the request its id, and everything logged on its behalf a span that carries it.
pub(super) async fn assign(mut request: Request, next: Next) -> Response {
    let id = RequestId(Uuid::new_v4());
    // The route, not the path: a hold's id in a path is somebody's right to read.
    let route = request
        .extensions()
        .get::<axum::extract::MatchedPath>()
        .map_or("-", |path| path.as_str())
        .to_owned();
    let span = tracing::info_span!("request", %id, method = %request.method(), route);
    request.extensions_mut().insert(id.clone());
    let mut response = async move {
        let response = next.run(request).await;
        tracing::debug!(status = response.status().as_u16(), "answered");
        response
    }
    .instrument(span)
    .await;
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}
