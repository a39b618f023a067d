//! Idempotency keys: what is answered again, what is run anew, what is refused.

use std::sync::Arc;

use holdfast::sandbox::{Endpoint, FaultKind, Faults, Outcome};
use reqwest::{RequestBuilder, Response};

use super::world::{SESSION_FORM, World, parts, until};

async fn keyed(request: RequestBuilder) -> Response {
    request.header("idempotency-key", "key-1").send().await.unwrap()
}

#[tokio::test]
async fn repeated_request_gets_first_answer_for_24_hours() {
    let world = World::explicit().await;
    let first = keyed(world.create()).await;
    assert!(!first.headers().contains_key("idempotent-replayed"));
    let first = parts(first).await;
    world.advance(24 * 3600 - 1);
    let second = keyed(world.create()).await;
    assert_eq!(second.headers()["idempotent-replayed"], "true");
    assert_eq!(parts(second).await, first);
    assert_eq!(world.simulator.sessions().len(), 1);
    assert_eq!(
        (
            world.simulator.calls().create,
            world.simulator.calls().create_replayed
        ),
        (2, 1)
    );
    world.advance(1);
    assert_ne!(parts(keyed(world.create()).await).await, first);
}

#[tokio::test]
async fn a_key_belongs_to_its_parameters_and_its_path() {
    let world = World::explicit().await;
    let id = parts(keyed(world.create()).await).await.1["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let other = SESSION_FORM.replace("=2500", "=2600");
    let expire = world.post(&format!("/v1/checkout/sessions/{id}/expire"));
    for request in [world.form("/v1/checkout/sessions", &other), expire] {
        let (status, body) = parts(keyed(request).await).await;
        assert_eq!(
            (status, &body["error"]["type"]),
            (400, &"idempotency_error".into())
        );
    }
}

#[tokio::test]
async fn refused_call_is_replayed_but_refused_parameters_are_not() {
    let world = World::explicit().await;
    let id = world.session().await;
    world.simulator.pay(&id, Outcome::Paid).unwrap();
    let expire = || world.post(&format!("/v1/checkout/sessions/{id}/expire"));
    assert_eq!(keyed(expire()).await.status(), 400);
    let again = keyed(expire()).await;
    assert_eq!(
        (again.status().as_u16(), &again.headers()["idempotent-replayed"]),
        (400, &"true".parse().unwrap())
    );

    let create = |form: &str| {
        world
            .form("/v1/checkout/sessions", form)
            .header("idempotency-key", "key-2")
    };
    assert_eq!(create("mode=payment").send().await.unwrap().status(), 400);
    assert_eq!(create(SESSION_FORM).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn concurrent_request_with_same_key_gets_409() {
    let world = Arc::new(World::explicit().await);
    world.simulator.set_faults(Faults {
        latency_ms: 60_000,
        ..Faults::default()
    });
    let first = tokio::spawn(keyed(world.create()));
    until("the call arrives", || world.simulator.calls().create >= 1).await;
    world.simulator.set_faults(Faults::default());
    let (status, body) = parts(keyed(world.create()).await).await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (409, &"idempotency_key_in_use".into())
    );
    first.abort();
}

#[tokio::test]
async fn an_answer_that_was_lost_is_there_when_asked_again() {
    let world = World::explicit().await;
    world
        .simulator
        .set_faults(Faults::default().next(Endpoint::CreateSession, FaultKind::LostAnswer, 1));
    let lost = world.create().header("idempotency-key", "key-1").send().await;
    assert!(lost.is_err(), "{lost:?}");
    let (status, session) = parts(keyed(world.create()).await).await;
    assert_eq!((status, world.simulator.sessions().len()), (200, 1));
    assert_eq!(session["id"], world.simulator.sessions()[0].id);
}

#[tokio::test]
async fn only_server_errors_after_execution_began_are_replayed() {
    for (kind, second) in [(FaultKind::ServerError, 200), (FaultKind::ServerErrorKept, 500)] {
        let world = World::explicit().await;
        world
            .simulator
            .set_faults(Faults::default().next(Endpoint::CreateSession, kind, 1));
        assert_eq!(keyed(world.create()).await.status(), 500);
        assert_eq!(keyed(world.create()).await.status(), second, "{kind:?}");
    }
}
