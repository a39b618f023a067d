//! Tests of the deadlines, of the bound on connections, and of the shutdown, with the runtime's clock instead of waiting.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::phase::{BODY_TIMEOUT, DISCARD_TIMEOUT, HEADER_TIMEOUT, IDLE_TIMEOUT};
use super::registry::ConnectionRegistry;
use super::serve_connection;

/// A server whose connections are in memory.
struct TestServer {
    registry: Arc<ConnectionRegistry>,
    stop: CancellationToken,
    /// Lets one waiting request of `/work` go on.
    finish_work: Arc<Notify>,
    router: Router,
}

impl TestServer {
    fn new(max_connections: u32) -> Self {
        let finish_work = Arc::new(Notify::new());
        let work = finish_work.clone();
        let read = async |body: Result<Bytes, BytesRejection>| match body {
            Ok(_) => StatusCode::OK,
            Err(_) => StatusCode::BAD_REQUEST,
        };
        let router = Router::new()
            .route("/", get(async || "hello"))
            .route("/work", get(async move || work.notified().await))
            .route("/read", post(read))
            .route("/refuse", post(async || StatusCode::TOO_MANY_REQUESTS));
        Self {
            registry: ConnectionRegistry::new(max_connections),
            stop: CancellationToken::new(),
            finish_work,
            router,
        }
    }

    /// Connects a client, and waits until the server has seen it.
    async fn connect(&self) -> TestClient {
        let (client, server) = tokio::io::duplex(64 * 1024);
        let (registry, router, stop) = (self.registry.clone(), self.router.clone(), self.stop.clone());
        tokio::spawn(async move {
            let connection = registry.admit().await;
            let peer = ([192, 0, 2, 1], 1).into();
            serve_connection(server, peer, router, &connection, &stop).await;
        });
        settle().await;
        TestClient(client)
    }
}

#[test]
fn deadlines_are_those_of_the_documentation() {
    let seconds = [HEADER_TIMEOUT, BODY_TIMEOUT, IDLE_TIMEOUT].map(|timeout| timeout.as_secs());
    assert_eq!(seconds, [10, 30, 75]);
}

/// Lets all tasks run until they wait for the client or for the clock. The clock moves by a millisecond.
async fn settle() {
    sleep(Duration::from_millis(1)).await;
}

/// The client's end of a connection.
struct TestClient(DuplexStream);

impl TestClient {
    async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
        settle().await;
    }

    async fn request(&mut self, method: &str, path: &str, more: &str) {
        self.send(&format!("{method} {path} HTTP/1.1\r\nhost: a\r\n{more}\r\n"))
            .await;
    }

    /// Reads a response whose body is `ending`.
    async fn read_until(&mut self, ending: &str) -> String {
        let mut text = String::new();
        while !text.ends_with(ending) {
            text.push(char::from(self.0.read_u8().await.unwrap()));
        }
        text
    }

    /// Reads until the server closes the connection. Returns what it sent, and how long it took.
    async fn read_to_end(&mut self) -> (String, Duration) {
        let started = Instant::now();
        let mut text = String::new();
        self.0.read_to_string(&mut text).await.unwrap();
        (text, started.elapsed())
    }

    /// Sends a byte after each pause, until the server closes the connection. Returns what the server sent, when it ended its
    /// side, and when it closed the connection.
    async fn drip(self, pause: Duration) -> (String, Duration, Duration) {
        let started = Instant::now();
        let (mut from_server, mut to_server) = tokio::io::split(self.0);
        let read = async {
            let mut text = String::new();
            from_server.read_to_string(&mut text).await.unwrap();
            (text, started.elapsed())
        };
        let drip = async {
            while to_server.write_all(b"x").await.is_ok() {
                sleep(pause).await;
            }
            started.elapsed()
        };
        let ((text, ended), closed) = tokio::join!(read, drip);
        (text, ended, closed)
    }

    /// Returns whether the server has closed the connection.
    async fn is_closed(&mut self) -> bool {
        settle().await;
        let mut byte = [0];
        matches!(
            futures::poll!(Box::pin(self.0.read(&mut byte))),
            std::task::Poll::Ready(Ok(0))
        )
    }
}

