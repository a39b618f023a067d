//! What the configuration says by itself, without asking anybody.

use secrecy::ExposeSecret;

use super::{Check, Verdict, bad, ok};
use crate::config::{Config, Stripe};

pub(super) fn checks(config: &Config, stripe: &Stripe) -> Vec<Check> {
    vec![
        ok("configuration", "complete"),
        admin_key(config),
        pages(config),
        webhook_secret(stripe),
    ]
}

fn admin_key(config: &Config) -> Check {
    match &config.admin_key {
        Some(key) if key.expose_secret().len() >= 16 => ok("operators' key", "set"),
        Some(_) => bad(
            "operators' key",
            Verdict::Warning,
            "set, but short",
            "make HOLDFAST_ADMIN_KEY longer: openssl rand -hex 24",
        ),
        None => bad(
            "operators' key",
            Verdict::Warning,
            "not set: operators' routes answer 401",
            "set HOLDFAST_ADMIN_KEY",
        ),
    }
}

fn pages(config: &Config) -> Check {
    let listens = config.listen.ip();
    let found = match (&config.success_url, &config.cancel_url) {
        (Some(_), Some(_)) => return ok("return pages", "the shop's own"),
        _ if listens.is_loopback() => "ours, on this machine's loopback: guests elsewhere cannot reach them",
        _ if listens.is_unspecified() => {
            "ours, under localhost since HOLDFAST_LISTEN names no one address: guests elsewhere cannot reach them"
        }
        _ => return ok("return pages", "ours"),
    };
    bad(
        "return pages",
        Verdict::Warning,
        found,
        "set HOLDFAST_SUCCESS_URL and HOLDFAST_CANCEL_URL to pages that guests can reach",
    )
}

fn webhook_secret(stripe: &Stripe) -> Check {
    match stripe.webhook_secrets.len() {
        1 => ok("webhook secret", "one"),
        n => bad(
            "webhook secret",
            Verdict::Warning,
            format!("{n} secrets are accepted"),
            "when the roll is over, take the old one out of STRIPE_WEBHOOK_SECRET",
        ),
    }
}
