//! Bringing webhooks to the receiver: by hand in explicit mode, by a background courier in automatic mode.
//!
//! Every attempt is signed afresh. An event is off the queue once a copy of it was answered with 2xx. The courier
//! retries with growing delay, many events at once, so that a slow answer holds up none but its own.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::events::QueuedEvent;
use super::{Simulator, lock, sign};

/// How long hanging answers may hold up the end of `serve`.
pub(super) const PATIENCE_AT_SHUTDOWN: Duration = Duration::from_secs(2);
const LONGEST_ANSWER: Duration = Duration::from_secs(30);
const FIRST_RETRY: Duration = Duration::from_millis(500);
const LONGEST_RETRY: Duration = Duration::from_secs(60);
const AT_ONCE: usize = 32;
/// The clock may be one that a test moves, so it is asked often instead of being waited for.
const EXPIRY_CHECK: Duration = Duration::from_millis(200);

/// One attempt to deliver an event, and what the receiver said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// `evt_…`
    pub event_id: String,
    /// For example `checkout.session.completed`.
    pub event_type: String,
    /// The HTTP status, or why there was none.
    pub status: Result<u16, String>,
    /// The answer's body.
    pub body: String,
}

impl Delivery {
    /// Whether the receiver took the event.
    pub fn accepted(&self) -> bool {
        matches!(self.status, Ok(200..=299))
    }
}

/// The HTTP client that webhooks are posted with.
pub(super) struct Postman(Result<reqwest::Client, String>);

impl Postman {
    pub(super) fn new() -> Postman {
        // Webhooks go to loopback in plain HTTP; a TLS set-up without roots spares loading the machine's.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map(|tls| {
                tls.with_root_certificates(rustls::RootCertStore::empty())
                    .with_no_client_auth()
            });
        let client = tls.map_err(|error| error.to_string()).and_then(|tls| {
            let builder = reqwest::Client::builder()
                .tls_backend_preconfigured(tls)
                .timeout(LONGEST_ANSWER);
            // An environment's proxy has no business with loopback, and Stripe follows no redirects.
            let builder = builder.no_proxy().redirect(reqwest::redirect::Policy::none());
            builder.build().map_err(|error| error.to_string())
        });
        Postman(client)
    }

    async fn post(&self, url: &str, signature: String, payload: String) -> Result<(u16, String), String> {
        let answer = self
            .0
            .as_ref()
            .map_err(Clone::clone)?
            .post(url)
            .header("content-type", "application/json; charset=utf-8")
            .header("user-agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
            .header("stripe-signature", signature)
            .body(payload)
            .send()
            .await
            .map_err(|error| error.to_string())?;
        let status = answer.status().as_u16();
        answer
            .text()
            .await
            .map(|body| (status, body))
            .map_err(|error| error.to_string())
    }
}

impl Simulator {
    /// Delivers the first event of the queue; it stays there unless it is accepted.
    pub async fn deliver_next(&self) -> Option<Delivery> {
        let event = self.read(|state| state.events.pending().next().cloned())?;
        self.attempt(event).await
    }

    /// Delivers what is queued, and what queues up meanwhile, each event once (doubled ones twice). What is not
    /// accepted stays queued.
    pub async fn deliver_all(&self) -> Vec<Delivery> {
        let mut deliveries = Vec::new();
        let mut refused = HashSet::new();
        loop {
            let next = self.read(|state| {
                state
                    .events
                    .pending()
                    .find(|event| !refused.contains(&event.id))
                    .cloned()
            });
            let Some(event) = next else { return deliveries };
            let Some(delivery) = self.attempt(event).await else {
                return deliveries;
            };
            if !delivery.accepted() {
                refused.insert(delivery.event_id.clone());
            }
            deliveries.push(delivery);
        }
    }

    /// Delivers one event, whether it is queued, dropped, or was accepted before.
    pub async fn deliver(&self, event_id: &str) -> Option<Delivery> {
        let event = self.read(|state| state.events.get(event_id).cloned())?;
        self.attempt(event).await
    }

    /// One signed POST. Nothing where no address is known.
    async fn attempt(&self, event: QueuedEvent) -> Option<Delivery> {
        let url = lock(&self.0.webhook_url).clone()?;
        let signature = sign::signature_header(
            &self.0.config.webhook_secret,
            self.now().timestamp(),
            &event.payload,
        );
        let (status, body) = match self.0.postman.post(&url, signature, event.payload).await {
            Ok((status, body)) => (Ok(status), body),
            Err(trouble) => (Err(trouble), String::new()),
        };
        let delivery = Delivery {
            event_id: event.id,
            event_type: event.event_type,
            status,
            body,
        };
        if delivery.accepted() {
            self.change(|state| state.events.accepted(&delivery.event_id));
        }
        Some(delivery)
    }
}

/// Picks up events as they happen and sees each through, until `stop`.
pub(super) async fn courier(simulator: Simulator, stop: CancellationToken) {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    while !stop.is_cancelled() {
        let has_address = lock(&simulator.0.webhook_url).is_some();
        let fresh = if has_address {
            simulator.take_fresh()
        } else {
            Vec::new()
        };
        for (event, delay) in fresh {
            let (simulator, room, stop) = (simulator.clone(), room.clone(), stop.clone());
            tokio::spawn(async move {
                stop.run_until_cancelled(see_through(simulator, event, delay, &room))
                    .await;
            });
        }
        stop.run_until_cancelled(simulator.0.bell.notified()).await;
    }
}

async fn see_through(simulator: Simulator, event: String, delay: Duration, room: &Semaphore) {
    tokio::time::sleep(delay).await;
    let mut wait = FIRST_RETRY;
    while simulator.read(|state| state.events.is_pending(&event)) {
        if let Ok(_place) = room.acquire().await
            && simulator
                .deliver(&event)
                .await
                .is_some_and(|delivery| delivery.accepted())
        {
            return;
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LONGEST_RETRY);
    }
}

/// Expires sessions as their time comes, until `stop`.
pub(super) async fn expirer(simulator: Simulator, stop: CancellationToken) {
    let tick = async {
        loop {
            tokio::time::sleep(EXPIRY_CHECK).await;
            simulator.expire_due();
        }
    };
    stop.run_until_cancelled(tick).await;
}

impl Simulator {
    fn take_fresh(&self) -> Vec<(String, Duration)> {
        lock(&self.0.state).events.take_fresh()
    }
}
