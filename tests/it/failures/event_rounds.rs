//! Events that are sent together: they share connections, and one of them that fails stops none of the others.

use std::collections::BTreeSet;

use holdfast::workflow::deliver_events::{DeliveryReport, deliver_due_events};
use serde_json::json;

use crate::support::app::{TestApp, order_by};
use crate::support::database::Engine;
use crate::support::event_receiver::{EventReceiver, ReceiverAnswer, deliveries, set_endpoint};
use crate::support::feed_server::PRIVATE;
use crate::support::on_both_engines;
use crate::support::wait_for::eventually;

/// The most requests at once to an endpoint.
const AT_ONCE: usize = 8;

/// Places holds, each of which is an event.
async fn place_holds(app: &TestApp, holds: u32) {
    for n in 0..holds {
        let start = format!("2026-12-{:02}T{:02}:00:00Z", 1 + n / 10, 8 + n % 10);
        let body = order_by(&format!("guest-{n}@example.com"), "call", &start);
        app.checkout(&body).await.expect(201);
    }
}

on_both_engines! {
    async fn events_in_a_row_share_connections(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let (receiver, _) = EventReceiver::set_at(&app, "shop").await;
        place_holds(&app, 30).await;
        assert_eq!(app.send_events().await, DeliveryReport { done: 30, failed: 0 });
        let received = receiver.received();
        assert_eq!(received.len(), 30);
        let callers: BTreeSet<_> = received.iter().map(|event| event.from).collect();
        assert!(callers.len() <= AT_ONCE, "{callers:?}");
    }

    async fn address_that_changes_meanwhile_gets_the_next_events(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let (before, _) = EventReceiver::set_at(&app, "shop").await;
        before.answer(ReceiverAnswer::Held(204));
        place_holds(&app, 12).await;
        let context = app.context.clone();
        let sending = tokio::spawn(async move { deliver_due_events(&context, holdfast::http::render_event).await });
        eventually("the first ones are sent", async || (before.received().len() == AT_ONCE).then_some(())).await;
        let after = EventReceiver::start().await;
        set_endpoint(&app, "shop", json!({"url": after.url})).await;
        before.let_go(AT_ONCE);
        let report = sending.await.unwrap().unwrap();
        assert_eq!(report, DeliveryReport { done: 12, failed: 0 });
        assert_eq!((before.received().len(), after.received().len()), (AT_ONCE, 12 - AT_ONCE));
    }

    async fn unreadable_event_stops_no_other(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let (receiver, _) = EventReceiver::set_at(&app, "shop").await;
        place_holds(&app, 5).await;
        app.database.execute("UPDATE events_out SET kind = 'unreadable' WHERE seq = (SELECT min(seq) + 2 FROM events_out)").await;
        let sent = deliver_due_events(&app.context, holdfast::http::render_event).await;
        assert!(sent.is_err(), "{sent:?}");
        assert_eq!(receiver.received().len(), 4);
        assert_eq!(app.database.count("SELECT count(*) FROM event_deliveries WHERE state = 'done'").await, 4);
    }

    async fn some_of_a_round_fail_and_the_others_are_done(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let (receiver, _) = EventReceiver::set_at(&app, "shop").await;
        place_holds(&app, 6).await;
        receiver.answer_next(&[ReceiverAnswer::Status(204), ReceiverAnswer::Status(500), ReceiverAnswer::Status(201)]);
        assert_eq!(app.send_events().await, DeliveryReport { done: 5, failed: 1 });
        let pending = deliveries(&app, "shop", "state=pending").await;
        assert_eq!(pending.len(), 1);
        assert_eq!((&pending[0]["last_status"], &pending[0]["attempts"]), (&json!(500), &json!(1)));
        let done = deliveries(&app, "shop", "state=done").await;
        let statuses: Vec<u64> = done.iter().map(|delivery| delivery["last_status"].as_u64().unwrap()).collect();
        assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 204).count(), 4, "{statuses:?}");
    }
}

/// On SQLite both are one transaction, which only a fault of the disk ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_stay_if_the_next_lease_fails_on_postgres() {
    let app = TestApp::start_with(Engine::Postgres, &PRIVATE).await;
    let (receiver, _) = EventReceiver::set_at(&app, "shop").await;
    place_holds(&app, 12).await;
    for statement in [
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$",
        "CREATE TRIGGER refuse BEFORE UPDATE ON event_deliveries FOR EACH ROW
         WHEN (NEW.leased_until IS NOT NULL AND NEW.position > 8) EXECUTE FUNCTION refuse()",
    ] {
        app.database.execute(statement).await;
    }
    let sent = deliver_due_events(&app.context, holdfast::http::render_event).await;
    assert!(sent.is_err(), "{sent:?}");
    assert_eq!(receiver.received().len(), AT_ONCE);
    assert_eq!(
        app.database
            .count("SELECT count(*) FROM event_deliveries WHERE state = 'done'")
            .await,
        8
    );
}
