//! Tests refunds: how they end, which events report it, which are refused, and how they are listed and found again.

use holdfast::sandbox::{
    ControlError, NewDispute, PaymentOutcome, RefundOutcome, RefundStatus, WebhookEndpointSettings,
};
use serde_json::{Value, json};

use super::fixture::{SimulatorFixture, read_response};

/// A payment of 5000 and its intent, with an empty queue of events.
async fn pay(fixture: &SimulatorFixture) -> String {
    let id = fixture.create_session().await;
    fixture.simulator.pay(&id, PaymentOutcome::Paid).unwrap();
    for event in fixture.simulator.pending_events() {
        fixture.simulator.drop_event(&event.id);
    }
    fixture.simulator.intents().pop().unwrap().id
}

async fn post_refund(fixture: &SimulatorFixture, form: &str, key: &str) -> (u16, Value) {
    let request = fixture.form("/v1/refunds", form).header("idempotency-key", key);
    read_response(request.send().await.unwrap()).await
}

async fn get(fixture: &SimulatorFixture, path: &str) -> Value {
    let (status, body) = read_response(fixture.get(path).send().await.unwrap()).await;
    assert_eq!(status, 200, "{path}: {body}");
    body
}

fn failed(reason: &str) -> RefundOutcome {
    RefundOutcome {
        status: RefundStatus::Failed,
        failure_reason: Some(reason.to_owned()),
    }
}

