//! How many requests one client address may send.
//!
//! The limits count per instance. Limits that must hold across instances, such as those on unpaid holds, are the
//! store's.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::client_address::ClientAddress;
use super::error::{Problem, ProblemCode};

/// The number of addresses to keep before those that have sent nothing recently are dropped.
const MAX_ADDRESSES: usize = 10_000;
/// The pause between two searches for addresses to drop. A flood from ever new addresses must not pay for one each time.
const CLEANING_PAUSE: Duration = Duration::from_secs(1);

/// Ten wrong keys, and then another one each minute: an address that has sent ten within a minute is refused.
const WRONG_KEYS: Quota =
    Quota::per_hour(NonZeroU32::MIN.saturating_add(59)).allow_burst(NonZeroU32::MIN.saturating_add(9));

/// Counts requests per client address.
pub struct ClientRateLimiter {
    changes: AddressCounts,
    reads: AddressCounts,
    // Counted apart, so that forged webhooks from a proxy's address do not use up the guests' requests.
    forged_webhooks: AddressCounts,
    wrong_keys: AddressCounts,
}

impl ClientRateLimiter {
    /// Allows each address these rates of requests that change something and of requests that read.
    pub fn new(changes: Quota, reads: Quota) -> Self {
        Self {
            changes: AddressCounts::new(changes),
            reads: AddressCounts::new(reads),
            forged_webhooks: AddressCounts::new(changes),
            wrong_keys: AddressCounts::new(WRONG_KEYS),
        }
    }

    /// Counts a request that changes something.
    ///
    /// # Errors
    /// `rate_limited` if the address has sent too many.
    pub(super) fn count_change(&self, client: ClientAddress) -> Result<(), Problem> {
        self.changes.count(client)
    }

    /// Counts a request that reads.
    ///
    /// # Errors
    /// `rate_limited` if the address has sent too many.
    pub(super) fn count_read(&self, client: ClientAddress) -> Result<(), Problem> {
        self.reads.count(client)
    }

    /// Counts a webhook without a valid signature.
    ///
    /// # Errors
    /// `rate_limited` if the address has sent too many.
    pub(super) fn count_forged_webhook(&self, client: ClientAddress) -> Result<(), Problem> {
        self.forged_webhooks.count(client)
    }

    /// Counts a request with a wrong access key.
    ///
    /// # Errors
    /// `rate_limited` if the address has sent too many.
    pub(super) fn count_wrong_key(&self, client: ClientAddress) -> Result<(), Problem> {
        self.wrong_keys.count(client)
    }
}

/// Counts one kind of requests per client address.
struct AddressCounts {
    limiter: DefaultKeyedRateLimiter<IpAddr>,
    cleaned_at: Mutex<Instant>,
}

impl AddressCounts {
    fn new(rate: Quota) -> Self {
        Self {
            limiter: RateLimiter::keyed(rate),
            cleaned_at: Mutex::new(Instant::now()),
        }
    }

    fn count(&self, client: ClientAddress) -> Result<(), Problem> {
        if self.limiter.len() > MAX_ADDRESSES {
            self.drop_idle_addresses();
        }
        self.limiter.check_key(&client.0).map_err(|refused| {
            let wait = refused.wait_time_from(DefaultClock::default().now());
            Problem::new(ProblemCode::RateLimited, "too many requests from this address")
                .with_retry_after(wait)
        })
    }

    /// Bounds the memory that many addresses can make us use.
    fn drop_idle_addresses(&self) {
        // A request that finds it locked leaves the search to the one that has it.
        let Ok(mut cleaned_at) = self.cleaned_at.try_lock() else {
            return;
        };
        if cleaned_at.elapsed() >= CLEANING_PAUSE {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
            *cleaned_at = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_its_own_limit() {
        let rate = Quota::per_minute(NonZeroU32::MIN);
        let rate_limiter = ClientRateLimiter::new(rate, rate);
        let one = ClientAddress("192.0.2.1".parse().unwrap());
        let other = ClientAddress("192.0.2.2".parse().unwrap());
        assert!(rate_limiter.count_change(one).is_ok());
        assert!(rate_limiter.count_change(one).is_err());
        assert!(rate_limiter.count_change(other).is_ok());
        for counted in [
            rate_limiter.count_read(one),
            rate_limiter.count_forged_webhook(one),
            rate_limiter.count_wrong_key(one),
        ] {
            assert!(counted.is_ok(), "each kind is counted separately");
        }
    }

    #[test]
    fn eleventh_wrong_key_in_a_minute_is_refused() {
        let rate_limiter = ClientRateLimiter::new(WRONG_KEYS, WRONG_KEYS);
        let one = ClientAddress("192.0.2.1".parse().unwrap());
        let refused: Vec<bool> = (0..12)
            .map(|_| rate_limiter.count_wrong_key(one).is_err())
            .collect();
        assert_eq!(refused, [[false; 10].as_slice(), &[true; 2]].concat());
        let other = ClientAddress("192.0.2.2".parse().unwrap());
        assert!(rate_limiter.count_wrong_key(other).is_ok());
    }
}
