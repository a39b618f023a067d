//! Bounds the memory of large responses whose clients read slowly, or not at all.
//!
//! A response is in memory until its client has read it. Small ones are bounded by the number of connections.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::Problem;

/// A response up to this size always has space.
const SMALL_RESPONSE: u64 = 64 * 1024;
/// The size of the parts in which hyper gets a large response: it asks for the next part when the client has read one.
const PART: usize = 16 * 1024;
/// The space of all large responses together, in KiB.
const LARGE_RESPONSES_KIB: usize = 64 * 1024;

/// The space that large responses of one instance may take.
#[derive(Clone)]
pub struct ResponseSpace(Arc<Semaphore>);

impl Default for ResponseSpace {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(LARGE_RESPONSES_KIB)))
    }
}

impl ResponseSpace {
    /// Takes the space for a response of this size; `None` if there is too little.
    fn take(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        let kib = u32::try_from(bytes.div_ceil(1024)).ok()?;
        self.0.clone().try_acquire_many_owned(kib).ok()
    }
}

/// Takes space for a large response until its client has read it. If there is too little, refuses the request.
pub(super) async fn bound_large_response(State(space): State<ResponseSpace>, response: Response) -> Response {
    let size = response.body().size_hint().exact();
    let Some(size) = size.filter(|size| *size > SMALL_RESPONSE) else {
        return response;
    };
    match space.take(size) {
        Some(space) => response.map(|body| Body::new(LargeBody::new(body, space))),
        None => Problem::too_busy("too many clients have not read their responses yet").into_response(),
    }
}

/// A body that is handed out in parts and keeps its space until the last one.
struct LargeBody {
    body: Body,
    /// What was taken from `body` and is not handed out yet.
    rest: Bytes,
    _space: OwnedSemaphorePermit,
}

impl LargeBody {
    fn new(body: Body, space: OwnedSemaphorePermit) -> Self {
        Self {
            body,
            rest: Bytes::new(),
            _space: space,
        }
    }
}

impl HttpBody for LargeBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                other => return other,
            }
        }
        let length = self.rest.len().min(PART);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = u64::try_from(self.rest.len()).unwrap_or(u64::MAX);
        let inner = self.body.size_hint();
        inner
            .exact()
            .map_or(inner, |inner| SizeHint::with_exact(inner.saturating_add(rest)))
    }
}

#[cfg(test)]
mod tests {
    use futures::future::poll_fn;

    use super::*;

    #[tokio::test]
    async fn large_body_keeps_its_space_until_its_last_part() {
        let space = ResponseSpace::default();
        let whole = vec![7; 100_000];
        let mut body = LargeBody::new(Body::from(whole.clone()), space.take(100_000).unwrap());
        let mut received = Vec::new();
        while !body.is_end_stream() {
            assert_eq!(body.size_hint().exact(), Some(100_000 - received.len() as u64));
            assert_eq!(space.0.available_permits(), LARGE_RESPONSES_KIB - 98);
            let frame = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
            let part = frame.unwrap().unwrap().into_data().unwrap();
            assert!(part.len() <= PART);
            received.extend_from_slice(&part);
        }
        assert_eq!(received, whole);
        drop(body);
        assert_eq!(space.0.available_permits(), LARGE_RESPONSES_KIB);
    }

    #[test]
    fn too_little_space_is_refused() {
        let space = ResponseSpace::default();
        let all = u64::try_from(LARGE_RESPONSES_KIB).unwrap() * 1024;
        let most = space.take(all - 1024).unwrap();
        assert!(space.take(2048).is_none());
        drop(most);
        assert!(space.take(2048).is_some());
    }
}
