//! An endpoint of a shop: records the events that it gets, and answers as the test tells it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use holdfast::http::render_event;
use holdfast::workflow::deliver_events::{self, DeliveryReport};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

use super::app::{Instance, TestApp};
use super::client::Client;

/// How the endpoint answers a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ReceiverAnswer {
    Status(u16),
    /// Asks to be left alone for so many seconds.
    Busy(u16, u32),
    /// Sends the caller to another address.
    Redirect,
    /// Answers when the test lets it, with this status.
    Held(u16),
}

/// A request that arrived.
#[derive(Clone, Debug)]
pub(crate) struct ReceivedEvent {
    /// The connection that it came on.
    pub(crate) from: SocketAddr,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl ReceivedEvent {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Returns the type and the sequence: `hold.placed 1`.
    pub(crate) fn label(&self) -> String {
        label(&self.json())
    }
}

/// Returns an event's type and sequence: `hold.placed 1`.
pub(crate) fn label(event: &Value) -> String {
    let kind = event["type"].as_str().unwrap();
    match event["data"]["sequence"].as_i64() {
        Some(sequence) => format!("{kind} {sequence}"),
        None => kind.to_owned(),
    }
}

struct Shared {
    received: Mutex<Vec<ReceivedEvent>>,
    /// The answers to the next requests; afterwards all get `usual`.
    next: Mutex<VecDeque<ReceiverAnswer>>,
    usual: Mutex<ReceiverAnswer>,
    permits: Semaphore,
}

/// An endpoint that stops when it is dropped.
pub(crate) struct EventReceiver {
    pub(crate) url: String,
    shared: Arc<Shared>,
    server: AbortHandle,
}

impl EventReceiver {
    pub(crate) async fn start() -> Self {
        let shared = Arc::new(Shared {
            received: Mutex::default(),
            next: Mutex::default(),
            usual: Mutex::new(ReceiverAnswer::Status(204)),
            permits: Semaphore::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/events", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/events", post(receive))
            .with_state(shared.clone())
            .into_make_service_with_connect_info::<SocketAddr>();
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            url,
            shared,
            server: serving.abort_handle(),
        }
    }

    /// Starts an endpoint and sets it at the service, for all types of events; returns it with its secret.
    pub(crate) async fn set_at(client: &Client, id: &str) -> (Self, String) {
        let receiver = Self::start().await;
        let set = set_endpoint(client, id, json!({"url": receiver.url})).await;
        (receiver, set["secret"].as_str().unwrap().to_owned())
    }

    /// Answers all requests like this from now on.
    pub(crate) fn answer(&self, usual: ReceiverAnswer) {
        *self.shared.usual.lock().unwrap() = usual;
    }

    /// Answers the next requests like this, and then as before.
    pub(crate) fn answer_next(&self, answers: &[ReceiverAnswer]) {
        self.shared.next.lock().unwrap().extend(answers);
    }

    /// Lets so many held requests have their answers.
    pub(crate) fn let_go(&self, requests: usize) {
        self.shared.permits.add_permits(requests);
    }

    pub(crate) fn received(&self) -> Vec<ReceivedEvent> {
        self.shared.received.lock().unwrap().clone()
    }

    /// Returns type and sequence of each request, in the order of arrival.
    pub(crate) fn labels(&self) -> Vec<String> {
        self.received().iter().map(ReceivedEvent::label).collect()
    }
}

impl Drop for EventReceiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn receive(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let event = ReceivedEvent { from, headers, body };
    shared.received.lock().unwrap().push(event);
    let next = shared.next.lock().unwrap().pop_front();
    let answer = next.unwrap_or_else(|| *shared.usual.lock().unwrap());
    let status = |status| StatusCode::from_u16(status).unwrap();
    match answer {
        ReceiverAnswer::Status(code) => status(code).into_response(),
        ReceiverAnswer::Busy(code, seconds) => {
            (status(code), [(header::RETRY_AFTER, seconds.to_string())]).into_response()
        }
        ReceiverAnswer::Redirect => (StatusCode::FOUND, [(header::LOCATION, "/events")]).into_response(),
        ReceiverAnswer::Held(code) => {
            shared.permits.acquire().await.unwrap().forget();
            status(code).into_response()
        }
    }
}

/// Sets an endpoint; it must succeed.
pub(crate) async fn set_endpoint(client: &Client, id: &str, members: Value) -> Value {
    let path = format!("/v1/admin/webhook-endpoints/{id}");
    let set = client.admin(Method::PUT, &path, Some(members)).await;
    assert!(set.status.is_success(), "{set:?}");
    set.body
}

/// Lists what was sent to an endpoint, newest first, in this state or in all.
pub(crate) async fn deliveries(client: &Client, id: &str, query: &str) -> Vec<Value> {
    let path = format!("/v1/admin/webhook-endpoints/{id}/deliveries?{query}");
    let listed = client.admin(Method::GET, &path, None).await.expect(200);
    listed.body["data"].as_array().unwrap().clone()
}

impl Instance {
    /// Sends all events that are due.
    pub(crate) async fn send_events(&self) -> DeliveryReport {
        deliver_events::deliver_due_events(&self.context, render_event)
            .await
            .unwrap()
    }
}

impl TestApp {
    /// Pulls the whole stream of events.
    pub(crate) async fn pull_events(&self) -> Vec<Value> {
        let (mut events, mut after) = (Vec::new(), String::new());
        loop {
            let path = format!("/v1/admin/events-out?limit=200{after}");
            let page = self.admin(Method::GET, &path, None).await.expect(200).body;
            events.extend(page["data"].as_array().unwrap().iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return events,
            }
        }
    }
}
