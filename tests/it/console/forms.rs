//! Tests of what every form of the console must have: a session, a scope, the token of the session, and an origin of ours.

use reqwest::Method;
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::console::{ConsoleClient, with_form};
use crate::support::on_both_engines;

const SWEEP: &str = "/console/sweep";

/// Lists the actions in the audit trail, newest first.
async fn list_actions(app: &TestApp) -> Vec<String> {
    let trail = app.admin(Method::GET, "/v1/admin/audit", None).await.expect(200);
    let entries = trail.body["data"].as_array().unwrap().iter();
    let mut actions: Vec<String> = entries
        .map(|entry| {
            let word = |name: &str| entry[name].as_str().unwrap_or("-").to_owned();
            format!("{} {} {}", word("actor"), word("action"), word("outcome"))
        })
        .collect();
    actions.retain(|action| !action.contains("read"));
    actions
}

on_both_engines! {
    async fn form_without_its_own_token_does_nothing(engine) {
        let app = TestApp::start(engine).await;
        let (browser, other) = (ConsoleClient::signed_in(&app).await, ConsoleClient::signed_in(&app).await);
        let (own, foreign) = (browser.form_token().await, other.form_token().await);
        let session = browser.cookie.split_once('=').unwrap().1.to_owned();
        for token in ["", "x", foreign.as_str(), &own[1..], session.as_str()] {
            browser.post_without_token(SWEEP, &[("form_token", token)]).await.expect(403);
        }
        browser.post_without_token(SWEEP, &[]).await.expect(403);
        let request = browser.request(Method::POST, SWEEP).header("origin", app.url(""));
        browser.send(request.json(&json!({ "form_token": own }))).await.expect(415);
        assert!(!list_actions(&app).await.iter().any(|action| action.contains("sweep")));
        browser.post(SWEEP, &[]).await.expect(303);
        assert_eq!(list_actions(&app).await[0], "bootstrap sweep done");
    }

    async fn form_of_another_site_does_nothing(engine) {
        let app = TestApp::start(engine).await;
        let browser = ConsoleClient::signed_in(&app).await;
        let token = browser.form_token().await;
        let own = app.url("");
        for (origin, site) in [
            (Some("https://evil.example"), None),
            (Some("null"), None),
            (None, None),
            (Some(own.as_str()), Some("cross-site")),
            (Some(own.as_str()), Some("same-site")),
        ] {
            let mut request = browser.request(Method::POST, SWEEP);
            for (name, value) in [("origin", origin), ("sec-fetch-site", site)] {
                if let Some(value) = value {
                    request = request.header(name, value);
                }
            }
            let form = [("form_token", token.as_str())];
            browser.send(with_form(request, &form)).await.expect(403);
        }
        assert!(!list_actions(&app).await.iter().any(|action| action.contains("sweep")));
    }

    async fn scope_that_is_too_small_sees_and_does_less(engine) {
        let app = TestApp::start(engine).await;
        let body = json!({ "name": "Ana", "scope": "read" });
        let key = app.admin(Method::POST, "/v1/admin/keys", Some(body)).await.expect(201);
        let reader = ConsoleClient::signed_in_with(&app, key.text("key")).await;
        let page = reader.get("/console/attention").await.expect(200);
        assert!(!page.html.contains("/console/keys"), "the menu has no page that needs more");
        reader.get(SWEEP).await.expect(403).shows("Not allowed");
        reader.post(SWEEP, &[]).await.expect(403);
        assert!(!list_actions(&app).await.iter().any(|action| action.contains("sweep")));
        let admin = ConsoleClient::signed_in(&app).await;
        admin.get("/console/today").await.expect(200).shows("/console/keys");
    }

    async fn form_after_the_end_of_the_session_does_nothing(engine) {
        let app = TestApp::start(engine).await;
        let browser = ConsoleClient::signed_in(&app).await;
        let token = browser.form_token().await;
        app.clock.advance(chrono::Duration::minutes(30));
        let form = [("form_token", token.as_str())];
        let answer = browser.post_without_token(SWEEP, &form).await.expect(303);
        assert_eq!(answer.location(), "/console/sign-in?because=ended");
        browser.get(answer.location()).await.expect(200).shows("nothing was changed");
        assert!(!list_actions(&app).await.iter().any(|action| action.contains("sweep")));
    }
}
