//! Tests of wrong access keys: throttled for each address, counted, logged without the key; a right one is always let
//! in.

use reqwest::Method;

use super::access_keys::make_key;
use crate::support::app::{ADMIN_KEY, ApiResponse, Client, TestApp, order};
use crate::support::on_both_engines;
use crate::support::process::Process;

const PROXY: (&str, &str) = ("HOLDFAST_TRUSTED_PROXIES", "127.0.0.0/8");
const SLOT: &str = "2026-12-01T10:00:00Z";

/// Lists the holds with this key, from this address behind the trusted proxy.
async fn list_holds(client: &Client, key: &str, address: &str) -> ApiResponse {
    let request = client.request(Method::GET, "/v1/admin/holds").bearer_auth(key);
    client.send(request.header("X-Forwarded-For", address)).await
}

fn wrong_key(number: usize) -> String {
    format!("hfk_{number:043}")
}

on_both_engines! {
    async fn address_with_ten_wrong_keys_is_throttled(engine) {
        let app = TestApp::start_with(engine, &[PROXY]).await;
        let ana = make_key(&app, "Ana", "read").await;
        for number in 0..10 {
            let wrong = if number % 2 == 0 { wrong_key(number) } else { format!("{ADMIN_KEY}{number}") };
            list_holds(&app, &wrong, "198.51.100.1").await.expect_problem(401, "unauthorized");
        }
        let refused = list_holds(&app, &wrong_key(10), "198.51.100.1").await.expect_problem(429, "rate_limited");
        assert!(refused.headers.contains_key("retry-after"));
        let body = order("call", SLOT);
        let request = app.request(Method::POST, "/v1/holds").bearer_auth(wrong_key(11)).json(&body);
        app.send(request.header("X-Forwarded-For", "198.51.100.1")).await.expect_problem(429, "rate_limited");
        for key in [ana.text("key"), ADMIN_KEY] {
            list_holds(&app, key, "198.51.100.1").await.expect(200);
        }
        list_holds(&app, &wrong_key(12), "198.51.100.2").await.expect_problem(401, "unauthorized");
        // A request without a key is no wrong key, and a guest's token is no key.
        let keyless = app.request(Method::GET, "/v1/admin/holds").header("X-Forwarded-For", "198.51.100.1");
        app.send(keyless).await.expect_problem(401, "unauthorized");
        let request = app.request(Method::POST, "/v1/holds").bearer_auth("hft_token").json(&body);
        app.send(request.header("X-Forwarded-For", "198.51.100.1")).await.expect(201);
    }

    async fn wrong_keys_are_counted_and_logged_without_the_key(engine) {
        let app = TestApp::start(engine).await;
        let directory = tempfile::tempdir().unwrap();
        let (mut server, client): (Process, Client) = app.process(directory.path(), &[PROXY]).await;
        for number in 0..12 {
            let refused = list_holds(&client, &wrong_key(number), "198.51.100.1").await;
            assert_eq!(refused.status.as_u16(), if number < 10 { 401 } else { 429 });
        }
        let metrics = client.get("/metrics").await.expect(200);
        let text = metrics.body.as_str().unwrap();
        assert!(text.lines().any(|line| line == "holdfast_auth_failures_total 12"), "{text}");
        server.terminate().await;
        assert_eq!(server.ends().await.code(), Some(0));
        let log = server.output();
        let lines = log.lines().filter(|line| line.contains("a wrong key was refused")).count();
        assert_eq!(lines, 10, "a flood of wrong keys does not flood the log: {log}");
        assert!(!log.contains("hfk_") && !log.contains("198.51.100.1"), "{log}");
    }
}
