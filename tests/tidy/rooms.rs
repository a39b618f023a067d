//! Who may use whom, and what each room keeps to itself.

use super::source::{Source, read};
use super::{Rule, assert_catches, assert_holds};

/// Each room and the rooms that it may use; besides, each may use itself. `main` may use all.
const MAY_USE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("store", &["domain"]),
    ("gateway", &["domain"]),
    ("workflow", &["domain", "store", "gateway"]),
    ("http", &["domain", "gateway", "workflow"]),
    ("jobs", &["workflow"]),
    ("clock", &["domain"]),
    ("telemetry", &["domain", "http"]),
    ("config", &["gateway", "telemetry"]),
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
    // The simulator stands for Stripe: it could be a program of its own.
    ("sandbox", &[]),
    ("stripe_sandbox", &["clock", "domain", "sandbox"]),
    (
        "demo_shop",
        &["app", "clock", "config", "domain", "stripe_sandbox", "workflow"],
    ),
];

/// What is mentioned in some rooms only: a path's start, and the rooms.
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
    // app serves the router that it is given.
    ("axum", &["http", "app", "sandbox"]),
    ("tower_http", &["http"]),
    ("utoipa", &["http"]),
    ("clap", &["main", "demo_shop", "stripe_sandbox"]),
    ("dotenvy", &["main"]),
    ("std::env", &["main"]),
    ("metrics_exporter_prometheus", &["telemetry"]),
    ("tokio_cron_scheduler", &["jobs", "config"]),
];

/// The crates that the pure room may use: values and arithmetic.
const PURE: [&str; 7] = [
    "chrono",
    "chrono_tz",
    "uuid",
    "sha2",
    "hmac",
    "base64",
    "thiserror",
];

fn rooms(source: &Source) -> Vec<String> {
    let Some(room) = source.room().filter(|room| !matches!(*room, "main" | "lib")) else {
        return Vec::new();
    };
    let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == room) else {
        return vec![format!("{room} is a new room: say in MAY_USE whom it may use")];
    };
    let mentions = &source.mentions;
    let used = mentions
        .rooms()
        .filter(|used| *used != room && !allowed.contains(used));
    // A name that is no room is something that lib.rs would export; it exports only rooms.
    used.map(|used| format!("{room} uses {used}")).collect()
}

fn kept_in(source: &Source) -> Vec<String> {
    let Some(room) = source.room() else {
        return Vec::new();
    };
    let mentions = &source.mentions;
    let kept = KEPT_IN
        .iter()
        .filter(|(what, rooms)| !rooms.contains(&room) && mentions.starts_with(what));
    kept.map(|(what, rooms)| format!("{what} is mentioned in {room}; it is kept in {rooms:?}"))
        .collect()
}

/// `Context` carries the books and Stripe; the audiences go through the workflows all the same.
fn no_back_door(source: &Source) -> Vec<String> {
    let doors = source
        .mentions
        .fields
        .iter()
        .filter(|field| source.room() == Some("http") && matches!(field.as_str(), "store" | "gateway"));
    doors
        .map(|door| format!("http reaches through the context for .{door}"))
        .collect()
}

fn domain_is_pure(source: &Source) -> Vec<String> {
    if source.room() != Some("domain") {
        return Vec::new();
    }
    let mentions = &source.mentions;
    let mut faults = Vec::new();
    for name in dependencies()
        .iter()
        .filter(|name| !PURE.contains(&name.as_str()))
    {
        if mentions.starts_with(name) {
            faults.push(format!("domain mentions {name}"));
        }
    }
    for name in ["fs", "net", "io", "env", "thread", "process"] {
        if mentions.starts_with(&format!("std::{name}")) {
            faults.push(format!("domain mentions std::{name}"));
        }
    }
    let asks = |name: &str| {
        let calls = mentions
            .paths
            .iter()
            .any(|path| path.len() > 1 && path.ends_with(&[name.to_owned()]));
        calls || mentions.methods.iter().any(|method| method == name)
    };
    for name in ["now", "now_v7", "new_v4", "random", "elapsed"] {
        if asks(name) {
            faults.push(format!("domain asks for {name}: it is told"));
        }
    }
    if mentions.is_async {
        faults.push("domain waits for something".to_owned());
    }
    faults
}

