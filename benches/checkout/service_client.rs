//! Sends the requests of guests, of Stripe and of the operator to a running service, over HTTP on loopback.
//!
//! Every response must have the expected status, because a load of refused requests would look fast.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use holdfast::clock::SystemClock;
use holdfast::domain::time::Clock;
use holdfast::sandbox::signature_header;
use reqwest::Method;
use serde_json::{Value, json};

/// The admin key of the measured service.
pub(crate) const ADMIN_KEY: &str = "operators-key-of-the-benchmark";
/// The secret that signs Stripe's events.
pub(crate) const WEBHOOK_SECRET: &str = "whsec_benchmark";
/// The number of event types, each with its own resource.
const EVENT_TYPES: i64 = 16;
const MINUTES: i64 = 30;
const AMOUNT: i64 = 5000;
/// The header in which the shop's proxy names the client's address.
const FORWARDED: &str = "x-forwarded-for";

/// Slots that are free: returns each slot once.
pub(crate) struct FreeSlots {
    first: DateTime<Utc>,
    returned: AtomicI64,
}

impl FreeSlots {
    pub(crate) fn new() -> Arc<Self> {
        let tomorrow = SystemClock.now().timestamp() / 86_400 + 1;
        Arc::new(Self {
            first: DateTime::from_timestamp(tomorrow * 86_400, 0).unwrap(),
            returned: AtomicI64::new(0),
        })
    }

    /// Returns the event type and the start of the next slot.
    pub(crate) fn next_slot(&self) -> (String, DateTime<Utc>) {
        let number = self.returned.fetch_add(1, Ordering::Relaxed);
        let start = self.first + Duration::minutes(MINUTES * (number / EVENT_TYPES));
        (format!("call-{}", number % EVENT_TYPES), start)
    }
}

/// An HTTP client of a service and of its simulator.
#[derive(Clone)]
pub(crate) struct ServiceClient {
    http: reqwest::Client,
    service: String,
    simulator: String,
    /// Counts the guests, so that each has an e-mail and an IP address of its own.
    guests: Arc<AtomicU32>,
}

impl ServiceClient {
    pub(crate) fn new(service: &str, simulator: &str) -> Self {
        Self {
            http: build_http_client(usize::MAX),
            service: service.to_owned(),
            simulator: simulator.to_owned(),
            guests: Arc::default(),
        }
    }

    /// Returns a client that opens a connection for each request, as many guests of one request each do.
    pub(crate) fn with_new_connections(&self) -> Self {
        Self {
            http: build_http_client(0),
            ..self.clone()
        }
    }

    /// Creates the event types.
    pub(crate) async fn create_event_types(&self) {
        for number in 0..EVENT_TYPES {
            let host = json!({"name": format!("Host {number}")});
            self.create(&format!("/v1/admin/resources/host-{number}"), &host)
                .await;
            let path = format!("/v1/admin/event-types/call-{number}");
            let terms = json!({"name": "Call", "resource": format!("host-{number}"),
                "duration_minutes": MINUTES, "amount": AMOUNT, "currency": "eur"});
            self.create(&path, &terms).await;
        }
    }

    /// Waits until the service is ready.
    pub(crate) async fn wait_until_ready(&self) {
        let ready = || async {
            let sent = self.service_request(Method::GET, "/readyz").send().await;
            sent.is_ok_and(|response| response.status().is_success())
        };
        while !ready().await {
            tokio::task::yield_now().await;
        }
    }

    /// Books a slot and expects this status. Returns the response's body.
    pub(crate) async fn book_slot(
        &self,
        (event_type, start): &(String, DateTime<Utc>),
        status: u16,
    ) -> Vec<u8> {
        let start = start.to_rfc3339();
        let (email, address) = self.new_guest();
        let body = format!(
            r#"{{"event_type":"{event_type}","starts_at":"{start}","guest":{{"email":"{email}","name":"Ada"}}}}"#
        );
        let request = self
            .service_request(Method::POST, "/v1/holds")
            .header(FORWARDED, address);
        send_expecting(request.body(body), status).await
    }

    /// Books a slot that several guests request at once. Returns whether this guest got it.
    pub(crate) async fn try_to_book_slot(&self, slot: &(String, DateTime<Utc>)) -> bool {
        let (email, address) = self.new_guest();
        let body = json!({"event_type": slot.0, "starts_at": slot.1, "guest": {"email": email}});
        let request = self
            .service_request(Method::POST, "/v1/holds")
            .header(FORWARDED, address);
        match request
            .body(body.to_string())
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
        {
            201 => true,
            409 => false,
            other => panic!("unexpected status {other} in a rush"),
        }
    }

