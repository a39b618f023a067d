//! Tests of the catalogue: what guests see of it, that what operators read can be written back, and that nothing is made by a typo.

use proptest::prelude::*;
use proptest::test_runner::{Config as ProptestConfig, TestRunner};
use reqwest::Method;
use reqwest::header::ORIGIN;
use serde_json::{Value, json};

use crate::support::app::{ADMIN_KEY, ApiResponse, TestApp, order};
use crate::support::catalogue_fixtures::{block, put_closure, put_event_type, put_resource, set_feed};
use crate::support::database::Engine;
use crate::support::feed_server::{Feed, PRIVATE, busy, run_feed};
use crate::support::on_both_engines;

const SLOT: &str = "2026-12-01T10:00:00Z";

/// Reads an object of the operators' routes.
pub(super) async fn get(app: &TestApp, path: &str) -> Value {
    app.admin(Method::GET, &format!("/v1/admin/{path}"), None)
        .await
        .expect(200)
        .body
}

async fn put(app: &TestApp, path: &str, body: Value) -> ApiResponse {
    app.admin(Method::PUT, &format!("/v1/admin/{path}"), Some(body))
        .await
}

/// Puts back what is shown, and checks that it is shown as before.
async fn assert_can_be_put_back(app: &TestApp, path: &str) {
    let shown = get(app, path).await;
    put(app, path, shown.clone()).await.expect(200);
    assert_eq!(get(app, path).await, shown, "{path}");
}

/// An event type with a value in every member.
fn salon() -> Value {
    json!({
        "description": "Wash, cut and colour.\nPlease come in time.", "amount": 9000,
        "segments": [{"offset_minutes": 0, "duration_minutes": 60, "any_of": ["ben", "ana"]},
                     {"offset_minutes": 60, "duration_minutes": 45, "any_of": ["cleo"]}],
        "buffer_before_minutes": 5, "buffer_after_minutes": 10,
        "schedule": {"timezone": "Europe/Berlin", "step_minutes": 15, "min_notice_minutes": 60, "max_advance_days": 90,
                     "weekly": [{"days": ["mon", "tue"], "from": "09:00", "to": "17:00"}],
                     "exceptions": [{"date": "2026-12-24", "closed": true},
                                    {"date": "2026-12-19", "from": "10:00", "to": "24:00"}]},
        "guest_cancel_until_minutes": 1440, "guest_move_until_minutes": 0, "payment_methods": ["card"],
        "checkout": {"promotion_codes": true, "automatic_tax": true, "tax_behavior": "inclusive",
                     "tax_code": "txcd_20030000", "phone": true, "billing_address": "required", "terms_consent": true,
                     "statement_descriptor_suffix": "SALON", "submit_type": "book", "invoice": true},
        "images": ["https://shop.example/salon.jpg"],
    })
}

