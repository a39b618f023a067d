//! Tests unknown methods, unknown paths, foreign origins, and keys without access.

use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderValue, ORIGIN};

use super::{Route, START, Untouched, expect_problem};
use crate::support::app::{ADMIN_KEY, TestApp, order};
use crate::support::database::Engine;

const ID: &str = "00000000-0000-4000-8000-000000000000";

/// Every path, with its methods.
const PATHS: [(&str, &[&str]); 20] = [
    ("/v1/holds", &["POST"]),
    (
        "/v1/holds/00000000-0000-4000-8000-000000000000",
        &["GET", "HEAD", "DELETE"],
    ),
    ("/webhooks/stripe", &["POST"]),
    ("/v1/admin/event-types", &["GET", "HEAD"]),
    ("/v1/admin/event-types/call", &["GET", "HEAD", "PUT", "DELETE"]),
    ("/v1/admin/holds", &["GET", "HEAD"]),
    (
        "/v1/admin/holds/00000000-0000-4000-8000-000000000000",
        &["GET", "HEAD"],
    ),
    (
        "/v1/admin/holds/00000000-0000-4000-8000-000000000000/release",
        &["POST"],
    ),
    (
        "/v1/admin/holds/00000000-0000-4000-8000-000000000000/refresh",
        &["POST"],
    ),
    ("/v1/admin/guests/export", &["POST"]),
    ("/v1/admin/guests/erase", &["POST"]),
    ("/v1/admin/events", &["GET", "HEAD"]),
    ("/v1/admin/events/evt_1/replay", &["POST"]),
    ("/v1/admin/sweep", &["POST"]),
    ("/v1/admin/commands", &["GET", "HEAD"]),
    (
        "/v1/admin/commands/00000000-0000-4000-8000-000000000000/retry",
        &["POST"],
    ),
    ("/livez", &["GET", "HEAD"]),
    ("/readyz", &["GET", "HEAD"]),
    ("/metrics", &["GET", "HEAD"]),
    ("/openapi.json", &["GET", "HEAD"]),
];

#[tokio::test]
async fn unknown_method_is_refused_with_allow_header() {
    let app = Untouched::start(Engine::Sqlite).await;
    for (path, has) in PATHS {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"] {
            if has.contains(&method) {
                continue;
            }
            let asked = Method::from_bytes(method.as_bytes()).unwrap();
            let answer = app.send(app.request(asked, path).bearer_auth(ADMIN_KEY)).await;
            let answer = expect_problem(&format!("{method} {path}"), answer, 405, "malformed");
            let mut allowed: Vec<_> = answer.headers["allow"].to_str().unwrap().split(',').collect();
            allowed.sort_unstable();
            let mut has = has.to_vec();
            has.sort_unstable();
            assert_eq!(allowed, has, "{path}");
        }
    }
    app.assert_untouched().await;
}

#[tokio::test]
async fn unknown_path_is_not_found() {
    let app = Untouched::start(Engine::Sqlite).await;
    let paths = [
        "/",
        "/v1",
        "/v1/",
        "/v1/holds/",
        "/v1/hold",
        "/V1/holds",
        "/v2/holds",
        "/v1/admin",
        "/v1/admin/",
        "//v1/holds",
        "/v1//holds",
        "/v1/holds/a/b",
        "/v1/holds%2F",
        "/webhooks",
        "/webhooks/stripe/",
        "/.env",
        "/%FF",
        "/demo/slots",
        "/openapi.yaml",
        "/v1/admin/sweep/now",
    ];
    for path in paths {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            let case = format!("{method} {path}");
            expect_problem(&case, app.send(app.request(method, path)).await, 404, "not_found");
        }
    }
    app.assert_untouched().await;
}

#[tokio::test]
async fn head_responds_like_get_without_body() {
    let app = Untouched::start(Engine::Sqlite).await;
    for (path, has) in PATHS.into_iter().filter(|(_, has)| has.contains(&"HEAD")) {
        let get = app
            .send(app.request(Method::GET, path).bearer_auth(ADMIN_KEY))
            .await;
        let head = app
            .send(app.request(Method::HEAD, path).bearer_auth(ADMIN_KEY))
            .await;
        assert_eq!(head.status, get.status, "{path} {has:?}");
        assert_eq!(
            head.headers["content-type"], get.headers["content-type"],
            "{path}"
        );
        assert_eq!(head.body, "", "{path}");
    }
    app.assert_untouched().await;
}

#[tokio::test]
async fn only_shop_origins_read_responses_and_errors() {
    let variables = [(
        "HOLDFAST_ALLOWED_ORIGINS",
        "https://shop.example,https://shop.example:8443",
    )];
    let app = Untouched::watch(TestApp::start_with(Engine::Sqlite, &variables).await).await;
    let preflight = |origin: &'static str| {
        app.request(Method::OPTIONS, "/v1/holds")
            .header(ORIGIN, origin)
            .header("Access-Control-Request-Method", "POST")
            .header("Access-Control-Request-Headers", "content-type,idempotency-key")
    };
    let refused = |origin: &'static str| {
        app.request(Method::POST, "/v1/holds")
            .header(ORIGIN, origin)
            .body("{")
    };
    for origin in ["https://shop.example", "https://shop.example:8443"] {
        let answer = app.send(preflight(origin)).await.expect(200);
        assert_eq!(answer.headers["access-control-allow-origin"], origin);
        let headers = answer.headers["access-control-allow-headers"].to_str().unwrap();
        for header in ["content-type", "authorization", "idempotency-key"] {
            assert!(headers.contains(header), "{headers}");
        }
        let answer = expect_problem(origin, app.send(refused(origin)).await, 415, "malformed");
        assert_eq!(answer.headers["access-control-allow-origin"], origin);
        let exposed = answer.headers["access-control-expose-headers"].to_str().unwrap();
        assert!(
            exposed.contains("retry-after") && exposed.contains("x-request-id"),
            "{exposed}"
        );
        assert!(answer.headers["vary"].to_str().unwrap().contains("origin"));
    }
    for origin in [
        "https://evil.example",
        "http://shop.example",
        "https://shop.example.evil.example",
        "null",
        "",
    ] {
        for request in [preflight(origin), refused(origin)] {
            let answer = app.send(request).await;
            assert!(
                !answer.headers.contains_key("access-control-allow-origin"),
                "{origin}: {answer:?}"
            );
        }
    }
    app.assert_untouched().await;
}

