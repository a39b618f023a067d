//! Tests what all routes that parse JSON refuse: a body that is not JSON, has another content type, is too large, or
//! repeats a member.

use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Route, Untouched, expect_faults, expect_problem};
use crate::support::app::ApiResponse;
use crate::support::database::Engine;

const LIMIT: usize = 64 * 1024;
const WEBHOOK_LIMIT: usize = 1024 * 1024;

async fn send_body(app: &Untouched, route: Route, body: impl Into<reqwest::Body>) -> ApiResponse {
    let request = app.json_route(route).header(CONTENT_TYPE, "application/json");
    app.send(request.body(body)).await
}

#[tokio::test]
async fn non_json_body_is_malformed() {
    let app = Untouched::start(Engine::Sqlite).await;
    let deep = "[".repeat(10_000);
    let cases: [&[u8]; 12] = [
        b"",
        b" ",
        b"{",
        b"{\"event_type\":",
        b"{'event_type': 'call'}",
        b"{\"a\": 1} {\"a\": 1}",
        b"{\"a\": 1,}",
        b"{\"amount\": 1e400}",
        b"{\"amount\": NaN}",
        b"{\"name\": \"\xff\xfe\"}",
        b"event_type=call",
        deep.as_bytes(),
    ];
    for route in Route::ALL {
        for body in cases {
            let case = format!(
                "{route:?} {}",
                String::from_utf8_lossy(&body[..body.len().min(40)])
            );
            expect_problem(
                &case,
                send_body(&app, route, body.to_vec()).await,
                400,
                "malformed",
            );
        }
    }
    app.assert_untouched().await;
}

#[tokio::test]
async fn json_that_is_not_an_object_is_invalid() {
    let app = Untouched::start(Engine::Sqlite).await;
    for route in Route::ALL {
        for body in ["null", "true", "7", "1.5", "\"call\"", "[]", "[{}]"] {
            let case = format!("{route:?} {body}");
            expect_faults(&case, send_body(&app, route, body).await, &["(body)"]);
        }
    }
    app.assert_untouched().await;
}

#[tokio::test]
async fn duplicate_member_is_malformed() {
    let app = Untouched::start(Engine::Sqlite).await;
    for route in Route::ALL {
        let once = route.good().to_string();
        let first = route
            .good()
            .as_object()
            .unwrap()
            .iter()
            .next()
            .map(|(key, value)| format!("\"{key}\":{value}"));
        let twice = format!("{{{},{}", first.unwrap(), &once[1..]);
        expect_problem(
            &twice,
            send_body(&app, route, twice.clone()).await,
            400,
            "malformed",
        );
    }
    let nested = Route::Holds.good().to_string().replace(
        "{\"email\":\"ada@example.com\"}",
        "{\"email\":\"ada@example.com\",\"email\":\"eve@example.com\"}",
    );
    assert!(nested.contains("eve@"));
    expect_problem(
        &nested,
        send_body(&app, Route::Holds, nested.clone()).await,
        400,
        "malformed",
    );
    app.assert_untouched().await;
}

#[tokio::test]
async fn other_content_type_is_unsupported_media_type() {
    let app = Untouched::start(Engine::Sqlite).await;
    for route in Route::ALL {
        for kind in [
            None,
            Some("text/plain"),
            Some("application/x-www-form-urlencoded"),
            Some("application/jsonp"),
            Some("application/problem+json"),
            Some("multipart/form-data; boundary=x"),
            Some(""),
        ] {
            let request = app.json_route(route).body(route.good().to_string());
            let request = match kind {
                Some(kind) => request.header(CONTENT_TYPE, kind),
                None => request,
            };
            expect_problem(
                &format!("{route:?} {kind:?}"),
                app.send(request).await,
                415,
                "malformed",
            );
        }
        let request = app
            .json_route(route)
            .header(CONTENT_TYPE, "Application/JSON; charset=utf-8");
        expect_faults("with a charset", app.send(request.body("[]")).await, &["(body)"]);
    }
    app.assert_untouched().await;
}

/// Returns JSON of this length, with unknown members.
fn json_of(length: usize) -> String {
    let frame = json!({"padding": ""}).to_string().len();
    json!({"padding": "x".repeat(length - frame)}).to_string()
}

#[tokio::test]
async fn body_over_the_limit_is_too_large() {
    let app = Untouched::start(Engine::Sqlite).await;
    for route in Route::ALL {
        let answer = send_body(&app, route, json_of(LIMIT)).await;
        assert_eq!(answer.status, 422, "{route:?}: {answer:?}");
        let answer = send_body(&app, route, json_of(LIMIT + 1)).await;
        expect_problem(&format!("{route:?}"), answer, 413, "malformed");
    }
    for (length, status, code) in [
        (WEBHOOK_LIMIT, 400, "bad_signature"),
        (WEBHOOK_LIMIT + 1, 413, "malformed"),
    ] {
        let request = app.request(reqwest::Method::POST, "/webhooks/stripe");
        let answer = app.send(request.body("x".repeat(length))).await;
        expect_problem("webhook", answer, status, code);
    }
    app.assert_untouched().await;
}

