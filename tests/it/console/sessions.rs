//! Tests of who gets into the console, and for how long.

use chrono::Duration;
use reqwest::Method;
use serde_json::json;

use crate::support::app::{ADMIN_KEY, TestApp};
use crate::support::console::{ConsoleClient, with_form};
use crate::support::on_both_engines;
use crate::support::wait_for::eventually;

/// Makes a key with this scope, and returns its id and its text.
async fn create_key(app: &TestApp, scope: &str) -> (String, String) {
    let body = json!({ "name": format!("key for {scope}"), "scope": scope });
    let key = app
        .admin(Method::POST, "/v1/admin/keys", Some(body))
        .await
        .expect(201);
    (key.text("id").to_owned(), key.text("key").to_owned())
}

/// Fails unless the browser is sent to sign in.
async fn assert_signed_out(browser: &ConsoleClient) {
    let answer = browser.get("/console/today").await.expect(303);
    assert_eq!(answer.location(), "/console/sign-in?next=%2Fconsole%2Ftoday");
}

on_both_engines! {
    async fn session_ends_when_idle_and_after_half_a_day(engine) {
        let app = TestApp::start(engine).await;
        let browser = ConsoleClient::signed_in(&app).await;
        app.clock.advance(Duration::minutes(29));
        browser.get("/console/today").await.expect(200);
        app.clock.advance(Duration::minutes(29));
        browser.get("/console/today").await.expect(200);
        app.clock.advance(Duration::minutes(30));
        assert_signed_out(&browser).await;
        let browser = ConsoleClient::signed_in(&app).await;
        for _ in 0..36 {
            browser.get("/console/today").await.expect(200);
            app.clock.advance(Duration::minutes(20));
        }
        assert_signed_out(&browser).await;
    }
}

on_both_engines! {
    async fn revoked_or_expired_key_ends_its_sessions(engine) {
        let app = TestApp::start(engine).await;
        let (id, key) = create_key(&app, "read").await;
        let browser = ConsoleClient::signed_in_with(&app, &key).await;
        let other = ConsoleClient::signed_in(&app).await;
        browser.get("/console/today").await.expect(200);
        let path = format!("/v1/admin/keys/{id}");
        app.admin(Method::DELETE, &path, None).await.expect(204);
        assert_signed_out(&browser).await;
        other.get("/console/today").await.expect(200);
        let expires_at = app.clock_now() + Duration::minutes(10);
        let body = json!({ "name": "short", "scope": "read", "expires_at": expires_at });
        let key = app.admin(Method::POST, "/v1/admin/keys", Some(body)).await.expect(201);
        let browser = ConsoleClient::signed_in_with(&app, key.text("key")).await;
        app.clock.advance(Duration::minutes(10));
        assert_signed_out(&browser).await;
    }
}

on_both_engines! {
    async fn sign_out_ends_the_session_and_only_this_one(engine) {
        let app = TestApp::start(engine).await;
        let (browser, other) = (ConsoleClient::signed_in(&app).await, ConsoleClient::signed_in(&app).await);
        let token = other.form_token().await;
        let refused = browser.post_without_token("/console/sign-out", &[("form_token", &token)]).await;
        refused.expect(403);
        browser.get("/console/today").await.expect(200);
        let answer = browser.post("/console/sign-out", &[]).await.expect(303);
        assert_eq!(answer.location(), "/console/sign-in?because=signed-out");
        assert!(answer.cookies().contains(&"holdfast_console=".to_owned()), "{answer:?}");
        assert_signed_out(&browser).await;
        other.get("/console/today").await.expect(200);
        let rows = app.database.texts("SELECT CAST(count(*) AS text) FROM console_sessions").await;
        assert_eq!(rows, ["1"]);
    }
}

on_both_engines! {
    async fn sweep_deletes_sessions_that_have_ended(engine) {
        let app = TestApp::start(engine).await;
        let (idle, used) = (ConsoleClient::signed_in(&app).await, ConsoleClient::signed_in(&app).await);
        app.clock.advance(Duration::minutes(20));
        used.get("/console/today").await.expect(200);
        app.clock.advance(Duration::minutes(11));
        app.sweep().await;
        let rows = app.database.texts("SELECT CAST(count(*) AS text) FROM console_sessions").await;
        assert_eq!(rows, ["1"]);
        used.get("/console/today").await.expect(200);
        assert_signed_out(&idle).await;
    }
}

