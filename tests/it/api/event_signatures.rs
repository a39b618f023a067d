//! Verifies the events with the official libraries of Standard Webhooks: for Rust, Node.js and Python. Also runs the examples
//! of `docs/integration.md`, as they stand there.

use std::path::Path;

use holdfast::domain::time::Clock as _;
use reqwest::Method;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tokio::process::Command;

use crate::support::app::TestApp;
use crate::support::database::Engine;
use crate::support::event_receiver::{EventReceiver, ReceivedEvent};
use crate::support::feed_server::PRIVATE;
use crate::support::{node, on_both_engines, python};

const NODE_LIBRARY: &str = "standardwebhooks@1.1.1";
const PYTHON_LIBRARY: &str = "standardwebhooks==1.1.0";

const NODE_VERIFIER: &str = r#"
import { readFileSync } from "node:fs";
import { Webhook } from "standardwebhooks";
for (const { secret, headers, body } of JSON.parse(readFileSync(0, "utf8"))) {
  let verdict;
  try { verdict = new Webhook(secret).verify(body, headers).type; } catch (error) { verdict = "refused"; }
  console.log(verdict);
}
"#;

const PYTHON_VERIFIER: &str = r#"
import json, sys
from standardwebhooks import Webhook
for case in json.load(sys.stdin):
    try:
        print(Webhook(case["secret"]).verify(case["body"], case["headers"])["type"])
    except Exception:
        print("refused")
"#;