/// The crates that Cargo.toml names, as code spells them.
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

fn clock_is_asked(source: &Source) -> Vec<String> {
    if source.path == "src/clock.rs" || source.is_test() {
        return Vec::new();
    }
    let mentions = &source.mentions;
    let asked = ["Utc::now", "Local::now", "SystemTime::now", "Uuid::now_v7"].into_iter();
    asked
        .filter(|name| mentions.ends_with(name))
        .map(|name| format!("{name}: only src/clock.rs reads the machine's clock"))
        .collect()
}

/// In the books a state is a value. Queries name states in their conditions; what is bound and what is read goes through
/// rows.rs, so that a new state has one spelling.
fn states_are_spelled_once(source: &Source) -> Vec<String> {
    const STATES: [&str; 5] = ["held", "processing", "confirmed", "released", "cancelled"];
    if source.room() != Some("store") || source.path == "src/store/rows.rs" {
        return Vec::new();
    }
    let spelled = source.mentions.literals.iter();
    spelled
        .filter(|literal| STATES.contains(&literal.as_str()))
        .map(|state| format!("{state:?} is spelled outside rows.rs"))
        .collect()
}

fn errors_get_their_status_once(source: &Source) -> Vec<String> {
    const GOOD: [&str; 4] = ["OK", "CREATED", "ACCEPTED", "NO_CONTENT"];
    if source.room() != Some("http") || source.path == "src/http/error.rs" {
        return Vec::new();
    }
    let mentions = &source.mentions;
    let statuses = mentions.paths.iter().filter_map(|path| match path.as_slice() {
        [.., kind, name] if kind == "StatusCode" => Some(name),
        _ => None,
    });
    statuses
        .filter(|name| !GOOD.contains(&name.as_str()))
        .map(|name| format!("StatusCode::{name}: only error.rs makes a status of an error"))
        .collect()
}

#[test]
fn each_room_uses_only_the_rooms_below_it() {
    assert_holds(rooms);
    let catches: &[(Rule, &str, &str)] = &[
        (rooms, "src/http/holds.rs", "use crate::store::Page;"),
        (rooms, "src/http/admin/mod.rs", "use super::super::store;"),
        (
            rooms,
            "src/http/holds.rs",
            "fn f() { g(format!(\"{}\", crate::store::X)) }",
        ),
        (
            rooms,
            "src/domain/hold.rs",
            "use super::{ids::HoldId, super::workflow};",
        ),
        (
            rooms,
            "src/sandbox/mod.rs",
            "mod a { fn f() -> crate::domain::ids::HoldId { g() } }",
        ),
        (rooms, "src/gateway/client.rs", "use crate::{domain::ids, store};"),
        (rooms, "src/cache.rs", ""),
    ];
    assert_catches(catches);
    assert!(
        rooms(&Source::new(
            "src/http/a.rs",
            "use super::error; use crate::workflow::x;"
        ))
        .is_empty()
    );
    assert!(
        rooms(&Source::new(
            "src/domain/a.rs",
            "#[cfg(test)] mod t { use crate::app; }"
        ))
        .is_empty()
    );
}

#[test]
fn what_a_room_keeps_to_itself_is_mentioned_nowhere_else() {
    assert_holds(kept_in);
    assert_holds(no_back_door);
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
            no_back_door,
            "src/http/a.rs",
            "fn f(s: S) { s.context.store.booking(1) }",
        ),
    ]);
}

#[test]
fn the_domain_is_pure_and_is_told_the_time() {
    assert_holds(domain_is_pure);
    assert_holds(clock_is_asked);
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
        (clock_is_asked, "src/app.rs", "fn f() { chrono::Utc::now(); }"),
    ]);
}

#[test]
fn a_state_is_spelled_in_one_place_and_an_error_gets_its_status_in_one() {
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