on_both_engines! {
    async fn sign_in_makes_a_new_token_and_ends_the_old_one(engine) {
        let app = TestApp::start(engine).await;
        // A token that somebody else chose gives nothing, before the sign-in and after it.
        let mut browser = ConsoleClient::of(&app);
        let chosen = format!("holdfast_console={}", "A".repeat(43));
        browser.cookie.clone_from(&chosen);
        assert_signed_out(&browser).await;
        let first = browser.sign_in(ADMIN_KEY).await.expect(303).cookies();
        assert!(!first.contains(&chosen), "{first:?}");
        assert_signed_out(&browser).await;
        browser.cookie = first.join("; ");
        browser.get("/console/today").await.expect(200);
        let second = browser.sign_in(ADMIN_KEY).await.expect(303).cookies();
        assert_ne!(second, first);
        assert_signed_out(&browser).await;
        browser.cookie = second.join("; ");
        browser.get("/console/today").await.expect(200);
    }
}

on_both_engines! {
    async fn other_key_of_the_environment_ends_sessions_of_the_first(engine) {
        let app = TestApp::start(engine).await;
        let browser = ConsoleClient::signed_in(&app).await;
        let renewed = [("HOLDFAST_ADMIN_KEY", "another-operators-key-for-the-tests")];
        let other = app.another_instance_with(&renewed).await;
        let mut there = ConsoleClient::of(&other);
        there.cookie.clone_from(&browser.cookie);
        assert_signed_out(&there).await;
        browser.get("/console/today").await.expect(200);
    }
}

on_both_engines! {
    async fn cookie_is_kept_from_scripts_and_other_sites(engine) {
        let app = TestApp::start(engine).await;
        let browser = ConsoleClient::of(&app);
        let set = |answer: &crate::support::console::ConsolePage| {
            answer.headers["set-cookie"].to_str().unwrap().to_owned()
        };
        let plain = set(&browser.sign_in(ADMIN_KEY).await.expect(303));
        assert!(plain.starts_with("holdfast_console="), "{plain}");
        assert!(plain.ends_with("; Max-Age=43200; Path=/console; HttpOnly; SameSite=Strict"), "{plain}");
        let request = browser.request(Method::POST, "/console/sign-in");
        let request = request.header("origin", "https://shop.example").header("sec-fetch-site", "same-origin");
        let secure = set(&browser.send(with_form(request, &[("key", ADMIN_KEY)])).await.expect(303));
        assert!(secure.starts_with("__Secure-holdfast_console="), "{secure}");
        assert!(secure.ends_with("; Path=/console; HttpOnly; SameSite=Strict; Secure"), "{secure}");
    }
}

on_both_engines! {
    async fn several_sessions_of_a_request_are_refused(engine) {
        let app = TestApp::start(engine).await;
        let mut browser = ConsoleClient::signed_in(&app).await;
        let foreign = ConsoleClient::signed_in(&app).await;
        browser.cookie = format!("{}; {}", foreign.cookie, browser.cookie);
        browser.get("/console/today").await.expect(403).shows("several sessions");
    }
}

on_both_engines! {
    async fn every_answer_has_the_headers_against_other_sites(engine) {
        let app = TestApp::start(engine).await;
        let browser = ConsoleClient::signed_in(&app).await;
        let page = browser.get("/console/today").await.expect(200);
        let style = page.html.split("href=\"/console/assets/").nth(1).unwrap().split('"').next().unwrap();
        let style = format!("/console/assets/{style}");
        for (path, status, cache) in [
            ("/console/today", 200, "no-store"),
            ("/console/today?day=x", 422, "no-store"),
            ("/console/nothing", 404, "no-store"),
            ("/console/sign-in", 200, "no-store"),
            ("/console", 303, "no-store"),
            (style.as_str(), 200, "public, max-age=31536000, immutable"),
            ("/console/assets/0/console.css", 200, "no-store"),
            ("/console/assets/0/other.css", 404, "no-store"),
        ] {
            let answer = browser.get(path).await.expect(status);
            let header = |name: &str| answer.headers[name].to_str().unwrap().to_owned();
            let policy = header("content-security-policy");
            assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{path}");
            assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{path}");
            assert_eq!(header("cache-control"), cache, "{path}");
            assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(header("referrer-policy"), "same-origin", "{path}");
        }
        let elsewhere = app.get("/livez").await.expect(200);
        assert!(!elsewhere.headers.contains_key("content-security-policy"));
    }
}

