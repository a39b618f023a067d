//! Checks that log lines which an operator keeps name no hold by its id: the id gives the right to read the hold.

use super::source::Source;
use super::{assert_catches, assert_holds};

/// The levels that are on by default.
const KEPT: [&str; 3] = ["tracing::info!(", "tracing::warn!(", "tracing::error!("];

/// Tells whether the fields of a log line show the id of a hold.
fn shows_an_id(fields: &str) -> bool {
    let fields = fields.split(',').map(str::trim);
    fields
        .filter(|field| !field.contains(".log_id()"))
        .any(|field| field.starts_with("%hold") || field.starts_with("?hold") || field.starts_with("hold ="))
}

fn no_hold_id_is_logged(source: &Source) -> Vec<String> {
    let is_ours = source
        .layer()
        .is_some_and(|layer| !matches!(layer, "sandbox" | "stripe_sandbox"));
    let mut faults = Vec::new();
    for start in KEPT.iter().filter(|_| is_ours) {
        for (at, _) in source.text.match_indices(start) {
            let line = source.text[..at].matches('\n').count() + 1;
            let call = &source.text[at + start.len()..];
            // The message comes last, and is the first text in quotes.
            let fields = call.split('"').next().unwrap_or_default();
            if shows_an_id(fields) {
                faults.push(source.fault_at(line, "logs the id of a hold: log its log_id()"));
            }
        }
    }
    faults
}

#[test]
fn kept_log_lines_have_no_hold_id() {
    assert_holds(no_hold_id_is_logged);
    let rule = no_hold_id_is_logged;
    assert_catches(&[
        (
            rule,
            "src/workflow/a.rs",
            "fn f() { tracing::info!(%hold, \"done\"); }",
        ),
        (
            rule,
            "src/http/a.rs",
            "fn f() { tracing::warn!(\n    a,\n    hold = %b.id,\n    \"done\"\n); }",
        ),
        (
            rule,
            "src/jobs.rs",
            "fn f() { tracing::error!(?hold, \"done\"); }",
        ),
    ]);
    for fine in [
        "fn f() { tracing::info!(hold = %hold.log_id(), \"done\"); }",
        "fn f() { tracing::debug!(%hold, \"done\"); }",
    ] {
        assert!(rule(&Source::new("src/workflow/a.rs", fine)).is_empty(), "{fine}");
    }
}
