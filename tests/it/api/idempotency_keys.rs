//! Tests from where an idempotency key returns its hold: a key that nobody can guess from anywhere, a short one only from
//! the network that sent it first. A guess must not give a stranger the token of somebody's hold.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{ApiResponse, Client, TestApp, order, order_by};
use crate::support::database::Engine;
use crate::support::on_both_engines;

const SLOT: &str = "2026-12-01T10:00:00Z";
const HOME: &str = "198.51.100.7";
const NEIGHBOUR: &str = "198.51.100.200";
const STRANGER: &str = "198.51.101.7";
/// A key of 22 characters.
const LONG: &str = "order-17-3f9a1c77d20b4";
/// A key of 21 characters.
const SHORT: &str = "order-17-3f9a1c77d20b";

/// Starts a service that believes the client addresses of its proxy.
async fn start_behind_proxy(engine: Engine) -> TestApp {
    TestApp::start_with(engine, &[("HOLDFAST_TRUSTED_PROXIES", "127.0.0.0/8")]).await
}

/// Starts a checkout with this key from this client address.
async fn check_out(at: &Client, address: &str, key: &str, body: &Value) -> ApiResponse {
    let request = at.request(Method::POST, "/v1/holds").json(body);
    let request = request.header("Idempotency-Key", key);
    at.send(request.header("X-Forwarded-For", address)).await
}

fn is_same_hold(one: &ApiResponse, other: &ApiResponse) -> bool {
    one.text("id") == other.text("id")
}

