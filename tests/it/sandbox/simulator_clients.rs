//! Runs the programs of `docs/simulator.md` as they stand there, with Stripe's official SDKs, against the simulator alone.

use std::path::Path;

use tokio::net::TcpListener;
use tokio::process::Command;

use super::integration_clients::code_block;
use super::official_sdk;
use crate::support::client::Client;
use crate::support::process::Process;
use crate::support::{node, python};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/simulator.md");
const NODE_SDK: &str = "stripe@23.1.0";

/// Starts the simulator, and runs the program with the address for its webhooks. Returns what the program wrote.
async fn run(program: &Path, directory: &Path, file: &str) -> String {
    // The simulator must know the program's port, which is free until the program takes it.
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = free.local_addr().unwrap().port().to_string();
    drop(free);
    let webhooks = format!("http://127.0.0.1:{port}/webhooks");
    let account = directory.join("account.json");
    let account = account.to_str().unwrap();
    let arguments = ["stripe-sandbox", "--listen", "127.0.0.1:0"];
    let options = ["--webhook-url", &webhooks, "--account-file", account];
    let arguments = [&arguments[..], &options].concat();
    let mut process = Process::start(directory, &arguments, &[]);
    let address = process.address("simulator listens on http://").await;
    let mut command = Command::new(program);
    command
        .arg(file)
        .current_dir(directory)
        .env("SIMULATOR", format!("http://{address}"))
        .env("WEBHOOK_PORT", port)
        .env("NO_PROXY", "127.0.0.1");
    let said = python::run(&mut command, "").await;
    // The fault that the program orders makes the SDK ask twice, and there is one session.
    let simulator = Client::of(address);
    let sessions = simulator.get("/sandbox/sessions").await.expect(200).body;
    assert_eq!(sessions["data"].as_array().unwrap().len(), 1, "{sessions}");
    let calls = simulator.get("/sandbox/calls").await.expect(200).body;
    assert_eq!(calls["create"], 2, "{calls}");
    process.terminate().await;
    assert!(process.ends().await.success(), "{}", process.output());
    assert!(
        std::fs::read_to_string(account)
            .unwrap()
            .contains("\"amount\":2000")
    );
    said
}

fn check(said: &str) {
    for line in [
        "order 17 is paid",
        "webhook checkout.session.completed",
        "refund of 2000 succeeded",
    ] {
        assert!(said.lines().any(|written| written == line), "{line}:\n{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn official_node_sdk_pays_and_refunds() {
    let packages = node::with(NODE_SDK).await.join("node_modules");
    let directory = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(packages, directory.path().join("node_modules")).unwrap();
    let document = std::fs::read_to_string(DOCUMENT).unwrap();
    assert!(document.contains("`stripe` 23.1.0 from npm"));
    let program = directory.path().join("client.mjs");
    std::fs::write(program, code_block(&document, "js")).unwrap();
    check(&run(Path::new("node"), directory.path(), "client.mjs").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn official_python_sdk_pays_and_refunds() {
    let python = python::with(official_sdk::SDK).await;
    let directory = tempfile::tempdir().unwrap();
    let document = std::fs::read_to_string(DOCUMENT).unwrap();
    assert!(document.contains("`stripe` 16.1.0 from PyPI"));
    let program = directory.path().join("client.py");
    std::fs::write(program, code_block(&document, "python")).unwrap();
    check(&run(&python, directory.path(), "client.py").await);
}