fn ids(list: &Value) -> Vec<&str> {
    let data = list["data"].as_array().unwrap().iter();
    data.map(|object| object["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn refund_ends_as_its_bank_decides() {
    use RefundStatus::{Canceled, Failed, Pending, RequiresAction, Succeeded};
    for (begins, ends, left) in [
        (Pending, Succeeded, 3000),
        (Pending, Failed, 5000),
        (Pending, Canceled, 5000),
        (RequiresAction, Pending, 3000),
        (RequiresAction, Canceled, 5000),
        (Succeeded, Failed, 5000),
    ] {
        let fixture = SimulatorFixture::start_explicit().await;
        let intent = pay(&fixture).await;
        fixture.simulator.set_refund_outcome(RefundOutcome::new(begins));
        let (_, refund) = post_refund(&fixture, &format!("payment_intent={intent}&amount=2000"), "a").await;
        assert_eq!(refund["status"], json!(begins));
        let id = refund["id"].as_str().unwrap();
        let outcome = RefundOutcome::new(ends);
        fixture.simulator.change_refund(id, &outcome).unwrap();
        let read = get(&fixture, &format!("/v1/refunds/{id}")).await;
        assert_eq!(read["status"], json!(ends));
        assert_eq!(read["failure_reason"].is_string(), ends == Failed, "{read}");
        let again = fixture.simulator.change_refund(id, &RefundOutcome::new(begins));
        assert!(matches!(again, Err(ControlError::Refused(_))), "{again:?}");
        fixture.simulator.set_refund_outcome(RefundOutcome::default());
        let (_, rest) = post_refund(&fixture, &format!("payment_intent={intent}"), "b").await;
        assert_eq!(rest["amount"], left, "{begins:?} {ends:?}");
    }
}

#[tokio::test]
async fn refund_of_nothing_or_less_is_refused() {
    let fixture = SimulatorFixture::start_explicit().await;
    let intent = pay(&fixture).await;
    for amount in [0, -1, i64::MIN] {
        let refused = fixture.simulator.refund_from_dashboard(&intent, Some(amount));
        assert!(
            matches!(refused, Err(ControlError::Refused(_))),
            "{amount}: {refused:?}"
        );
    }
    assert!(fixture.simulator.refunds().is_empty());
}

#[tokio::test]
async fn refund_may_fail_in_its_own_answer() {
    let fixture = SimulatorFixture::start_explicit().await;
    let intent = pay(&fixture).await;
    fixture.simulator.set_refund_outcome(failed("insufficient_funds"));
    let (status, refund) = post_refund(&fixture, &format!("payment_intent={intent}"), "a").await;
    assert_eq!((status, &refund["status"]), (200, &json!("failed")));
    assert_eq!(refund["failure_reason"], "insufficient_funds");
    assert_eq!(
        fixture.event_types(),
        [
            "refund.created",
            "refund.failed",
            "refund.updated",
            "charge.refund.updated"
        ]
    );
}

#[tokio::test]
async fn old_endpoint_reports_failure_as_charge_refund_updated() {
    for (version, events, inline) in [
        (
            "2022-08-01",
            &[
                "charge.refunded",
                "charge.refund.updated",
                "charge.refund.updated",
            ][..],
            Some(1),
        ),
        (
            "2022-11-15",
            &[
                "charge.refunded",
                "charge.refund.updated",
                "charge.refund.updated",
            ],
            None,
        ),
        (
            "2023-10-16",
            &[
                "charge.refunded",
                "charge.refund.updated",
                "charge.refund.updated",
            ],
            None,
        ),
        (
            "2024-10-28.acacia",
            &[
                "refund.created",
                "charge.refunded",
                "refund.updated",
                "charge.refund.updated",
                "refund.failed",
                "refund.updated",
                "charge.refund.updated",
            ],
            None,
        ),
    ] {
        let fixture = SimulatorFixture::start_explicit().await;
        let settings = WebhookEndpointSettings::of_version(version);
        fixture.simulator.set_webhook_endpoint(settings).unwrap();
        let intent = pay(&fixture).await;
        fixture
            .simulator
            .refund_from_dashboard(&intent, Some(1000))
            .unwrap();
        let id = fixture.simulator.refunds().remove(0).id;
        fixture.simulator.change_refund(&id, &failed("unknown")).unwrap();
        assert_eq!(fixture.event_types(), events, "{version}");
        let sent = fixture.simulator.pending_events();
        assert!(sent.iter().all(|event| event.json()["api_version"] == version));
        let charge = sent.iter().find(|event| event.event_type == "charge.refunded");
        let charge = charge.unwrap().json();
        let listed = charge["data"]["object"]["refunds"]["data"]
            .as_array()
            .map(Vec::len);
        assert_eq!(listed, inline, "{version}");
        let last = sent.last().unwrap().json();
        assert_eq!(last["data"]["object"]["status"], "failed");
    }
}

#[tokio::test]
async fn endpoint_gets_only_events_it_is_subscribed_to() {
    let fixture = SimulatorFixture::start_explicit().await;
    fixture
        .simulator
        .set_webhook_url("http://127.0.0.1:9/hooks".into());
    let body = json!({"api_version": "2024-10-28.acacia", "enabled_events": ["charge.refunded"]});
    let request = fixture
        .client
        .put(format!("{}/sandbox/webhook-endpoint", fixture.base));
    assert_eq!(request.json(&body).send().await.unwrap().status(), 200);
    let intent = pay(&fixture).await;
    fixture.simulator.refund_from_dashboard(&intent, None).unwrap();
    assert_eq!(fixture.event_types(), ["charge.refunded"]);
    let listed = get(&fixture, "/v1/webhook_endpoints").await;
    assert_eq!(listed["data"][0]["enabled_events"], body["enabled_events"]);
    let late = json!({"api_version": "2099-01-01"});
    let request = fixture
        .client
        .put(format!("{}/sandbox/webhook-endpoint", fixture.base));
    assert_eq!(request.json(&late).send().await.unwrap().status(), 409);
}

#[tokio::test]
async fn refunds_are_listed_by_payment_and_time_in_pages() {
    let fixture = SimulatorFixture::start_explicit().await;
    let (mine, other) = (pay(&fixture).await, pay(&fixture).await);
    let mut made = Vec::new();
    for key in ["a", "b", "c", "d", "e"] {
        let (_, refund) = post_refund(&fixture, &format!("payment_intent={mine}&amount=10"), key).await;
        made.insert(0, refund["id"].as_str().unwrap().to_owned());
        fixture.advance(100);
    }
    fixture.simulator.refund_from_dashboard(&other, None).unwrap();
    let first = get(&fixture, &format!("/v1/refunds?payment_intent={mine}&limit=3")).await;
    assert_eq!(
        (ids(&first), &first["has_more"]),
        (made[..3].iter().map(String::as_str).collect(), &json!(true))
    );
    let path = format!(
        "/v1/refunds?payment_intent={mine}&limit=3&starting_after={}",
        made[2]
    );
    let second = get(&fixture, &path).await;
    assert_eq!(
        (ids(&second), &second["has_more"]),
        (vec![&*made[3], &*made[4]], &json!(false))
    );
    let at = first["data"][1]["created"].as_i64().unwrap();
    let path = format!("/v1/refunds?created[gte]={}&created[lte]={}", at - 100, at);
    assert_eq!(ids(&get(&fixture, &path).await), [&*made[1], &*made[2]]);
    assert_eq!(
        ids(&get(&fixture, &format!("/v1/refunds?created[gt]={at}")).await).len(),
        2
    );
    for bad in ["limit=0", "starting_after=re_none", "colour=red"] {
        let response = fixture.get(&format!("/v1/refunds?{bad}")).send().await.unwrap();
        assert!(response.status().is_client_error(), "{bad}");
    }
}

#[tokio::test]
async fn refusal_is_replayed_under_its_key_until_it_is_pruned() {
    let fixture = SimulatorFixture::start_explicit().await;
    let intent = pay(&fixture).await;
    let dispute = fixture
        .simulator
        .open_dispute(&intent, NewDispute::default())
        .unwrap();
    let form = format!("payment_intent={intent}&amount=1000&metadata[holdfast_command]=c-1");
    let (status, refused) = post_refund(&fixture, &form, "old").await;
    assert_eq!(
        (status, &refused["error"]["code"]),
        (400, &json!("charge_disputed"))
    );
    fixture
        .simulator
        .change_dispute(&dispute, holdfast::sandbox::DisputeStatus::Won)
        .unwrap();
    assert_eq!(post_refund(&fixture, &form, "old").await, (400, refused));
    assert_eq!(post_refund(&fixture, &form, "new").await.0, 200);
    let control = fixture
        .client
        .delete(format!("{}/sandbox/idempotency-keys", fixture.base));
    assert_eq!(control.send().await.unwrap().status(), 200);
    // Both keys are forgotten, so each is a new refund.
    assert_eq!(post_refund(&fixture, &form, "old").await.0, 200);
    assert_eq!(post_refund(&fixture, &form, "new").await.0, 200);
    let refunds = fixture.simulator.refunds();
    assert_eq!(refunds.len(), 3);
    assert!(
        refunds
            .iter()
            .all(|refund| refund.metadata["holdfast_command"] == "c-1")
    );
}

#[tokio::test]
async fn controls_of_refunds_work_over_http() {
    let fixture = SimulatorFixture::start_explicit().await;
    let intent = pay(&fixture).await;
    let control = async |method: reqwest::Method, path: &str, body: Value| {
        let request = fixture.client.request(method, format!("{}{path}", fixture.base));
        read_response(request.json(&body).send().await.unwrap()).await
    };
    use reqwest::Method;
    let pending = control(Method::PUT, "/sandbox/refunds", json!({"status": "pending"})).await;
    assert_eq!(pending.0, 200);
    let (_, made) = control(
        Method::POST,
        &format!("/sandbox/intents/{intent}/refund"),
        json!({"amount": 700}),
    )
    .await;
    let refund = &made["refunds"][0];
    assert_eq!(
        (&refund["status"], &refund["metadata"]),
        (&json!("pending"), &json!({}))
    );
    let path = format!("/sandbox/refunds/{}", refund["id"].as_str().unwrap());
    let body = json!({"status": "failed", "failure_reason": "insufficient_funds"});
    let (status, changed) = control(Method::POST, &path, body.clone()).await;
    assert_eq!(
        (status, &changed["refunds"][0]["status"]),
        (200, &json!("failed"))
    );
    assert_eq!(control(Method::POST, &path, body.clone()).await.0, 409);
    assert_eq!(
        control(Method::POST, "/sandbox/refunds/re_none", body).await.0,
        404
    );
}
