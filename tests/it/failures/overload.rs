//! Overloads a running service: long lists of slots, more connections than it serves, and requests that it must refuse
//! before it reads them. Other guests are served all the same, and each refusal says what to do.

use std::num::NonZero;
use std::time::{Duration, Instant};

use futures::future::join_all;
use holdfast::domain::time::Clock;
use holdfast::sandbox::signature_header;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::app::{ApiResponse, TestApp};
use crate::support::catalogue_fixtures::{put_event_type, slots};
use crate::support::database::Engine;
use crate::support::on_both_engines;
use crate::support::wait_for::eventually;

/// A response to something that should be refused at once. Without a bound, a test would wait as long as the service.
const AT_ONCE: Duration = Duration::from_secs(4);

/// Starts a service with an event type whose two segments compete for the same thirty resources.
async fn start_with_long_lists(engine: Engine) -> TestApp {
    let app = TestApp::start(engine).await;
    let any_of: Vec<String> = (0..30).map(|n| format!("room-{n}")).collect();
    let segment = json!({"offset_minutes": 0, "duration_minutes": 60, "any_of": any_of});
    put_event_type(&app, "pair", json!({"segments": [segment, segment]}))
        .await
        .expect(201);
    app
}

/// Requests the slots of twenty days, each with a place for fifteen bookings.
async fn long_list(app: &TestApp) -> ApiResponse {
    slots(app, "pair", "2026-12-01T00:00:00Z", "2026-12-21T00:00:00Z").await
}

fn is_complete(list: &ApiResponse) -> bool {
    let slots = list.body["slots"].as_array().unwrap();
    slots.len() == 20 * 96 && slots.iter().all(|slot| slot["available"] == 15)
}

on_both_engines! {
    async fn long_lists_do_not_delay_other_requests(engine) {
        let app = start_with_long_lists(engine).await;
        let begun = Instant::now();
        let mut lists = Box::pin(join_all((0..3).map(|_| long_list(&app))));
        let mut slowest = Duration::ZERO;
        let lists = loop {
            let asked = Instant::now();
            let other = async {
                app.get("/livez").await.expect(200);
            };
            tokio::select! {
                lists = &mut lists => break lists,
                () = other => slowest = slowest.max(asked.elapsed()),
            }
        };
        assert!(lists.iter().any(|list| list.status == 200 && is_complete(list)), "{lists:?}");
        // On the requests' own threads, one of them would wait for a whole list.
        assert!(slowest * 3 < begun.elapsed(), "{slowest:?} of {:?}", begun.elapsed());
    }

    async fn health_and_metrics_share_one_reading(engine) {
        let app = TestApp::start(engine).await;
        let has_held = async |count: u32| {
            let metrics = app.get("/metrics").await.expect(200);
            metrics.body.as_str().unwrap().contains(&format!("\nholdfast_holds{{status=\"held\"}} {count}\n"))
        };
        let began = Instant::now();
        app.get("/readyz").await.expect(200);
        app.hold_slot("call", "2026-12-01T10:00:00Z").await;
        let is_shared = has_held(0).await;
        // On a machine that is so slow, a new reading is right.
        assert!(is_shared || began.elapsed() >= Duration::from_secs(1));
        eventually("a new reading", async || has_held(1).await.then_some(())).await;
    }

    async fn too_many_long_lists_are_refused_as_too_busy(engine) {
        let app = start_with_long_lists(engine).await;
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        let lists = join_all((0..10 * processors).map(|_| long_list(&app))).await;
        let (served, refused): (Vec<_>, Vec<_>) = lists.into_iter().partition(|list| list.status == 200);
        assert!(!served.is_empty() && served.iter().all(is_complete));
        assert!(!refused.is_empty());
        for one in refused {
            assert!(one.expect_problem(503, "too_busy").headers.contains_key("retry-after"));
        }
        let short = slots(&app, "pair", "2026-12-01T00:00:00Z", "2026-12-01T02:00:00Z").await.expect(200);
        assert_eq!(short.body["slots"].as_array().unwrap().len(), 8);
        assert!(is_complete(&long_list(&app).await.expect(200)));
    }
}

