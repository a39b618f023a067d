//! Tests of event types with several segments. All segments are held or none, in one order, so that two checkouts
//! never wait for each other. They are released together, and taken back together or not at all.

use futures::future::join_all;
use holdfast::sandbox::PaymentOutcome;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use crate::support::app::{ApiResponse, TestApp, order, order_by};
use crate::support::booking_actions::{after, guest_checkout_body};
use crate::support::database::Engine;
use crate::support::on_both_engines;
use crate::support::race::{RaceRequest, send_simultaneously, tally};
use crate::support::wait_for::eventually;

const SLOT: &str = "2026-12-01T10:00:00Z";

fn segment(offset: i64, minutes: i64, any_of: &[&str]) -> Value {
    json!({"offset_minutes": offset, "duration_minutes": minutes, "any_of": any_of})
}

/// Starts a salon: a cut by Ana or Ben, then the colour by Cleo on one of two chairs, with ten minutes of cleaning
/// after each.
async fn start_salon(engine: Engine) -> TestApp {
    let app = TestApp::start(engine).await;
    let segments = [
        segment(0, 60, &["ana", "ben"]),
        segment(60, 45, &["cleo"]),
        segment(0, 105, &["chair-1", "chair-2"]),
    ];
    app.sell(
        "cut",
        &json!({"segments": segments, "buffer_after_minutes": 10, "amount": 9000}),
    )
    .await;
    for one in ["ana", "ben", "cleo", "chair-1", "chair-2"] {
        app.offer(&format!("{one}-alone"), one, 15, 1000).await;
    }
    app
}

async fn count_units(app: &TestApp) -> i64 {
    app.database.count("SELECT count(*) FROM occupancy").await
}

/// Holds a slot and expires the hold by a false event: its slot is free and its guest can still pay.
async fn lapsed_hold(app: &TestApp) -> ApiResponse {
    let hold = app.hold_slot("cut", SLOT).await;
    app.expire_by_false_event(&hold).await;
    assert_eq!(
        (app.state_of(&hold).await, count_units(app).await),
        ("released/expired".to_owned(), 0)
    );
    hold
}

