//! Tests of what the holds in a closed time get to know, whatever closes it: a block, a closure, a closure that follows the shop's
//! zone, or an import. And of the one transaction in which schedules and closures change.

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use crate::support::app::{ApiResponse, Client, TestApp, order};
use crate::support::booking_actions::COUNT_LOCK_WAITERS;
use crate::support::catalogue_fixtures::{block, put_closure, put_event_type, put_resource};
use crate::support::database::{Engine, TestDatabase};
use crate::support::database_lock::Lock;
use crate::support::on_both_engines;
use crate::support::process::complete_with_input;
use crate::support::wait_for::eventually;

const SLOT: &str = "2026-12-01T10:00:00Z";
/// On 1 December in New York, and not in UTC.
const EVENING: &str = "2026-12-02T02:00:00Z";

/// Ben's event type has this zone; Ana's `call` has no schedule.
fn visit_in(zone: &str) -> Value {
    json!({"resource": "ben", "duration_minutes": 60, "schedule": {
        "timezone": zone, "weekly": [{"days": ["mon"], "from": "10:00", "to": "12:00"}]}})
}

fn first_of_december() -> Value {
    json!({"from": "2026-12-01", "to": "2026-12-01"})
}

async fn zone_of(app: &Client, path: &str) -> Value {
    let found = app.admin(Method::GET, path, None).await.expect(200).body;
    let schedule = &found["schedule"]["timezone"];
    if schedule.is_null() {
        found["timezone"].clone()
    } else {
        schedule.clone()
    }
}

/// Lists the events of closed times in the order of the stream: the hold, and what closed it.
async fn closings(app: &TestApp) -> Vec<(String, String)> {
    let events = app.pull_events().await.into_iter();
    let closings = events.filter(|event| event["type"] == "slot.closed_with_conflict");
    let describe = |event: Value| {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (
            text(&event["data"]["hold_id"]),
            text(&event["data"]["closed"]["id"]),
        )
    };
    closings.map(describe).collect()
}

fn closing(hold: &ApiResponse, closed: &str) -> (String, String) {
    (hold.text("id").to_owned(), closed.to_owned())
}

/// Makes every change of a closure fail.
async fn refuse_changes_of_closures(database: &TestDatabase) {
    let statements: &[&str] = match database.engine() {
        Engine::Postgres => &[
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''refused''; END'",
            "CREATE TRIGGER refuse BEFORE UPDATE ON closures FOR EACH ROW EXECUTE FUNCTION refuse()",
        ],
        Engine::Sqlite => {
            &["CREATE TRIGGER refuse BEFORE UPDATE ON closures BEGIN SELECT RAISE(ABORT, 'refused'); END"]
        }
    };
    for statement in statements {
        database.execute(statement).await;
    }
}

async fn import(app: &TestApp, document: &Value) -> Value {
    let directory = tempfile::tempdir().unwrap();
    let variables = [("DATABASE_URL", app.database.url())];
    let input = document.to_string();
    let ended = complete_with_input(directory.path(), &["import", "-"], &variables, &input).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap()
}