/// Sends this much of a request and reads the response, whose connection must end by itself.
async fn respond_to(app: &TestApp, part: &str) -> (String, Value) {
    let mut connection = TcpStream::connect(app.address).await.unwrap();
    connection.write_all(part.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    let read = tokio::time::timeout(AT_ONCE, async {
        while !head.ends_with(b"\r\n\r\n") {
            head.push(connection.read_u8().await.unwrap());
        }
        let text = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let length = text.split("content-length: ").nth(1).unwrap();
        let length = length.split("\r\n").next().unwrap().parse().unwrap();
        let mut body = vec![0; length];
        connection.read_exact(&mut body).await.unwrap();
        (text, serde_json::from_slice(&body).unwrap())
    });
    read.await.expect("a response before the body")
}

#[tokio::test]
async fn oversized_or_forged_request_is_refused_before_its_body() {
    let app = TestApp::start(Engine::Sqlite).await;
    let head = |path: &str, length: usize, more: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{more}\r\n"
        )
    };
    let now = app.clock.now().timestamp();
    let signed = |at: i64| {
        format!(
            "stripe-signature: {}\r\n",
            signature_header("whsec_any", at, "{}")
        )
    };
    let (webhooks, large) = ("/webhooks/stripe", 1024 * 1024 + 1);
    for (request, status, code) in [
        (head("/v1/holds", 64 * 1024 + 1, ""), 413, "malformed"),
        // The size comes before the signature.
        (head(webhooks, large, ""), 413, "malformed"),
        (head(webhooks, large, &signed(now)), 413, "malformed"),
        (head(webhooks, 1000, ""), 400, "bad_signature"),
        (
            head(webhooks, 1000, "stripe-signature: t=1,v1=00\r\n"),
            400,
            "bad_signature",
        ),
        (head(webhooks, 1000, &signed(now - 301)), 400, "bad_signature"),
        (head(webhooks, 1000, &signed(now + 301)), 400, "bad_signature"),
    ] {
        let (head, body) = respond_to(&app, &request).await;
        assert!(
            head.starts_with(&format!("http/1.1 {status} ")),
            "{request}: {head}"
        );
        assert_eq!(body["code"], code, "{request}");
    }
    // A header that may be genuine is checked against the body.
    let (head, body) = respond_to(&app, &(head(webhooks, 2, &signed(now)) + "{}")).await;
    assert!(head.starts_with("http/1.1 400 "), "{head}");
    assert_eq!(body["code"], "bad_signature");
}

#[tokio::test]
async fn connection_over_the_cap_closes_the_oldest_idle_one() {
    const CAP: usize = 8;
    let app = TestApp::start_with(Engine::Sqlite, &[("HOLDFAST_MAX_CONNECTIONS", "8")]).await;
    let mut connections = Vec::new();
    for _ in 0..3 * CAP {
        let mut connection = TcpStream::connect(app.address).await.unwrap();
        // Each new client is served, however many connections idle.
        connection
            .write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n")
            .await
            .unwrap();
        let mut status = [0; 12];
        tokio::time::timeout(AT_ONCE, connection.read_exact(&mut status))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(&status, b"HTTP/1.1 200");
        connections.push(connection);
    }
    for connection in &mut connections[..2 * CAP] {
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(AT_ONCE, connection.read_to_end(&mut rest)).await;
        ended.expect("the oldest connections are closed").unwrap();
    }
    let last = connections.last_mut().unwrap();
    last.write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut rest = String::new();
    last.read_to_string(&mut rest).await.unwrap();
    assert!(rest.contains("HTTP/1.1 200"), "{rest}");
    let metrics = app.get("/metrics").await.expect(200).body;
    let counted = r#"holdfast_connections_closed_total{reason="too_many"}"#;
    assert!(metrics.as_str().unwrap().contains(counted), "{metrics}");
}
