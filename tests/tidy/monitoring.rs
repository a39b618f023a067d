//! Compares the alerts of Prometheus and the board of Grafana with the program and with the documentation.

use std::collections::BTreeSet;

use super::docs::{find_metrics, parse_table};
use super::links::has_heading;
use super::source::{files, read};

/// What the documentation names with our prefix and is no metric: a database, and metadata at Stripe.
const OTHER_NAMES: [&str; 3] = ["holdfast_drill", "holdfast_hold", "holdfast_installation"];

/// Finds the words of a text that look like metrics, without what a histogram appends to its name. Those that end with an
/// ellipsis are beginnings of names and are left out.
fn find_named_metrics(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let names = words.filter(|word| word.starts_with("holdfast_") && !word.ends_with('_'));
    let series = |name: &str| {
        let endings = ["_bucket", "_count", "_sum"];
        let ending = endings.iter().find_map(|ending| name.strip_suffix(ending));
        ending.unwrap_or(name).to_owned()
    };
    names.map(series).collect()
}

/// Finds the metrics that a text names and the program does not describe.
fn find_unknown_metrics(text: &str, metrics: &BTreeSet<String>) -> Vec<String> {
    let named = find_named_metrics(text).into_iter();
    named
        .filter(|name| !metrics.contains(name) && !OTHER_NAMES.contains(&name.as_str()))
        .collect()
}

/// Reads the values of a key in a file of rules, each in a line of its own.
fn read_values<'a>(rules: &'a str, key: &str) -> Vec<&'a str> {
    let lines = rules.lines().map(|line| line.trim().trim_start_matches("- "));
    lines
        .filter_map(|line| line.strip_prefix(key)?.strip_prefix(": "))
        .collect()
}

/// Finds the runbook links that lead to no heading of a page.
fn find_broken_runbooks(rules: &str) -> Vec<&str> {
    let links = read_values(rules, "runbook_url").into_iter();
    links
        .filter(|link| match link.split_once('#') {
            Some((page, anchor)) => !has_heading(&read(page), anchor),
            None => true,
        })
        .collect()
}

/// Finds the alerts that no test of the rules expects to fire.
fn find_untested_alerts<'a>(rules: &'a str, tests: &str) -> Vec<&'a str> {
    let alerts = read_values(rules, "alert").into_iter();
    alerts
        .filter(|alert| !tests.contains(&format!("{{labels: '{{alertname=\"{alert}\"}}', value: 1}}")))
        .collect()
}

#[test]
fn every_metric_that_is_named_exists() {
    let metrics = find_metrics(&read("src/telemetry.rs"));
    // The package of Python has a name that looks like one.
    let is_read = |path: &String| path.ends_with(".md") && !path.starts_with("clients/python/");
    let pages = files("").into_iter().filter(is_read);
    let monitoring = [
        "deploy/grafana/holdfast.json",
        "deploy/prometheus/alerts.yml",
        "deploy/prometheus/alerts_test.yml",
    ];
    for path in pages.chain(monitoring.map(str::to_owned)) {
        assert_eq!(find_unknown_metrics(&read(&path), &metrics), [""; 0], "{path}");
    }
    for path in &monitoring[..2] {
        assert!(find_named_metrics(&read(path)).len() > 20, "{path}");
    }
    assert_eq!(
        find_unknown_metrics(
            "sum(holdfast_a_bucket) + holdfast_b, `holdfast_store_up`",
            &metrics
        ),
        ["holdfast_a", "holdfast_b"]
    );
}

#[test]
fn every_alert_leads_to_its_answer() {
    let rules = read("deploy/prometheus/alerts.yml");
    let alerts = read_values(&rules, "alert");
    assert!(alerts.len() > 20, "{alerts:?}");
    assert_eq!(read_values(&rules, "runbook_url").len(), alerts.len());
    assert_eq!(read_values(&rules, "summary").len(), alerts.len());
    assert_eq!(rules.matches("labels: {severity: ").count(), alerts.len());
    assert_eq!(find_broken_runbooks(&rules), [""; 0]);
    let broken = "runbook_url: docs/operations.md#no-such-heading";
    assert_eq!(find_broken_runbooks(broken).len(), 1);
}

#[test]
fn every_alert_has_a_test_in_which_it_fires() {
    let (rules, tests) = (
        "deploy/prometheus/alerts.yml",
        "deploy/prometheus/alerts_test.yml",
    );
    let (rules, tests) = (read(rules), read(tests));
    assert_eq!(find_untested_alerts(&rules, &tests), [""; 0]);
    assert_eq!(
        find_untested_alerts("- alert: HoldfastNew", &tests),
        ["HoldfastNew"]
    );
}

#[test]
fn every_alert_is_documented() {
    let rules = read("deploy/prometheus/alerts.yml");
    let alerts: BTreeSet<_> = read_values(&rules, "alert")
        .into_iter()
        .map(str::to_owned)
        .collect();
    assert_eq!(parse_table(&read("docs/metrics.md"), "Alerts"), alerts);
}

/// Every metric is on the board, so that nobody has to look for one elsewhere.
#[test]
fn board_shows_every_metric() {
    let metrics = find_metrics(&read("src/telemetry.rs"));
    let shown = find_named_metrics(&read("deploy/grafana/holdfast.json"));
    let missing: Vec<_> = metrics.difference(&shown).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Grafana imports a board that names no data source of another installation and no plugin.
#[test]
fn board_can_be_imported_anywhere() {
    let board: serde_json::Value = serde_json::from_str(&read("deploy/grafana/holdfast.json")).unwrap();
    assert_eq!(board.get("__inputs"), None);
    assert_eq!(board.get("id"), None, "the number of another installation");
    assert_eq!(board["uid"], "holdfast");
    let panels = board["panels"].as_array().unwrap();
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());
    for panel in panels {
        let kind = panel["type"].as_str().unwrap();
        assert!(["row", "stat", "timeseries"].contains(&kind), "{kind}");
        if kind != "row" {
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{panel}");
            assert!(!panel["description"].as_str().unwrap().is_empty(), "{panel}");
        }
    }
}
