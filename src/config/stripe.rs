//! Stripe's keys and secrets, and where Stripe is.

use std::ffi::OsString;

use secrecy::SecretString;
use url::Url;

use super::urls::parse_api_base;
use super::{ConfigReader, ConfigScope};
pub use crate::gateway::stripe_config::SIMULATOR_PUBLISHABLE_KEY;
use crate::gateway::stripe_config::{SIMULATOR_STRIPE_JS, STRIPE_API, STRIPE_JS, StripeJs, is_live_key};

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

impl<L: Fn(&str) -> Option<OsString>> ConfigReader<L> {
    pub(super) fn parse_stripe(&mut self, scope: ConfigScope) -> Option<StripeSettings> {
        if scope == ConfigScope::Database {
            return None;
        }
        let key = self.require(
            "STRIPE_SECRET_KEY",
            "your secret key, from the Stripe dashboard under API keys",
        );
        if !(key.is_empty() || key.starts_with("sk_") || key.starts_with("rk_")) {
            self.add_error(
                "STRIPE_SECRET_KEY",
                "must start with sk_ or rk_; a publishable key (pk_) is not enough",
            );
        }
        let secrets = self.require(
            "STRIPE_WEBHOOK_SECRET",
            "the signing secret of your webhook endpoint",
        );
        let secrets: Vec<&str> = secrets
            .split(',')
            .map(str::trim)
            .filter(|secret| !secret.is_empty())
            .collect();
        if secrets.iter().any(|secret| !secret.starts_with("whsec_")) {
            self.add_error(
                "STRIPE_WEBHOOK_SECRET",
                "must start with whsec_ (several, comma-separated, while rolling)",
            );
        }
        let api_base = self.parse_or_default("STRIPE_API_BASE", STRIPE_API, parse_api_base);
        let secret_key = SecretString::from(key);
        if is_live_key(&secret_key) && api_base.scheme() != "https" {
            self.add_error("STRIPE_API_BASE", "must be https with a live key");
        }
        Some(StripeSettings {
            webhook_secrets: secrets.into_iter().map(SecretString::from).collect(),
            stripe_js: self.parse_publishable_key(is_live_key(&secret_key), &api_base),
            secret_key,
            api_base,
        })
    }

    /// Reads the publishable key, which must be of the mode of the secret key. The value is never repeated: it may be a secret
    /// in the wrong variable.
    fn parse_publishable_key(&mut self, is_live: bool, api_base: &Url) -> Option<StripeJs> {
        const VARIABLE: &str = "STRIPE_PUBLISHABLE_KEY";
        let publishable_key = self.find(VARIABLE)?;
        let is_of_live = publishable_key.starts_with("pk_live_");
        if !(is_of_live || publishable_key.starts_with("pk_test_")) {
            self.add_error(VARIABLE, "must start with pk_live_ or pk_test_");
        } else if is_of_live != is_live {
            let detail = "must be of the same mode, live or test, as STRIPE_SECRET_KEY";
            self.add_error(VARIABLE, detail);
        }
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
}
