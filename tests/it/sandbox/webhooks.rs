//! Webhooks: by hand, by the courier, and with things going wrong on the way.

use holdfast::sandbox::{Chance, Faults, Mode, Outcome, WebhookFaults, signature_header};

use super::world::{Receiver, SECRET, START, World, until};

#[tokio::test]
async fn each_webhook_attempt_is_signed_anew() {
    let (world, receiver) = (World::explicit().await, Receiver::start().await);
    world.simulator.set_webhook_url(receiver.url.clone());
    let id = world.session().await;
    world.simulator.expire(&id).unwrap();
    let event = world.simulator.pending_events().remove(0);
    assert!(world.simulator.deliver_next().await.unwrap().accepted());
    world.advance(60);
    assert!(world.simulator.deliver(&event.id).await.unwrap().accepted());
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
    let (world, receiver) = (World::explicit().await, Receiver::start().await);
    assert!(world.simulator.deliver_next().await.is_none());
    world.simulator.set_webhook_url(receiver.url.clone());
    let id = world.session().await;
    world.simulator.pay(&id, Outcome::Declined).unwrap();
    receiver.answer(503);
    let statuses: Vec<_> = world
        .simulator
        .deliver_all()
        .await
        .into_iter()
        .map(|d| d.status)
        .collect();
    assert_eq!(statuses, [Ok(503), Ok(503)]);
    assert_eq!(world.simulator.pending_events().len(), 2);
    receiver.answer(200);
    let first = world.simulator.pending_events().remove(0);
    world.simulator.drop_event(&first.id);
    assert_eq!(world.simulator.deliver_all().await.len(), 1);
    assert!(world.simulator.pending_events().is_empty());
}

#[tokio::test]
async fn webhook_faults_double_drop_and_shuffle() {
    let once = Chance {
        next: 1,
        probability: 0.0,
    };
    let always = Chance {
        next: 0,
        probability: 1.0,
    };
    let queue_under = async |webhooks: WebhookFaults| {
        let world = World::explicit().await;
        let id = world.session().await;
        world.simulator.set_faults(Faults {
            webhooks,
            seed: Some(3),
            ..Faults::default()
        });
        world.simulator.pay(&id, Outcome::Paid).unwrap();
        world.event_types()
    };
    let tidy = queue_under(WebhookFaults::default()).await;
    let doubled = queue_under(WebhookFaults {
        doubled: once,
        ..WebhookFaults::default()
    })
    .await;
    assert_eq!((tidy.len(), doubled.len(), &doubled[0]), (4, 5, &doubled[1]));
    let dropped = queue_under(WebhookFaults {
        dropped: once,
        ..WebhookFaults::default()
    })
    .await;
    assert_eq!(dropped, tidy[1..]);
    let mut shuffled = queue_under(WebhookFaults {
        shuffled: always,
        ..WebhookFaults::default()
    })
    .await;
    assert_ne!(shuffled, tidy, "seed 3");
    shuffled.sort();
    let mut sorted = tidy;
    sorted.sort();
    assert_eq!(shuffled, sorted);
}

#[tokio::test]
async fn automatic_mode_delivers_retries_and_expires_sessions() {
    let (world, receiver) = (World::start(Mode::Automatic).await, Receiver::start().await);
    let (paid, left) = (world.session().await, world.session().await);
    world.simulator.pay(&paid, Outcome::Paid).unwrap();
    receiver.answer(500);
    world.simulator.set_webhook_url(receiver.url.clone());
    receiver.wait_for(4).await;
    receiver.answer(200);
    receiver.wait_for(8).await;
    world.advance(86_400);
    let all = receiver.wait_for(9).await;
    assert_eq!(all[8].event_type(), "checkout.session.expired");
    assert!(all[8].body.contains(&left));
    until("the queue empties", || {
        world.simulator.pending_events().is_empty()
    })
    .await;
}
