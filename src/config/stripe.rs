//! Stripe's keys and secrets, and where Stripe is.

use secrecy::SecretString;
use url::Url;

pub use crate::gateway::stripe_config::SIMULATOR_PUBLISHABLE_KEY;
use crate::gateway::stripe_config::{SIMULATOR_STRIPE_JS, STRIPE_JS, StripeJs, is_live_key};

/// How to call Stripe, and how to verify its webhooks.
#[derive(Clone, Debug)]
pub struct StripeSettings {
    /// The secret key, `sk_…` or `rk_…`.
    pub secret_key: SecretString,
    /// The webhook secrets, `whsec_…`. There are several while one is being rolled; never none.
    pub webhook_secrets: Vec<SecretString>,
    /// The address of Stripe, of a proxy, or of a simulator.
    pub api_base: Url,
    /// What a page needs to embed the payment page. `None` without a publishable key: then no checkout is embedded.
    pub stripe_js: Option<StripeJs>,
}

impl StripeSettings {
    /// Returns whether the key is a live one, which moves real money.
    pub fn is_live(&self) -> bool {
        is_live_key(&self.secret_key)
    }

    /// Calls the simulator at `api_base`, whose pages and Stripe.js guests reach under `pages`.
    pub fn use_simulator(&mut self, api_base: Url, pages: &Url) {
        if let (Some(stripe_js), Ok(url)) = (&mut self.stripe_js, pages.join(SIMULATOR_STRIPE_JS)) {
            stripe_js.url = url;
        }
        self.api_base = api_base;
    }
}

/// Checks that a publishable key is of the mode of the secret key.
pub(super) fn check_publishable_key(key: &str, is_live: bool) -> Result<(), &'static str> {
    let is_of_live = key.starts_with("pk_live_");
    if !(is_of_live || key.starts_with("pk_test_")) {
        return Err("must start with pk_live_ or pk_test_");
    }
    if is_of_live != is_live {
        return Err("must be of the same mode, live or test, as STRIPE_SECRET_KEY");
    }
    Ok(())
}

/// Finds the script that belongs to a publishable key. A proxy before Stripe does not serve it, a simulator does.
pub(super) fn find_stripe_js(publishable_key: String, api_base: &Url) -> Option<StripeJs> {
    let url = if publishable_key == SIMULATOR_PUBLISHABLE_KEY {
        api_base.join(SIMULATOR_STRIPE_JS)
    } else {
        Url::parse(STRIPE_JS)
    };
    Some(StripeJs {
        publishable_key,
        url: url.ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stripe_js_is_stripes_except_for_the_simulators_key() {
        let base = Url::parse("http://127.0.0.1:1").unwrap();
        let script = |key: &str| find_stripe_js(key.to_owned(), &base).unwrap().url.to_string();
        assert_eq!(script("pk_test_1"), "https://js.stripe.com/endive/stripe.js");
        assert_eq!(
            script(SIMULATOR_PUBLISHABLE_KEY),
            "http://127.0.0.1:1/sandbox/stripe.js"
        );
    }
}
