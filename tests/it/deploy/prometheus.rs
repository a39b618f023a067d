//! Gives the configuration of Prometheus, the alerts and the board's expressions to Prometheus' own tool.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

const HOW_TO_INSTALL: &str = "these tests need promtool: apt-get install prometheus, or brew install prometheus (it need not be running)";

/// Runs promtool in `deploy/prometheus`.
fn promtool(arguments: &[&str]) -> Output {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus");
    let output = Command::new("promtool")
        .args(arguments)
        .current_dir(directory)
        .output();
    output.unwrap_or_else(|error| panic!("{HOW_TO_INSTALL}: {error}"))
}

fn assert_succeeds(output: &Output) {
    let text = |bytes| String::from_utf8_lossy(bytes);
    let (shown, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{shown}{errors}");
    assert!(shown.contains("SUCCESS"), "nothing was checked: {shown}{errors}");
}

/// Writes a file for promtool.
fn write(directory: &Path, name: &str, content: &str) -> PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, content).unwrap();
    path
}

#[test]
fn configuration_and_rules_are_valid() {
    assert_succeeds(&promtool(&["check", "config", "prometheus.yml"]));
    assert_succeeds(&promtool(&["check", "rules", "alerts.yml"]));
    let directory = tempfile::tempdir().unwrap();
    let broken = write(
        directory.path(),
        "alerts.yml",
        "groups: [{name: a, rules: [{alert: A}]}]",
    );
    let found = promtool(&["check", "rules", &broken.to_string_lossy()]);
    assert!(!found.status.success(), "{found:?}");
}

#[test]
fn each_alert_fires_and_is_silent_when_it_should() {
    assert_succeeds(&promtool(&["test", "rules", "alerts_test.yml"]));
}

/// Returns the expressions of the board, with values in the places of Grafana's variables.
fn find_expressions(board: &Value) -> Vec<String> {
    let panels = board["panels"].as_array().unwrap();
    let targets = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let expressions = targets.map(|target| target["expr"].as_str().unwrap());
    expressions
        .map(|text| text.replace("$__rate_interval", "1m").replace("$job", "holdfast"))
        .collect()
}

#[test]
fn expressions_of_the_board_are_valid() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/grafana/holdfast.json");
    let board = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let expressions = find_expressions(&board);
    assert!(expressions.len() > 30, "{expressions:?}");
    let directory = tempfile::tempdir().unwrap();
    let check = |expressions: &[String]| {
        let named = expressions.iter().enumerate();
        let rules: Vec<Value> = named
            .map(|(n, expr)| json!({"record": format!("board:{n}"), "expr": expr}))
            .collect();
        // JSON is YAML too.
        let file = json!({"groups": [{"name": "board", "rules": rules}]}).to_string();
        let path = write(directory.path(), "board.yml", &file);
        promtool(&["check", "rules", &path.to_string_lossy()])
    };
    assert_succeeds(&check(&expressions));
    assert!(
        !check(&["sum(rate(holdfast_holds[5m])".to_owned()])
            .status
            .success()
    );
}
