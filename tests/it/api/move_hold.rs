//! Tests of moving a hold: one transaction gives up the old windows and takes the new ones, or nothing changes,
//! whatever races for the target.

use chrono::Duration;
use holdfast::sandbox::PaymentOutcome;
use serde_json::{Value, json};

use crate::support::app::{ApiResponse, Instance, TestApp, order, order_by};
use crate::support::booking_actions::{after, guest_checkout_body};
use crate::support::database::Engine;
use crate::support::on_both_engines;

const SLOT: &str = "2026-12-01T10:00:00Z";
const NOBODY: &str = "01990000-0000-7000-8000-000000000000";

/// Starts a service with a 30-minute visit to Ana that guests may move until a day before.
async fn start_clinic(engine: Engine) -> TestApp {
    let app = TestApp::start(engine).await;
    app.sell(
        "visit",
        &json!({"resource": "ana", "duration_minutes": 30, "guest_move_until_minutes": 1440}),
    )
    .await;
    app
}

/// Returns the number of units in use, the history, and all that the guest sees.
async fn hold_snapshot(app: &TestApp, hold: &ApiResponse) -> (i64, Value) {
    (app.units_of(hold).await, app.admin_hold(hold.text("id")).await)
}

/// Returns the last line of a history: from, to, actor, reason.
fn last_line(hold: &Value) -> [&str; 4] {
    let line = hold["history"].as_array().unwrap().last().unwrap();
    ["from", "to", "by", "message"].map(|member| line[member].as_str().unwrap())
}

#[track_caller]
fn assert_starts_at(hold: &Value, start: &str, minutes: i64) {
    assert_eq!(
        (&hold["starts_at"], &hold["ends_at"]),
        (&json!(start), &json!(after(start, minutes))),
        "{hold}"
    );
    assert_eq!(
        (&hold["segments"][0]["starts_at"], &hold["segments"][0]["ends_at"]),
        (&hold["starts_at"], &hold["ends_at"])
    );
}

