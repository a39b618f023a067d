//! Checks names: public types are unique, test names are short, and modules have one file style.

use std::collections::BTreeMap;

use super::source::{Source, files, sources};
use super::{assert_catches, assert_holds};

const MOST_CHARACTERS_OF_A_TEST: usize = 60;

/// The macros that make tests of what they are given.
const TEST_MACROS: [&str; 3] = ["on_both_engines!", "cut_at_every_step!", "every_step_goes_wrong!"];

/// The line and the name of each type that a text defines, private ones included; test modules are left out.
pub(crate) fn types(text: &str) -> Vec<(usize, String)> {
    let definitions = outside_test_modules(text).filter_map(|(number, line)| {
        let words = line
            .trim_start()
            .split(|c: char| !c.is_alphanumeric() && c != '_');
        let mut words =
            words.filter(|word| !matches!(*word, "" | "pub" | "crate" | "super" | "in" | "unsafe"));
        let is_type = matches!(words.next()?, "struct" | "enum" | "trait" | "type" | "union");
        let name = words.next().filter(|_| is_type)?;
        name.starts_with(char::is_uppercase)
            .then(|| (number, name.to_owned()))
    });
    definitions.collect()
}

/// The lines that are not in an inline module of tests, with their numbers. The code is formatted, so such a module
/// ends with a brace in the column of its first line.
fn outside_test_modules(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut end: Option<String> = None;
    let mut after_cfg = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        if let Some(brace) = &end {
            if line == brace {
                end = None;
            }
            return None;
        }
        let trimmed = line.trim_start();
        if after_cfg && trimmed.starts_with("mod ") && line.ends_with('{') {
            end = Some(format!("{}}}", &line[..line.len() - trimmed.len()]));
        }
        after_cfg = trimmed == "#[cfg(test)]";
        Some((index + 1, line))
    })
}

fn is_public(text: &str, line: usize) -> bool {
    let line = text.lines().nth(line - 1).unwrap_or_default();
    line.trim_start().starts_with("pub")
}

/// The public types that have the name of another one. The simulator apart: it could be a program of its own.
fn shared_names(sources: &[Source]) -> Vec<String> {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let ours = |source: &&Source| {
        source.path.starts_with("src/") && source.layer() != Some("sandbox") && !source.is_test()
    };
    for source in sources.iter().filter(ours) {
        for (line, name) in types(&source.text) {
            if is_public(&source.text, line) {
                places
                    .entry(name)
                    .or_default()
                    .push(format!("{}:{line}", source.path));
            }
        }
    }
    let shared = places.into_iter().filter(|(_, places)| places.len() > 1);
    shared
        .flat_map(|(name, places)| {
            let all = places.join(", ");
            places
                .into_iter()
                .map(move |place| format!("{place}: type {name} is defined more than once: {all}"))
        })
        .collect()
}

/// The line and the name of each test.
fn tests(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut after_attribute = false;
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        if trimmed.starts_with("#[test]") || trimmed.starts_with("#[tokio::test") {
            after_attribute = true;
        }
        if let Some(name) = function(trimmed).filter(|_| after_attribute) {
            found.push((index + 1, name.to_owned()));
            after_attribute = false;
        }
    }
    for call in TEST_MACROS {
        found.extend(tests_of_macro(text, call));
    }
    found
}

fn function(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let only_words = before
        .chars()
        .all(|c| c.is_alphabetic() || c == ' ' || c == ']' || c == '[');
    let name = after.split(|c: char| !c.is_alphanumeric() && c != '_').next()?;
    (only_words || before.starts_with('#'))
        .then_some(name)
        .filter(|name| !name.is_empty())
}

/// The tests that a macro makes: its functions, or else the first name of each item of its list.
fn tests_of_macro(text: &str, call: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices(call) {
        let before = text[..at].rsplit('\n').next().unwrap_or_default();
        let is_call = before
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, ' ' | ':' | '_'));
        let body = &text[at + call.len()..];
        let Some(body) = body_of_call(body).filter(|_| is_call) else {
            continue;
        };
        let first = text[..at].matches('\n').count() + 1;
        let has_functions = body.contains("fn ");
        for (index, line) in body.lines().enumerate() {
            let names: Vec<&str> = match has_functions {
                true => function(line.trim_start()).into_iter().collect(),
                false => line.split([',', ';']).filter_map(item_name).collect(),
            };
            found.extend(names.into_iter().map(|name| (first + index, name.to_owned())));
        }
    }
    found
}

