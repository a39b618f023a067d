//! Payments, refunds and disputes: which states they reach and which events they leave.

use holdfast::sandbox::{ControlError, Outcome};
use serde_json::Value;

use super::world::{SESSION_FORM, World, parts};

const PAID: &[&str] = &[
    "payment_intent.succeeded",
    "charge.succeeded",
    "checkout.session.completed",
];
const DECLINED: &[&str] = &["payment_intent.created", "payment_intent.payment_failed"];
const SLOW: &[&str] = &[
    "payment_intent.created",
    "payment_intent.processing",
    "checkout.session.completed",
];
const CAME: &[&str] = &[
    "payment_intent.succeeded",
    "charge.succeeded",
    "checkout.session.async_payment_succeeded",
];
const FAILED: &[&str] = &[
    "payment_intent.payment_failed",
    "checkout.session.async_payment_failed",
];

/// Checks the session's status and payment status, the intent's status, and all events.
async fn assert_leads_to(outcomes: &[Outcome], ends: [&str; 3], events: &[&[&str]]) {
    let world = World::explicit().await;
    let id = world.session().await;
    for outcome in outcomes {
        world.simulator.pay(&id, *outcome).unwrap();
    }
    let session = world.simulator.session(&id).unwrap();
    let intent = world.simulator.intents().remove(0);
    let reached = [
        session.status.as_str(),
        session.payment_status.as_str(),
        intent.status.as_str(),
    ];
    assert_eq!(reached, ends, "{outcomes:?}");
    assert_eq!(intent.metadata["hold"], "hold-1");
    assert_eq!(world.event_types(), events.concat(), "{outcomes:?}");
}

#[tokio::test]
async fn each_payment_outcome_emits_its_events_in_order() {
    use Outcome::*;
    let tried_in_vain = ["open", "unpaid", "requires_payment_method"];
    let paid = ["complete", "paid", "succeeded"];
    assert_leads_to(&[Declined], tried_in_vain, &[DECLINED]).await;
    assert_leads_to(&[Declined, Paid], paid, &[DECLINED, PAID]).await;
    assert_leads_to(&[Processing], ["complete", "unpaid", "processing"], &[SLOW]).await;
    assert_leads_to(&[Processing, ProcessingSucceeded], paid, &[SLOW, CAME]).await;
    assert_leads_to(&[ProcessingSucceeded], paid, &[SLOW, CAME]).await;
    let failed = ["complete", "unpaid", "requires_payment_method"];
    assert_leads_to(&[ProcessingFailed], failed, &[SLOW, FAILED]).await;
}

