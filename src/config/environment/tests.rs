//! Where a variable comes from, which ones are unknown, and that the example of `.env` works.

use std::os::unix::ffi::OsStringExt;

use secrecy::ExposeSecret;

use super::*;
use crate::config::{Config, ConfigErrors, ConfigScope, load_environment};

const EXAMPLE: &str = include_str!("../../../.env.example");
const STRIPE: [(&str, &str); 2] = [
    ("STRIPE_SECRET_KEY", "sk_test_1"),
    ("STRIPE_WEBHOOK_SECRET", "whsec_1"),
];

fn of_process(pairs: &[(&str, &str)]) -> Environment {
    Environment::new(pairs.iter().map(|(name, value)| (name.into(), value.into())))
}

/// Reads a file with this text, beside what the process has.
fn with_text(process: &[(&str, &str)], text: &str) -> Result<Environment, EnvFileError> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(".env");
    std::fs::write(&path, text).unwrap();
    of_process(process).with_file(&path)
}

fn load(process: &[(&str, &str)], text: &str) -> Result<Config, ConfigErrors> {
    load_environment(&with_text(process, text).unwrap(), ConfigScope::Stripe)
}

fn list_unknown(process: &[(&str, &str)], text: &str) -> Vec<String> {
    let unknown = load(&[process, &STRIPE].concat(), text)
        .unwrap()
        .unknown_variables;
    unknown
        .iter()
        .map(|unknown| format!("{} {}", unknown.name, unknown.nearest))
        .collect()
}

