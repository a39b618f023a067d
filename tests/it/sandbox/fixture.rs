//! Provides a running simulator with a clock that the test advances, an HTTP client, and a webhook receiver.

use std::sync::atomic::{AtomicI64, AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use chrono::DateTime;
use holdfast::sandbox::{Mode, Simulator, SimulatorConfig};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

pub(super) const SECRET: &str = "whsec_simulated";
pub(super) const START: i64 = 1_800_000_000;
pub(super) const SESSION_FORM: &str = "mode=payment&success_url=http%3A%2F%2Fshop.test%2Fdone%3Fs%3D%7BCHECKOUT_SESSION_ID%7D\
    &cancel_url=http%3A%2F%2Fshop.test%2Fback&client_reference_id=hold-1&customer_email=ada%40example.com\
    &metadata[hold]=hold-1&payment_intent_data[metadata][hold]=hold-1\
    &line_items[0][quantity]=2&line_items[0][price_data][currency]=eur&line_items[0][price_data][unit_amount]=2500\
    &line_items[0][price_data][product_data][name]=Intro%20%3Cb%3Ecall%3C%2Fb%3E";

/// A running simulator and its HTTP client. The simulator stops when this is dropped.
pub(super) struct SimulatorFixture {
    pub(super) simulator: Simulator,
    pub(super) base: String,
    pub(super) client: Client,
    clock: Arc<AtomicI64>,
    _stop_on_drop: DropGuard,
}

impl SimulatorFixture {
    pub(super) async fn start_explicit() -> SimulatorFixture {
        SimulatorFixture::start(Mode::Explicit).await
    }

    pub(super) async fn start(mode: Mode) -> SimulatorFixture {
        let clock = Arc::new(AtomicI64::new(START));
        let shared_clock = clock.clone();
        let simulator = Simulator::new(SimulatorConfig {
            webhook_url: None,
            webhook_secret: SECRET.to_owned(),
            mode,
            now: Arc::new(move || DateTime::from_timestamp(shared_clock.load(Ordering::SeqCst), 0).unwrap()),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        tokio::spawn(simulator.clone().serve(listener, stop.clone()));
        SimulatorFixture {
            simulator,
            base,
            client: client(),
            clock,
            _stop_on_drop: stop.drop_guard(),
        }
    }

    pub(super) fn advance(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(super) fn get(&self, path: &str) -> RequestBuilder {
        self.client
            .get(format!("{}{path}", self.base))
            .bearer_auth("sk_test_x")
    }

    pub(super) fn post(&self, path: &str) -> RequestBuilder {
        self.client
            .post(format!("{}{path}", self.base))
            .bearer_auth("sk_test_x")
    }

    pub(super) fn form(&self, path: &str, form: &str) -> RequestBuilder {
        let kind = "application/x-www-form-urlencoded";
        self.post(path).header("content-type", kind).body(form.to_owned())
    }

    pub(super) fn create_request(&self) -> RequestBuilder {
        self.form("/v1/checkout/sessions", SESSION_FORM)
    }

    /// Creates an open session and returns its id.
    pub(super) async fn create_session(&self) -> String {
        let (status, body) = read_response(self.create_request().send().await.unwrap()).await;
        assert_eq!(status, 200, "{body}");
        body["id"].as_str().unwrap().to_owned()
    }

    pub(super) fn event_types(&self) -> Vec<String> {
        self.simulator
            .pending_events()
            .into_iter()
            .map(|event| event.event_type)
            .collect()
    }
}

fn client() -> Client {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .build()
        .unwrap()
}

/// Waits for a state. The limit turns a state that never comes into a failure, so it can be long.
pub(super) async fn wait_until(what: &str, reached: impl Fn() -> bool) {
    let polling = async {
        while !reached() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), polling)
        .await
        .unwrap_or_else(|_| panic!("timed out: {what}"));
}

pub(super) async fn read_response(answer: Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    (
        status,
        serde_json::from_str(&answer.text().await.unwrap()).unwrap(),
    )
}

/// One received webhook request.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Received {
    pub(super) fn event_type(&self) -> String {
        let event: Value = serde_json::from_str(&self.body).unwrap();
        event["type"].as_str().unwrap().to_owned()
    }
}

/// A webhook endpoint that answers with a chosen status and records every request.
pub(super) struct Receiver {
    pub(super) url: String,
    received: watch::Receiver<Vec<Received>>,
    answer: Arc<AtomicU16>,
    _stop_on_drop: DropGuard,
}

type ReceiverState = (Arc<Mutex<watch::Sender<Vec<Received>>>>, Arc<AtomicU16>);

impl Receiver {
    pub(super) async fn start() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks", listener.local_addr().unwrap());
        let (sender, received) = watch::channel(Vec::new());
        let answer = Arc::new(AtomicU16::new(200));
        let state: ReceiverState = (Arc::new(Mutex::new(sender)), answer.clone());
        let router = axum::Router::new()
            .route("/hooks", axum::routing::post(record_webhook))
            .with_state(state);
        let stop = CancellationToken::new();
        let served = axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
        tokio::spawn(async move { served.await });
        Receiver {
            url,
            received,
            answer,
            _stop_on_drop: stop.drop_guard(),
        }
    }

    /// Sets the status of all further responses.
    pub(super) fn set_status(&self, status: u16) {
        self.answer.store(status, Ordering::SeqCst);
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.received.borrow().clone()
    }

    /// Waits until `count` webhooks have arrived. Returns all of them.
    pub(super) async fn wait_for(&self, count: usize) -> Vec<Received> {
        let mut received = self.received.clone();
        let waiting = received.wait_for(|all| all.len() >= count);
        let reached = tokio::time::timeout(Duration::from_secs(20), waiting).await;
        reached
            .unwrap_or_else(|_| panic!("timed out: fewer than {count} webhooks arrived"))
            .unwrap()
            .clone()
    }
}

async fn record_webhook(
    State((sender, answer)): State<ReceiverState>,
    headers: HeaderMap,
    body: String,
) -> StatusCode {
    sender
        .lock()
        .unwrap()
        .send_modify(|all| all.push(Received { headers, body }));
    StatusCode::from_u16(answer.load(Ordering::SeqCst)).unwrap()
}
