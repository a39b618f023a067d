//! Tests of `GET /v1/holds/{id}/calendar.ics`: the entry of a booking for its guest's own calendar.

use holdfast::sandbox::PaymentOutcome;
use reqwest::Method;
use serde_json::json;

use crate::support::app::{ApiResponse, TestApp, order};
use crate::support::catalogue_fixtures::put_event_type;
use crate::support::on_both_engines;

async fn ask(app: &TestApp, hold: &ApiResponse) -> ApiResponse {
    app.get(&format!("/v1/holds/{}/calendar.ics", hold.text("id")))
        .await
}

/// Returns the value of a property that the file has once.
fn value<'a>(file: &'a str, property: &str) -> &'a str {
    let mut found = file
        .lines()
        .filter_map(|line| line.strip_prefix(property)?.strip_prefix(':'));
    let value = found.next().unwrap_or_else(|| panic!("no {property} in {file}"));
    assert_eq!(found.next(), None, "{file}");
    value
}

on_both_engines! {
    async fn confirmed_hold_is_a_calendar_entry(engine) {
        let app = TestApp::start(engine).await;
        let studio = json!({"name": "Studio, rear entrance", "capacity": 3});
        app.admin(Method::PUT, "/v1/admin/resources/studio", Some(studio)).await.expect(201);
        let members = json!({"name": "Pottery; for two", "resource": "studio", "duration_minutes": 90,
            "guest_move_until_minutes": 60, "guest_cancel_until_minutes": 60});
        put_event_type(&app, "pottery", members).await.expect(201);
        let mut two = order("pottery", "2026-12-01T10:00:00Z");
        two["quantity"] = 2.into();
        let hold = app.checkout(&two).await.expect(201);
        ask(&app, &hold).await.expect_problem(404, "not_found");
        app.pay(&hold, PaymentOutcome::Paid);
        app.deliver_all().await;

        let answer = ask(&app, &hold).await.expect(200);
        assert_eq!(answer.headers["content-type"], "text/calendar; charset=utf-8");
        assert_eq!(answer.headers["content-disposition"], "attachment; filename=\"booking.ics\"");
        let file = answer.body.as_str().unwrap().to_owned();
        assert_eq!(value(&file, "SUMMARY"), "2 × Pottery\\; for two");
        assert_eq!(value(&file, "LOCATION"), "Studio\\, rear entrance");
        assert_eq!((value(&file, "DTSTART"), value(&file, "DTEND")), ("20261201T100000Z", "20261201T113000Z"));
        for private in [hold.text("id"), hold.text("token"), "Ada", "example.com"] {
            assert!(!file.contains(private), "{private} in {file}");
        }

        // Calendar programs take the entry of a moved booking for a later version of the same one.
        app.clock.advance(chrono::Duration::minutes(1));
        app.move_to(&hold, "2026-12-01T14:00:00Z").await.expect(200);
        let moved = ask(&app, &hold).await.expect(200).body.as_str().unwrap().to_owned();
        assert_eq!(value(&moved, "DTSTART"), "20261201T140000Z");
        assert_eq!(value(&moved, "UID"), value(&file, "UID"));
        let sequence = |file: &str| value(file, "SEQUENCE").parse::<u64>().unwrap();
        assert!(sequence(&moved) > sequence(&file), "{moved}");

        app.cancel(&hold).await.expect(200);
        ask(&app, &hold).await.expect_problem(404, "not_found");
    }
}
