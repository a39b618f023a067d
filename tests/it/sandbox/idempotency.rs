//! Tests idempotency keys: which responses are replayed, which requests run again, and which are refused.

use std::sync::Arc;

use holdfast::sandbox::{Endpoint, FaultKind, Faults, PaymentOutcome};
use reqwest::{RequestBuilder, Response};

use super::fixture::{SESSION_FORM, SimulatorFixture, read_response, wait_until};

async fn send_with_key(request: RequestBuilder) -> Response {
    request.header("idempotency-key", "key-1").send().await.unwrap()
}

#[tokio::test]
async fn repeated_request_gets_first_answer_for_24_hours() {
    let fixture = SimulatorFixture::start_explicit().await;
    let first = send_with_key(fixture.create_request()).await;
    assert!(!first.headers().contains_key("idempotent-replayed"));
    let first = read_response(first).await;
    fixture.advance(24 * 3600 - 1);
    let second = send_with_key(fixture.create_request()).await;
    assert_eq!(second.headers()["idempotent-replayed"], "true");
    assert_eq!(read_response(second).await, first);
    assert_eq!(fixture.simulator.sessions().len(), 1);
    assert_eq!(
        (
            fixture.simulator.calls().create,
            fixture.simulator.calls().create_replayed
        ),
        (2, 1)
    );
    fixture.advance(1);
    assert_ne!(
        read_response(send_with_key(fixture.create_request()).await).await,
        first
    );
}

#[tokio::test]
async fn a_key_belongs_to_its_parameters_and_its_path() {
    let fixture = SimulatorFixture::start_explicit().await;
    let id = read_response(send_with_key(fixture.create_request()).await)
        .await
        .1["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let other = SESSION_FORM.replace("=2500", "=2600");
    let expire = fixture.post(&format!("/v1/checkout/sessions/{id}/expire"));
    for request in [fixture.form("/v1/checkout/sessions", &other), expire] {
        let (status, body) = read_response(send_with_key(request).await).await;
        assert_eq!(
            (status, &body["error"]["type"]),
            (400, &"idempotency_error".into())
        );
    }
}

#[tokio::test]
async fn refused_call_is_replayed_but_refused_parameters_are_not() {
    let fixture = SimulatorFixture::start_explicit().await;
    let id = fixture.create_session().await;
    fixture.simulator.pay(&id, PaymentOutcome::Paid).unwrap();
    let expire = || fixture.post(&format!("/v1/checkout/sessions/{id}/expire"));
    assert_eq!(send_with_key(expire()).await.status(), 400);
    let again = send_with_key(expire()).await;
    assert_eq!(
        (again.status().as_u16(), &again.headers()["idempotent-replayed"]),
        (400, &"true".parse().unwrap())
    );

    let create = |form: &str| {
        fixture
            .form("/v1/checkout/sessions", form)
            .header("idempotency-key", "key-2")
    };
    assert_eq!(create("mode=payment").send().await.unwrap().status(), 400);
    assert_eq!(create(SESSION_FORM).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn concurrent_request_with_same_key_gets_409() {
    let fixture = Arc::new(SimulatorFixture::start_explicit().await);
    fixture.simulator.set_faults(Faults {
        latency_ms: 60_000,
        ..Faults::default()
    });
    let first = tokio::spawn(send_with_key(fixture.create_request()));
    wait_until("the call arrives", || fixture.simulator.calls().create >= 1).await;
    fixture.simulator.set_faults(Faults::default());
    let (status, body) = read_response(send_with_key(fixture.create_request()).await).await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (409, &"idempotency_key_in_use".into())
    );
    first.abort();
}

#[tokio::test]
async fn lost_response_is_replayed_on_retry() {
    let fixture = SimulatorFixture::start_explicit().await;
    fixture
        .simulator
        .set_faults(Faults::default().next(Endpoint::CreateSession, FaultKind::LostAnswer, 1));
    let lost = fixture
        .create_request()
        .header("idempotency-key", "key-1")
        .send()
        .await;
    assert!(lost.is_err(), "{lost:?}");
    let (status, session) = read_response(send_with_key(fixture.create_request()).await).await;
    assert_eq!((status, fixture.simulator.sessions().len()), (200, 1));
    assert_eq!(session["id"], fixture.simulator.sessions()[0].id);
}

#[tokio::test]
async fn only_server_errors_after_execution_began_are_replayed() {
    for (kind, second) in [(FaultKind::ServerError, 200), (FaultKind::ServerErrorKept, 500)] {
        let fixture = SimulatorFixture::start_explicit().await;
        fixture
            .simulator
            .set_faults(Faults::default().next(Endpoint::CreateSession, kind, 1));
        assert_eq!(send_with_key(fixture.create_request()).await.status(), 500);
        assert_eq!(
            send_with_key(fixture.create_request()).await.status(),
            second,
            "{kind:?}"
        );
    }
}
