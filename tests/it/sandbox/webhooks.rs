//! Tests webhook deliveries: explicit, automatic, and with injected faults.

use holdfast::sandbox::{FaultRate, Faults, Mode, PaymentOutcome, WebhookFaults, signature_header};

use super::fixture::{Receiver, SECRET, START, SimulatorFixture, wait_until};

#[tokio::test]
async fn each_webhook_attempt_is_signed_anew() {
    let (fixture, receiver) = (SimulatorFixture::start_explicit().await, Receiver::start().await);
    fixture.simulator.set_webhook_url(receiver.url.clone());
    let id = fixture.create_session().await;
    fixture.simulator.expire(&id).unwrap();
    let event = fixture.simulator.pending_events().remove(0);
    assert!(fixture.simulator.deliver_next().await.unwrap().accepted());
    fixture.advance(60);
    assert!(fixture.simulator.deliver(&event.id).await.unwrap().accepted());
    let received = receiver.received();
    for (webhook, t) in received.iter().zip([START, START + 60]) {
        assert_eq!(
            webhook.headers["stripe-signature"],
            signature_header(SECRET, t, &event.payload)
        );
        assert_eq!(webhook.headers["content-type"], "application/json; charset=utf-8");
        assert_eq!(
            webhook.headers["user-agent"],
            "Stripe/1.0 (+https://stripe.com/docs/webhooks)"
        );
        assert_eq!(webhook.body, event.payload);
    }
    assert_eq!(received.len(), 2);
    let json = event.json();
    assert_eq!(
        (&json["object"], &json["livemode"]),
        (&"event".into(), &false.into())
    );
    assert_eq!(json["data"]["object"]["id"], id);
}

#[tokio::test]
async fn an_event_stays_queued_until_it_is_accepted() {
    let (fixture, receiver) = (SimulatorFixture::start_explicit().await, Receiver::start().await);
    assert!(fixture.simulator.deliver_next().await.is_none());
    fixture.simulator.set_webhook_url(receiver.url.clone());
    let id = fixture.create_session().await;
    fixture.simulator.pay(&id, PaymentOutcome::Declined).unwrap();
    receiver.set_status(503);
    let statuses: Vec<_> = fixture
        .simulator
        .deliver_all()
        .await
        .into_iter()
        .map(|delivery| delivery.status)
        .collect();
    assert_eq!(statuses, [Ok(503), Ok(503)]);
    assert_eq!(fixture.simulator.pending_events().len(), 2);
    receiver.set_status(200);
    let first = fixture.simulator.pending_events().remove(0);
    fixture.simulator.drop_event(&first.id);
    assert_eq!(fixture.simulator.deliver_all().await.len(), 1);
    assert!(fixture.simulator.pending_events().is_empty());
}

#[tokio::test]
async fn webhook_faults_double_drop_and_shuffle() {
    let once = FaultRate {
        next: 1,
        probability: 0.0,
    };
    let always = FaultRate {
        next: 0,
        probability: 1.0,
    };
    let queue_under = async |webhooks: WebhookFaults| {
        let fixture = SimulatorFixture::start_explicit().await;
        let id = fixture.create_session().await;
        fixture.simulator.set_faults(Faults {
            webhooks,
            seed: Some(3),
            ..Faults::default()
        });
        fixture.simulator.pay(&id, PaymentOutcome::Paid).unwrap();
        fixture.event_types()
    };
    let in_order = queue_under(WebhookFaults::default()).await;
    let doubled = queue_under(WebhookFaults {
        doubled: once,
        ..WebhookFaults::default()
    })
    .await;
    assert_eq!((in_order.len(), doubled.len(), &doubled[0]), (4, 5, &doubled[1]));
    let dropped = queue_under(WebhookFaults {
        dropped: once,
        ..WebhookFaults::default()
    })
    .await;
    assert_eq!(dropped, in_order[1..]);
    let mut shuffled = queue_under(WebhookFaults {
        shuffled: always,
        ..WebhookFaults::default()
    })
    .await;
    assert_ne!(shuffled, in_order, "seed 3");
    shuffled.sort();
    let mut sorted = in_order;
    sorted.sort();
    assert_eq!(shuffled, sorted);
}

#[tokio::test]
async fn automatic_mode_delivers_retries_and_expires_sessions() {
    let (fixture, receiver) = (
        SimulatorFixture::start(Mode::Automatic).await,
        Receiver::start().await,
    );
    let (paid, left) = (fixture.create_session().await, fixture.create_session().await);
    fixture.simulator.pay(&paid, PaymentOutcome::Paid).unwrap();
    receiver.set_status(500);
    fixture.simulator.set_webhook_url(receiver.url.clone());
    receiver.wait_for(4).await;
    receiver.set_status(200);
    receiver.wait_for(8).await;
    fixture.advance(86_400);
    let all = receiver.wait_for(9).await;
    assert_eq!(all[8].event_type(), "checkout.session.expired");
    assert!(all[8].body.contains(&left));
    wait_until("the queue empties", || {
        fixture.simulator.pending_events().is_empty()
    })
    .await;
}