on_both_engines! {
    /// Between two transactions, the edges of a closed day would be for sale.
    async fn schedule_and_closures_change_their_zone_together(engine) {
        let app = TestApp::start(engine).await;
        put_resource(&app, "ben", 1).await;
        put_event_type(&app, "visit", visit_in("Europe/Berlin")).await.expect(201);
        put_closure(&app, "holiday", first_of_december()).await.expect(201);
        refuse_changes_of_closures(&app.database).await;
        let (visit, holiday) = ("/v1/admin/event-types/visit", "/v1/admin/closures/holiday");
        put_event_type(&app, "visit", visit_in("America/New_York")).await.expect(500);
        assert_eq!(zone_of(&app, visit).await, "Europe/Berlin");
        app.admin(Method::DELETE, visit, None).await.expect(500);
        assert_eq!(zone_of(&app, visit).await, "Europe/Berlin");
        assert_eq!(zone_of(&app, holiday).await, "Europe/Berlin");
        // What leaves the zone as it is changes no closure.
        let mut same = visit_in("Europe/Berlin");
        same["amount"] = json!(7000);
        put_event_type(&app, "visit", same).await.expect(200);
    }

    async fn closure_that_follows_the_zone_tells_the_holds_it_reaches(engine) {
        let app = TestApp::start(engine).await;
        put_resource(&app, "ben", 1).await;
        let (noon, evening) = (app.hold_slot("call", SLOT).await, app.hold_slot("call", EVENING).await);
        put_closure(&app, "holiday", first_of_december()).await.expect(201);
        assert_eq!(closings(&app).await, [closing(&noon, "holiday")]);
        put_event_type(&app, "visit", visit_in("America/New_York")).await.expect(201);
        assert_eq!(closings(&app).await, [closing(&noon, "holiday"), closing(&evening, "holiday")]);
        // Back in UTC, only the first one is in it, which knows it already.
        app.admin(Method::DELETE, "/v1/admin/event-types/visit", None).await.expect(204);
        assert_eq!(closings(&app).await.len(), 2);
        // The configuration is followed by the sweep.
        let other = app.another_instance_with(&[("HOLDFAST_TIMEZONE", "America/New_York")]).await;
        other.admin(Method::POST, "/v1/admin/sweep", None).await.expect(200);
        assert_eq!(closings(&app).await[2..], [closing(&evening, "holiday")]);
    }

    async fn import_tells_the_holds_that_it_closes_over(engine) {
        let app = TestApp::start(engine).await;
        put_resource(&app, "ben", 1).await;
        let (noon, evening) = (app.hold_slot("call", SLOT).await, app.hold_slot("call", EVENING).await);
        put_closure(&app, "holiday", first_of_december()).await.expect(201);
        let mut visit = visit_in("America/New_York");
        for (member, value) in [("id", json!("visit")), ("name", json!("Visit")), ("amount", json!(5000)), ("currency", json!("eur"))] {
            visit[member] = value;
        }
        let document = json!({
            "event_types": [visit],
            "blocks": [{"id": "paint", "resource": "ana", "starts_at": "2026-12-01T09:00:00Z", "ends_at": "2026-12-01T12:00:00Z"}],
            "closures": [{"id": "course", "from": "2026-12-02", "to": "2026-12-02", "resources": ["ben"]}],
        });
        let report = import(&app, &document).await;
        let conflict = |entry: &str, hold: &ApiResponse| json!({"entry": entry, "hold": hold.text("id")});
        assert_eq!(report["conflicts"], json!([conflict("resources/ana/blocks/paint", &noon), conflict("closures/holiday", &noon),
            conflict("closures/holiday", &evening)]));
        assert_eq!(closings(&app).await, [closing(&noon, "holiday"), closing(&noon, "paint"), closing(&evening, "holiday")]);
        assert_eq!(zone_of(&app, "/v1/admin/closures/course").await, "America/New_York");
        // A second time, nothing is closed.
        assert_eq!(import(&app, &document).await["conflicts"], json!([]));
        assert_eq!(closings(&app).await.len(), 3);
    }

    /// All of it or nothing, also what comes before the part that fails.
    async fn import_whose_closures_fail_writes_nothing(engine) {
        let app = TestApp::start(engine).await;
        put_closure(&app, "holiday", first_of_december()).await.expect(201);
        refuse_changes_of_closures(&app.database).await;
        let document = json!({"resources": [{"id": "zoe", "name": "Zoe"}],
            "closures": [{"id": "holiday", "from": "2026-12-02", "to": "2026-12-02"}]});
        let directory = tempfile::tempdir().unwrap();
        let variables = [("DATABASE_URL", app.database.url())];
        let ended = complete_with_input(directory.path(), &["import", "-"], &variables, &document.to_string()).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
        app.admin(Method::GET, "/v1/admin/resources/zoe", None).await.expect(404);
        assert_eq!(app.database.count("SELECT count(*) FROM blocks").await, 1);
    }
}

