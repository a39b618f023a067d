//! The way to Stripe: one pooled HTTPS client, and around each call a time budget, keyed retries, a rate limit, a
//! circuit breaker, log lines and metrics.
//!
//! Requests are async-stripe's, sent by us: its own client opens a connection for each call, waits without a limit,
//! drops the response's headers (`Request-Id`, `Stripe-Should-Retry`, `Date`), and turns a good answer in which one
//! field of hundreds is missing into an error that has lost the new object's id.
//!
//! A request that changes something is repeated only with its idempotency key. Once one attempt of a call may have had
//! its effect, the whole call is [`GatewayError::Unknown`] unless a later attempt gets a definite answer. Neither key,
//! nor body, nor an id in a path is logged. What an answer means is left to `client`.

use std::sync::Arc;
use std::time::Duration;

use rand::Rng as _;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use rustls::RootCertStore;
use secrecy::ExposeSecret as _;
use stripe_client_core::{RequestBuilder, StripeMethod};
use tokio::time::Instant;

use super::GatewayError;
use super::answer::{Answer, Contact, Head, Miss, unavailable};
use super::breaker::Breaker;
use super::client::{SetupError, StripeConfig};
use super::limits::{Endpoint, Limiter};

/// Repetitions of one call, where its budget leaves room for them.
const RETRIES: u32 = 4;

/// Bound of the first pause; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// One call: a request, how it is known to us, and how its answer is read.
pub(super) struct Call<'a, T> {
    /// Name in metrics, and bucket of the rate limit.
    pub(super) endpoint: Endpoint,
    /// What to send.
    pub(super) request: RequestBuilder,
    /// Idempotency key; none where nothing is changed.
    pub(super) key: Option<&'a str>,
    /// Takes what is needed from a good answer; `None` where that is missing.
    pub(super) read: fn(&Answer) -> Option<T>,
}

impl<T> Call<'_, T> {
    fn has_effect(&self) -> bool {
        !matches!(self.request.method, StripeMethod::Get)
    }

    fn may_be_repeated(&self) -> bool {
        self.key.is_some() || !self.has_effect()
    }
}

/// The client and what guards it.
pub(super) struct Transport {
    http: reqwest::Client,
    base: String,
    attempt_timeout: Duration,
    budget: Duration,
    limiter: Option<Limiter>,
    breaker: Breaker,
}

impl Transport {
    pub(super) fn new(config: &StripeConfig) -> Result<Self, SetupError> {
        Ok(Self {
            http: http_client(config)?,
            base: format!("{}/v1", config.api_base.as_str().trim_end_matches('/')),
            attempt_timeout: config.attempt_timeout,
            budget: config.budget,
            limiter: config.limits.map(Limiter::new),
            breaker: Breaker::new(),
        })
    }

    /// Makes a call, all its retries included, within the budget.
    pub(super) async fn send<T>(&self, call: &Call<'_, T>) -> Result<T, GatewayError> {
        let started = Instant::now();
        let result = self.guarded(call, started + self.budget).await;
        let outcome = match &result {
            Ok(_) => "ok",
            Err(GatewayError::Refused(_)) => "refused",
            Err(GatewayError::Unavailable { .. }) => "unavailable",
            Err(GatewayError::Unknown) => "unknown",
        };
        let name = call.endpoint.name();
        metrics::histogram!("holdfast_stripe_call_seconds", "call" => name, "outcome" => outcome)
            .record(started.elapsed());
        result
    }

    async fn guarded<T>(&self, call: &Call<'_, T>, deadline: Instant) -> Result<T, GatewayError> {
        let pass = match self.breaker.admit(Instant::now()) {
            Ok(pass) => pass,
            Err(wait) => return Err(unavailable(Some(wait))),
        };
        let result = self.attempts(call, deadline).await;
        match result
            .as_ref()
            .map_or_else(|miss| miss.contact, |_| Contact::Answered)
        {
            Contact::Answered => pass.answered(),
            Contact::Unanswered => pass.unanswered(Instant::now()),
            Contact::NotTried => drop(pass),
        }
        let open = if self.breaker.is_open() { 1.0 } else { 0.0 };
        metrics::gauge!("holdfast_stripe_circuit_open").set(open);
        result.map_err(|miss| miss.error)
    }

