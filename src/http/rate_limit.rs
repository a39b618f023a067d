//! How many requests one client address may send, and how often Stripe is asked for guests.
//!
//! The limits count per instance. Limits that must hold across instances, such as those on unpaid holds, are the
//! store's.

use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::client_address::ClientAddress;
use super::error::{Problem, ProblemCode};
use crate::domain::ids::HoldId;

/// The number of addresses or holds to keep before those without a recent request are dropped.
const MOST_KEYS: usize = 10_000;
/// The pause between two searches for keys to drop. A flood from ever new addresses must not pay for one each time.
const CLEANING_PAUSE: Duration = Duration::from_secs(1);

/// Ten wrong keys, and then another one each minute: an address that has sent ten within a minute is refused.
const WRONG_KEYS: Quota =
    Quota::per_hour(NonZeroU32::MIN.saturating_add(59)).allow_burst(NonZeroU32::MIN.saturating_add(9));

const MANY_OF_ADDRESS: &str = "too many requests from this address";

/// The pause between two checks of one hold.
const CHECK_PAUSE: Duration = Duration::from_secs(3);

/// Counts requests per client address, and checks per hold.
pub struct ClientRateLimiter {
    changes: AddressCounts,
    reads: AddressCounts,
    // Counted apart, so that forged webhooks from a proxy's address do not use up the guests' requests.
    forged_webhooks: AddressCounts,
    wrong_keys: AddressCounts,
    checks: KeyedCounts<HoldId>,
    stripe_reads: DefaultDirectRateLimiter,
}

impl ClientRateLimiter {
    /// Allows each address these rates of requests that change something and of requests that read, and the checks of all
    /// holds together so many questions to Stripe in a second.
    pub fn new(changes: Quota, reads: Quota, stripe_reads: NonZeroU32) -> Self {
        let checks = Quota::with_period(CHECK_PAUSE).unwrap_or(Quota::per_minute(NonZeroU32::MIN));
        Self {
            changes: AddressCounts::new(changes),
            reads: AddressCounts::new(reads),
            forged_webhooks: AddressCounts::new(changes),
            wrong_keys: AddressCounts::new(WRONG_KEYS),
            checks: KeyedCounts::new(checks),
            stripe_reads: RateLimiter::direct(Quota::per_second(stripe_reads)),
        }
    }

    /// Counts a request that changes something.
    ///
    /// # Errors
    /// `rate_limited` if the address has sent too many.
    pub(super) fn count_change(&self, client: ClientAddress) -> Result<(), Problem> {
        self.changes.count(client, MANY_OF_ADDRESS)
    }

    /// Counts a request that reads.
    ///
    /// # Errors
    /// `rate_limited` if the address has sent too many.
    pub(super) fn count_read(&self, client: ClientAddress) -> Result<(), Problem> {
        self.reads.count(client, MANY_OF_ADDRESS)
    }

    /// Counts a webhook without a valid signature.
    ///
    /// # Errors
    /// `rate_limited` if the address has sent too many.
    pub(super) fn count_forged_webhook(&self, client: ClientAddress) -> Result<(), Problem> {
        self.forged_webhooks.count(client, MANY_OF_ADDRESS)
    }

    /// Counts a request with a wrong access key.
    ///
    /// # Errors
    /// `rate_limited` if the address has sent too many.
    pub(super) fn count_wrong_key(&self, client: ClientAddress) -> Result<(), Problem> {
        self.wrong_keys.count(client, MANY_OF_ADDRESS)
    }

    /// Counts a check of a hold.
    ///
    /// # Errors
    /// `rate_limited` if the hold was checked a moment ago.
    pub(super) fn count_check(&self, hold: HoldId) -> Result<(), Problem> {
        self.checks.count(hold, "this hold was checked a moment ago")
    }

    /// Counts a question to Stripe; `false` if the checks have used up their part of what Stripe allows.
    pub(super) fn may_ask_stripe(&self) -> bool {
        self.stripe_reads.check().is_ok()
    }
}

/// Counts one kind of requests per key.
struct KeyedCounts<K: Clone + Eq + Hash> {
    limiter: DefaultKeyedRateLimiter<K>,
    cleaned_at: Mutex<Instant>,
}

/// Counts one kind of requests per client address.
type AddressCounts = KeyedCounts<ClientAddress>;

impl<K: Clone + Eq + Hash> KeyedCounts<K> {
    fn new(rate: Quota) -> Self {
        Self {
            limiter: RateLimiter::keyed(rate),
            cleaned_at: Mutex::new(Instant::now()),
        }
    }

    fn count(&self, key: K, detail: &str) -> Result<(), Problem> {
        if self.limiter.len() > MOST_KEYS {
            self.drop_idle_keys();
        }
        self.limiter.check_key(&key).map_err(|refused| {
            let wait = refused.wait_time_from(DefaultClock::default().now());
            Problem::new(ProblemCode::RateLimited, detail).with_retry_after(wait)
        })
    }

    /// Bounds the memory that many keys can make us use.
    fn drop_idle_keys(&self) {
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
        let rate_limiter = ClientRateLimiter::new(rate, rate, NonZeroU32::MIN);
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
        let rate_limiter = ClientRateLimiter::new(WRONG_KEYS, WRONG_KEYS, NonZeroU32::MIN);
        let one = ClientAddress("192.0.2.1".parse().unwrap());
        let refused: Vec<bool> = (0..12)
            .map(|_| rate_limiter.count_wrong_key(one).is_err())
            .collect();
        assert_eq!(refused, [[false; 10].as_slice(), &[true; 2]].concat());
        let other = ClientAddress("192.0.2.2".parse().unwrap());
        assert!(rate_limiter.count_wrong_key(other).is_ok());
    }
}
