//! Tests the members of `POST /v1/holds` and its idempotency key.

use chrono::Duration;
use reqwest::Method;
use reqwest::header::HeaderValue;
use serde_json::{Map, Value, json};

use super::{Route, START, Untouched, expect_faults, expect_problem};
use crate::support::app::{ApiResponse, TestApp};
use crate::support::database::Engine;
use crate::support::on_both_engines;

const ROUTE: Route = Route::Holds;

/// Checks that each value is refused as this member, and that the fault names `field`.
async fn assert_refused(app: &Untouched, member: &str, field: &str, values: impl IntoIterator<Item = Value>) {
    for value in values {
        let case: String = format!("{member}: {value}").chars().take(200).collect();
        expect_faults(&case, app.checkout(&ROUTE.with(member, value)).await, &[field]);
    }
}

fn text_of_length(length: usize) -> String {
    "x".repeat(length)
}

on_both_engines! {
    async fn member_of_wrong_type_is_named(engine) {
        let app = Untouched::start(engine).await;
        let wrong = [json!(7), json!(-1), json!(1.5), json!(true), json!([]), json!({})];
        for member in ["event_type", "starts_at", "guest.email", "guest.name", "success_url", "cancel_url"] {
            assert_refused(&app, member, member, wrong.clone()).await;
        }
        assert_refused(&app, "resource", "resource", [json!(7), json!(true), json!([]), json!({}), json!("No Such"), json!("")]).await;
        let not_a_quantity = [json!(0), json!(51), json!(-1), json!(1.5), json!("1"), json!([]), json!(1_u64 << 60)];
        assert_refused(&app, "quantity", "quantity", not_a_quantity).await;
        let not_objects = [json!(7), json!("x"), json!(true), json!([]), json!(["a"])];
        for member in ["guest", "metadata"] {
            assert_refused(&app, member, member, not_objects.clone()).await;
        }
        app.assert_untouched().await;
    }

    async fn required_member_is_not_missing_or_null(engine) {
        let app = Untouched::start(engine).await;
        for member in ["event_type", "starts_at", "guest", "guest.email"] {
            expect_faults(member, app.checkout(&ROUTE.without(member)).await, &[member]);
            assert_refused(&app, member, member, [Value::Null]).await;
        }
        expect_faults("{}", app.checkout(&json!({})).await, &["event_type", "guest", "starts_at"]);
        app.assert_untouched().await;
    }

    async fn unknown_member_is_named_at_any_depth(engine) {
        let app = Untouched::start(engine).await;
        let terms = ["amount", "currency", "price", "duration_minutes", "status", "id", "token", "Event_type", ""];
        for member in terms.into_iter().chain(["guest.phone", "guest.Email"]) {
            assert_refused(&app, member, member, [json!(1), Value::Null]).await;
        }
        app.assert_untouched().await;
    }

    async fn all_faults_are_named_at_once(engine) {
        let app = Untouched::start(engine).await;
        let request = app.request(Method::POST, "/v1/holds").header("Idempotency-Key", "not a key");
        let body = json!({
            "event_type": "No Such", "starts_at": "tomorrow", "guest": {"email": "ada", "name": "", "age": 36},
            "metadata": {"a": 3, "b": null, "c": "fine", "d": text_of_length(501)}, "success_url": "https://evil.example/",
            "cancel_url": "javascript:alert(1)", "price": 1,
        });
        expect_faults("all", app.send(request.json(&body)).await, &[
            "Idempotency-Key", "cancel_url", "event_type", "guest.age", "guest.email", "guest.name",
            "metadata.a", "metadata.b", "metadata.d", "price", "starts_at", "success_url",
        ]);
        let mut body = ROUTE.with("metadata", json!({"a": 3}));
        body["guest"] = json!(7);
        expect_faults("two", app.checkout(&body).await, &["guest", "metadata.a"]);
        app.assert_untouched().await;
    }

    async fn start_is_a_future_instant_on_a_whole_second(engine) {
        let app = Untouched::start(engine).await;
        assert_refused(&app, "starts_at", "starts_at", [
            "", "now", "2026-12-01", "2026-12-01T10:00", "2026-12-01T10:00:00", "10:00:00Z", "1796119200",
            "2026-02-30T10:00:00Z", "2026-13-01T10:00:00Z", "2026-12-01T24:00:00Z", "2026-12-01T10:60:00Z",
            "2026-12-01T10:00:00+25:00", "2026-12-01T10:00:00 Europe/Berlin", "2026-12-01T10:00:00ZZ",
            "2026-11-20T07:59:59Z", "2026-11-20T08:00:59Z", "2026-11-20T09:00:00+01:00", "1970-01-01T00:00:00Z",
            "0000-01-01T00:00:00Z", "-001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "10000-01-01T00:00:00Z",
            "+10000-01-01T00:00:00Z", "2026-12-01T10:00:00.5Z", "2026-12-01T10:00:00.000000001Z",
            "2026-12-31T23:59:60Z", "2026-12-01T10:00:00Z\u{0}", "２０２６-12-01T10:00:00Z",
        ].map(Value::from)).await;
        app.assert_untouched().await;
    }

    async fn email_address_is_deliverable(engine) {
        let app = Untouched::start(engine).await;
        assert_refused(&app, "guest.email", "guest.email", [
            "", " ", "ada", "ada@", "@example.com", "ada@localhost", "ada@@example.com", "ada@exa mple.com",
            "Ada <ada@example.com>", "ada@example.com, eve@example.com", "ada@example.com;eve@example.com",
            "ada@example.com\r\nBcc: eve@example.com", "ada@example.com\nX: y", "ada\0@example.com",
            "ada@example.com\0", "ada@[127.0.0.1]", "ada@.com", "ada@example..com", ".ada@example.com",
        ].map(Value::from)).await;
        let long = [format!("{}@example.com", text_of_length(300)), format!("ada@{}.com", text_of_length(300))];
        assert_refused(&app, "guest.email", "guest.email", long.map(Value::from)).await;
        app.assert_untouched().await;
    }

    async fn guest_name_is_short_and_printable(engine) {
        let app = Untouched::start(engine).await;
        assert_refused(&app, "guest.name", "guest.name", [
            "", " ", "\t", "Ada\u{0}", "Ada\nLovelace", "Ada\r\nBcc: x", "Ada\u{7f}", "Ada\u{1b}[31m", &text_of_length(201),
        ].map(Value::from)).await;
        app.assert_untouched().await;
    }

    async fn metadata_keeps_its_limits(engine) {
        let app = Untouched::start(engine).await;
        let pairs: Map<String, Value> = (0..21).map(|n| (n.to_string(), json!("x"))).collect();
        assert_refused(&app, "metadata", "metadata", [
            Value::Object(pairs), json!({"": "x"}), json!({text_of_length(41): "x"}), json!({"a\u{0}": "x"}),
        ]).await;
        assert_refused(&app, "metadata", "metadata.a", [
            json!({"a": text_of_length(501)}), json!({"a": "\u{0}"}), json!({"a": 3}), json!({"a": null}), json!({"a": true}),
            json!({"a": ["x"]}), json!({"a": {"b": "c"}}), json!({"a": 3, "b": "x"}),
        ]).await;
        app.assert_untouched().await;
    }

    async fn locale_is_one_that_stripe_has(engine) {
        let app = Untouched::start(engine).await;
        assert_refused(&app, "locale", "locale", ["", "DE", "de-DE", "pt-br", "zh-CN", "tlh"].map(Value::from)).await;
        app.assert_untouched().await;
    }

    async fn event_type_is_a_valid_name(engine) {
        let app = Untouched::start(engine).await;
        assert_refused(&app, "event_type", "event_type", [
            "", "Call", "call ", "../call", "call/1", "cäll", "call\u{0}", "call'; DROP TABLE holds; --", &text_of_length(65),
        ].map(Value::from)).await;
        let unknown = app.checkout(&ROUTE.with("event_type", json!("nothing"))).await;
        expect_problem("unknown", unknown, 404, "not_found");
        app.assert_untouched().await;
    }

    async fn unusual_valid_values_are_accepted(engine) {
        let app = TestApp::start(engine).await;
        let pairs: Map<String, Value> = (0..20).map(|n| (format!("{n:x<40}"), json!("é".repeat(500)))).collect();
        let mut body = json!({
            "event_type": "call", "starts_at": "2026-12-01T11:00:00+01:00", "metadata": pairs,
            "guest": {"email": "ünï+tag@sub.example.org", "name": format!("👩🏽‍🚀 {}", "é".repeat(190))},
            "success_url": null, "cancel_url": null,
        });
        let hold = app.checkout(&body).await.expect(201);
        assert_eq!(hold.body["starts_at"], START);
        let shown = app.admin_hold(hold.text("id")).await;
        assert_eq!(shown["metadata"], body["metadata"]);
        assert_eq!(shown["guest"], body["guest"]);
        body["starts_at"] = json!("2026-12-01t10:30:00.000z");
        body["guest"]["name"] = Value::Null;
        app.checkout(&body).await.expect(201);
        let last = app.clock_in(Duration::days(3650));
        app.checkout(&ROUTE.with("starts_at", json!(last))).await.expect(201);
    }
}

