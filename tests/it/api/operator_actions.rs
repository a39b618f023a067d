//! Tests of an operator's actions on a hold: release, refresh from Stripe, replay of an event. Each uses the same
//! path as a guest, a sweep or a webhook, and the history names the operator.

use chrono::Duration;
use holdfast::sandbox::{Endpoint, FaultKind, Faults, PaymentOutcome};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{ApiResponse, TestApp, order_by};
use crate::support::catalogue_fixtures::put_event_type;
use crate::support::on_both_engines;

const SLOT: &str = "2026-12-01T10:00:00Z";
const NOBODY: &str = "01990000-0000-7000-8000-000000000000";

async fn post_action(app: &TestApp, hold: &str, what: &str) -> ApiResponse {
    app.admin(Method::POST, &format!("/v1/admin/holds/{hold}/{what}"), None)
        .await
}

async fn replay_event(app: &TestApp, event: &str) -> ApiResponse {
    app.admin(Method::POST, &format!("/v1/admin/events/{event}/replay"), None)
        .await
}

async fn list_events(app: &TestApp, query: &str) -> Value {
    app.admin(Method::GET, &format!("/v1/admin/events{query}"), None)
        .await
        .expect(200)
        .body
}

/// Returns the last line of a history: the new status and the actor.
fn last_line(hold: &Value) -> (&str, &str) {
    let line = hold["history"].as_array().unwrap().last().unwrap();
    (line["to"].as_str().unwrap(), line["by"].as_str().unwrap())
}