/// Asserts that two durations are equal, apart from the moments in which tasks settled.
#[track_caller]
fn assert_about(took: Duration, expected: Duration) {
    assert!(
        took.abs_diff(expected) < Duration::from_millis(20),
        "{took:?}, not {expected:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn header_that_is_not_finished_is_cut_off() {
    let server = TestServer::new(10);
    let mut silent = server.connect().await;
    silent.send("GET / HTTP/1.1\r\nhost: a\r\n").await;
    let (text, took) = silent.read_to_end().await;
    assert_eq!(text, "");
    assert_about(took, HEADER_TIMEOUT);
    let mut dripping = server.connect().await;
    dripping.send("GET / HTTP/1.1\r\nx: ").await;
    assert_about(dripping.drip(Duration::from_secs(1)).await.2, HEADER_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn header_after_a_long_pause_has_its_own_deadline() {
    let server = TestServer::new(10);
    let mut client = server.connect().await;
    client.request("GET", "/", "").await;
    client.read_until("hello").await;
    sleep(IDLE_TIMEOUT - Duration::from_secs(1)).await;
    client.send("GET / HTTP/1.1\r\n").await;
    sleep(HEADER_TIMEOUT - Duration::from_secs(1)).await;
    client.send("host: a\r\n\r\n").await;
    client.read_until("hello").await;
}

#[tokio::test(start_paused = true)]
async fn idle_connection_is_closed() {
    let server = TestServer::new(10);
    let mut unused = server.connect().await;
    assert_about(unused.read_to_end().await.1, IDLE_TIMEOUT);
    let mut used = server.connect().await;
    for _ in 0..3 {
        sleep(IDLE_TIMEOUT - Duration::from_secs(1)).await;
        used.request("GET", "/", "").await;
        used.read_until("hello").await;
    }
    assert_about(used.read_to_end().await.1, IDLE_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn body_that_drips_is_refused_as_a_whole() {
    let server = TestServer::new(10);
    for framing in ["content-length: 1000\r\n", "transfer-encoding: chunked\r\n"] {
        let mut client = server.connect().await;
        client.request("POST", "/read", framing).await;
        client
            .send(if framing.starts_with('t') { "3e8\r\n" } else { "" })
            .await;
        let (text, ended, closed) = client.drip(Duration::from_secs(1)).await;
        assert!(text.starts_with("HTTP/1.1 400 "), "{text}");
        assert_about(ended, BODY_TIMEOUT);
        // What the client still sends is discarded for a while, so that it can read the response.
        assert_about(closed, BODY_TIMEOUT + DISCARD_TIMEOUT);
    }
}

#[tokio::test(start_paused = true)]
async fn slow_work_of_a_handler_has_no_deadline() {
    let server = TestServer::new(10);
    let mut client = server.connect().await;
    client.request("GET", "/work", "").await;
    sleep(IDLE_TIMEOUT * 2).await;
    server.finish_work.notify_one();
    client.read_until("\r\n\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn refusal_reaches_a_client_that_still_sends() {
    let server = TestServer::new(10);
    let mut client = server.connect().await;
    let asked = Instant::now();
    client
        .request("POST", "/refuse", "content-length: 900000\r\n")
        .await;
    let head = client.read_until("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 429 "), "{head}");
    assert!(head.contains("connection: close\r\n"), "{head}");
    assert_about(asked.elapsed(), Duration::ZERO);
    for _ in 0..9 {
        client.0.write_all(&[b'x'; 100_000]).await.unwrap();
    }
    client.0.shutdown().await.unwrap();
    assert_about(client.read_to_end().await.1, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn oversized_header_is_refused() {
    let server = TestServer::new(10);
    let fields = |count: usize| (0..count).map(|n| format!("x-{n}: a\r\n")).collect::<String>();
    let size = |bytes: usize| format!("x: {}\r\n", "a".repeat(bytes));
    for (more, status) in [
        (fields(90), 200),
        (fields(100), 431),
        (size(15_000), 200),
        (size(17_000), 431),
    ] {
        let mut client = server.connect().await;
        client.request("GET", "/", &more).await;
        let head = client.read_until("\r\n\r\n").await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
    }
}

#[tokio::test(start_paused = true)]
async fn connection_idle_for_longest_makes_space() {
    let server = TestServer::new(3);
    let mut clients = [
        server.connect().await,
        server.connect().await,
        server.connect().await,
    ];
    // The first has been idle since its response; the second one has waited longer, and the third one works.
    clients[0].request("GET", "/", "").await;
    clients[0].read_until("hello").await;
    clients[2].request("GET", "/work", "").await;
    let mut fourth = server.connect().await;
    assert!(clients[1].is_closed().await);
    let mut fifth = server.connect().await;
    assert!(clients[0].is_closed().await);
    for client in [&mut fourth, &mut fifth] {
        client.request("GET", "/", "").await;
        client.read_until("hello").await;
    }
    server.finish_work.notify_one();
    clients[2].read_until("\r\n\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn slow_request_makes_space_only_if_none_is_idle() {
    let server = TestServer::new(3);
    let mut header = server.connect().await;
    header.send("GET / HT").await;
    let mut body = server.connect().await;
    body.request("POST", "/read", "content-length: 9\r\n").await;
    let mut idle = server.connect().await;
    let _fourth = server.connect().await;
    assert!(idle.is_closed().await && !header.is_closed().await);
    let mut fifth = server.connect().await;
    fifth.request("GET", "/work", "").await;
    // The fourth connection is idle, so it goes first, then the oldest that sends.
    let mut sixth = server.connect().await;
    sixth.request("GET", "/work", "").await;
    assert!(header.is_closed().await && !body.is_closed().await);
}

#[tokio::test(start_paused = true)]
async fn working_connections_are_not_closed_for_new_ones() {
    let server = TestServer::new(2);
    let mut working = [server.connect().await, server.connect().await];
    for client in &mut working {
        client.request("GET", "/work", "").await;
    }
    let mut third = server.connect().await;
    third.request("GET", "/", "").await;
    let mut byte = [0];
    assert!(
        futures::poll!(Box::pin(third.0.read(&mut byte))).is_pending(),
        "it must wait"
    );
    server.finish_work.notify_one();
    // The one that has finished is idle, and makes space.
    third.read_until("hello").await;
    let mut finished = 0;
    for client in &mut working {
        finished += usize::from(client.0.read_u8().await.is_ok());
        server.finish_work.notify_one();
    }
    assert_eq!(finished, 2, "both requests got their response");
}

#[tokio::test(start_paused = true)]
async fn stop_closes_idle_connections_and_finishes_requests() {
    let server = TestServer::new(10);
    let mut idle = server.connect().await;
    let mut used = server.connect().await;
    used.request("GET", "/", "").await;
    used.read_until("hello").await;
    let mut working = server.connect().await;
    working.request("GET", "/work", "").await;
    server.stop.cancel();
    assert!(idle.is_closed().await && used.is_closed().await);
    server.finish_work.notify_one();
    let (text, took) = working.read_to_end().await;
    assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
    assert_about(took, Duration::ZERO);
}
