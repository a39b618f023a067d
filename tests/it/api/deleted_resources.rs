//! Tests what becomes of a resource that nothing needs, and of what belonged to it.

use reqwest::Method;
use serde_json::json;

use super::catalogue::get;
use crate::support::app::TestApp;
use crate::support::catalogue_fixtures::{
    block, put_closure, put_event_type, put_resource, set_feed, unblock,
};
use crate::support::on_both_engines;

const SLOT: &str = "2026-12-01T10:00:00Z";

on_both_engines! {
    async fn resource_is_deleted_once_nothing_needs_it(engine) {
        let app = TestApp::start(engine).await;
        put_event_type(&app, "bens-call", json!({"resource": "ben", "duration_minutes": 30})).await.expect(201);
        let hold = app.hold_slot("bens-call", SLOT).await;
        block(&app, "ben", "dentist", "2026-12-03T10:00:00Z", "2026-12-03T11:00:00Z").await.expect(201);
        block(&app, "ben", "past", "2026-11-03T10:00:00Z", "2026-11-03T11:00:00Z").await.expect(201);
        put_closure(&app, "course", json!({"from": "2026-12-01", "to": "2026-12-01", "resources": ["ben"]})).await.expect(201);
        put_closure(&app, "holiday", json!({"from": "2026-12-24", "to": "2026-12-24"})).await.expect(201);
        set_feed(&app, "ben", Some("https://calendar.example/")).await.expect(200);
        let delete = async || app.admin(Method::DELETE, "/v1/admin/resources/ben", None).await;
        let refusal = async || delete().await.expect_problem(409, "conflict").text("detail").to_owned();
        let all = refusal().await;
        assert_eq!(all, "the resource is needed by event types: bens-call; live holds: 1; blocks: dentist; closures: course; \
            its calendar feed");
        app.admin(Method::DELETE, "/v1/admin/event-types/bens-call", None).await.expect(204);
        assert!(!refusal().await.contains("event types"));
        app.cancel(&hold).await.expect(200);
        assert!(!refusal().await.contains("live holds"));
        unblock(&app, "ben", "dentist").await.expect(204);
        assert!(!refusal().await.contains("blocks"));
        app.admin(Method::DELETE, "/v1/admin/closures/course", None).await.expect(204);
        assert!(!refusal().await.contains("closures"));
        set_feed(&app, "ben", None).await.expect(200);
        delete().await.expect(204);
        delete().await.expect_problem(404, "not_found");
        app.admin(Method::GET, "/v1/admin/resources/ben", None).await.expect_problem(404, "not_found");
        // What is past keeps the name.
        let past = get(&app, &format!("holds/{}", hold.text("id"))).await;
        assert_eq!((&past["resource"], &past["status"]), (&json!("ben"), &json!("released")));
        assert_eq!(get(&app, "holds?resource=ben").await["data"].as_array().unwrap().len(), 1);
        assert_eq!(app.database.count("SELECT count(*) FROM blocks WHERE resource_id = 'ben'").await, 0);
        // One of the same id is a new one.
        put_resource(&app, "ben", 1).await;
        assert_eq!(app.database.count("SELECT count(*) FROM blocks WHERE resource_id = 'ben'").await, 1);
    }

    async fn resource_with_past_bookings_only_is_deleted(engine) {
        let app = TestApp::start(engine).await;
        put_event_type(&app, "bens-call", json!({"resource": "ben", "duration_minutes": 30})).await.expect(201);
        let hold = app.hold_slot("bens-call", SLOT).await;
        app.confirm(&hold).await;
        app.admin(Method::DELETE, "/v1/admin/event-types/bens-call", None).await.expect(204);
        let delete = async || app.admin(Method::DELETE, "/v1/admin/resources/ben", None).await;
        assert_eq!(delete().await.expect_problem(409, "conflict").text("detail"), "the resource is needed by live holds: 1");
        app.clock.advance(chrono::Duration::days(30));
        delete().await.expect(204);
        assert_eq!(app.state_of(&hold).await, "confirmed");
    }

    /// Its slot is not given to money that comes late: nobody is there to serve the guest.
    async fn late_money_for_a_deleted_resource_goes_back(engine) {
        let app = TestApp::start(engine).await;
        put_event_type(&app, "bens-call", json!({"resource": "ben", "duration_minutes": 30})).await.expect(201);
        let hold = app.hold_slot("bens-call", SLOT).await;
        app.expire_by_false_event(&hold).await;
        app.admin(Method::DELETE, "/v1/admin/event-types/bens-call", None).await.expect(204);
        app.admin(Method::DELETE, "/v1/admin/resources/ben", None).await.expect(204);
        app.pay(&hold, holdfast::sandbox::PaymentOutcome::Paid);
        app.deliver_all().await;
        assert_eq!(app.state_of(&hold).await, "released/late_payment_refunded");
    }
}
