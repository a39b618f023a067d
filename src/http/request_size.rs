//! Refuses a body whose `Content-Length` is too large.
//!
//! Bodies without a `Content-Length` are left to axum's own limit.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;

use super::error::Problem;

/// The most bytes to read from a body that is refused.
const MAX_DRAINED: usize = 16 * 1024 * 1024;
/// The longest time to read from a body that is refused.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Lets a request through if its `Content-Length` is at most `limit` bytes, or absent.
pub(super) async fn refuse_oversized(State(limit): State<usize>, request: Request, next: Next) -> Response {
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|text| text.to_str().ok()?.parse::<usize>().ok());
    if length.is_none_or(|length| length <= limit) {
        return next.run(request).await;
    }
    // If a connection is closed with unread data, the response is lost on its way to the client. So read the body
    // first. A timeout changes nothing about the response.
    let _ = tokio::time::timeout(DRAIN_TIMEOUT, drain_body(request)).await;
    Problem::too_large().into_response()
}

async fn drain_body(request: Request) {
    let mut body = request.into_body().into_data_stream();
    let mut drained = 0;
    while let Some(Ok(chunk)) = body.next().await
        && drained < MAX_DRAINED
    {
        drained += chunk.len();
    }
}