#[tokio::test]
async fn chunked_body_over_the_limit_is_too_large() {
    let app = Untouched::start(Engine::Sqlite).await;
    for (length, status, code) in [(LIMIT, 422, "invalid"), (LIMIT + 1, 413, "malformed")] {
        let (head, body) = send_chunked(&app, "/v1/holds", &json_of(length)).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
        assert!(head.contains("application/problem+json"), "{head}");
        assert_eq!(body["code"], code, "{head}");
        assert!(head.contains(body["request_id"].as_str().unwrap()), "{head}");
    }
    app.assert_untouched().await;
}

#[tokio::test]
async fn answer_to_a_hostile_body_stays_small() {
    const MOST: usize = 8 * 1024;
    let app = Untouched::start(Engine::Sqlite).await;
    let members = |count: usize, name: &dyn Fn(usize) -> String| {
        let members: Vec<_> = (0..count).map(|n| format!("{}:1", json!(name(n)))).collect();
        format!("{{{}}}", members.join(","))
    };
    let bodies = [
        members(5_000, &|n| format!("m{n}")),
        members(1, &|_| "x".repeat(60_000)),
        // Six characters of JSON each.
        members(1, &|_| "\u{1}".repeat(10_000)),
        members(60, &|n| format!("{n}{}", "\u{1}".repeat(150))),
        members(100, &|n| format!("{n}{}", "é".repeat(250))),
        format!("[{}]", vec!["{}"; 20_000].join(",")),
        format!(r#"{{"segments":[{}]}}"#, vec![r#"{"a":1}"#; 7_000].join(",")),
        format!(r#"{{"guest":{}}}"#, members(4_000, &|n| format!("g{n}"))),
        format!(r#"{{"metadata":{}}}"#, members(4_000, &|n| format!("k{n}"))),
    ];
    for route in Route::ALL {
        for body in &bodies {
            assert!(body.len() <= LIMIT, "{}", body.len());
            let case = format!("{route:?} {}", body.chars().take(40).collect::<String>());
            let answer = send_body(&app, route, body.clone()).await;
            let size = answer.body.to_string().len();
            assert!(size < MOST, "{case}: {size}");
            expect_problem(&case, answer, 422, "invalid");
        }
    }
    let query = (0..500).map(|n| format!("q{n}=x")).collect::<Vec<_>>().join("&");
    let answer = app.get(&format!("/v1/event-types/call/slots?{query}")).await;
    assert!(answer.body.to_string().len() < MOST);
    expect_problem("a long query", answer, 422, "invalid");
    app.assert_untouched().await;
}

/// Sends a body in chunks, without its length.
async fn send_chunked(app: &Untouched, path: &str, body: &str) -> (String, Value) {
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\
         Connection: close\r\n\r\n",
        app.address
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    for chunk in body.as_bytes().chunks(8 * 1024) {
        stream
            .write_all(format!("{:x}\r\n", chunk.len()).as_bytes())
            .await
            .unwrap();
        stream.write_all(chunk).await.unwrap();
        stream.write_all(b"\r\n").await.unwrap();
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (
        head.to_ascii_lowercase().replacen("http/1.1", "HTTP/1.1", 1),
        serde_json::from_str(body).unwrap(),
    )
}

#[tokio::test]
async fn member_order_and_whitespace_keep_the_fingerprint() {
    let app = crate::support::app::TestApp::start(Engine::Sqlite).await;
    let post_hold = async |body: &'static str| {
        let request = app.request(reqwest::Method::POST, "/v1/holds");
        let request = request
            .header("Idempotency-Key", "k")
            .header(CONTENT_TYPE, "application/json");
        app.send(request.body(body)).await
    };
    let first = post_hold(
        r#"{"event_type":"call","starts_at":"2026-12-01T10:00:00Z","guest":{"email":"ada@example.com","name":"Ada"},"metadata":{"a":"1","b":"2"}}"#,
    )
    .await
    .expect(201);
    let again = post_hold(
        r#"{ "metadata": {"b": "2", "a": "1"}, "guest": {"name": "\u0041da", "email": "ada@example.com"},
             "starts_at": "2026-12-01T10:00:00Z", "event_type": "call" }"#,
    )
    .await
    .expect(200);
    assert_eq!(again.text("id"), first.text("id"));
    post_hold(r#"{"event_type":"call","starts_at":"2026-12-01T10:00:00Z","guest":{"email":"ada@example.com","name":"Ada"},"metadata":{"a":"2","b":"1"}}"#)
        .await
        .expect_problem(422, "idempotency_mismatch");
}
