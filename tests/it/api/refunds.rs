//! Tests of returning money without cancelling: of a booking that stays, and what is due back because its refund failed.

use holdfast::sandbox::{DisputeStatus, NewDispute, RefundOutcome, RefundStatus};
use reqwest::Method;
use serde_json::{Value, json};

use super::access_keys::make_key;
use crate::support::app::{ADMIN_KEY, ApiResponse, Client, TestApp};
use crate::support::on_both_engines;

const SLOT: &str = "2026-12-01T10:00:00Z";
const NOBODY: &str = "01990000-0000-7000-8000-000000000000";

fn path_of(hold: &ApiResponse) -> String {
    format!("/v1/admin/holds/{}/refund", hold.text("id"))
}

async fn refund(client: &Client, hold: &ApiResponse, amount: i64) -> ApiResponse {
    let body = json!({"amount": amount, "note": "the heating failed"});
    client.admin(Method::POST, &path_of(hold), Some(body)).await
}

async fn settle_outside(app: &TestApp, hold: &ApiResponse, amount: i64) -> ApiResponse {
    let body = json!({"amount": amount, "note": "paid in cash", "outside": true});
    app.admin(Method::POST, &path_of(hold), Some(body)).await
}

async fn refund_with_key(client: &Client, hold: &ApiResponse, key: &str, body: &Value) -> ApiResponse {
    let request = client
        .request(Method::POST, &path_of(hold))
        .bearer_auth(ADMIN_KEY);
    client
        .send(request.header("Idempotency-Key", key).json(body))
        .await
}

async fn cancel(app: &TestApp, hold: &ApiResponse, refund: Value) {
    let path = format!("/v1/admin/holds/{}/cancel", hold.text("id"));
    let order = Some(json!({ "refund": refund }));
    app.admin(Method::POST, &path, order).await.expect(200);
}

/// Carries out the commands, and delivers Stripe's events.
async fn settle(app: &TestApp) {
    app.sweep().await;
    app.deliver_all().await;
}

fn intent_of(app: &TestApp, hold: &ApiResponse) -> String {
    let session = app.simulator.session(hold.text("checkout_session")).unwrap();
    session.payment_intent.unwrap()
}

/// Sells a slot, cancels it, and lets its refund of this amount fail.
async fn sold_with_failed_refund(app: &TestApp, amount: i64) -> ApiResponse {
    let hold = app.sold("call", SLOT).await;
    app.simulator
        .set_refund_outcome(RefundOutcome::new(RefundStatus::Failed));
    cancel(app, &hold, json!(amount)).await;
    settle(app).await;
    app.simulator.set_refund_outcome(RefundOutcome::default());
    assert_eq!(ledger(app, &hold).await["due_back"], amount);
    hold
}

/// Returns where the hold's money is, without what is zero.
async fn ledger(app: &TestApp, hold: &ApiResponse) -> Value {
    non_zero(&app.admin_hold(hold.text("id")).await["ledger"])
}

fn non_zero(ledger: &Value) -> Value {
    let members = ledger.as_object().unwrap().iter();
    let members = members.filter(|(_, value)| **value != json!(0));
    Value::Object(
        members
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    )
}

/// Returns the amounts of the refunds at Stripe that give money back.
fn given_back(app: &TestApp) -> Vec<i64> {
    let refunds = app.simulator.refunds().into_iter();
    let refunds = refunds.filter(|refund| refund.status == RefundStatus::Succeeded);
    refunds.map(|refund| refund.amount).collect()
}

fn assert_too_much(refused: ApiResponse, most: i64) {
    let problem = refused.expect_problem(422, "invalid");
    let error = &problem.body["errors"][0];
    assert_eq!(error["field"], "amount", "{problem:?}");
    assert_eq!(error["detail"], format!("at most {most} can go back"));
}

