//! Tests which events the shop's systems get, in which order, and with which data.

use std::collections::BTreeMap;

use chrono::Duration;
use holdfast::sandbox::{DisputeStatus, NewDispute, PaymentOutcome, RefundOutcome, RefundStatus};
use holdfast::workflow::outbox;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{ApiResponse, TestApp, order_by};
use crate::support::catalogue_fixtures::block;
use crate::support::database::Engine;
use crate::support::event_receiver::{EventReceiver, label};
use crate::support::on_both_engines;

const SLOT: &str = "2026-12-01T10:00:00Z";

fn intent_of(app: &TestApp, hold: &ApiResponse) -> String {
    let session = app.simulator.session(hold.text("checkout_session")).unwrap();
    session.payment_intent.unwrap()
}

async fn refund(app: &TestApp, hold: &ApiResponse, amount: i64) {
    let path = format!("/v1/admin/holds/{}/refund", hold.text("id"));
    let body = json!({"amount": amount, "note": "late"});
    app.admin(Method::POST, &path, Some(body)).await.expect(200);
    outbox::run_due_commands(&app.context).await.unwrap();
    app.deliver_all().await;
}

/// Returns what the endpoint got about a hold, in order: type, sequence, status before and after.
fn heard_of(receiver: &EventReceiver, hold: &ApiResponse) -> Vec<String> {
    let of_hold = |event: &Value| event["data"]["hold_id"] == hold.text("id");
    let describe = |event: Value| {
        let data = &event["data"];
        let status = data["hold"]["status"].as_str().unwrap();
        match data["previous_status"].as_str() {
            Some(previous) => format!("{}: {previous} to {status}", label(&event)),
            None => format!("{}: {status}", label(&event)),
        }
    };
    let events = receiver.received().into_iter().map(|request| request.json());
    events.filter(of_hold).map(describe).collect()
}

/// Returns the data of the only event of this type.
fn only(receiver: &EventReceiver, kind: &str) -> Value {
    let events = receiver.received().into_iter().map(|request| request.json());
    let mut found: Vec<Value> = events.filter(|event| event["type"] == kind).collect();
    assert_eq!(found.len(), 1, "{kind}: {found:#?}");
    found.remove(0)["data"].take()
}

