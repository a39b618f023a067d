//! Tests of the pages of endpoints: their secrets are shown once, and events can be sent again.

use holdfast::clock::SystemClock;
use holdfast::domain::time::Clock as _;
use reqwest::Method;
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::console::ConsoleClient;
use crate::support::event_receiver::EventReceiver;
use crate::support::on_both_engines;

const PRIVATE: [(&str, &str); 1] = [("HOLDFAST_CALENDAR_ALLOW_PRIVATE", "1")];

/// Reads the secret that a page shows.
fn read_secret(html: &str) -> String {
    let (_, rest) = html
        .split_once("whsec_")
        .unwrap_or_else(|| panic!("no secret in {html}"));
    format!("whsec_{}", rest.split('<').next().unwrap())
}

on_both_engines! {
    async fn endpoint_shows_its_secret_once(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let receiver = EventReceiver::start().await;
        let browser = ConsoleClient::signed_in(&app).await;
        let url = receiver.url.clone();
        let form = [("id", "shop"), ("url", url.as_str()), ("all", "yes"), ("enabled", "yes")];
        let made = browser.post("/console/new-endpoint", &form).await.expect(200);
        let secret = read_secret(&made.html);
        browser.post("/console/new-endpoint", &form).await.expect(409).shows("id=\"id-error\"");
        for path in ["/console/webhook-endpoints", "/console/webhook-endpoints/shop"] {
            let page = browser.get(path).await.expect(200).shows("shop");
            assert!(!page.html.contains("whsec_"), "{path}");
        }
        let question = browser.get("/console/webhook-endpoints/shop/rotate").await.expect(200).shows("24 hours");
        let seen = question.hidden("seen");
        let rotated = browser.post("/console/webhook-endpoints/shop/rotate", &[("seen", &seen)]).await.expect(200);
        assert_ne!(read_secret(&rotated.html), secret);
        browser.post("/console/webhook-endpoints/shop/rotate", &[("seen", &seen)]).await.expect(409);
        let trail = app.admin(Method::GET, "/v1/admin/audit?target=webhook-endpoints/shop", None).await.expect(200);
        assert!(!trail.body.to_string().contains("whsec_"));
        let actions: Vec<_> = trail.body["data"].as_array().unwrap().iter().map(|entry| entry["action"].clone()).collect();
        assert_eq!(actions, ["rotateSecret", "rotateSecret", "putEndpoint", "putEndpoint"]);
    }

    async fn test_event_and_replay_reach_the_endpoint(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let receiver = EventReceiver::start().await;
        let browser = ConsoleClient::signed_in(&app).await;
        let url = receiver.url.clone();
        let form = [("id", "shop"), ("url", url.as_str()), ("events", "hold.placed"), ("enabled", "yes")];
        browser.post("/console/new-endpoint", &form).await.expect(200);
        browser.get("/console/webhook-endpoints/shop/test").await.expect(200).shows("endpoint.test");
        browser.post("/console/webhook-endpoints/shop/test", &[]).await.expect(200).shows("took the event");
        app.hold_slot("call", "2026-12-01T10:00:00Z").await;
        assert_eq!(app.send_events().await.done, 1);
        browser.get("/console/webhook-endpoints/shop/deliveries?state=done").await.expect(200).shows("hold.placed").shows("taken");
        let days = [("from", "2020-01-01"), ("to", "2020-01-01")];
        browser.post("/console/webhook-endpoints/shop/replay-preview", &days).await.expect(200).shows("at most 10,000");
        browser.post("/console/webhook-endpoints/shop/replay-preview", &[("from", "x"), ("to", "x")]).await.expect(422);
        // Yesterday too: midnight may have passed since the event.
        let today = SystemClock.now().date_naive();
        let (from, to) = (today.pred_opt().unwrap().to_string(), today.to_string());
        let days = [("from", from.as_str()), ("to", to.as_str())];
        let replayed = browser.post("/console/webhook-endpoints/shop/replay", &days).await.expect(303);
        browser.get(replayed.location()).await.expect(200).shows("sent again").shows("to be sent");
        assert_eq!(app.send_events().await.done, 1);
        browser.post("/console/webhook-endpoints/shop/delete", &[]).await.expect(303);
        browser.get("/console/webhook-endpoints/shop").await.expect(404);
    }

    async fn endpoints_need_an_administrator(engine) {
        let app = TestApp::start(engine).await;
        let body = json!({"name": "operator", "scope": "operate"});
        let made = app.admin(Method::POST, "/v1/admin/keys", Some(body)).await.expect(201);
        let browser = ConsoleClient::signed_in_with(&app, made.text("key")).await;
        for path in ["/console/webhook-endpoints", "/console/new-endpoint", "/console/keys", "/console/new-key"] {
            browser.get(path).await.expect(403);
        }
        browser.post("/console/new-endpoint", &[]).await.expect(403);
    }
}
