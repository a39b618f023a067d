//! Tests of the page of the audit trail.

use reqwest::Method;
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::console::ConsoleClient;
use crate::support::on_both_engines;

on_both_engines! {
    async fn trail_is_filtered_and_read_page_by_page(engine) {
        let app = TestApp::start(engine).await;
        for n in 0..60 {
            let body = json!({"name": format!("R{n}")});
            app.admin(Method::PUT, &format!("/v1/admin/resources/r{n}"), Some(body)).await.expect(201);
        }
        let browser = ConsoleClient::signed_in(&app).await;
        let first = browser.get("/console/audit?action=putResource").await.expect(200);
        let first = first.shows("resources/r59").shows("value=\"putResource\"").shows("done");
        assert!(!first.html.contains("resources/r9<"));
        let next = first.html.split("rel=\"next\" href=\"").nth(1).unwrap().split('"').next().unwrap();
        let second = browser.get(&next.replace("&amp;", "&")).await.expect(200).shows("resources/r9<");
        assert!(!second.html.contains("resources/r59") && !second.html.contains("putEventType<"));
        let one = browser.get("/console/audit?target=resources%2Fr7&from=2026-11-20&to=2026-11-20").await.expect(200);
        let one = one.shows("resources/r7<").shows("{&quot;id&quot;:&quot;r7&quot;");
        assert!(!one.html.contains("resources/r8<"));
        browser.get("/console/audit?actor=%3Cscript%3E").await.expect(200).shows("There is no entry").shows("&lt;script&gt;");
        browser.get("/console/audit?from=2026-11-21").await.expect(200).shows("There is no entry");
    }
}