on_both_engines! {
    async fn guests_see_what_is_on_sale_and_no_more(engine) {
        let app = TestApp::start_with(engine, &[("HOLDFAST_ALLOWED_ORIGINS", "https://shop.example")]).await;
        put(&app, "resources/ben", json!({"name": "Ben B.", "capacity": 3})).await.expect(201);
        put_event_type(&app, "salon", salon()).await.expect(201);
        let shown = app.get("/v1/event-types/salon").await.expect(200);
        assert_eq!(shown.body, json!({
            "id": "salon", "name": "salon", "description": "Wash, cut and colour.\nPlease come in time.",
            "segments": [
                {"offset_minutes": 0, "duration_minutes": 60,
                 "resources": [{"id": "ben", "name": "Ben B."}, {"id": "ana", "name": "ana"}]},
                {"offset_minutes": 60, "duration_minutes": 45, "resources": [{"id": "cleo", "name": "cleo"}]}],
            "resources": [{"id": "ben", "name": "Ben B."}, {"id": "ana", "name": "ana"}],
            "amount": 9000, "currency": "eur", "max_quantity": 1, "timezone": "Europe/Berlin", "guest_cancel_until_minutes": 1440, "guest_move_until_minutes": 0,
        }));
        let list = app.get("/v1/event-types?limit=2").await.expect(200);
        assert_eq!(list.body["data"][0], shown.body);
        assert_eq!(list.body["data"][1], json!({
            "id": "long-call", "name": "long-call", "description": null,
            "segments": [{"offset_minutes": 0, "duration_minutes": 60, "resources": [{"id": "ana", "name": "ana"}]}],
            "amount": 9000, "currency": "eur", "resources": [{"id": "ana", "name": "ana"}], "max_quantity": 1,
            "timezone": "UTC",
            "guest_cancel_until_minutes": null, "guest_move_until_minutes": null,
        }));
        let next = list.text("next_cursor");
        let rest = app.get(&format!("/v1/event-types?limit=2&cursor={next}")).await.expect(200);
        assert_eq!((&rest.body["data"][0]["id"], &rest.body["next_cursor"]), (&json!("call"), &Value::Null));
        for missing in ["nothing", "Call", "%00"] {
            app.get(&format!("/v1/event-types/{missing}")).await.expect_problem(404, "not_found");
        }
        app.get("/v1/event-types?all=1").await.expect_problem(422, "invalid");
        for path in ["/v1/event-types", "/v1/event-types/call"] {
            let request = app.request(Method::GET, path).header(ORIGIN, "https://shop.example");
            let answer = app.send(request).await.expect(200);
            assert_eq!(answer.headers["access-control-allow-origin"], "https://shop.example");
        }
    }

    async fn reads_of_the_public_catalogue_are_limited(engine) {
        let app = TestApp::start_with(engine, &[("HOLDFAST_READ_LIMIT", "2/h")]).await;
        app.get("/v1/event-types").await.expect(200);
        app.get("/v1/event-types/call").await.expect(200);
        for path in ["/v1/event-types", "/v1/event-types/call"] {
            app.get(path).await.expect_problem(429, "rate_limited");
            let request = app.request(Method::GET, path).bearer_auth(ADMIN_KEY);
            app.send(request).await.expect(200);
        }
    }

    async fn what_an_operator_reads_can_be_put_back(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        put_event_type(&app, "salon", salon()).await.expect(201);
        put_resource(&app, "ana", 5).await;
        let feed = Feed::of(busy("20261203T100000Z", "20261203T110000Z")).await;
        set_feed(&app, "ana", Some(&feed.url)).await.expect(200);
        run_feed(&app).await;
        put_closure(&app, "holiday", json!({"from": "2026-12-24", "to": "2026-12-26", "note": "Christmas"})).await.expect(201);
        put_closure(&app, "course", json!({"from": "2026-12-01", "to": "2026-12-01", "resources": ["ben"]})).await.expect(201);
        app.hold_slot("call", "2026-12-05T10:00:00Z").await;
        block(&app, "ana", "dentist", "2026-12-05T10:00:00Z", "2026-12-05T12:00:00Z").await.expect(201);
        for path in ["event-types/call", "event-types/salon", "resources/ana", "resources/ben", "closures/holiday", "closures/course"] {
            assert_can_be_put_back(&app, path).await;
        }
        let calendar = get(&app, "resources/ana").await["calendar"].clone();
        assert_eq!(calendar["state"], "ok");
        let back = put(&app, "resources/ana/calendar", calendar.clone()).await.expect(200);
        assert_eq!(back.body, calendar);
        let none = set_feed(&app, "ben", None).await.expect(200).body;
        assert_eq!(put(&app, "resources/ben/calendar", none.clone()).await.expect(200).body, none);
        let blocks = get(&app, "resources/ana/blocks").await;
        for listed in blocks["data"].as_array().unwrap() {
            let path = format!("resources/ana/blocks/{}", listed["id"].as_str().unwrap());
            match listed["source"].as_str().unwrap() {
                "operator" => {
                    let answer = put(&app, &path, listed.clone()).await.expect(200).body;
                    assert_eq!(put(&app, &path, answer.clone()).await.expect(200).body, answer);
                }
                _ => {
                    let refused = put(&app, "resources/ana/blocks/copy", listed.clone()).await.expect_problem(422, "invalid");
                    assert_eq!(refused.body["errors"][0]["field"], "source");
                }
            }
        }
        assert_eq!(get(&app, "resources/ana/blocks").await, blocks);
    }

    /// What only the service writes is ignored, and nothing else.
    async fn unknown_members_are_still_refused(engine) {
        let app = TestApp::start(engine).await;
        block(&app, "ana", "dentist", SLOT, "2026-12-01T12:00:00Z").await.expect(201);
        put_closure(&app, "holiday", json!({"from": "2026-12-24", "to": "2026-12-26"})).await.expect(201);
        let dentist = get(&app, "resources/ana/blocks").await["data"].as_array().unwrap().iter()
            .find(|listed| listed["source"] == "operator").unwrap().clone();
        for (path, mut body) in [
            ("event-types/call", get(&app, "event-types/call").await),
            ("resources/ana", get(&app, "resources/ana").await),
            ("resources/ana/blocks/dentist", dentist),
            ("closures/holiday", get(&app, "closures/holiday").await),
            ("resources/ana/calendar", set_feed(&app, "ana", None).await.expect(200).body),
        ] {
            body["tax"] = json!(19);
            let refused = put(&app, path, body).await.expect_problem(422, "invalid");
            assert_eq!(refused.body["errors"][0]["field"], "tax", "{path}");
        }
    }

    /// Stripe's rules may be younger than the price.
    async fn price_below_the_minimum_can_be_put_back(engine) {
        let app = TestApp::start(engine).await;
        assert_eq!(app.database.execute("UPDATE event_types SET amount = 7 WHERE id = 'call'").await, 1);
        assert_can_be_put_back(&app, "event-types/call").await;
        let mut other = get(&app, "event-types/call").await;
        other["amount"] = json!(8);
        put(&app, "event-types/call", other).await.expect_problem(422, "invalid");
    }

    async fn resource_that_does_not_exist_is_refused(engine) {
        let app = TestApp::start(engine).await;
        let body = |members: Value| {
            let mut body = json!({"name": "Call", "amount": 5000, "currency": "eur"});
            body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
            body
        };
        let short = body(json!({"resource": "anna", "duration_minutes": 30}));
        let long = body(json!({"segments": [{"duration_minutes": 30, "any_of": ["ana"]},
            {"offset_minutes": 30, "duration_minutes": 30, "any_of": ["ana", "bert", "anna"]}]}));
        let window = json!({"starts_at": SLOT, "ends_at": "2026-12-01T11:00:00Z"});
        for (path, body, fields) in [
            ("event-types/new", short, vec!["resource"]),
            ("event-types/new", long, vec!["segments[1].any_of[1]", "segments[1].any_of[2]"]),
            ("resources/anna/blocks/dentist", window, vec!["resource"]),
            ("resources/anna/calendar", json!({"url": "https://calendar.example/"}), vec!["resource"]),
            ("resources/anna/calendar", json!({"url": null}), vec!["resource"]),
            ("closures/new", json!({"from": "2026-12-01", "to": "2026-12-01", "resources": ["anna"]}), vec!["resources"]),
        ] {
            let refused = put(&app, path, body).await.expect_problem(422, "invalid");
            let errors = refused.body["errors"].as_array().unwrap().iter();
            let named: Vec<_> = errors.map(|error| error["field"].as_str().unwrap()).collect();
            assert_eq!(named, fields, "{path}");
        }
        assert_eq!(app.database.count("SELECT count(*) FROM resources").await, 1);
        assert_eq!(app.database.count("SELECT count(*) FROM event_types").await, 2);
        app.admin(Method::GET, "/v1/admin/resources/anna/blocks", None).await.expect_problem(404, "not_found");
    }

    async fn blocks_of_all_sources_are_listed_in_pages(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let feed = Feed::of(busy("20261203T100000Z", "20261203T110000Z")).await;
        set_feed(&app, "ana", Some(&feed.url)).await.expect(200);
        run_feed(&app).await;
        put_closure(&app, "holiday", json!({"from": "2026-12-24", "to": "2026-12-24"})).await.expect(201);
        for (id, from, to) in [("one", SLOT, "2026-12-01T11:00:00Z"), ("two", SLOT, "2026-12-01T12:00:00Z")] {
            block(&app, "ana", id, from, to).await.expect(201);
        }
        let list = async |query: &str| {
            let mut names = Vec::new();
            let mut cursor = String::new();
            loop {
                let page = get(&app, &format!("resources/ana/blocks?{query}{cursor}")).await;
                for listed in page["data"].as_array().unwrap() {
                    assert_eq!(listed["resource"], "ana");
                    let id = match listed["source"].as_str().unwrap() {
                        "calendar" => "",
                        _ => listed["id"].as_str().unwrap(),
                    };
                    names.push(format!("{} {id}", listed["source"].as_str().unwrap()));
                }
                match page["next_cursor"].as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => return names,
                }
            }
        };
        let all = ["closure closure:holiday", "calendar ", "operator two", "operator one"];
        for limit in 1..=5 {
            assert_eq!(list(&format!("limit={limit}")).await, all, "{limit}");
        }
        assert_eq!(list("from=2026-12-01T11:00:00Z").await, all[..3]);
        assert_eq!(list("to=2026-12-03T10:00:01Z").await, all[1..]);
        assert_eq!(list("from=2026-12-01T12:00:00Z&to=2026-12-24T00:00:00Z").await, all[1..2]);
        let wrong = "/v1/admin/resources/ana/blocks?limit=0&from=x&till=y";
        app.admin(Method::GET, wrong, None).await.expect_problem(422, "invalid");
    }
}

