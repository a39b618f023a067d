//! Refusing a body that says of itself that it is too large.
//!
//! It is read away first, up to a bound: a connection that is closed on unread data loses the answer on its way to the
//! client. Bodies that do not say their length are left to axum's own limit.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;

use super::error::Problem;

/// What is read away at most, in bytes, and for how long.
const MOST: usize = 16 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(5);

/// Lets bodies through that say they have at most `limit` bytes, or do not say.
pub(super) async fn refuse(State(limit): State<usize>, request: Request, next: Next) -> Response {
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|text| text.to_str().ok()?.parse::<usize>().ok());
    if length.is_none_or(|length| length <= limit) {
        return next.run(request).await;
    }
    // Whether it came to its end makes no difference to the answer.
    let _ = tokio::time::timeout(PATIENCE, read_away(request)).await;
    Problem::too_large().into_response()
}

async fn read_away(request: Request) {
    let mut body = request.into_body().into_data_stream();
    let mut read = 0;
    while let Some(Ok(chunk)) = body.next().await
        && read < MOST
    {
        read += chunk.len();
    }
}
