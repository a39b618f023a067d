//! Checks how the code is written: headings, sizes, module names, and what may stop a process or make it wait.

use std::collections::BTreeSet;

use super::source::{Source, files, sources};
use super::{assert_catches, assert_holds};

const MOST_LINES: usize = 400;
const MOST_LINES_OF_A_FUNCTION: usize = 70;

/// Where the code may stop the process or wait for time to pass: file, word, reason.
const ALLOWED: &[(&str, &str, &str)] = &[
    (
        "src/app.rs",
        "sleep",
        "the pause between two attempts to connect to the database at the start",
    ),
    (
        "src/jobs.rs",
        "sleep",
        "the pause before a worker that panicked starts again",
    ),
    (
        "src/telemetry.rs",
        "sleep",
        "the pause between two times at which observations are summed up",
    ),
    (
        "src/workflow/deliver_events.rs",
        "sleep",
        "the pause between two looks for events",
    ),
    (
        "src/workflow/delivery_pace.rs",
        "sleep",
        "the pause after a round of events",
    ),
    (
        "src/workflow/sold_twice.rs",
        "sleep",
        "the pause between two counts",
    ),
    (
        "src/http/console/changes.rs",
        "sleep",
        "the pause between two looks of a stream",
    ),
    (
        "src/http/slots/stream.rs",
        "sleep",
        "the pause between two looks of a stream",
    ),
    (
        "src/http/connections.rs",
        "sleep",
        "the deadline of a connection, and the pause after the system refused one",
    ),
    (
        "src/http/connections/bodies.rs",
        "sleep",
        "the deadline of a body",
    ),
    (
        "src/config.rs",
        "unreachable",
        "a default that its own parser refuses; the tests read every default",
    ),
    (
        "src/domain/token.rs",
        "unreachable",
        "HMAC takes keys of any length",
    ),
    (
        "src/store/postgres/migrations.rs",
        "sleep",
        "the pause before a migration tries again to get its lock",
    ),
    (
        "src/gateway/stripe_rate_limit.rs",
        "sleep",
        "waits for capacity under Stripe's rate limit",
    ),
    (
        "src/gateway/retry.rs",
        "sleep",
        "the pause before a call is repeated",
    ),
    (
        "src/gateway/webhook/signature.rs",
        "expect",
        "HMAC takes keys of any length",
    ),
    (
        "src/sandbox/request_pipeline.rs",
        "sleep",
        "the latency and the late responses that a test injects",
    ),
    (
        "src/sandbox/background_tasks.rs",
        "sleep",
        "the delay between two attempts to deliver a webhook, and the polling of session expiry",
    ),
    (
        "src/sandbox/account_file.rs",
        "sleep",
        "the pause after a write, so that many changes are one write",
    ),
    (
        "src/sandbox/server.rs",
        "sleep",
        "the time that open responses have at shutdown",
    ),
    (
        "src/workflow/outbox.rs",
        "sleep",
        "the interval at which the outbox is polled without a signal",
    ),
    (
        "src/workflow/reconcile.rs",
        "sleep",
        "the interval at which due comparisons are looked for, and the pause that lets other calls to Stripe go first",
    ),
    (
        "src/workflow/read_feeds.rs",
        "sleep",
        "the interval at which due feeds are searched",
    ),
    (
        "src/workflow/release_hold.rs",
        "sleep",
        "another instance's lease: the database sends no signal when it ends",
    ),
];

const STOPS_OR_WAITS: [&str; 9] = [
    "unwrap",
    "expect",
    "panic",
    "todo",
    "unimplemented",
    "unreachable",
    "sleep",
    "interval",
    "sleep_until",
];

fn stops_or_waits(source: &Source) -> BTreeSet<String> {
    if source.is_test() {
        return BTreeSet::new();
    }
    let mentions = &source.mentions;
    let ends = mentions
        .paths
        .iter()
        .filter(|path| path.len() > 1)
        .filter_map(|path| path.last());
    let words = ends.chain(&mentions.methods).chain(&mentions.macros);
    words
        .filter(|word| STOPS_OR_WAITS.contains(&word.as_str()))
        .cloned()
        .collect()
}

fn nothing_stops_or_waits(source: &Source) -> Vec<String> {
    let allowed = |word: &str| {
        ALLOWED
            .iter()
            .any(|(path, name, _)| *path == source.path && *name == word)
    };
    let found = stops_or_waits(source).into_iter().filter(|word| !allowed(word));
    found
        .map(|word| source.fault(&format!("{word}: return an error, or give the reason in ALLOWED")))
        .collect()
}

fn has_a_heading(source: &Source) -> Vec<String> {
    let good = source.text.starts_with("//! ");
    if good {
        Vec::new()
    } else {
        vec![source.fault("does not begin with //!")]
    }
}

fn is_short(source: &Source) -> Vec<String> {
    let lines = source.text.lines().count();
    let mut faults = Vec::new();
    if lines > MOST_LINES {
        faults.push(source.fault(&format!("{lines} lines")));
    }
    for (name, lines) in functions(&source.text) {
        if lines > MOST_LINES_OF_A_FUNCTION {
            faults.push(source.fault(&format!("fn {name} has {lines} lines")));
        }
    }
    faults
}