on_both_engines! {
    async fn guest_moves_held_and_confirmed_hold_at_same_price(engine) {
        let app = start_clinic(engine).await;
        for (day, paid, state) in [(0, false, "held"), (7, true, "confirmed")] {
            let (from, to) = (after(SLOT, day * 1440), after(SLOT, day * 1440 + 120));
            let hold = app.hold_slot("visit", &from).await;
            if paid {
                app.confirm(&hold).await;
            }
            app.sell("visit", &json!({"resource": "ana", "duration_minutes": 30, "guest_move_until_minutes": 1440, "amount": 7700})).await;
            let asked = app.simulator.calls();
            let moved = app.move_to(&hold, &to).await.expect(200);
            assert_starts_at(&moved.body, &to, 30);
            assert_eq!((moved.text("status"), &moved.body["amount"]), (state, &json!(5000)), "the price stays the same");
            assert_eq!(app.simulator.calls(), asked, "a move must not call Stripe");
            let mut expected = app.hold(hold.text("id")).await;
            // The line of the payment page still says the old time.
            expected["checkout_line_outdated"] = json!(state == "held");
            assert_eq!(moved.body, expected);
            let shown = app.admin_hold(hold.text("id")).await;
            assert_eq!(last_line(&shown), [state, state, "guest", format!("moved from {from} to {to}").as_str()]);
            app.checkout(&order_by("bob@example.com", "visit", &to)).await.expect_problem(409, "slot_taken");
            app.checkout(&order_by("bob@example.com", "visit", &from)).await.expect(201);
            app.sell("visit", &json!({"resource": "ana", "duration_minutes": 30, "guest_move_until_minutes": 1440})).await;
        }
    }

    async fn hold_can_move_to_overlapping_time_and_back(engine) {
        let app = start_clinic(engine).await;
        let hold = app.sold("visit", SLOT).await;
        for minutes in [15, -10, 0, 0] {
            let to = after(SLOT, minutes);
            assert_starts_at(&app.move_to(&hold, &to).await.expect(200).body, &to, 30);
            assert_eq!(app.units_of(&hold).await, 1);
        }
        app.hold_slot("call", &after(SLOT, 30)).await;
    }

    async fn move_to_taken_slot_changes_nothing(engine) {
        let app = start_clinic(engine).await;
        app.set_resource_capacity("room-1", 2).await;
        let segments = json!([{"offset_minutes": 0, "duration_minutes": 30, "any_of": ["ana"]},
            {"offset_minutes": 30, "duration_minutes": 30, "any_of": ["room-1"]}]);
        app.sell("both", &json!({"segments": segments, "buffer_after_minutes": 5})).await;
        app.offer("room-alone", "room-1", 30, 1000).await;
        let pair = |n, kind: &str, start: &str| guest_checkout_body(n, kind, start, &json!({"quantity": 2}));
        let hold = app.hold_slot("both", SLOT).await;
        app.checkout(&pair(1, "room-alone", &after(SLOT, 150))).await.expect(201);
        let before = hold_snapshot(&app, &hold).await;
        // Ana is free at that time, but `room-1` is not.
        let refused = app.move_as_operator(&hold, json!({"starts_at": after(SLOT, 120)})).await;
        let refused = refused.expect_problem(409, "slot_taken");
        assert_eq!(refused.body["alternatives"].as_array().unwrap().len(), 5);
        assert_eq!(hold_snapshot(&app, &hold).await, before);
        app.hold_slot("visit", &after(SLOT, 120)).await;
        app.checkout(&order("visit", SLOT)).await.expect_problem(409, "slot_taken");
        app.move_as_operator(&hold, json!({"starts_at": after(SLOT, 180)})).await.expect(200);
        app.hold_slot("visit", SLOT).await;
    }

    async fn guest_move_has_deadline_and_operator_move_has_none(engine) {
        let app = start_clinic(engine).await;
        let hold = app.sold("visit", SLOT).await;
        let never = app.sold("call", &after(SLOT, 600)).await;
        app.move_to(&never, &after(SLOT, 660)).await.expect_problem(409, "not_movable");
        let until_the_last_second = SLOT.parse::<chrono::DateTime<chrono::Utc>>().unwrap() - Duration::days(1);
        app.clock.advance(until_the_last_second - app.clock_now());
        app.move_to(&hold, &after(SLOT, 1)).await.expect(200);
        app.move_to(&hold, SLOT).await.expect(200);
        app.clock.advance(Duration::seconds(1));
        let before = hold_snapshot(&app, &hold).await;
        app.move_to(&hold, &after(SLOT, 2880)).await.expect_problem(409, "not_movable");
        assert_eq!(hold_snapshot(&app, &hold).await, before);
        for hold in [&hold, &never] {
            let start = after(hold.text("starts_at"), 4320);
            let moved = app.move_as_operator(hold, json!({"starts_at": start})).await.expect(200);
            assert_starts_at(&moved.body, &start, 30);
            assert_eq!(last_line(&app.admin_hold(hold.text("id")).await)[2], "operator");
        }
        app.move_to(&hold, SLOT).await.expect(200);
    }

    async fn only_authorized_caller_moves_only_live_hold(engine) {
        let app = start_clinic(engine).await;
        let (hold, other) = (app.hold_slot("visit", SLOT).await, app.hold_slot("visit", &after(SLOT, 60)).await);
        let path = format!("/v1/holds/{}/move", hold.text("id"));
        let to = json!({"starts_at": after(SLOT, 240)});
        let request = || app.request(reqwest::Method::POST, &path).json(&to);
        app.send(request()).await.expect_problem(401, "unauthorized");
        app.send(request().bearer_auth(other.text("token"))).await.expect_problem(401, "unauthorized");
        let nobodys = format!("/v1/holds/{NOBODY}/move");
        app.admin(reqwest::Method::POST, &nobodys, Some(to.clone())).await.expect_problem(404, "not_found");
        app.cancel(&hold).await.expect(200);
        app.pay(&other, PaymentOutcome::Processing);
        app.deliver_all().await;
        let cancelled = app.sold("visit", &after(SLOT, 120)).await;
        let intent = app.simulator.session(cancelled.text("checkout_session")).unwrap().payment_intent.unwrap();
        app.simulator.refund_from_dashboard(&intent, None).unwrap();
        app.deliver_all().await;
        for (hold, state) in [(&hold, "released/guest"), (&other, "processing"), (&cancelled, "cancelled/refunded")] {
            assert_eq!(app.state_of(hold).await, state);
            let before = hold_snapshot(&app, hold).await;
            app.move_to(hold, &after(SLOT, 240)).await.expect_problem(409, "not_movable");
            app.move_as_operator(hold, to.clone()).await.expect_problem(409, "not_movable");
            assert_eq!(hold_snapshot(&app, hold).await, before);
        }
        app.hold_slot("visit", &after(SLOT, 240)).await;
    }

    async fn unsellable_move_target_names_the_member(engine) {
        let app = start_clinic(engine).await;
        app.sell("hours", &json!({"resource": "ben", "duration_minutes": 30, "schedule":
            {"timezone": "UTC", "step_minutes": 30, "weekly": [{"days": ["tue"], "from": "09:00", "to": "12:00"}]}})).await;
        let hold = app.hold_slot("hours", SLOT).await;
        let before = hold_snapshot(&app, &hold).await;
        for (to, field) in [
            (json!({"starts_at": after(SLOT, 120)}), "starts_at"),
            (json!({"starts_at": after(SLOT, 10)}), "starts_at"),
            (json!({"starts_at": after(SLOT, 1440)}), "starts_at"),
            (json!({"starts_at": "2026-11-17T10:00:00Z"}), "starts_at"),
            (json!({"starts_at": after(SLOT, 30), "resource": "ana"}), "resource"),
        ] {
            let refused = app.move_as_operator(&hold, to.clone()).await.expect_problem(422, "invalid");
            assert_eq!(refused.body["errors"][0]["field"], field, "{to}");
        }
        assert_eq!(hold_snapshot(&app, &hold).await, before);
        let to = json!({"starts_at": after(SLOT, 30), "resource": "ben"});
        app.move_as_operator(&hold, to).await.expect(200);
    }

    async fn confirmation_after_move_keeps_new_windows(engine) {
        let app = start_clinic(engine).await;
        let hold = app.hold_slot("visit", SLOT).await;
        app.pay(&hold, PaymentOutcome::Paid);
        app.move_to(&hold, &after(SLOT, 60)).await.expect(200);
        app.deliver_all().await;
        let shown = app.hold(hold.text("id")).await;
        assert_eq!(shown["status"], "confirmed");
        assert_starts_at(&shown, &after(SLOT, 60), 30);
        app.hold_slot("visit", SLOT).await;
        app.checkout(&order("visit", &after(SLOT, 60))).await.expect_problem(409, "slot_taken");
    }

    async fn late_payment_after_move_gets_the_moved_windows(engine) {
        let app = start_clinic(engine).await;
        let hold = app.hold_slot("visit", SLOT).await;
        app.move_to(&hold, &after(SLOT, 60)).await.expect(200);
        app.expire_by_false_event(&hold).await;
        assert_eq!(app.units_of(&hold).await, 0);
        app.hold_slot("visit", SLOT).await;
        app.confirm(&hold).await;
        assert_starts_at(&app.hold(hold.text("id")).await, &after(SLOT, 60), 30);
        app.checkout(&order("visit", &after(SLOT, 60))).await.expect_problem(409, "slot_taken");
    }

    async fn move_and_checkout_race_has_one_winner(engine) {
        let app = start_clinic(engine).await;
        let other = app.another_instance().await;
        let mut moves_won = 0;
        for round in 0..24 {
            let (from, to) = (after(SLOT, 240 * round), after(SLOT, 240 * round + 60));
            let hold = app.hold_slot("visit", &from).await;
            if round % 2 == 0 {
                app.confirm(&hold).await;
            }
            let body = order_by("bob@example.com", "visit", &to);
            let mover: &Instance = if round % 3 == 0 { &app.instance } else { &other };
            // A checkout asks Stripe before it takes the slot. In some rounds the move is as late as that.
            let (moved, bought) = tokio::join!(
                async {
                    for _ in 0..round % 4 {
                        mover.get("/readyz").await.expect(200);
                    }
                    mover.move_to(&hold, &to).await
                },
                app.checkout(&body)
            );
            let at = match (moved.status.as_u16(), bought.status.as_u16()) {
                (200, 409) => &to,
                (409, 201) => &from,
                other => panic!("round {round}: {other:?} {moved:?} {bought:?}"),
            };
            moves_won += i32::from(at == &to);
            assert_starts_at(&app.hold(hold.text("id")).await, at, 30);
            assert_eq!(app.units_of(&hold).await, 1);
        }
        eprintln!("{engine:?}: the move won {moves_won} of 24");
        let findings = app.audit();
        assert!(findings.is_empty(), "{findings:?}");
    }

    async fn concurrent_moves_keep_occupancy_consistent(engine) {
        let app = start_clinic(engine).await;
        let other = app.another_instance().await;
        for round in 0..12 {
            let day = 1440 * round;
            let places = [after(SLOT, day), after(SLOT, day + 60), after(SLOT, day + 120)];
            let (one, two) = (app.hold_slot("visit", &places[0]).await, app.sold("visit", &places[1]).await);
            let targets = match round % 3 {
                0 => (&places[1], &places[0]),
                1 => (&places[2], &places[2]),
                // A chain: the second hold goes to a free time, and the first to the second's old time.
                _ => (&places[1], &places[2]),
            };
            let (first, second) = tokio::join!(app.move_to(&one, targets.0), other.move_to(&two, targets.1));
            for (hold, moved, home, to) in [(&one, &first, &places[0], targets.0), (&two, &second, &places[1], targets.1)] {
                let at = match moved.status.as_u16() {
                    200 => to,
                    409 => home,
                    _ => panic!("round {round}: {moved:?}"),
                };
                assert_starts_at(&app.hold(hold.text("id")).await, at, 30);
            }
            match round % 3 {
                0 => assert!(first.status != 200 && second.status != 200, "neither place was ever free"),
                1 => assert_eq!(i32::from(first.status == 200) + i32::from(second.status == 200), 1),
                _ => assert_eq!(second.status, 200),
            }
        }
    }
}