/// Event types of any shape, as the operator may put them.
fn any_event_type() -> impl Strategy<Value = Value> {
    let segment = (
        0..120_i64,
        1..240_i64,
        prop::sample::subsequence(vec!["ana", "ben", "cleo"], 1..=3),
    );
    let segments = prop::collection::vec(segment, 1..3);
    let schedule = (
        prop::option::of(1..400_i64),
        1..600_i64,
        "(0[0-9]|1[0-9]):[0-5]0",
        prop::bool::ANY,
    );
    let minutes = || prop::option::of(0..10_000_i64);
    (segments, prop::option::of(schedule), minutes(), minutes(), 0..600_i64, prop::option::of("[a-z]{1,30}")).prop_map(
        |(segments, schedule, cancel, moving, buffer, description)| {
            let segments: Vec<Value> = segments
                .into_iter()
                .enumerate()
                // One after the other, so that they can be held together.
                .map(|(n, (gap, minutes, any_of))| {
                    let offset = if n == 0 { 0 } else { 5_000 * n as i64 + gap };
                    json!({"offset_minutes": offset, "duration_minutes": minutes, "any_of": any_of})
                })
                .collect();
            let mut body = json!({"name": "Any", "amount": 5000, "currency": "eur", "segments": segments,
                "guest_cancel_until_minutes": cancel, "guest_move_until_minutes": moving, "buffer_after_minutes": buffer,
                "description": description});
            if let Some((advance, step, from, closed)) = schedule {
                let exception = match closed {
                    true => json!({"date": "2026-12-24", "closed": true}),
                    false => json!({"date": "2026-12-24", "from": from, "to": "24:00"}),
                };
                body["schedule"] = json!({"timezone": "Asia/Tokyo", "step_minutes": step, "max_advance_days": advance,
                    "weekly": [{"days": ["mon"], "from": from, "to": "23:30"}], "exceptions": [exception]});
            }
            body
        },
    )
}

