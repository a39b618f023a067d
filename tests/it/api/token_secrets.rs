//! Tests of the secrets behind hold tokens and calendar URLs: the installation's own, and the listed ones.

use holdfast::domain::ids::HoldId;
use holdfast::domain::token::{ConfiguredTokenKeys, TokenKeys};
use reqwest::Method;
use serde_json::Value;

use crate::support::app::{ApiResponse, Client, TestApp, order};
use crate::support::on_both_engines;

const OLD: &str = "an-old-token-secret-with-enough-characters";
const NEW: &str = "a-new-token-secret-with-enough-characters";

/// Sends the checkout number `n`, which has an idempotency key of its own.
async fn checkout(at: &Client, n: u32, status: u16) -> ApiResponse {
    let body = order("call", &format!("2026-12-01T{n}:00:00Z"));
    at.checkout_with_key(&format!("key-{n}"), &body)
        .await
        .expect(status)
}

/// Reads whether a hold's token is accepted. The move goes nowhere, so that the hold stays as it is.
async fn accepts(at: &Client, hold: &ApiResponse, token: &str) -> bool {
    let path = format!("/v1/holds/{}/move", hold.text("id"));
    let request = at.request(Method::POST, &path).bearer_auth(token);
    let answer = at.send(request.json(&serde_json::json!({}))).await;
    assert!(matches!(answer.status.as_u16(), 401 | 422), "{answer:?}");
    answer.status == 422
}

async fn calendar_url(at: &Client) -> String {
    let shown = at
        .admin(Method::GET, "/v1/admin/resources/ana", None)
        .await
        .expect(200);
    shown.text("calendar_url").to_owned()
}

/// Returns the token that earlier versions made for this hold under Stripe's key.
fn token_of_earlier_version(hold: &ApiResponse, stripe_key: &str) -> String {
    let key = ConfiguredTokenKeys::new([], stripe_key).from_stripe_key;
    TokenKeys::new(Vec::new(), key).hold_token(HoldId::parse(hold.text("id")).unwrap(), None)
}

on_both_engines! {
    async fn tokens_do_not_depend_on_stripes_key(engine) {
        let app = TestApp::start(engine).await;
        let hold = checkout(&app, 10, 201).await;
        let old = token_of_earlier_version(&hold, "sk_test_holdfast");
        assert!(hold.text("token") != old && !accepts(&app, &hold, &old).await);
        let other = app.another_instance_with(&[("STRIPE_SECRET_KEY", "sk_test_rolled")]).await;
        assert_eq!(checkout(&other, 10, 200).await.text("token"), hold.text("token"));
        assert!(accepts(&other, &hold, hold.text("token")).await);
        assert_eq!(calendar_url(&other).await, calendar_url(&app).await);
    }

    async fn first_secret_signs_and_all_verify(engine) {
        let app = TestApp::start(engine).await;
        let old = app.another_instance_with(&[("HOLDFAST_TOKEN_SECRET", OLD)]).await;
        let (both, list) = (format!("{NEW}, {OLD}"), "HOLDFAST_TOKEN_SECRET");
        let both = app.another_instance_with(&[(list, &both)]).await;
        let new = app.another_instance_with(&[(list, NEW)]).await;
        let stored = checkout(&app, 10, 201).await;
        let by_old = checkout(&old, 11, 201).await;
        let by_new = checkout(&both, 12, 201).await;
        for hold in [&stored, &by_old, &by_new] {
            assert!(accepts(&both, hold, hold.text("token")).await, "{hold:?}");
        }
        assert!(!accepts(&app, &by_old, by_old.text("token")).await, "an unlisted secret verifies nothing");
        assert!(!accepts(&new, &by_old, by_old.text("token")).await, "a removed secret verifies nothing");
        assert!(accepts(&new, &stored, stored.text("token")).await, "the stored secret stays");
    }

    async fn replay_gives_the_first_token_while_its_secret_is_listed(engine) {
        let app = TestApp::start(engine).await;
        let list = "HOLDFAST_TOKEN_SECRET";
        let old = app.another_instance_with(&[(list, OLD)]).await;
        let both = app.another_instance_with(&[(list, &format!("{NEW},{OLD}"))]).await;
        let new = app.another_instance_with(&[(list, NEW)]).await;
        let stored = checkout(&app, 10, 201).await;
        let by_old = checkout(&old, 11, 201).await;
        for at in [&both, &new] {
            assert_eq!(checkout(at, 10, 200).await.text("token"), stored.text("token"));
        }
        assert_eq!(checkout(&both, 11, 200).await.text("token"), by_old.text("token"));
        let replaced = checkout(&new, 11, 200).await;
        assert_ne!(replaced.text("token"), by_old.text("token"));
        assert!(accepts(&new, &by_old, replaced.text("token")).await);
    }

    async fn new_calendar_url_ends_the_old_one(engine) {
        let app = TestApp::start(engine).await;
        app.offer("bens-call", "ben", 30, 5000).await;
        let listed = app.another_instance_with(&[("HOLDFAST_TOKEN_SECRET", NEW)]).await;
        let (first, by_new) = (calendar_url(&app).await, calendar_url(&listed).await);
        let bens = app.admin(Method::GET, "/v1/admin/resources/ben", None).await.expect(200);
        for url in [&first, &by_new] {
            listed.get(url).await.expect(200);
        }
        let path = "/v1/admin/resources/ana/calendar-key";
        let renewed = app.admin(Method::POST, path, None).await.expect(200);
        let second = renewed.text("calendar_url");
        assert_eq!((renewed.text("id"), &renewed.body["calendar"]), ("ana", &Value::Null));
        assert_eq!(second, calendar_url(&app).await);
        for at in [&app.instance, &listed] {
            for url in [&first, &by_new] {
                at.get(url).await.expect_problem(401, "unauthorized");
            }
            at.get(second).await.expect(200);
            at.get(bens.text("calendar_url")).await.expect(200);
        }
        app.admin(Method::POST, path, None).await.expect(200);
        app.get(second).await.expect_problem(401, "unauthorized");
        let nobody = "/v1/admin/resources/nobody/calendar-key";
        app.admin(Method::POST, nobody, None).await.expect_problem(404, "not_found");
        app.send(app.request(Method::POST, path)).await.expect_problem(401, "unauthorized");
    }

    async fn changed_resource_keeps_its_calendar_url(engine) {
        let app = TestApp::start(engine).await;
        app.admin(Method::POST, "/v1/admin/resources/ana/calendar-key", None).await.expect(200);
        let url = calendar_url(&app).await;
        let change = serde_json::json!({"name": "Ana B.", "capacity": 2});
        app.admin(Method::PUT, "/v1/admin/resources/ana", Some(change)).await.expect(200);
        app.offer("short-call", "ana", 15, 2500).await;
        assert_eq!(calendar_url(&app).await, url);
        app.get(&url).await.expect(200);
    }
}
