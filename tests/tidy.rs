//! Checks the repository against its own rules: layers, code style, names, words, and what the documentation says.
//!
//! `ARCHITECTURE.md` gives the reasons. Each rule also runs on a snippet that breaks it, so that no rule passes
//! because it looks at nothing. `cargo test --test tidy` lists all faults as `file:line: what is wrong`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a check fails by panicking")]

#[path = "tidy/code.rs"]
mod code;
#[path = "tidy/comments.rs"]
mod comments;
#[path = "tidy/cycles.rs"]
mod cycles;
#[path = "tidy/deploy.rs"]
mod deploy;
#[path = "tidy/docs.rs"]
mod docs;
#[path = "tidy/layers.rs"]
mod layers;
#[path = "tidy/links.rs"]
mod links;
#[path = "tidy/logs.rs"]
mod logs;
#[path = "tidy/monitoring.rs"]
mod monitoring;
#[path = "tidy/names.rs"]
mod names;
#[path = "tidy/source.rs"]
mod source;
#[path = "tidy/text.rs"]
mod text;
#[path = "tidy/words.rs"]
mod words;

use source::{Source, sources};

/// Lists what is wrong with a file, each fault as `file:line: what` or `file: what`.
type Rule = fn(&Source) -> Vec<String>;

/// Asserts that all Rust files obey the rule.
fn assert_holds(rule: Rule) {
    let sources = sources();
    assert!(sources.len() > 50, "the sources were not found");
    let faults: Vec<String> = sources.iter().flat_map(rule).collect();
    assert!(
        faults.is_empty(),
        "\n{}\n{} faults",
        faults.join("\n"),
        faults.len()
    );
}

/// Asserts that each rule finds the fault in its snippet: rule, path, text.
fn assert_catches(snippets: &[(Rule, &str, &str)]) {
    for (rule, path, text) in snippets {
        assert!(
            !rule(&Source::new(path, text)).is_empty(),
            "not caught in {path}: {text}"
        );
    }
}
