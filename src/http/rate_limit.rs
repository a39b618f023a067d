//! How many requests one client address may send.
//!
//! The limits count per instance. Limits that must hold across instances, such as those on unpaid holds, are the
//! store's.

use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::client_address::ClientAddress;
use super::error::{Problem, ProblemCode};

/// The number of addresses to keep before those that have sent nothing recently are dropped.
const MAX_ADDRESSES: usize = 10_000;

/// Ten wrong keys, and then another one each minute: an address that has sent ten within a minute is refused.
const WRONG_KEYS: Quota =
    Quota::per_hour(NonZeroU32::MIN.saturating_add(59)).allow_burst(NonZeroU32::MIN.saturating_add(9));

/// Counts requests per client address.
pub struct ClientRateLimiter {
    changes: DefaultKeyedRateLimiter<IpAddr>,
    // Counted apart, so that forged webhooks from a proxy's address do not use up the guests' requests.
    forged_webhooks: DefaultKeyedRateLimiter<IpAddr>,
    wrong_keys: DefaultKeyedRateLimiter<IpAddr>,
}

impl ClientRateLimiter {
    /// Allows each address this rate of requests.
    pub fn new(rate: Quota) -> Self {
        Self {
            changes: RateLimiter::keyed(rate),
            forged_webhooks: RateLimiter::keyed(rate),
            wrong_keys: RateLimiter::keyed(WRONG_KEYS),
        }
    }

    /// Counts a request that changes something.
    ///
    /// # Errors
    /// `rate_limited` if the address has sent too many.
    pub(super) fn count_change(&self, client: ClientAddress) -> Result<(), Problem> {
        count_request(&self.changes, client)
    }

    /// Counts a webhook without a valid signature.
    ///
    /// # Errors
    /// `rate_limited` if the address has sent too many.
    pub(super) fn count_forged_webhook(&self, client: ClientAddress) -> Result<(), Problem> {
        count_request(&self.forged_webhooks, client)
    }

    /// Counts a request with a wrong access key.
    ///
    /// # Errors
    /// `rate_limited` if the address has sent too many.
    pub(super) fn count_wrong_key(&self, client: ClientAddress) -> Result<(), Problem> {
        count_request(&self.wrong_keys, client)
    }
}

fn count_request(limiter: &DefaultKeyedRateLimiter<IpAddr>, client: ClientAddress) -> Result<(), Problem> {
    // Bounds the memory that many addresses can make us use.
    if limiter.len() > MAX_ADDRESSES {
        limiter.retain_recent();
        limiter.shrink_to_fit();
    }
    limiter.check_key(&client.0).map_err(|refused| {
        let wait = refused.wait_time_from(DefaultClock::default().now());
        Problem::new(ProblemCode::RateLimited, "too many requests from this address").with_retry_after(wait)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_its_own_limit() {
        let rate_limiter = ClientRateLimiter::new(Quota::per_minute(NonZeroU32::MIN));
        let one = ClientAddress("192.0.2.1".parse().unwrap());
        let other = ClientAddress("192.0.2.2".parse().unwrap());
        assert!(rate_limiter.count_change(one).is_ok());
        assert!(rate_limiter.count_change(one).is_err());
        assert!(rate_limiter.count_change(other).is_ok());
        assert!(
            rate_limiter.count_forged_webhook(one).is_ok(),
            "forged webhooks are counted separately"
        );
        assert!(
            rate_limiter.count_wrong_key(one).is_ok(),
            "wrong keys are counted separately"
        );
    }

    #[test]
    fn eleventh_wrong_key_in_a_minute_is_refused() {
        let rate_limiter = ClientRateLimiter::new(Quota::per_minute(NonZeroU32::MIN));
        let one = ClientAddress("192.0.2.1".parse().unwrap());
        let refused: Vec<bool> = (0..12)
            .map(|_| rate_limiter.count_wrong_key(one).is_err())
            .collect();
        assert_eq!(refused, [[false; 10].as_slice(), &[true; 2]].concat());
        let other = ClientAddress("192.0.2.2".parse().unwrap());
        assert!(rate_limiter.count_wrong_key(other).is_ok());
    }
}
