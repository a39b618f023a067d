//! Tests that no cent is counted twice or lost after a payment: each order to refund is carried out once and for its own
//! amount, a decision stays what it was, and refunds and disputes count whatever the order of their events.
//!
//! The auditor compares the ledger with the simulator to the cent at the end of each test.

use chrono::Duration;
use holdfast::sandbox::{
    ApiFault, DisputeStatus, Endpoint, FaultKind, Faults, NewDispute, PaymentOutcome, QueuedEvent,
    RefundOutcome, RefundStatus, WebhookEndpointSettings,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{ApiResponse, TestApp};
use crate::support::on_both_engines;

const SLOT: &str = "2026-12-01T10:00:00Z";

pub(super) async fn cancel(app: &TestApp, hold: &ApiResponse, refund: Value) {
    let path = format!("/v1/admin/holds/{}/cancel", hold.text("id"));
    let order = Some(json!({ "refund": refund }));
    app.admin(Method::POST, &path, order).await.expect(200);
}

pub(super) fn intent_of(app: &TestApp, hold: &ApiResponse) -> String {
    let session = app.simulator.session(hold.text("checkout_session")).unwrap();
    session.payment_intent.unwrap()
}

/// Returns the amounts of the refunds at Stripe that did not fail.
fn refunds(app: &TestApp) -> Vec<i64> {
    let refunds = app.simulator.refunds().into_iter();
    refunds
        .filter(|refund| refund.status != RefundStatus::Failed)
        .map(|refund| refund.amount)
        .collect()
}

/// Returns the state of the hold's only payment, and how much of it is back with the guest.
async fn payment(app: &TestApp, hold: &ApiResponse) -> (String, i64) {
    let shown = app.admin_hold(hold.text("id")).await;
    let payments = shown["payments"].as_array().unwrap();
    assert_eq!(payments.len(), 1, "{payments:?}");
    let state = payments[0]["state"].as_str().unwrap().to_owned();
    (state, payments[0]["refunded"].as_i64().unwrap())
}

/// Moves the clock, so that what failed is due again, and sweeps.
async fn sweep_later(app: &TestApp, hours: i64) {
    app.clock.advance(Duration::hours(hours));
    app.database.expire_all_leases().await;
    app.sweep().await;
}

/// Makes every call of this kind take effect and lose its answer.
fn lose_answers(app: &TestApp, endpoint: Endpoint) {
    let lost = ApiFault {
        endpoint: Some(endpoint),
        probability: 1.0,
        ..ApiFault::new(FaultKind::LostAnswer)
    };
    app.simulator.set_faults(Faults {
        api: vec![lost],
        ..Faults::default()
    });
}

/// Takes the waiting events from the queue.
fn take_events(app: &TestApp) -> Vec<QueuedEvent> {
    let events = app.simulator.pending_events();
    events
        .iter()
        .for_each(|event| app.simulator.drop_event(&event.id));
    events
}

async fn deliver(app: &TestApp, event: &QueuedEvent) {
    let delivery = app.simulator.deliver(&event.id).await.unwrap();
    assert!(delivery.accepted(), "{delivery:?}");
}

fn failed() -> RefundOutcome {
    RefundOutcome::new(RefundStatus::Failed)
}

pub(super) async fn count_pending_commands(app: &TestApp) -> i64 {
    app.database
        .count("SELECT count(*) FROM commands WHERE done_at IS NULL")
        .await
}

async fn count_failed_refunds(app: &TestApp) -> i64 {
    let figures = app.database.store().count_figures(app.clock_now()).await;
    figures.unwrap().refunds_failed
}

/// Returns all orders of the items.
fn permutations<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    let Some((last, rest)) = items.split_last() else {
        return vec![Vec::new()];
    };
    let insert = |order: Vec<T>| {
        (0..=order.len()).map(move |place| {
            let mut longer = order.clone();
            longer.insert(place, last.clone());
            longer
        })
    };
    permutations(rest).into_iter().flat_map(insert).collect()
}

