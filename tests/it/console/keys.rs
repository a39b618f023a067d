//! Tests of the pages of access keys.

use reqwest::Method;

use crate::support::app::TestApp;
use crate::support::console::ConsoleClient;
use crate::support::on_both_engines;

on_both_engines! {
    async fn key_is_shown_once_and_revoked(engine) {
        let app = TestApp::start(engine).await;
        let browser = ConsoleClient::signed_in(&app).await;
        let form = [("name", "<b>Ana</b>"), ("scope", "operate"), ("expires_at", "2026-12-31")];
        let made = browser.post("/console/new-key", &form).await.expect(200).shows("&lt;b&gt;Ana");
        let key = format!("hfk_{}", made.html.split("hfk_").nth(1).unwrap().split('<').next().unwrap());
        browser.post("/console/new-key", &form).await.expect(409).shows("id=\"name-error\"");
        let list = browser.get("/console/keys").await.expect(200).shows("operate").shows("Fri 1 Jan 2027, 00:00");
        assert!(!list.html.contains("hfk_") && !list.html.contains("<b>Ana"));
        let ana = ConsoleClient::signed_in_with(&app, &key).await;
        ana.get("/console/today").await.expect(200);
        let revoke = list.html.split("href=\"/console/keys/").nth(1).unwrap().split('"').next().unwrap();
        let revoke = format!("/console/keys/{revoke}");
        browser.get(&revoke).await.expect(200).shows("Revoke this key?").shows("&lt;b&gt;Ana");
        browser.post(&revoke, &[]).await.expect(303);
        ana.get("/console/today").await.expect(303);
        browser.post(&revoke, &[]).await.expect(404);
        let trail = app.admin(Method::GET, "/v1/admin/audit?action=createKey", None).await.expect(200);
        assert!(!trail.body.to_string().contains("hfk_"));
        assert_eq!(trail.body["data"][0]["outcome"], "refused");
        assert_eq!(trail.body["data"][1]["outcome"], "done");
    }

    async fn wrong_key_form_is_marked(engine) {
        let app = TestApp::start(engine).await;
        let browser = ConsoleClient::signed_in(&app).await;
        let page = browser.post("/console/new-key", &[("name", ""), ("scope", "owner"), ("expires_at", "soon")]).await;
        page.expect(422).shows("id=\"name-error\"").shows("id=\"scope-error\"").shows("id=\"expires_at-error\"");
    }
}
