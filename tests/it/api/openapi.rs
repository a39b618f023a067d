//! Tests of the OpenAPI description. It is committed, so that a diff shows each change of the contract. An
//! independent validator accepts it, and a linter finds nothing. schemathesis checks a running service against all of it.

use std::collections::BTreeSet;

use holdfast::http::describe_api;
use serde_json::Value;
use tokio::process::Command;

use crate::support::app::{ADMIN_KEY, TestApp};
use crate::support::database::Engine;
use crate::support::{node, python};

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/api/openapi/openapi.json");
const CONFIGURATION: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/it/api/openapi/schemathesis.toml"
);
const VALIDATOR: &str = "openapi-spec-validator==0.9.0";
const SCHEMATHESIS: &str = "schemathesis==4.32.5";
const LINTER: &str = "@redocly/cli@2.77.0";
const SEED: &str = "20261122";

#[test]
fn committed_description_is_the_served_one() {
    let described = describe_api().to_pretty_json().unwrap() + "\n";
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(COMMITTED, &described).unwrap();
    }
    let committed = std::fs::read_to_string(COMMITTED).unwrap_or_default();
    assert!(
        committed == described,
        "the description has changed. If that is intended, write it again and read the diff:\n    \
         UPDATE_SNAPSHOTS=1 cargo test --test it openapi::committed"
    );
}

#[test]
fn every_operation_is_fully_described() {
    let api = serde_json::to_value(describe_api()).unwrap();
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
                let content = response["content"].as_object().into_iter().flatten();
                let kinds: Vec<_> = content.map(|(kind, _)| kind.as_str()).collect();
                if status == "431" {
                    assert!(kinds.is_empty() && path.matches('/').count() == 1, "{which}");
                    continue;
                }
                assert!(response["headers"]["x-request-id"].is_object(), "{which}");
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
            // A public operation says so, by an empty list.
            let secured = !operation["security"].as_array().unwrap().is_empty();
            // A calendar program can send only a URL, so its key is in the query.
            let by_key = name == "getCalendar";
            let refuses = operation["responses"]["401"].is_object();
            assert_eq!(secured || by_key, refuses, "{which}");
            assert_eq!(
                secured,
                path.starts_with("/v1/admin")
                    || ["cancelHold", "extendHold", "getHold", "moveHold", "startCheckout"].contains(&name),
                "{which}"
            );
        }
    }
    assert_eq!(names.len(), 62);
}

/// A generator makes a class of each object that has a name, and a nameless one of each repetition. A member with a
/// default is required in some generated clients.
#[test]
fn description_suits_generators() {
    let api = serde_json::to_value(describe_api()).unwrap();
    let schemas = api["components"]["schemas"].as_object().unwrap();
    let (mut lists, mut defaults) = (0, Vec::new());
    for (name, schema) in schemas {
        if let Some(entry) = name.strip_prefix("List_") {
            let entry = format!("#/components/schemas/{entry}");
            assert_eq!(schema["properties"]["data"]["items"]["$ref"], *entry, "{name}");
            lists += 1;
        }
        let members = schema["properties"].as_object().into_iter().flatten();
        let with_default = members.filter(|(_, member)| member.get("default").is_some());
        defaults.extend(with_default.map(|(member, _)| format!("{name}.{member}")));
    }
    assert_eq!(lists, 13);
    assert!(defaults.is_empty(), "{defaults:?}");
    assert_eq!(api["servers"][0]["url"], "/");
    assert_eq!(
        schemas["Actor"]["enum"],
        serde_json::json!(["checkout", "event", "sweep", "guest", "operator", "command"])
    );
    assert_eq!(schemas["RefundAmount"]["oneOf"].as_array().unwrap().len(), 2);
}

/// The rules that the linter recommends, errors and warnings, without a configuration of ours.
#[tokio::test]
async fn recommended_rules_find_nothing() {
    let directory = node::with(LINTER).await;
    let scratch = tempfile::tempdir().unwrap();
    let description = scratch.path().join("openapi.json");
    std::fs::write(&description, describe_api().to_json().unwrap()).unwrap();
    let mut command = Command::new("node");
    command
        .arg(directory.join("node_modules/@redocly/cli/bin/cli.js"))
        .arg("lint")
        .arg(&description)
        .args(["--extends", "recommended", "--format", "json"])
        .current_dir(&scratch)
        .env("REDOCLY_TELEMETRY", "off")
        .env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true");
    let found: Value = serde_json::from_str(&python::run(&mut command, "").await).unwrap();
    let totals = serde_json::json!({"errors": 0, "warnings": 0, "ignored": 0});
    assert_eq!(found["totals"], totals, "{found:#}");
}

#[tokio::test]
async fn independent_validator_accepts_description() {
    let python = python::with(VALIDATOR).await;
    let described = describe_api().to_pretty_json().unwrap();
    assert!(described.contains("\"openapi\": \"3.1"));
    let said = python::run(
        Command::new(python).args(["-m", "openapi_spec_validator", "--schema", "3.1", "-"]),
        &described,
    )
    .await;
    assert!(said.trim_end().ends_with("OK"), "{said}");
}

/// Runs all checks and phases of schemathesis. If a check does not fit this service, the configuration file says why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn service_conforms_to_description() {
    let python = python::with(SCHEMATHESIS).await;
    // Creates the objects that the description's examples name.
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
    // Tests all operations except the one that serves the description, which schemathesis has already requested.
    assert!(said.contains("Tested: 60"), "not every route was tested:\n{said}");
}