on_both_engines! {
    async fn endpoint_gets_each_step_of_a_hold_in_order(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let (receiver, _) = EventReceiver::set_at(&app, "shop").await;
        let moved = app.hold_slot("call", SLOT).await;
        app.move_as_operator(&moved, json!({"starts_at": "2026-12-01T11:00:00Z"})).await.expect(200);
        app.confirm(&moved).await;
        let path = format!("/v1/admin/holds/{}/cancel", moved.text("id"));
        app.admin(Method::POST, &path, Some(json!({"refund": "none"}))).await.expect(200);

        let given_back = app.hold_slot("call", SLOT).await;
        app.cancel(&given_back).await.expect(200);

        let delayed = app.hold_slot("call", SLOT).await;
        app.pay(&delayed, PaymentOutcome::Processing);
        app.deliver_all().await;
        app.pay(&delayed, PaymentOutcome::ProcessingFailed);
        app.deliver_all().await;

        let expired = app.hold_slot("call", SLOT).await;
        app.clock.advance(Duration::minutes(32));
        app.sweep().await;
        assert_eq!(app.state_of(&expired).await, "released/expired");

        let report = app.send_events().await;
        assert_eq!((report.done, report.failed), (11, 0));
        assert_eq!(heard_of(&receiver, &moved), [
            "hold.placed 1: held",
            "hold.moved 2: held to held",
            "hold.confirmed 3: held to confirmed",
            "hold.cancelled 4: confirmed to cancelled",
        ]);
        assert_eq!(heard_of(&receiver, &given_back), ["hold.placed 1: held", "hold.released 2: held to released"]);
        assert_eq!(heard_of(&receiver, &delayed), [
            "hold.placed 1: held",
            "hold.processing 2: held to processing",
            "hold.released 3: processing to released",
        ]);
        assert_eq!(heard_of(&receiver, &expired), ["hold.placed 1: held", "hold.released 2: held to released"]);
        let reasons: Vec<Value> = receiver.received().iter().map(|request| request.json())
            .filter(|event| event["type"] == "hold.released").map(|event| event["data"]["hold"]["reason"].clone()).collect();
        for reason in ["guest", "payment_failed", "expired"] {
            assert!(reasons.contains(&json!(reason)), "{reasons:?}");
        }
    }

    async fn refunds_and_disputes_are_events_with_their_object(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let (receiver, _) = EventReceiver::set_at(&app, "shop").await;
        let sold = app.sold("call", SLOT).await;
        refund(&app, &sold, 1000).await;
        app.simulator.set_refund_outcome(RefundOutcome {
            status: RefundStatus::Failed, failure_reason: Some("lost_or_stolen_card".to_owned()),
        });
        refund(&app, &sold, 500).await;
        let intent = intent_of(&app, &sold);
        let dispute = app.simulator.open_dispute(&intent, NewDispute::default()).unwrap();
        app.deliver_all().await;
        app.simulator.change_dispute(&dispute, DisputeStatus::UnderReview).unwrap();
        app.deliver_all().await;
        app.simulator.change_dispute(&dispute, DisputeStatus::Won).unwrap();
        app.deliver_all().await;

        app.send_events().await;
        assert_eq!(receiver.labels(), [
            "hold.placed 1", "hold.confirmed 2", "refund.succeeded 3", "refund.failed 4", "dispute.opened 5",
            "dispute.closed 6",
        ]);
        let succeeded = only(&receiver, "refund.succeeded");
        assert_eq!(succeeded["refund"]["amount"], 1000);
        assert_eq!(succeeded["refund"]["intent"], json!(intent));
        assert_eq!(succeeded["hold"]["payments"][0]["refunded"], 1000);
        let failed = only(&receiver, "refund.failed");
        assert_eq!(failed["refund"]["reason"], "lost_or_stolen_card");
        assert_eq!(only(&receiver, "dispute.opened")["dispute"]["status"], "needs_response");
        assert_eq!(only(&receiver, "dispute.closed")["dispute"], json!({
            "id": dispute, "intent": intent, "amount": 4000, "currency": "eur", "status": "won", "reason": "fraudulent",
        }));
        assert!(app.simulator.refunds().iter().any(|refund| refund.status == RefundStatus::Failed));
    }

    async fn money_without_a_slot_is_an_event(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let (receiver, _) = EventReceiver::set_at(&app, "shop").await;
        let late = app.hold_slot("call", SLOT).await;
        app.expire_by_false_event(&late).await;
        let winner = app.checkout(&order_by("bob@example.com", "call", SLOT)).await.expect(201);
        app.pay(&late, PaymentOutcome::Paid);
        app.deliver_all().await;
        assert_eq!(app.state_of(&late).await, "released/late_payment_refunded");

        let gone = app.hold_slot("call", "2026-12-01T12:00:00Z").await;
        app.delete_hold_rows(&gone).await;
        app.pay(&gone, PaymentOutcome::Paid);
        app.deliver_all().await;
        outbox::run_due_commands(&app.context).await.unwrap();
        app.deliver_all().await;

        app.send_events().await;
        assert_eq!(heard_of(&receiver, &late), [
            "hold.placed 1: held",
            "hold.released 2: held to released",
            "payment.late 3: released to released",
            "refund.succeeded 4: released",
        ]);
        assert_eq!(heard_of(&receiver, &winner), ["hold.placed 1: held"]);
        let orphaned = only(&receiver, "payment.orphaned");
        assert_eq!(orphaned["hold"], Value::Null);
        assert_eq!(orphaned["sequence"], Value::Null);
        assert_eq!(orphaned["payment"], json!({
            "intent": intent_of(&app, &gone), "amount": 5000, "currency": "eur", "claimed_hold": gone.text("id"),
        }));
    }

    async fn closed_time_is_an_event_of_each_hold_in_it(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let (receiver, _) = EventReceiver::set_at(&app, "shop").await;
        let inside = app.sold("call", SLOT).await;
        let outside = app.hold_slot("call", "2026-12-01T14:00:00Z").await;
        block(&app, "ana", "dentist", "2026-12-01T09:00:00Z", "2026-12-01T12:00:00Z").await.expect(201);
        app.send_events().await;
        assert_eq!(heard_of(&receiver, &outside), ["hold.placed 1: held"]);
        let closed = only(&receiver, "slot.closed_with_conflict");
        assert_eq!(closed["hold_id"], inside.text("id"));
        assert_eq!(closed["sequence"], 3);
        assert_eq!(closed["closed"], json!({
            "resource": "ana", "id": "dentist", "starts_at": "2026-12-01T09:00:00Z", "ends_at": "2026-12-01T12:00:00Z",
        }));
    }

    async fn event_shows_the_hold_as_it_left_it_and_its_guest(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let (receiver, _) = EventReceiver::set_at(&app, "shop").await;
        let hold = app.hold_slot("call", SLOT).await;
        app.move_as_operator(&hold, json!({"starts_at": "2026-12-01T11:00:00Z"})).await.expect(200);
        app.confirm(&hold).await;
        app.send_events().await;
        let events: BTreeMap<String, Value> = receiver.received().iter()
            .map(|request| (request.label(), request.json()["data"]["hold"].clone())).collect();
        assert_eq!(events["hold.placed 1"]["status"], "held");
        assert_eq!(events["hold.placed 1"]["starts_at"], SLOT);
        assert_eq!(events["hold.moved 2"]["starts_at"], "2026-12-01T11:00:00Z");
        assert_eq!(events["hold.confirmed 3"]["status"], "confirmed");
        for hold in events.values() {
            assert_eq!(hold["guest"], json!({"email": "ada@example.com", "name": "Ada"}));
            assert_eq!(hold.get("history"), None);
        }
    }

    /// A backup does not know the rows that were written after it, and their numbers are given again.
    async fn event_ids_do_not_repeat_after_a_restore(engine) {
        let app = TestApp::start(engine).await;
        app.without_audit("events are deleted as if a backup had been restored");
        app.hold_slot("call", SLOT).await;
        let lost = app.pull_events().await.remove(0);
        for statement in match engine {
            Engine::Postgres => vec!["TRUNCATE events_out RESTART IDENTITY", "UPDATE events_out_numbering SET position = 0"],
            Engine::Sqlite => vec!["DELETE FROM events_out", "DELETE FROM sqlite_sequence WHERE name = 'events_out'"],
        } {
            app.database.execute(statement).await;
        }
        app.hold_slot("call", "2026-12-01T11:00:00Z").await;
        let new = app.pull_events().await.remove(0);
        assert_ne!(new["id"], lost["id"]);
        let row = |event: &Value| event["id"].as_str().unwrap().split('_').nth(2).unwrap().to_owned();
        assert_eq!(row(&new), row(&lost));
        // Who was at the lost event gets all that is there.
        let path = format!("/v1/admin/events-out?after={}", lost["id"].as_str().unwrap());
        let next = app.admin(Method::GET, &path, None).await.expect(200);
        assert_eq!(next.body["data"], json!([new]));
    }

    async fn erased_guest_is_in_no_event(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let (receiver, _) = EventReceiver::set_at(&app, "shop").await;
        let hold = app.hold_slot("call", SLOT).await;
        app.cancel(&hold).await.expect(200);
        app.admin(Method::POST, "/v1/admin/guests/erase", Some(json!({"email": "ada@example.com"}))).await.expect(200);
        app.send_events().await;
        let pulled = Value::from(app.pull_events().await).to_string();
        for text in receiver.received().iter().map(|request| request.body.as_str()).chain([pulled.as_str()]) {
            assert!(!text.contains("ada@example.com") && !text.contains("Ada"), "{text}");
        }
        assert_eq!(receiver.labels(), ["hold.placed 1", "hold.released 2"]);
        let rows = app.database.texts("SELECT coalesce(CAST(subject AS text), '') || CAST(segments AS text) FROM events_out").await;
        assert!(rows.iter().all(|row| !row.contains('@')), "{rows:?}");
    }

    async fn long_event_leaves_out_metadata_and_says_so(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let (receiver, _) = EventReceiver::set_at(&app, "shop").await;
        let mut body = order_by("ada@example.com", "call", SLOT);
        body["metadata"] = (0..20).map(|n| (format!("key-{n}"), json!("ü".repeat(500)))).collect::<serde_json::Map<_, _>>().into();
        app.checkout(&body).await.expect(201);
        let short = app.hold_slot("call", "2026-12-01T11:00:00Z").await;
        app.send_events().await;
        for request in receiver.received() {
            assert!(request.body.len() < 20_000, "{}", request.body.len());
            let data = &request.json()["data"];
            let is_short = data["hold_id"] == short.text("id");
            assert_eq!(data.get("truncated"), (!is_short).then_some(&json!(true)));
            assert_eq!(data["hold"].get("metadata").is_some(), is_short);
        }
    }

    async fn stream_has_the_events_that_endpoints_get(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let (receiver, _) = EventReceiver::set_at(&app, "shop").await;
        app.sold("call", SLOT).await;
        app.hold_slot("call", "2026-12-01T11:00:00Z").await;
        app.send_events().await;
        let pulled = app.pull_events().await;
        let mut sent = receiver.received();
        sent.sort_by_key(|request| request.header("webhook-id").to_owned());
        let sent: Vec<Value> = sent.iter().map(|request| {
            let mut event = request.json();
            event["id"] = request.header("webhook-id").into();
            event
        }).collect();
        assert_eq!(pulled, sent);
    }

    async fn stream_goes_on_after_the_last_event(engine) {
        let app = TestApp::start(engine).await;
        for hour in 10..13 {
            app.hold_slot("call", &format!("2026-12-01T{hour}:00:00Z")).await;
        }
        let pull = async |query: &str| {
            let path = format!("/v1/admin/events-out?{query}");
            app.admin(Method::GET, &path, None).await.expect(200).body
        };
        let first = pull("limit=2").await;
        assert_eq!(first["data"].as_array().unwrap().len(), 2);
        assert_eq!(first["next_cursor"], first["data"][1]["id"]);
        let last = first["next_cursor"].as_str().unwrap();
        let second = pull(&format!("limit=2&after={last}")).await;
        assert_eq!(second["data"].as_array().unwrap().len(), 1);
        assert_eq!(second["next_cursor"], Value::Null);
        let last = second["data"][0]["id"].as_str().unwrap();
        assert_eq!(pull(&format!("after={last}")).await["data"], json!([]));
        app.hold_slot("call", "2026-12-01T13:00:00Z").await;
        assert_eq!(pull(&format!("after={last}")).await["data"].as_array().unwrap().len(), 1);
        for bad in ["after=evt_0_1", "after=", "limit=0", "limit=201", "before=1"] {
            app.admin(Method::GET, &format!("/v1/admin/events-out?{bad}"), None).await.expect_problem(422, "invalid");
        }
    }

    async fn old_events_are_deleted_and_numbers_go_on(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let (receiver, _) = EventReceiver::set_at(&app, "shop").await;
        let hold = app.hold_slot("call", SLOT).await;
        app.send_events().await;
        app.database.execute(match engine {
            crate::support::database::Engine::Sqlite => "UPDATE events_out SET created_at = created_at - 86400000 * 60",
            crate::support::database::Engine::Postgres => "UPDATE events_out SET created_at = created_at - interval '60 days'",
        }).await;
        app.sweep().await;
        assert_eq!(app.database.count("SELECT count(*) FROM events_out").await, 0);
        assert_eq!(app.database.count("SELECT count(*) FROM event_deliveries").await, 0);
        app.confirm(&hold).await;
        app.send_events().await;
        assert_eq!(receiver.labels(), ["hold.placed 1", "hold.confirmed 2"]);
    }
}

const PRIVATE: [(&str, &str); 1] = crate::support::feed_server::PRIVATE;
