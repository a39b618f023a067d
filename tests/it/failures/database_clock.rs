//! Tests that all instances go by the database's clock (S25): a wrong clock of an instance neither ends a hold early nor
//! keeps it longer, and it opens and closes no sale and no deadline.
//!
//! The manual clock is the database's. The last test reads the real one.

use chrono::{DateTime, Duration, Utc};
use holdfast::clock::SystemClock;
use holdfast::domain::time::Clock;
use holdfast::sandbox::{Endpoint, FaultKind, Faults};
use serde_json::json;

use crate::support::app::{TestApp, order, order_by};
use crate::support::booking_actions::after;
use crate::support::database::Engine;
use crate::support::on_both_engines;

const SLOT: &str = "2026-12-01T10:00:00Z";

/// Sets the end of all holds, and when they are due, to this instant.
async fn set_end_of_holds(app: &TestApp, at: DateTime<Utc>) {
    let at = match app.database.engine() {
        Engine::Sqlite => at.timestamp_millis().to_string(),
        Engine::Postgres => format!("'{}'", at.to_rfc3339()),
    };
    let statement = format!("UPDATE holds SET expires_at = {at}, due_at = {at}");
    assert_eq!(app.database.execute(&statement).await, 1);
}

on_both_engines! {
    async fn fast_clock_ends_no_session_early(engine) {
        let app = TestApp::start(engine).await;
        let fast = app.another_instance_ahead(Duration::minutes(10)).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.clock.advance(Duration::minutes(29));
        let report = fast.sweep().await;
        assert_eq!((&report["examined"], &report["oldest_overdue_ms"]), (&json!(0), &json!(0)), "{report}");
        fast.checkout(&order_by("bob@example.com", "call", SLOT)).await.expect_problem(409, "slot_taken");
        assert_eq!(app.simulator.calls().expire, 0);
        assert_eq!(app.simulator.session(hold.text("checkout_session")).unwrap().status, "open");
        app.clock.advance(Duration::minutes(1));
        let report = fast.sweep().await;
        assert_eq!(report["released"], 1, "{report}");
    }

    async fn slow_clock_releases_overdue_holds_in_time(engine) {
        let app = TestApp::start(engine).await;
        let slow = app.another_instance_ahead(Duration::minutes(-10)).await;
        let (wanted, left) = (app.hold_slot("call", SLOT).await, app.hold_slot("call", &after(SLOT, 60)).await);
        app.clock.advance(Duration::minutes(30));
        slow.checkout(&order_by("bob@example.com", "call", SLOT)).await.expect(201);
        assert_eq!(app.state_of(&wanted).await, "released/expired");
        let report = slow.sweep().await;
        assert_eq!(report["released"], 1, "{report}");
        assert_eq!(app.state_of(&left).await, "released/expired");
    }

    async fn time_to_pay_is_the_same_on_every_instance(engine) {
        let app = TestApp::start(engine).await;
        for (n, minutes) in [-10, 0, 10].into_iter().enumerate() {
            let instance = app.another_instance_ahead(Duration::minutes(minutes)).await;
            let slot = after(SLOT, 60 * i64::try_from(n).unwrap());
            let hold = instance.checkout(&order("call", &slot)).await.expect(201);
            assert_eq!(hold.text("expires_at"), "2026-11-20T08:30:00Z", "{minutes}");
        }
        app.clock.advance(Duration::minutes(30));
        let report = app.sweep().await;
        assert_eq!(report["released"], 3, "{report}");
    }

    async fn fast_clock_does_not_delay_the_next_question(engine) {
        let app = TestApp::start(engine).await;
        let fast = app.another_instance_ahead(Duration::minutes(10)).await;
        app.hold_slot("call", SLOT).await;
        app.clock.advance(Duration::minutes(30));
        app.simulator.set_faults(Faults::default().next(Endpoint::ExpireSession, FaultKind::ServerError, 100));
        let report = fast.sweep().await;
        assert_eq!(report["failed"], 1, "{report}");
        app.simulator.set_faults(Faults::default());
        // The first backoff is at most two seconds.
        app.clock.advance(Duration::seconds(2));
        let report = app.sweep().await;
        assert_eq!(report["released"], 1, "{report}");
    }

    async fn wrong_clock_opens_no_sale_and_no_deadline(engine) {
        let app = TestApp::start(engine).await;
        let fast = app.another_instance_ahead(Duration::minutes(10)).await;
        let slow = app.another_instance_ahead(Duration::minutes(-10)).await;
        fast.checkout(&order("call", "2026-11-20T08:05:00Z")).await.expect(201);
        slow.checkout(&order("call", "2026-11-20T07:55:00Z")).await.expect_problem(422, "invalid");
        let terms = json!({"resource": "ben", "duration_minutes": 30,
            "guest_cancel_until_minutes": 60, "guest_move_until_minutes": 60});
        app.sell("visit", &terms).await;
        let hold = app.sold("visit", SLOT).await;
        let deadline = SLOT.parse::<DateTime<Utc>>().unwrap() - Duration::hours(1);
        app.clock.advance(deadline - app.clock_now() + Duration::minutes(1));
        slow.cancel(&hold).await.expect_problem(409, "already_paid");
        slow.move_to(&hold, &after(SLOT, 60)).await.expect_problem(409, "not_movable");
        app.clock.advance(Duration::minutes(-2));
        fast.move_to(&hold, &after(SLOT, 15)).await.expect(200);
        fast.cancel(&hold).await.expect(200);
    }

    async fn process_with_wrong_clock_reads_the_databases_clock(engine) {
        let (app, directory) = (TestApp::start(engine).await, tempfile::tempdir().unwrap());
        let once_a_year = ("HOLDFAST_SWEEP_CRON", "0 0 0 1 1 *");
        let (_process, client) = app.process(directory.path(), &[("HOLDFAST_CLOCK_OFFSET", "600"), once_a_year]).await;
        let slot = (app.clock_now() + Duration::days(365)).format("%Y-%m-%dT10:00:00Z").to_string();
        let hold = client.checkout(&order("call", &slot)).await.expect(201);
        let life = hold.text("expires_at").parse::<DateTime<Utc>>().unwrap() - app.clock_now();
        assert!((29..=31).contains(&life.num_minutes()), "{life}");
        set_end_of_holds(&app, SystemClock.now() + Duration::minutes(5)).await;
        let report = client.sweep().await;
        assert_eq!(report["examined"], 0, "{report}");
        set_end_of_holds(&app, SystemClock.now() - Duration::minutes(1)).await;
        let report = client.sweep().await;
        assert_eq!(report["released"], 1, "{report}");
    }
}
