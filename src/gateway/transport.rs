//! Sends one attempt of a Stripe call: waits for the rate limit, sends the request, reads the response, logs the
//! outcome.
//!
//! The requests are async-stripe's, but we send them ourselves. By our own trials, its client opens a connection for
//! each call, has no timeout, hides the response's headers (`Request-Id`, `Stripe-Should-Retry`, `Date`), and fails on
//! a successful response that lacks one of hundreds of fields, so that the new object's id is lost.
//!
//! No key, no body and no id in a path is logged (I9).

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use stripe_client_core::{RequestBuilder, StripeMethod};
use tokio::time::Instant;

use super::GatewayError;
use super::http_client::build_stripe_client;
use super::response::{AttemptError, ResponseHead, StripeResponse};
use super::stripe_config::{SetupError, StripeConfig};
use super::stripe_json::Kept;
use super::stripe_rate_limit::{StripeEndpoint, StripeRateLimiter};

/// A call to Stripe: the request, and how to read its response.
pub(super) struct StripeCall<'a, T> {
    /// Names the call in metrics and logs, and selects its rate limit.
    pub(super) endpoint: StripeEndpoint,
    pub(super) request: RequestBuilder,
    /// `None` if the call changes nothing.
    pub(super) idempotency_key: Option<&'a str>,
    /// What of a successful response is read.
    pub(super) kept: Kept,
    /// Returns what the caller needs from a successful response, or `None` if a needed field is missing.
    pub(super) parse_response: fn(&StripeResponse) -> Option<T>,
}

impl<T> StripeCall<'_, T> {
    pub(super) fn has_effect(&self) -> bool {
        !matches!(self.request.method, StripeMethod::Get)
    }

    /// Returns whether the request may be sent again. Without a key, an effect could happen twice.
    pub(super) fn is_repeatable(&self) -> bool {
        self.idempotency_key.is_some() || !self.has_effect()
    }
}

fn is_refused_session<T>(call: &StripeCall<'_, T>, error: &AttemptError) -> bool {
    matches!(call.endpoint, StripeEndpoint::CreateSession) && matches!(error.error, GatewayError::Refused(_))
}

/// A pooled HTTPS client for Stripe, with our own rate limit.
pub(super) struct Transport {
    http: reqwest::Client,
    base: String,
    attempt_timeout: Duration,
    rate_limiter: Option<StripeRateLimiter>,
}

impl Transport {
    pub(super) fn new(config: &StripeConfig) -> Result<Self, SetupError> {
        Ok(Self {
            http: build_stripe_client(config)?,
            base: format!("{}/v1", config.api_base.as_str().trim_end_matches('/')),
            attempt_timeout: config.attempt_timeout,
            rate_limiter: config.limits.map(StripeRateLimiter::new),
        })
    }

    pub(super) fn attempt_timeout(&self) -> Duration {
        self.attempt_timeout
    }

    /// Makes one attempt and logs its outcome. `attempt` counts from 1.
    pub(super) async fn send_attempt<T>(
        &self,
        call: &StripeCall<'_, T>,
        attempt: u32,
        deadline: Instant,
    ) -> Result<T, Box<AttemptError>> {
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
                "stripe call succeeded"
            ),
            // Who creates a session logs a refusal itself: it knows what was refused.
            Err(error) if is_refused_session(call, error) => tracing::debug!(
                call = call_name,
                status,
                request_id,
                attempt,
                ms,
                "stripe refused a session"
            ),
            Err(error) => {
                let cause = &*error.cause;
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

    /// Sends the request and reads the response. Also returns the response's head, if one came, for the log.
    async fn exchange<T>(
        &self,
        call: &StripeCall<'_, T>,
        deadline: Instant,
    ) -> (Option<ResponseHead>, Result<T, Box<AttemptError>>) {
        if let Err(wait) = self.wait_for_rate_limit(call.endpoint, deadline).await {
            return (None, Err(AttemptError::from_own_rate_limit(wait)));
        }
        let timeout = self.attempt_timeout.min(deadline - Instant::now());
        let response = match self.build_request(call).timeout(timeout).send().await {
            Ok(response) => response,
            Err(error) => return (None, Err(AttemptError::from_missing_response(&error))),
        };
        let head = ResponseHead::new(response.status().as_u16(), response.headers());
        let result = match response.bytes().await {
            Ok(body) => head.classify_response(&body, call.kept).and_then(|response| {
                (call.parse_response)(&response).ok_or_else(AttemptError::from_unreadable_response)
            }),
            Err(error) => Err(AttemptError::from_missing_response(&error)),
        };
        (Some(head), result)
    }

    async fn wait_for_rate_limit(&self, endpoint: StripeEndpoint, deadline: Instant) -> Result<(), Duration> {
        let Some(limiter) = &self.rate_limiter else {
            return Ok(());
        };
        let now = Instant::now();
        // At most half of the remaining time, because the request itself needs the rest.
        limiter
            .wait_for_permit(endpoint, now + (deadline - now) / 2)
            .await
    }

    fn build_request<T>(&self, call: &StripeCall<'_, T>) -> reqwest::RequestBuilder {
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
                // async-stripe builds an expire request without a body.
                .body(body.clone().unwrap_or_default()),
        };
        match call.idempotency_key {
            Some(key) => request.header("idempotency-key", key),
            None => request,
        }
    }
}