on_both_engines! {
    async fn partial_refund_reported_before_its_answer_counts_once(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        cancel(&app, &hold, json!(2000)).await;
        lose_answers(&app, Endpoint::CreateRefund);
        app.sweep().await;
        app.deliver_all().await;
        assert_eq!(payment(&app, &hold).await, ("kept".to_owned(), 2000));
        app.simulator.set_faults(Faults::default());
        sweep_later(&app, 2).await;
        app.deliver_all().await;
        assert_eq!((refunds(&app), count_pending_commands(&app).await), (vec![2000], 0));
        assert_eq!(payment(&app, &hold).await, ("kept".to_owned(), 2000));
    }

    /// Stripe forgets the key after a day: the refund of the first try is found by the command in its metadata.
    async fn refund_with_a_forgotten_key_is_paid_once(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        cancel(&app, &hold, json!(2000)).await;
        lose_answers(&app, Endpoint::CreateRefund);
        app.sweep().await;
        take_events(&app);
        app.simulator.set_faults(Faults::default());
        app.simulator.prune_idempotency_keys();
        sweep_later(&app, 25).await;
        assert_eq!((refunds(&app), count_pending_commands(&app).await), (vec![2000], 0));
        assert_eq!(payment(&app, &hold).await, ("kept".to_owned(), 2000));
    }

    async fn refund_with_a_lost_answer_is_paid_once_after_a_refusal(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        cancel(&app, &hold, json!(2000)).await;
        lose_answers(&app, Endpoint::CreateRefund);
        app.sweep().await;
        take_events(&app);
        // The next try is refused for another reason, which gives the order a fresh key.
        app.simulator.set_faults(Faults::default().next(Endpoint::CreateRefund, FaultKind::Forbidden, 1));
        sweep_later(&app, 1).await;
        const FRESH_KEYS: &str = "SELECT count(*) FROM commands WHERE stripe_key IS NOT NULL";
        assert_eq!((app.database.count(FRESH_KEYS).await, count_pending_commands(&app).await), (1, 1));
        sweep_later(&app, 2).await;
        assert_eq!((refunds(&app), count_pending_commands(&app).await), (vec![2000], 0));
        assert_eq!(payment(&app, &hold).await, ("kept".to_owned(), 2000));
    }

    async fn failed_refund_is_due_whatever_went_back_before(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        app.simulator.refund_from_dashboard(&intent_of(&app, &hold), Some(2000)).unwrap();
        app.deliver_all().await;
        cancel(&app, &hold, json!(1000)).await;
        app.sweep().await;
        app.deliver_all().await;
        let ours = app.simulator.refunds().into_iter().find(|refund| refund.amount == 1000).unwrap();
        app.simulator.change_refund(&ours.id, &failed()).unwrap();
        app.deliver_all().await;
        assert_eq!(count_failed_refunds(&app).await, 1);
        let due = app.database.texts("SELECT due_back || ' ' || kept FROM payment_ledger").await;
        assert_eq!(due, ["1000 2000"]);
    }

    async fn dispute_of_refunded_money_still_adds_up(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        let intent = intent_of(&app, &hold);
        app.simulator.refund_from_dashboard(&intent, Some(5000)).unwrap();
        app.deliver_all().await;
        let dispute = app.simulator.open_dispute(&intent, NewDispute::default()).unwrap();
        app.deliver_all().await;
        app.simulator.change_dispute(&dispute, DisputeStatus::Lost).unwrap();
        app.deliver_all().await;
        const UNBALANCED: &str = "SELECT count(*) FROM payments WHERE NOT adds_up";
        assert_eq!(app.database.count(UNBALANCED).await, 0);
        let sums = app.database.texts("SELECT refunded || ' ' || lost || ' ' || kept FROM payment_ledger").await;
        assert_eq!(sums, ["5000 0 0"]);
    }

    async fn money_kept_during_a_dispute_stays_when_it_is_won(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        let dispute = app.simulator.open_dispute(&intent_of(&app, &hold), NewDispute::default()).unwrap();
        app.deliver_all().await;
        cancel(&app, &hold, json!("none")).await;
        assert_eq!(payment(&app, &hold).await, ("disputed".to_owned(), 0));
        app.simulator.change_dispute(&dispute, DisputeStatus::Won).unwrap();
        app.deliver_all().await;
        app.sweep().await;
        assert_eq!((refunds(&app), payment(&app, &hold).await), (vec![], ("kept".to_owned(), 0)));
    }

    async fn failed_refund_of_money_without_a_hold_alarms(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.delete_hold_rows(&hold).await;
        app.pay(&hold, PaymentOutcome::Paid);
        app.deliver_all().await;
        app.sweep().await;
        app.deliver_all().await;
        const STATE: &str = "SELECT state FROM payments";
        assert_eq!(app.database.texts(STATE).await, ["refunded"]);
        let refund = app.simulator.refunds().remove(0).id;
        app.simulator.change_refund(&refund, &failed()).unwrap();
        app.deliver_all().await;
        assert_eq!(app.database.texts(STATE).await, ["refund_failed"]);
        assert_eq!(count_failed_refunds(&app).await, 1);
    }

    async fn refund_that_fails_in_its_answer_is_not_done(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        app.simulator.set_refund_outcome(failed());
        cancel(&app, &hold, json!("full")).await;
        app.sweep().await;
        take_events(&app);
        assert_eq!(payment(&app, &hold).await, ("refund_failed".to_owned(), 0));
        app.simulator.set_refund_outcome(RefundOutcome::default());
        sweep_later(&app, 25).await;
        assert_eq!(app.simulator.calls().refund, 1, "a person decides what follows");
        assert_eq!((count_failed_refunds(&app).await, refunds(&app)), (1, vec![]));
    }

    async fn failed_partial_refund_does_not_shorten_a_later_one(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        app.simulator.refund_from_dashboard(&intent_of(&app, &hold), Some(2000)).unwrap();
        app.deliver_all().await;
        assert_eq!(payment(&app, &hold).await, ("paid".to_owned(), 2000));
        let refund = app.simulator.refunds().remove(0).id;
        app.simulator.change_refund(&refund, &failed()).unwrap();
        app.deliver_all().await;
        assert_eq!(payment(&app, &hold).await, ("paid".to_owned(), 0));
        cancel(&app, &hold, json!("full")).await;
        app.sweep().await;
        app.deliver_all().await;
        assert_eq!((refunds(&app), payment(&app, &hold).await), (vec![5000], ("refunded".to_owned(), 5000)));
    }

    /// A refund that failed, and then was made by hand, is no longer due.
    async fn refund_made_by_hand_ends_the_alarm_of_a_failed_one(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        app.simulator.set_refund_outcome(failed());
        cancel(&app, &hold, json!("full")).await;
        app.sweep().await;
        app.deliver_all().await;
        assert_eq!((count_failed_refunds(&app).await, payment(&app, &hold).await.0.as_str()), (1, "refund_failed"));
        app.simulator.set_refund_outcome(RefundOutcome::default());
        app.simulator.refund_from_dashboard(&intent_of(&app, &hold), None).unwrap();
        app.deliver_all().await;
        assert_eq!(payment(&app, &hold).await, ("refunded".to_owned(), 5000));
        assert_eq!(count_failed_refunds(&app).await, 0);
    }

    async fn dispute_events_in_any_order_end_in_one_state(engine) {
        let app = TestApp::start(engine).await;
        for (end, state) in [(DisputeStatus::Won, "paid"), (DisputeStatus::Lost, "refunded")] {
            let event_type = format!("call-{}", state);
            app.offer(&event_type, &event_type, 30, 5000).await;
            let mut orders = vec![Vec::new()];
            let mut count = 0;
            while count < orders.len() {
                let at = app.clock_now() + Duration::hours(24 + i64::try_from(count).unwrap());
                let hold = app.sold(&event_type, &at.format("%Y-%m-%dT%H:00:00Z").to_string()).await;
                let intent = intent_of(&app, &hold);
                let dispute = app.simulator.open_dispute(&intent, NewDispute::default()).unwrap();
                app.simulator.change_dispute(&dispute, DisputeStatus::UnderReview).unwrap();
                app.simulator.change_dispute(&dispute, end).unwrap();
                let events = take_events(&app);
                orders = permutations(&(0..events.len()).collect::<Vec<_>>());
                for number in &orders[count] {
                    deliver(&app, &events[*number]).await;
                }
                assert_eq!(payment(&app, &hold).await.0, state, "{:?}", orders[count]);
                assert_eq!(app.state_of(&hold).await, "confirmed");
                count += 1;
            }
            assert!(count >= 24, "{count} orders");
        }
    }

    async fn lost_dispute_closes_what_was_due_back(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        let dispute = app.simulator.open_dispute(&intent_of(&app, &hold), NewDispute::default()).unwrap();
        app.deliver_all().await;
        cancel(&app, &hold, json!("full")).await;
        app.sweep().await;
        assert_eq!(count_pending_commands(&app).await, 1, "Stripe refuses while the bank decides");
        app.simulator.change_dispute(&dispute, DisputeStatus::Lost).unwrap();
        app.deliver_all().await;
        sweep_later(&app, 2).await;
        assert_eq!((count_pending_commands(&app).await, refunds(&app)), (0, vec![]));
        assert_eq!(payment(&app, &hold).await, ("refunded".to_owned(), 0));
    }

    /// Stripe repeats a refusal for its key, so a key that was refused is never used again.
    async fn refused_refund_is_tried_again_under_a_new_key(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        let dispute = app.simulator.open_dispute(&intent_of(&app, &hold), NewDispute::default()).unwrap();
        app.deliver_all().await;
        cancel(&app, &hold, json!(2000)).await;
        app.sweep().await;
        assert_eq!((refunds(&app), count_pending_commands(&app).await), (vec![], 1));
        app.simulator.change_dispute(&dispute, DisputeStatus::Won).unwrap();
        app.deliver_all().await;
        sweep_later(&app, 2).await;
        app.deliver_all().await;
        assert_eq!((refunds(&app), count_pending_commands(&app).await), (vec![2000], 0));
        assert_eq!(payment(&app, &hold).await, ("kept".to_owned(), 2000));
    }

    async fn refused_amount_never_refunds_another_one(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        cancel(&app, &hold, json!(2000)).await;
        // The operator refunds by hand before the worker does, and more than leaves enough.
        app.simulator.refund_from_dashboard(&intent_of(&app, &hold), Some(4000)).unwrap();
        app.sweep().await;
        sweep_later(&app, 2).await;
        app.deliver_all().await;
        assert_eq!((refunds(&app), count_pending_commands(&app).await), (vec![4000], 0));
        assert_eq!(payment(&app, &hold).await, ("kept".to_owned(), 4000));
    }

    async fn failure_is_read_from_old_and_new_kinds_of_events(engine) {
        for version in ["2022-11-15", "2023-10-16", "2024-10-28.acacia"] {
            let app = TestApp::start(engine).await;
            app.simulator.set_webhook_endpoint(WebhookEndpointSettings::of_version(version)).unwrap();
            let hold = app.sold("call", SLOT).await;
            cancel(&app, &hold, json!("full")).await;
            app.sweep().await;
            app.deliver_all().await;
            assert_eq!(payment(&app, &hold).await, ("refunded".to_owned(), 5000), "{version}");
            let refund = app.simulator.refunds().remove(0).id;
            app.simulator.change_refund(&refund, &failed()).unwrap();
            app.deliver_all().await;
            assert_eq!(payment(&app, &hold).await, ("refund_failed".to_owned(), 0), "{version}");
        }
    }

    /// `charge.refunded` says how much, but not which refunds: they are read, and without an answer Stripe must repeat it.
    async fn sum_of_a_refunded_charge_makes_its_refunds_be_read(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        app.simulator.refund_from_dashboard(&intent_of(&app, &hold), Some(1500)).unwrap();
        let events = take_events(&app);
        let charge = events.iter().find(|event| event.event_type == "charge.refunded").unwrap();
        app.simulator.set_faults(Faults::default().next(Endpoint::ListRefunds, FaultKind::ServerError, 100));
        assert_eq!(app.simulator.deliver(&charge.id).await.unwrap().status, Ok(503));
        assert_eq!(payment(&app, &hold).await, ("paid".to_owned(), 0));
        app.simulator.set_faults(Faults::default());
        deliver(&app, charge).await;
        assert_eq!(payment(&app, &hold).await, ("paid".to_owned(), 1500));
        let lists = app.simulator.calls().refund_list;
        for event in &events {
            deliver(&app, event).await;
        }
        assert_eq!(app.simulator.calls().refund_list, lists, "nothing is missing, so nothing is read");
        assert_eq!(payment(&app, &hold).await, ("paid".to_owned(), 1500));
    }
}
