//! Tests payments, refunds and disputes: the states they reach and the events they emit.

use holdfast::sandbox::{ControlError, PaymentOutcome};
use serde_json::{Value, json};

use super::fixture::{SESSION_FORM, SimulatorFixture, read_response};

const PAID: &[&str] = &[
    "payment_intent.succeeded",
    "charge.succeeded",
    "checkout.session.completed",
];
const DECLINED: &[&str] = &["payment_intent.created", "payment_intent.payment_failed"];
const DELAYED: &[&str] = &[
    "payment_intent.created",
    "payment_intent.processing",
    "checkout.session.completed",
];
const DELAYED_SUCCEEDED: &[&str] = &[
    "payment_intent.succeeded",
    "charge.succeeded",
    "checkout.session.async_payment_succeeded",
];
const DELAYED_FAILED: &[&str] = &[
    "payment_intent.payment_failed",
    "checkout.session.async_payment_failed",
];

/// Checks the session's status and payment status, the intent's status, and all events.
async fn assert_outcomes(outcomes: &[PaymentOutcome], expected: [&str; 3], events: &[&[&str]]) {
    let fixture = SimulatorFixture::start_explicit().await;
    let id = fixture.create_session().await;
    for outcome in outcomes {
        fixture.simulator.pay(&id, *outcome).unwrap();
    }
    let session = fixture.simulator.session(&id).unwrap();
    let intent = fixture.simulator.intents().remove(0);
    let reached = [
        session.status.as_str(),
        session.payment_status.as_str(),
        intent.status.as_str(),
    ];
    assert_eq!(reached, expected, "{outcomes:?}");
    assert_eq!(intent.metadata["hold"], "hold-1");
    assert_eq!(fixture.event_types(), events.concat(), "{outcomes:?}");
}

#[tokio::test]
async fn each_payment_outcome_emits_its_events_in_order() {
    use PaymentOutcome::*;
    let declined = ["open", "unpaid", "requires_payment_method"];
    let paid = ["complete", "paid", "succeeded"];
    assert_outcomes(&[Declined], declined, &[DECLINED]).await;
    assert_outcomes(&[Declined, Paid], paid, &[DECLINED, PAID]).await;
    assert_outcomes(&[Processing], ["complete", "unpaid", "processing"], &[DELAYED]).await;
    assert_outcomes(
        &[Processing, ProcessingSucceeded],
        paid,
        &[DELAYED, DELAYED_SUCCEEDED],
    )
    .await;
    assert_outcomes(&[ProcessingSucceeded], paid, &[DELAYED, DELAYED_SUCCEEDED]).await;
    let failed = ["complete", "unpaid", "requires_payment_method"];
    assert_outcomes(&[ProcessingFailed], failed, &[DELAYED, DELAYED_FAILED]).await;
}