on_both_engines! {
    async fn operator_release_goes_through_stripe(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        let released = post_action(&app, hold.text("id"), "release").await.expect(200);
        assert_eq!((released.text("status"), released.text("reason")), ("released", "operator"));
        assert_eq!(last_line(&released.body), ("released", "operator"));
        assert_eq!(app.simulator.session(hold.text("checkout_session")).unwrap().status, "expired");
        let again = post_action(&app, hold.text("id"), "release").await.expect(200);
        assert_eq!(again.body, released.body);
        assert_eq!(app.simulator.calls().expire, 1, "the second release must not call Stripe");
        app.checkout(&order_by("bob@example.com", "call", SLOT)).await.expect(201);
        app.deliver_all().await;
        assert_eq!(app.state_of(&hold).await, "released/operator", "Stripe's own event does not change the reason");
        post_action(&app, NOBODY, "release").await.expect_problem(404, "not_found");
    }

    async fn operator_cannot_release_paid_hold(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.pay(&hold, PaymentOutcome::Paid);
        for _ in 0..2 {
            post_action(&app, hold.text("id"), "release").await.expect_problem(409, "already_paid");
            assert_eq!(app.state_of(&hold).await, "confirmed");
        }
        app.deliver_all().await;
        post_action(&app, hold.text("id"), "release").await.expect_problem(409, "already_paid");
        assert_eq!(app.state_of(&hold).await, "confirmed");
    }

    async fn release_of_processing_hold_frees_its_slot(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.pay(&hold, PaymentOutcome::Processing);
        // The operator released an unpaid hold; only now is it known that it is being paid.
        post_action(&app, hold.text("id"), "release").await.expect_problem(409, "already_paid");
        assert_eq!(app.state_of(&hold).await, "processing");
        app.deliver_all().await;
        app.cancel(&hold).await.expect_problem(409, "already_paid");
        let silent = Faults::default().next(Endpoint::ExpireSession, FaultKind::ServerError, 100);
        app.simulator.set_faults(silent.next(Endpoint::RetrieveSession, FaultKind::ServerError, 100));
        let released = post_action(&app, hold.text("id"), "release").await.expect(200);
        assert_eq!((released.text("status"), released.text("reason")), ("released", "operator"));
        let line = released.body["history"].as_array().unwrap().last().unwrap();
        assert_eq!((&line["transition"], &line["by"]), (&json!("released_while_processing"), &json!("operator")));
        app.simulator.set_faults(Faults::default());
        let again = post_action(&app, hold.text("id"), "release").await.expect(200);
        assert_eq!(again.body, released.body);
        app.checkout(&order_by("bob@example.com", "call", SLOT)).await.expect(201);
        app.pay(&hold, PaymentOutcome::ProcessingFailed);
        app.deliver_all().await;
        assert_eq!(app.state_of(&hold).await, "released/operator");
    }

    async fn money_for_released_processing_hold_goes_back(engine) {
        let app = TestApp::start(engine).await;
        for (at, before_release) in [("10", true), ("12", false)] {
            let slot = format!("2026-12-01T{at}:00:00Z");
            let hold = app.hold_slot("call", &slot).await;
            app.pay(&hold, PaymentOutcome::Processing);
            app.deliver_all().await;
            if before_release {
                // Stripe has the money, and its event comes after the release.
                app.pay(&hold, PaymentOutcome::ProcessingSucceeded);
            }
            post_action(&app, hold.text("id"), "release").await.expect(200);
            if !before_release {
                app.pay(&hold, PaymentOutcome::ProcessingSucceeded);
            }
            app.deliver_all().await;
            app.sweep().await;
            app.deliver_all().await;
            assert_eq!(app.state_of(&hold).await, "released/late_payment_refunded", "the slot is free, and stays so");
            let shown = app.admin_hold(hold.text("id")).await;
            assert_eq!((&shown["ledger"]["paid"], &shown["ledger"]["refunded"]), (&json!(5000), &json!(5000)), "{shown}");
            app.checkout(&order_by(&format!("bob-{at}@example.com"), "call", &slot)).await.expect(201);
        }
        assert_eq!(app.audit(), Vec::<String>::new());
    }

    async fn lost_success_of_released_hold_is_found(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.pay(&hold, PaymentOutcome::Processing);
        app.deliver_all().await;
        post_action(&app, hold.text("id"), "release").await.expect(200);
        app.pay(&hold, PaymentOutcome::ProcessingSucceeded);
        app.drop_events();
        post_action(&app, hold.text("id"), "refresh").await.expect(200);
        app.sweep().await;
        assert_eq!(app.state_of(&hold).await, "released/late_payment_refunded");
        assert_eq!(app.admin_hold(hold.text("id")).await["ledger"]["kept"], 0);
    }

    /// No event tells how the payment ends, and nobody asks: the command that the release leaves asks once a day.
    async fn command_finds_lost_end_of_released_payment(engine) {
        let app = TestApp::start(engine).await;
        for (at, verdict, state) in [
            ("10", PaymentOutcome::ProcessingSucceeded, "released/late_payment_refunded"),
            ("12", PaymentOutcome::ProcessingFailed, "released/operator"),
        ] {
            let hold = app.hold_slot("call", &format!("2026-12-05T{at}:00:00Z")).await;
            app.pay(&hold, PaymentOutcome::Processing);
            app.deliver_all().await;
            post_action(&app, hold.text("id"), "release").await.expect(200);
            for _ in 0..3 {
                app.sweep().await;
                app.sweep().await;
                app.clock.advance(Duration::hours(25));
            }
            let pending = app.admin(Method::GET, "/v1/admin/commands", None).await.expect(200).body;
            let command = &pending["data"][0];
            assert_eq!((&command["state"], &command["tries"]), (&json!("pending"), &json!(0)), "{pending}");
            assert_eq!((&command["last_error"], &command["hold"]), (&json!(null), &hold.body["id"]), "{pending}");
            app.pay(&hold, verdict);
            app.drop_events();
            app.sweep().await;
            app.sweep().await;
            assert_eq!(app.state_of(&hold).await, state);
            assert_eq!(app.admin_hold(hold.text("id")).await["ledger"]["kept"], 0);
            assert_eq!(app.database.count("SELECT count(*) FROM commands WHERE done_at IS NULL").await, 0);
        }
        assert_eq!((app.simulator.refunds().len(), app.simulator.calls().expire), (1, 8), "each asks once a day");
    }

    /// Stripe's events of both sessions are lost, and the key is right again.
    async fn command_finds_payments_after_release_without_stripe(engine) {
        let app = TestApp::start(engine).await;
        let class = json!({"resource": "ben", "duration_minutes": 60, "checkout": {"promotion_codes": true}});
        put_event_type(&app, "class", class).await.expect(201);
        let (slow, free) = (app.hold_slot("call", SLOT).await, app.hold_slot("class", SLOT).await);
        app.pay(&slow, PaymentOutcome::Processing);
        app.deliver_all().await;
        let (wrong, _other) = app.instance_of_another_account().await;
        for hold in [&slow, &free] {
            let path = format!("/v1/admin/holds/{}/release", hold.text("id"));
            wrong.admin(Method::POST, &path, Some(json!({"without_stripe": true}))).await.expect(200);
            assert_eq!(app.state_of(hold).await, "released/operator");
        }
        app.simulator.apply_promotion_code(free.text("checkout_session"), "OFF100").unwrap();
        app.pay(&free, PaymentOutcome::Paid);
        app.drop_events();
        app.sweep().await;
        assert_eq!(app.state_of(&free).await, "confirmed", "it owes nothing, and its slot is free");
        app.pay(&slow, PaymentOutcome::ProcessingSucceeded);
        app.drop_events();
        app.clock.advance(Duration::hours(25));
        app.sweep().await;
        app.sweep().await;
        assert_eq!(app.state_of(&slow).await, "released/late_payment_refunded");
        assert_eq!(app.simulator.refunds().len(), 1);
        assert_eq!(app.database.count("SELECT count(*) FROM commands WHERE done_at IS NULL").await, 0);
    }

    async fn operator_release_without_stripe_changes_nothing(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        let silent = Faults::default().next(Endpoint::ExpireSession, FaultKind::ServerError, 100);
        app.simulator.set_faults(silent.next(Endpoint::RetrieveSession, FaultKind::ServerError, 100));
        for what in ["release", "refresh"] {
            let refused = post_action(&app, hold.text("id"), what).await.expect_problem(503, "stripe_unavailable");
            assert!(refused.headers.contains_key("retry-after"));
            assert_eq!(app.state_of(&hold).await, "held", "{what}");
        }
        assert_eq!(app.admin_hold(hold.text("id")).await["history"].as_array().unwrap().len(), 1);
    }

    /// Stripe gives no answer, and the guest pays by a delayed method before the operator repeats the request.
    async fn repeated_release_with_a_version_spares_a_payment(engine) {
        let app = TestApp::start(engine).await;
        let (hold, other) = (app.hold_slot("call", SLOT).await, app.hold_slot("call", "2026-12-01T12:00:00Z").await);
        let mut seen = Vec::new();
        for hold in [&hold, &other] {
            seen.push(json!({"version": app.admin_hold(hold.text("id")).await["version"]}));
        }
        let release = async |hold: &ApiResponse, seen: &Value| {
            let path = format!("/v1/admin/holds/{}/release", hold.text("id"));
            app.admin(Method::POST, &path, Some(seen.clone())).await
        };
        app.simulator.set_faults(Faults::default().next(Endpoint::ExpireSession, FaultKind::ServerError, 100));
        for (hold, seen) in [&hold, &other].into_iter().zip(&seen) {
            release(hold, seen).await.expect_problem(503, "stripe_unavailable");
        }
        app.simulator.set_faults(Faults::default());
        for _ in 0..2 {
            let released = release(&other, &seen[1]).await.expect(200);
            assert_eq!((released.text("status"), released.text("reason")), ("released", "operator"));
        }
        app.pay(&hold, PaymentOutcome::Processing);
        app.deliver_all().await;
        for _ in 0..2 {
            release(&hold, &seen[0]).await.expect_problem(409, "conflict");
        }
        assert_eq!(app.state_of(&hold).await, "processing");
        let now = json!({"version": app.admin_hold(hold.text("id")).await["version"], "without_stripe": false});
        release(&hold, &now).await.expect(200);
        assert_eq!(app.state_of(&hold).await, "released/operator");
        for wrong in [json!({"version": 0}), json!({"version": "1"})] {
            release(&hold, &wrong).await.expect_problem(422, "invalid");
        }
    }

    async fn release_with_a_version_finds_the_hold_over(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        let seen = json!({"version": app.admin_hold(hold.text("id")).await["version"]});
        app.cancel(&hold).await.expect(200);
        let path = format!("/v1/admin/holds/{}/release", hold.text("id"));
        let released = app.admin(Method::POST, &path, Some(seen)).await.expect(200);
        assert_eq!((released.text("status"), released.text("reason")), ("released", "guest"));
        let audit = app.admin(Method::GET, "/v1/admin/audit?action=releaseHold", None).await.expect(200);
        let entries = audit.body["data"].as_array().unwrap();
        assert_eq!((entries.len(), &entries[0]["after"]), (1, &Value::Null), "this release did not end it");
        app.admin(Method::POST, &format!("/v1/admin/holds/{NOBODY}/release"), Some(json!({"version": 1}))).await
            .expect_problem(404, "not_found");
    }

    async fn refresh_confirms_hold_after_lost_webhook(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        let open = post_action(&app, hold.text("id"), "refresh").await.expect(200);
        assert_eq!((open.text("status"), open.body["history"].as_array().unwrap().len()), ("held", 1));
        assert_eq!(app.simulator.calls().expire, 0, "a refresh must not expire the session");
        app.pay(&hold, PaymentOutcome::Paid);
        app.drop_events();
        let paid = post_action(&app, hold.text("id"), "refresh").await.expect(200);
        assert_eq!(last_line(&paid.body), ("confirmed", "operator"), "{paid:?}");
        assert_eq!(paid.body["payments"][0]["state"], "paid");
        let again = post_action(&app, hold.text("id"), "refresh").await.expect(200);
        assert_eq!(again.body, paid.body);
        post_action(&app, NOBODY, "refresh").await.expect_problem(404, "not_found");
    }

    async fn refresh_finds_lost_delayed_payment_result(engine) {
        let app = TestApp::start(engine).await;
        for (at, verdict, state) in [
            ("10", PaymentOutcome::ProcessingSucceeded, "confirmed"),
            ("12", PaymentOutcome::ProcessingFailed, "released/payment_failed"),
        ] {
            let hold = app.hold_slot("call", &format!("2026-12-01T{at}:00:00Z")).await;
            app.pay(&hold, PaymentOutcome::Processing);
            app.deliver_all().await;
            let waiting = post_action(&app, hold.text("id"), "refresh").await.expect(200);
            assert_eq!(waiting.text("status"), "processing");
            app.pay(&hold, verdict);
            app.drop_events();
            post_action(&app, hold.text("id"), "refresh").await.expect(200);
            assert_eq!(app.state_of(&hold).await, state);
        }
    }

    async fn refresh_settles_late_payment(engine) {
        let app = TestApp::start(engine).await;
        for (at, resold, state) in [("10", false, "confirmed"), ("12", true, "released/late_payment_refunded")] {
            let slot = format!("2026-12-01T{at}:00:00Z");
            let hold = app.hold_slot("call", &slot).await;
            app.expire_by_false_event(&hold).await;
            app.database.execute("DELETE FROM stripe_events WHERE id = 'evt_false'").await;
            app.database.execute("UPDATE hold_history SET event_id = NULL, actor = 'sweep' WHERE event_id = 'evt_false'").await;
            assert_eq!(app.state_of(&hold).await, "released/expired");
            if resold {
                app.checkout(&order_by("bob@example.com", "call", &slot)).await.expect(201);
            }
            app.pay(&hold, PaymentOutcome::Paid);
            app.drop_events();
            let shown = post_action(&app, hold.text("id"), "refresh").await.expect(200);
            assert_eq!(app.state_of(&hold).await, state);
            assert_eq!(last_line(&shown.body).1, "operator", "{shown:?}");
            post_action(&app, hold.text("id"), "refresh").await.expect(200);
            app.sweep().await;
        }
        assert_eq!(app.simulator.refunds().len(), 1, "one refund, for the taken slot only");
    }

    async fn history_names_operator_for_retried_refund(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.expire_by_false_event(&hold).await;
        app.checkout(&order_by("bob@example.com", "call", SLOT)).await.expect(201);
        app.pay(&hold, PaymentOutcome::Paid);
        app.deliver_all().await;
        let pending = app.admin(Method::GET, "/v1/admin/commands", None).await.expect(200).body;
        let retry = format!("/v1/admin/commands/{}/retry", pending["data"][0]["id"].as_str().unwrap());
        assert_eq!(app.admin(Method::POST, &retry, None).await.expect(200).text("state"), "done");
        let shown = app.admin_hold(hold.text("id")).await;
        assert_eq!((last_line(&shown), &shown["payments"][0]["state"]), (("released", "operator"), &json!("refunded")));
    }

    async fn event_list_omits_bodies(engine) {
        let app = TestApp::start(engine).await;
        let (one, other) = (app.hold_slot("call", SLOT).await, app.hold_slot("call", "2026-12-01T12:00:00Z").await);
        app.pay(&one, PaymentOutcome::Paid);
        app.pay(&other, PaymentOutcome::Declined);
        app.deliver_all().await;
        let all = list_events(&app, "").await;
        assert!(!all.to_string().contains("ada@example.com"), "{all}");
        let listed = all["data"].as_array().unwrap();
        assert_eq!(listed.len(), app.database.count("SELECT count(*) FROM stripe_events").await as usize);
        for event in listed {
            let members: Vec<_> = event.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(members.len(), 5, "{event}");
            assert_eq!((&event["has_payload"], &event["applied_at"]), (&json!(true), &json!("2026-11-20T08:00:00Z")));
        }
        let of_one = list_events(&app, &format!("?hold={}", one.text("id"))).await;
        let kinds: Vec<_> = of_one["data"].as_array().unwrap().iter().map(|event| &event["type"]).collect();
        assert!(kinds.contains(&&json!("checkout.session.completed")), "{of_one}");
        assert!(of_one["data"].as_array().unwrap().iter().all(|event| event["hold"] == one.text("id")), "{of_one}");
        let (mut seen, mut query) = (Vec::new(), "?limit=1".to_owned());
        loop {
            let part = list_events(&app, &query).await;
            seen.extend(part["data"].as_array().unwrap().clone());
            match part["next_cursor"].as_str() {
                Some(cursor) => query = format!("?limit=1&cursor={cursor}"),
                None => break,
            }
        }
        assert_eq!(&seen, listed);
    }

    async fn replayed_event_applies_only_if_effect_was_lost(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.pay(&hold, PaymentOutcome::Paid);
        app.deliver_all().await;
        let before = app.admin_hold(hold.text("id")).await;
        let all = list_events(&app, "").await;
        for event in all["data"].as_array().unwrap() {
            let answer = replay_event(&app, event["id"].as_str().unwrap()).await.expect(200);
            assert_eq!(answer.body, json!({"received": true, "outcome": "duplicate"}));
        }
        assert_eq!(app.admin_hold(hold.text("id")).await, before);

        // Sets the state that a bug or a restored backup may leave.
        app.database.execute("DELETE FROM hold_history WHERE to_status = 'confirmed'").await;
        app.database.execute("DELETE FROM events_out WHERE kind = 'hold.confirmed'").await;
        app.database.execute("DELETE FROM payments").await;
        app.database.execute("UPDATE holds SET status = 'held', due_at = expires_at").await;
        let all = all["data"].as_array().unwrap();
        let completed = all.iter().find(|event| event["type"] == "checkout.session.completed").unwrap();
        let completed = completed["id"].as_str().unwrap();
        let answer = replay_event(&app, completed).await.expect(200);
        assert_eq!(answer.body, json!({"received": true, "outcome": "applied"}));
        let after = app.admin_hold(hold.text("id")).await;
        assert_eq!(last_line(&after), ("confirmed", "operator"), "{after}");
        assert_eq!(after["payments"], before["payments"]);
        assert_eq!(replay_event(&app, completed).await.text("outcome"), "duplicate");
        replay_event(&app, "evt_nobody").await.expect_problem(404, "not_found");
    }
}
