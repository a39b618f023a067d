//! Serves a router on a listener.

use std::future::IntoFuture;
use std::net::SocketAddr;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Serves the router on the listener until `stop` is cancelled, and then finishes running requests.
pub(super) fn start_server(
    listener: TcpListener,
    router: axum::Router,
    stop: &CancellationToken,
) -> JoinHandle<std::io::Result<()>> {
    let listener = listener.tap_io(|stream| {
        // With Nagle's algorithm, small responses wait for the peer's acknowledgement. The call fails only on a dead
        // connection.
        let _ = stream.set_nodelay(true);
    });
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
    tokio::spawn(serving.into_future())
}
