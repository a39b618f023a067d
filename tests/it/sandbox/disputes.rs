//! Tests disputes: how they move, which events report it, and when they stop a refund.

use holdfast::sandbox::{
    ControlError, DisputeStatus, NewDispute, PaymentOutcome, RefundOutcome, RefundStatus,
};
use reqwest::Method;
use serde_json::{Value, json};

use super::fixture::{SimulatorFixture, read_response};

async fn pay(fixture: &SimulatorFixture) -> String {
    let id = fixture.create_session().await;
    fixture.simulator.pay(&id, PaymentOutcome::Paid).unwrap();
    for event in fixture.simulator.pending_events() {
        fixture.simulator.drop_event(&event.id);
    }
    fixture.simulator.intents().pop().unwrap().id
}

fn begins_as(status: DisputeStatus) -> NewDispute {
    NewDispute {
        status,
        ..NewDispute::default()
    }
}

#[tokio::test]
async fn dispute_reports_each_step_and_moves_the_money() {
    use DisputeStatus::{
        Lost, NeedsResponse, Prevented, UnderReview, WarningClosed, WarningNeedsResponse, WarningUnderReview,
        Won,
    };
    for (steps, events, is_refundable) in [
        (&[NeedsResponse][..], &["created", "funds_withdrawn"][..], false),
        (
            &[NeedsResponse, UnderReview, Won],
            &[
                "created",
                "funds_withdrawn",
                "updated",
                "closed",
                "funds_reinstated",
            ],
            true,
        ),
        (
            &[NeedsResponse, Lost],
            &["created", "funds_withdrawn", "closed"],
            false,
        ),
        (
            &[NeedsResponse, Won, Lost],
            &[
                "created",
                "funds_withdrawn",
                "closed",
                "funds_reinstated",
                "closed",
                "funds_withdrawn",
            ],
            false,
        ),
        (
            &[WarningNeedsResponse, WarningUnderReview, WarningClosed],
            &["created", "updated", "closed"],
            true,
        ),
        (
            &[WarningNeedsResponse, NeedsResponse],
            &["created", "updated", "funds_withdrawn"],
            false,
        ),
        (&[Prevented], &["created"], true),
        (&[WarningNeedsResponse, Prevented], &["created", "closed"], true),
    ] {
        let fixture = SimulatorFixture::start_explicit().await;
        let intent = pay(&fixture).await;
        let id = fixture
            .simulator
            .open_dispute(&intent, begins_as(steps[0]))
            .unwrap();
        for step in &steps[1..] {
            fixture.simulator.change_dispute(&id, *step).unwrap();
        }
        let expected: Vec<String> = events
            .iter()
            .map(|event| format!("charge.dispute.{event}"))
            .collect();
        assert_eq!(fixture.event_types(), expected, "{steps:?}");
        let last = fixture.simulator.pending_events().pop().unwrap().json();
        assert_eq!(last["data"]["object"]["status"], json!(steps.last()));
        let back = fixture.simulator.change_dispute(&id, steps[0]);
        assert!(matches!(back, Err(ControlError::Refused(_))), "{back:?}");
        let refund = fixture.simulator.refund_from_dashboard(&intent, Some(100));
        assert_eq!(refund.is_ok(), is_refundable, "{steps:?}");
    }
}

#[tokio::test]
async fn dispute_is_over_what_was_not_refunded() {
    let fixture = SimulatorFixture::start_explicit().await;
    let intent = pay(&fixture).await;
    fixture
        .simulator
        .refund_from_dashboard(&intent, Some(2000))
        .unwrap();
    fixture.simulator.dispute(&intent).unwrap();
    assert_eq!(fixture.simulator.disputes()[0].amount, 3000);
    assert_eq!(
        fixture.simulator.dispute(&intent),
        Err(ControlError::NothingToDispute)
    );
    for (status, amount) in [
        (DisputeStatus::Won, None),
        (DisputeStatus::NeedsResponse, Some(5001)),
    ] {
        let other = pay(&fixture).await;
        let new = NewDispute {
            amount,
            ..begins_as(status)
        };
        let refused = fixture.simulator.open_dispute(&other, new);
        assert!(matches!(refused, Err(ControlError::Refused(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn dispute_fails_the_refunds_that_are_pending() {
    let fixture = SimulatorFixture::start_explicit().await;
    let intent = pay(&fixture).await;
    fixture
        .simulator
        .set_refund_outcome(RefundOutcome::new(RefundStatus::Pending));
    fixture
        .simulator
        .refund_from_dashboard(&intent, Some(2000))
        .unwrap();
    fixture.simulator.dispute(&intent).unwrap();
    assert_eq!(fixture.simulator.refunds()[0].status, RefundStatus::Failed);
    let failed = fixture.simulator.pending_events().into_iter();
    let failed: Vec<Value> = failed
        .filter(|event| event.event_type == "refund.failed")
        .map(|event| event.json()["data"]["object"]["failure_reason"].clone())
        .collect();
    assert_eq!(failed, ["charge_for_pending_refund_disputed"]);
}

#[tokio::test]
async fn disputes_are_listed_and_controlled_over_http() {
    let fixture = SimulatorFixture::start_explicit().await;
    let (mine, other) = (pay(&fixture).await, pay(&fixture).await);
    let control = async |method: Method, path: &str, body: Value| {
        let request = fixture.client.request(method, format!("{}{path}", fixture.base));
        read_response(request.json(&body).send().await.unwrap()).await
    };
    let inquiry = json!({"status": "warning_needs_response", "amount": 900, "reason": "general"});
    let (status, opened) = control(Method::POST, &format!("/sandbox/intents/{mine}/dispute"), inquiry).await;
    assert_eq!(status, 200, "{opened}");
    let id = opened["id"].as_str().unwrap();
    fixture.advance(10);
    fixture.simulator.dispute(&other).unwrap();
    let get = async |path: String| read_response(fixture.get(&path).send().await.unwrap()).await.1;
    let listed = get(format!("/v1/disputes?payment_intent={mine}")).await;
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    let dispute = &listed["data"][0];
    assert_eq!(
        (&dispute["amount"], &dispute["reason"]),
        (&json!(900), &json!("general"))
    );
    assert_eq!(get(format!("/v1/disputes/{id}")).await, *dispute);
    let created = dispute["created"].as_i64().unwrap();
    let later = get(format!("/v1/disputes?created[gte]={}", created + 1)).await;
    assert_eq!(later["data"][0]["payment_intent"], json!(other));
    let path = format!("/sandbox/disputes/{id}");
    let (status, changed) = control(Method::POST, &path, json!({"status": "warning_under_review"})).await;
    assert_eq!(
        (status, &changed["disputes"][0]["status"]),
        (200, &json!("warning_under_review"))
    );
    assert_eq!(
        control(Method::POST, &path, json!({"status": "warning_needs_response"}))
            .await
            .0,
        409
    );
    assert_eq!(
        control(
            Method::POST,
            "/sandbox/disputes/du_none",
            json!({"status": "won"})
        )
        .await
        .0,
        404
    );
}
