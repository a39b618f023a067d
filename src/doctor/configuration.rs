//! Checks the configuration by itself, without calling anybody.

use super::check::{Check, Verdict, flag, pass};
use crate::app::{self, DatabaseTransport};
use crate::config::{Config, StripeSettings};
use crate::domain::zone::ZoneSource;
use crate::workflow::format_error_chain;

pub(super) fn check_configuration(config: &Config, stripe: &StripeSettings) -> Vec<Check> {
    vec![
        pass("configuration", "complete"),
        check_variables(config),
        check_admin_key(config),
        check_database_transport(config),
        check_return_pages(config),
        check_webhook_secrets(stripe),
        pass(
            "time zones",
            format!(
                "rules of version {}, {}; the shop's zone is {}",
                config.zones.version(),
                describe_source(config.zones.source()),
                config.timezone
            ),
        ),
    ]
}

fn check_variables(config: &Config) -> Check {
    if config.unknown_variables.is_empty() {
        return pass("variables", "all with our prefix are known");
    }
    let unknown = config.unknown_variables.iter().map(ToString::to_string);
    flag(
        "variables",
        Verdict::Warning,
        unknown.collect::<Vec<_>>().join("; "),
        "correct the names, or remove the variables: docs/configuration.md has all that are known",
    )
}

fn describe_source(source: &ZoneSource) -> String {
    match source {
        ZoneSource::Linked => "linked into the program; the system has none that are newer".to_owned(),
        ZoneSource::Directory(path) => format!("from {path}"),
    }
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

fn check_database_transport(config: &Config) -> Check {
    let found = match app::find_transport(&config.database) {
        Ok(DatabaseTransport::Local) => return pass("database TLS", "not needed: it is on this machine"),
        Ok(DatabaseTransport::Verified) => return pass("database TLS", "on, and the server is checked"),
        Ok(DatabaseTransport::Encrypted) => {
            return pass(
                "database TLS",
                "on, but only sslmode=verify-full checks the server",
            );
        }
        Ok(DatabaseTransport::Clear) => {
            "it is on another machine, and its connections may be in clear text".to_owned()
        }
        Err(error) => format_error_chain(&error),
    };
    flag(
        "database TLS",
        Verdict::Warning,
        found,
        "add sslmode=verify-full to DATABASE_URL, and sslrootcert=PATH for a certificate authority of your own",
    )
}

fn check_return_pages(config: &Config) -> Check {
    let listens = config.listen.ip();
    let found = match (&config.success_url, &config.cancel_url) {
        (Some(_), Some(_)) => return pass("return pages", "the shop's own"),
        _ if config.public_url.is_some() => return pass("return pages", "ours, under HOLDFAST_PUBLIC_URL"),
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
        "set HOLDFAST_PUBLIC_URL to the address at which guests reach the service, or HOLDFAST_SUCCESS_URL and \
         HOLDFAST_CANCEL_URL to pages of your own",
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
