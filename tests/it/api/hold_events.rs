//! Tests what an operator sees of the events of one hold, and that they can be sent again.

use holdfast::domain::event_endpoint::DeliveryState;
use holdfast::domain::ids::{EndpointId, HoldId};
use holdfast::workflow::hold_events::{list_hold_events, resend_hold_events};

use crate::support::app::{ApiResponse, TestApp};
use crate::support::event_receiver::{EventReceiver, ReceiverAnswer};
use crate::support::feed_server::PRIVATE;
use crate::support::on_both_engines;

const SLOT: &str = "2026-12-01T10:00:00Z";

async fn resend(app: &TestApp, hold: &ApiResponse, endpoint: &str) -> Option<u64> {
    let hold = HoldId::parse(hold.text("id")).unwrap();
    let endpoint = EndpointId::parse(endpoint).unwrap();
    resend_hold_events(&app.context, hold, &endpoint).await.unwrap()
}

/// Lists type, endpoint and state of the deliveries, newest event first.
async fn list(
    app: &TestApp,
    hold: &ApiResponse,
) -> Vec<(&'static str, Option<String>, Option<DeliveryState>)> {
    let hold = HoldId::parse(hold.text("id")).unwrap();
    let events = list_hold_events(&app.context, hold).await.unwrap();
    let rows = events.iter().map(|event| {
        let delivery = event.delivery.as_ref();
        let endpoint = delivery.map(|delivery| delivery.endpoint.to_string());
        (
            event.kind.as_str(),
            endpoint,
            delivery.map(|delivery| delivery.state),
        )
    });
    rows.collect()
}

on_both_engines! {
    async fn events_of_one_hold_are_sent_again_in_order(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let early = app.hold_slot("call", "2026-12-01T09:00:00Z").await;
        let (receiver, _) = EventReceiver::set_at(&app, "shop").await;
        let hold = app.sold("call", SLOT).await;
        app.hold_slot("call", "2026-12-01T11:00:00Z").await;
        app.send_events().await;
        assert_eq!(receiver.received().len(), 3);
        assert_eq!(resend(&app, &hold, "shop").await, Some(2));
        app.send_events().await;
        assert_eq!(receiver.labels()[3..], ["hold.placed 1", "hold.confirmed 2"]);
        let requests = receiver.received();
        for (again, first) in requests[3..].iter().zip(requests.iter().filter(|request| request.body.contains(hold.text("id")))) {
            assert_eq!(again.header("webhook-id"), first.header("webhook-id"));
        }
        assert_eq!(resend(&app, &hold, "other").await, None);
        assert_eq!(resend(&app, &early, "shop").await, Some(1), "it was placed before there was an endpoint");
        let shop = Some("shop".to_owned());
        assert_eq!(list(&app, &hold).await, [
            ("hold.confirmed", shop.clone(), Some(DeliveryState::Done)),
            ("hold.placed", shop, Some(DeliveryState::Done)),
        ]);
    }

    async fn event_that_waits_is_due_after_a_resend(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let (receiver, _) = EventReceiver::set_at(&app, "shop").await;
        receiver.answer_next(&[ReceiverAnswer::Status(500)]);
        let hold = app.sold("call", SLOT).await;
        app.send_events().await;
        let waiting = Some(DeliveryState::Pending);
        let shop = Some("shop".to_owned());
        assert_eq!(list(&app, &hold).await, [
            ("hold.confirmed", shop.clone(), waiting),
            ("hold.placed", shop, waiting),
        ]);
        assert_eq!(app.send_events().await.done, 0, "the next attempt is due later");
        assert_eq!(resend(&app, &hold, "shop").await, Some(1));
        app.send_events().await;
        assert_eq!(receiver.labels(), ["hold.placed 1", "hold.placed 1", "hold.confirmed 2"]);
    }

    async fn reading_the_events_writes_nothing(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.sold("call", SLOT).await;
        let before = app.context.store.read_stream_end().await.unwrap();
        assert_eq!(list(&app, &hold).await, [("hold.confirmed", None, None), ("hold.placed", None, None)]);
        assert_eq!(app.context.store.read_stream_end().await.unwrap(), before);
    }

    async fn event_without_endpoint_has_no_delivery(engine) {
        let app = TestApp::start(engine).await;
        let hold = app.hold_slot("call", SLOT).await;
        assert_eq!(list(&app, &hold).await, [("hold.placed", None, None)]);
    }
}