/// The name that an item of a list begins with: `case` or `case: Story`.
fn item_name(item: &str) -> Option<&str> {
    let name = item.trim().split(": ").next()?;
    let is_name = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_lowercase() || c.is_numeric() || c == '_');
    is_name.then_some(name)
}

/// What stands between the brackets that follow.
fn body_of_call(rest: &str) -> Option<&str> {
    let start = rest.find(|c: char| c != ' ')?;
    let (open, close) = match rest[start..].chars().next()? {
        '(' => ('(', ')'),
        '{' => ('{', '}'),
        '[' => ('[', ']'),
        _ => return None,
    };
    let mut depth = 0_usize;
    for (at, c) in rest.char_indices().skip(start) {
        depth += usize::from(c == open);
        if c == close {
            depth -= 1;
            if depth == 0 {
                return Some(&rest[start + 1..at]);
            }
        }
    }
    None
}

fn test_names_are_short(source: &Source) -> Vec<String> {
    let mut faults = Vec::new();
    for (line, name) in tests(&source.text) {
        let length = name.chars().count();
        if length > MOST_CHARACTERS_OF_A_TEST {
            faults.push(source.fault_at(
                line,
                &format!("test {name} has {length} characters, more than {MOST_CHARACTERS_OF_A_TEST}"),
            ));
        }
        let digits = name.strip_prefix('s').and_then(|rest| rest.split_once('_'));
        if digits.is_some_and(|(number, _)| !number.is_empty() && number.chars().all(|c| c.is_ascii_digit()))
        {
            faults.push(source.fault_at(
                line,
                &format!("test {name} begins with a story number: docs/testing.md has these"),
            ));
        }
    }
    faults
}

fn style_faults(paths: &[String]) -> Vec<String> {
    let old = paths.iter().filter(|path| path.ends_with("/mod.rs"));
    old.map(|path| format!("{path}: write name.rs beside name/ instead of name/mod.rs"))
        .collect()
}

#[test]
fn public_type_names_are_unique() {
    let found = shared_names(sources());
    assert!(found.is_empty(), "\n{}\n{} faults", found.join("\n"), found.len());
    let one = Source::new("src/store/a.rs", "pub struct A;\nstruct B;\n");
    let two = Source::new("src/http/b.rs", "pub(super) enum A {}\npub type B = u8;\n");
    let found = shared_names(&[one, two]);
    let [first, second] = &found[..] else {
        panic!("{found:?}")
    };
    assert!(first.starts_with("src/store/a.rs:1: type A"), "{first}");
    assert!(second.starts_with("src/http/b.rs:1: type A"), "{second}");
    let simulator = Source::new("src/sandbox/a.rs", "pub struct A;");
    let tests = "pub struct C;\n#[cfg(test)]\nmod tests {\n    pub struct A;\n}\n";
    let other = Source::new("src/http/b.rs", &format!("{tests}pub struct A;\n"));
    assert_eq!(shared_names(&[simulator, other]), [""; 0]);
}

#[test]
fn test_names_are_short_and_have_no_number() {
    assert_holds(test_names_are_short);
    let long = format!(
        "#[test]\nfn {}() {{}}\n",
        "a".repeat(MOST_CHARACTERS_OF_A_TEST + 1)
    );
    let in_list = format!("on_both_engines!(a, {}_b, c);\n", "a".repeat(60));
    assert_catches(&[
        (test_names_are_short, "tests/a.rs", &long),
        (test_names_are_short, "tests/a.rs", "#[test]\nfn s16_a() {}\n"),
        (
            test_names_are_short,
            "tests/a.rs",
            "#[tokio::test(flavor = \"multi_thread\")]\n#[ignore]\nasync fn s1_a() {}\n",
        ),
        (
            test_names_are_short,
            "tests/a.rs",
            "on_both_engines! {\n    async fn s16_a(engine) { f() }\n}\n",
        ),
        (
            test_names_are_short,
            "tests/a.rs",
            "cut_at_every_step! {\n    s23_a: Won, Lost;\n}\n",
        ),
        (test_names_are_short, "tests/a.rs", &in_list),
        (
            test_names_are_short,
            "src/a.rs",
            "#[cfg(test)]\nmod tests {\n    #[test]\n    fn s2_a() {}\n}\n",
        ),
    ]);
    let fine = "#[test]\nfn a() {}\n\nfn s16_a() {}\nfn sum_a() {}\n";
    assert_eq!(tests(fine), [(2, "a".to_owned())]);
}

#[test]
fn modules_have_one_file_style() {
    let paths = [files("src"), files("tests")].concat();
    assert_eq!(style_faults(&paths), [""; 0]);
    assert!(!style_faults(&["src/a/mod.rs".to_owned()]).is_empty());
}
