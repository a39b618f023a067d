//! Tests where a hold can move to, as the console lists it.

use chrono::{DateTime, Utc};
use holdfast::domain::availability::SlotStatus;
use holdfast::domain::ids::{HoldId, ResourceId};
use holdfast::domain::time::Window;
use holdfast::workflow::move_slots::list_move_slots;
use holdfast::workflow::queries::find_hold;
use serde_json::json;

use crate::support::app::{ApiResponse, TestApp, order_by};
use crate::support::catalogue_fixtures::put_resource;
use crate::support::on_both_engines;

/// Lists the free starts between ten and twelve, for a hold that moves.
async fn free_starts(app: &TestApp, hold: &ApiResponse, resource: Option<&str>) -> Vec<String> {
    let id = HoldId::parse(hold.text("id")).unwrap();
    let booking = find_hold(&app.context, id).await.unwrap().unwrap();
    let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    let within = Window::new(at("2026-12-01T10:00:00Z"), at("2026-12-01T12:00:00Z")).unwrap();
    let resource = resource.map(|id| ResourceId::parse(id).unwrap());
    let listed = list_move_slots(&app.context, &booking, within, resource)
        .await
        .unwrap()
        .unwrap();
    let free = listed.slots.iter().filter(|slot| slot.state == SlotStatus::Free);
    free.map(|slot| slot.window.starts_at().format("%H:%M").to_string())
        .collect()
}

async fn sell_of_two(app: &TestApp) {
    for resource in ["ana", "ben"] {
        put_resource(app, resource, 1).await;
    }
    let schedule = json!({"timezone": "UTC", "step_minutes": 30, "weekly": [{"days": ["tue"], "from": "10:00", "to": "12:00"}]});
    app.sell(
        "call",
        &json!({
            "segments": [{"offset_minutes": 0, "duration_minutes": 60, "any_of": ["ana", "ben"]}],
        "schedule": schedule,
        }),
    )
    .await;
}

on_both_engines! {
    async fn own_windows_do_not_block_a_move(engine) {
        let app = TestApp::start(engine).await;
        sell_of_two(&app).await;
        let hold = app.hold_slot("call", "2026-12-01T10:00:00Z").await;
        let own = hold.text("resource").to_owned();
        assert_eq!(free_starts(&app, &hold, Some(&own)).await, ["10:00", "10:30", "11:00"]);
        let other = app.checkout(&order_by("bob@example.com", "call", "2026-12-01T10:00:00Z")).await.expect(201);
        let others = other.text("resource").to_owned();
        assert_ne!(own, others);
        assert_eq!(free_starts(&app, &hold, Some(&others)).await, ["11:00"]);
        assert_eq!(free_starts(&app, &hold, None).await, ["10:00", "10:30", "11:00"]);
    }
}
