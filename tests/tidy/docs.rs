//! Compares what the documentation says with what the program does.
//!
//! Each page has one subject, and each check reads the page that owns it: variables in `docs/configuration.md`, metrics in
//! `docs/metrics.md`, commands in `docs/operations.md`, Stripe's events in `docs/stripe.md`. Links are checked in `links`.

use std::collections::BTreeSet;

use super::links;
use super::source::{Source, files, read, root, sources};

/// The README is an entrance: a longer one is not read to its end. Whitespace separates words, as for `wc -w`.
const MAX_README_WORDS: usize = 1_100;

/// Finds the environment variables that the configuration reads.
fn find_variables(config: &str) -> BTreeSet<String> {
    let literals = Source::new("src/config.rs", config).mentions.literals;
    let is_variable = |text: &String| {
        let ours = text == "DATABASE_URL" || text.starts_with("HOLDFAST_") || text.starts_with("STRIPE_");
        ours && text.chars().all(|c| c.is_ascii_uppercase() || c == '_')
    };
    literals.into_iter().filter(is_variable).collect()
}

/// Reads the names in the first column of the table under a heading of a page.
pub(crate) fn parse_table(page: &str, heading: &str) -> BTreeSet<String> {
    let section = page
        .split(&format!("\n## {heading}\n"))
        .nth(1)
        .unwrap_or_default();
    let section = section.split("\n## ").next().unwrap_or_default();
    let cells = section
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('|').next());
    let names = cells.flat_map(|cell| cell.split(['`', ',']).map(str::trim));
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Reads the variables that an example of `.env` names, commented out or not.
fn parse_example(text: &str) -> BTreeSet<String> {
    let lines = text.lines().map(|line| line.trim_start_matches('#').trim());
    let names = lines
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name);
    names
        .filter(|name| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
        .map(str::to_owned)
        .collect()
}

/// Finds the metrics that the program describes to Prometheus.
pub(crate) fn find_metrics(telemetry: &str) -> BTreeSet<String> {
    let words = telemetry.split('"').skip(1).step_by(2);
    words
        .filter(|word| word.starts_with("holdfast_"))
        .map(str::to_owned)
        .collect()
}

/// Finds the commands of the command line, as an operator types them.
fn find_commands(main: &str) -> BTreeSet<String> {
    let body = main.split("\nenum Command {\n").nth(1).unwrap_or_default();
    let body = body.split("\n}").next().unwrap_or_default();
    let variants = body
        .lines()
        .filter(|line| line.starts_with("    ") && !line.starts_with("     "));
    let names = variants
        .map(str::trim)
        .filter(|line| line.starts_with(char::is_uppercase));
    names
        .filter_map(|line| line.split(|c: char| !c.is_alphanumeric()).next())
        .map(to_kebab_case)
        .collect()
}

fn to_kebab_case(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !text.is_empty() {
            text.push('-');
        }
        text.extend(c.to_lowercase());
    }
    text
}

/// Finds the commands that the page has no row for.
fn find_missing_commands(page: &str, main: &str) -> Vec<String> {
    let has_row = |command: &String| page.contains(&format!("| `holdfast {command}`"));
    find_commands(main)
        .into_iter()
        .filter(|command| !has_row(command))
        .collect()
}

/// Finds a path of somebody's machine or the host of a package registry: the text must not depend on either.
fn find_local_hint(text: &str) -> Option<&'static str> {
    let hints = [
        "/home/",
        "/root/",
        "/Users/",
        "/work/",
        "crates.io",
        "docker.io",
        "ghcr.io",
        "quay.io",
        "pypi.org",
        "npmjs.",
    ];
    hints.into_iter().find(|hint| text.contains(hint))
}

/// Finds the tests that a page names: `file.rs::test` in backquotes.
fn find_named_tests(page: &str) -> Vec<(String, String)> {
    let quoted = page.split('`').skip(1).step_by(2);
    let pairs = quoted.filter_map(|text| text.split_once(".rs::"));
    pairs
        .map(|(file, test)| (format!("{file}.rs"), test.to_owned()))
        .collect()
}

