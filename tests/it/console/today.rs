//! Tests of the page that shows who is booked.

use crate::support::app::{TestApp, order_by};
use crate::support::console::ConsoleClient;
use crate::support::on_both_engines;

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
}