async fn wait_for_locks(app: &TestApp, count: i64) {
    let waiting = async || (app.database.count(COUNT_LOCK_WAITERS).await >= count).then_some(());
    eventually("connections wait for a lock", waiting).await;
}

/// A checkout that has taken its window and has not committed when the closure follows the zone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hold_placed_while_a_closure_moves_gets_one_event() {
    let app = TestApp::start(Engine::Postgres).await;
    let other = app.another_instance().await;
    put_resource(&app, "ben", 1).await;
    put_closure(&app, "holiday", first_of_december())
        .await
        .expect(201);
    let placing = Lock::on_placing(&app.database, "%").await;
    let moving = async {
        wait_for_locks(&app, 1).await;
        put_event_type(&other, "visit", visit_in("America/New_York"))
            .await
            .expect(201)
    };
    let releasing = async {
        wait_for_locks(&app, 2).await;
        placing.release_lock().await;
    };
    let body = order("call", EVENING);
    let (hold, _, ()) = tokio::join!(app.checkout(&body), moving, releasing);
    assert_eq!(closings(&app).await, [closing(&hold.expect(201), "holiday")]);
}

/// The event of a closed time waits for a change of the hold that is under way, so that the hold's events are in the order of
/// its changes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn event_of_a_closed_time_waits_for_the_holds_lock() {
    let app = TestApp::start(Engine::Postgres).await;
    app.without_audit("an event is written by hand, without its change");
    let hold = app.hold_slot("call", SLOT).await;
    let mut connection = PgConnection::connect(app.database.url()).await.unwrap();
    let mut change = connection.begin().await.unwrap();
    let lock = sqlx::query("SELECT 1 FROM holds WHERE id = $1::uuid FOR UPDATE").bind(hold.text("id"));
    lock.execute(&mut *change).await.unwrap();
    let blocking = async {
        block(
            &app,
            "ana",
            "dentist",
            "2026-12-01T09:00:00Z",
            "2026-12-01T12:00:00Z",
        )
        .await
        .expect(201)
    };
    let changing = async {
        wait_for_locks(&app, 1).await;
        sqlx::query("INSERT INTO events_out (kind, hold_id) VALUES ('hold.moved', $1::uuid)")
            .bind(hold.text("id"))
            .execute(&mut *change)
            .await
            .unwrap();
        change.commit().await.unwrap();
    };
    tokio::join!(blocking, changing);
    let kinds: Vec<Value> = app
        .pull_events()
        .await
        .iter()
        .map(|event| event["type"].clone())
        .collect();
    assert_eq!(kinds, ["hold.placed", "hold.moved", "slot.closed_with_conflict"]);
}

/// An import locks closures first and resources then. A resource that is written alone takes the same order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resource_is_locked_after_the_closures() {
    let app = TestApp::start(Engine::Postgres).await;
    for statement in [
        "CREATE FUNCTION stop_before() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN PERFORM pg_advisory_xact_lock_shared(4712); RETURN NEW; END'",
        "CREATE TRIGGER a_stop_before BEFORE INSERT ON resources FOR EACH ROW EXECUTE FUNCTION stop_before()",
    ] {
        app.database.execute(statement).await;
    }
    let mut stop = PgConnection::connect(app.database.url()).await.unwrap();
    sqlx::query("SELECT pg_advisory_lock(4712)")
        .execute(&mut stop)
        .await
        .unwrap();
    let looking = async {
        wait_for_locks(&app, 1).await;
        let locked = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 23 AND granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        let locked = app.database.count(locked).await;
        stop.close().await.unwrap();
        locked
    };
    let (_, locked) = tokio::join!(put_resource(&app, "zoe", 1), looking);
    assert_eq!(locked, 1);
}
