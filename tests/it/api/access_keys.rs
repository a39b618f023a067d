//! Tests of access keys: made, shown once, listed and revoked; what each scope may do; and the name of the key in a
//! hold's history.

use chrono::Duration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{ADMIN_KEY, ApiResponse, Client, TestApp, variables};
use crate::support::on_both_engines;
use crate::support::process::{Ended, complete};

const SLOT: &str = "2026-12-01T10:00:00Z";
const NOBODY: &str = "01990000-0000-7000-8000-000000000000";

/// Makes a key with this name and scope, and returns it.
pub(crate) async fn make_key(app: &TestApp, name: &str, scope: &str) -> ApiResponse {
    let body = json!({"name": name, "scope": scope});
    app.admin(Method::POST, "/v1/admin/keys", Some(body))
        .await
        .expect(201)
}

/// Sends a request with this key, and a JSON body if there is one.
pub(crate) async fn send_with(
    client: &Client,
    key: &str,
    (method, path): (Method, &str),
    body: Option<&Value>,
) -> ApiResponse {
    let request = client.request(method, path).bearer_auth(key);
    match body {
        Some(body) => client.send(request.json(body)).await,
        None => client.send(request).await,
    }
}

async fn list_keys(app: &TestApp) -> Vec<Value> {
    let list = app.admin(Method::GET, "/v1/admin/keys", None).await.expect(200);
    list.body["data"].as_array().unwrap().clone()
}

fn last_line(hold: &Value) -> &Value {
    hold["history"].as_array().unwrap().last().unwrap()
}

