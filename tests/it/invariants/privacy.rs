//! Tests that personal data stays private (I9, S32): a scenario with everything that can fail, at the most verbose
//! log level, puts no secret, address or name into a log line, a metric or the body of a problem. The id of a hold gives
//! the right to read it, so no line of a level that is on by default has one.

use std::sync::Mutex;

use holdfast::clock::SystemClock;
use holdfast::domain::ids::HoldId;
use holdfast::domain::time::Clock;
use holdfast::sandbox::{Endpoint, FaultKind, Faults, PaymentOutcome};
use reqwest::Method;
use serde_json::json;

use crate::support::app::{ApiResponse, Client, TestApp};
use crate::support::on_both_engines;
use crate::support::process::Process;

const STRIPE_KEY: &str = "sk_test_hunter2";
const HOOK_SECRET: &str = "whsec_tests";
const OPERATOR: &str = "operators-key-for-the-tests";
const EMAIL: &str = "zaphod.beeblebrox@example.com";
const NAME: &str = "Zaphod Beeblebrox";
const NOTE: &str = "a-very-private-note";

/// The bodies of all problems of the scenario, as one text.
#[derive(Default)]
struct Problems(Mutex<String>);

impl Problems {
    fn note(&self, answer: ApiResponse) -> ApiResponse {
        if !answer.status.is_success() {
            *self.0.lock().unwrap() += &format!("{answer:?}\n");
        }
        answer
    }
}

fn checkout_in(hours: i64) -> serde_json::Value {
    // The real process uses the machine's clock.
    let at = SystemClock.now() + chrono::Duration::days(3) + chrono::Duration::hours(hours);
    json!({"event_type": "call", "starts_at": at.format("%Y-%m-%dT%H:00:00Z").to_string(),
        "guest": {"email": EMAIL, "name": NAME}, "metadata": {"note": NOTE}})
}

on_both_engines! {
    async fn logs_metrics_and_problems_have_no_personal_data(engine) {
        let app = TestApp::start(engine).await;
        app.clock.catch_up();
        let directory = tempfile::tempdir().unwrap();
        let variables = [
            ("DATABASE_URL", app.database.url()),
            ("STRIPE_SECRET_KEY", STRIPE_KEY),
            ("STRIPE_WEBHOOK_SECRET", HOOK_SECRET),
            ("STRIPE_API_BASE", app.stripe_url()),
            ("HOLDFAST_LISTEN", "127.0.0.1:0"),
            ("HOLDFAST_ADMIN_KEY", OPERATOR),
            ("HOLDFAST_LOG", "trace"),
        ];
        let mut server = Process::start(directory.path(), &["serve"], &variables);
        let client = Client::of(server.address("serving on http://").await);
        app.simulator.set_webhook_url(client.url("/webhooks/stripe"));
        let problems = Problems::default();
        let tokens = run_scenario(&app, &client, &problems).await;
        let metrics = client.get("/metrics").await.expect(200);
        server.terminate().await;
        assert_eq!(server.ends().await.code(), Some(0));

        let (logs, problems) = (server.output(), problems.0.into_inner().unwrap());
        assert!(logs.contains("TRACE") && logs.contains("hold placed"), "the logs say something");
        let secrets = [STRIPE_KEY, HOOK_SECRET, OPERATOR, EMAIL, NAME, NOTE, "zaphod", "Beeblebrox", "zaphod.beeblebrox%40"];
        let ids = app.database.texts("SELECT CAST(hold_id AS text) FROM checkout_attempts").await;
        assert!(ids.len() > 3, "{ids:?}");
        for id in &ids {
            let leak = logs.lines().find(|line| is_kept(line) && line.contains(id.as_str()));
            assert!(leak.is_none(), "the id of a hold is in the log: {}", leak.unwrap());
        }
        for placed in app.database.texts("SELECT CAST(id AS text) FROM holds").await {
            let log_id = HoldId::parse(&placed).unwrap().log_id().to_string();
            let mut named = logs.lines().filter(|line| is_kept(line) && line.contains(&log_id));
            assert!(named.any(|line| line.contains("hold placed")), "{log_id} in {logs}");
        }
        let hidden = secrets.into_iter().chain(tokens.iter().map(String::as_str));
        for secret in hidden {
            for (place, text) in [("logs", &logs), ("metrics", &format!("{metrics:?}")), ("problems", &problems)] {
                let leak = text.lines().find(|line| line.contains(secret));
                assert!(leak.is_none(), "{secret} in {place}: {}", leak.unwrap());
            }
        }
    }
}

