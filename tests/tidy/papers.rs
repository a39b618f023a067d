//! What the papers say about the program, held against the program.

use std::collections::BTreeSet;

use super::source::{Source, files, read, sources};

/// The environment variables that the configuration reads.
fn variables(config: &str) -> BTreeSet<String> {
    let literals = Source::new("src/config.rs", config).mentions.literals;
    let is_variable = |text: &String| {
        let ours = text == "DATABASE_URL" || text.starts_with("HOLDFAST_") || text.starts_with("STRIPE_");
        ours && text.chars().all(|c| c.is_ascii_uppercase() || c == '_')
    };
    literals.into_iter().filter(is_variable).collect()
}

/// The names in the first column of the table under this heading.
fn table(paper: &str, heading: &str) -> BTreeSet<String> {
    let section = paper
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

/// The variables that an example of `.env` names, commented out or not.
fn example(text: &str) -> BTreeSet<String> {
    let lines = text.lines().map(|line| line.trim_start_matches('#').trim());
    let names = lines
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name);
    names
        .filter(|name| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
        .map(str::to_owned)
        .collect()
}

/// The metrics that are described.
fn metrics(telemetry: &str) -> BTreeSet<String> {
    let words = telemetry.split('"').skip(1).step_by(2);
    words
        .filter(|word| word.starts_with("holdfast_"))
        .map(str::to_owned)
        .collect()
}

/// The commands of the command line, as they are typed.
fn commands(main: &str) -> BTreeSet<String> {
    let body = main.split("\nenum Command {\n").nth(1).unwrap_or_default();
    let body = body.split("\n}").next().unwrap_or_default();
    let variants = body
        .lines()
        .filter(|line| line.starts_with("    ") && !line.starts_with("     "));
    let names = variants
        .map(str::trim)
        .filter(|line| line.starts_with(char::is_uppercase));
    names
        .map(|line| {
            kebab(
                line.split(|c: char| !c.is_alphanumeric())
                    .next()
                    .unwrap_or_default(),
            )
        })
        .collect()
}

fn kebab(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !text.is_empty() {
            text.push('-');
        }
        text.extend(c.to_lowercase());
    }
    text
}

/// Words that belong to a machine on which somebody works, or to a place that packages come from.
fn is_local(text: &str) -> Option<&'static str> {
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

/// The tests that a paper names: `file.rs::test`.
fn named_tests(paper: &str) -> Vec<(String, String)> {
    let quoted = paper.split('`').skip(1).step_by(2);
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

/// The event types that a text names.
fn event_types(words: impl Iterator<Item = String>) -> BTreeSet<String> {
    let families = ["checkout.session.", "payment_intent.", "charge.", "refund."];
    words
        .filter(|word| families.iter().any(|family| word.starts_with(family)))
        .collect()
}

#[test]
fn every_variable_is_in_the_readme_and_in_the_example() {
    let read_by_config = variables(&read("src/config.rs"));
    assert!(read_by_config.len() > 10, "{read_by_config:?}");
    assert_eq!(table(&read("README.md"), "Environment"), read_by_config);
    assert_eq!(example(&read(".env.example")), read_by_config);
}

#[test]
fn every_metric_and_every_command_is_in_the_readme() {
    let readme = read("README.md");
    let described = metrics(&read("src/telemetry.rs"));
    assert!(described.len() > 10, "{described:?}");
    assert_eq!(table(&readme, "Metrics"), described);
    let typed = commands(&read("src/main.rs"));
    assert!(typed.contains("stripe-sandbox"), "{typed:?}");
    let missing: Vec<_> = typed
        .iter()
        .filter(|command| !readme.contains(&format!("| `holdfast {command}`")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_test_that_the_architecture_names_is_there() {
    let named = named_tests(&read("ARCHITECTURE.md"));
    assert!(named.len() >= 9, "{named:?}");
    let sources = sources();
    let missing: Vec<_> = named
        .iter()
        .filter(|(file, test)| !has_test(sources, file, test))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(!has_test(sources, "papers.rs", "no_such_test"));
}

#[test]
fn the_readme_subscribes_to_the_events_that_are_read() {
    let code = Source::new(
        "src/gateway/webhook/event.rs",
        &read("src/gateway/webhook/event.rs"),
    );
    let listened_to = event_types(code.mentions.literals.into_iter());
    assert!(listened_to.len() > 10, "{listened_to:?}");
    let readme = read("README.md");
    let list = readme
        .split("```text")
        .nth(1)
        .unwrap_or_default()
        .split("```")
        .next()
        .unwrap_or_default();
    assert_eq!(
        event_types(list.split_whitespace().map(str::to_owned)),
        listened_to
    );
}

#[test]
fn nothing_names_somebodys_machine_or_a_place_of_packages() {
    // The hints stand here; the lock file names its registry by nature.
    let exempt = ["tests/tidy/papers.rs", "Cargo.lock"];
    for path in files("").iter().filter(|path| !exempt.contains(&path.as_str())) {
        let Ok(text) = String::from_utf8(std::fs::read(super::source::root().join(path)).unwrap()) else {
            continue;
        };
        assert_eq!(is_local(&text), None, "{path}");
    }
    assert!(is_local("see /home/ada/notes").is_some());
}

#[test]
fn the_papers_are_read_as_they_are_written() {
    let names = |set: BTreeSet<String>| set.into_iter().collect::<Vec<_>>().join(" ");
    let config = "fn f() { r.optional(\"HOLDFAST_A\"); g(\"must be HOLDFAST_B\") }";
    assert_eq!(names(variables(config)), "HOLDFAST_A");
    let paper = "# A\n\n## Environment\n\n| `A_B`, `C` | 1 |\n\n## Other\n\n| `D` |\n";
    assert_eq!(names(table(paper, "Environment")), "A_B C");
    assert_eq!(names(example("# A_B=1\nC=\n# words, and a = sign\n")), "A_B C");
    assert_eq!(
        names(metrics("f(\"holdfast_a_total\", \"holdfast\")")),
        "holdfast_a_total"
    );
    assert_eq!(
        names(commands(
            "\nenum Command {\n    /// A.\n    Serve,\n    StripeSandbox(Args),\n}"
        )),
        "serve stripe-sandbox"
    );
    assert_eq!(
        named_tests("by `a.rs::b`, `c`"),
        [("a.rs".to_owned(), "b".to_owned())]
    );
}
