//! Bounds the size of a body, and the memory that it takes while it arrives.

use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, stream};
use tokio::sync::Semaphore;

use super::error::{NoSpaceForBody, Problem};

/// A body up to this size always has space: connections are bounded, so these bodies are too.
const SMALL_BODY: usize = 64 * 1024;
/// How many larger bodies may arrive at once. Stripe's events are small, nearly all of them.
const LARGE_BODIES: usize = 32;

/// How large the bodies of a group of routes may be.
#[derive(Clone)]
pub(super) struct BodyLimit {
    bytes: usize,
    large_bodies: Arc<Semaphore>,
}

impl BodyLimit {
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            bytes,
            large_bodies: Arc::new(Semaphore::new(LARGE_BODIES)),
        }
    }
}

/// Refuses a request whose `Content-Length` is larger than the limit, before anything else is looked at. Without one, the
/// body is refused by axum's own limit as soon as it is too large.
pub(super) async fn limit_body(State(limit): State<BodyLimit>, request: Request, next: Next) -> Response {
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|text| text.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > limit.bytes) {
        return Problem::too_large().into_response();
    }
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    next.run(request.map(|body| copy_parts(body, limit))).await
}

/// Makes the parts of a body one. Each part as hyper returns it keeps a buffer of its own, so a body that arrives byte by
/// byte would take thousands of times its size. A body over the limit ends soon after it.
fn copy_parts(body: Body, limit: BodyLimit) -> Body {
    Body::from_stream(stream::once(async move {
        let mut parts = body.into_data_stream();
        let (mut whole, mut permit) = (Vec::new(), None);
        while whole.len() <= limit.bytes
            && let Some(part) = parts.next().await
        {
            whole.extend_from_slice(&part?);
            if whole.len() > SMALL_BODY && permit.is_none() {
                let large = limit.large_bodies.try_acquire();
                permit = Some(large.map_err(|_| axum::Error::new(NoSpaceForBody))?);
            }
        }
        Ok::<_, axum::Error>(Bytes::from(whole))
    }))
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    /// Makes a body of single bytes, without its length.
    fn drip(count: usize) -> Body {
        let bytes = (0..count).map(|_| Ok::<_, axum::Error>(Bytes::from_static(b"x")));
        Body::from_stream(stream::iter(bytes))
    }

    #[tokio::test]
    async fn body_of_single_bytes_becomes_one_part() {
        for (sent, expected) in [(1, 1), (99, 99), (100, 100), (101, 101), (5_000, 101)] {
            let body = copy_parts(drip(sent), BodyLimit::new(100));
            let parts: Vec<_> = body.into_data_stream().collect().await;
            let sizes: Vec<_> = parts.into_iter().map(|part| part.unwrap().len()).collect();
            assert_eq!(sizes, [expected], "{sent}");
        }
    }

    #[tokio::test]
    async fn large_bodies_are_bounded_and_small_ones_are_not() {
        let limit = BodyLimit::new(1024 * 1024);
        // A body that has sent so much, and then nothing.
        let unfinished = |size: usize| {
            let part = stream::iter([Ok::<_, axum::Error>(Bytes::from(vec![b'x'; size]))]);
            let body = copy_parts(Body::from_stream(part.chain(stream::pending())), limit.clone());
            axum::body::to_bytes(body, usize::MAX)
        };
        let mut large: Vec<_> = (0..LARGE_BODIES)
            .map(|_| Box::pin(unfinished(SMALL_BODY + 1)))
            .collect();
        for body in &mut large {
            assert!(futures::poll!(body).is_pending());
        }
        let refused = unfinished(SMALL_BODY + 1).await.unwrap_err();
        let mut causes = std::iter::successors(refused.source(), |&error| error.source());
        assert!(causes.any(|error| error.is::<NoSpaceForBody>()));
        assert!(futures::poll!(Box::pin(unfinished(SMALL_BODY))).is_pending());
        large.pop();
        assert!(futures::poll!(Box::pin(unfinished(SMALL_BODY + 1))).is_pending());
    }
}
