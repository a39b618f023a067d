//! Tests invalid query strings and malformed ids.

use reqwest::Method;

use super::{Route, Untouched, expect_faults, expect_problem};
use crate::support::app::ADMIN_KEY;
use crate::support::on_both_engines;

const HOLDS: &str = "/v1/admin/holds";
const EVENTS: &str = "/v1/admin/events";
const LISTS: [&str; 4] = [HOLDS, EVENTS, "/v1/admin/event-types", "/v1/admin/commands"];

/// Cursors that no list returned: not base64, not text, of no list, or with times that no engine can store.
const CURSORS: [&str; 9] = [
    "x",
    "%20",
    "bm9ib2R5",
    "%FF",
    "dA",
    "bg",
    "bjk5OTk5OTk5OTk5OTk5OTk5OTk5OTk",
    // `t-8334601228800000000.` and `t8210266876799999999.`, each with the nil id: the first and the last time of
    // chrono.
    "dC04MzM0NjAxMjI4ODAwMDAwMDAwLjAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw",
    "dDgyMTAyNjY4NzY3OTk5OTk5OTkuMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA",
];

/// Returns malformed ids, as they appear in a path.
fn malformed_ids() -> Vec<String> {
    let plain = [
        "1",
        "..%2Fadmin",
        "..%5C..%5Cetc",
        "%00",
        "%FF%FE",
        "%C3%28",
        "%ED%A0%80",
        "Call",
        "%F0%9F%98%80",
        "%27%20OR%201=1%20--",
        "00000000000000000000000000000000",
        "%7B00000000-0000-0000-0000-000000000000%7D",
        "00000000-0000-0000-0000-00000000000",
        "a%20b",
    ];
    let long = "x".repeat(10 * 1024);
    plain.into_iter().map(str::to_owned).chain([long]).collect()
}

on_both_engines! {
    async fn invalid_query_parameter_is_named(engine) {
        let app = Untouched::start(engine).await;
        let ask = async |path: &str, query: &str, fields: &[&str]| {
            let path = format!("{path}?{query}");
            expect_faults(&path, app.admin(Method::GET, &path, None).await, fields);
        };
        for hold in ["", "1", "%00", "call", "00000000000000000000000000000000"] {
            ask(EVENTS, &format!("hold={hold}"), &["hold"]).await;
        }
        for list in LISTS {
            for limit in ["", "0", "201", "-1", "abc", "1.5", "1e2", "99999999999999999999", "%00", "0x10", "5%200"] {
                ask(list, &format!("limit={limit}"), &["limit"]).await;
            }
            for cursor in CURSORS {
                ask(list, &format!("cursor={cursor}"), &["cursor"]).await;
            }
            ask(list, "colour=red", &["colour"]).await;
            ask(list, "Limit=5", &["Limit"]).await;
            ask(list, "limit=5&limit=5", &["limit"]).await;
            ask(list, "cursor=x&limit=0&a=1&b=2", &["a", "b", "cursor", "limit"]).await;
        }
        for (member, values) in [
            ("status", ["", "open", "HELD", "held,open", "%FF", "held%00"]),
            ("event_type", ["", "Call", "a%20b", "..%2F", "%FF", "%00"]),
            ("resource", ["", "Ana", "a%20b", "..%2F", "%FF", "%00"]),
            ("from", ["", "now", "2026-12-01", "2026-12-01T10:00:00", "2026-02-30T10:00:00Z", "10000-01-01T00:00:00Z"]),
            ("to", ["", "now", "2026-12-01", "2026-12-01T10:00:00", "2026-02-30T10:00:00Z", "10000-01-01T00:00:00Z"]),
        ] {
            for value in values {
                ask(HOLDS, &format!("{member}={value}"), &[member]).await;
            }
        }
        for state in ["", "open", "Pending", "%00"] {
            ask("/v1/admin/commands", &format!("state={state}"), &["state"]).await;
        }
        ask(HOLDS, "status=x&event_type=X&resource=X&from=x&to=x&limit=x", &[
            "event_type", "from", "limit", "resource", "status", "to",
        ]).await;
        app.assert_untouched().await;
    }

    async fn extreme_times_and_empty_queries_are_accepted(engine) {
        let app = Untouched::start(engine).await;
        for query in [
            "", "limit=1", "limit=200", "from=0000-01-01T00:00:00Z", "to=9999-12-31T23:59:59Z",
            "from=0000-01-01T00:00:00%2B23:59", "to=9999-12-31T23:59:60Z", "from=2026-12-01T10:00:00%2B02:00",
            "from=9999-12-31T23:59:59Z&to=0000-01-01T00:00:00Z",
        ] {
            let answer = app.admin(Method::GET, &format!("{HOLDS}?{query}"), None).await;
            assert_eq!(answer.status, 200, "{query}: {answer:?}");
            assert_eq!(answer.body["data"].as_array().unwrap().len(), 0);
        }
        app.assert_untouched().await;
    }

    async fn malformed_id_is_not_found(engine) {
        let app = Untouched::start(engine).await;
        for id in malformed_ids() {
            for (method, path) in [
                (Method::GET, format!("/v1/holds/{id}")),
                (Method::DELETE, format!("/v1/holds/{id}")),
                (Method::GET, format!("{HOLDS}/{id}")),
                (Method::GET, format!("/v1/admin/event-types/{id}")),
                (Method::DELETE, format!("/v1/admin/event-types/{id}")),
                (Method::POST, format!("/v1/admin/commands/{id}/retry")),
                (Method::POST, format!("{HOLDS}/{id}/release")),
                (Method::POST, format!("{HOLDS}/{id}/refresh")),
                (Method::POST, format!("{EVENTS}/{id}/replay")),
            ] {
                let case = format!("{method} {}", &path[..path.len().min(80)]);
                let answer = app.admin(method, &path, None).await;
                expect_problem(&case, answer, 404, "not_found");
            }
            if id.starts_with("0000") || id == "1" {
                continue; // An event type may have this name.
            }
            let path = format!("/v1/admin/event-types/{id}");
            let body = Some(Route::EventTypes.good());
            expect_faults(&path[..path.len().min(80)], app.admin(Method::PUT, &path, body).await, &["id"]);
        }
        app.assert_untouched().await;
    }
}

#[tokio::test]
async fn hold_id_ignores_case_and_no_other_spelling() {
    use crate::support::app::{TestApp, order};
    use crate::support::database::Engine;

    let app = TestApp::start(Engine::Sqlite).await;
    let hold = app.checkout(&order("call", super::START)).await.expect(201);
    let id = hold.text("id");
    app.get(&format!("/v1/holds/{}", id.to_uppercase()))
        .await
        .expect(200);
    for spelling in [
        id.replace('-', ""),
        format!("urn:uuid:{id}"),
        format!("%7B{id}%7D"),
        format!("{id}%20"),
    ] {
        let answer = app.get(&format!("/v1/holds/{spelling}")).await;
        expect_problem(&spelling, answer, 404, "not_found");
    }
    let request = app
        .request(Method::GET, &format!("/v1/admin/holds/{id}"))
        .bearer_auth(ADMIN_KEY);
    app.send(request).await.expect(200);
}
