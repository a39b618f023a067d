//! Tests of `GET …/slots`: which starts are offered, in which time zone, how many, and the alternatives to a taken
//! slot.

use chrono::Duration;
use holdfast::sandbox::PaymentOutcome;
use serde_json::{Value, json};

use crate::support::app::{ApiResponse, TestApp, order, order_by};
use crate::support::catalogue_fixtures::{block, day, format_slot, put_event_type, put_resource, slots};
use crate::support::on_both_engines;

const EVERY_DAY: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Builds an event type that is offered every day between these hours.
fn daily_event_type(timezone: &str, from: &str, to: &str, more: Value) -> Value {
    let mut schedule = json!({"timezone": timezone, "weekly": [{"days": EVERY_DAY, "from": from, "to": to}]});
    schedule
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    schedule
}

fn list_starts(answer: &ApiResponse) -> Vec<&str> {
    let slots = answer.body["slots"].as_array().unwrap().iter();
    slots.map(|slot| slot["starts_at"].as_str().unwrap()).collect()
}

fn list_alternatives(refusal: &ApiResponse) -> Vec<String> {
    let slots = refusal.body["alternatives"].as_array().unwrap().iter();
    slots.map(format_slot).collect()
}

on_both_engines! {
    async fn only_slots_of_the_local_schedule_are_sold(engine) {
        let app = TestApp::start(engine).await;
        let hours = daily_event_type("Europe/Berlin", "09:00", "11:00", json!({"step_minutes": 30,
            "exceptions": [{"date": "2026-12-24", "closed": true}, {"date": "2026-12-19", "from": "10:00", "to": "11:00"}]}));
        let members = json!({"resource": "ben", "duration_minutes": 45, "schedule": hours});
        put_event_type(&app, "visit", members).await.expect(201);
        let answer = slots(&app, "visit", "2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z").await.expect(200);
        let slot = |from: &str, to: &str| json!({"starts_at": format!("2026-12-01T{from}:00Z"),
            "ends_at": format!("2026-12-01T{to}:00Z"), "available": 1, "status": "free"});
        let expected = [("08:00", "08:45"), ("08:30", "09:15"), ("09:00", "09:45")].map(|(from, to)| slot(from, to));
        assert_eq!(answer.body, json!({"event_type": "visit", "timezone": "Europe/Berlin", "slots": expected}));
        assert_eq!(day(&app, "visit", "2026-12-19").await, ["09:00 free 1"]);
        assert_eq!(day(&app, "visit", "2026-12-24").await, [""; 0]);
        for closed in ["2026-12-01T07:30:00Z", "2026-12-01T08:15:00Z", "2026-12-01T09:30:00Z", "2026-12-24T08:00:00Z"] {
            let refused = app.checkout(&order("visit", closed)).await.expect_problem(422, "invalid");
            assert_eq!(refused.body["errors"][0]["field"], "starts_at", "{refused:?}");
        }
        app.checkout(&order("visit", "2026-12-01T09:00:00Z")).await.expect(201);
    }

    async fn list_of_a_resource_shows_when_it_is_free(engine) {
        let app = TestApp::start(engine).await;
        for id in ["ana", "ben", "cleo"] {
            put_resource(&app, id, 1).await;
        }
        let hours = daily_event_type("UTC", "09:00", "11:00", json!({"step_minutes": 60}));
        let members = json!({"segments": [{"any_of": ["ana", "ben"], "duration_minutes": 60}], "schedule": hours});
        put_event_type(&app, "visit", members).await.expect(201);
        let list = async |more: &str| {
            let path = format!("/v1/event-types/visit/slots?from=2026-12-01T00:00:00Z&to=2026-12-02T00:00:00Z{more}");
            app.get(&path).await
        };
        let shown = |answer: ApiResponse| -> Vec<String> {
            answer.expect(200).body["slots"].as_array().unwrap().iter().map(format_slot).collect()
        };
        block(&app, "ana", "away", "2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z").await.expect(201);
        assert_eq!(shown(list("").await), ["09:00 free 1", "10:00 free 2"]);
        assert_eq!(shown(list("&resource=ana").await), ["09:00 taken 0", "10:00 free 1"]);
        assert_eq!(shown(list("&resource=ben").await), ["09:00 free 1", "10:00 free 1"]);
        // The refusal of a checkout for a resource offers what its list shows.
        let mut ana = order("visit", "2026-12-01T09:00:00Z");
        ana["resource"] = "ana".into();
        let refused = app.checkout(&ana).await.expect_problem(409, "slot_taken");
        assert_eq!(list_alternatives(&refused)[0], "10:00 free 1");
        for unknown in ["cleo", "nobody"] {
            let refused = list(&format!("&resource={unknown}")).await.expect_problem(422, "invalid");
            assert_eq!(refused.body["errors"][0]["field"], "resource", "{refused:?}");
        }
    }

    async fn free_slots_are_listed_up_to_the_limit(engine) {
        let app = TestApp::start(engine).await;
        let hours = daily_event_type("UTC", "09:00", "13:00", json!({"step_minutes": 60}));
        put_event_type(&app, "visit", json!({"resource": "ben", "duration_minutes": 60, "schedule": hours})).await.expect(201);
        for taken in ["09", "11"] {
            app.hold_slot("visit", &format!("2026-12-01T{taken}:00:00Z")).await;
        }
        let list = async |more: &str| -> Vec<String> {
            let path = format!("/v1/event-types/visit/slots?from=2026-12-01T00:00:00Z&to=2026-12-02T00:00:00Z{more}");
            app.get(&path).await.expect(200).body["slots"].as_array().unwrap().iter().map(format_slot).collect()
        };
        assert_eq!(list("&limit=2").await, ["09:00 held 0", "10:00 free 1"]);
        assert_eq!(list("&status=free").await, ["10:00 free 1", "12:00 free 1"]);
        assert_eq!(list("&status=free&limit=1").await, ["10:00 free 1"]);
        assert_eq!(list("&status=free&limit=9&quantity=2").await, [""; 0]);
    }

    async fn limit_lists_the_first_slots(engine) {
        let app = TestApp::start(engine).await;
        let list = async |limit: &str| {
            let path = format!("/v1/event-types/call/slots?from=2026-12-01T00:00:00Z&to=2026-12-02T00:00:00Z&limit={limit}");
            app.get(&path).await
        };
        let all = slots(&app, "call", "2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z").await.expect(200);
        assert_eq!(list("5000").await.expect(200).body, all.body);
        let three = list("3").await.expect(200);
        assert_eq!(list_starts(&three), list_starts(&all)[..3]);
        assert_eq!(list("1").await.expect(200).body["slots"], json!([all.body["slots"][0]]));
        for wrong in ["0", "5001", "-1", "", "x", "1.5"] {
            let refused = list(wrong).await.expect_problem(422, "invalid");
            assert_eq!(refused.body["errors"][0]["field"], "limit", "{wrong}");
        }
    }

    async fn schedule_follows_local_time_across_dst_changes(engine) {
        let app = TestApp::start(engine).await;
        let members = |timezone: &str| json!({"resource": "ben", "duration_minutes": 30,
            "schedule": daily_event_type(timezone, "01:00", "04:00", json!({"step_minutes": 30}))});
        put_event_type(&app, "visit", members("Europe/Berlin")).await.expect(201);
        // 02:00 and 02:30 do not exist; the next night's 01:00 is an hour earlier in UTC.
        let spring = ["00:00", "00:30", "01:00", "01:30", "23:00", "23:30"].map(|start| format!("{start} free 1"));
        assert_eq!(day(&app, "visit", "2027-03-28").await, spring);
        // 02:00 and 02:30 come twice.
        let autumn = slots(&app, "visit", "2027-10-30T22:00:00Z", "2027-10-31T12:00:00Z").await.expect(200);
        let times = ["30T23:00", "30T23:30", "31T00:00", "31T00:30", "31T01:00", "31T01:30", "31T02:00", "31T02:30"];
        assert_eq!(list_starts(&autumn), times.map(|time| format!("2027-10-{time}:00Z")));
        for twice in ["2027-10-31T00:30:00Z", "2027-10-31T01:30:00Z"] {
            app.checkout(&order("visit", twice)).await.expect(201);
        }
        put_event_type(&app, "visit", members("America/New_York")).await.expect(200);
        let spring = ["06:00", "06:30", "07:00", "07:30"].map(|start| format!("{start} free 1"));
        assert_eq!(day(&app, "visit", "2027-03-14").await, spring);
        assert_eq!(day(&app, "visit", "2027-11-07").await.len(), 8);
    }

    async fn slots_outside_notice_and_horizon_are_refused(engine) {
        let app = TestApp::start(engine).await;
        let reach = json!({"step_minutes": 60, "min_notice_minutes": 150, "max_advance_days": 2});
        let members = json!({"resource": "ben", "duration_minutes": 60, "schedule": daily_event_type("UTC", "00:00", "24:00", reach)});
        put_event_type(&app, "visit", members).await.expect(201);
        let answer = slots(&app, "visit", "2026-11-19T00:00:00Z", "2026-12-19T00:00:00Z").await.expect(200);
        let offered = list_starts(&answer);
        assert_eq!((offered.first(), offered.last()), (Some(&"2026-11-20T11:00:00Z"), Some(&"2026-11-22T08:00:00Z")));
        assert_eq!(offered.len(), 46);
        for early_or_late in ["2026-11-20T10:00:00Z", "2026-11-22T09:00:00Z"] {
            app.checkout(&order("visit", early_or_late)).await.expect_problem(422, "invalid");
        }
        app.clock.advance(Duration::minutes(31));
        let later = slots(&app, "visit", "2026-11-19T00:00:00Z", "2026-12-19T00:00:00Z").await.expect(200);
        assert_eq!(list_starts(&later).first(), Some(&"2026-11-20T12:00:00Z"));
    }

    async fn without_schedule_every_quarter_hour_is_offered(engine) {
        let app = TestApp::start(engine).await;
        let answer = slots(&app, "call", "2026-11-20T07:00:00Z", "2026-11-20T09:00:00Z").await.expect(200);
        assert_eq!(answer.text("timezone"), "UTC");
        assert_eq!(list_starts(&answer), ["08:15", "08:30", "08:45"].map(|time| format!("2026-11-20T{time}:00Z")));
        app.hold_slot("call", "2026-11-20T08:20:00Z").await;
        let answer = slots(&app, "call", "2026-11-20T08:00:00Z", "2026-11-20T09:15:00Z").await.expect(200);
        let shown: Vec<_> = answer.body["slots"].as_array().unwrap().iter().map(format_slot).collect();
        assert_eq!(shown, ["08:15 held 0", "08:30 held 0", "08:45 held 0", "09:00 free 1"]);
    }

    async fn start_within_a_minute_is_not_for_sale(engine) {
        let app = TestApp::start(engine).await;
        let members = json!({"resource": "ben", "duration_minutes": 15, "schedule": daily_event_type("UTC", "00:00", "24:00", json!({}))});
        put_event_type(&app, "visit", members).await.expect(201);
        let other = app.hold_slot("call", "2026-12-01T10:00:00Z").await;
        app.clock.advance(Duration::seconds(14 * 60 + 1));
        for event_type in ["call", "visit"] {
            let answer = slots(&app, event_type, "2026-11-20T08:00:00Z", "2026-11-20T08:50:00Z").await.expect(200);
            assert_eq!(list_starts(&answer), ["2026-11-20T08:30:00Z", "2026-11-20T08:45:00Z"], "{event_type}");
            let refused = app.checkout(&order(event_type, "2026-11-20T08:15:00Z")).await.expect_problem(422, "invalid");
            assert_eq!(refused.body["errors"][0]["field"], "starts_at");
            app.hold_slot(event_type, "2026-11-20T08:30:00Z").await;
            let taken = app.checkout(&order(event_type, "2026-11-20T08:30:00Z")).await.expect_problem(409, "slot_taken");
            assert!(!taken.body["alternatives"].to_string().contains("T08:15"), "{taken:?}");
        }
        let near = json!({"starts_at": "2026-11-20T08:15:00Z"});
        app.move_as_operator(&other, near).await.expect_problem(422, "invalid");
        assert_eq!(app.simulator.calls().create, 3, "a refused start costs no session");
    }

    async fn malformed_slot_query_is_refused(engine) {
        let app = TestApp::start(engine).await;
        let ask = async |query: &str| app.get(&format!("/v1/event-types/call/slots{query}")).await;
        let (from, to) = ("2026-12-01T00:00:00Z", "2027-02-01T00:00:00Z");
        ask(&format!("?from={from}&to={to}")).await.expect(200);
        for bad in [
            String::new(),
            format!("?from={from}"),
            format!("?to={to}"),
            format!("?from={from}&to=2027-02-01T00:00:01Z"),
            format!("?from={from}&to={from}"),
            format!("?from={to}&to={from}"),
            format!("?from=yesterday&to={to}"),
            format!("?from={from}&to={to}&page=2"),
        ] {
            ask(&bad).await.expect_problem(422, "invalid");
        }
        for quantity in ["0", "51", "-1", "two", "1.5", ""] {
            let refused = ask(&format!("?from={from}&to={to}&quantity={quantity}")).await;
            assert_eq!(refused.expect_problem(422, "invalid").body["errors"][0]["field"], "quantity");
        }
        for unknown in ["nothing", "No", "%00"] {
            slots(&app, unknown, from, to).await.expect_problem(404, "not_found");
        }
    }

    async fn buffers_keep_resource_busy_but_are_not_shown(engine) {
        let app = TestApp::start(engine).await;
        let members = json!({"resource": "ben", "duration_minutes": 30, "buffer_before_minutes": 10,
            "buffer_after_minutes": 20, "schedule": daily_event_type("UTC", "09:00", "12:00", json!({"step_minutes": 30}))});
        put_event_type(&app, "cut", members).await.expect(201);
        put_event_type(&app, "chat", json!({"resource": "ben", "duration_minutes": 10})).await.expect(201);
        let hold = app.hold_slot("cut", "2026-12-01T10:00:00Z").await;
        assert_eq!((hold.text("starts_at"), hold.text("ends_at")), ("2026-12-01T10:00:00Z", "2026-12-01T10:30:00Z"));
        let shown = ["09:00 free 1", "09:30 held 0", "10:00 held 0", "10:30 held 0", "11:00 free 1", "11:30 free 1"];
        assert_eq!(day(&app, "cut", "2026-12-01").await, shown);
        for busy in ["09:45", "10:30", "10:49"] {
            let order = order("chat", &format!("2026-12-01T{busy}:00Z"));
            app.checkout(&order).await.expect_problem(409, "slot_taken");
        }
        for free in ["09:40", "10:50"] {
            app.checkout(&order("chat", &format!("2026-12-01T{free}:00Z"))).await.expect(201);
        }
    }

    async fn available_count_is_in_units_of_requested_quantity(engine) {
        let app = TestApp::start(engine).await;
        put_resource(&app, "studio", 5).await;
        put_event_type(&app, "class", json!({"resource": "studio", "duration_minutes": 60})).await.expect(201);
        let mut pair = order("class", "2026-12-01T10:00:00Z");
        pair["quantity"] = 2.into();
        let hold = app.checkout(&pair).await.expect(201);
        assert_eq!((&hold.body["quantity"], &hold.body["amount"]), (&json!(2), &json!(10_000)));
        for (quantity, expected) in [(1, "free 3"), (2, "free 1"), (3, "free 1"), (4, "held 0"), (6, "taken 0")] {
            let path = format!("/v1/event-types/class/slots?from=2026-12-01T10:00:00Z&to=2026-12-01T10:00:01Z&quantity={quantity}");
            let answer = app.get(&path).await.expect(200);
            assert_eq!(format_slot(&answer.body["slots"][0]), format!("10:00 {expected}"), "{quantity}");
        }
        app.pay(&hold, PaymentOutcome::Paid);
        app.deliver_all().await;
        let path = "/v1/event-types/class/slots?from=2026-12-01T10:00:00Z&to=2026-12-01T10:00:01Z&quantity=4";
        assert_eq!(format_slot(&app.get(path).await.body["slots"][0]), "10:00 taken 0");
    }

    async fn refusal_lists_five_nearest_free_slots(engine) {
        let app = TestApp::start(engine).await;
        let members = json!({"resource": "ben", "duration_minutes": 60,
            "schedule": daily_event_type("UTC", "09:00", "17:00", json!({"step_minutes": 60}))});
        put_event_type(&app, "visit", members).await.expect(201);
        for taken in ["11", "12", "14"] {
            app.hold_slot("visit", &format!("2026-12-01T{taken}:00:00Z")).await;
        }
        let refused = app.checkout(&order_by("bob@example.com", "visit", "2026-12-01T12:00:00Z")).await;
        let refused = refused.expect_problem(409, "slot_taken");
        let free = ["13:00 free 1", "10:00 free 1", "09:00 free 1", "15:00 free 1", "16:00 free 1"];
        assert_eq!(list_alternatives(&refused), free, "{refused:?}");
        // All other slots of the day are closed, so the nearest ones are on the neighbouring days.
        block(&app, "ben", "away", "2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z").await.expect(201);
        let refused = app.checkout(&order("visit", "2026-12-01T12:00:00Z")).await.expect_problem(409, "slot_taken");
        let near = refused.body["alternatives"].as_array().unwrap().iter().map(|slot| slot["starts_at"].as_str().unwrap());
        let expected = ["2026-11-30T16", "2026-11-30T15", "2026-12-02T09", "2026-11-30T14", "2026-12-02T10"];
        assert_eq!(near.collect::<Vec<_>>(), expected.map(|start| format!("{start}:00:00Z")));
        // An offered alternative can be booked.
        app.checkout(&order("visit", "2026-11-30T16:00:00Z")).await.expect(201);
    }

    async fn alternatives_have_capacity_for_quantity(engine) {
        let app = TestApp::start(engine).await;
        put_resource(&app, "studio", 3).await;
        let members = json!({"resource": "studio", "duration_minutes": 60,
            "schedule": daily_event_type("UTC", "09:00", "13:00", json!({"step_minutes": 60, "max_advance_days": 12}))});
        put_event_type(&app, "class", members).await.expect(201);
        for taken in ["09", "10", "11"] {
            app.hold_slot("class", &format!("2026-12-01T{taken}:00:00Z")).await;
        }
        let mut all = order_by("bob@example.com", "class", "2026-12-01T10:00:00Z");
        all["quantity"] = 3.into();
        let refused = app.checkout(&all).await.expect_problem(409, "slot_taken");
        let near = refused.body["alternatives"].as_array().unwrap().iter().map(|slot| slot["starts_at"].as_str().unwrap());
        let near: Vec<_> = near.collect();
        assert_eq!(near[0], "2026-12-01T12:00:00Z");
        assert!(near.len() == 5 && near[1..].iter().all(|start| !start.starts_with("2026-12-01")), "{near:?}");
        all["starts_at"] = near[0].into();
        app.checkout(&all).await.expect(201);
    }

    async fn stale_page_gets_409_with_alternatives(engine) {
        let app = TestApp::start(engine).await;
        let other = app.another_instance().await;
        let page = slots(&app, "call", "2026-12-01T10:00:00Z", "2026-12-01T11:00:00Z").await.expect(200);
        let stale = list_starts(&page)[0];
        assert_eq!(page.body["slots"][0]["status"], "free");
        other.checkout(&order("call", stale)).await.expect(201);
        let refused = app.checkout(&order_by("bob@example.com", "call", stale)).await;
        let refused = refused.expect_problem(409, "slot_taken");
        let offered = refused.body["alternatives"].as_array().unwrap();
        assert_eq!(offered.len(), 5, "{refused:?}");
        assert!(offered.iter().all(|slot| slot["status"] == "free" && slot["starts_at"] != stale), "{refused:?}");
        let instead = order_by("bob@example.com", "call", offered[0]["starts_at"].as_str().unwrap());
        app.checkout(&instead).await.expect(201);
    }
}