#[test]
fn any_event_type_can_be_put_back() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let app = runtime.block_on(TestApp::start(engine));
        runtime.block_on(async {
            for resource in ["ben", "cleo"] {
                put_resource(&app, resource, 1).await;
            }
            put(
                &app,
                "event-types/any",
                json!({"name": "Any", "amount": 5000, "currency": "eur", "resource": "ana",
                "duration_minutes": 5}),
            )
            .await
            .expect(201);
        });
        let config = ProptestConfig {
            cases: 60,
            failure_persistence: None,
            ..ProptestConfig::default()
        };
        let ran = TestRunner::new(config).run(&any_event_type(), |body| {
            runtime.block_on(async {
                let first = put(&app, "event-types/any", body).await;
                prop_assert!(first.status == 200, "{first:?}");
                let shown = get(&app, "event-types/any").await;
                let back = put(&app, "event-types/any", shown.clone()).await;
                prop_assert!(back.status == 200, "{back:?}");
                prop_assert_eq!(get(&app, "event-types/any").await, shown);
                Ok(())
            })
        });
        ran.unwrap();
        let _runtime = runtime.enter();
        drop(app);
    }
}

/// A checkout of a deleted event type has no resource that could be missing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleting_a_resource_waits_for_its_new_event_type() {
    let app = TestApp::start(Engine::Postgres).await;
    let mut outcomes = std::collections::BTreeSet::new();
    for round in 0..30 {
        let resource = format!("new-{round}");
        put_resource(&app, &resource, 1).await;
        let path = format!("/v1/admin/event-types/type-{round}");
        let body = json!({"name": "New", "amount": 5000, "currency": "eur", "resource": resource, "duration_minutes": 30});
        let delete = format!("/v1/admin/resources/{resource}");
        let (made, deleted) = tokio::join!(
            app.admin(Method::PUT, &path, Some(body)),
            app.admin(Method::DELETE, &delete, None)
        );
        outcomes.insert((made.status.as_u16(), deleted.status.as_u16()));
    }
    for outcome in &outcomes {
        assert!([(201, 409), (422, 204)].contains(outcome), "{outcomes:?}");
    }
    let orphans = "SELECT count(*) FROM event_types e WHERE NOT EXISTS (
        SELECT 1 FROM resources r WHERE r.id = e.segments -> 0 -> 'any_of' ->> 0)";
    assert_eq!(app.database.count(orphans).await, 0);
    app.checkout(&order("call", SLOT)).await.expect(201);
}