    /// Sends the event that the placed hold is paid.
    pub(crate) async fn send_paid_event(&self, placed: &[u8]) {
        let placed: Value = serde_json::from_slice(placed).unwrap();
        let (hold, session) = (
            placed["id"].as_str().unwrap(),
            placed["checkout_session"].as_str().unwrap(),
        );
        let event = json!({
            "id": format!("evt_{hold}"), "object": "event", "type": "checkout.session.completed", "livemode": false,
            "data": {"object": {"id": session, "object": "checkout.session", "status": "complete",
                "payment_status": "paid", "payment_intent": format!("pi_{hold}"), "amount_total": AMOUNT,
                "currency": "eur", "client_reference_id": hold, "metadata": {"holdfast_hold": hold},
                "livemode": false}},
        })
        .to_string();
        let signature = signature_header(WEBHOOK_SECRET, SystemClock.now().timestamp(), &event);
        let request = self.service_request(Method::POST, "/webhooks/stripe");
        let body = send_expecting(request.header("stripe-signature", signature).body(event), 200).await;
        assert_eq!(
            serde_json::from_slice::<Value>(&body).unwrap()["outcome"],
            "applied"
        );
    }

    /// Sets how long the simulator waits before each response.
    pub(crate) async fn set_stripe_latency(&self, milliseconds: u64) {
        let faults = json!({ "latency_ms": milliseconds }).to_string();
        send_expecting(
            self.simulator_request(Method::PUT, "/sandbox/faults")
                .body(faults),
            200,
        )
        .await;
    }

    /// Returns how many session requests the simulator has received.
    pub(crate) async fn count_session_requests(&self) -> u64 {
        let calls = send_expecting(self.simulator_request(Method::GET, "/sandbox/calls"), 200).await;
        serde_json::from_slice::<Value>(&calls).unwrap()["create"]
            .as_u64()
            .unwrap()
    }

    /// Returns the e-mail and the IP address of a new guest.
    fn new_guest(&self) -> (String, String) {
        let number = self.guests.fetch_add(1, Ordering::Relaxed);
        let ip = Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 0).to_bits() + number);
        (format!("guest-{number}@example.com"), ip.to_string())
    }

    /// Creates something in the catalogue, as the operator.
    pub(crate) async fn create(&self, path: &str, body: &Value) {
        let request = self.service_request(Method::PUT, path).bearer_auth(ADMIN_KEY);
        send_expecting(request.body(body.to_string()), 201).await;
    }

    /// Has every event sent to an endpoint.
    pub(crate) async fn create_endpoint(&self, url: &str) {
        let endpoint = json!({"url": url, "events": ["*"]});
        self.create("/v1/admin/webhook-endpoints/shop", &endpoint).await;
    }

    /// Reads an event type's page of slots. Returns the number of slots.
    pub(crate) async fn count_slots(
        &self,
        event_type: &str,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> usize {
        let format_time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let path = format!(
            "/v1/event-types/{event_type}/slots?from={}&to={}",
            format_time(from),
            format_time(to)
        );
        let page: Value = serde_json::from_slice(
            &send_expecting(
                self.service_request(Method::GET, &path)
                    .header(FORWARDED, self.new_guest().1),
                200,
            )
            .await,
        )
        .unwrap();
        page["slots"].as_array().unwrap().len()
    }

    fn service_request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.build_request(method, &self.service, path)
    }

    fn simulator_request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.build_request(method, &self.simulator, path)
    }

    fn build_request(&self, method: Method, base: &str, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{base}{path}"));
        request.header("content-type", "application/json")
    }
}

fn build_http_client(idle_connections: usize) -> reqwest::Client {
    // All requests are plain HTTP, but the client needs a TLS provider all the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder().no_proxy().http1_only();
    builder.pool_max_idle_per_host(idle_connections).build().unwrap()
}

/// Sends a request and expects this status. Returns the response's body.
async fn send_expecting(request: reqwest::RequestBuilder, status: u16) -> Vec<u8> {
    let response = request.send().await.unwrap();
    let received = response.status().as_u16();
    let body = response.bytes().await.unwrap();
    assert_eq!(received, status, "{}", String::from_utf8_lossy(&body));
    body.to_vec()
}
