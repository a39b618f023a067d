//! Tests the simulator with Stripe's official Python SDK. `official_sdk.py` is the client; this file starts the server.
//!
//! `support::python` installs the SDK, and decides what happens if it cannot.

use std::path::Path;

use holdfast::sandbox::PaymentOutcome;
use serde_json::json;
use tokio::process::Command;

use super::fixture::{Receiver, SECRET, SimulatorFixture};
use crate::support::python;

pub(crate) const SDK: &str = "stripe==16.1.0";
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/sandbox/official_sdk.py");

#[tokio::test]
async fn official_sdk_reads_answers_and_verifies_webhooks() {
    let python = python::with(SDK).await;
    let fixture = SimulatorFixture::start_explicit().await;
    run(&python, &["client", &fixture.base], "").await;

    let receiver = Receiver::start().await;
    fixture.simulator.set_webhook_url(receiver.url.clone());
    for outcome in [PaymentOutcome::Declined, PaymentOutcome::ProcessingSucceeded] {
        let id = fixture.create_session().await;
        fixture.simulator.pay(&id, outcome).unwrap();
    }
    fixture
        .simulator
        .dispute(&fixture.simulator.intents().last().unwrap().id)
        .unwrap();
    let delivered = fixture.simulator.deliver_all().await;
    let received: Vec<_> = receiver
        .received()
        .iter()
        .map(|webhook| {
            let signature = webhook.headers["stripe-signature"].to_str().unwrap();
            json!({ "body": webhook.body, "signature": signature })
        })
        .collect();
    let verified = run(&python, &["webhook", SECRET], &json!(received).to_string()).await;
    let expected: Vec<_> = delivered
        .iter()
        .map(|delivery| delivery.event_type.as_str())
        .collect();
    assert!(expected.contains(&"charge.dispute.created"));
    assert_eq!(verified.lines().collect::<Vec<_>>(), expected);
}

pub(crate) async fn run(python: &Path, arguments: &[&str], input: &str) -> String {
    python::run(Command::new(python).arg(SCRIPT).args(arguments), input).await
}
