//! Holds the repository to its own rules: who may use whom, how code is written, what the documentation says.
//!
//! `ARCHITECTURE.md` gives the reasons. Each rule is tried on a snippet that breaks it, so that no rule passes because it
//! looks at nothing.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a check fails by panicking")]

#[path = "tidy/code.rs"]
mod code;
#[path = "tidy/docs.rs"]
mod docs;
#[path = "tidy/links.rs"]
mod links;
#[path = "tidy/rooms.rs"]
mod rooms;
#[path = "tidy/source.rs"]
mod source;

use source::{Source, sources};

/// What is wrong with a file; empty where nothing is.
type Rule = fn(&Source) -> Vec<String>;

/// All files obey the rule.
fn assert_holds(rule: Rule) {
    let sources = sources();
    assert!(sources.len() > 50, "the sources were not found");
    let faults: Vec<String> = sources
        .iter()
        .flat_map(|source| {
            rule(source)
                .into_iter()
                .map(move |fault| format!("{}: {fault}", source.path))
        })
        .collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// The rules find the fault in each of these: rule, path, text.
fn assert_catches(snippets: &[(Rule, &str, &str)]) {
    for (rule, path, text) in snippets {
        assert!(
            !rule(&Source::new(path, text)).is_empty(),
            "not caught in {path}: {text}"
        );
    }
}
