//! Tests of the search of the console.

use reqwest::Method;
use serde_json::{Value, json};

use super::hold::{path_of, signed_in_as};
use crate::support::app::{ApiResponse, TestApp, order_by};
use crate::support::console::{ConsoleClient, ConsolePage};
use crate::support::on_both_engines;

/// Returns which of the given holds a page lists, by their places.
fn listed(page: &ConsolePage, holds: &[&ApiResponse]) -> Vec<usize> {
    let is_listed = |hold: &ApiResponse| page.html.contains(&format!("href=\"{}\"", path_of(hold)));
    (0..holds.len())
        .filter(|place| is_listed(holds[*place]))
        .collect()
}

async fn hold_of(app: &TestApp, email: &str, name: &str, start: &str) -> ApiResponse {
    let mut body = order_by(email, "call", start);
    body["guest"]["name"] = name.into();
    app.checkout(&body).await.expect(201)
}

on_both_engines! {
    async fn search_finds_by_text_id_status_and_day(engine) {
        let app = TestApp::start(engine).await;
        let ada = hold_of(&app, "ada@example.com", "Ada Lovelace", "2026-12-01T10:00:00Z").await;
        let bob = hold_of(&app, "bob@example.com", "Bob <b>", "2026-12-01T11:00:00Z").await;
        let eve = hold_of(&app, "eve@example.com", "Eve", "2026-12-02T10:00:00Z").await;
        app.confirm(&bob).await;
        let browser = ConsoleClient::signed_in(&app).await;
        let holds = [&ada, &bob, &eve];
        let by_id = format!("q={}", eve.text("id"));
        let by_session = format!("q={}", ada.text("checkout_session"));
        for (query, expected) in [
            ("", vec![0, 1, 2]),
            ("q=LOVE", vec![0]),
            ("q=bob%40example.com", vec![1]),
            (by_id.as_str(), vec![2]),
            (by_session.as_str(), vec![0]),
            ("q=nobody", vec![]),
            ("status=confirmed", vec![1]),
            ("status=held,processing,confirmed", vec![0, 1, 2]),
            ("day=2026-12-02", vec![2]),
            ("day=2026-12-01&status=held", vec![0]),
            ("attention=overdue", vec![]),
        ] {
            let page = browser.get(&format!("/console/search?{query}")).await.expect(200);
            assert_eq!(listed(&page, &holds), expected, "{query}");
            assert!(!page.html.contains("<b>"), "{query}");
        }
        app.clock.advance(chrono::Duration::hours(1));
        let page = browser.get("/console/search?attention=overdue").await.expect(303);
        assert!(page.location().starts_with("/console/sign-in"), "an hour is too long to be idle");
        let browser = ConsoleClient::signed_in(&app).await;
        let page = browser.get("/console/search?attention=overdue").await.expect(200);
        assert_eq!(listed(&page, &holds), [0, 2]);
        page.shows("<option value=\"overdue\" selected>Overdue</option>");
        browser.get("/console/search?q=nobody").await.expect(200).shows("Nothing was found.");
        browser.get("/console/search?day=tomorrow").await.expect(422).shows("Enter a day such as 2026-11-27.");
        let long = "x".repeat(256);
        browser.get(&format!("/console/search?q={long}")).await.expect(422).shows("Use at most 255 characters.");
    }

    async fn search_goes_on_with_the_next_page(engine) {
        let app = TestApp::start_with(engine, &crate::support::app::LIMITS_OFF).await;
        app.set_resource_capacity("hall", 60).await;
        app.sell("class", &json!({"resource": "hall", "duration_minutes": 30})).await;
        for n in 0..51 {
            let body = order_by(&format!("g{n}@example.com"), "class", "2026-12-01T10:00:00Z");
            app.checkout(&body).await.expect(201);
        }
        let browser = ConsoleClient::signed_in(&app).await;
        let page = browser.get("/console/search?q=example&status=held").await.expect(200);
        assert_eq!(page.html.matches("href=\"/console/holds/").count(), 50);
        let (_, rest) = page.html.split_once("rel=\"next\" href=\"").unwrap();
        let next = rest.split('"').next().unwrap().replace("&amp;", "&");
        assert!(next.contains("q=example&status=held&cursor="), "{next}");
        let page = browser.get(&next).await.expect(200);
        assert_eq!(page.html.matches("href=\"/console/holds/").count(), 1);
        assert!(!page.html.contains("rel=\"next\""));
    }

    async fn search_by_guest_is_in_the_audit_trail(engine) {
        let app = TestApp::start(engine).await;
        let browser = signed_in_as(&app, "read", "Rita").await;
        browser.get("/console/search?q=ada%40example.com").await.expect(200);
        let path = "/v1/admin/audit?actor=read%20Rita&action=searchByGuest";
        let entries = app.admin(Method::GET, path, None).await.expect(200);
        let entries = entries.body["data"].as_array().unwrap();
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0]["target"], Value::Null, "no entry has data of a guest");
    }
}
