//! Accepts connections and serves them, within bounds: how many there are, and how long each may let us wait.
//!
//! The server speaks HTTP/1.1. hyper reads and writes it, and would also bound the time for a header, but counts the time
//! between two requests towards it. So the deadlines are ours: [`phase`] has them, and [`stream`] and [`bodies`] notice
//! which one runs. [`registry`] counts the connections, and closes one that waits for its client if there are too many.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures::future::poll_fn;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use metrics::counter;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use self::bodies::{RequestBody, ResponseBody};
use self::phase::Phase;
use self::registry::{Connection, ConnectionRegistry};
use self::stream::WatchedStream;

mod bodies;
mod phase;
mod registry;
mod stream;
#[cfg(test)]
mod tests;

/// The largest header of a request, in bytes; hyper itself allows 100 fields. A connection's buffer grows no larger.
const MAX_HEADER: usize = 16 * 1024;
/// The pause after the system refused to accept a connection, for example because the process has too many files open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections and serves them until `stop` is cancelled. Then it closes the listener, answers the requests that
/// have begun, and returns when the last connection has ended.
///
/// At most `max_connections` are served at once. One more closes the connection that has been idle for the longest time.
pub async fn serve_connections(
    listener: TcpListener,
    router: Router,
    max_connections: u32,
    stop: CancellationToken,
) {
    let registry = ConnectionRegistry::new(max_connections);
    let tasks = TaskTracker::new();
    let accept_all = async {
        loop {
            let (stream, peer) = accept(&listener, &registry).await;
            let connection = registry.admit().await;
            let (router, stop) = (router.clone(), stop.clone());
            tasks.spawn(async move { serve_connection(stream, peer, router, &connection, &stop).await });
        }
    };
    tokio::select! {
        () = accept_all => {}
        () = stop.cancelled() => {}
    }
    drop(listener);
    tasks.close();
    tasks.wait().await;
}

/// Accepts the next connection. If the system refuses, closes another one, which frees a file, and tries again.
async fn accept(listener: &TcpListener, registry: &ConnectionRegistry) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // With Nagle's algorithm, small responses wait for the peer's acknowledgement. The call fails only on a
                // dead connection.
                let _ = stream.set_nodelay(true);
                return (stream, peer);
            }
            // The client has gone before we accepted it.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::error!(%error, "cannot accept a connection");
                registry.close_oldest();
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Serves one connection until either side ends it.
async fn serve_connection<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    peer: SocketAddr,
    router: Router,
    connection: &Arc<Connection>,
    stop: &CancellationToken,
) {
    let service =
        hyper::service::service_fn(|request| respond(request, peer, router.clone(), connection.clone()));
    let stream = TokioIo::new(WatchedStream::new(stream, connection.clone()));
    let mut http = http1::Builder::new()
        .header_read_timeout(None)
        .max_header_size(MAX_HEADER)
        .max_buf_size(MAX_HEADER)
        .serve_connection(stream, service);
    let mut deadline = pin!(sleep(Duration::ZERO));
    let mut stopping = pin!(stop.cancelled());
    let mut is_stopping = false;
    let ended = poll_fn(|cx| {
        if !is_stopping && stopping.as_mut().poll(cx).is_ready() {
            is_stopping = true;
            Pin::new(&mut http).graceful_shutdown();
        }
        if Pin::new(&mut http).poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        // Only after hyper was polled, which may have changed the phase and with it the deadline.
        connection.poll_closed(deadline.as_mut(), cx).map(Some)
    });
    if let Some(reason) = ended.await {
        counter!("holdfast_connections_closed_total", "reason" => reason.as_str()).increment(1);
    }
}

async fn respond(
    request: Request<Incoming>,
    peer: SocketAddr,
    router: Router,
    connection: Arc<Connection>,
) -> Result<hyper::Response<ResponseBody>, Infallible> {
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(ConnectInfo(peer));
    connection.set_unread_body(false);
    let body = if hyper::body::Body::is_end_stream(&body) {
        connection.enter(Phase::Working);
        Body::empty()
    } else {
        Body::new(RequestBody::new(body, connection.clone()))
    };
    let response: Result<Response, Infallible> = router.oneshot(Request::from_parts(parts, body)).await;
    response.map(|mut response| {
        if connection.has_unread_body() {
            // hyper closes it then. A client that does not know would lose its next request.
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        response.map(|body| ResponseBody::new(body, connection))
    })
}
