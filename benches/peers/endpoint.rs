//! An endpoint of the shop's own: takes every event, with as little work as possible.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

use crate::connection::find_message_end;

const TAKEN: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// An endpoint that stops when it is dropped.
pub(crate) struct Endpoint {
    pub(crate) url: String,
    taken: Arc<AtomicU64>,
    server: AbortHandle,
}

impl Endpoint {
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let taken = Arc::<AtomicU64>::default();
        let counter = Arc::clone(&taken);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(take_events(stream, Arc::clone(&counter)));
            }
        });
        Self {
            url,
            taken,
            server: server.abort_handle(),
        }
    }

    /// Returns how many events it has taken.
    pub(crate) fn count_taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Takes one event after the other until the service closes the connection.
async fn take_events(mut stream: TcpStream, taken: Arc<AtomicU64>) {
    stream.set_nodelay(true).unwrap();
    let mut received = Vec::new();
    while matches!(stream.read_buf(&mut received).await, Ok(read) if read > 0) {
        // The next request comes after the answer, so nothing follows the end.
        if find_message_end(&received).is_some_and(|end| received.len() >= end) {
            received.clear();
            taken.fetch_add(1, Ordering::Relaxed);
            if stream.write_all(TAKEN).await.is_err() {
                return;
            }
        }
    }
}
