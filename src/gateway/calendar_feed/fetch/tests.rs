//! Tests of downloads from servers on loopback, whose response depends on the path.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use url::Url;

use super::{
    AddressError, AddressPolicy, FeedError, FetchPolicy, check_feed_address, fetch_feed, fetch_with_policy,
    send_request,
};

const FEED: &str = "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n";

/// Returns the response to a path. `None` keeps the connection open without a response.
type Responder = fn(path: &str, port: u16) -> Option<Vec<u8>>;

struct Server {
    port: u16,
    connections: Arc<AtomicUsize>,
}

impl Server {
    async fn start(respond: Responder) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = connections.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    while !request.ends_with(b"\r\n\r\n") {
                        request.push(stream.read_u8().await?);
                    }
                    let request = String::from_utf8(request).unwrap();
                    assert!(
                        !request.to_ascii_lowercase().contains("authorization"),
                        "{request}"
                    );
                    let path = request.split(' ').nth(1).unwrap();
                    match respond(path, port) {
                        Some(bytes) => stream.write_all(&bytes).await,
                        None => std::future::pending().await,
                    }
                });
            }
        });
        Self { port, connections }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn ok_response(body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn redirect(to: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        .into_bytes()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn respond(path: &str, port: u16) -> Option<Vec<u8>> {
    let bytes = match path {
        "/feed.ics" => ok_response(FEED.as_bytes()),
        "/gzip" => ok_response(&gzip(FEED.as_bytes())),
        "/cut-gzip" => ok_response(&gzip(FEED.as_bytes())[..20]),
        "/bomb" => ok_response(&gzip(&vec![b'x'; 10_000])),
        "/relative" => redirect("feed.ics"),
        "/by-name" => redirect(&format!("http://localhost:{port}/feed.ics")),
        "/inside" => redirect("http://10.0.0.1/feed.ics"),
        "/other-loopback" => redirect(&format!("http://127.0.0.2:{port}/feed.ics")),
        "/number" => redirect(&format!("http://2130706434:{port}/feed.ics")),
        "/mapped" => redirect(&format!("http://[::ffff:127.0.0.1]:{port}/feed.ics")),
        "/with-a-name" => redirect(&format!("http://ana@127.0.0.1:{port}/feed.ics")),
        "/file" => redirect("file:///etc/passwd"),
        "/nowhere" => b"HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n".to_vec(),
        "/round" => redirect("/round"),
        "/gone" => b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n".to_vec(),
        "/cut" => b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nBEGIN:VCALENDAR".to_vec(),
        "/hundred" => ok_response(&[b'x'; 100]),
        "/hundred-and-one" => ok_response(&[b'x'; 101]),
        "/unmeasured" => [
            b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".as_slice(),
            &[b'x'; 101],
        ]
        .concat(),
        _ => return None,
    };
    Some(bytes)
}

/// Returns a policy with one allowed address, which stands for all public addresses.
fn policy() -> FetchPolicy {
    FetchPolicy {
        addresses: AddressPolicy {
            allows_plain_http: true,
            is_allowed_address: |address| address == IpAddr::from([127, 0, 0, 1]),
        },
        max_bytes: 100,
        max_redirects: 5,
        timeout: Duration::from_secs(20),
    }
}

#[tokio::test]
async fn private_feed_is_read_if_allowed() {
    let server = Server::start(respond).await;
    for path in ["/feed.ics", "/relative", "/by-name"] {
        assert_eq!(
            fetch_feed(&server.url(path), true).await.as_deref(),
            Ok(FEED.as_bytes()),
            "{path}"
        );
    }
}

#[tokio::test]
async fn no_request_goes_to_an_address_that_is_not_public() {
    let server = Server::start(respond).await;
    let port = server.port;
    for (url, expected) in [
        (server.url("/feed.ics"), FeedError::Address),
        (format!("https://127.0.0.1:{port}/"), FeedError::NotPublic),
        (format!("https://localhost:{port}/"), FeedError::NotPublic),
        (format!("https://0x7f.1:{port}/"), FeedError::NotPublic),
        (
            format!("https://[::ffff:127.0.0.1]:{port}/"),
            FeedError::NotPublic,
        ),
        (format!("https://[::1]:{port}/"), FeedError::NotPublic),
        (
            "https://169.254.169.254/latest/meta-data".to_owned(),
            FeedError::NotPublic,
        ),
        (
            "https://ana:secret@calendar.example/".to_owned(),
            FeedError::Address,
        ),
        ("ftp://calendar.example/".to_owned(), FeedError::Address),
        ("webcal".to_owned(), FeedError::Address),
    ] {
        assert_eq!(fetch_feed(&url, false).await, Err(expected), "{url}");
        assert_eq!(check_feed_address(&url, false), Err(expected), "{url}");
    }
    assert_eq!(server.connections(), 0);
    assert_eq!(
        check_feed_address("https://calendar.example/ana.ics", false),
        Ok(())
    );
    assert_eq!(check_feed_address("http://10.0.0.1/ana.ics", true), Ok(()));
}

#[tokio::test]
async fn each_redirect_is_checked_like_the_first_address() {
    let server = Server::start(respond).await;
    for (path, expected) in [
        ("/inside", FeedError::NotPublic),
        ("/other-loopback", FeedError::NotPublic),
        ("/number", FeedError::NotPublic),
        ("/mapped", FeedError::NotPublic),
        ("/with-a-name", FeedError::Address),
        ("/file", FeedError::Address),
        ("/nowhere", FeedError::Redirects),
    ] {
        let before = server.connections();
        assert_eq!(
            fetch_with_policy(&policy(), &server.url(path)).await,
            Err(expected),
            "{path}"
        );
        assert_eq!(server.connections(), before + 1, "{path}");
    }
    assert_eq!(
        fetch_with_policy(&policy(), &server.url("/relative"))
            .await
            .as_deref(),
        Ok(FEED.as_bytes())
    );
    let before = server.connections();
    assert_eq!(
        fetch_with_policy(&policy(), &server.url("/round")).await,
        Err(FeedError::Redirects)
    );
    assert_eq!(server.connections(), before + 6);
}

/// No resolver knows the name, so the request shows that nothing is looked up a second time.
#[tokio::test]
async fn connection_goes_to_the_checked_address() {
    let server = Server::start(respond).await;
    let url = Url::parse(&format!("http://calendar.invalid:{}/feed.ics", server.port)).unwrap();
    assert_eq!(
        fetch_with_policy(&policy(), url.as_str()).await,
        Err(FeedError::Unreachable)
    );
    let response = send_request(&url, vec![(Ipv4Addr::LOCALHOST, server.port).into()]).await;
    assert_eq!(response.unwrap().text().await.unwrap(), FEED);
}

#[test]
fn one_forbidden_address_forbids_the_whole_name() {
    let [good, bad] = [[127, 0, 0, 1], [10, 0, 0, 1]].map(|address| (Ipv4Addr::from(address), 443).into());
    assert_eq!(policy().addresses.check_addresses(vec![good]), Ok(vec![good]));
    assert_eq!(
        policy().addresses.check_addresses(vec![good, bad]),
        Err(AddressError::NotPublic)
    );
}

#[tokio::test]
async fn unusable_responses_are_errors() {
    let server = Server::start(respond).await;
    for (path, expected) in [
        ("/gone", Err(FeedError::Status(410))),
        ("/cut-gzip", Err(FeedError::BrokenGzip)),
        ("/bomb", Err(FeedError::TooLarge)),
        ("/cut", Err(FeedError::Unreachable)),
        ("/hundred-and-one", Err(FeedError::TooLarge)),
        ("/unmeasured", Err(FeedError::TooLarge)),
        ("/hundred", Ok(b"x".repeat(100))),
        // Gzip is unpacked, also if no header names it.
        ("/gzip", Ok(FEED.as_bytes().to_vec())),
    ] {
        assert_eq!(
            fetch_with_policy(&policy(), &server.url(path)).await,
            expected,
            "{path}"
        );
    }
}

#[tokio::test]
async fn silent_server_is_left_after_the_timeout() {
    let server = Server::start(respond).await;
    let short = FetchPolicy {
        timeout: Duration::from_millis(20),
        ..policy()
    };
    assert_eq!(
        fetch_with_policy(&short, &server.url("/silent")).await,
        Err(FeedError::TooSlow)
    );
}

#[tokio::test]
async fn refused_connection_is_unreachable() {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/", free.local_addr().unwrap());
    drop(free);
    assert_eq!(
        fetch_with_policy(&policy(), &url).await,
        Err(FeedError::Unreachable)
    );
}