on_both_engines! {
    async fn short_key_returns_its_hold_only_in_its_network(engine) {
        let app = start_behind_proxy(engine).await;
        let first = check_out(&app, HOME, "order-17", &order("call", SLOT)).await.expect(201);
        for address in [HOME, NEIGHBOUR] {
            let again = check_out(&app, address, "order-17", &order("call", SLOT)).await.expect(200);
            assert_eq!(again.body, first.body);
        }
        let guess = check_out(&app, STRANGER, "order-17", &order("call", SLOT)).await;
        let guess = guess.expect_problem(409, "slot_taken");
        assert!(!guess.body.to_string().contains(first.text("id")), "{guess:?}");
        assert_eq!(app.simulator.calls().create, 1);
    }

    async fn short_key_is_scoped_to_48_bits_of_ipv6(engine) {
        let app = start_behind_proxy(engine).await;
        let first = check_out(&app, "2001:db8:1:2::3", "order-17", &order("call", SLOT)).await.expect(201);
        let again = check_out(&app, "2001:db8:1:ffff::1", "order-17", &order("call", SLOT)).await.expect(200);
        assert_eq!(again.text("token"), first.text("token"));
        let guess = check_out(&app, "2001:db8:2::3", "order-17", &order("call", SLOT)).await;
        guess.expect_problem(409, "slot_taken");
    }

    async fn short_keys_of_two_networks_are_independent(engine) {
        let app = start_behind_proxy(engine).await;
        app.set_resource_capacity("ana", 2).await;
        let bobs = order_by("bob@example.com", "call", SLOT);
        let mine = check_out(&app, HOME, "order-17", &order("call", SLOT)).await.expect(201);
        let other = check_out(&app, STRANGER, "order-17", &bobs).await.expect(201);
        assert!(!is_same_hold(&mine, &other));
        assert!(is_same_hold(&check_out(&app, NEIGHBOUR, "order-17", &order("call", SLOT)).await.expect(200), &mine));
        assert!(is_same_hold(&check_out(&app, STRANGER, "order-17", &bobs).await.expect(200), &other));
        check_out(&app, NEIGHBOUR, "order-17", &bobs).await.expect_problem(422, "idempotency_mismatch");
        app.cancel(&mine).await.expect(200);
        let anew = check_out(&app, HOME, "order-17", &order("call", SLOT)).await.expect(201);
        assert!(!is_same_hold(&anew, &mine));
        assert!(is_same_hold(&check_out(&app, STRANGER, "order-17", &bobs).await.expect(200), &other));
    }

    async fn key_of_22_characters_is_good_from_anywhere(engine) {
        let app = start_behind_proxy(engine).await;
        assert_eq!((SHORT.len(), LONG.len()), (21, 22));
        let long = check_out(&app, HOME, LONG, &order("call", SLOT)).await.expect(201);
        let again = check_out(&app, STRANGER, LONG, &order("call", SLOT)).await.expect(200);
        assert_eq!(again.body, long.body);
        let later = order("call", "2026-12-01T12:00:00Z");
        check_out(&app, HOME, SHORT, &later).await.expect(201);
        check_out(&app, STRANGER, SHORT, &later).await.expect_problem(409, "slot_taken");
    }

    async fn key_outlives_restarts_instances_and_replaced_secrets(engine) {
        let mut app = start_behind_proxy(engine).await;
        let later = order("call", "2026-12-01T12:00:00Z");
        let short = check_out(&app, HOME, "order-17", &order("call", SLOT)).await.expect(201);
        let long = check_out(&app, HOME, LONG, &later).await.expect(201);
        app.instance.stop().await;
        for variables in [
            [("STRIPE_SECRET_KEY", "sk_test_holdfast"), ("HOLDFAST_ADMIN_KEY", "another-key-of-the-operators")],
            [("STRIPE_SECRET_KEY", "sk_test_replaced"), ("STRIPE_WEBHOOK_SECRET", "whsec_replaced")],
            [("STRIPE_SECRET_KEY", "sk_test_holdfast"), ("HOLDFAST_TOKEN_SECRET", "a-secret-that-signs-the-tokens-from-now-on")],
        ] {
            let other = app.another_instance_with(&variables).await;
            let again = check_out(&other, NEIGHBOUR, "order-17", &order("call", SLOT)).await.expect(200);
            assert_eq!((again.text("id"), again.text("token")), (short.text("id"), short.text("token")));
            assert!(is_same_hold(&check_out(&other, STRANGER, LONG, &later).await.expect(200), &long));
            check_out(&other, STRANGER, "order-17", &order("call", SLOT)).await.expect_problem(409, "slot_taken");
        }
        assert_eq!(app.simulator.calls().create, 2);
    }

    /// Before keys had scopes, each was stored as it was sent.
    async fn key_from_before_scopes_returns_its_hold_everywhere(engine) {
        let app = start_behind_proxy(engine).await;
        let first = check_out(&app, HOME, "order-17", &order("call", SLOT)).await.expect(201);
        let as_before = "UPDATE checkout_attempts SET idempotency_key = 'order-17'";
        assert_eq!(app.database.execute(as_before).await, 1);
        for address in [HOME, STRANGER] {
            let again = check_out(&app, address, "order-17", &order("call", SLOT)).await.expect(200);
            assert_eq!(again.body, first.body);
            let bobs = order_by("bob@example.com", "call", "2026-12-01T12:00:00Z");
            check_out(&app, address, "order-17", &bobs).await.expect_problem(422, "idempotency_mismatch");
        }
        app.cancel(&first).await.expect(200);
        let anew = check_out(&app, STRANGER, "order-17", &order("call", SLOT)).await.expect(201);
        let guess = check_out(&app, HOME, "order-17", &order("call", SLOT)).await;
        guess.expect_problem(409, "slot_taken");
        assert!(is_same_hold(&check_out(&app, STRANGER, "order-17", &order("call", SLOT)).await.expect(200), &anew));
    }

    async fn stored_short_key_reveals_neither_key_nor_network(engine) {
        let app = start_behind_proxy(engine).await;
        check_out(&app, HOME, "order-17", &order("call", SLOT)).await.expect(201);
        let stored = app.database.texts("SELECT idempotency_key FROM checkout_attempts").await;
        assert!(!stored[0].contains("order-17") && !stored[0].contains("198.51"), "{stored:?}");
        let sent = check_out(&app, HOME, &stored[0], &json!({})).await;
        sent.expect_problem(422, "invalid");
    }
}
