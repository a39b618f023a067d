//! Trouble to order: what shall go wrong, where, and how often.
//!
//! `PUT /sandbox/faults` takes a [`Faults`] as JSON and replaces all former orders; `{}` is fair weather. When a fault
//! strikes is drawn in `dice`; what it does to a call is in `api` and `answer`, to a webhook in `events`.

use serde::{Deserialize, Serialize};

use super::endpoint::Endpoint;

/// All orders for trouble. Every member may be left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Every API call waits so long before its effect; it happens even if the caller hangs up meanwhile.
    pub latency_ms: u64,
    /// Up to so much is added to `latency_ms`, by chance.
    pub jitter_ms: u64,
    /// How long a call struck by [`FaultKind::Hang`] is left without an answer.
    pub hang_ms: u64,
    /// Fixes all chances; absent, they differ from run to run.
    pub seed: Option<u64>,
    /// Faults of API calls. The first that strikes counts.
    pub api: Vec<ApiFault>,
    /// Faults of webhooks, for events that happen from now on.
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
    /// Adds: the next `count` calls of `endpoint` are struck by `kind`.
    pub fn next(mut self, endpoint: Endpoint, kind: FaultKind, count: u32) -> Faults {
        self.api.push(ApiFault {
            endpoint: Some(endpoint),
            next: count,
            ..ApiFault::of(kind)
        });
        self
    }

    /// Adds: every call, of whatever endpoint, is struck by `kind` with this probability.
    pub fn sometimes(mut self, kind: FaultKind, probability: f64) -> Faults {
        self.api.push(ApiFault {
            probability,
            ..ApiFault::of(kind)
        });
        self
    }
}

/// How a call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// 429 with `Stripe-Rate-Limited-Reason`; no effect, nothing kept.
    RateLimited,
    /// 429 with code `lock_timeout` and no reason header; no effect, nothing kept.
    LockTimeout,
    /// 500 before the call was begun: no effect, nothing kept, a repetition runs.
    ServerError,
    /// 500 after it was begun: no effect, but kept under the idempotency key and replayed, as Stripe does.
    ServerErrorKept,
    /// 502 with an HTML body, from a proxy in between; no effect, nothing kept.
    BadGateway,
    /// The connection is closed without an answer and without an effect.
    Cut,
    /// The effect happens and is kept, then the connection is closed without an answer.
    LostAnswer,
    /// The effect happens and is kept; the answer comes `hang_ms` later.
    Hang,
}

/// One order for API calls: `next` calls for sure, after that with `probability`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiFault {
    /// Which calls; absent: all.
    #[serde(default)]
    pub endpoint: Option<Endpoint>,
    /// What happens to them.
    pub kind: FaultKind,
    /// So many matching calls are struck for sure.
    #[serde(default)]
    pub next: u32,
    /// Every other matching call is struck with this probability, 0 to 1.
    #[serde(default)]
    pub probability: f64,
    /// `Stripe-Rate-Limited-Reason` of a 429; absent: `endpoint-rate`.
    #[serde(default)]
    pub reason: Option<String>,
    /// `Stripe-Should-Retry` of a 429, 500 or 502; absent: no such header.
    #[serde(default)]
    pub should_retry: Option<bool>,
}

impl ApiFault {
    /// An order that never strikes: give it `next` or `probability`.
    pub fn of(kind: FaultKind) -> ApiFault {
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

/// `next` times for sure, after that with `probability` (0 to 1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Chance {
    /// So many times for sure.
    pub next: u32,
    /// After that, with this probability.
    pub probability: f64,
}

/// What happens to webhooks on their way, each drawn once per event.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookFaults {
    /// Delivered twice.
    pub doubled: Chance,
    /// Never delivered, unless by name.
    pub dropped: Chance,
    /// Delivered out of order: put at a random place of the queue (and, in automatic mode, up to a second late).
    pub shuffled: Chance,
    /// Delivered `delayed_ms` late. Automatic mode only: in the other the test says when.
    pub delayed: Chance,
    /// How late.
    pub delayed_ms: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_order_is_fair_weather_and_a_misspelt_one_is_refused() {
        assert_eq!(serde_json::from_str::<Faults>("{}").unwrap(), Faults::default());
        assert!(serde_json::from_str::<Faults>(r#"{"latency": 5}"#).is_err());
        let order = r#"{"api": [{"endpoint": "expire_session", "kind": "rate_limited", "next": 1}],
                        "webhooks": {"doubled": {"next": 1}, "dropped": {"probability": 0.1}}}"#;
        assert_eq!(
            serde_json::from_str::<Faults>(order).unwrap().api[0].kind,
            FaultKind::RateLimited
        );
    }
}