on_both_engines! {
    async fn sign_in_of_another_site_is_refused(engine) {
        let app = TestApp::start(engine).await;
        let browser = ConsoleClient::of(&app);
        let own = app.url("");
        for (origin, site) in [
            (Some("https://evil.example"), None),
            (Some("null"), None),
            (None, None),
            (Some(own.as_str()), Some("cross-site")),
            (Some(own.as_str()), Some("same-site")),
        ] {
            let mut request = browser.request(Method::POST, "/console/sign-in");
            for (name, value) in [("origin", origin), ("sec-fetch-site", site)] {
                if let Some(value) = value {
                    request = request.header(name, value);
                }
            }
            let answer = browser.send(with_form(request, &[("key", ADMIN_KEY)])).await.expect(403);
            assert_eq!(answer.cookies(), Vec::<String>::new(), "{origin:?} {site:?}");
        }
        let rows = app.database.texts("SELECT CAST(count(*) AS text) FROM console_sessions").await;
        assert_eq!(rows, ["0"]);
    }
}

on_both_engines! {
    async fn wrong_keys_at_the_sign_in_are_throttled(engine) {
        let app = TestApp::start(engine).await;
        let browser = ConsoleClient::of(&app);
        for number in 0..10 {
            let answer = browser.sign_in(&format!("hfk_{number:043}")).await.expect(401);
            assert!(!answer.shows("wrong, revoked or expired").html.contains("hfk_"));
        }
        browser.sign_in("anything").await.expect(429).shows("Wait a minute");
        let (_, key) = create_key(&app, "checkout").await;
        browser.sign_in(&key).await.expect(403).shows("for a shop's server");
        browser.sign_in(ADMIN_KEY).await.expect(303);
    }
}

on_both_engines! {
    async fn sign_in_leads_back_to_the_page_and_never_elsewhere(engine) {
        let app = TestApp::start(engine).await;
        let browser = ConsoleClient::of(&app);
        for (next, expected) in [
            ("/console/today?day=2026-11-27", "/console/today?day=2026-11-27"),
            ("https://evil.example/", "/console/today"),
            ("//evil.example/console/", "/console/today"),
        ] {
            let form = [("key", ADMIN_KEY), ("next", next)];
            let answer = browser.post_without_token("/console/sign-in", &form).await.expect(303);
            assert_eq!(answer.location(), expected);
        }
        let chosen = browser.get("/console/language/de?back=//evil.example").await.expect(303);
        assert_eq!(chosen.location(), "/console/today");
        assert_eq!(chosen.cookies(), ["holdfast_language=de"]);
    }
}

on_both_engines! {
    async fn sign_ins_are_in_the_audit_trail(engine) {
        let app = TestApp::start(engine).await;
        let (_, key) = create_key(&app, "read").await;
        let browser = ConsoleClient::signed_in_with(&app, &key).await;
        browser.get("/console/today").await.expect(200);
        eventually("the read is in the trail", || async {
            let trail = app.admin(Method::GET, "/v1/admin/audit?actor=key%20for%20read", None).await;
            let actions: Vec<String> = trail.body["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|entry| entry["action"].as_str().unwrap().to_owned())
                .collect();
            (actions == ["read", "signIn"]).then_some(())
        })
        .await;
        browser.post("/console/sign-out", &[]).await.expect(303);
        let trail = app.admin(Method::GET, "/v1/admin/audit?action=signOut", None).await;
        let entry = &trail.body["data"][0];
        assert_eq!((&entry["actor"], &entry["outcome"]), (&json!("key for read"), &json!("done")));
    }
}

on_both_engines! {
    async fn log_has_no_key_and_no_token_of_the_console(engine) {
        let app = TestApp::start(engine).await;
        let directory = tempfile::tempdir().unwrap();
        let (mut server, client) = app.process(directory.path(), &[("HOLDFAST_LOG", "trace")]).await;
        let browser = ConsoleClient::signed_in(&client).await;
        let token = browser.form_token().await;
        let wrong = "hfk_wrong-key-that-somebody-typed-by-mistake-123";
        browser.sign_in(wrong).await.expect(401);
        browser.post("/console/sign-out", &[]).await.expect(303);
        server.terminate().await;
        assert_eq!(server.ends().await.code(), Some(0));
        let log = server.output();
        assert!(log.contains("route=\"/console/today\""), "{log}");
        let (_, session) = browser.cookie.split_once('=').unwrap();
        for secret in [ADMIN_KEY, session, token.as_str(), wrong] {
            let leak = log.lines().find(|line| line.contains(secret));
            assert!(leak.is_none(), "{secret} is in the log: {}", leak.unwrap());
        }
    }
}

on_both_engines! {
    async fn console_is_where_the_operators_routes_are(engine) {
        let app = TestApp::start(engine).await;
        let split = app.another_instance_with(&[("HOLDFAST_ADMIN_LISTEN", "127.0.0.1:0")]).await;
        ConsoleClient::of(&split).get("/console/sign-in").await.expect(404);
        let browser = ConsoleClient::signed_in(split.admin_client.as_ref().unwrap()).await;
        browser.get("/console/today").await.expect(200);
    }
}
