//! Tests of the summary: what counts on which day of the shop and for which event type, also after old rows were deleted.

use chrono::Duration;
use holdfast::sandbox::RefundStatus;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::on_both_engines;

async fn summarize(app: &TestApp, query: &str) -> Value {
    let path = format!("/v1/admin/summary?{query}");
    app.admin(Method::GET, &path, None).await.expect(200).body
}

/// The part of a summary that has this member.
fn part<'a>(summary: &'a Value, member: &str, value: Option<&str>) -> &'a Value {
    let parts = summary["data"].as_array().unwrap();
    let found = parts.iter().find(|part| part[member].as_str() == value);
    found.unwrap_or_else(|| panic!("no {value:?} in {summary}"))
}

/// The counters of a part: started, placed, lost races, paid, lapsed, given back, cancelled, refunded.
fn counters(part: &Value) -> [i64; 8] {
    [
        "started",
        "placed",
        "lost_races",
        "paid",
        "lapsed",
        "given_back",
        "cancelled",
        "refunded",
    ]
    .map(|name| part[name].as_i64().unwrap())
}

on_both_engines! {
    async fn summary_counts_each_thing_when_it_happened(engine) {
        let zone = ("HOLDFAST_TIMEZONE", "Europe/Berlin");
        let app = TestApp::start_with(engine, &[zone]).await;
        // 2026-11-20 in Berlin. One is paid after a minute, one after three; one is given back, one lapses the next day.
        let first = app.hold_slot("call", "2026-12-01T10:00:00Z").await;
        let second = app.hold_slot("long-call", "2026-12-02T10:00:00Z").await;
        let given_back = app.hold_slot("call", "2026-12-03T10:00:00Z").await;
        app.clock.advance(Duration::minutes(1));
        app.confirm(&first).await;
        app.cancel(&given_back).await.expect(200);
        app.clock.advance(Duration::minutes(2));
        app.confirm(&second).await;
        // 22:50 in UTC is 23:50 in Berlin.
        app.clock.advance(Duration::hours(14) + Duration::minutes(47));
        app.hold_slot("call", "2026-12-04T10:00:00Z").await;
        app.clock.advance(Duration::minutes(50));
        app.simulator.expire_due();
        app.deliver_all().await;
        let cancel = format!("/v1/admin/holds/{}/cancel", first.text("id"));
        app.admin(Method::POST, &cancel, Some(json!({"refund": 2000}))).await.expect(200);
        app.sweep().await;
        app.deliver_all().await;
        assert_eq!(app.simulator.refunds()[0].status, RefundStatus::Succeeded);
        app.sweep().await;

        let by_day = summarize(&app, "from=2026-11-19&to=2026-11-21").await;
        assert_eq!((&by_day["from"], &by_day["to"]), (&json!("2026-11-18T23:00:00Z"), &json!("2026-11-21T23:00:00Z")));
        assert_eq!((&by_day["timezone"], &by_day["by"]), (&json!("Europe/Berlin"), &json!("day")));
        let days: Vec<&Value> = by_day["data"].as_array().unwrap().iter().map(|part| &part["day"]).collect();
        assert_eq!(days, ["2026-11-19", "2026-11-20", "2026-11-21"]);
        let empty = part(&by_day, "day", Some("2026-11-19"));
        assert_eq!((counters(empty), &empty["money"], &empty["median_seconds_to_pay"]), ([0; 8], &json!([]), &Value::Null));
        let sold = part(&by_day, "day", Some("2026-11-20"));
        assert_eq!(counters(sold), [4, 4, 0, 2, 0, 1, 0, 0], "{sold}");
        assert_eq!((&sold["money"], &sold["median_seconds_to_pay"]), (&json!([{"currency": "eur", "in": 14000, "out": 0}]), &json!(60)));
        let after = part(&by_day, "day", Some("2026-11-21"));
        assert_eq!(counters(after), [0, 0, 0, 0, 1, 0, 1, 1], "{after}");
        assert_eq!(after["money"], json!([{"currency": "eur", "in": 0, "out": 2000}]));

        let by_type = summarize(&app, "from=2026-11-20&to=2026-11-21&by=event_type").await;
        assert_eq!(counters(part(&by_type, "event_type", Some("call"))), [3, 3, 0, 1, 1, 1, 1, 1]);
        let long = part(&by_type, "event_type", Some("long-call"));
        assert_eq!((counters(long), &long["median_seconds_to_pay"]), ([1, 1, 0, 1, 0, 0, 0, 0], &json!(180)));
        let whole = summarize(&app, "").await;
        assert_eq!(whole["data"].as_array().unwrap().len(), 30);
        assert_eq!(whole["data"][29]["day"], "2026-11-21", "today is the last day");
    }

    async fn summary_stays_when_retention_deletes_its_rows(engine) {
        let app = TestApp::start_with(engine, &[("HOLDFAST_KEEP_RELEASED", "90d")]).await;
        let sold = app.sold("call", "2026-12-01T10:00:00Z").await;
        let given_back = app.hold_slot("call", "2026-12-01T11:00:00Z").await;
        app.cancel(&given_back).await.expect(200);
        app.hold_slot("long-call", "2026-12-01T12:00:00Z").await;
        app.clock.advance(Duration::minutes(45));
        app.simulator.expire_due();
        app.deliver_all().await;
        let queries = ["from=2026-11-20&to=2026-11-20", "from=2026-11-20&to=2026-11-20&by=event_type"];
        let before = [summarize(&app, queries[0]).await, summarize(&app, queries[1]).await];
        assert_eq!(counters(&before[0]["data"][0]), [3, 3, 0, 1, 1, 1, 0, 0]);
        for (days, holds, attempts) in [(0, 3, 3), (3, 3, 0), (91, 1, 0)] {
            app.clock.advance(Duration::days(days));
            app.sweep().await;
            app.sweep().await;
            assert_eq!(app.database.count("SELECT count(*) FROM holds").await, holds, "{days}");
            assert_eq!(app.database.count("SELECT count(*) FROM checkout_attempts").await, attempts, "{days}");
            let now = [summarize(&app, queries[0]).await, summarize(&app, queries[1]).await];
            assert_eq!(now, before, "after {days} days");
        }
        assert_eq!(app.state_of(&sold).await, "confirmed");
        app.without_audit("the history names events that are forgotten");
    }

    async fn range_that_cannot_be_counted_is_refused(engine) {
        let app = TestApp::start(engine).await;
        for (query, field) in [
            ("from=tomorrow", "from"),
            ("from=2026-11-20T10:07:00Z", "from"),
            ("from=2026-11-20&to=2026-11-19", "to"),
            ("from=2026-11-20T10:00:00Z&to=2026-11-20T10:00:00Z", "to"),
            ("from=2025-01-01&to=2026-11-20", "to"),
            ("by=week", "by"),
            ("day=2026-11-20", "day"),
        ] {
            let refused = app.admin(Method::GET, &format!("/v1/admin/summary?{query}"), None).await;
            assert_eq!(refused.expect_problem(422, "invalid").body["errors"][0]["field"], field, "{query}");
        }
        let part_of_a_day = summarize(&app, "from=2026-11-20T10:15:00%2B01:00&to=2026-11-20T12:00:00%2B01:00").await;
        assert_eq!(part_of_a_day["data"].as_array().unwrap().len(), 1);
    }
}
