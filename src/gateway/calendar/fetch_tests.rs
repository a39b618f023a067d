//! Fetching from servers on the loopback, each of which answers by the path that is asked for.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use url::Url;

use super::{FeedError, Rules, ask, check, fetch, fetch_by};

const FEED: &str = "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n";

/// What a server says to a path; nothing: it is silent and keeps the connection.
type Answer = fn(path: &str, port: u16) -> Option<Vec<u8>>;

struct Server {
    port: u16,
    asked: Arc<AtomicUsize>,
}

impl Server {
    async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
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
                    match answer(path, port) {
                        Some(bytes) => stream.write_all(&bytes).await,
                        None => std::future::pending().await,
                    }
                });
            }
        });
        Self { port, asked }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn found(body: &[u8]) -> Vec<u8> {
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

fn answer(path: &str, port: u16) -> Option<Vec<u8>> {
    let bytes = match path {
        "/feed.ics" => found(FEED.as_bytes()),
        "/latin" => found(b"BEGIN:VCALENDAR\nSUMMARY:caf\xe9\nEND:VCALENDAR\n"),
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
        "/hundred" => found(&[b'x'; 100]),
        "/hundred-and-one" => found(&[b'x'; 101]),
        "/unmeasured" => [
            b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".as_slice(),
            &[b'x'; 101],
        ]
        .concat(),
        _ => return None,
    };
    Some(bytes)
}

/// Only one address may be reached, which stands for all that is public.
fn rules() -> Rules {
    Rules {
        plain: true,
        may_reach: |address| address == IpAddr::from([127, 0, 0, 1]),
        bytes: 100,
        redirects: 5,
        time: Duration::from_secs(20),
    }
}

#[tokio::test]
async fn a_feed_of_our_own_network_is_read_where_that_is_allowed() {
    let server = Server::start(answer).await;
    for path in ["/feed.ics", "/relative", "/by-name"] {
        assert_eq!(
            fetch(&server.url(path), true).await.as_deref(),
            Ok(FEED),
            "{path}"
        );
    }
}

#[tokio::test]
async fn nothing_that_is_not_public_is_asked_where_it_is_not_allowed() {
    let server = Server::start(answer).await;
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
        assert_eq!(fetch(&url, false).await, Err(expected), "{url}");
        let looked_up = url.contains("localhost");
        assert_eq!(
            check(&url, false),
            if looked_up { Ok(()) } else { Err(expected) },
            "{url}"
        );
    }
    assert_eq!(server.asked(), 0);
    assert_eq!(check("https://calendar.example/ana.ics", false), Ok(()));
    assert_eq!(check("http://10.0.0.1/ana.ics", true), Ok(()));
}

#[tokio::test]
async fn each_redirect_is_checked_like_the_first_address() {
    let server = Server::start(answer).await;
    for (path, expected) in [
        ("/inside", FeedError::NotPublic),
        ("/other-loopback", FeedError::NotPublic),
        ("/number", FeedError::NotPublic),
        ("/mapped", FeedError::NotPublic),
        ("/with-a-name", FeedError::Address),
        ("/file", FeedError::Address),
        ("/nowhere", FeedError::Redirects),
    ] {
        let before = server.asked();
        assert_eq!(
            fetch_by(&rules(), &server.url(path)).await,
            Err(expected),
            "{path}"
        );
        assert_eq!(server.asked(), before + 1, "{path}");
    }
    assert_eq!(
        fetch_by(&rules(), &server.url("/relative")).await.as_deref(),
        Ok(FEED)
    );
    let before = server.asked();
    assert_eq!(
        fetch_by(&rules(), &server.url("/round")).await,
        Err(FeedError::Redirects)
    );
    assert_eq!(server.asked(), before + 6);
}

/// No resolver knows the name: nothing is looked up a second time, and so nothing can have changed in between.
#[tokio::test]
async fn the_connection_goes_to_the_address_that_was_checked() {
    let server = Server::start(answer).await;
    let url = Url::parse(&format!("http://calendar.invalid:{}/feed.ics", server.port)).unwrap();
    assert_eq!(
        fetch_by(&rules(), url.as_str()).await,
        Err(FeedError::Unreachable)
    );
    let response = ask(&url, vec![(Ipv4Addr::LOCALHOST, server.port).into()]).await;
    assert_eq!(response.unwrap().text().await.unwrap(), FEED);
}

#[test]
fn one_address_that_may_not_be_reached_spoils_all_that_a_name_has() {
    let [good, bad] = [[127, 0, 0, 1], [10, 0, 0, 1]].map(|address| (Ipv4Addr::from(address), 443).into());
    assert_eq!(rules().all(vec![good]), Ok(vec![good]));
    assert_eq!(rules().all(vec![good, bad]), Err(FeedError::NotPublic));
}

#[tokio::test]
async fn answers_that_are_no_feed() {
    let server = Server::start(answer).await;
    for (path, expected) in [
        ("/gone", Err(FeedError::Status(410))),
        ("/latin", Err(FeedError::NotText)),
        ("/cut", Err(FeedError::Unreachable)),
        ("/hundred-and-one", Err(FeedError::TooLarge)),
        ("/unmeasured", Err(FeedError::TooLarge)),
        ("/hundred", Ok("x".repeat(100))),
    ] {
        assert_eq!(fetch_by(&rules(), &server.url(path)).await, expected, "{path}");
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_is_left_in_time() {
    let server = Server::start(answer).await;
    let hasty = Rules {
        time: Duration::from_millis(20),
        ..rules()
    };
    assert_eq!(
        fetch_by(&hasty, &server.url("/silent")).await,
        Err(FeedError::TooSlow)
    );
}

#[tokio::test]
async fn nobody_there_is_said_so() {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/", free.local_addr().unwrap());
    drop(free);
    assert_eq!(fetch_by(&rules(), &url).await, Err(FeedError::Unreachable));
}
