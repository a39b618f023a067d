//! Our own limit under Stripe's, so that a rush waits here in order instead of being refused there.
//!
//! Stripe allows 25 requests a second for each endpoint and 100 in all with a live key, 25 in all with a test key; it
//! refills steadily and lets short bursts pass, and so does this. Each instance counts for itself: where several share
//! an account, Stripe's own 429 still decides. How long to wait at most is the caller's to say.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

/// Requests a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StripeRateLimits {
    /// For each endpoint.
    pub per_endpoint: NonZeroU32,
    /// For all together.
    pub total: NonZeroU32,
}

impl StripeRateLimits {
    /// What Stripe allows a live key.
    pub const LIVE: Self = Self {
        per_endpoint: per_second(25),
        total: per_second(100),
    };
    /// What Stripe allows a test key.
    pub const TEST: Self = Self {
        per_endpoint: per_second(25),
        total: per_second(25),
    };
}

const fn per_second(requests: u32) -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(requests - 1)
}

/// What we ask Stripe for, and what it counts separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    CreateSession,
    ExpireSession,
    Session,
    Refund,
    Probe,
}

impl Endpoint {
    /// For metrics and log lines.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::CreateSession => "create_session",
            Self::ExpireSession => "expire_session",
            Self::Session => "session",
            Self::Refund => "refund",
            Self::Probe => "probe",
        }
    }

    /// Method and path without ids, for log lines.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::CreateSession => "POST /v1/checkout/sessions",
            Self::ExpireSession => "POST /v1/checkout/sessions/{id}/expire",
            Self::Session => "GET /v1/checkout/sessions/{id}",
            Self::Refund => "POST /v1/refunds",
            Self::Probe => "GET /v1/balance",
        }
    }
}

const ENDPOINTS: usize = 5;

type Bucket = RateLimiter<NotKeyed, InMemoryState, Ticks, NoOpMiddleware<Duration>>;

/// The buckets of one gateway.
pub(super) struct Limiter {
    clock: Ticks,
    endpoints: [Bucket; ENDPOINTS],
    total: Bucket,
}

impl Limiter {
    pub(super) fn new(limits: StripeRateLimits) -> Self {
        let clock = Ticks(Instant::now());
        let bucket = |rate| RateLimiter::direct_with_clock(Quota::per_second(rate), clock);
        Self {
            clock,
            endpoints: std::array::from_fn(|_| bucket(limits.per_endpoint)),
            total: bucket(limits.total),
        }
    }

    /// Waits for leave to send one request, until `deadline` at most.
    ///
    /// # Errors
    /// How much longer it would take at least.
    pub(super) async fn wait(&self, endpoint: Endpoint, deadline: Instant) -> Result<(), Duration> {
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

/// The runtime's monotonic clock, which tests can move.
#[derive(Clone, Copy, Debug)]
struct Ticks(Instant);

impl Clock for Ticks {
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
    fn the_numbers_are_stripes() {
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
    }

    #[tokio::test(start_paused = true)]
    async fn a_rush_on_one_endpoint_waits_and_leaves_the_others_alone() {
        let limiter = Limiter::new(limits(10, 1000));
        let start = Instant::now();
        let far = start + Duration::from_secs(60);
        for _ in 0..30 {
            limiter.wait(Endpoint::CreateSession, far).await.unwrap();
        }
        let took = start.elapsed();
        // Ten at once, then ten a second.
        assert!((1990..=2100).contains(&took.as_millis()), "{took:?}");
        limiter.wait(Endpoint::Refund, Instant::now()).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn all_endpoints_together_stay_under_the_total() {
        let limiter = Limiter::new(limits(1000, 2));
        let now = Instant::now();
        limiter.wait(Endpoint::Refund, now).await.unwrap();
        limiter.wait(Endpoint::CreateSession, now).await.unwrap();
        let wait = limiter.wait(Endpoint::Probe, now).await.unwrap_err();
        assert_eq!(wait, Duration::from_millis(500));
    }
}
