//! Tests the sandbox behind an address that guests use, such as in a container: the service and its simulator know only their
//! own addresses.

use std::path::Path;

use holdfast::clock::SystemClock;
use holdfast::domain::time::Clock;
use reqwest::Method;
use serde_json::json;

use crate::support::app::{Client, order};
use crate::support::process::{self, Process};
use crate::support::wait_for::eventually;

/// Starts a sandbox behind a public address, and waits until it is ready.
async fn start_sandbox(directory: &Path) -> (Process, Client) {
    let variables = [
        ("HOLDFAST_LISTEN", "127.0.0.1:0"),
        ("HOLDFAST_PUBLIC_URL", "https://try.example"),
    ];
    let arguments = ["sandbox", "--stripe-listen", "127.0.0.1:0"];
    let mut sandbox = Process::start(directory, &arguments, &variables);
    let client = Client::of(sandbox.address("serving on http://").await);
    eventually("it is ready", async || {
        (client.get("/readyz").await.status == 200).then_some(())
    })
    .await;
    (sandbox, client)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_of_the_sandbox_use_the_public_url() {
    let directory = tempfile::tempdir().unwrap();
    let (mut sandbox, client) = start_sandbox(directory.path()).await;
    let at = (SystemClock.now() + chrono::Duration::days(3)).format("%Y-%m-%dT10:00:00Z");
    let mut body = order("intro-call", &at.to_string());
    // The demo page names its own address, which is the public one in a guest's browser.
    body["success_url"] = json!("https://try.example/checkout/done?hold={HOLD_ID}");
    let hold = client.checkout(&body).await.expect(201);
    let session = hold.text("checkout_session");
    let page = hold.text("checkout_url");
    assert_eq!(page, format!("https://try.example/c/pay/{session}"));

    // What a proxy or Docker brings to the service is served there, so one address is enough.
    let request = client.request(Method::GET, &format!("/c/pay/{session}"));
    let shown = client.send(request).await.expect(200);
    let shown = shown.body.as_str().unwrap();
    let back = format!("https://try.example/checkout/done?hold={}", hold.text("id"));
    assert!(shown.contains(&back), "{shown}");
    let pay = format!("/sandbox/sessions/{session}/pay");
    let request = client
        .request(Method::POST, &pay)
        .json(&json!({"outcome": "paid"}));
    client.send(request).await.expect(200);
    eventually("the payment is known", async || {
        (client.hold(hold.text("id")).await["status"] == "confirmed").then_some(())
    })
    .await;
    sandbox.terminate().await;
    assert_eq!(sandbox.ends().await.code(), Some(0), "{}", sandbox.output());
    assert!(
        sandbox
            .output()
            .contains("open https://try.example/ in a browser")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn own_return_pages_are_under_the_public_url() {
    let directory = tempfile::tempdir().unwrap();
    let (mut sandbox, client) = start_sandbox(directory.path()).await;
    let stripe = Client::of(sandbox.address("simulator listens on http://").await);
    let at = (SystemClock.now() + chrono::Duration::days(3)).format("%Y-%m-%dT10:00:00Z");
    let hold = client
        .checkout(&order("intro-call", &at.to_string()))
        .await
        .expect(201);
    let request = stripe.request(Method::GET, &format!("/c/pay/{}", hold.text("checkout_session")));
    let shown = stripe.send(request).await.expect(200);
    let shown = shown.body.as_str().unwrap();
    for page in ["done", "cancelled"] {
        let url = format!("https://try.example/checkout/{page}?hold={}", hold.text("id"));
        assert!(shown.contains(&url), "{url}: {shown}");
    }
    sandbox.terminate().await;
    assert_eq!(sandbox.ends().await.code(), Some(0), "{}", sandbox.output());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded_page_is_under_the_public_url() {
    let directory = tempfile::tempdir().unwrap();
    let (mut sandbox, client) = start_sandbox(directory.path()).await;
    let at = (SystemClock.now() + chrono::Duration::days(3)).format("%Y-%m-%dT10:00:00Z");
    let mut body = order("intro-call", &at.to_string());
    body["ui"] = "embedded".into();
    let hold = client.checkout(&body).await.expect(201);
    assert_eq!(hold.text("stripe_js"), "https://try.example/sandbox/stripe.js");
    assert_eq!(hold.text("publishable_key"), "pk_test_simulator");
    let embedded = format!("/c/embedded/{}", hold.text("client_secret"));
    for path in ["/sandbox/stripe.js", &embedded] {
        let request = client.request(Method::GET, path);
        assert_eq!(request.send().await.unwrap().status(), 200, "{path}");
    }
    let policy_of = async |path: &str| {
        let answer = client.request(Method::GET, path).send().await.unwrap();
        let policy = &answer.headers()["content-security-policy"];
        policy.to_str().unwrap().to_owned()
    };
    let demo = policy_of("/").await;
    assert!(demo.contains("script-src 'self' https://try.example;"), "{demo}");
    assert!(demo.contains("frame-src https://try.example"), "{demo}");
    let other = policy_of("/checkout/done").await;
    assert!(
        !other.contains("try.example"),
        "a page without a checkout allows no more: {other}"
    );
    sandbox.terminate().await;
    assert_eq!(sandbox.ends().await.code(), Some(0), "{}", sandbox.output());
}

#[tokio::test]
async fn public_url_with_a_path_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    for wrong in [
        "try.example",
        "https://try.example/shop",
        "ftp://try.example",
        "https://ana@try.example",
        "https://try.example?a=b",
    ] {
        let variables = [("HOLDFAST_PUBLIC_URL", wrong), ("HOLDFAST_LISTEN", "127.0.0.1:0")];
        let ended = process::complete(directory.path(), &["sandbox"], &variables).await;
        assert_eq!(ended.code, Some(2), "{wrong}: {ended:?}");
        let said = "HOLDFAST_PUBLIC_URL must be an http or https address without a path, such as https://pay.example";
        assert!(ended.stderr.contains(said), "{ended:?}");
        assert!(!ended.stderr.contains("try.example"), "{ended:?}");
    }
}