#[tokio::test]
async fn admin_routes_allow_no_cross_origin_access() {
    let variables = [("HOLDFAST_ALLOWED_ORIGINS", "https://shop.example")];
    let app = Untouched::watch(TestApp::start_with(Engine::Sqlite, &variables).await).await;
    for (path, _) in PATHS
        .into_iter()
        .filter(|(path, _)| path.starts_with("/v1/admin"))
    {
        let request = app
            .request(Method::OPTIONS, path)
            .header(ORIGIN, "https://shop.example");
        let answer = app
            .send(request.header("Access-Control-Request-Method", "POST"))
            .await;
        let answer = expect_problem(path, answer, 405, "malformed");
        assert!(
            !answer.headers.contains_key("access-control-allow-origin"),
            "{path}"
        );
    }
    app.assert_untouched().await;
}

/// Returns wrong values of `Authorization`; `secret` is the value that would be accepted.
fn wrong_keys(secret: &str) -> Vec<Vec<u8>> {
    let mut wrong: Vec<Vec<u8>> = [
        "",
        "Bearer",
        "Bearer ",
        "Basic b3BlcmF0b3I6a2V5",
        "Bearer x",
        "Bearer null",
        "Digest x",
        "Token x",
        "é",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec();
    wrong.extend([
        secret.as_bytes().to_vec(),
        format!("Basic {secret}").into_bytes(),
        format!("Bearer{secret}").into_bytes(),
        format!("Bearer {secret}x").into_bytes(),
        format!("Bearer x{secret}").into_bytes(),
        format!("Bearer {}", &secret[1..]).into_bytes(),
        format!("Bearer {}", secret.to_uppercase()).into_bytes(),
        format!("Bearer {secret}, Bearer {secret}").into_bytes(),
        [b"Bearer \xff", secret.as_bytes()].concat(),
    ]);
    wrong
}

#[tokio::test]
async fn wrong_admin_key_is_unauthorized() {
    // Each request comes from an address of its own, because wrong keys are throttled for each address.
    let variables = [("HOLDFAST_TRUSTED_PROXIES", "127.0.0.0/8")];
    let app = Untouched::watch(TestApp::start_with(Engine::Sqlite, &variables).await).await;
    let mut addresses =
        (1..=u32::from(u16::MAX)).map(|number| std::net::Ipv4Addr::from(0xc612_0000 + number).to_string());
    for (path, has) in PATHS
        .into_iter()
        .filter(|(path, _)| path.starts_with("/v1/admin"))
    {
        for method in has.iter().filter(|method| **method != "HEAD") {
            let request = || app.request(Method::from_bytes(method.as_bytes()).unwrap(), path);
            let body = Route::EventTypes.good();
            let answer = app.send(request().json(&body)).await;
            let answer = expect_problem(&format!("{method} {path}"), answer, 401, "unauthorized");
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
            for key in wrong_keys(ADMIN_KEY) {
                let case = format!("{method} {path} {}", String::from_utf8_lossy(&key));
                let request = request()
                    .header(AUTHORIZATION, HeaderValue::from_bytes(&key).unwrap())
                    .header("X-Forwarded-For", addresses.next().unwrap());
                let answer = expect_problem(&case, app.send(request.json(&body)).await, 401, "unauthorized");
                assert!(!answer.body.to_string().contains(ADMIN_KEY), "{case}");
            }
        }
    }
    app.assert_untouched().await;
    let request = app.request(Method::GET, "/v1/admin/holds");
    app.send(request.header(AUTHORIZATION, format!("bearer {ADMIN_KEY}")))
        .await
        .expect(200);
}

#[tokio::test]
async fn only_own_token_releases_a_hold() {
    let app = TestApp::start(Engine::Sqlite).await;
    let hold = app.checkout(&order("call", START)).await.expect(201);
    let other = app
        .checkout(&order("call", "2026-12-02T10:00:00Z"))
        .await
        .expect(201);
    let app = Untouched::watch(app).await;
    let path = format!("/v1/holds/{}", hold.text("id"));
    let mut wrong = wrong_keys(hold.text("token"));
    wrong.push(format!("Bearer {}", other.text("token")).into_bytes());
    wrong.push(format!("Bearer {ADMIN_KEY}").into_bytes());
    for key in wrong {
        let request = app.request(Method::DELETE, &path);
        let request = request.header(AUTHORIZATION, HeaderValue::from_bytes(&key).unwrap());
        let case = String::from_utf8_lossy(&key).into_owned();
        expect_problem(&case, app.send(request).await, 401, "unauthorized");
    }
    let answer = app.send(app.request(Method::DELETE, &path)).await;
    expect_problem("none", answer, 401, "unauthorized");
    let nobodys = app.request(Method::DELETE, &format!("/v1/holds/{ID}"));
    let answer = app.send(nobodys.bearer_auth(hold.text("token"))).await;
    expect_problem("nobody's", answer, 404, "not_found");
    app.assert_untouched().await;
    app.cancel(&hold).await.expect(200);
}
