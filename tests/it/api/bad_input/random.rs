//! Sends generated bodies: JSON of any shape, and the valid body with any part of it replaced.
//!
//! Each response is either successful or a problem below 500. If one fails, proptest prints the seed and the smallest
//! body.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::{Route, set};
use crate::support::app::{ApiResponse, TestApp};
use crate::support::database::Engine;

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-z-]{0,8}",
        "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})",
        "[a-z.@]{1,20}",
        "https?://[a-z.:@/]{0,20}",
    ]
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(any_text(), inner, 0..6).prop_map(|map: BTreeMap<_, _>| json!(map)),
        ]
    })
}

/// Generates the valid body with some of its members replaced.
fn nearly_valid_body(route: Route, members: &'static [&'static str]) -> impl Strategy<Value = Value> {
    prop::collection::vec((prop::sample::select(members), any_json()), 1..4).prop_map(move |changes| {
        let mut body = route.good();
        for (member, value) in changes {
            let above = member.split_once('.').map(|(above, _)| above);
            if above.is_none_or(|above| body[above].is_object()) {
                set(&mut body, member, value);
            }
        }
        body
    })
}

/// Generates raw bytes too, most of which are not JSON.
fn random_bodies(route: Route, members: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let bytes = |value: Value| value.to_string().into_bytes();
    prop_oneof![
        3 => nearly_valid_body(route, members).prop_map(bytes),
        1 => any_json().prop_map(bytes),
        1 => any::<Vec<u8>>(),
    ]
}

fn send_random_bodies(route: Route, members: &'static [&'static str]) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let app = runtime.block_on(TestApp::start(Engine::Sqlite));
    let send = async |body: Vec<u8>| -> ApiResponse {
        let request = match route {
            Route::Holds => app.request(reqwest::Method::POST, "/v1/holds"),
            Route::EventTypes => app
                .request(reqwest::Method::PUT, "/v1/admin/event-types/new")
                .bearer_auth(crate::support::app::ADMIN_KEY),
        };
        app.send(request.header(CONTENT_TYPE, "application/json").body(body))
            .await
    };
    let config = ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    TestRunner::new(config)
        .run(&random_bodies(route, members), |body| {
            let answer = runtime.block_on(send(body));
            prop_assert!(answer.status.as_u16() < 500, "{answer:?}");
            if !answer.status.is_success() {
                prop_assert!(
                    matches!(
                        answer.body["code"].as_str(),
                        Some("malformed" | "invalid" | "not_found" | "slot_taken")
                    ),
                    "{answer:?}"
                );
                prop_assert_eq!(answer.body["code"] == "invalid", answer.body["errors"].is_array());
            }
            Ok(())
        })
        .unwrap();
    runtime.block_on(async move { drop(app) });
}

#[test]
fn random_hold_body_gets_status_below_500() {
    send_random_bodies(
        Route::Holds,
        &[
            "event_type",
            "starts_at",
            "guest",
            "guest.email",
            "guest.name",
            "metadata",
            "success_url",
            "cancel_url",
        ],
    );
}

#[test]
fn random_event_type_body_gets_status_below_500() {
    send_random_bodies(
        Route::EventTypes,
        &["name", "resource", "duration_minutes", "amount", "currency"],
    );
}