fn headers_of(event: &ReceivedEvent) -> Value {
    ["webhook-id", "webhook-timestamp", "webhook-signature"]
        .into_iter()
        .map(|name| (name.to_owned(), json!(event.header(name))))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn verifies(secret: &str, event: &ReceivedEvent) -> bool {
    let webhook = Webhook::new(secret).unwrap();
    webhook.verify(event.body.as_bytes(), &event.headers).is_ok()
}

/// Places a hold with a guest whose name is not ASCII, and returns the event and the secret.
async fn send_one(app: &TestApp) -> (EventReceiver, String) {
    app.clock.catch_up();
    let (receiver, secret) = EventReceiver::set_at(app, "shop").await;
    let start = (app.clock.now() + chrono::Duration::days(3)).format("%Y-%m-%dT10:00:00Z");
    let body = json!({"event_type": "call", "starts_at": start.to_string(),
        "guest": {"email": "ada@example.com", "name": "Ädä \"Löve\" 日本"}});
    app.checkout(&body).await.expect(201);
    app.send_events().await;
    (receiver, secret)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn official_libraries_verify_events_and_refuse_others() {
    let app = TestApp::start_with(Engine::Sqlite, &PRIVATE).await;
    let (receiver, secret) = send_one(&app).await;
    let event = &receiver.received()[0];
    let case =
        |secret: &str, body: &str| json!({"secret": secret, "headers": headers_of(event), "body": body});
    let other = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let cases = json!([
        case(&secret, &event.body),
        case(other, &event.body),
        case(&secret, &event.body.replace("hold.placed", "hold.confirmed")),
    ])
    .to_string();
    let expected = ["hold.placed", "refused", "refused"];

    let node = node::with(NODE_LIBRARY).await;
    let script = node.join("verify.mjs");
    std::fs::write(&script, NODE_VERIFIER).unwrap();
    let verdicts = python::run(Command::new("node").arg(script), &cases).await;
    assert_eq!(verdicts.lines().collect::<Vec<_>>(), expected, "Node.js");

    let interpreter = python::with(PYTHON_LIBRARY).await;
    let verdicts = python::run(Command::new(interpreter).args(["-c", PYTHON_VERIFIER]), &cases).await;
    assert_eq!(verdicts.lines().collect::<Vec<_>>(), expected, "Python");
}

/// Returns the only code block of the document that begins with this line.
fn code_block(first_line: &str) -> String {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/integration.md");
    let document = std::fs::read_to_string(document).unwrap();
    let mut blocks = document.split("\n```").filter(|block| block.contains(first_line));
    let block = blocks
        .next()
        .unwrap_or_else(|| panic!("no block with {first_line}"));
    assert!(blocks.next().is_none(), "which block has {first_line}?");
    block.split_once('\n').unwrap().1.to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documented_verifiers_take_events_once() {
    let app = TestApp::start_with(Engine::Sqlite, &PRIVATE).await;
    let (receiver, secret) = send_one(&app).await;
    let event = &receiver.received()[0];
    let node = node::with(NODE_LIBRARY).await;
    let directory = tempfile::tempdir_in(&node).unwrap();
    let script = directory.path().join("endpoint.mjs");
    std::fs::write(&script, code_block("// endpoint.mjs")).unwrap();
    take_events_once(Command::new("node").arg(&script), &secret, event).await;

    let interpreter = python::with(PYTHON_LIBRARY).await;
    let script = directory.path().join("endpoint.py");
    std::fs::write(&script, code_block("# endpoint.py")).unwrap();
    take_events_once(Command::new(interpreter).arg("-u").arg(&script), &secret, event).await;
}

/// Runs an example endpoint, sends the event twice and a false one, and checks that it acts once.
async fn take_events_once(command: &mut Command, secret: &str, event: &ReceivedEvent) {
    use tokio::io::{AsyncBufReadExt as _, BufReader};
    let mut child = command
        .env("HOLDFAST_ENDPOINT_SECRET", secret)
        .env("PORT", "0")
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next_line().await.unwrap().unwrap();
    let port = first
        .strip_prefix("listening on ")
        .unwrap_or_else(|| panic!("{first}"));
    let url = format!("http://127.0.0.1:{port}/");
    let http = crate::support::client::build_http_client();
    let send = async |body: String| {
        let request = http.post(&url).headers(
            event
                .headers
                .iter()
                .filter(|(name, _)| name.as_str().starts_with("webhook-"))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
        );
        request.body(body).send().await.unwrap().status().as_u16()
    };
    assert_eq!(send(event.body.replace("held", "confirmed")).await, 400);
    for _ in 0..2 {
        assert_eq!(send(event.body.clone()).await, 204);
    }
    let acted = lines.next_line().await.unwrap().unwrap();
    let hold = event.json()["data"]["hold_id"].as_str().unwrap().to_owned();
    assert_eq!(acted, format!("hold.placed {hold}"));
    child.kill().await.unwrap();
    assert_eq!(lines.next_line().await.unwrap(), None, "it acts once");
}

on_both_engines! {
    async fn each_attempt_is_signed_anew_with_the_same_id(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let (receiver, secret) = EventReceiver::set_at(&app, "shop").await;
        receiver.answer_next(&[crate::support::event_receiver::ReceiverAnswer::Status(500)]);
        app.hold_slot("call", "2026-12-20T10:00:00Z").await;
        assert_eq!(app.send_events().await.failed, 1);
        // The libraries compare with the machine's clock.
        app.clock.catch_up();
        assert_eq!(app.send_events().await.done, 1);
        let requests = receiver.received();
        assert_eq!(requests[0].header("webhook-id"), requests[1].header("webhook-id"));
        for changing in ["webhook-timestamp", "webhook-signature"] {
            assert_ne!(requests[0].header(changing), requests[1].header(changing));
        }
        assert!(verifies(&secret, &requests[1]));
    }

    async fn both_secrets_sign_for_a_day_after_a_new_one(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        app.clock.catch_up();
        let (receiver, old) = EventReceiver::set_at(&app, "shop").await;
        let path = "/v1/admin/webhook-endpoints/shop/rotate";
        let rotated = app.admin(Method::POST, path, None).await.expect(200);
        let new = rotated.text("secret").to_owned();
        assert_ne!(new, old);
        let start = (app.clock.now() + chrono::Duration::days(9)).format("%Y-%m-%dT10:00:00Z").to_string();
        let hold = app.hold_slot("call", &start).await;
        app.send_events().await;
        let both = &receiver.received()[0];
        assert!(verifies(&old, both) && verifies(&new, both));
        assert_eq!(both.header("webhook-signature").split(' ').count(), 2);
        app.clock.advance(chrono::Duration::hours(24));
        app.cancel(&hold).await.expect(200);
        app.send_events().await;
        assert_eq!(receiver.received()[1].header("webhook-signature").split(' ').count(), 1);
    }

    async fn each_secret_signs_for_a_day_however_often_it_is_replaced(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        app.clock.catch_up();
        let (receiver, first) = EventReceiver::set_at(&app, "shop").await;
        let path = "/v1/admin/webhook-endpoints/shop/rotate";
        let rotate = async || app.admin(Method::POST, path, None).await;
        rotate().await.expect(200);
        let third = rotate().await.expect(200).text("secret").to_owned();
        let start = (app.clock.now() + chrono::Duration::days(9)).format("%Y-%m-%dT10:00:00Z").to_string();
        let hold = app.hold_slot("call", &start).await;
        app.send_events().await;
        let all = &receiver.received()[0];
        assert!(verifies(&first, all) && verifies(&third, all));
        assert_eq!(all.header("webhook-signature").split(' ').count(), 3);
        app.clock.advance(chrono::Duration::hours(1));
        for _ in 3..9 {
            rotate().await.expect(200);
        }
        rotate().await.expect_problem(409, "conflict");
        app.clock.advance(chrono::Duration::hours(23));
        rotate().await.expect(200);
        app.cancel(&hold).await.expect(200);
        app.send_events().await;
        // The first two have ended; the last one signs, and the seven before it.
        assert_eq!(receiver.received()[1].header("webhook-signature").split(' ').count(), 8);
    }
}
