//! The stream of a connection. It notices the first byte of a request, and reads the rest of a request that was refused.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::phase::Phase;
use super::registry::Connection;

/// The most bytes to read of a request that was refused.
const MAX_DISCARDED: usize = 16 * 1024 * 1024;
/// The bytes to discard at once.
const DISCARD_CHUNK: usize = 4 * 1024;

/// A stream that tells its connection what happens.
pub(super) struct WatchedStream<S> {
    stream: S,
    connection: Arc<Connection>,
    /// The bytes that may still be discarded, once the response is written.
    discardable: Option<usize>,
}

impl<S> WatchedStream<S> {
    pub(super) fn new(stream: S, connection: Arc<Connection>) -> Self {
        Self {
            stream,
            connection,
            discardable: None,
        }
    }
}

impl<S: AsyncRead + Unpin> WatchedStream<S> {
    /// Reads and discards until the client has closed its side, or has sent too much. The phase bounds the time.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut chunk = [0; DISCARD_CHUNK];
        while let Some(left) = self.discardable.filter(|left| *left > 0) {
            let mut read = ReadBuf::new(&mut chunk);
            let result = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read));
            let count = read.filled().len();
            let has_ended = result.is_err() || count == 0;
            self.discardable = Some(if has_ended { 0 } else { left.saturating_sub(count) });
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WatchedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = ready!(Pin::new(&mut self.stream).poll_read(cx, buf));
        if buf.filled().len() > before && self.connection.phase() == Phase::Idle {
            self.connection.enter(Phase::Header);
        }
        Poll::Ready(result)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WatchedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, data)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Also reads what the client still sends: if a connection is closed with unread data, the response is lost on its
    /// way to the client.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.discardable.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            let has_rest = self.connection.has_unread_request();
            self.discardable = Some(if has_rest { MAX_DISCARDED } else { 0 });
            if has_rest {
                self.connection.enter(Phase::Discarding);
            }
        }
        ready!(self.poll_discard(cx));
        Poll::Ready(Ok(()))
    }
}
