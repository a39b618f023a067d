//! Stripe's official Python SDK judges the simulator: `official_sdk.py` is the client, this file its stage.
//!
//! The SDK is installed, pinned, into a virtual environment under the build directory when it is not there yet. Where
//! that is not possible the test fails and says what is missing; it never skips.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use holdfast::sandbox::Outcome;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::world::{Receiver, SECRET, World};

const SDK: &str = "stripe==16.1.0";
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/sandbox/official_sdk.py");

#[tokio::test]
async fn the_official_sdk_reads_our_answers_and_verifies_our_webhooks() {
    let python = python_with_sdk().await;
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
    let mut child = Command::new(python)
        .arg(SCRIPT)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .await
        .unwrap();
    let output = child.wait_with_output().await.unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Built aside and then renamed, so that a run that was cut short, or another at the same time, leaves no half of it.
pub(crate) async fn python_with_sdk() -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(SDK.replace("==", "-sdk-"));
    let python = Path::new("bin").join("python");
    if !home.exists() {
        let aside = home.with_extension(format!("building-{}", std::process::id()));
        install(Path::new("python3"), &["-m", "venv", &aside.to_string_lossy()]).await;
        let pip = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            SDK,
        ];
        install(&aside.join(&python), &pip).await;
        if std::fs::rename(&aside, &home).is_err() {
            std::fs::remove_dir_all(&aside).unwrap();
        }
    }
    home.join(python)
}

async fn install(program: &Path, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().await;
    let output = output.unwrap_or_else(|error| panic!("this test needs python3 on the path: {error}"));
    assert!(
        output.status.success(),
        "this test needs python3 with venv and pip, and a package index that has {SDK}:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
