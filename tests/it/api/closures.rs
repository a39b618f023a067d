//! Tests of closures: whole days on which the shop, or some of its resources, sells nothing, in the zone of closures. A closure is
//! decided when a hold is placed, whatever was free a moment before.

use holdfast::sandbox::{Faults, PaymentOutcome};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use crate::support::app::{ApiResponse, Client, TestApp, order, order_by};
use crate::support::booking_actions::COUNT_LOCK_WAITERS;
use crate::support::catalogue_fixtures::{day, put_closure, put_event_type, put_resource, slots};
use crate::support::database::Engine;
use crate::support::database_lock::Lock;
use crate::support::feed_server::{Feed, PRIVATE, busy, run_feed};
use crate::support::on_both_engines;
use crate::support::wait_for::eventually;

const SLOT: &str = "2026-12-01T10:00:00Z";
const BERLIN: [(&str, &str); 1] = [("HOLDFAST_TIMEZONE", "Europe/Berlin")];

fn days(from: &str, to: &str) -> Value {
    json!({"from": from, "to": to})
}

/// The event type is for sale at all hours of this zone.
fn visit_in(zone: &str) -> Value {
    json!({"resource": "ana", "duration_minutes": 60, "guest_move_until_minutes": 0, "schedule": {
        "timezone": zone, "step_minutes": 60,
        "weekly": [{"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "00:00", "to": "24:00"}]}})
}

async fn get_closure(app: &Client, id: &str) -> Value {
    let path = format!("/v1/admin/closures/{id}");
    app.admin(Method::GET, &path, None).await.expect(200).body
}

async fn delete_closure(app: &Client, id: &str) -> ApiResponse {
    let path = format!("/v1/admin/closures/{id}");
    app.admin(Method::DELETE, &path, None).await
}

/// The free starts between two instants, as `1T23` for 23:00 on the first.
async fn free_starts(app: &Client, from: &str, to: &str) -> Vec<String> {
    let answer = slots(app, "visit", from, to).await.expect(200);
    let all = answer.body["slots"].as_array().unwrap().iter();
    let free = all.filter(|slot| slot["status"] == "free");
    free.map(|slot| slot["starts_at"].as_str().unwrap()[9..13].to_owned())
        .collect()
}

on_both_engines! {
    async fn closed_days_are_not_for_sale_and_live_holds_stay(engine) {
        let app = TestApp::start(engine).await;
        let (held, paid) = (app.hold_slot("call", SLOT).await, app.hold_slot("call", "2026-12-02T09:00:00Z").await);
        app.pay(&paid, PaymentOutcome::Paid);
        app.deliver_all().await;
        app.hold_slot("call", "2026-12-03T00:00:00Z").await;
        let mut body = days("2026-12-01", "2026-12-02");
        body["note"] = json!("Repairs");
        let put = put_closure(&app, "repairs", body.clone()).await.expect(201);
        let conflict = |hold: &ApiResponse, status: &str| json!({"id": hold.text("id"), "status": status,
            "starts_at": hold.text("starts_at"), "ends_at": hold.text("ends_at")});
        assert_eq!(put.body, json!({"id": "repairs", "from": "2026-12-01", "to": "2026-12-02", "note": "Repairs",
            "resources": null, "timezone": "UTC", "conflicts": [conflict(&held, "held"), conflict(&paid, "confirmed")]}));
        assert_eq!(get_closure(&app, "repairs").await, put.body);
        for closed in ["2026-12-01T00:00:00Z", "2026-12-01T12:00:00Z", "2026-12-02T23:59:00Z", "2026-11-30T23:45:00Z"] {
            let refused = app.checkout(&order("call", closed)).await.expect_problem(409, "slot_taken");
            let alternatives = refused.body["alternatives"].as_array().unwrap().iter();
            for start in alternatives.map(|slot| slot["starts_at"].as_str().unwrap()) {
                assert!(!("2026-12-01".."2026-12-03").contains(&&start[..10]), "{start}");
            }
        }
        for open in ["2026-11-30T23:30:00Z", "2026-12-03T00:30:00Z"] {
            app.checkout(&order("call", open)).await.expect(201);
        }
        assert!(day(&app, "call", "2026-12-02").await.iter().all(|slot| slot.ends_with(" 0")));
        app.pay(&held, PaymentOutcome::Paid);
        app.deliver_all().await;
        assert_eq!(app.state_of(&held).await, "confirmed");
        let put = put_closure(&app, "repairs", days("2026-12-05", "2026-12-05")).await.expect(200);
        assert_eq!(put.body["conflicts"], json!([]));
        app.checkout(&order("call", "2026-12-01T12:00:00Z")).await.expect(201);
        app.checkout(&order("call", "2026-12-05T12:00:00Z")).await.expect_problem(409, "slot_taken");
        delete_closure(&app, "repairs").await.expect(204);
        app.checkout(&order("call", "2026-12-05T12:00:00Z")).await.expect(201);
        delete_closure(&app, "repairs").await.expect_problem(404, "not_found");
        let path = "/v1/admin/closures/repairs";
        app.admin(Method::GET, path, None).await.expect_problem(404, "not_found");
    }

    async fn hold_does_not_move_into_a_closed_day(engine) {
        let app = TestApp::start(engine).await;
        put_event_type(&app, "visit", visit_in("UTC")).await.expect(201);
        let hold = app.hold_slot("visit", SLOT).await;
        put_closure(&app, "holiday", days("2026-12-02", "2026-12-02")).await.expect(201);
        app.move_to(&hold, "2026-12-02T10:00:00Z").await.expect_problem(409, "slot_taken");
        assert_eq!(app.hold(hold.text("id")).await["starts_at"], SLOT);
        app.move_to(&hold, "2026-12-03T10:00:00Z").await.expect(200);
    }

    async fn closure_may_be_of_some_resources_only(engine) {
        let app = TestApp::start(engine).await;
        app.offer("bens-call", "ben", 30, 5000).await;
        let mut body = days("2026-12-01", "2026-12-01");
        body["resources"] = json!(["nobody", "ana"]);
        let refused = put_closure(&app, "holiday", body.clone()).await.expect_problem(422, "invalid");
        assert_eq!(refused.body["errors"][0]["field"], "resources");
        body["resources"] = json!(["ana"]);
        put_closure(&app, "holiday", body).await.expect(201);
        app.checkout(&order("call", SLOT)).await.expect_problem(409, "slot_taken");
        app.checkout(&order("bens-call", SLOT)).await.expect(201);
    }

    /// Also one that the version before makes: the database writes its blocks.
    async fn closure_of_the_shop_holds_for_resources_made_later(engine) {
        let app = TestApp::start(engine).await;
        put_closure(&app, "holiday", days("2026-12-01", "2026-12-01")).await.expect(201);
        app.offer("new-call", "zoe", 30, 5000).await;
        app.checkout(&order("new-call", SLOT)).await.expect_problem(409, "slot_taken");
        app.checkout(&order("new-call", "2026-12-02T10:00:00Z")).await.expect(201);
    }

    async fn version_of_a_slot_list_changes_with_a_closure(engine) {
        let app = TestApp::start(engine).await;
        let tag = async || {
            let list = slots(&app, "call", "2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z").await.expect(200);
            list.headers["etag"].to_str().unwrap().to_owned()
        };
        let open = tag().await;
        put_closure(&app, "holiday", days("2026-12-01", "2026-12-01")).await.expect(201);
        let closed = tag().await;
        assert_ne!(open, closed);
        put_closure(&app, "other", days("2026-12-03", "2026-12-03")).await.expect(201);
        assert_eq!(tag().await, closed, "another day changes nothing");
        delete_closure(&app, "holiday").await.expect(204);
        assert_eq!(tag().await, open);
    }

    /// Of the schedules if they share it, else of the configuration; and closures follow when that changes.
    async fn days_are_those_of_the_zone_of_closures(engine) {
        let app = TestApp::start_with(engine, &BERLIN).await;
        let put = put_closure(&app, "holiday", days("2026-12-01", "2026-12-01")).await.expect(201);
        assert_eq!(put.body["timezone"], "Europe/Berlin");
        put_event_type(&app, "visit", visit_in("America/New_York")).await.expect(201);
        assert_eq!(get_closure(&app, "holiday").await["timezone"], "America/New_York");
        let (from, to) = ("2026-12-01T02:00:00Z", "2026-12-02T08:00:00Z");
        assert_eq!(free_starts(&app, from, to).await, ["1T02", "1T03", "1T04", "2T05", "2T06", "2T07"]);
        put_event_type(&app, "other", visit_in("Asia/Tokyo")).await.expect(201);
        assert_eq!(get_closure(&app, "holiday").await["timezone"], "Europe/Berlin");
        let (from, to) = ("2026-11-30T21:00:00Z", "2026-12-02T01:00:00Z");
        assert_eq!(free_starts(&app, from, to).await, ["0T21", "0T22", "1T23", "2T00"]);
        app.admin(Method::DELETE, "/v1/admin/event-types/other", None).await.expect(204);
        assert_eq!(get_closure(&app, "holiday").await["timezone"], "America/New_York");
    }

    /// Another version, or another configuration, writes no closures when the zone changes.
    async fn sweep_dates_closures_anew(engine) {
        let app = TestApp::start(engine).await;
        put_closure(&app, "holiday", days("2026-12-01", "2026-12-01")).await.expect(201);
        let other = app.another_instance_with(&BERLIN).await;
        other.admin(Method::POST, "/v1/admin/sweep", None).await.expect(200);
        assert_eq!(get_closure(&other, "holiday").await["timezone"], "Europe/Berlin");
        app.checkout(&order("call", "2026-11-30T23:00:00Z")).await.expect_problem(409, "slot_taken");
        app.checkout(&order("call", "2026-12-01T23:00:00Z")).await.expect(201);
    }

    async fn calendar_feed_leaves_blocks_of_closures_alone(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        put_closure(&app, "holiday", days("2026-12-01", "2026-12-01")).await.expect(201);
        let feed = Feed::of(busy("20261203T100000Z", "20261203T110000Z")).await;
        for url in [Some(feed.url.as_str()), None] {
            let path = "/v1/admin/resources/ana/calendar";
            app.admin(Method::PUT, path, Some(json!({"url": url}))).await.expect(200);
            run_feed_if(&app, url).await;
            app.checkout(&order("call", SLOT)).await.expect_problem(409, "slot_taken");
        }
        assert_eq!(app.database.count("SELECT count(*) FROM blocks WHERE closure_id = 'holiday'").await, 1);
    }

    async fn closures_are_listed_newest_first_in_pages(engine) {
        let app = TestApp::start(engine).await;
        for id in ["a", "b", "c"] {
            put_closure(&app, id, days("2026-12-24", "2026-12-26")).await.expect(201);
        }
        let list = async |query: &str| {
            let path = format!("/v1/admin/closures{query}");
            app.admin(Method::GET, &path, None).await.expect(200).body
        };
        let first = list("?limit=2").await;
        assert_eq!((&first["data"][0]["id"], &first["data"][1]["id"]), (&json!("c"), &json!("b")));
        assert_eq!(first["data"][0], json!({"id": "c", "from": "2026-12-24", "to": "2026-12-26", "note": "",
            "resources": null, "timezone": "UTC"}));
        let rest = list(&format!("?limit=2&cursor={}", first["next_cursor"].as_str().unwrap())).await;
        assert_eq!((&rest["data"][0]["id"], &rest["next_cursor"]), (&json!("a"), &Value::Null));
    }

    /// The slot was free when the checkout began: the session is under way while the closure is written.
    async fn closure_is_decided_when_the_hold_is_placed(engine) {
        let (refused, put) = close_during_checkout(engine, async |_| {}).await;
        refused.expect_problem(409, "slot_taken");
        assert_eq!(put.body["conflicts"], json!([]));
    }

    /// The control of the test above: a closure without its blocks keeps nobody out.
    async fn closure_without_its_blocks_closes_nothing(engine) {
        let (placed, _) = close_during_checkout(engine, async |app| {
            assert_eq!(app.database.execute("DELETE FROM blocks WHERE closure_id = 'holiday'").await, 1);
        })
        .await;
        placed.expect(201);
    }
}

async fn run_feed_if(app: &TestApp, url: Option<&str>) {
    if url.is_some() {
        run_feed(app).await;
    }
}

/// Closes the day while a checkout waits for Stripe, and does something more before Stripe answers.
async fn close_during_checkout(engine: Engine, more: impl AsyncFn(&TestApp)) -> (ApiResponse, ApiResponse) {
    let app = TestApp::start(engine).await;
    app.simulator.set_faults(Faults {
        latency_ms: 1_000,
        ..Faults::default()
    });
    let closing = async {
        let claimed = "SELECT count(*) FROM checkout_attempts WHERE state = 'running'";
        let waiting = async || (app.database.count(claimed).await == 1).then_some(());
        eventually("the checkout is under way", waiting).await;
        let put = put_closure(&app, "holiday", days("2026-12-01", "2026-12-01"))
            .await
            .expect(201);
        more(&app).await;
        put
    };
    let body = order("call", SLOT);
    tokio::join!(app.checkout(&body), closing)
}

async fn wait_for_locks(app: &TestApp, count: i64) {
    let waiting = async || (app.database.count(COUNT_LOCK_WAITERS).await >= count).then_some(());
    eventually("connections wait for a lock", waiting).await;
}

/// A checkout that has taken its window and has not committed is among the conflicts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closure_waits_for_checkout_that_started_before_it() {
    let app = TestApp::start(Engine::Postgres).await;
    let other = app.another_instance().await;
    put_resource(&app, "ben", 1).await;
    let placing = Lock::on_placing(&app.database, "%").await;
    let closing = async {
        wait_for_locks(&app, 1).await;
        put_closure(&other, "holiday", days("2026-12-01", "2026-12-01"))
            .await
            .expect(201)
    };
    let releasing = async {
        wait_for_locks(&app, 2).await;
        placing.release_lock().await;
    };
    let body = order("call", SLOT);
    let (hold, closed, ()) = tokio::join!(app.checkout(&body), closing, releasing);
    assert_eq!(closed.body["conflicts"][0]["id"], hold.expect(201).body["id"]);
}

/// Runs a checkout whose statement begins before the closure is committed, and takes its slot after it.
async fn check_out_with_old_snapshot(app: &TestApp, other: &Client) -> ApiResponse {
    // Sorts before the trigger that looks for blocks, so that the statement stops there.
    for statement in [
        "CREATE FUNCTION stop_before() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN PERFORM pg_advisory_xact_lock_shared(4712); RETURN NEW; END'",
        "CREATE TRIGGER a_stop_before BEFORE INSERT ON occupancy FOR EACH ROW EXECUTE FUNCTION stop_before()",
    ] {
        app.database.execute(statement).await;
    }
    let mut stop = PgConnection::connect(app.database.url()).await.unwrap();
    let lock = sqlx::query("SELECT pg_advisory_lock(4712)");
    lock.execute(&mut stop).await.unwrap();
    let closing = async {
        wait_for_locks(app, 1).await;
        let put = put_closure(other, "holiday", days("2026-12-01", "2026-12-01")).await;
        stop.close().await.unwrap();
        put.expect(201);
    };
    let body = order_by("late@example.com", "call", SLOT);
    tokio::join!(app.checkout(&body), closing).0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checkout_sees_a_closure_that_its_statement_missed() {
    let app = TestApp::start(Engine::Postgres).await;
    let other = app.another_instance().await;
    check_out_with_old_snapshot(&app, &other)
        .await
        .expect_problem(409, "slot_taken");
}

/// The control of the test above: without the trigger the statement does not see the closure.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_trigger_a_checkout_misses_the_closure() {
    let app = TestApp::start(Engine::Postgres).await;
    let other = app.another_instance().await;
    app.database
        .execute("DROP TRIGGER occupancy_rows_see_blocks ON occupancy")
        .await;
    check_out_with_old_snapshot(&app, &other).await.expect(201);
}

/// A resource and a closure that are written at the same time: the later one sees the earlier one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closure_and_new_resource_do_not_miss_each_other() {
    let app = TestApp::start(Engine::Postgres).await;
    for round in 0..20 {
        let (resource, closure) = (format!("new-{round}"), format!("day-{round}"));
        let closing = async {
            put_closure(&app, &closure, days("2026-12-01", "2026-12-01"))
                .await
                .expect(201);
        };
        tokio::join!(put_resource(&app, &resource, 1), closing);
    }
    let blocks = "SELECT count(*) FROM blocks WHERE closure_id IS NOT NULL";
    // Twenty closures of twenty new resources and Ana.
    assert_eq!(app.database.count(blocks).await, 20 * 21);
}