on_both_engines! {
    async fn key_is_shown_once_and_stored_as_its_digest(engine) {
        let app = TestApp::start(engine).await;
        let ana = make_key(&app, "Ana", "read").await;
        let key = ana.text("key");
        assert!(key.starts_with("hfk_") && key.len() == 47, "{key}");
        assert_ne!(key, make_key(&app, "Ben", "read").await.text("key"));
        send_with(&app, key, (Method::GET, "/v1/admin/holds"), None).await.expect(200);
        let listed = list_keys(&app).await;
        assert!(!format!("{listed:?}").contains(key));
        let mut about = ana.body.clone();
        about.as_object_mut().unwrap().remove("key");
        about["last_used_at"] = json!("2026-11-20T08:00:00Z");
        assert!(listed.contains(&about), "{listed:?} {about}");
        let stored = match engine {
            crate::support::database::Engine::Sqlite => "length(digest)",
            crate::support::database::Engine::Postgres => "octet_length(digest)",
        };
        let digests = format!("SELECT count(*) FROM access_keys WHERE {stored} = 32");
        assert_eq!(app.database.count(&digests).await, 2);
    }

    async fn revoked_or_expired_key_is_refused_everywhere(engine) {
        let app = TestApp::start(engine).await;
        let other = app.another_instance().await;
        let revoked = make_key(&app, "revoked", "read").await;
        let path = format!("/v1/admin/keys/{}", revoked.text("id"));
        let holds = (Method::GET, "/v1/admin/holds");
        send_with(&other, revoked.text("key"), holds.clone(), None).await.expect(200);
        app.admin(Method::DELETE, &path, None).await.expect(204);
        for client in [&app.instance, &other] {
            send_with(client, revoked.text("key"), holds.clone(), None).await.expect_problem(401, "unauthorized");
        }
        app.admin(Method::DELETE, &path, None).await.expect_problem(404, "not_found");
        app.admin(Method::DELETE, "/v1/admin/keys/x", None).await.expect_problem(404, "not_found");
        let expires = json!({"name": "expires", "scope": "read", "expires_at": "2026-11-20T09:00:00Z"});
        let expires = app.admin(Method::POST, "/v1/admin/keys", Some(expires)).await.expect(201);
        assert_eq!(expires.text("expires_at"), "2026-11-20T09:00:00Z");
        app.clock.advance(Duration::minutes(59));
        send_with(&app, expires.text("key"), holds.clone(), None).await.expect(200);
        app.clock.advance(Duration::minutes(1));
        send_with(&app, expires.text("key"), holds, None).await.expect_problem(401, "unauthorized");
    }

    async fn key_needs_a_free_name_a_scope_and_a_future(engine) {
        let app = TestApp::start(engine).await;
        make_key(&app, "Ana", "read").await;
        let create = async |body: Value| app.admin(Method::POST, "/v1/admin/keys", Some(body)).await;
        create(json!({"name": " Ana ", "scope": "admin"})).await.expect_problem(409, "conflict");
        for (body, field) in [
            (json!({"name": "bootstrap", "scope": "admin"}), "name"),
            (json!({"name": "command-line", "scope": "admin"}), "name"),
            (json!({"name": " ", "scope": "admin"}), "name"),
            (json!({"name": "Ben"}), "scope"),
            (json!({"name": "Ben", "scope": "Admin"}), "scope"),
            (json!({"name": "Ben", "scope": "admin", "expires_at": "2026-11-20T08:00:00Z"}), "expires_at"),
            (json!({"name": "Ben", "scope": "admin", "key": "hfk_mine"}), "key"),
        ] {
            let problem = create(body.clone()).await.expect_problem(422, "invalid");
            assert_eq!(problem.body["errors"][0]["field"], field, "{body}");
        }
        assert_eq!(list_keys(&app).await.len(), 1);
    }

    async fn scope_decides_what_a_key_may_do(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        let id = hold.text("id");
        let (read, release, court) =
            (format!("/v1/admin/holds/{id}"), format!("/v1/admin/holds/{id}/release"), "/v1/admin/resources/court");
        let (moving, to) = (format!("/v1/holds/{id}/move"), json!({"starts_at": "2026-12-01T12:00:00Z"}));
        for (scope, statuses) in [
            ("checkout", [403; 6]),
            ("read", [200, 403, 403, 403, 403, 403]),
            ("operate", [200, 200, 200, 200, 403, 403]),
            ("admin", [200, 200, 200, 200, 201, 200]),
        ] {
            let key = make_key(&app, scope, scope).await;
            let key = key.text("key");
            for (index, (method, path, body)) in [
                (Method::GET, read.as_str(), None),
                (Method::POST, "/v1/admin/sweep", None),
                (Method::POST, moving.as_str(), Some(&to)),
                (Method::POST, release.as_str(), None),
                (Method::PUT, court, Some(&json!({"capacity": 2}))),
                (Method::GET, "/v1/admin/keys", None),
            ].into_iter().enumerate() {
                // Only a held hold moves.
                if (scope, index) == ("admin", 2) {
                    continue;
                }
                let answer = send_with(&app, key, (method, path), body).await.expect(statuses[index]);
                if statuses[index] == 403 {
                    answer.expect_problem(403, "forbidden");
                }
            }
        }
    }

    async fn history_names_the_key_of_the_operator(engine) {
        let app = TestApp::start(engine).await;
        let ana = make_key(&app, "Ana", "operate").await;
        let hold = app.hold_slot("call", SLOT).await;
        let first = &app.admin_hold(hold.text("id")).await["history"][0];
        assert_eq!((&first["by"], &first["actor"]), (&json!("checkout"), &Value::Null));
        let path = format!("/v1/holds/{}/move", hold.text("id"));
        let to = json!({"starts_at": "2026-12-01T12:00:00Z"});
        send_with(&app, ana.text("key"), (Method::POST, &path), Some(&to)).await.expect(200);
        let moved = app.admin_hold(hold.text("id")).await;
        assert_eq!((&last_line(&moved)["by"], &last_line(&moved)["actor"]), (&json!("operator"), &json!("Ana")));
        let path = format!("/v1/admin/holds/{}/release", hold.text("id"));
        let released = app.admin(Method::POST, &path, None).await.expect(200).body;
        assert_eq!(last_line(&released)["actor"], "bootstrap", "{released}");
        // A line of the version before has no name.
        app.database.execute("UPDATE hold_history SET actor_name = NULL").await;
        let old = app.admin_hold(hold.text("id")).await;
        assert_eq!((&last_line(&old)["by"], &last_line(&old)["actor"]), (&json!("operator"), &Value::Null));
    }

    async fn use_of_a_key_is_recorded_once_a_minute(engine) {
        let app = TestApp::start(engine).await;
        let ana = make_key(&app, "Ana", "read").await;
        let mut seen = Vec::new();
        for _ in 0..4 {
            send_with(&app, ana.text("key"), (Method::GET, "/v1/admin/holds"), None).await.expect(200);
            seen.push(list_keys(&app).await[0]["last_used_at"].clone());
            app.clock.advance(Duration::seconds(30));
        }
        let first = json!("2026-11-20T08:00:00Z");
        let next = json!("2026-11-20T08:01:00Z");
        assert_eq!(seen, [&first, &first, &next, &next].map(Clone::clone));
    }

    async fn keys_are_managed_without_a_running_server(engine) {
        let app = TestApp::start(engine).await;
        app.clock.catch_up();
        let directory = tempfile::tempdir().unwrap();
        let variables = variables(app.database.url(), app.stripe_url());
        let run = async |arguments: &[&str]| -> Ended { complete(directory.path(), arguments, &variables[..1]).await };
        let made = run(&["key", "create", "--name", "Ana", "--scope", "operate"]).await;
        assert_eq!(made.code, Some(0), "{made:?}");
        let made: Value = serde_json::from_str(&made.stdout).unwrap();
        let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
        send_with(&app, key, (Method::GET, "/v1/admin/holds"), None).await.expect(200);
        let listed = run(&["key", "list"]).await;
        assert_eq!((listed.code, listed.stdout.lines().count()), (Some(0), 1), "{listed:?}");
        let shown: Value = serde_json::from_str(&listed.stdout).unwrap();
        assert_eq!((&shown["name"], &shown["scope"], &shown["id"]), (&json!("Ana"), &json!("operate"), &made["id"]));
        assert!(shown["last_used_at"].is_string() && !listed.stdout.contains(key), "{listed:?}");
        assert_eq!(run(&["key", "create", "--name", "Ana", "--scope", "read"]).await.code, Some(1), "the name is taken");
        let wrong = [["--name", "", "--scope", "read"], ["--name", "Ben", "--scope", "all"]];
        for more in wrong {
            let ended = run(&[&["key", "create"], &more[..]].concat()).await;
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
        }
        assert_eq!(run(&["key", "revoke", id]).await.code, Some(0));
        send_with(&app, key, (Method::GET, "/v1/admin/holds"), None).await.expect_problem(401, "unauthorized");
        assert_eq!(run(&["key", "revoke", NOBODY]).await.code, Some(1), "there is no such key");
        assert_eq!(run(&["key", "list"]).await.stdout, "");
    }

    async fn short_admin_key_is_refused_at_start(engine) {
        let app = TestApp::start(engine).await;
        let directory = tempfile::tempdir().unwrap();
        let mut variables = variables(app.database.url(), app.stripe_url());
        variables.retain(|(name, _)| *name != "HOLDFAST_ADMIN_KEY");
        variables.push(("HOLDFAST_ADMIN_KEY", &ADMIN_KEY[..23]));
        let ended = complete(directory.path(), &["serve"], &variables).await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains("HOLDFAST_ADMIN_KEY") && !ended.stderr.contains(&ADMIN_KEY[..23]), "{ended:?}");
    }
}
