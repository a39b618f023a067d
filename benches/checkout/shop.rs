//! What guests, Stripe and the operator ask of a running service, over HTTP on loopback.
//!
//! Every answer must be the expected one: a load that is refused would look fast.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use holdfast::clock::SystemClock;
use holdfast::domain::time::Clock;
use holdfast::sandbox::signature_header;
use reqwest::Method;
use serde_json::{Value, json};

/// The operators' key of the services measured here.
pub(crate) const ADMIN_KEY: &str = "operators-key-of-the-benchmark";
/// What Stripe's events are signed with here.
pub(crate) const WEBHOOK_SECRET: &str = "whsec_benchmark";
/// Event types on sale, each with a resource of its own.
const EVENT_TYPES: i64 = 16;
const MINUTES: i64 = 30;
const AMOUNT: i64 = 5000;
/// Where the shop's proxy says who asks.
const FORWARDED: &str = "x-forwarded-for";

/// Slots that nobody has asked for yet: each is given out once.
pub(crate) struct Slots {
    first: DateTime<Utc>,
    given: AtomicI64,
}

impl Slots {
    pub(crate) fn new() -> Arc<Self> {
        let tomorrow = SystemClock.now().timestamp() / 86_400 + 1;
        Arc::new(Self {
            first: DateTime::from_timestamp(tomorrow * 86_400, 0).unwrap(),
            given: AtomicI64::new(0),
        })
    }

    /// Event type and start.
    pub(crate) fn next(&self) -> (String, DateTime<Utc>) {
        let number = self.given.fetch_add(1, Ordering::Relaxed);
        let start = self.first + Duration::minutes(MINUTES * (number / EVENT_TYPES));
        (format!("call-{}", number % EVENT_TYPES), start)
    }
}

/// A service and the simulator behind it, as the outside sees them.
#[derive(Clone)]
pub(crate) struct Shop {
    http: reqwest::Client,
    service: String,
    simulator: String,
    /// Guests who came so far: no two are the same person, or sit at the same address.
    guests: Arc<AtomicU32>,
}

impl Shop {
    pub(crate) fn new(service: &str, simulator: &str) -> Self {
        // Everything here is plain HTTP, but the client wants to know its TLS all the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .no_proxy()
            .http1_only()
            .build()
            .unwrap();
        Self {
            http,
            service: service.to_owned(),
            simulator: simulator.to_owned(),
            guests: Arc::default(),
        }
    }

    /// Puts the event types on sale.
    pub(crate) async fn open(&self) {
        for number in 0..EVENT_TYPES {
            let path = format!("/v1/admin/event-types/call-{number}");
            let terms = json!({"name": "Call", "resource": format!("host-{number}"),
                "duration_minutes": MINUTES, "amount": AMOUNT, "currency": "eur"});
            self.put(&path, &terms).await;
        }
    }

    /// Waits until the service is ready.
    pub(crate) async fn wait_until_ready(&self) {
        let ready = || async {
            let sent = self.service(Method::GET, "/readyz").send().await;
            sent.is_ok_and(|answer| answer.status().is_success())
        };
        while !ready().await {
            tokio::task::yield_now().await;
        }
    }

    /// Books a slot, which must be answered with this status; the answer's body.
    pub(crate) async fn book(&self, (event_type, start): &(String, DateTime<Utc>), status: u16) -> Vec<u8> {
        let start = start.to_rfc3339();
        let (email, address) = self.guest();
        let body = format!(
            r#"{{"event_type":"{event_type}","starts_at":"{start}","guest":{{"email":"{email}","name":"Ada"}}}}"#
        );
        let request = self.service(Method::POST, "/v1/holds").header(FORWARDED, address);
        answer(request.body(body), status).await
    }

    /// Books a slot that several want; whether it was had.
    pub(crate) async fn try_to_book(&self, slot: &(String, DateTime<Utc>)) -> bool {
        let (email, address) = self.guest();
        let body = json!({"event_type": slot.0, "starts_at": slot.1, "guest": {"email": email}});
        let request = self.service(Method::POST, "/v1/holds").header(FORWARDED, address);
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
            other => panic!("a rush was answered {other}"),
        }
    }

    /// Stripe tells that the hold with this number, of this answer, is paid.
    pub(crate) async fn confirm(&self, placed: &[u8]) {
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
        let request = self.service(Method::POST, "/webhooks/stripe");
        let said = answer(request.header("stripe-signature", signature).body(event), 200).await;
        assert_eq!(
            serde_json::from_slice::<Value>(&said).unwrap()["outcome"],
            "applied"
        );
    }

    /// Makes the simulator wait so long before each answer.
    pub(crate) async fn slow_stripe_down(&self, milliseconds: u64) {
        let faults = json!({ "latency_ms": milliseconds }).to_string();
        answer(self.simulator(Method::PUT, "/sandbox/faults").body(faults), 200).await;
    }

    /// Sessions that the simulator was asked for so far.
    pub(crate) async fn sessions_asked_for(&self) -> u64 {
        let calls = answer(self.simulator(Method::GET, "/sandbox/calls"), 200).await;
        serde_json::from_slice::<Value>(&calls).unwrap()["create"]
            .as_u64()
            .unwrap()
    }

    /// A new guest's address, and that of their machine.
    fn guest(&self) -> (String, String) {
        let number = self.guests.fetch_add(1, Ordering::Relaxed);
        let machine = Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 0).to_bits() + number);
        (format!("guest-{number}@example.com"), machine.to_string())
    }

    /// Writes something down as the operator.
    pub(crate) async fn put(&self, path: &str, body: &Value) {
        let request = self.service(Method::PUT, path).bearer_auth(ADMIN_KEY);
        answer(request.body(body.to_string()), 201).await;
    }

    /// Reads an event type's slots; how many there are.
    pub(crate) async fn slots(&self, event_type: &str, from: DateTime<Utc>, to: DateTime<Utc>) -> usize {
        let stamp = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let path = format!(
            "/v1/event-types/{event_type}/slots?from={}&to={}",
            stamp(from),
            stamp(to)
        );
        let shown: Value =
            serde_json::from_slice(&answer(self.service(Method::GET, &path), 200).await).unwrap();
        shown["slots"].as_array().unwrap().len()
    }

    fn service(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.request(method, &self.service, path)
    }

    fn simulator(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.request(method, &self.simulator, path)
    }

    fn request(&self, method: Method, base: &str, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{base}{path}"));
        request.header("content-type", "application/json")
    }
}

async fn answer(request: reqwest::RequestBuilder, status: u16) -> Vec<u8> {
    let answer = request.send().await.unwrap();
    let given = answer.status().as_u16();
    let body = answer.bytes().await.unwrap();
    assert_eq!(given, status, "{}", String::from_utf8_lossy(&body));
    body.to_vec()
}
