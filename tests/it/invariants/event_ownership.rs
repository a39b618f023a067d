//! Tests whose event it is: other products and other installations share the Stripe account, and a buyer can write our
//! ids into a Payment Link. Only the hold's own session, metadata of this installation, and an intent that one of them
//! tied to the hold make an event concern it.

use std::collections::BTreeMap;

use chrono::Duration;
use holdfast::sandbox::{PaymentLinkVisit, PaymentOutcome, SessionStatus, SessionView, signature_header};
use serde_json::{Value, json};

use crate::support::app::{ApiResponse, TestApp, WEBHOOK_SECRET, order_by};
use crate::support::on_both_engines;

const SLOT: &str = "2026-12-01T10:00:00Z";

/// Builds a visit of a Payment Link of this price, to which the buyer appends the hold's id.
fn visit(hold: &ApiResponse, amount: i64) -> PaymentLinkVisit {
    PaymentLinkVisit {
        amount,
        currency: "eur".to_owned(),
        client_reference_id: Some(hold.text("id").to_owned()),
        metadata: BTreeMap::from([("order".to_owned(), "17".to_owned())]),
        ..PaymentLinkVisit::default()
    }
}

/// Opens a session that carries our metadata, with this installation in it, and takes this amount.
fn other_session(app: &TestApp, hold: &ApiResponse, amount: i64, installation: Option<&str>) -> SessionView {
    let mut metadata = BTreeMap::from([("holdfast_hold".to_owned(), hold.text("id").to_owned())]);
    metadata.extend(installation.map(|id| ("holdfast_installation".to_owned(), id.to_owned())));
    app.simulator.visit_payment_link(PaymentLinkVisit {
        intent_metadata: metadata.clone(),
        metadata,
        ..visit(hold, amount)
    })
}

async fn our_installation(app: &TestApp) -> String {
    app.context.store.installation_id().await.unwrap()
}

/// Delivers a body with a valid signature. Returns the outcome.
async fn deliver_body(app: &TestApp, body: &str) -> String {
    let signature = signature_header(WEBHOOK_SECRET, app.clock_now().timestamp(), body);
    let answer = app.webhook(Some(&signature), body.to_owned()).await.expect(200);
    answer.text("outcome").to_owned()
}

/// Takes the waiting events from the queue; returns their types and bodies.
fn take_events(app: &TestApp) -> Vec<(String, String)> {
    let events = app.simulator.pending_events();
    events
        .iter()
        .for_each(|event| app.simulator.drop_event(&event.id));
    let events = events
        .into_iter()
        .filter(|event| event.event_type != "charge.succeeded");
    events.map(|event| (event.event_type, event.payload)).collect()
}

/// Delivers the waiting events twice, and asserts that each is ignored.
async fn assert_all_ignored(app: &TestApp) {
    let events = take_events(app);
    assert!(!events.is_empty());
    for (kind, body) in events.iter().chain(&events) {
        assert_eq!(deliver_body(app, body).await, "ignored", "{kind}");
    }
}

/// Removes our metadata from the object of an event, as if Stripe had not copied it there.
fn without_metadata(body: &str) -> String {
    let mut event: Value = serde_json::from_str(body).unwrap();
    event["data"]["object"]["metadata"] = json!({});
    event.to_string()
}

/// Returns the body of the only waiting event of this type, and drops the others.
fn take_event(app: &TestApp, kind: &str) -> String {
    let mut events = take_events(app);
    events.retain(|event| event.0 == kind);
    assert_eq!(events.len(), 1, "{kind}");
    events.remove(0).1
}

fn intent_of(app: &TestApp, session: &str) -> String {
    app.simulator.session(session).unwrap().payment_intent.unwrap()
}

fn status_of(app: &TestApp, session: &str) -> SessionStatus {
    app.simulator.session(session).unwrap().status
}

/// Returns the states and amounts of the hold's payments, and the codes of its history.
async fn payments_and_history(app: &TestApp, hold: &ApiResponse) -> (Vec<(String, i64)>, Vec<String>) {
    let shown = app.admin_hold(hold.text("id")).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let payments = shown["payments"].as_array().unwrap().iter();
    let history = shown["history"].as_array().unwrap().iter();
    (
        payments
            .map(|payment| (text(&payment["state"]), payment["amount"].as_i64().unwrap()))
            .collect(),
        history.map(|line| text(&line["transition"])).collect(),
    )
}

async fn assert_nothing_written(app: &TestApp) {
    const WRITTEN: &str = "SELECT (SELECT count(*) FROM stripe_events) + (SELECT count(*) FROM payments)
        + (SELECT count(*) FROM commands)";
    assert_eq!(app.database.count(WRITTEN).await, 0);
}

