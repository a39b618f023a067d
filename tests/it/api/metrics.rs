//! Tests the metrics that alerts need: counters from zero, units that are sold twice, waits for the database.

use chrono::Duration;
use holdfast::clock::SystemClock;
use holdfast::domain::time::Clock as _;
use holdfast::sandbox::PaymentOutcome;

use crate::support::app::{Client, TestApp, order};
use crate::support::database::Engine;
use crate::support::database_lock::Lock;
use crate::support::on_both_engines;
use crate::support::wait_for::eventually;

/// Reads some series at one moment, each by its whole name with labels. `None` if one is not shown.
async fn read_all<const N: usize>(client: &Client, series: [&str; N]) -> [Option<f64>; N] {
    let metrics = client.get("/metrics").await.expect(200);
    let text = metrics.body.as_str().unwrap();
    series.map(|name| {
        let mut values = text
            .lines()
            .filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        values.next().map(|value| value.parse().unwrap())
    })
}

async fn read(client: &Client, series: &str) -> Option<f64> {
    read_all(client, [series]).await[0]
}

/// A start in a month, by the system's clock, which a running process uses.
fn in_a_month(time: &str) -> String {
    let day = SystemClock.now() + Duration::days(30);
    format!("{}T{time}:00Z", day.format("%Y-%m-%d"))
}

/// How many calls of the database took longer than a second.
async fn count_long_calls(client: &Client) -> f64 {
    let series = [
        "holdfast_store_call_seconds_count",
        "holdfast_store_call_seconds_bucket{le=\"1\"}",
    ];
    let [all, short] = read_all(client, series).await.map(Option::unwrap);
    all - short
}

/// The last two statements make the windows of all occupancy that of the first.
fn overlap(engine: Engine) -> &'static [&'static str] {
    match engine {
        Engine::Sqlite => &[
            "DROP TRIGGER occupancy_one_buyer_update",
            "UPDATE occupancy SET starts_at = (SELECT min(starts_at) FROM occupancy)",
            "UPDATE occupancy SET ends_at = (SELECT min(ends_at) FROM occupancy)",
        ],
        Engine::Postgres => &[
            "ALTER TABLE occupancy DROP CONSTRAINT occupancy_one_buyer",
            "UPDATE occupancy SET during = (SELECT during FROM occupancy ORDER BY during LIMIT 1)",
        ],
    }
}

on_both_engines! {
    /// A payment intent that becomes known is a note: the hold stays `held`.
    async fn transitions_count_placings_and_no_notes(engine) {
        let app = TestApp::start(engine).await;
        let directory = tempfile::tempdir().unwrap();
        let (_server, client) = app.process(directory.path(), &[]).await;
        let series = ["held", "processing", "confirmed", "released", "cancelled"]
            .map(|to| format!("holdfast_transitions_total{{to=\"{to}\"}}"));
        let count = async || read_all(&client, series.each_ref().map(String::as_str)).await.map(Option::unwrap);
        assert_eq!(count().await, [0.0; 5]);
        let hold = client.checkout(&order("call", &in_a_month("10:00"))).await.expect(201);
        assert_eq!(count().await, [1.0, 0.0, 0.0, 0.0, 0.0]);
        app.pay(&hold, PaymentOutcome::Declined);
        app.deliver_all().await;
        let lines = client.admin_hold(hold.text("id")).await["history"].as_array().unwrap().len();
        assert!(lines > 1, "the declined payment is noted");
        assert_eq!(count().await, [1.0, 0.0, 0.0, 0.0, 0.0], "a note is no transition");
        app.pay(&hold, PaymentOutcome::Paid);
        app.deliver_all().await;
        assert_eq!(count().await, [1.0, 0.0, 1.0, 0.0, 0.0]);
        let path = format!("/v1/admin/holds/{}/cancel", hold.text("id"));
        let whole = serde_json::json!({"refund": "full"});
        client.admin(reqwest::Method::POST, &path, Some(whole)).await.expect(200);
        app.deliver_all().await;
        let other = client.checkout(&order("call", &in_a_month("12:00"))).await.expect(201);
        client.cancel(&other).await.expect(200);
        eventually("the refund is noted", async || {
            app.deliver_all().await;
            let hold = client.admin_hold(hold.text("id")).await;
            (hold["ledger"]["refunded"] == 5000).then_some(())
        })
        .await;
        assert_eq!(count().await, [2.0, 0.0, 1.0, 1.0, 1.0]);
    }

    async fn counters_begin_at_zero(engine) {
        let app = TestApp::start(engine).await;
        let directory = tempfile::tempdir().unwrap();
        let (_server, client) = app.process(directory.path(), &[]).await;
        for series in [
            "holdfast_checkouts_total{outcome=\"lost\"}",
            "holdfast_checkouts_total{outcome=\"stripe_failed\"}",
            "holdfast_webhooks_total{outcome=\"bad_signature\"}",
            "holdfast_webhooks_total{outcome=\"applied\"}",
            "holdfast_webhooks_total{outcome=\"unreadable\"}",
            "holdfast_payments_without_slot_total{kind=\"late\"}",
            "holdfast_payments_without_slot_total{kind=\"no_hold\"}",
            "holdfast_unknown_statuses_total{object=\"dispute\"}",
            "holdfast_worker_restarts_total{worker=\"outbox\"}",
            "holdfast_store_retries_total{reason=\"deadlock\"}",
            "holdfast_requests_refused_total{code=\"too_busy\"}",
            "holdfast_connections_closed_total{reason=\"too_many\"}",
            "holdfast_sessions_unknown_total",
            "holdfast_store_groups_failed_total",
            "holdfast_auth_failures_total",
        ] {
            assert_eq!(read(&client, series).await, Some(0.0), "{series}");
        }
        assert_eq!(read(&client, "holdfast_max_connections").await, Some(2000.0));
    }

    async fn units_that_are_sold_twice_are_counted(engine) {
        let app = TestApp::start(engine).await;
        for time in ["10:00", "11:00", "12:00"] {
            let hold = app.hold_slot("call", &in_a_month(time)).await;
            app.pay(&hold, PaymentOutcome::Paid);
        }
        app.deliver_all().await;
        let (store, now) = (app.database.store(), app.clock.now());
        assert_eq!(store.count_units_sold_twice(now).await.unwrap(), 0);
        app.without_audit("the test takes the guard of the slots away");
        for statement in overlap(engine) {
            app.database.execute(statement).await;
        }
        assert_eq!(store.count_units_sold_twice(now).await.unwrap(), 2);
        // What is past is not read again and again.
        let after = now + Duration::days(60);
        assert_eq!(store.count_units_sold_twice(after).await.unwrap(), 0);
        let directory = tempfile::tempdir().unwrap();
        let (_server, client) = app.process(directory.path(), &[]).await;
        eventually("the running service counts them", async || {
            (read(&client, "holdfast_units_sold_twice").await == Some(2.0)).then_some(())
        })
        .await;
    }

    async fn wait_for_a_lock_is_recorded(engine) {
        let app = TestApp::start(engine).await;
        let directory = tempfile::tempdir().unwrap();
        let (_server, client) = app.process(directory.path(), &[]).await;
        client.checkout(&order("call", &in_a_month("10:00"))).await.expect(201);
        let before = count_long_calls(&client).await;
        let lock = Lock::on_placing(&app.database, "%").await;
        // It waits until the lock takes too long.
        client.checkout(&order("call", &in_a_month("11:00"))).await.expect_problem(503, "store_unavailable");
        lock.release_lock().await;
        assert!(count_long_calls(&client).await > before);
    }
}