fn has_test(sources: &[Source], file: &str, test: &str) -> bool {
    let mut found = sources
        .iter()
        .filter(|source| source.path.ends_with(&format!("/{file}")));
    found.any(|source| source.text.contains(&format!("fn {test}(")))
}

/// Finds the tests that a page names and no file has.
fn find_missing_tests(page: &str, sources: &[Source]) -> Vec<(String, String)> {
    let mut named = find_named_tests(page);
    named.retain(|(file, test)| !has_test(sources, file, test));
    named
}

/// Keeps the words that are types of Stripe's events.
fn keep_event_types(words: impl Iterator<Item = String>) -> BTreeSet<String> {
    let families = ["checkout.session.", "payment_intent.", "charge.", "refund."];
    words
        .filter(|word| families.iter().any(|family| word.starts_with(family)))
        .collect()
}

/// Reads the event types in the first `text` block of a page.
fn parse_event_list(page: &str) -> BTreeSet<String> {
    let block = page.split("```text").nth(1).unwrap_or_default();
    let block = block.split("```").next().unwrap_or_default();
    keep_event_types(block.split_whitespace().map(str::to_owned))
}

/// Finds the pages of `docs/` that the README does not link to.
fn find_unlinked_pages(readme: &str, pages: &[String]) -> Vec<String> {
    let linked: BTreeSet<String> = links::find_targets(readme)
        .into_iter()
        .filter_map(|target| target.split('#').next().map(str::to_owned))
        .collect();
    let unlinked = pages
        .iter()
        .filter(|page| page.ends_with(".md") && !linked.contains(*page));
    unlinked.cloned().collect()
}

fn count_words(text: &str) -> usize {
    text.split_whitespace().count()
}