/// Counts what is kept of refunds and disputes of payments that are not known to be ours.
async fn count_kept(app: &TestApp) -> i64 {
    const KEPT: &str = "SELECT (SELECT count(*) FROM unowned_facts)
        + (SELECT count(*) FROM refunds r WHERE NOT EXISTS (SELECT 1 FROM payments WHERE intent_id = r.intent_id))
        + (SELECT count(*) FROM disputes d WHERE NOT EXISTS (SELECT 1 FROM payments WHERE intent_id = d.intent_id))";
    app.database.count(KEPT).await
}

on_both_engines! {
    async fn cheap_payment_link_with_our_hold_id_confirms_nothing(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        for amount in [100, 5000] {
            let link = app.simulator.visit_payment_link(visit(&hold, amount));
            app.simulator.pay(&link.id, PaymentOutcome::Paid).unwrap();
            assert_all_ignored(&app).await;
            assert_eq!(app.state_of(&hold).await, "held");
            assert_nothing_written(&app).await;
        }
        app.pay(&hold, PaymentOutcome::Paid);
        app.deliver_all().await;
        assert_eq!(app.state_of(&hold).await, "confirmed");
        assert_eq!(payments_and_history(&app, &hold).await.0, [("paid".to_owned(), 5000)]);
    }

    async fn foreign_purchase_is_never_refunded(engine) {
        let app = TestApp::start(engine).await;
        let confirmed = app.hold_slot("call", SLOT).await;
        app.pay(&confirmed, PaymentOutcome::Paid);
        let released = app.hold_slot("call", "2026-12-01T12:00:00Z").await;
        app.cancel(&released).await.expect(200);
        app.deliver_all().await;
        let before = app.database.count("SELECT count(*) FROM stripe_events").await;
        for hold in [&confirmed, &released, &confirmed] {
            let link = app.simulator.visit_payment_link(visit(hold, 50_000));
            app.simulator.pay(&link.id, PaymentOutcome::Paid).unwrap();
            assert_all_ignored(&app).await;
        }
        app.sweep().await;
        assert_eq!((app.simulator.refunds().len(), app.simulator.calls().refund), (0, 0));
        assert_eq!(app.database.count("SELECT count(*) FROM payments").await, 1);
        assert_eq!(app.database.count("SELECT count(*) FROM stripe_events").await, before);
        assert_eq!(app.state_of(&released).await, "released/guest");
    }

    async fn foreign_session_expiry_releases_no_slot(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        let link = app.simulator.visit_payment_link(visit(&hold, 5000));
        let ours = our_installation(&app).await;
        let marked = other_session(&app, &hold, 5000, Some(&ours));
        for session in [&link.id, &marked.id] {
            app.simulator.expire(session).unwrap();
            assert_all_ignored(&app).await;
            assert_eq!(app.state_of(&hold).await, "held");
        }
        let failing = other_session(&app, &hold, 5000, Some(&ours));
        app.simulator.pay(&failing.id, PaymentOutcome::ProcessingFailed).unwrap();
        app.deliver_all().await;
        assert_eq!(app.state_of(&hold).await, "held");
        let other = order_by("bob@example.com", "call", SLOT);
        app.checkout(&other).await.expect_problem(409, "slot_taken");
        assert_eq!(status_of(&app, hold.text("checkout_session")), SessionStatus::Open);
    }

    async fn metadata_without_our_installation_is_ignored(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        for installation in [None, Some("another"), Some("")] {
            let session = other_session(&app, &hold, 5000, installation);
            app.simulator.pay(&session.id, PaymentOutcome::Paid).unwrap();
            assert_all_ignored(&app).await;
            assert_eq!(app.state_of(&hold).await, "held", "{installation:?}");
        }
        assert_nothing_written(&app).await;
    }

    async fn own_session_is_ours_whatever_its_metadata(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.pay(&hold, PaymentOutcome::Paid);
        let body = without_metadata(&take_event(&app, "checkout.session.completed"));
        assert_eq!(deliver_body(&app, &body).await, "applied");
        assert_eq!(app.state_of(&hold).await, "confirmed");
    }

    async fn own_session_below_the_price_confirms_and_is_flagged(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.pay(&hold, PaymentOutcome::Paid);
        let mut states = Vec::new();
        for (kind, body) in take_events(&app) {
            let body = body.replace(":5000", ":4000");
            assert_eq!(deliver_body(&app, &body).await, "applied");
            states.push((kind, app.state_of(&hold).await));
        }
        // The intent alone does not say which session it is of.
        let expected = [
            ("payment_intent.created", "held"),
            ("payment_intent.succeeded", "held"),
            ("checkout.session.completed", "confirmed"),
        ];
        assert_eq!(states, expected.map(|(kind, state)| (kind.to_owned(), state.to_owned())));
        let shown = app.admin_hold(hold.text("id")).await;
        assert_eq!(shown["price_mismatch"], json!(true));
        assert_eq!(payments_and_history(&app, &hold).await.0, [("paid".to_owned(), 4000)]);
        assert_eq!(app.simulator.calls().refund, 0);
    }

    async fn other_session_confirms_and_own_session_is_expired(engine) {
        let app = TestApp::start(engine).await;
        let ours = our_installation(&app).await;
        // The intent may be reported first, before it is known which session it is of.
        for (start, with_intent) in [(SLOT, true), ("2026-12-01T12:00:00Z", false)] {
            let hold = app.hold_slot("call", start).await;
            let session = other_session(&app, &hold, 5000, Some(&ours));
            app.simulator.pay(&session.id, PaymentOutcome::Paid).unwrap();
            for (kind, body) in take_events(&app) {
                if with_intent || kind.starts_with("checkout.session.") {
                    assert_eq!(deliver_body(&app, &body).await, "applied", "{kind}");
                }
            }
            let own = hold.text("checkout_session");
            assert_eq!(status_of(&app, own), SessionStatus::Open, "no call before the commit");
            assert_eq!(app.state_of(&hold).await, "confirmed");
            app.sweep().await;
            assert_eq!(status_of(&app, own), SessionStatus::Expired);
            app.deliver_all().await;
            let (payments, history) = payments_and_history(&app, &hold).await;
            assert_eq!(payments, [("paid".to_owned(), 5000)]);
            assert_eq!(history.iter().filter(|code| *code == "paid_elsewhere").count(), 1, "{history:?}");
            assert_eq!(app.state_of(&hold).await, "confirmed");
        }
        assert_eq!(app.simulator.calls().refund, 0);
    }

    async fn own_payment_after_another_session_goes_back(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        let session = other_session(&app, &hold, 5000, Some(&our_installation(&app).await));
        app.simulator.pay(&session.id, PaymentOutcome::Paid).unwrap();
        app.deliver_all().await;
        app.pay(&hold, PaymentOutcome::Paid);
        app.sweep().await;
        app.sweep().await;
        app.deliver_all().await;
        assert_eq!(app.state_of(&hold).await, "confirmed");
        let refunds = app.simulator.refunds();
        assert_eq!(refunds.len(), 1);
        assert_eq!(refunds[0].payment_intent, intent_of(&app, hold.text("checkout_session")));
    }

    async fn lost_second_payment_of_own_session_goes_back(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.pay(&hold, PaymentOutcome::Processing);
        let session = other_session(&app, &hold, 5000, Some(&our_installation(&app).await));
        app.simulator.pay(&session.id, PaymentOutcome::Paid).unwrap();
        app.deliver_all().await;
        app.sweep().await;
        app.pay(&hold, PaymentOutcome::ProcessingSucceeded);
        app.drop_events();
        app.clock.advance(Duration::hours(25));
        app.sweep().await;
        app.sweep().await;
        assert_eq!((app.state_of(&hold).await.as_str(), app.simulator.refunds().len()), ("confirmed", 1));
        let own = intent_of(&app, hold.text("checkout_session"));
        assert_eq!(app.simulator.refunds()[0].payment_intent, own);
    }

    async fn other_session_below_the_price_goes_back(engine) {
        let app = TestApp::start(engine).await;
        let ours = our_installation(&app).await;
        let hold = app.hold_slot("call", SLOT).await;
        for amount in [100, 4999] {
            let session = other_session(&app, &hold, amount, Some(&ours));
            app.simulator.pay(&session.id, PaymentOutcome::Paid).unwrap();
            app.deliver_all().await;
            app.sweep().await;
            app.deliver_all().await;
            assert_eq!(app.state_of(&hold).await, "held");
            assert_eq!(app.simulator.refunds().last().unwrap().amount, amount);
        }
        app.pay(&hold, PaymentOutcome::Paid);
        app.deliver_all().await;
        app.sweep().await;
        assert_eq!(app.state_of(&hold).await, "confirmed");
        assert_eq!(app.simulator.refunds().len(), 2);
    }

    async fn second_and_late_payments_of_other_sessions_go_back(engine) {
        let app = TestApp::start(engine).await;
        let ours = our_installation(&app).await;
        let confirmed = app.hold_slot("call", SLOT).await;
        app.pay(&confirmed, PaymentOutcome::Paid);
        let released = app.hold_slot("call", "2026-12-01T12:00:00Z").await;
        app.cancel(&released).await.expect(200);
        app.deliver_all().await;
        for (hold, amount) in [(&confirmed, 5000), (&released, 100)] {
            let session = other_session(&app, hold, amount, Some(&ours));
            app.simulator.pay(&session.id, PaymentOutcome::Paid).unwrap();
        }
        app.deliver_all().await;
        app.sweep().await;
        app.deliver_all().await;
        assert_eq!(app.state_of(&confirmed).await, "confirmed");
        assert_eq!(app.state_of(&released).await, "released/late_payment_refunded");
        let mut amounts: Vec<i64> = app.simulator.refunds().iter().map(|refund| refund.amount).collect();
        amounts.sort_unstable();
        assert_eq!(amounts, [100, 5000]);
    }

    async fn money_that_waited_for_its_session_goes_back_at_release(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        let session = other_session(&app, &hold, 100, Some(&our_installation(&app).await));
        app.simulator.pay(&session.id, PaymentOutcome::Paid).unwrap();
        let body = take_event(&app, "payment_intent.succeeded");
        assert_eq!(deliver_body(&app, &body).await, "applied");
        assert_eq!(app.state_of(&hold).await, "held");
        app.cancel(&hold).await.expect(200);
        app.sweep().await;
        assert_eq!(app.simulator.refunds().len(), 1);
        app.deliver_all().await;
        assert_eq!(app.state_of(&hold).await, "released/guest");
        assert_eq!(payments_and_history(&app, &hold).await.0, [("refunded".to_owned(), 100)]);
    }

    async fn refund_before_its_payment_counts_when_that_is_ours(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.pay(&hold, PaymentOutcome::Paid);
        let payment = take_events(&app);
        app.simulator.refund_from_dashboard(&intent_of(&app, hold.text("checkout_session")), None).unwrap();
        let refund = without_metadata(&take_event(&app, "charge.refunded"));
        for _ in 0..2 {
            assert_eq!(deliver_body(&app, &refund).await, "ignored");
        }
        assert_eq!((app.state_of(&hold).await.as_str(), count_kept(&app).await), ("held", 1));
        for (kind, body) in payment {
            assert_eq!(deliver_body(&app, &body).await, "applied", "{kind}");
        }
        assert_eq!((app.state_of(&hold).await.as_str(), count_kept(&app).await), ("cancelled/refunded", 0));
        // It was not stored before, because nobody owned it; it changes nothing.
        assert_eq!(deliver_body(&app, &refund).await, "applied");
        assert_eq!(deliver_body(&app, &refund).await, "duplicate");
        assert_eq!(payments_and_history(&app, &hold).await.0, [("refunded".to_owned(), 5000)]);
    }

    async fn dispute_before_its_payment_counts_by_stripes_answer(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        app.pay(&hold, PaymentOutcome::Paid);
        take_events(&app);
        app.simulator.dispute(&intent_of(&app, hold.text("checkout_session"))).unwrap();
        assert_eq!(deliver_body(&app, &take_event(&app, "charge.dispute.created")).await, "ignored");
        // No other event arrives: the sweep asks Stripe.
        app.clock.advance(Duration::hours(1));
        app.sweep().await;
        assert_eq!((app.state_of(&hold).await.as_str(), count_kept(&app).await), ("confirmed", 0));
        assert_eq!(payments_and_history(&app, &hold).await.0, [("disputed".to_owned(), 5000)]);
    }

    async fn foreign_refund_is_kept_for_35_days(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        let link = app.simulator.visit_payment_link(visit(&hold, 700));
        app.simulator.pay(&link.id, PaymentOutcome::Paid).unwrap();
        let intent = intent_of(&app, &link.id);
        app.simulator.refund_from_dashboard(&intent, Some(200)).unwrap();
        app.simulator.dispute(&intent).unwrap();
        assert_all_ignored(&app).await;
        // The sum of the charge, its refund and its dispute.
        assert_eq!(count_kept(&app).await, 3);
        app.pay(&hold, PaymentOutcome::Paid);
        app.deliver_all().await;
        app.clock.advance(Duration::days(35));
        app.sweep().await;
        assert_eq!(count_kept(&app).await, 3);
        app.clock.advance(Duration::minutes(1));
        app.sweep().await;
        assert_eq!(count_kept(&app).await, 0);
        assert_eq!(payments_and_history(&app, &hold).await.0, [("paid".to_owned(), 5000)]);
    }
}