impl TestApp {
    /// Returns the instant this far from now, as a whole second.
    fn clock_in(&self, ahead: Duration) -> String {
        use holdfast::domain::time::Clock;
        (self.clock.now() + ahead).to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    }
}

#[tokio::test]
async fn return_url_belongs_to_the_shop() {
    let shop = [("HOLDFAST_ALLOWED_ORIGINS", "https://shop.example")];
    let app = Untouched::watch(TestApp::start_with(Engine::Sqlite, &shop).await).await;
    let long = format!("https://shop.example/{}", text_of_length(2000));
    for member in ["success_url", "cancel_url"] {
        let bad = [
            "",
            "/done",
            "//shop.example/",
            "shop.example",
            "https://evil.example/",
            "https://shop.example.evil.example/",
            "https://shop.example@evil.example/",
            "https://user:password@shop.example/",
            "http://shop.example/",
            "https://shop.example:8443/",
            "https://shop.example\\@evil.example/",
            "https://shop.example/\r\nx: y",
            "https://shop.example/ done",
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            &long,
        ];
        assert_refused(&app, member, member, bad.map(Value::from)).await;
    }
    app.assert_untouched().await;
    let fine = ROUTE.with("success_url", json!("https://shop.example/done?hold={HOLD_ID}"));
    app.checkout(&fine).await.expect(201);
}

async fn send_with_keys(app: &TestApp, keys: &[&[u8]]) -> ApiResponse {
    let request = app.request(Method::POST, "/v1/holds").json(&ROUTE.good());
    let request = keys.iter().fold(request, |request, key| {
        request.header("Idempotency-Key", HeaderValue::from_bytes(key).unwrap())
    });
    app.send(request).await
}

#[tokio::test]
async fn idempotency_key_is_one_short_word() {
    let app = Untouched::start(Engine::Sqlite).await;
    let long = text_of_length(256);
    let cases: [&[&[u8]]; 9] = [
        &[b""],
        &[b"two words"],
        &[b"tab\there"],
        &["schlüssel".as_bytes()],
        &[b"\xff\xfe"],
        &[long.as_bytes()],
        &[b"one", b"two"],
        &[b"same", b"same"],
        &[b"", b"two"],
    ];
    for keys in cases {
        expect_faults(
            &format!("{keys:?}"),
            send_with_keys(&app, keys).await,
            &["Idempotency-Key"],
        );
    }
    app.assert_untouched().await;
    send_with_keys(&app, &[&text_of_length(255).into_bytes()])
        .await
        .expect(201);
}
