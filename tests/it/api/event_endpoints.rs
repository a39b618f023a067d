//! Tests the routes of endpoints: what they take and refuse, what they show, tests and replays.

use chrono::Duration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::ApiResponse;
use crate::support::event_receiver::{EventReceiver, ReceiverAnswer, deliveries, set_endpoint};
use crate::support::feed_server::PRIVATE;
use crate::support::on_both_engines;

const SLOT: &str = "2026-12-01T10:00:00Z";
const SHOP: &str = "/v1/admin/webhook-endpoints/shop";

async fn put(app: &TestApp, body: Value) -> ApiResponse {
    app.admin(Method::PUT, SHOP, Some(body)).await
}

on_both_engines! {
    async fn secret_is_shown_once(engine) {
        let app = TestApp::start(engine).await;
        let made = put(&app, json!({"url": "https://shop.example/hooks"})).await.expect(201);
        let secret = made.text("secret").to_owned();
        assert!(secret.starts_with("whsec_") && secret.len() >= 6 + 32, "{secret}");
        let shown = app.admin(Method::GET, SHOP, None).await.expect(200);
        assert_eq!(shown.body["secret"], Value::Null);
        assert_eq!(shown.body["events"], json!(["*"]));
        assert_eq!((&shown.body["enabled"], &shown.body["state"]), (&json!(true), &json!("ok")));
        // What was read can be put back.
        let again = put(&app, shown.body.clone()).await.expect(200);
        let mut view = shown.body.clone();
        let backlog = ["waiting", "oldest_waiting_at"].map(|member| view.as_object_mut().unwrap().remove(member).unwrap());
        assert_eq!(backlog, [json!(0), Value::Null]);
        assert_eq!(again.body, view);
        let listed = app.admin(Method::GET, "/v1/admin/webhook-endpoints", None).await.expect(200);
        assert_eq!(listed.body, json!({"data": [view], "next_cursor": null}));
        let audit = app.admin(Method::GET, "/v1/admin/audit", None).await.expect(200).body.to_string();
        assert!(audit.contains("putEndpoint") && audit.contains("shop.example"), "{audit}");
        assert!(!audit.contains("/hooks") && !audit.contains(&secret), "{audit}");
        app.admin(Method::DELETE, SHOP, None).await.expect(204);
        app.admin(Method::DELETE, SHOP, None).await.expect_problem(404, "not_found");
        app.admin(Method::GET, SHOP, None).await.expect_problem(404, "not_found");
    }

    async fn endpoint_must_be_public_https(engine) {
        let app = TestApp::start(engine).await;
        for url in [
            "http://shop.example/", "https://127.0.0.1/", "https://10.1.2.3/", "https://[::1]/", "https://localhost/",
            "https://169.254.169.254/", "https://user@shop.example/", "ftp://shop.example/", "shop", "",
            "https://shop.example\\@evil.example/",
        ] {
            let refused = put(&app, json!({"url": url})).await.expect_problem(422, "invalid");
            assert_eq!(refused.body["errors"][0]["field"], "url", "{url}");
        }
        for (body, field) in [
            (json!({"url": "https://shop.example/", "events": ["hold.lost"]}), "events"),
            (json!({"url": "https://shop.example/", "events": []}), "events"),
            (json!({"events": ["*"]}), "url"),
            (json!({"url": "https://shop.example/", "secret_key": "x"}), "secret_key"),
        ] {
            let refused = put(&app, body).await.expect_problem(422, "invalid");
            assert_eq!(refused.body["errors"][0]["field"], field);
        }
        app.admin(Method::PUT, "/v1/admin/webhook-endpoints/Shop", Some(json!({"url": "https://shop.example/"})))
            .await.expect_problem(404, "not_found");
    }

    /// The address of a name is known only when an event is sent.
    async fn event_is_not_sent_to_a_private_address(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let (receiver, _) = EventReceiver::set_at(&app, "shop").await;
        let strict = app.another_instance_with(&[("HOLDFAST_CALENDAR_ALLOW_PRIVATE", "0")]).await;
        app.hold_slot("call", SLOT).await;
        assert_eq!(strict.send_events().await.failed, 1);
        let tested = strict.admin(Method::POST, &format!("{SHOP}/test"), None).await.expect(200);
        assert_eq!((&tested.body["ok"], &tested.body["status"]), (&json!(false), &Value::Null));
        assert!(receiver.received().is_empty());
        let listed = deliveries(&app, "shop", "").await;
        assert!(listed[0]["last_fault"].as_str().unwrap().contains("address"), "{listed:?}");
    }

    async fn there_are_at_most_fifty_endpoints(engine) {
        let app = TestApp::start(engine).await;
        let body = json!({"url": "https://shop.example/"});
        for n in 0..50 {
            set_endpoint(&app, &format!("shop-{n}"), body.clone()).await;
        }
        put(&app, body.clone()).await.expect_problem(409, "conflict");
        set_endpoint(&app, "shop-7", body).await;
    }

    async fn endpoint_gets_only_its_types_from_now_on(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let before = app.hold_slot("call", SLOT).await;
        let receiver = EventReceiver::start().await;
        set_endpoint(&app, "shop", json!({"url": receiver.url, "events": ["hold.released", "hold.confirmed"]})).await;
        app.cancel(&before).await.expect(200);
        app.hold_slot("call", "2026-12-01T11:00:00Z").await;
        app.send_events().await;
        assert_eq!(receiver.labels(), ["hold.released 2"]);
    }

    async fn disabled_endpoint_gets_what_it_missed_later(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let (receiver, _) = EventReceiver::set_at(&app, "shop").await;
        put(&app, json!({"url": receiver.url, "enabled": false})).await.expect(200);
        app.sold("call", SLOT).await;
        app.send_events().await;
        assert!(receiver.received().is_empty());
        put(&app, json!({"url": receiver.url})).await.expect(200);
        app.send_events().await;
        assert_eq!(receiver.labels(), ["hold.placed 1", "hold.confirmed 2"]);
    }

    async fn test_event_says_how_the_endpoint_answered(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let (receiver, _) = EventReceiver::set_at(&app, "shop").await;
        let path = format!("{SHOP}/test");
        let tested = app.admin(Method::POST, &path, None).await.expect(200);
        assert_eq!(tested.body, json!({"ok": true, "status": 204, "fault": null}));
        assert_eq!(receiver.labels(), ["endpoint.test"]);
        receiver.answer(ReceiverAnswer::Status(401));
        let tested = app.admin(Method::POST, &path, None).await.expect(200);
        assert_eq!(tested.body, json!({"ok": false, "status": 401, "fault": "it answered with status 401"}));
        app.admin(Method::POST, "/v1/admin/webhook-endpoints/other/test", None).await.expect_problem(404, "not_found");
    }

    async fn range_of_events_is_sent_again_in_order(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let (receiver, _) = EventReceiver::set_at(&app, "shop").await;
        let hold = app.sold("call", SLOT).await;
        app.send_events().await;
        let events = app.pull_events().await;
        let between = events[1]["timestamp"].as_str().unwrap().to_owned();
        let replay = async |from: &str, to: &str| {
            let body = json!({"from": from, "to": to});
            app.admin(Method::POST, &format!("{SHOP}/replay"), Some(body)).await
        };
        let all = replay("2026-01-01T00:00:00Z", "2100-01-01T00:00:00Z").await.expect(200);
        assert_eq!(all.body, json!({"events": 2, "next_from": null}));
        app.send_events().await;
        assert_eq!(receiver.labels(), ["hold.placed 1", "hold.confirmed 2", "hold.placed 1", "hold.confirmed 2"]);
        let requests = receiver.received();
        assert_eq!(requests[0].header("webhook-id"), requests[2].header("webhook-id"));
        // An event that happens meanwhile comes after them.
        replay("2026-01-01T00:00:00Z", &between).await.expect(200);
        let path = format!("/v1/admin/holds/{}/cancel", hold.text("id"));
        app.admin(Method::POST, &path, Some(json!({"refund": "none"}))).await.expect(200);
        app.send_events().await;
        assert_eq!(receiver.labels().last().unwrap(), "hold.cancelled 3");
        replay("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z").await.expect_problem(422, "invalid");
        replay("2026-01-02T00:00:00Z", "yesterday").await.expect_problem(422, "invalid");
    }

    async fn deliveries_are_listed_newest_first_in_pages(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let (_receiver, _) = EventReceiver::set_at(&app, "shop").await;
        for hour in 10..13 {
            app.hold_slot("call", &format!("2026-12-01T{hour}:00:00Z")).await;
        }
        app.send_events().await;
        let path = format!("{SHOP}/deliveries?limit=2");
        let page = app.admin(Method::GET, &path, None).await.expect(200).body;
        assert_eq!(page["data"].as_array().unwrap().len(), 2);
        let next = deliveries(&app, "shop", &format!("cursor={}", page["next_cursor"].as_str().unwrap())).await;
        assert_eq!(next.len(), 1);
        let pulled = app.pull_events().await;
        assert_eq!(page["data"][0]["event"], pulled[2]["id"]);
        assert_eq!(next[0]["event"], pulled[0]["id"]);
        assert_eq!((&next[0]["state"], &next[0]["attempts"], &next[0]["last_status"]), (&json!("done"), &json!(1), &json!(204)));
        app.admin(Method::GET, &format!("{SHOP}/deliveries?state=lost"), None).await.expect_problem(422, "invalid");
        app.admin(Method::GET, "/v1/admin/webhook-endpoints/other/deliveries", None).await.expect_problem(404, "not_found");
    }

    async fn failing_endpoint_is_in_metrics_and_doctor(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let (receiver, _) = EventReceiver::set_at(&app, "shop").await;
        receiver.answer(ReceiverAnswer::Status(500));
        app.hold_slot("call", SLOT).await;
        app.send_events().await;
        app.clock.advance(Duration::seconds(2));
        let metrics = app.get("/metrics").await.expect(200);
        for line in ["holdfast_event_deliveries_pending 1\n", "holdfast_event_deliveries_failed 0\n", "holdfast_endpoints_failing 1\n"] {
            assert!(metrics.body.as_str().unwrap().contains(line), "{line}");
        }
        let config = app.config_with(&[]);
        let checks = holdfast::doctor::examine(&config, config.stripe.as_ref().unwrap(), app.clock.clone()).await;
        let check = checks.into_iter().find(|check| check.check == "endpoints").unwrap();
        assert_eq!(check.verdict, holdfast::doctor::Verdict::Warning);
        assert!(check.found.contains("shop: it answered with status 500"), "{check:?}");
    }
}