    async fn attempts<T>(&self, call: &Call<'_, T>, deadline: Instant) -> Result<T, Box<Miss>> {
        let mut doubt = false;
        for attempt in 1.. {
            let mut miss = match self.attempt(call, attempt, deadline).await {
                Ok(value) => return Ok(value),
                Err(miss) => miss,
            };
            doubt |= miss.error == GatewayError::Unknown;
            let pause = pause_after(attempt).max(miss.not_before.unwrap_or_default());
            // A last attempt without time for its answer would only add doubt.
            let in_time = Instant::now() + pause + self.attempt_timeout / 4 < deadline;
            if !(miss.again && call.may_be_repeated() && attempt <= RETRIES && in_time) {
                miss.error = settle(miss.error, doubt && call.has_effect(), call.has_effect());
                return Err(miss);
            }
            metrics::counter!("holdfast_stripe_retries_total", "call" => call.endpoint.name()).increment(1);
            tokio::time::sleep(pause).await;
        }
        Err(Miss::unreadable())
    }

    async fn attempt<T>(&self, call: &Call<'_, T>, attempt: u32, deadline: Instant) -> Result<T, Box<Miss>> {
        let started = Instant::now();
        let (head, result) = self.exchange(call, deadline).await;
        let status = head.as_ref().map(|h| h.status);
        let request_id = head.and_then(|h| h.request_id);
        let (call_name, path, ms) = (
            call.endpoint.name(),
            call.endpoint.path(),
            started.elapsed().as_millis(),
        );
        match &result {
            Ok(_) => tracing::debug!(
                call = call_name,
                path,
                status,
                request_id,
                attempt,
                ms,
                "stripe answered"
            ),
            Err(miss) => {
                let cause = &*miss.cause;
                tracing::warn!(
                    call = call_name,
                    path,
                    status,
                    request_id,
                    attempt,
                    ms,
                    cause,
                    "stripe call failed"
                );
            }
        }
        result
    }

    async fn exchange<T>(
        &self,
        call: &Call<'_, T>,
        deadline: Instant,
    ) -> (Option<Head>, Result<T, Box<Miss>>) {
        if let Err(wait) = self.wait_for_room(call.endpoint, deadline).await {
            return (None, Err(Miss::kept_back(wait)));
        }
        let timeout = self.attempt_timeout.min(deadline - Instant::now());
        let response = match self.request(call).timeout(timeout).send().await {
            Ok(response) => response,
            Err(error) => return (None, Err(Miss::no_response(&error))),
        };
        let head = Head::new(response.status().as_u16(), response.headers());
        let result = match response.bytes().await {
            Ok(body) => head
                .sort(&body)
                .and_then(|answer| (call.read)(&answer).ok_or_else(Miss::unreadable)),
            Err(error) => Err(Miss::no_response(&error)),
        };
        (Some(head), result)
    }

    /// Half of the time left may go by in the queue: the rest is for the call itself.
    async fn wait_for_room(&self, endpoint: Endpoint, deadline: Instant) -> Result<(), Duration> {
        let Some(limiter) = &self.limiter else {
            return Ok(());
        };
        let now = Instant::now();
        limiter.wait(endpoint, now + (deadline - now) / 2).await
    }

    fn request<T>(&self, call: &Call<'_, T>) -> reqwest::RequestBuilder {
        let RequestBuilder {
            query,
            body,
            path,
            method,
        } = &call.request;
        let mut url = format!("{}{path}", self.base);
        if let Some(query) = query.as_deref().filter(|q| !q.is_empty()) {
            url = format!("{url}?{query}");
        }
        let request = match method {
            StripeMethod::Get => self.http.get(url),
            StripeMethod::Delete => self.http.delete(url),
            StripeMethod::Post => self
                .http
                .post(url)
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(body.clone().unwrap_or_default()),
        };
        match call.key {
            Some(key) => request.header("idempotency-key", key),
            None => request,
        }
    }
}

