//! Tests API keys that Stripe rejects, unknown routes, and injected faults.

use holdfast::sandbox::{ApiFault, Endpoint, FaultKind, Faults};

use super::fixture::{SimulatorFixture, read_response, wait_until};

#[tokio::test]
async fn only_test_keys_authenticate_by_bearer_or_basic() {
    let fixture = SimulatorFixture::start_explicit().await;
    let balance = || fixture.client.get(format!("{}/v1/balance", fixture.base));
    let cases = [
        (balance(), 401),
        (balance().bearer_auth("sk_live_x"), 401),
        (balance().bearer_auth("rk_live_x"), 401),
        (balance().bearer_auth("pk_test_x"), 401),
        (balance().bearer_auth("rk_test_x"), 200),
        (balance().basic_auth("sk_test_x", Some("")), 200),
    ];
    for (request, expected) in cases {
        let (status, body) = read_response(request.send().await.unwrap()).await;
        assert_eq!(status, expected);
        assert!(status == 200 || body["error"]["type"] == "invalid_request_error");
        assert!(
            !body.to_string().contains("_x"),
            "an error must not contain the key"
        );
    }
    let (status, body) = read_response(fixture.get("/v1/unicorns").send().await.unwrap()).await;
    assert_eq!(
        (status, &body["error"]["type"]),
        (404, &"invalid_request_error".into())
    );
}

#[tokio::test]
async fn injected_errors_read_like_stripes_and_have_no_effect() {
    let fixture = SimulatorFixture::start_explicit().await;
    let fault = ApiFault {
        next: 1,
        should_retry: Some(false),
        ..ApiFault::new(FaultKind::RateLimited)
    };
    fixture.simulator.set_faults(Faults {
        api: vec![fault],
        ..Faults::default()
    });
    let limited = fixture.create_request().send().await.unwrap();
    assert_eq!(limited.status(), 429);
    assert_eq!(limited.headers()["stripe-rate-limited-reason"], "endpoint-rate");
    assert_eq!(limited.headers()["stripe-should-retry"], "false");

    let cases = [
        (FaultKind::LockTimeout, 429),
        (FaultKind::ServerError, 500),
        (FaultKind::BadGateway, 502),
    ];
    for (kind, status) in cases {
        fixture
            .simulator
            .set_faults(Faults::default().next(Endpoint::CreateSession, kind, 1));
        let answer = fixture.create_request().send().await.unwrap();
        assert_eq!(answer.status(), status, "{kind:?}");
        assert!(!answer.headers().contains_key("stripe-rate-limited-reason"));
        let html = answer.headers()["content-type"] == "text/html";
        assert_eq!(html, kind == FaultKind::BadGateway);
    }
    fixture
        .simulator
        .set_faults(Faults::default().next(Endpoint::CreateSession, FaultKind::Cut, 1));
    assert!(fixture.create_request().send().await.is_err());
    assert!(fixture.simulator.sessions().is_empty());
    assert_eq!(fixture.create_request().send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn received_call_completes_after_caller_disconnects() {
    let fixture = SimulatorFixture::start_explicit().await;
    fixture.simulator.set_faults(Faults {
        latency_ms: 300,
        ..Faults::default()
    });
    let aborted = tokio::spawn(fixture.create_request().send());
    wait_until("the call arrives", || fixture.simulator.calls().create >= 1).await;
    aborted.abort();
    wait_until("the session exists", || !fixture.simulator.sessions().is_empty()).await;
}

#[tokio::test]
async fn hanging_request_still_takes_effect() {
    let fixture = SimulatorFixture::start_explicit().await;
    fixture
        .simulator
        .set_faults(Faults::default().next(Endpoint::CreateSession, FaultKind::Hang, 1));
    let hanging = tokio::spawn(fixture.create_request().send());
    wait_until("the session exists", || !fixture.simulator.sessions().is_empty()).await;
    assert!(!hanging.is_finished());
    hanging.abort();
}

#[tokio::test]
async fn faults_are_set_read_and_cleared_over_http() {
    let fixture = SimulatorFixture::start_explicit().await;
    let put = async |body: &'static str| {
        let request = fixture.client.put(format!("{}/sandbox/faults", fixture.base));
        request
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    assert_eq!(
        put(r#"{"api": [{"kind": "server_error", "next": 2}]}"#).await,
        200
    );
    assert_eq!(fixture.create_request().send().await.unwrap().status(), 500);
    let (_, left) = read_response(fixture.get("/sandbox/faults").send().await.unwrap()).await;
    assert_eq!(left["api"][0]["next"], 1);
    assert_eq!(put(r#"{"latency": 1}"#).await, 422);
    assert_eq!(put("{}").await, 200);
    assert_eq!(fixture.create_request().send().await.unwrap().status(), 200);
}