fn join_names(names: BTreeSet<String>) -> String {
    names.into_iter().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_variable_is_documented_and_in_the_example() {
    let files = ["src/config.rs", "src/config/hold_limits.rs"];
    let variables: BTreeSet<_> = files
        .iter()
        .flat_map(|file| find_variables(&read(file)))
        .collect();
    assert!(variables.len() > 10, "{variables:?}");
    assert_eq!(
        parse_table(&read("docs/configuration.md"), "Environment"),
        variables
    );
    assert_eq!(parse_example(&read(".env.example")), variables);
}

#[test]
fn every_metric_is_documented() {
    let metrics = find_metrics(&read("src/telemetry.rs"));
    assert!(metrics.len() > 10, "{metrics:?}");
    assert_eq!(parse_table(&read("docs/metrics.md"), "Metrics"), metrics);
}

/// An operator who sums up a gauge of the database over the instances gets too much.
#[test]
fn each_gauge_of_the_database_is_called_one() {
    let telemetry = read("src/telemetry.rs");
    let set = telemetry.split("fn set_gauges(").nth(1).unwrap_or_default();
    let gauges = find_metrics(set.split("\n}\n").next().unwrap_or_default());
    assert!(gauges.len() > 10, "{gauges:?}");
    let page = read("docs/metrics.md");
    let listed = page
        .lines()
        .find(|line| line.starts_with("- **Gauges of the database**"));
    let names: Vec<&str> = listed.unwrap_or_default().split('`').skip(1).step_by(2).collect();
    let is_listed = |gauge: &String| {
        let is_named = |name: &&str| {
            name.strip_suffix('…')
                .map_or(*name == gauge, |start| gauge.starts_with(start))
        };
        names.iter().any(is_named)
    };
    let missing: Vec<&String> = gauges.iter().filter(|gauge| !is_listed(gauge)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_command_is_documented() {
    let main = read("src/main.rs");
    assert!(find_commands(&main).contains("stripe-sandbox"));
    assert_eq!(find_missing_commands(&read("docs/operations.md"), &main), [""; 0]);
    assert_eq!(
        find_missing_commands(
            "| `holdfast serve` | |",
            "\nenum Command {\n    Serve,\n    Sweep,\n}"
        ),
        ["sweep"]
    );
}

#[test]
fn every_test_that_a_page_names_exists() {
    let sources = sources();
    assert!(find_named_tests(&read("docs/testing.md")).len() > 100);
    for page in ["ARCHITECTURE.md", "docs/testing.md"] {
        let missing = find_missing_tests(&read(page), sources);
        assert!(missing.is_empty(), "{page}: {missing:?}");
    }
    assert_eq!(
        find_missing_tests("`docs.rs::no_such_test`", sources),
        [("docs.rs".to_owned(), "no_such_test".to_owned())]
    );
}

#[test]
fn stripe_page_lists_the_events_that_are_read() {
    let path = "src/gateway/webhook/event.rs";
    let literals = Source::new(path, &read(path)).mentions.literals;
    let events = keep_event_types(literals.into_iter());
    assert!(events.len() > 10, "{events:?}");
    assert_eq!(parse_event_list(&read("docs/stripe.md")), events);
}

#[test]
fn readme_links_to_every_page() {
    assert_eq!(find_unlinked_pages(&read("README.md"), &files("docs")), [""; 0]);
    let pages = ["docs/a.md", "docs/b.md", "docs/c.md"].map(str::to_owned);
    assert_eq!(
        find_unlinked_pages("[A](docs/a.md), [B](docs/b.md#part), `docs/c.md`", &pages),
        ["docs/c.md"]
    );
}

#[test]
fn readme_is_short() {
    let words = count_words(&read("README.md"));
    assert!(words <= MAX_README_WORDS, "{words} words");
    assert_eq!(count_words("One two,\n\n- three"), 4);
}

#[test]
fn every_relative_link_resolves() {
    let pages: Vec<String> = files("")
        .into_iter()
        .filter(|path| path.ends_with(".md"))
        .collect();
    assert!(pages.len() > 5, "{pages:?}");
    let broken: Vec<String> = pages
        .iter()
        .flat_map(|page| links::find_broken(page, &read(page)))
        .collect();
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn no_file_names_a_machine_or_a_registry() {
    // The hints are written in this file; the lock file has to name its registry.
    let exempt = ["tests/tidy/docs.rs", "Cargo.lock"];
    for path in files("").iter().filter(|path| !exempt.contains(&path.as_str())) {
        let Ok(text) = String::from_utf8(std::fs::read(root().join(path)).unwrap()) else {
            continue;
        };
        assert_eq!(find_local_hint(&text), None, "{path}");
    }
    assert!(find_local_hint("see /home/ada/notes").is_some());
}

#[test]
fn each_reader_finds_what_is_written() {
    let config = "fn f() { r.optional(\"HOLDFAST_A\"); g(\"must be HOLDFAST_B\") }";
    assert_eq!(join_names(find_variables(config)), "HOLDFAST_A");
    let page = "# A\n\n## Environment\n\n| `A_B`, `C` | 1 |\n\n## Other\n\n| `D` |\n";
    assert_eq!(join_names(parse_table(page, "Environment")), "A_B C");
    assert_eq!(
        join_names(parse_example("# A_B=1\nC=\n# words, and a = sign\n")),
        "A_B C"
    );
    let telemetry = "f(\"holdfast_a_total\", \"holdfast\")";
    assert_eq!(join_names(find_metrics(telemetry)), "holdfast_a_total");
    let main = "\nenum Command {\n    /// A.\n    Serve,\n    StripeSandbox(StripeSandboxArgs),\n}";
    assert_eq!(join_names(find_commands(main)), "serve stripe-sandbox");
    assert_eq!(
        find_named_tests("by `a.rs::b`, `c`"),
        [("a.rs".to_owned(), "b".to_owned())]
    );
    let list = "`refund.old`\n```text\ncharge.a  ours.b\n```\nrefund.c";
    assert_eq!(join_names(parse_event_list(list)), "charge.a");
}
