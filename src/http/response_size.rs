//! Bounds the memory of large responses whose clients read slowly, or not at all.
//!
//! A response is in memory until its client has read it. Small ones are bounded by the number of connections. Operators'
//! responses have no bound: they need a key.

use std::collections::HashMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, SizeHint};

use super::client_address::ClientAddress;
use super::error::Problem;

/// A response up to this size always has space, in bytes.
const SMALL_RESPONSE: u64 = 64 * 1024;
/// The size of the parts in which hyper gets a large response: it asks for the next part when the client has read one.
const PART: usize = 16 * 1024;
/// The space of all large responses together, in bytes.
const MAX_SPACE: u64 = 64 * 1024 * 1024;
/// The space of the large responses to one client address, in bytes.
const MAX_SPACE_OF_CLIENT: u64 = MAX_SPACE / 8;

/// The space that large responses of one instance take.
#[derive(Clone, Default)]
pub struct ResponseSpace(Arc<Mutex<TakenSpace>>);

/// How many bytes are taken, in all and by each client that takes any.
#[derive(Default)]
struct TakenSpace {
    all: u64,
    by_client: HashMap<IpAddr, u64>,
}

impl ResponseSpace {
    /// Takes space for a large response until its client has read it. If there is too little, refuses the request.
    pub(super) fn bound(&self, client: ClientAddress, response: Response) -> Response {
        let size = response.body().size_hint().exact();
        let Some(size) = size.filter(|size| *size > SMALL_RESPONSE) else {
            return response;
        };
        match self.take(client.0, size) {
            Some(share) => response.map(|body| Body::new(LargeBody::new(body, share))),
            None => Problem::too_busy("too many responses were not read yet").into_response(),
        }
    }

    /// Takes so many bytes; `None` if they are too many for the client or for all.
    fn take(&self, client: IpAddr, bytes: u64) -> Option<SpaceShare> {
        let mut taken = self.lock();
        let of_client = taken.by_client.get(&client).copied().unwrap_or_default() + bytes;
        if taken.all + bytes > MAX_SPACE || of_client > MAX_SPACE_OF_CLIENT {
            return None;
        }
        taken.all += bytes;
        taken.by_client.insert(client, of_client);
        let space = self.clone();
        Some(SpaceShare { space, client, bytes })
    }

    fn lock(&self) -> MutexGuard<'_, TakenSpace> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Space that is free again when this is dropped.
struct SpaceShare {
    space: ResponseSpace,
    client: IpAddr,
    bytes: u64,
}

impl Drop for SpaceShare {
    fn drop(&mut self) {
        let mut taken = self.space.lock();
        taken.all -= self.bytes;
        let rest = taken.by_client.remove(&self.client).unwrap_or_default() - self.bytes;
        if rest > 0 {
            taken.by_client.insert(self.client, rest);
        }
    }
}

/// A body that is handed out in parts and keeps its space until the last one.
struct LargeBody {
    body: Body,
    /// What was taken from `body` and is not handed out yet.
    rest: Bytes,
    _share: SpaceShare,
}

impl LargeBody {
    fn new(body: Body, share: SpaceShare) -> Self {
        Self {
            body,
            rest: Bytes::new(),
            _share: share,
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
        // A copy: a slice would keep the whole response in memory after the space is free again.
        let part = Bytes::copy_from_slice(&self.rest.split_to(length));
        Poll::Ready(Some(Ok(Frame::data(part))))
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

    fn client(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    #[tokio::test]
    async fn large_body_keeps_its_space_until_its_last_part() {
        let space = ResponseSpace::default();
        let whole = vec![7; 100_000];
        let share = space.take(client(1), 100_000).unwrap();
        let mut body = LargeBody::new(Body::from(whole.clone()), share);
        let mut received = Vec::new();
        while !body.is_end_stream() {
            assert_eq!(body.size_hint().exact(), Some(100_000 - received.len() as u64));
            assert_eq!(space.lock().all, 100_000);
            let frame = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
            let part = frame.unwrap().unwrap().into_data().unwrap();
            assert!(part.len() <= PART);
            received.extend_from_slice(&part);
        }
        assert_eq!(received, whole);
        drop(body);
        let taken = space.lock();
        assert_eq!((taken.all, taken.by_client.len()), (0, 0));
    }

    #[test]
    fn one_client_leaves_space_for_the_others() {
        let space = ResponseSpace::default();
        let first = space.take(client(1), MAX_SPACE_OF_CLIENT).unwrap();
        assert!(space.take(client(1), 1).is_none());
        let rest: Vec<_> = (2..=8)
            .map(|last| space.take(client(last), MAX_SPACE_OF_CLIENT).unwrap())
            .collect();
        assert!(space.take(client(9), 1).is_none(), "all of it is taken");
        drop(first);
        assert!(space.take(client(1), 1).is_some() && space.take(client(9), 1).is_some());
        drop(rest);
    }
}