/// The functions and their lengths in lines. The code is formatted, so a function ends with the first brace in the
/// column of its first line.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let level = indent(line);
        let below = lines[start..].iter().position(|line| {
            let (end, depth) = (line.trim_start(), indent(line));
            depth == level && (end == "}" || end.ends_with(';') || end.ends_with('}'))
        });
        found.push((
            name.to_owned(),
            below.map_or(lines.len() - start, |below| below + 1),
        ));
    }
    found
}

/// The name of the function that starts on this line; a function that a macro names with its argument is skipped.
fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line
        .split_once("fn ")
        .filter(|(_, after)| !after.starts_with('$'))?;
    let words = [
        "pub",
        "pub(crate)",
        "pub(super)",
        "async",
        "const",
        "in",
        "crate::http)",
        "pub(in",
    ];
    before
        .split_whitespace()
        .all(|word| words.contains(&word))
        .then(|| after.split(['(', '<']).next().unwrap_or_default())
}

fn names_say_something(source: &Source) -> Vec<String> {
    const EMPTY_NAMES: [&str; 7] = ["util", "utils", "helper", "helpers", "common", "misc", "shared"];
    let file = source
        .path
        .trim_end_matches(".rs")
        .rsplit('/')
        .next()
        .unwrap_or_default();
    let mut names = source.mentions.modules.clone();
    names.push(file.to_owned());
    let found = names
        .into_iter()
        .filter(|name| EMPTY_NAMES.contains(&name.as_str()));
    found
        .map(|name| source.fault(&format!("{name} says nothing: name the module by what it does")))
        .collect()
}

fn engines_agree(sqlite: &[String], postgres: &[String]) -> Vec<String> {
    let names = |files: &[String]| -> BTreeSet<String> {
        files
            .iter()
            .map(|path| path.rsplit('/').next().unwrap_or_default().to_owned())
            .collect()
    };
    let (sqlite, postgres) = (names(sqlite), names(postgres));
    sqlite.symmetric_difference(&postgres).cloned().collect()
}

#[test]
fn migrations_of_both_engines_have_the_same_names() {
    let (sqlite, postgres) = (files("migrations/sqlite"), files("migrations/postgres"));
    assert!(!sqlite.is_empty());
    assert_eq!(engines_agree(&sqlite, &postgres), [""; 0]);
    let more = [postgres, vec!["migrations/postgres/9999_more.sql".to_owned()]].concat();
    assert_eq!(engines_agree(&sqlite, &more), ["9999_more.sql"]);
}

#[test]
fn every_file_has_a_heading_and_is_short() {
    assert_holds(has_a_heading);
    assert_holds(is_short);
    let long = "//! A.\n".to_owned() + &"// b\n".repeat(MOST_LINES);
    let body = "    g();\n".repeat(MOST_LINES_OF_A_FUNCTION - 1);
    let function = format!("//! A.\npub(crate) async fn f(\n    a: A,\n) -> B {{\n{body}}}\n");
    assert_catches(&[
        (has_a_heading, "src/a.rs", "use a::b;"),
        (is_short, "src/a.rs", &long),
        (is_short, "src/a.rs", &function),
    ]);
    let short = "trait A {\n    fn f(\n        &self,\n    ) -> B;\n    fn g() {\n        h();\n    }\n}\n";
    let found: Vec<_> = functions(short);
    assert_eq!(found, [("f".to_owned(), 3), ("g".to_owned(), 3)]);
}

#[test]
fn module_names_say_something() {
    assert_holds(names_say_something);
    assert_catches(&[
        (names_say_something, "src/http/util.rs", ""),
        (names_say_something, "src/http/a.rs", "mod helpers { }"),
    ]);
}

#[test]
fn nothing_stops_or_waits_without_a_reason() {
    assert_holds(nothing_stops_or_waits);
    assert_catches(&[
        (nothing_stops_or_waits, "src/a.rs", "fn f() { g().unwrap(); }"),
        (
            nothing_stops_or_waits,
            "src/a.rs",
            "fn f() { info!(a = g().unwrap()); }",
        ),
        (
            nothing_stops_or_waits,
            "src/a.rs",
            "async fn f() { tokio::time::sleep(g()).await }",
        ),
        (nothing_stops_or_waits, "src/a.rs", "use tokio::time::sleep;"),
        (nothing_stops_or_waits, "src/a.rs", "fn f() { panic!() }"),
    ]);
    let tests = Source::new("src/a.rs", "#[cfg(test)] mod tests { fn f() { g().unwrap(); } }");
    assert!(nothing_stops_or_waits(&tests).is_empty());
}

/// An unused entry would one day allow something new.
#[test]
fn every_entry_of_allowed_is_used() {
    let sources = sources();
    for (path, word, _) in ALLOWED {
        let used = sources
            .iter()
            .any(|source| source.path == *path && stops_or_waits(source).contains(*word));
        assert!(
            used,
            "{path} has no {word} any more: take the entry out of ALLOWED"
        );
    }
}
