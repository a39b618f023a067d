//! The OpenAPI description: committed, so that a change of the contract shows in a diff; valid, to an independent
//! validator; and true, to schemathesis, which asks a running service for everything that the description says.

use std::collections::BTreeSet;

use holdfast::http::description;
use serde_json::Value;
use tokio::process::Command;

use crate::support::app::{ADMIN_KEY, TestApp};
use crate::support::database::Engine;
use crate::support::python;

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/api/openapi/openapi.json");
const CONFIGURATION: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/it/api/openapi/schemathesis.toml"
);
const VALIDATOR: &str = "openapi-spec-validator==0.9.0";
const SCHEMATHESIS: &str = "schemathesis==4.32.5";
const SEED: &str = "20261122";

#[test]
fn the_committed_description_is_the_one_that_is_served() {
    let described = description().to_pretty_json().unwrap() + "\n";
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(COMMITTED, &described).unwrap();
    }
    let committed = std::fs::read_to_string(COMMITTED).unwrap_or_default();
    assert!(
        committed == described,
        "the description has changed. Where that is meant, write it anew and look at the diff:\n    \
         UPDATE_SNAPSHOTS=1 cargo test --test it openapi::the_committed"
    );
}

#[test]
fn every_operation_has_a_name_of_its_own_a_summary_a_tag_and_its_problems() {
    let api = serde_json::to_value(description()).unwrap();
    let tags: BTreeSet<_> = api["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| &tag["name"])
        .map(Value::to_string)
        .collect();
    let mut names = BTreeSet::new();
    for (path, item) in api["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let which = format!("{method} {path}");
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name), "{which}: {name} is taken");
            assert!(
                operation["summary"]
                    .as_str()
                    .is_some_and(|summary| summary.ends_with('.')),
                "{which}"
            );
            assert!(tags.contains(&operation["tags"][0].to_string()), "{which}");
            for (status, response) in operation["responses"].as_object().unwrap() {
                let which = format!("{which} {status}");
                assert!(response["headers"]["x-request-id"].is_object(), "{which}");
                let content = response["content"].as_object().into_iter().flatten();
                let kinds: Vec<_> = content.map(|(kind, _)| kind.as_str()).collect();
                if status.as_str() >= "400" {
                    assert_eq!(kinds, ["application/problem+json"], "{which}");
                    assert!(
                        response["description"].as_str().unwrap().starts_with('`'),
                        "{which} names no code"
                    );
                }
                if ["429", "503"].contains(&status.as_str()) {
                    assert!(response["headers"]["Retry-After"].is_object(), "{which}");
                }
            }
            let secured = operation["security"].is_array();
            // A calendar program can send nothing but an address: its key is in the query.
            let by_key = name == "getCalendar";
            let refuses = operation["responses"]["401"].is_object();
            assert_eq!(secured || by_key, refuses, "{which}");
            assert_eq!(
                secured,
                path.starts_with("/v1/admin") || name == "cancelHold" || name == "moveHold",
                "{which}"
            );
        }
    }
    assert_eq!(names.len(), 31);
}

#[tokio::test]
async fn an_independent_validator_finds_it_valid() {
    let python = python::with(VALIDATOR).await;
    let described = description().to_pretty_json().unwrap();
    assert!(described.contains("\"openapi\": \"3.1"));
    let said = python::run(
        Command::new(python).args(["-m", "openapi_spec_validator", "--schema", "3.1", "-"]),
        &described,
    )
    .await;
    assert!(said.trim_end().ends_with("OK"), "{said}");
}

/// All of schemathesis' checks and phases. Where a check would be wrong about us, its configuration says why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_does_what_the_description_says() {
    let python = python::with(SCHEMATHESIS).await;
    // What the description's examples name.
    let shop = [("HOLDFAST_ALLOWED_ORIGINS", "https://shop.example")];
    let app = TestApp::start_with(Engine::Sqlite, &shop).await;
    app.offer("intro-call", "ana", 30, 5000).await;
    let scratch = tempfile::tempdir().unwrap();
    let mut command = Command::new(python);
    command
        .current_dir(&scratch)
        .env("ADMIN_KEY", ADMIN_KEY)
        .args([
            "-m",
            "schemathesis.cli",
            "--config-file",
            CONFIGURATION,
            "run",
            &app.url("/openapi.json"),
        ])
        .args(["--seed", SEED, "--no-color"]);
    let said = python::run(&mut command, "").await;
    assert!(said.contains(&format!("Seed: {SEED}")), "{said}");
    // All but the one that serves the description, which it has already read.
    assert!(said.contains("Tested: 30"), "not every route was asked:\n{said}");
}
