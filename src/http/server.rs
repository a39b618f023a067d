//! The state that all handlers share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::FromRef;
use axum::http::HeaderValue;
use secrecy::SecretString;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use url::Origin;

use super::client_address::TrustedProxies;
use super::console_streams::ConsoleStreams;
use super::database_reading::DatabaseReadings;
use super::operation_names::OperationNames;
use super::rate_limit::ClientRateLimiter;
use super::response_size::ResponseSpace;
use super::slot_streams::SlotStreams;
use crate::domain::figures::FigureCounts;
use crate::gateway::stripe_config::StripeJs;
use crate::workflow::Context;

/// Renders the metrics as text. The figures are `None` while the database is unavailable.
pub type RenderMetrics = Arc<dyn Fn(Option<FigureCounts>) -> String + Send + Sync>;

/// The state that all handlers share.
pub struct Server {
    /// Gives the workflows what they need: store, gateway, clock, settings.
    pub context: Arc<Context>,
    /// Is the key named `bootstrap`, if the environment has one.
    pub admin_key: Option<SecretString>,
    /// Verifies the signatures of webhooks. There are several secrets while one is being rolled.
    pub webhook_secrets: Vec<SecretString>,
    /// Lists the origins that return URLs may have: the shop's and our own.
    pub return_origins: Vec<Origin>,
    /// The origins of the shop's pages that may call the API from a browser (CORS).
    pub cors_origins: Vec<HeaderValue>,
    /// What pages need to embed the payment page; `None` if no publishable key is configured.
    pub stripe_js: Option<StripeJs>,
    /// The URL that Stripe sends a guest to after payment, unless the request names another.
    pub success_url: String,
    /// The URL that Stripe sends a guest to who turned back, unless the request names another.
    pub cancel_url: String,
    /// Keeps what the database said about itself last, for health checks and metrics.
    pub database_readings: DatabaseReadings,
    /// Renders the metrics of this process as text.
    pub render_metrics: RenderMetrics,
    /// Says whether the demo page is served at `/`.
    pub demo: bool,
    /// Caps how many checkouts run at once in this process, because each takes memory.
    pub checkout_capacity: Semaphore,
    /// Caps the memory of responses that their clients have not read yet.
    pub response_space: ResponseSpace,
    /// Caps how many access keys are looked up at once: wrong ones must not take the connections of the database.
    pub key_lookups: Semaphore,
    /// Caps how many console sessions are looked up at once. Apart from keys: strangers' cookies must not delay shops' servers.
    pub session_lookups: Semaphore,
    /// Tells which proxies may name the client's address.
    pub trusted_proxies: TrustedProxies,
    /// Limits how many requests each client address may send.
    pub rate_limiter: ClientRateLimiter,
    /// Says whether calendar feeds may have private addresses.
    pub calendar_allow_private: bool,
    /// Names what operators do in the audit trail.
    pub operations: OperationNames,
    /// Bounds the streams to browsers, and keeps what they all wait for.
    pub console_streams: ConsoleStreams,
    /// Bounds the streams to pages that show slots, and keeps what they all wait for.
    pub slot_streams: SlotStreams,
    /// Says whether Stripe itself answers, and no simulator: then its dashboard shows its objects.
    pub is_real_stripe: bool,
    /// Ends the streams to browsers when the process stops.
    pub stopping: CancellationToken,
    /// Says whether the database was found usable at the start. Until then requests get 503.
    pub is_open: AtomicBool,
    /// Holds the OpenAPI description as JSON, as `GET /openapi.json` returns it.
    pub openapi: String,
}

impl Server {
    /// Lets requests in: the schema is up to date, and the key fits what is in the database.
    pub fn open(&self) {
        self.is_open.store(true, Ordering::Release);
    }

    pub(super) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Acquire)
    }
}

impl FromRef<Arc<Server>> for TrustedProxies {
    fn from_ref(server: &Arc<Server>) -> Self {
        server.trusted_proxies.clone()
    }
}
