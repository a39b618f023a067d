//! Tests of the page that shows who is booked.

use serde_json::json;

use crate::support::app::{TestApp, order_by};
use crate::support::catalogue_fixtures::put_event_type;
use crate::support::console::ConsoleClient;
use crate::support::database::Engine;
use crate::support::on_both_engines;

/// How many holds are more than a plan shows.
const MANY: u32 = 2_100;

/// Writes many live holds of Ana, one every so many seconds: the last one ends before this time.
async fn write_live_holds(app: &TestApp, engine: Engine, every: u32, before: &str) {
    let (id, time, json, occupied) = match engine {
        Engine::Postgres => (
            "('01880000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid",
            "to_timestamp",
            "::jsonb",
            "during) SELECT id, 'ana', tstzrange(starts_at, ends_at)",
        ),
        Engine::Sqlite => (
            "'01880000-0000-7000-8000-' || printf('%012d', n)",
            "1000 * ",
            "",
            "starts_at, ends_at) SELECT id, 'ana', starts_at, ends_at",
        ),
    };
    let length = every / 2;
    let end = before
        .parse::<chrono::DateTime<chrono::Utc>>()
        .unwrap()
        .timestamp();
    let at = format!("{time}({end} - n * {every})");
    let ends_at = format!("{time}({end} - n * {every} + {length})");
    let from = format!("{end} - n * {every}");
    let holds = format!(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {MANY})
         INSERT INTO holds (id, event_type_id, resource_id, starts_at, ends_at, segments, status, funds, amount, currency,
             session_id, checkout_url, guest_email, guest_id, metadata, expires_at, session_expires_at, created_at, updated_at)
         SELECT {id}, 'call', 'ana', {at}, {ends_at}, ('[{{\"resource\":\"ana\",\"starts_at_ms\":' || ({from}) ||
             '000,\"ends_at_ms\":' || ({from} + {length}) || '000}}]'){json}, 'confirmed', 'paid', 5000, 'eur', 'cs_test_' || n,
             'https://pay.example/', 'g@example.com', 'g@example.com', '{{}}', {at}, {at}, {at}, {at} FROM numbers"
    );
    assert_eq!(app.database.execute(&holds).await, u64::from(MANY));
    let occupancy = format!(
        "INSERT INTO occupancy (hold_id, resource_id, {occupied} FROM holds WHERE guest_id = 'g@example.com'"
    );
    assert_eq!(app.database.execute(&occupancy).await, u64::from(MANY));
}

on_both_engines! {
    async fn today_shows_who_is_booked_in_each_language(engine) {
        let app = TestApp::start(engine).await;
        let mut body = order_by("ada@example.com", "call", "2026-11-20T09:30:00Z");
        body["guest"]["name"] = "<script>alert('Ada')</script>".into();
        app.checkout(&body).await.expect(201);
        let mut browser = ConsoleClient::signed_in(&app).await;
        let page = browser.get("/console/today").await.expect(200);
        let page = page.shows("09:30–10:00").shows("not paid yet").shows("50.00\u{a0}EUR");
        assert!(page.html.contains("&lt;script&gt;alert("));
        assert!(!page.html.contains("<script>alert"));
        browser.language = "de-DE,de;q=0.9";
        let page = browser.get("/console/today").await.expect(200);
        page.shows("lang=\"de\"").shows("noch nicht bezahlt").shows("50,00\u{a0}EUR");
    }

    async fn busy_week_before_does_not_hide_the_day(engine) {
        let app = TestApp::start(engine).await;
        app.without_audit("holds without payments are written by hand");
        let body = order_by("zoe@example.com", "call", "2026-12-01T10:00:00Z");
        app.checkout(&body).await.expect(201);
        write_live_holds(&app, engine, 240, "2026-12-01T00:00:00Z").await;
        let browser = ConsoleClient::signed_in(&app).await;
        let page = browser.get("/console/today?day=2026-12-01").await.expect(200);
        let page = page.shows("10:00–10:30").shows("<strong>1</strong>");
        assert!(!page.html.contains("There is more than this page shows"), "{}", page.html);
    }

    async fn plan_that_is_cut_shows_nothing_as_free(engine) {
        let app = TestApp::start(engine).await;
        app.without_audit("holds without payments are written by hand");
        let open = json!({"resource": "ana", "duration_minutes": 30, "schedule": {
            "timezone": "UTC", "step_minutes": 30, "weekly": [{"days": ["tue"], "from": "00:00", "to": "24:00"}]}});
        put_event_type(&app, "call", open).await.expect(200);
        let browser = ConsoleClient::signed_in(&app).await;
        let day = "/console/today?day=2026-12-01";
        browser.get(day).await.expect(200).shows("Nobody is booked.").shows("> free<");
        write_live_holds(&app, engine, 30, "2026-12-02T00:00:00Z").await;
        let page = browser.get(day).await.expect(200);
        let page = page.shows("There is more than this page shows, so it shows no free times");
        assert!(!page.html.contains("Nobody is booked.") && !page.html.contains("> free<"));
    }
}
