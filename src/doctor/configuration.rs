//! Checks the configuration by itself, without calling anybody.

use super::check::{Check, Verdict, flag, pass};
use crate::config::{Config, StripeSettings};

pub(super) fn check_configuration(config: &Config, stripe: &StripeSettings) -> Vec<Check> {
    vec![
        pass("configuration", "complete"),
        check_admin_key(config),
        check_return_pages(config),
        check_webhook_secrets(stripe),
    ]
}

fn check_admin_key(config: &Config) -> Check {
    match &config.admin_key {
        Some(_) => pass("operators' key", "set"),
        None => flag(
            "operators' key",
            Verdict::Warning,
            "HOLDFAST_ADMIN_KEY is not set: only keys from `holdfast key create` open the operators' routes",
            "make sure that there is such a key (`holdfast key list`), or set HOLDFAST_ADMIN_KEY",
        ),
    }
}

fn check_return_pages(config: &Config) -> Check {
    let listens = config.listen.ip();
    let found = match (&config.success_url, &config.cancel_url) {
        (Some(_), Some(_)) => return pass("return pages", "the shop's own"),
        _ if listens.is_loopback() => "ours, on this machine's loopback: guests elsewhere cannot reach them",
        _ if listens.is_unspecified() => {
            "ours, under localhost, because HOLDFAST_LISTEN is not a single address: guests elsewhere cannot reach them"
        }
        _ => return pass("return pages", "ours"),
    };
    flag(
        "return pages",
        Verdict::Warning,
        found,
        "set HOLDFAST_SUCCESS_URL and HOLDFAST_CANCEL_URL to pages that guests can reach",
    )
}

fn check_webhook_secrets(stripe: &StripeSettings) -> Check {
    match stripe.webhook_secrets.len() {
        1 => pass("webhook secret", "one"),
        n => flag(
            "webhook secret",
            Verdict::Warning,
            format!("{n} secrets are accepted"),
            "after the roll, remove the old secret from STRIPE_WEBHOOK_SECRET",
        ),
    }
}
