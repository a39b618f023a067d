//! The bodies of a request and of its response. They tell the connection when they end.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::BoxError;
use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::time::{Sleep, sleep};

use super::phase::{BODY_TIMEOUT, Phase};
use super::registry::Connection;

/// The body of a request, which must arrive within [`BODY_TIMEOUT`].
pub(super) struct RequestBody {
    body: Incoming,
    deadline: Pin<Box<Sleep>>,
    connection: Arc<Connection>,
    has_ended: bool,
}

/// The whole body did not arrive in time.
#[derive(Debug, thiserror::Error)]
#[error("the body took too long")]
struct SlowBody;

impl RequestBody {
    pub(super) fn new(body: Incoming, connection: Arc<Connection>) -> Self {
        connection.enter(Phase::Body);
        Self {
            body,
            deadline: Box::pin(sleep(BODY_TIMEOUT)),
            connection,
            has_ended: false,
        }
    }

    fn end(&mut self) {
        self.has_ended = true;
        if self.connection.phase() == Phase::Body {
            self.connection.enter(Phase::Working);
        }
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.deadline.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err(SlowBody.into())));
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if frame.is_none() || self.body.is_end_stream() {
            self.end();
        }
        Poll::Ready(frame.map(|frame| frame.map_err(BoxError::from)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if !self.has_ended {
            self.connection.set_unread_body(true);
            self.end();
        }
    }
}

/// The body of a response. Once hyper has taken a part of it, the connection waits for its client to read, and then for
/// the next request.
pub(super) struct ResponseBody {
    body: Body,
    connection: Arc<Connection>,
    has_begun: bool,
}

impl ResponseBody {
    pub(super) fn new(body: Body, connection: Arc<Connection>) -> Self {
        Self {
            body,
            connection,
            has_begun: false,
        }
    }
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        // Once only: a client that reads a byte now and then does not get more time.
        if frame.is_ready() && !self.has_begun {
            self.has_begun = true;
            self.connection.enter(Phase::Idle);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        self.connection.enter(Phase::Idle);
    }
}