/// What the last attempt's outcome means for the whole call.
fn settle(last: GatewayError, doubt: bool, has_effect: bool) -> GatewayError {
    match last {
        GatewayError::Unknown if !has_effect => unavailable(None),
        GatewayError::Unavailable { .. } if doubt => GatewayError::Unknown,
        // A refused key or permission says nothing about the attempt before; any other refusal is under the same
        // idempotency key, and so is Stripe's word on the order itself.
        GatewayError::Refused(refusal) if doubt && matches!(refusal.status, 401 | 403) => {
            GatewayError::Unknown
        }
        error => error,
    }
}

/// Exponential with full jitter, so that callers who failed together do not come back together.
fn pause_after(attempt: u32) -> Duration {
    let bound = FIRST_PAUSE * (1 << attempt.saturating_sub(1).min(RETRIES));
    bound.mul_f64(rand::rng().random_range(0.0..=1.0))
}

fn http_client(config: &StripeConfig) -> Result<reqwest::Client, SetupError> {
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls()?)
        .default_headers(headers(config)?)
        .user_agent(concat!("holdfast/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        // Shorter than an attempt: a connection that was never made is known to have done nothing.
        .connect_timeout(config.attempt_timeout / 2)
        // Connections are kept, and kept alive, between the rushes: a handshake costs three round trips.
        .pool_idle_timeout(Duration::from_secs(300))
        .tcp_keepalive(Duration::from_secs(30))
        .http2_keep_alive_interval(Duration::from_secs(30))
        .http2_keep_alive_while_idle(true)
        .build()?;
    Ok(client)
}

/// A client for one request to an address of our own: no key, no retries.
pub(super) fn plain_client(patience: Duration) -> Result<reqwest::Client, SetupError> {
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls()?)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(patience)
        .build()?;
    Ok(client)
}

/// The provider is handed over, not installed: nothing here depends on what else is linked or was installed first.
pub(super) fn tls() -> Result<rustls::ClientConfig, SetupError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(tls)
}

fn headers(config: &StripeConfig) -> Result<HeaderMap, SetupError> {
    let key = format!("Bearer {}", config.secret_key.expose_secret());
    let mut key = HeaderValue::from_str(&key).map_err(|_| SetupError::Key)?;
    key.set_sensitive(true);
    let version =
        HeaderValue::from_str(stripe_client_core::VERSION.as_str()).map_err(|_| SetupError::Version)?;
    Ok(HeaderMap::from_iter([
        (AUTHORIZATION, key),
        (HeaderName::from_static("stripe-version"), version),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::Refusal;

    fn refused(status: u16) -> GatewayError {
        GatewayError::Refused(Refusal {
            status,
            ..Refusal::default()
        })
    }

    #[test]
    fn doubt_outlives_what_a_later_attempt_cannot_know() {
        let unknown = GatewayError::Unknown;
        for (last, settled) in [
            (unavailable(None), unknown.clone()),
            (refused(401), unknown.clone()),
            (refused(403), unknown.clone()),
            (unknown.clone(), unknown.clone()),
            (refused(400), refused(400)),
        ] {
            assert_eq!(settle(last.clone(), true, true), settled, "{last:?}");
        }
        assert_eq!(settle(unavailable(None), false, true), unavailable(None));
        assert_eq!(settle(refused(401), false, true), refused(401));
    }

    #[test]
    fn a_call_without_effect_is_never_in_doubt() {
        assert_eq!(settle(GatewayError::Unknown, false, false), unavailable(None));
    }

    #[test]
    fn pauses_stay_under_a_doubling_bound() {
        for attempt in 1..=RETRIES {
            for _ in 0..100 {
                assert!(
                    pause_after(attempt) <= FIRST_PAUSE * (1 << (attempt - 1)),
                    "{attempt}"
                );
            }
        }
    }
}
