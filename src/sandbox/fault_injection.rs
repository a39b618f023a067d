//! The faults that a test can inject: which ones exist, which calls or webhooks they hit, and how often.
//!
//! `PUT /sandbox/faults` takes a [`Faults`] as JSON and replaces all earlier settings; `{}` removes every fault.
//! `fault_plan` chooses the calls and webhooks that a fault hits. `request_pipeline` and `responses` apply faults to API
//! calls, `event_log` to webhooks.

use serde::{Deserialize, Serialize};

use super::endpoint::Endpoint;

/// Describes all faults to inject. Every JSON member is optional.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Delays the effect of every API call. The effect happens even if the caller disconnects during the delay.
    pub latency_ms: u64,
    /// Adds a random delay between zero and this value to `latency_ms`.
    pub jitter_ms: u64,
    /// Sets how long [`FaultKind::Hang`] holds back the response.
    pub hang_ms: u64,
    /// Makes all random choices reproducible. Without a seed they differ from run to run.
    pub seed: Option<u64>,
    /// Lists the faults of API calls. If several apply to one call, the first one is used.
    pub api: Vec<ApiFault>,
    /// Sets the faults of webhooks, for events recorded from now on.
    pub webhooks: WebhookFaults,
}

impl Default for Faults {
    fn default() -> Faults {
        Faults {
            latency_ms: 0,
            jitter_ms: 0,
            hang_ms: 30_000,
            seed: None,
            api: Vec::new(),
            webhooks: WebhookFaults::default(),
        }
    }
}

impl Faults {
    /// Adds a fault that hits the next `count` calls of `endpoint`.
    pub fn next(mut self, endpoint: Endpoint, kind: FaultKind, count: u32) -> Faults {
        self.api.push(ApiFault {
            endpoint: Some(endpoint),
            next: count,
            ..ApiFault::new(kind)
        });
        self
    }

    /// Adds a fault that hits each call of any endpoint with this probability.
    pub fn fail_randomly(mut self, kind: FaultKind, probability: f64) -> Faults {
        self.api.push(ApiFault {
            probability,
            ..ApiFault::new(kind)
        });
        self
    }
}

/// The way in which an API call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Returns 429 with `Stripe-Rate-Limited-Reason`. No effect; nothing is saved under the idempotency key.
    RateLimited,
    /// Returns 429 with code `lock_timeout` and without a reason header. No effect; nothing is saved.
    LockTimeout,
    /// Returns 500 before execution begins. No effect; nothing is saved, so a retry executes the call.
    ServerError,
    /// Returns 500 after execution has begun. No effect, but the 500 is saved and replayed.
    ///
    /// Stripe does this too (docs.stripe.com/api/idempotent_requests).
    ServerErrorKept,
    /// Returns 502 with an HTML body, as a proxy before Stripe would. No effect; nothing is saved.
    BadGateway,
    /// Returns 403, as for a restricted key that lacks the permission. No effect; nothing is saved.
    Forbidden,
    /// Closes the connection without a response and without an effect.
    Cut,
    /// Executes the call and saves its response, then closes the connection without a response.
    LostAnswer,
    /// Executes the call and saves its response, but sends it only after `hang_ms`.
    Hang,
}

/// A fault of API calls: hits the `next` matching calls, and after them each call with `probability`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiFault {
    /// Limits the fault to one endpoint. Without it, all endpoints match.
    #[serde(default)]
    pub endpoint: Option<Endpoint>,
    /// Says how the call fails.
    pub kind: FaultKind,
    /// Counts the next matching calls that certainly fail.
    #[serde(default)]
    pub next: u32,
    /// Sets the probability, 0 to 1, that any other matching call fails.
    #[serde(default)]
    pub probability: f64,
    /// Sets the `Stripe-Rate-Limited-Reason` header of a 429; `endpoint-rate` if absent.
    #[serde(default)]
    pub reason: Option<String>,
    /// Sets the `Stripe-Should-Retry` header of a 429, 500 or 502; no header if absent.
    #[serde(default)]
    pub should_retry: Option<bool>,
}

impl ApiFault {
    /// Creates a fault that hits no call yet: set `next` or `probability`.
    pub fn new(kind: FaultKind) -> ApiFault {
        ApiFault {
            endpoint: None,
            kind,
            next: 0,
            probability: 0.0,
            reason: None,
            should_retry: None,
        }
    }
}

/// How often a webhook fault hits: the `next` events certainly, and after them each event with `probability`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultRate {
    /// Counts the next events that are certainly hit.
    pub next: u32,
    /// Sets the probability, 0 to 1, that any later event is hit.
    pub probability: f64,
}

/// Faults of webhooks; each fault is chosen separately for each event.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookFaults {
    /// Delivers the event twice.
    pub doubled: FaultRate,
    /// Never delivers the event, except by its id.
    pub dropped: FaultRate,
    /// Delivers the event out of order: inserts it at a random position of the queue.
    ///
    /// In automatic mode it is also delivered up to one second late.
    pub shuffled: FaultRate,
    /// Delivers the event `delayed_ms` late.
    ///
    /// In automatic mode only: in explicit mode the test chooses the time of delivery.
    pub delayed: FaultRate,
    /// Sets the delay of a delayed event.
    pub delayed_ms: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_json_is_no_faults_and_unknown_member_is_refused() {
        assert_eq!(serde_json::from_str::<Faults>("{}").unwrap(), Faults::default());
        assert!(serde_json::from_str::<Faults>(r#"{"latency": 5}"#).is_err());
        let json = r#"{"api": [{"endpoint": "expire_session", "kind": "rate_limited", "next": 1}],
                        "webhooks": {"doubled": {"next": 1}, "dropped": {"probability": 0.1}}}"#;
        assert_eq!(
            serde_json::from_str::<Faults>(json).unwrap().api[0].kind,
            FaultKind::RateLimited
        );
    }
}
