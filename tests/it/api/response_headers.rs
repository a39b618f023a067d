//! Tests of the headers that every response has, whatever the route and the outcome.

use holdfast::sandbox::signature_header;
use reqwest::Method;
use serde_json::json;

use crate::support::app::{ADMIN_KEY, TestApp, WEBHOOK_SECRET};
use crate::support::on_both_engines;

const SLOT: &str = "2026-12-01T10:00:00Z";

on_both_engines! {
    async fn no_response_is_stored_or_sniffed(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        let (id, token) = (hold.text("id").to_owned(), hold.text("token").to_owned());
        let get = |path: &str| app.request(Method::GET, path);
        let post = |path: &str| app.request(Method::POST, path);
        let event = json!({"id": "evt_1", "object": "event", "type": "other", "livemode": false, "data": {"object": {}}});
        let event = event.to_string();
        let signature = signature_header(WEBHOOK_SECRET, app.clock_now().timestamp(), &event);
        let large = "x".repeat(70_000);
        let requests = [
            (200, get(&format!("/v1/holds/{id}"))),
            (404, get("/v1/holds/01990000-0000-7000-8000-000000000000")),
            (422, get("/v1/event-types/call/slots")),
            (409, post("/v1/holds").json(&json!({"event_type": "call", "starts_at": SLOT, "guest": {"email": "b@example.com"}}))),
            (422, post("/v1/holds").json(&json!({}))),
            (400, post("/v1/holds").header("content-type", "application/json").body("{")),
            (413, post("/v1/holds").header("content-type", "application/json").body(large)),
            (415, post("/v1/holds").body("{}")),
            (405, app.request(Method::PATCH, "/v1/holds")),
            (404, get("/nowhere")),
            (401, app.request(Method::DELETE, &format!("/v1/holds/{id}"))),
            (400, post("/webhooks/stripe").body("{}")),
            (200, post("/webhooks/stripe").header("stripe-signature", signature).body(event)),
            (200, get(&format!("/v1/admin/holds/{id}")).bearer_auth(ADMIN_KEY)),
            (200, get("/v1/admin/resources/ana").bearer_auth(ADMIN_KEY)),
            (401, get("/v1/admin/holds")),
            (401, get("/v1/resources/ana/calendar.ics?key=x")),
            (200, get("/livez")),
            (200, get("/readyz")),
            (200, get("/metrics")),
            (200, get("/openapi.json")),
            (200, get("/checkout/done")),
            (200, get("/checkout/return.js")),
            (200, get("/checkout/page.css")),
            (200, app.request(Method::OPTIONS, "/v1/holds").header("origin", "https://shop.example")
                .header("access-control-request-method", "POST")),
            (200, app.request(Method::DELETE, &format!("/v1/holds/{id}")).bearer_auth(token)),
        ];
        for (status, request) in requests {
            let shown = format!("{request:?}");
            let answer = app.send(request).await;
            assert_eq!(answer.status.as_u16(), status, "{shown}: {answer:?}");
            for (name, value) in [("x-content-type-options", "nosniff"), ("cache-control", "no-store")] {
                let found: Vec<_> = answer.headers.get_all(name).iter().collect();
                assert_eq!(found, [value], "{name} of {shown}: {answer:?}");
            }
        }
        // A list of slots has nothing secret. A client may keep it, and asks before each use.
        let list = get("/v1/event-types/call/slots?from=2026-12-01T00:00:00Z&to=2026-12-02T00:00:00Z");
        let list = app.send(list).await.expect(200);
        assert_eq!(list.headers["cache-control"], "no-cache");
        assert_eq!(list.headers["x-content-type-options"], "nosniff");
    }

    async fn response_without_database_is_not_stored_either(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.database.execute("ALTER TABLE holds RENAME TO away").await;
        let answer = app.get(&format!("/v1/holds/{}", hold.text("id"))).await.expect_problem(500, "internal");
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        app.database.execute("ALTER TABLE away RENAME TO holds").await;
    }
}