on_both_engines! {
    async fn composite_hold_lists_resource_of_each_segment(engine) {
        let app = start_salon(engine).await;
        let hold = app.hold_slot("cut", SLOT).await;
        let segments = json!([
            {"resource": "ana", "starts_at": SLOT, "ends_at": after(SLOT, 60)},
            {"resource": "cleo", "starts_at": after(SLOT, 60), "ends_at": after(SLOT, 105)},
            {"resource": "chair-1", "starts_at": SLOT, "ends_at": after(SLOT, 105)},
        ]);
        assert_eq!(hold.body["segments"], segments);
        assert_eq!((hold.text("resource"), hold.text("ends_at")), ("ana", after(SLOT, 105).as_str()));
        assert_eq!((&hold.body["quantity"], &hold.body["amount"]), (&json!(1), &json!(9000)));
        assert_eq!(app.units_of(&hold).await, 3);
        assert_eq!(app.hold(hold.text("id")).await["segments"], segments);
    }

    async fn all_segments_are_held_or_none(engine) {
        let app = start_salon(engine).await;
        let busy = app.hold_slot("cleo-alone", &after(SLOT, 75)).await;
        app.checkout(&order("cut", SLOT)).await.expect_problem(409, "slot_taken");
        assert_eq!(count_units(&app).await, 1, "the refused hold keeps no unit");
        app.cancel(&busy).await.expect(200);
        let first = app.hold_slot("cut", SLOT).await;
        // The second chair and Ben are free, but Cleo is not.
        app.checkout(&order("cut", SLOT)).await.expect_problem(409, "slot_taken");
        app.checkout(&order("cleo-alone", &after(SLOT, 60))).await.expect_problem(409, "slot_taken");
        app.hold_slot("ben-alone", SLOT).await;
        app.hold_slot("chair-2-alone", SLOT).await;
        app.hold_slot("cleo-alone", SLOT).await;
        app.cancel(&first).await.expect(200);
        assert_eq!(app.units_of(&first).await, 0, "all segments are released together");
        app.hold_slot("ana-alone", SLOT).await;
        app.hold_slot("cleo-alone", &after(SLOT, 60)).await;
        app.hold_slot("chair-1-alone", SLOT).await;
    }

    async fn buffers_apply_to_each_segment(engine) {
        let app = start_salon(engine).await;
        app.hold_slot("cut", SLOT).await;
        for (who, ends) in [("ana", 60), ("cleo", 105), ("chair-1", 105)] {
            let kind = format!("{who}-alone");
            app.checkout(&order(&kind, &after(SLOT, ends))).await.expect_problem(409, "slot_taken");
            app.checkout(&order(&kind, &after(SLOT, ends + 9))).await.expect_problem(409, "slot_taken");
            app.hold_slot(&kind, &after(SLOT, ends + 10)).await;
        }
        // The earlier guest's resource keeps its own buffer; the buffer of the new one ends when another hold begins.
        app.sell("tidy", &json!({"resource": "ben", "duration_minutes": 30,
            "buffer_before_minutes": 15, "buffer_after_minutes": 15})).await;
        app.hold_slot("tidy", SLOT).await;
        for busy in [-44, 44] {
            app.checkout(&order("tidy", &after(SLOT, busy))).await.expect_problem(409, "slot_taken");
        }
        app.hold_slot("tidy", &after(SLOT, 60)).await;
        app.hold_slot("tidy", &after(SLOT, -60)).await;
    }

    async fn quantity_takes_units_of_each_segment(engine) {
        let app = TestApp::start(engine).await;
        app.set_resource_capacity("hall", 5).await;
        app.set_resource_capacity("kits", 3).await;
        app.sell("workshop", &json!({"segments": [segment(0, 60, &["hall"]), segment(0, 30, &["kits"])]})).await;
        let of = |n, quantity| guest_checkout_body(n, "workshop", SLOT, &json!({"quantity": quantity}));
        let hold = app.checkout(&of(1, 2)).await.expect(201);
        assert_eq!(app.units_of(&hold).await, 4);
        app.checkout(&of(2, 2)).await.expect_problem(409, "slot_taken");
        app.checkout(&of(2, 1)).await.expect(201);
        app.checkout(&of(3, 1)).await.expect_problem(409, "slot_taken");
        assert_eq!(count_units(&app).await, 6);
        app.checkout(&guest_checkout_body(3, "workshop", &after(SLOT, 30), &json!({"quantity": 2}))).await.expect(201);
    }

    async fn late_payment_gets_all_segments_back_if_free(engine) {
        let app = start_salon(engine).await;
        let hold = lapsed_hold(&app).await;
        app.pay(&hold, PaymentOutcome::Paid);
        app.deliver_all().await;
        assert_eq!((app.state_of(&hold).await, app.units_of(&hold).await), ("confirmed".to_owned(), 3));
        assert_eq!(app.hold(hold.text("id")).await["segments"], hold.body["segments"]);
        app.checkout(&order("ana-alone", &after(SLOT, 60))).await.expect_problem(409, "slot_taken");
    }

    async fn late_payment_is_refunded_if_one_segment_is_taken(engine) {
        let app = start_salon(engine).await;
        let hold = lapsed_hold(&app).await;
        app.hold_slot("cleo-alone", &after(SLOT, 60)).await;
        app.pay(&hold, PaymentOutcome::Paid);
        app.deliver_all().await;
        app.sweep().await;
        assert_eq!(app.state_of(&hold).await, "released/late_payment_refunded");
        assert_eq!((app.units_of(&hold).await, count_units(&app).await), (0, 1));
        let back: Vec<_> = app.simulator.refunds().iter().map(|refund| refund.amount).collect();
        assert_eq!(back, [9000]);
        app.hold_slot("ana-alone", SLOT).await;
        app.deliver_all().await;
        assert_eq!(app.state_of(&hold).await, "released/late_payment_refunded");
    }

    async fn opposite_segment_orders_do_not_deadlock(engine) {
        race_opposite_orders(engine).await;
    }
}

