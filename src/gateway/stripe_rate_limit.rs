//! Our own rate limit below Stripe's, so that requests of a rush wait here in order instead of being refused there.
//!
//! Stripe's documentation allows 25 requests per second for each endpoint, and 100 in total with a live key or 25 with
//! a test key. Each instance counts for itself: if several share an account, Stripe's own 429 still decides. The caller
//! says how long to wait at most.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

/// The number of requests per second that we send to Stripe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StripeRateLimits {
    /// The limit for each endpoint.
    pub per_endpoint: NonZeroU32,
    /// The limit for all endpoints together.
    pub total: NonZeroU32,
}

impl StripeRateLimits {
    /// What Stripe allows for a live key, by its documentation.
    pub const LIVE: Self = Self {
        per_endpoint: per_second(25),
        total: per_second(100),
    };
    /// What Stripe allows for a test key, by its documentation.
    pub const TEST: Self = Self {
        per_endpoint: per_second(25),
        total: per_second(25),
    };

    /// Returns what Stripe allows for a live key, or for a test key.
    pub fn of_mode(is_live: bool) -> Self {
        if is_live { Self::LIVE } else { Self::TEST }
    }

    /// Returns a quarter of the requests that may read sessions, at least one in a second.
    pub fn quarter(self) -> NonZeroU32 {
        let requests = self.per_endpoint.min(self.total).get() / 4;
        NonZeroU32::new(requests).unwrap_or(NonZeroU32::MIN)
    }
}

const fn per_second(requests: u32) -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(requests - 1)
}

/// An endpoint of Stripe's API. Stripe limits each of them separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StripeEndpoint {
    CreateSession,
    ExpireSession,
    Session,
    Refund,
    ListRefunds,
    ListDisputes,
    ListWebhookEndpoints,
    Probe,
}

impl StripeEndpoint {
    /// Returns the name for metrics and log lines.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::CreateSession => "create_session",
            Self::ExpireSession => "expire_session",
            Self::Session => "session",
            Self::Refund => "refund",
            Self::ListRefunds => "list_refunds",
            Self::ListDisputes => "list_disputes",
            Self::ListWebhookEndpoints => "list_webhook_endpoints",
            Self::Probe => "probe",
        }
    }

    /// Returns the method and the path for log lines, with a placeholder instead of an id (I9).
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::CreateSession => "POST /v1/checkout/sessions",
            Self::ExpireSession => "POST /v1/checkout/sessions/{id}/expire",
            Self::Session => "GET /v1/checkout/sessions/{id}",
            Self::Refund => "POST /v1/refunds",
            Self::ListRefunds => "GET /v1/refunds",
            Self::ListDisputes => "GET /v1/disputes",
            Self::ListWebhookEndpoints => "GET /v1/webhook_endpoints",
            Self::Probe => "GET /v1/balance",
        }
    }
}

const ENDPOINT_COUNT: usize = 9;

/// A bucket refills steadily and allows short bursts, as Stripe's limit does.
type Bucket = RateLimiter<NotKeyed, InMemoryState, MonotonicClock, NoOpMiddleware<Duration>>;

/// Limits the requests of one gateway: one bucket for each endpoint and one for the total.
pub(super) struct StripeRateLimiter {
    clock: MonotonicClock,
    endpoints: [Bucket; ENDPOINT_COUNT],
    total: Bucket,
}

impl StripeRateLimiter {
    pub(super) fn new(limits: StripeRateLimits) -> Self {
        let clock = MonotonicClock(Instant::now());
        let bucket = |rate| RateLimiter::direct_with_clock(Quota::per_second(rate), clock);
        Self {
            clock,
            endpoints: std::array::from_fn(|_| bucket(limits.per_endpoint)),
            total: bucket(limits.total),
        }
    }

    /// Waits until one request may be sent, but not beyond `deadline`.
    ///
    /// # Errors
    /// The wait that would still be needed at least, if it would end after the deadline.
    pub(super) async fn wait_for_permit(
        &self,
        endpoint: StripeEndpoint,
        deadline: Instant,
    ) -> Result<(), Duration> {
        for bucket in [&self.endpoints[endpoint as usize], &self.total] {
            while let Err(full) = bucket.check() {
                let wait = full.wait_time_from(self.clock.now());
                if Instant::now() + wait > deadline {
                    return Err(wait);
                }
                tokio::time::sleep(wait).await;
            }
        }
        Ok(())
    }
}

/// The monotonic clock of the runtime, which tests can move forward.
#[derive(Clone, Copy, Debug)]
struct MonotonicClock(Instant);

impl Clock for MonotonicClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(per_endpoint: u32, total: u32) -> StripeRateLimits {
        StripeRateLimits {
            per_endpoint: per_second(per_endpoint),
            total: per_second(total),
        }
    }

    #[test]
    fn limits_are_those_of_stripes_documentation() {
        assert_eq!(
            (
                StripeRateLimits::LIVE.per_endpoint.get(),
                StripeRateLimits::LIVE.total.get()
            ),
            (25, 100)
        );
        assert_eq!(
            (
                StripeRateLimits::TEST.per_endpoint.get(),
                StripeRateLimits::TEST.total.get()
            ),
            (25, 25)
        );
        assert_eq!(StripeRateLimits::LIVE.quarter().get(), 6);
        assert_eq!(limits(3, 9).quarter().get(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn full_endpoint_bucket_does_not_delay_other_endpoints() {
        let limiter = StripeRateLimiter::new(limits(10, 1000));
        let start = Instant::now();
        let far = start + Duration::from_secs(60);
        for _ in 0..30 {
            limiter
                .wait_for_permit(StripeEndpoint::CreateSession, far)
                .await
                .unwrap();
        }
        let took = start.elapsed();
        // The burst takes ten at once, then ten follow each second.
        assert!((1990..=2100).contains(&took.as_millis()), "{took:?}");
        limiter
            .wait_for_permit(StripeEndpoint::Refund, Instant::now())
            .await
            .unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn endpoints_together_stay_below_the_total() {
        let limiter = StripeRateLimiter::new(limits(1000, 2));
        let now = Instant::now();
        limiter
            .wait_for_permit(StripeEndpoint::Refund, now)
            .await
            .unwrap();
        limiter
            .wait_for_permit(StripeEndpoint::CreateSession, now)
            .await
            .unwrap();
        let wait = limiter
            .wait_for_permit(StripeEndpoint::Probe, now)
            .await
            .unwrap_err();
        assert_eq!(wait, Duration::from_millis(500));
    }
}