/// Returns the lines of the example, with those uncommented that assign and that `chosen` picks.
fn uncomment(chosen: impl Fn(&str) -> bool) -> String {
    let lines = EXAMPLE.lines().map(|line| match commented_assignment(line) {
        Some(assignment) if chosen(assignment) => assignment,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the assignment in a comment. Prose has no name before its `=`.
fn commented_assignment(line: &str) -> Option<&str> {
    let assignment = line.strip_prefix("# ")?;
    let (name, _) = assignment.split_once('=')?;
    let is_name = name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    is_name.then_some(assignment)
}

#[test]
fn every_line_of_the_example_works_when_uncommented() {
    let assignments: Vec<&str> = EXAMPLE.lines().filter_map(commented_assignment).collect();
    assert!(assignments.len() > 20, "{assignments:?}");
    let check = |text: &str, uncommented: &[&str]| {
        let environment = with_text(&STRIPE, text).unwrap();
        for assignment in uncommented {
            let (name, value) = assignment.split_once('=').unwrap();
            assert_eq!(environment.find(name), Some(value.into()), "{assignment}");
        }
        let config = load_environment(&environment, ConfigScope::Stripe).unwrap();
        assert_eq!(config.unknown_variables, [], "{uncommented:?}");
    };
    check(EXAMPLE, &[]);
    for assignment in &assignments {
        check(&uncomment(|other| other == *assignment), &[assignment]);
    }
    check(&uncomment(|_| true), &assignments);
}

#[test]
fn key_with_a_dollar_sign_is_not_cut() {
    const KEY: &str = "ab$kd83jf7Qp29xvTz0Lm4Rw8Ys";
    let text = format!(
        "HOLDFAST_ADMIN_KEY={KEY}\nSTRIPE_SECRET_KEY=sk_test_$HOME\nSTRIPE_WEBHOOK_SECRET=\"whsec_${{A}}b\"\n\
         DATABASE_URL=postgres://u:p$w@localhost/db\nHOLDFAST_ALLOWED_ORIGINS=https://a.example, https://b.example"
    );
    let config = load(&[], &text).unwrap();
    assert_eq!(config.admin_key.unwrap().expose_secret(), KEY);
    assert_eq!(config.allowed_origins.len(), 2);
    let stripe = config.stripe.unwrap();
    assert_eq!(stripe.secret_key.expose_secret(), "sk_test_$HOME");
    assert_eq!(stripe.webhook_secrets[0].expose_secret(), "whsec_${A}b");
    match config.database {
        crate::config::Database::Postgres(url) => {
            assert_eq!(url.expose_secret(), "postgres://u:p$w@localhost/db");
        }
        crate::config::Database::Sqlite(path) => panic!("{path}"),
    }
}

#[test]
fn process_wins_over_the_file_also_with_an_empty_value() {
    let environment = with_text(&[("A", "process"), ("B", "")], "A=file\nB=file\nC=file").unwrap();
    let found = ["A", "B", "C", "D"].map(|name| environment.find(name));
    let expected = [Some("process"), Some(""), Some("file"), None];
    assert_eq!(found, expected.map(|value| value.map(OsString::from)));
}

#[test]
fn missing_file_and_directory_are_no_file() {
    let directory = tempfile::tempdir().unwrap();
    for path in [directory.path(), &directory.path().join("missing")] {
        assert!(of_process(&[]).with_file(path).is_ok(), "{}", path.display());
    }
}

#[test]
fn faulty_file_is_named_with_line_and_variable() {
    let error = with_text(&[], "A=1\nHOLDFAST_ADMIN_KEY='hunter2\n").unwrap_err();
    let shown = error.to_string();
    for part in [".env", "line 2", "HOLDFAST_ADMIN_KEY"] {
        assert!(shown.contains(part), "{shown}");
    }
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn unknown_variable_is_reported_with_the_nearest_name() {
    assert_eq!(list_unknown(&[("HOLDFAST_LISTEN", "127.0.0.1:0")], ""), [""; 0]);
    assert_eq!(
        list_unknown(&[("PATH", "/"), ("STRIPE_X", "1")], "OTHER=1"),
        [""; 0]
    );
    for (name, nearest) in [
        ("HOLDFAST_LISTN", "HOLDFAST_LISTEN"),
        ("holdfast_hold_ttl", "HOLDFAST_HOLD_TTL"),
        (
            "HOLDFAST_MAX_HOLDS_PER_GUEST",
            "HOLDFAST_MAX_LIVE_HOLDS_PER_GUEST",
        ),
        ("HOLDFAST_SUCCES_URL", "HOLDFAST_SUCCESS_URL"),
        ("HOLDFASTLOG", "HOLDFAST_LOG"),
        ("HOLDFAST_LISTEN_FILE", "HOLDFAST_LISTEN"),
    ] {
        let expected = [format!("{name} {nearest}")];
        assert_eq!(list_unknown(&[(name, "1")], ""), expected);
        assert_eq!(list_unknown(&[], &format!("{name}=1")), expected);
    }
    // The files of secrets are known.
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    std::fs::write(&path, "an-operators-key-with-enough-characters").unwrap();
    let file = [("HOLDFAST_ADMIN_KEY_FILE", path.to_str().unwrap())];
    assert_eq!(list_unknown(&file, ""), [""; 0]);
}

#[test]
fn every_variable_that_is_not_utf8_is_a_fault() {
    let environment = of_process(&STRIPE);
    load_environment(&environment, ConfigScope::Stripe).unwrap();
    let known = environment.known.borrow().clone();
    assert!(known.len() > 30, "{known:?}");
    for name in known {
        let bad = (OsString::from(&name), OsString::from_vec(b"hunter2\xff".to_vec()));
        let good = STRIPE.iter().filter(|(other, _)| *other != name);
        let good = good.map(|(name, value)| (name.into(), value.into()));
        let environment = Environment::new(good.chain([bad]));
        let errors = load_environment(&environment, ConfigScope::Stripe).unwrap_err();
        let shown = errors.to_string();
        assert!(
            shown.contains(&name) && shown.contains("is not UTF-8"),
            "{name}: {shown}"
        );
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn value_with_a_line_break_is_refused() {
    let error = load(
        &STRIPE,
        "HOLDFAST_ADMIN_KEY='an-operators-key\nHOLDFAST_LISTEN=127.0.0.1:0'",
    )
    .unwrap_err();
    assert_eq!(error.0[0].variable, "HOLDFAST_ADMIN_KEY");
    assert!(error.to_string().contains("line break"), "{error}");
}
