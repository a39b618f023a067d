//! The configuration of the Stripe client: key, address, timeouts and rate limits.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

pub use super::stripe_rate_limit::StripeRateLimits;

/// The address of Stripe's API.
pub const STRIPE_API: &str = "https://api.stripe.com";

/// Tells whether Stripe itself is at this address, and no simulator or proxy.
pub fn is_real_stripe(api_base: &Url) -> bool {
    api_base.as_str().starts_with(STRIPE_API)
}

/// The address of Stripe.js, in the release that belongs to the API version of our requests. Stripe allows no copy of it.
pub const STRIPE_JS: &str = "https://js.stripe.com/endive/stripe.js";

/// The publishable key of the built-in simulator, which stands for its own Stripe.js. Stripe gives out no such key.
pub const SIMULATOR_PUBLISHABLE_KEY: &str = "pk_test_simulator";

/// The path of the simulator's Stripe.js.
pub const SIMULATOR_STRIPE_JS: &str = "/sandbox/stripe.js";

/// What a shop's page needs to show an embedded payment page. Nothing of it is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StripeJs {
    /// The publishable key of the account, `pk_…`.
    pub publishable_key: String,
    /// The address of the script.
    pub url: Url,
}

impl StripeJs {
    /// Tells whether the script is Stripe's own, and not the simulator's.
    pub fn is_stripes(&self) -> bool {
        self.url.as_str() == STRIPE_JS
    }
}

/// How to reach Stripe, and how long to wait for it.
#[derive(Clone, Debug)]
pub struct StripeConfig {
    /// The secret key, or a restricted key, of the account.
    pub secret_key: SecretString,
    /// The address of the API, without `/v1`.
    pub api_base: Url,
    /// The longest time for one request, with its response.
    pub attempt_timeout: Duration,
    /// The longest time for one call, with all its retries and pauses.
    pub call_timeout: Duration,
    /// Our own limit on requests per second. `None` sends without a limit, as to a simulator.
    pub limits: Option<StripeRateLimits>,
}

impl StripeConfig {
    /// Returns the defaults for an API at `api_base`, with Stripe's limits for the key's mode.
    pub fn new(secret_key: SecretString, api_base: Url) -> Self {
        let limits = StripeRateLimits::of_mode(is_live_key(&secret_key));
        Self {
            secret_key,
            api_base,
            // A field report names 2.4 s as the median for creating a session: a slow day takes several seconds.
            attempt_timeout: Duration::from_secs(6),
            call_timeout: Duration::from_secs(10),
            limits: Some(limits),
        }
    }
}

/// Returns whether a key moves real money. Stripe marks the mode in the key's prefix.
pub fn is_live_key(key: &SecretString) -> bool {
    let key = key.expose_secret();
    key.starts_with("sk_live_") || key.starts_with("rk_live_")
}

/// The Stripe client could not be built. The messages never contain the key.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The key contains characters that an HTTP header cannot carry.
    #[error("the Stripe key is not visible ASCII")]
    Key,
    /// An HTTP header cannot carry the API version of the typed requests.
    #[error("the Stripe API version cannot be sent")]
    Version,
    /// The TLS configuration was rejected.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    /// The HTTP client could not be built.
    #[error("the HTTP client cannot be set up")]
    Http(#[from] reqwest::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_prefix_decides_mode_and_rate_limits() {
        let base = || Url::parse(STRIPE_API).unwrap();
        for (key, live) in [
            ("sk_live_1", true),
            ("rk_live_1", true),
            ("sk_test_1", false),
            ("x", false),
        ] {
            assert_eq!(is_live_key(&key.into()), live, "{key}");
            let limits = if live {
                StripeRateLimits::LIVE
            } else {
                StripeRateLimits::TEST
            };
            assert_eq!(StripeConfig::new(key.into(), base()).limits, Some(limits));
        }
    }
}