on_both_engines! {
    async fn hold_shows_where_its_money_is(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        let shown = app.admin_hold(hold.text("id")).await;
        assert_eq!(non_zero(&shown["ledger"]), json!({"currency": "eur"}));
        for list in ["payments", "refunds", "disputes"] {
            assert_eq!(shown[list], json!([]), "{list}");
        }
        app.confirm(&hold).await;
        let intent = intent_of(&app, &hold);
        refund(&app, &hold, 1000).await.expect(200);
        let zero = json!({"refunded": 0, "disputed": 0, "lost": 0, "due_back": 0});
        let mut expected = json!({"paid": 5000, "refund_pending": 1000, "kept": 4000, "currency": "eur"});
        expected.as_object_mut().unwrap().extend(zero.as_object().unwrap().clone());
        assert_eq!(app.admin_hold(hold.text("id")).await["ledger"], expected);
        settle(&app).await;
        app.simulator.refund_from_dashboard(&intent, Some(500)).unwrap();
        app.simulator.open_dispute(&intent, NewDispute::default()).unwrap();
        app.deliver_all().await;
        let shown = app.admin_hold(hold.text("id")).await;
        let payment = &shown["payments"][0];
        for (member, value) in [("intent", json!(intent)), ("amount", json!(5000)), ("currency", json!("eur")), ("status", json!("succeeded"))] {
            assert_eq!(payment[member], value, "{payment}");
        }
        let refund = |amount: i64, ordered_by: Option<&str>| {
            let at_stripe = app.simulator.refunds().into_iter().find(|refund| refund.amount == amount).unwrap();
            json!({"id": at_stripe.id, "intent": intent, "amount": amount, "status": "succeeded", "reason": null, "ordered_by": ordered_by})
        };
        let refunds = shown["refunds"].as_array().unwrap();
        assert_eq!(refunds.len(), 2, "{refunds:?}");
        assert!(refunds.contains(&refund(1000, Some("bootstrap"))) && refunds.contains(&refund(500, None)), "{refunds:?}");
        let dispute = app.simulator.disputes().remove(0);
        let dispute = json!({"id": dispute.id, "intent": intent, "amount": dispute.amount, "status": "needs_response"});
        assert_eq!(shown["disputes"], json!([dispute]));
    }

    async fn refund_of_a_booking_that_stays(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        let ordered = refund(&app, &hold, 2000).await.expect(200);
        assert_eq!(ordered.text("status"), "confirmed");
        assert_eq!(non_zero(&ordered.body["ledger"]), json!({"paid": 5000, "refund_pending": 2000, "kept": 3000, "currency": "eur"}));
        settle(&app).await;
        assert_eq!(ledger(&app, &hold).await, json!({"paid": 5000, "refunded": 2000, "kept": 3000, "currency": "eur"}));
        assert_eq!((app.state_of(&hold).await.as_str(), given_back(&app)), ("confirmed", vec![2000]));
        let shown = app.admin_hold(hold.text("id")).await;
        let history = shown["history"].as_array().unwrap();
        let line = history.iter().find(|line| line["transition"] == "refund_ordered").unwrap();
        assert_eq!((&line["by"], &line["actor"]), (&json!("operator"), &json!("bootstrap")));
        assert_eq!(line["message"], "a refund of 2000 eur is ordered: the heating failed");
        assert_too_much(refund(&app, &hold, 3001).await, 3000);
        assert_too_much(settle_outside(&app, &hold, 1).await, 0);
    }

    async fn full_refund_ordered_here_frees_no_slot(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        refund(&app, &hold, 2000).await.expect(200);
        settle(&app).await;
        refund(&app, &hold, 3000).await.expect(200);
        let figures = app.database.store().count_figures(app.clock_now()).await.unwrap();
        assert_eq!(figures.slot_without_money, 0, "the shop chose so");
        settle(&app).await;
        assert_eq!(ledger(&app, &hold).await, json!({"paid": 5000, "refunded": 5000, "currency": "eur"}));
        assert_eq!((app.state_of(&hold).await.as_str(), app.units_of(&hold).await), ("confirmed", 1));
        assert_too_much(refund(&app, &hold, 1).await, 0);
    }

    /// The rest was refunded by hand before, so the order completes the sum; and the other way round.
    async fn only_a_completing_refund_by_hand_frees_the_slot(engine) {
        for (by_hand_first, expected) in [(true, "confirmed"), (false, "cancelled/refunded")] {
            let app = TestApp::start(engine).await;
            let hold = app.sold("call", SLOT).await;
            let by_hand = async || {
                app.simulator.refund_from_dashboard(&intent_of(&app, &hold), Some(3000)).unwrap();
                settle(&app).await;
            };
            if by_hand_first {
                by_hand().await;
            }
            refund(&app, &hold, 2000).await.expect(200);
            settle(&app).await;
            if !by_hand_first {
                by_hand().await;
            }
            assert_eq!(app.state_of(&hold).await, expected);
            assert_eq!(ledger(&app, &hold).await["refunded"], 5000);
        }
    }

    async fn failed_refund_is_ordered_anew(engine) {
        let app = TestApp::start(engine).await;
        let hold = sold_with_failed_refund(&app, 2000).await;
        assert_too_much(refund(&app, &hold, 2001).await, 2000);
        let again = refund(&app, &hold, 2000).await.expect(200);
        assert_eq!(again.text("status"), "cancelled");
        assert_eq!(non_zero(&again.body["ledger"]), json!({"paid": 5000, "refund_pending": 2000, "kept": 3000, "currency": "eur"}));
        assert_too_much(refund(&app, &hold, 1).await, 0);
        settle(&app).await;
        assert_eq!(ledger(&app, &hold).await, json!({"paid": 5000, "refunded": 2000, "kept": 3000, "currency": "eur"}));
        assert_eq!(given_back(&app), [2000]);
    }

    async fn failed_refund_of_a_booking_that_stays_is_seen(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        app.simulator.set_refund_outcome(RefundOutcome::new(RefundStatus::Failed));
        refund(&app, &hold, 2000).await.expect(200);
        settle(&app).await;
        app.simulator.set_refund_outcome(RefundOutcome::default());
        assert_eq!(ledger(&app, &hold).await, json!({"paid": 5000, "kept": 3000, "due_back": 2000, "currency": "eur"}));
        let shown = app.admin_hold(hold.text("id")).await;
        let history = shown["history"].as_array().unwrap();
        assert_eq!(history.last().unwrap()["transition"], "refund_failed");
        assert_eq!(shown["refunds"][0]["status"], "failed");
        refund(&app, &hold, 5000).await.expect(200);
        settle(&app).await;
        assert_eq!((given_back(&app), app.state_of(&hold).await.as_str()), (vec![5000], "confirmed"));
    }

    async fn money_settled_elsewhere_is_due_no_more(engine) {
        let app = TestApp::start(engine).await;
        let hold = sold_with_failed_refund(&app, 5000).await;
        settle_outside(&app, &hold, 3000).await.expect(200);
        assert_eq!(ledger(&app, &hold).await, json!({"paid": 5000, "kept": 3000, "due_back": 2000, "currency": "eur"}));
        let settled = settle_outside(&app, &hold, 2000).await.expect(200);
        assert_eq!(non_zero(&settled.body["ledger"]), json!({"paid": 5000, "kept": 5000, "currency": "eur"}));
        let line = settled.body["history"].as_array().unwrap().last().unwrap();
        assert_eq!((&line["transition"], &line["message"]), (&json!("settled_outside"), &json!("2000 eur were settled elsewhere: paid in cash")));
        assert_too_much(refund(&app, &hold, 1).await, 0);
        settle(&app).await;
        assert_eq!(given_back(&app).len(), 0, "nothing is ordered at Stripe");
    }

    async fn kept_money_of_a_cancelled_hold_stays_kept(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        cancel(&app, &hold, json!("none")).await;
        assert_too_much(refund(&app, &hold, 1).await, 0);
        let unpaid = app.hold_slot("call", "2026-12-01T12:00:00Z").await;
        assert_too_much(refund(&app, &unpaid, 1).await, 0);
    }

    async fn disputed_money_goes_back_if_the_shop_wins(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        let dispute = app.simulator.open_dispute(&intent_of(&app, &hold), NewDispute::default()).unwrap();
        app.deliver_all().await;
        assert_eq!(ledger(&app, &hold).await, json!({"paid": 5000, "disputed": 5000, "currency": "eur"}));
        refund(&app, &hold, 1500).await.expect(200);
        settle(&app).await;
        app.simulator.change_dispute(&dispute, DisputeStatus::Won).unwrap();
        app.deliver_all().await;
        app.clock.advance(chrono::Duration::hours(2));
        settle(&app).await;
        assert_eq!(ledger(&app, &hold).await, json!({"paid": 5000, "refunded": 1500, "kept": 3500, "currency": "eur"}));
    }

    async fn repeated_refund_request_orders_once(engine) {
        let app = TestApp::start(engine).await;
        let other = app.another_instance().await;
        let (hold, unrelated) = (app.sold("call", SLOT).await, app.sold("call", "2026-12-01T12:00:00Z").await);
        let body = json!({"amount": 2000, "note": "the heating failed"});
        let both = tokio::join!(refund_with_key(&app, &hold, "key-1", &body), refund_with_key(&other, &hold, "key-1", &body));
        for answer in [both.0, both.1, refund_with_key(&app, &hold, "key-1", &body).await] {
            assert_eq!(answer.expect(200).body["ledger"]["refund_pending"], 2000);
        }
        for changed in [json!({"amount": 2001, "note": "the heating failed"}), json!({"amount": 2000, "note": "other"})] {
            refund_with_key(&app, &hold, "key-1", &changed).await.expect_problem(422, "idempotency_mismatch");
        }
        refund_with_key(&app, &unrelated, "key-1", &body).await.expect_problem(422, "idempotency_mismatch");
        settle(&app).await;
        refund_with_key(&app, &hold, "key-1", &body).await.expect(200);
        assert_eq!(given_back(&app), [2000]);
        refund_with_key(&app, &hold, "key-2", &body).await.expect(200);
        settle(&app).await;
        assert_eq!(given_back(&app), [2000, 2000]);
        app.clock.advance(chrono::Duration::hours(49));
        app.sweep().await;
        assert_eq!(app.database.count("SELECT count(*) FROM refund_requests").await, 0);
    }

    /// Without a key each request is one of its own, and together they never order more than there is.
    async fn concurrent_refund_requests_order_no_more_than_paid(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        let answers = futures::future::join_all((0..4).map(|_| refund(&app, &hold, 2000))).await;
        let accepted = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(accepted, 2, "{answers:?}");
        settle(&app).await;
        assert_eq!(given_back(&app), [2000, 2000]);
    }

    async fn refund_request_is_checked(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        for (body, field) in [
            (json!({"note": "x"}), "amount"),
            (json!({"amount": 0, "note": "x"}), "amount"),
            (json!({"amount": -1, "note": "x"}), "amount"),
            (json!({"amount": "full", "note": "x"}), "amount"),
            (json!({"amount": 1}), "note"),
            (json!({"amount": 1, "note": "x\ny"}), "note"),
            (json!({"amount": 1, "note": "x", "outside": "yes"}), "outside"),
            (json!({"amount": 1, "note": "x", "intent": "pi_1"}), "intent"),
        ] {
            let refused = app.admin(Method::POST, &path_of(&hold), Some(body.clone())).await;
            assert_eq!(refused.expect_problem(422, "invalid").body["errors"][0]["field"], field, "{body}");
        }
        let body = json!({"amount": 1, "note": "x"});
        let refused = refund_with_key(&app, &hold, &"k".repeat(256), &body).await.expect_problem(422, "invalid");
        assert_eq!(refused.body["errors"][0]["field"], "Idempotency-Key");
        let path = format!("/v1/admin/holds/{NOBODY}/refund");
        app.admin(Method::POST, &path, Some(body.clone())).await.expect_problem(404, "not_found");
        let reader = make_key(&app, "Rita", "read").await;
        let request = app.request(Method::POST, &path_of(&hold)).bearer_auth(reader.text("key"));
        app.send(request.json(&body)).await.expect_problem(403, "forbidden");
        assert_eq!(ledger(&app, &hold).await["kept"], 5000);
    }

    async fn refund_is_in_the_audit_trail(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        let operator = make_key(&app, "Otto", "operate").await;
        let request = app.request(Method::POST, &path_of(&hold)).bearer_auth(operator.text("key"));
        let body = json!({"amount": 2000, "note": "Zaphod is ill"});
        app.send(request.json(&body)).await.expect(200);
        let path = format!("/v1/admin/audit?target=holds/{}", hold.text("id"));
        let entry = app.admin(Method::GET, &path, None).await.expect(200).body["data"][0].clone();
        assert_eq!((&entry["action"], &entry["actor"], &entry["outcome"]), (&json!("refundHold"), &json!("Otto"), &json!("done")));
        assert_eq!((&entry["before"]["status"], &entry["after"]["refund"]), (&json!("confirmed"), &json!(2000)));
        assert!(!entry.to_string().contains("Zaphod"));
        settle(&app).await;
        assert_eq!(app.admin_hold(hold.text("id")).await["refunds"][0]["ordered_by"], "Otto");
    }
}
