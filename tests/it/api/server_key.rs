//! Tests of the key of a shop's server: exempt from the limits of an address, may name the guest's address, and a wrong
//! key is never an anonymous request.

use chrono::Duration;
use reqwest::Method;
use serde_json::{Value, json};

use super::access_keys::{make_key, send_with};
use crate::support::app::{ApiResponse, TestApp, order_by};
use crate::support::on_both_engines;

const LIMITS: [(&str, &str); 2] = [
    ("HOLDFAST_RATE_LIMIT", "2/h"),
    ("HOLDFAST_MAX_LIVE_HOLDS_PER_CLIENT", "2"),
];

fn slot(number: u32) -> String {
    format!("2026-12-{:02}T{:02}:00:00Z", 1 + number / 10, 8 + number % 10)
}

/// Builds a checkout of this number's slot, by a guest of its own.
fn body(number: u32, client_address: Option<&str>) -> Value {
    let mut body = order_by(&format!("guest-{number}@example.com"), "call", &slot(number));
    if let Some(address) = client_address {
        body["client_address"] = json!(address);
    }
    body
}

async fn check_out(app: &TestApp, key: &str, body: &Value) -> ApiResponse {
    send_with(app, key, (Method::POST, "/v1/holds"), Some(body)).await
}

on_both_engines! {
    async fn server_key_is_exempt_from_limits_of_an_address(engine) {
        let app = TestApp::start_with(engine, &[LIMITS[0], LIMITS[1], ("HOLDFAST_LAPSE_COOLDOWN", "15m")]).await;
        let key = make_key(&app, "shop", "checkout").await;
        let key = key.text("key");
        for number in 0..6 {
            check_out(&app, key, &body(number, None)).await.expect(201);
        }
        // Six holds of the server lapse in a row, and it goes on.
        app.clock.advance(Duration::minutes(31));
        app.sweep().await;
        check_out(&app, key, &body(7, None)).await.expect(201);
        // Its guests have the limits of the address that the server connects from for themselves.
        for number in 8..10 {
            app.checkout(&body(number, None)).await.expect(201);
        }
        app.checkout(&body(10, None)).await.expect_problem(429, "rate_limited");
    }

    async fn limits_count_the_client_that_the_server_names(engine) {
        let app = TestApp::start_with(engine, &LIMITS).await;
        let key = make_key(&app, "shop", "checkout").await;
        let key = key.text("key");
        let guest = Some("198.51.100.7");
        for number in 0..2 {
            check_out(&app, key, &body(number, guest)).await.expect(201);
        }
        check_out(&app, key, &body(2, guest)).await.expect_problem(429, "too_many_holds");
        check_out(&app, key, &body(2, Some("::ffff:198.51.100.7"))).await.expect_problem(429, "too_many_holds");
        check_out(&app, key, &body(2, Some("198.51.100.8"))).await.expect(201);
        for number in 3..5 {
            check_out(&app, key, &body(number, Some("2001:db8::1"))).await.expect(201);
        }
        check_out(&app, key, &body(5, Some("2001:db8::2"))).await.expect_problem(429, "too_many_holds");
    }

    async fn each_server_key_is_a_client_of_its_own(engine) {
        let app = TestApp::start_with(engine, &[("HOLDFAST_MAX_LIVE_HOLDS_PER_GUEST", "2")]).await;
        let (first, second) = (make_key(&app, "shop-1", "checkout").await, make_key(&app, "shop-2", "checkout").await);
        let check_out_for_eva = async |key: &ApiResponse, number: u32| {
            check_out(&app, key.text("key"), &order_by("eva@example.com", "call", &slot(number))).await
        };
        for number in 0..2 {
            check_out_for_eva(&first, number).await.expect(201);
        }
        check_out_for_eva(&first, 2).await.expect_problem(429, "too_many_holds");
        for number in 2..4 {
            check_out_for_eva(&second, number).await.expect(201);
        }
        check_out_for_eva(&second, 4).await.expect_problem(429, "too_many_holds");
    }

    async fn idempotency_keys_of_servers_outlive_their_access_key(engine) {
        let app = TestApp::start(engine).await;
        let check_out_once = async |key: &str| {
            let request = app.request(Method::POST, "/v1/holds").bearer_auth(key).header("Idempotency-Key", "order-17");
            app.send(request.json(&body(0, Some("198.51.100.7")))).await
        };
        let old = make_key(&app, "shop-1", "checkout").await;
        let hold = check_out_once(old.text("key")).await.expect(201);
        let path = format!("/v1/admin/keys/{}", old.text("id"));
        app.admin(Method::DELETE, &path, None).await.expect(204);
        let new = make_key(&app, "shop-2", "checkout").await;
        let replayed = check_out_once(new.text("key")).await.expect(200);
        assert_eq!(replayed.body, hold.body);
        // A guest who guesses the key gets nothing of it.
        let guessed = app.request(Method::POST, "/v1/holds").header("Idempotency-Key", "order-17");
        app.send(guessed.json(&body(0, None))).await.expect_problem(409, "slot_taken");
    }

    async fn stranger_cannot_take_a_servers_idempotency_key(engine) {
        let app = TestApp::start(engine).await;
        let key = make_key(&app, "shop", "checkout").await;
        let with_key = |request: reqwest::RequestBuilder| request.header("Idempotency-Key", "order-2026-11-27-000017");
        let guessed = with_key(app.request(Method::POST, "/v1/holds"));
        let strangers = app.send(guessed.json(&body(0, None))).await.expect(201);
        let request = || with_key(app.request(Method::POST, "/v1/holds")).bearer_auth(key.text("key"));
        app.send(request().json(&body(0, None))).await.expect_problem(409, "slot_taken");
        let hold = app.send(request().json(&body(1, None))).await.expect(201);
        assert_ne!(hold.text("id"), strangers.text("id"));
    }

    async fn named_client_address_needs_a_server_key(engine) {
        let app = TestApp::start(engine).await;
        let refused = app.checkout(&body(0, Some("198.51.100.7"))).await.expect_problem(422, "invalid");
        assert_eq!(refused.body["errors"][0]["field"], "client_address");
        let guests = app.request(Method::POST, "/v1/holds").bearer_auth("hft_token");
        app.send(guests.json(&body(0, Some("198.51.100.7")))).await.expect_problem(422, "invalid");
        let key = make_key(&app, "shop", "checkout").await;
        for bad in ["", "localhost", "198.51.100", "198.51.100.7:80", "198.51.100.0/24"] {
            let refused = check_out(&app, key.text("key"), &body(0, Some(bad))).await.expect_problem(422, "invalid");
            assert_eq!(refused.body["errors"][0]["field"], "client_address", "{bad}");
        }
        check_out(&app, key.text("key"), &body(0, Some("198.51.100.7"))).await.expect(201);
    }

    async fn wrong_server_key_is_never_anonymous(engine) {
        let app = TestApp::start(engine).await;
        let key = make_key(&app, "shop", "checkout").await;
        let wrong = format!("{}A", &key.text("key")[..46]);
        let path = format!("/v1/admin/keys/{}", key.text("id"));
        app.admin(Method::DELETE, &path, None).await.expect(204);
        for bad in [key.text("key"), &wrong, "hfk_", "hfk_x"] {
            check_out(&app, bad, &body(0, None)).await.expect_problem(401, "unauthorized");
        }
        let reader = make_key(&app, "reader", "operate").await;
        check_out(&app, reader.text("key"), &body(0, None)).await.expect_problem(403, "forbidden");
        assert_eq!(app.database.count("SELECT count(*) FROM holds").await, 0);
    }
}