/// Tells whether a line is of a level that is on by default.
fn is_kept(line: &str) -> bool {
    matches!(line.split_whitespace().nth(1), Some("INFO" | "WARN" | "ERROR"))
}

/// Runs a checkout in every way that can succeed or fail; returns the tokens that it was given.
async fn run_scenario(app: &TestApp, client: &Client, problems: &Problems) -> Vec<String> {
    let hold = client
        .checkout_with_key("key-1", &checkout_in(0))
        .await
        .expect(201);
    problems.note(
        client
            .checkout_with_key("key-1", &checkout_in(1))
            .await
            .expect(422),
    );
    problems.note(client.checkout(&checkout_in(0)).await.expect(409));
    app.pay(&hold, PaymentOutcome::Declined);
    app.pay(&hold, PaymentOutcome::Paid);
    app.deliver_all().await;
    problems.note(client.cancel(&hold).await.expect(409));
    let other = client.checkout(&checkout_in(2)).await.expect(201);
    problems.note(client.cancel(&other).await.expect(200));
    send_invalid_requests(client, problems).await;

    for (hours, kind) in [
        (4, FaultKind::ServerErrorKept),
        (5, FaultKind::RateLimited),
        (6, FaultKind::LostAnswer),
        (7, FaultKind::BadGateway),
    ] {
        app.simulator
            .set_faults(Faults::default().next(Endpoint::CreateSession, kind, 2));
        problems.note(client.checkout(&checkout_in(hours)).await);
    }
    app.simulator
        .set_faults(Faults::default().next(Endpoint::ExpireSession, FaultKind::ServerError, 100));
    let kept = client.checkout(&checkout_in(8)).await;
    if kept.status == 201 {
        problems.note(client.cancel(&kept).await.expect(503));
    }
    app.simulator.set_faults(Faults::default());
    for path in ["/v1/admin/holds", "/v1/admin/commands", "/v1/admin/event-types"] {
        client.admin(Method::GET, path, None).await.expect(200);
    }
    let shown = client.admin_hold(hold.text("id")).await;
    let log_id = HoldId::parse(hold.text("id")).unwrap().log_id();
    assert_eq!(shown["log_id"], log_id.to_string());
    client.sweep().await;
    app.simulator
        .refund_from_dashboard(&app.simulator.intents()[0].id, None)
        .unwrap();
    app.deliver_all().await;
    [&hold, &other].map(|hold| hold.text("token").to_owned()).to_vec()
}

/// Sends requests that are refused, with personal data and secrets in them.
async fn send_invalid_requests(client: &Client, problems: &Problems) {
    let body = checkout_in(3).to_string();
    problems.note(client.webhook(Some("t=1,v1=00"), body.clone()).await.expect(400));
    problems.note(client.webhook(Some(HOOK_SECRET), body.clone()).await.expect(400));
    let mut bad = checkout_in(3);
    bad["guest"]["email"] = format!("{NAME} <{EMAIL}>").into();
    bad["guest"]["name"] = format!("{NAME}\u{7}").into();
    bad["metadata"] = json!({"note": format!("{NOTE}{}", "x".repeat(600))});
    bad["starts_at"] = NOTE.into();
    bad["success_url"] = format!("https://evil.example/{NOTE}").into();
    problems.note(client.checkout(&bad).await.expect(422));
    let post = || client.request(Method::POST, "/v1/holds");
    problems.note(
        client
            .send(
                post()
                    .header("content-type", "application/json")
                    .body(body[1..].to_owned()),
            )
            .await
            .expect(400),
    );
    problems.note(client.send(post().body(body)).await.expect(415));
    let wrong = client
        .request(Method::GET, "/v1/admin/holds")
        .bearer_auth(format!("{OPERATOR}x"));
    problems.note(client.send(wrong).await.expect(401));
    let query = client
        .request(Method::GET, &format!("/v1/admin/holds?status={EMAIL}"))
        .bearer_auth(OPERATOR);
    problems.note(client.send(query).await.expect(422));
}