#[tokio::test]
async fn completed_or_expired_session_cannot_be_paid() {
    let fixture = SimulatorFixture::start_explicit().await;
    let (paid, failed, expired) = (
        fixture.create_session().await,
        fixture.create_session().await,
        fixture.create_session().await,
    );
    fixture.simulator.pay(&paid, PaymentOutcome::Paid).unwrap();
    fixture
        .simulator
        .pay(&failed, PaymentOutcome::ProcessingFailed)
        .unwrap();
    fixture.simulator.expire(&expired).unwrap();
    let before = fixture.event_types();
    for (id, status) in [(&paid, "complete"), (&failed, "complete"), (&expired, "expired")] {
        for outcome in [
            PaymentOutcome::Paid,
            PaymentOutcome::Declined,
            PaymentOutcome::ProcessingSucceeded,
        ] {
            assert_eq!(
                fixture.simulator.pay(id, outcome),
                Err(ControlError::NotPayable(status))
            );
        }
    }
    let control = fixture.post(&format!("/sandbox/sessions/{paid}/pay"));
    let control = control
        .header("content-type", "application/json")
        .body(r#"{"outcome":"paid"}"#);
    assert_eq!(control.send().await.unwrap().status(), 409);
    assert_eq!(fixture.event_types(), before);
}

#[tokio::test]
async fn expired_session_cancels_its_declined_intent() {
    let fixture = SimulatorFixture::start_explicit().await;
    let id = fixture.create_session().await;
    fixture.simulator.pay(&id, PaymentOutcome::Declined).unwrap();
    fixture.advance(86_399);
    fixture.simulator.expire_due();
    assert_eq!(fixture.simulator.session(&id).unwrap().status, "open");
    fixture.advance(1);
    fixture.simulator.expire_due();
    assert_eq!(fixture.simulator.session(&id).unwrap().status, "expired");
    assert_eq!(fixture.simulator.intents()[0].status, "canceled");
    assert_eq!(
        fixture.event_types()[2..],
        ["payment_intent.canceled", "checkout.session.expired"]
    );
}

#[tokio::test]
async fn card_only_session_rejects_delayed_payment() {
    let fixture = SimulatorFixture::start_explicit().await;
    let form = format!("{SESSION_FORM}&allowed_payment_method_types[0]=card");
    let (_, body) = read_response(fixture.form("/v1/checkout/sessions", &form).send().await.unwrap()).await;
    let id = body["id"].as_str().unwrap();
    assert_eq!(
        fixture.simulator.pay(id, PaymentOutcome::Processing),
        Err(ControlError::MethodNotAllowed)
    );
    assert!(fixture.simulator.intents().is_empty());
}

#[tokio::test]
async fn a_free_order_completes_without_an_intent() {
    let fixture = SimulatorFixture::start_explicit().await;
    let form = SESSION_FORM.replace("[unit_amount]=2500", "[unit_amount]=0");
    let (_, body) = read_response(fixture.form("/v1/checkout/sessions", &form).send().await.unwrap()).await;
    assert_eq!(body["payment_status"], "no_payment_required");
    let id = body["id"].as_str().unwrap();
    assert!(fixture.simulator.pay(id, PaymentOutcome::Declined).is_err());
    fixture.simulator.pay(id, PaymentOutcome::Paid).unwrap();
    let session = fixture.simulator.session(id).unwrap();
    assert_eq!(
        (session.status.as_str(), session.payment_intent),
        ("complete", None)
    );
    assert_eq!(fixture.event_types(), ["checkout.session.completed"]);
}

#[tokio::test]
async fn partial_refunds_never_exceed_the_payment() {
    let fixture = SimulatorFixture::start_explicit().await;
    let id = fixture.create_session().await;
    fixture.simulator.pay(&id, PaymentOutcome::Paid).unwrap();
    let intent = fixture.simulator.intents().remove(0).id;
    let refund = async |rest: &str| {
        let form = format!("payment_intent={intent}{rest}");
        read_response(fixture.form("/v1/refunds", &form).send().await.unwrap()).await
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
    let events = fixture.simulator.pending_events();
    let refunded: Vec<Value> = events
        .iter()
        .filter(|event| event.event_type == "charge.refunded")
        .map(|event| event.json()["data"]["object"]["refunded"].clone())
        .collect();
    assert_eq!(refunded, [false, true]);
    let path = format!("/v1/refunds/{}", first["id"].as_str().unwrap());
    assert_eq!(
        read_response(fixture.get(&path).send().await.unwrap()).await,
        (200, first)
    );
}

#[tokio::test]
async fn charge_is_disputed_once_and_then_not_refundable() {
    let fixture = SimulatorFixture::start_explicit().await;
    let id = fixture.create_session().await;
    fixture.simulator.pay(&id, PaymentOutcome::Paid).unwrap();
    let intent = fixture.simulator.intents().remove(0).id;
    fixture.simulator.dispute(&intent).unwrap();
    assert_eq!(
        fixture.simulator.dispute(&intent),
        Err(ControlError::NothingToDispute)
    );
    assert!(matches!(
        fixture.simulator.refund_from_dashboard(&intent, None),
        Err(ControlError::Refused(_))
    ));
    assert_eq!(
        fixture.event_types().last().unwrap(),
        "charge.dispute.funds_withdrawn"
    );
}

#[tokio::test]
async fn payment_link_opens_a_session_with_the_buyers_reference() {
    let fixture = SimulatorFixture::start_explicit().await;
    let open = async |body: Value| {
        let request = fixture.post("/sandbox/payment-links").json(&body);
        read_response(request.send().await.unwrap()).await
    };
    let visit = json!({"amount": 700, "currency": "eur", "client_reference_id": "hold-1",
                       "metadata": {"order": "17"}, "intent_metadata": {"order": "18"}});
    let (status, session) = open(visit.clone()).await;
    assert_eq!(status, 201);
    let id = session["id"].as_str().unwrap();
    fixture.simulator.pay(id, PaymentOutcome::Paid).unwrap();
    let completed = fixture.simulator.events().pop().unwrap().json();
    let object = &completed["data"]["object"];
    assert_eq!(
        (
            object["client_reference_id"].as_str(),
            object["amount_total"].as_i64()
        ),
        (Some("hold-1"), Some(700))
    );
    assert!(object["payment_link"].as_str().unwrap().starts_with("plink_"));
    assert_eq!(object["metadata"], visit["metadata"]);
    assert_eq!(fixture.simulator.intents()[0].metadata["order"], "18");
    for (member, value) in [("amount", json!(0)), ("currency", json!("xxx"))] {
        let mut wrong = visit.clone();
        wrong[member] = value;
        assert_eq!(open(wrong).await.0, 400, "{member}");
    }
}