#[tokio::test]
async fn what_is_over_cannot_be_paid() {
    let world = World::explicit().await;
    let (paid, failed, expired) = (
        world.session().await,
        world.session().await,
        world.session().await,
    );
    world.simulator.pay(&paid, Outcome::Paid).unwrap();
    world.simulator.pay(&failed, Outcome::ProcessingFailed).unwrap();
    world.simulator.expire(&expired).unwrap();
    let before = world.event_types();
    for (id, status) in [(&paid, "complete"), (&failed, "complete"), (&expired, "expired")] {
        for outcome in [Outcome::Paid, Outcome::Declined, Outcome::ProcessingSucceeded] {
            assert_eq!(
                world.simulator.pay(id, outcome),
                Err(ControlError::NotPayable(status))
            );
        }
    }
    let control = world.post(&format!("/sandbox/sessions/{paid}/pay"));
    let control = control
        .header("content-type", "application/json")
        .body(r#"{"outcome":"paid"}"#);
    assert_eq!(control.send().await.unwrap().status(), 409);
    assert_eq!(world.event_types(), before);
}

#[tokio::test]
async fn expired_session_cancels_its_declined_intent() {
    let world = World::explicit().await;
    let id = world.session().await;
    world.simulator.pay(&id, Outcome::Declined).unwrap();
    world.advance(86_399);
    world.simulator.expire_due();
    assert_eq!(world.simulator.session(&id).unwrap().status, "open");
    world.advance(1);
    world.simulator.expire_due();
    assert_eq!(world.simulator.session(&id).unwrap().status, "expired");
    assert_eq!(world.simulator.intents()[0].status, "canceled");
    assert_eq!(
        world.event_types()[2..],
        ["payment_intent.canceled", "checkout.session.expired"]
    );
}

#[tokio::test]
async fn a_session_for_cards_only_takes_no_slow_method() {
    let world = World::explicit().await;
    let form = format!("{SESSION_FORM}&allowed_payment_method_types[0]=card");
    let (_, body) = parts(world.form("/v1/checkout/sessions", &form).send().await.unwrap()).await;
    let id = body["id"].as_str().unwrap();
    assert_eq!(
        world.simulator.pay(id, Outcome::Processing),
        Err(ControlError::MethodNotAllowed)
    );
    assert!(world.simulator.intents().is_empty());
}

#[tokio::test]
async fn a_free_order_completes_without_an_intent() {
    let world = World::explicit().await;
    let form = SESSION_FORM.replace("[unit_amount]=2500", "[unit_amount]=0");
    let (_, body) = parts(world.form("/v1/checkout/sessions", &form).send().await.unwrap()).await;
    assert_eq!(body["payment_status"], "no_payment_required");
    let id = body["id"].as_str().unwrap();
    assert!(world.simulator.pay(id, Outcome::Declined).is_err());
    world.simulator.pay(id, Outcome::Paid).unwrap();
    let session = world.simulator.session(id).unwrap();
    assert_eq!(
        (session.status.as_str(), session.payment_intent),
        ("complete", None)
    );
    assert_eq!(world.event_types(), ["checkout.session.completed"]);
}

#[tokio::test]
async fn money_goes_back_in_parts_and_never_more_than_came() {
    let world = World::explicit().await;
    let id = world.session().await;
    world.simulator.pay(&id, Outcome::Paid).unwrap();
    let intent = world.simulator.intents().remove(0).id;
    let refund = async |rest: &str| {
        let form = format!("payment_intent={intent}{rest}");
        parts(world.form("/v1/refunds", &form).send().await.unwrap()).await
    };
    assert_eq!(refund("&amount=5001").await.0, 400);
    let (status, first) = refund("&amount=2000").await;
    assert_eq!(
        (status, &first["status"], &first["amount"]),
        (200, &"succeeded".into(), &2000.into())
    );
    assert_eq!(refund("&amount=3001").await.1["error"]["param"], "amount");
    assert_eq!(refund("").await.1["amount"], 3000);
    let (status, again) = refund("").await;
    assert_eq!(
        (status, &again["error"]["code"]),
        (400, &"charge_already_refunded".into())
    );
    let events = world.simulator.pending_events();
    let refunded: Vec<Value> = events
        .iter()
        .filter(|event| event.event_type == "charge.refunded")
        .map(|event| event.json()["data"]["object"]["refunded"].clone())
        .collect();
    assert_eq!(refunded, [false, true]);
    let path = format!("/v1/refunds/{}", first["id"].as_str().unwrap());
    assert_eq!(parts(world.get(&path).send().await.unwrap()).await, (200, first));
}

#[tokio::test]
async fn a_disputed_charge_is_told_once_and_not_refunded() {
    let world = World::explicit().await;
    let id = world.session().await;
    world.simulator.pay(&id, Outcome::Paid).unwrap();
    let intent = world.simulator.intents().remove(0).id;
    world.simulator.dispute(&intent).unwrap();
    assert_eq!(
        world.simulator.dispute(&intent),
        Err(ControlError::NothingToDispute)
    );
    assert!(matches!(
        world.simulator.refund_from_dashboard(&intent, None),
        Err(ControlError::Refused(_))
    ));
    assert_eq!(world.event_types().last().unwrap(), "charge.dispute.created");
}
