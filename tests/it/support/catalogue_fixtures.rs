//! Sets up the catalogue of a test over HTTP, and reads its slots: the requests of an operator and of a shop's page.

use reqwest::Method;
use serde_json::{Value, json};

use super::client::{ApiResponse, Client};

/// Puts an event type on sale with these members; its price is 50 EUR unless they set another. Resources that do not exist are
/// made first, with one unit.
pub(crate) async fn put_event_type(at: &Client, id: &str, members: Value) -> ApiResponse {
    let mut body = json!({"name": id, "amount": 5000, "currency": "eur"});
    body.as_object_mut()
        .unwrap()
        .extend(members.as_object().unwrap().clone());
    let path = format!("/v1/admin/event-types/{id}");
    let answer = at.admin(Method::PUT, &path, Some(body.clone())).await;
    let missing = list_missing_resources(&answer, &body);
    for resource in &missing {
        put_resource(at, resource, 1).await;
    }
    match missing.is_empty() {
        true => answer,
        false => at.admin(Method::PUT, &path, Some(body)).await,
    }
}

/// Lists the resources of a body that were refused only because they do not exist.
fn list_missing_resources(answer: &ApiResponse, body: &Value) -> Vec<String> {
    let errors = answer.body["errors"].as_array().into_iter().flatten();
    let missing = errors.filter(|error| error["detail"] == "must be a resource that exists");
    let find = |error: &Value| {
        let path = error["field"].as_str()?.replace(['.', '['], "/").replace(']', "");
        body.pointer(&format!("/{path}"))?.as_str().map(str::to_owned)
    };
    missing.filter_map(find).collect()
}

/// Puts an event type with one resource on sale, in EUR.
pub(crate) async fn offer(at: &Client, id: &str, resource: &str, minutes: i64, amount: i64) {
    let members = json!({"resource": resource, "duration_minutes": minutes, "amount": amount});
    let answer = put_event_type(at, id, members).await;
    assert!(answer.status.is_success(), "{answer:?}");
}

/// Sets the capacity of a resource.
pub(crate) async fn put_resource(at: &Client, id: &str, capacity: u32) {
    let answer = at
        .admin(
            Method::PUT,
            &format!("/v1/admin/resources/{id}"),
            Some(json!({"capacity": capacity})),
        )
        .await;
    assert!(answer.status.is_success(), "{answer:?}");
}

/// Blocks a resource for other reasons.
pub(crate) async fn block(at: &Client, resource: &str, id: &str, from: &str, to: &str) -> ApiResponse {
    let path = format!("/v1/admin/resources/{resource}/blocks/{id}");
    at.admin(
        Method::PUT,
        &path,
        Some(json!({"starts_at": from, "ends_at": to})),
    )
    .await
}

/// Deletes the block of a resource.
pub(crate) async fn unblock(at: &Client, resource: &str, id: &str) -> ApiResponse {
    let path = format!("/v1/admin/resources/{resource}/blocks/{id}");
    at.admin(Method::DELETE, &path, None).await
}

/// Closes the shop, or some of its resources.
pub(crate) async fn put_closure(at: &Client, id: &str, body: Value) -> ApiResponse {
    at.admin(Method::PUT, &format!("/v1/admin/closures/{id}"), Some(body))
        .await
}

/// Sets the calendar feed of a resource, or removes it.
pub(crate) async fn set_feed(at: &Client, resource: &str, url: Option<&str>) -> ApiResponse {
    let path = format!("/v1/admin/resources/{resource}/calendar");
    at.admin(Method::PUT, &path, Some(json!({ "url": url }))).await
}

/// Requests the slots of an event type.
pub(crate) async fn slots(at: &Client, event_type: &str, from: &str, to: &str) -> ApiResponse {
    at.get(&format!("/v1/event-types/{event_type}/slots?from={from}&to={to}"))
        .await
}

/// Returns the slots of a day in UTC, each as `10:00 free 1`.
pub(crate) async fn day(at: &Client, event_type: &str, date: &str) -> Vec<String> {
    let (from, to) = (format!("{date}T00:00:00Z"), format!("{date}T23:59:59Z"));
    let answer = slots(at, event_type, &from, &to).await.expect(200);
    let slots = answer.body["slots"].as_array().unwrap().iter();
    slots.map(format_slot).collect()
}

/// Formats a slot as `10:00 free 1`.
pub(crate) fn format_slot(slot: &Value) -> String {
    let start = slot["starts_at"].as_str().unwrap();
    format!(
        "{} {} {}",
        &start[11..16],
        slot["status"].as_str().unwrap(),
        slot["available"]
    )
}