/// Two or more guests want the same resources in opposite orders, at two instances, while the holds of the previous
/// round are released. Each round has a winner, nobody gets a 5xx, and the database resolves no deadlock.
async fn race_opposite_orders(engine: Engine) {
    let app = TestApp::start(engine).await;
    let other = app.another_instance().await;
    app.sell(
        "there",
        &json!({"segments": [segment(0, 30, &["a"]), segment(0, 30, &["b"]), segment(30, 30, &["c"])]}),
    )
    .await;
    app.sell(
        "back",
        &json!({"segments": [segment(0, 30, &["c"]), segment(0, 60, &["b"]), segment(30, 30, &["a"])]}),
    )
    .await;
    app.sell(
        "round",
        &json!({"segments": [segment(0, 30, &["b"]), segment(0, 60, &["c", "a"])]}),
    )
    .await;
    let mut winners: Vec<ApiResponse> = Vec::new();
    for round in 0..12 {
        let requests = (0..24).map(|n| {
            let at = if n % 2 == 0 { app.address } else { other.address };
            let start = after(SLOT, 15 * i64::try_from(n % 4).unwrap());
            let kind = ["there", "back", "round"][n % 3];
            RaceRequest::new(at, guest_checkout_body(100 * round + n, kind, &start, &json!({})))
        });
        let (responses, _) = tokio::join!(
            send_simultaneously(requests.collect()),
            join_all(
                winners
                    .iter()
                    .map(async |hold| app.cancel(hold).await.expect(200))
            )
        );
        let counted = tally(&responses);
        assert_eq!(counted.other, Vec::<String>::new(), "round {round}");
        winners = Vec::new();
        for won in responses.iter().filter(|response| response.status == 201) {
            let answer = app
                .get(&format!("/v1/holds/{}", won.body["id"].as_str().unwrap()))
                .await
                .expect(200);
            winners.push(ApiResponse {
                body: won.body.clone(),
                ..answer
            });
        }
    }
    let findings = app.audit();
    assert!(findings.is_empty(), "{findings:?}");
    if engine == Engine::Postgres {
        assert_eq!(count_deadlocks(&app).await, 0);
        assert_eq!(
            make_and_count_deadlock(&app).await,
            1,
            "there must be no earlier deadlock"
        );
    }
    app.checkout(&order_by("last@example.com", "there", &after(SLOT, 600)))
        .await
        .expect(201);
}

async fn count_deadlocks(app: &TestApp) -> i64 {
    app.database
        .count("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        .await
}

/// The control: a deadlock that the test makes is counted, so any earlier one would be too.
async fn make_and_count_deadlock(app: &TestApp) -> i64 {
    const BOTH: [(i64, i64); 2] = [(1, 2), (2, 1)];
    let mut connections = Vec::new();
    for (first, _) in BOTH {
        let mut connection = PgConnection::connect(app.database.url()).await.unwrap();
        sqlx::query("BEGIN").execute(&mut connection).await.unwrap();
        sqlx::query("SELECT pg_advisory_xact_lock($1)")
            .bind(first)
            .execute(&mut connection)
            .await
            .unwrap();
        connections.push(connection);
    }
    let waiting = connections
        .into_iter()
        .zip(BOTH)
        .map(|(mut connection, (_, second))| async move {
            let lock_result = sqlx::query("SELECT pg_advisory_xact_lock($1)")
                .bind(second)
                .execute(&mut connection)
                .await;
            let fell = lock_result.is_err();
            connection.close().await.unwrap();
            fell
        });
    let fell = join_all(waiting).await;
    assert_eq!(fell.iter().filter(|fell| **fell).count(), 1);
    eventually("the deadlock is counted", async || {
        Some(count_deadlocks(app).await).filter(|count| *count > 0)
    })
    .await
}
