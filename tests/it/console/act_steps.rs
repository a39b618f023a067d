//! The steps of an operator's act in the console, and what is left of it, for the tests of all acts.

use reqwest::Method;
use serde_json::Value;

use crate::support::app::{ApiResponse, TestApp};
use crate::support::console::{ConsoleClient, ConsolePage};

/// Opens the page that asks, and returns its hidden fields and what else the form carries.
pub(super) async fn ask(browser: &ConsoleClient, path: &str, fields: &[&str]) -> Vec<(String, String)> {
    let page = browser.get(path).await.expect(200);
    let read = |name: &&str| ((*name).to_owned(), page.hidden(name));
    fields.iter().map(read).collect()
}

/// Sends the form of the page that asked, with more values.
pub(super) async fn confirm(
    browser: &ConsoleClient,
    path: &str,
    asked: &[(String, String)],
    more: &[(&str, &str)],
) -> ConsolePage {
    let mut form: Vec<(&str, &str)> = asked
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    form.extend(more);
    browser.post(path, &form).await
}

/// Follows an act to the page after it, which must say this.
pub(super) async fn follow(browser: &ConsoleClient, done: ConsolePage, notice: &str) {
    let done = done.expect(303);
    browser.get(done.location()).await.expect(200).shows(notice);
}

/// Returns action, target and outcome of the latest entries of the audit trail, latest first.
pub(super) async fn audit(app: &TestApp, key: &str) -> Vec<String> {
    let key: String = url::form_urlencoded::byte_serialize(key.as_bytes()).collect();
    let listed = app
        .admin(Method::GET, &format!("/v1/admin/audit?actor={key}"), None)
        .await
        .expect(200);
    let text = |entry: &Value, member: &str| entry[member].as_str().unwrap_or("-").to_owned();
    let entries = listed.body["data"].as_array().unwrap().iter();
    let rows = entries.map(|entry| {
        format!(
            "{} {} {}",
            text(entry, "action"),
            text(entry, "target"),
            text(entry, "outcome")
        )
    });
    rows.filter(|row| !row.starts_with("read") && !row.starts_with("signIn"))
        .collect()
}

pub(super) async fn ledger(app: &TestApp, hold: &ApiResponse) -> Value {
    app.admin_hold(hold.text("id")).await["ledger"].clone()
}

pub(super) async fn history_of(app: &TestApp, hold: &ApiResponse) -> Vec<String> {
    let shown = app.admin_hold(hold.text("id")).await;
    let lines = shown["history"].as_array().unwrap().iter();
    let lines = lines.map(|line| {
        format!(
            "{} {}",
            line["transition"].as_str().unwrap(),
            line["actor"].as_str().unwrap_or("-")
        )
    });
    lines.collect()
}
