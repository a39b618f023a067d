//! Stripe's official Python SDK judges the simulator: `official_sdk.py` is the client, this file its stage.
//!
//! How the SDK gets here, and what happens where it cannot, is `support::python`'s affair.

use std::path::Path;

use holdfast::sandbox::Outcome;
use serde_json::json;
use tokio::process::Command;

use super::world::{Receiver, SECRET, World};
use crate::support::python;

pub(crate) const SDK: &str = "stripe==16.1.0";
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/sandbox/official_sdk.py");

#[tokio::test]
async fn official_sdk_reads_answers_and_verifies_webhooks() {
    let python = python::with(SDK).await;
    let world = World::explicit().await;
    run(&python, &["client", &world.base], "").await;

    let receiver = Receiver::start().await;
    world.simulator.set_webhook_url(receiver.url.clone());
    for outcome in [Outcome::Declined, Outcome::ProcessingSucceeded] {
        let id = world.session().await;
        world.simulator.pay(&id, outcome).unwrap();
    }
    world
        .simulator
        .dispute(&world.simulator.intents().last().unwrap().id)
        .unwrap();
    let delivered = world.simulator.deliver_all().await;
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
