//! Checks an installation before it takes payments. Each check gives a verdict and, if something is wrong, a
//! remedy; never a secret.
//!
//! A party that does not respond is a fault. Each group of checks has a time limit.

use std::sync::Arc;
use std::time::Duration;

use self::check::flag;
pub use self::check::{Check, Verdict};
use crate::config::{Config, StripeSettings};
use crate::domain::time::Clock;

mod check;
mod configuration;
mod database;
mod endpoints;
mod money;
mod new_database;
mod refusals;
mod sessions;
mod stripe;
mod stripe_account;
mod webhook_endpoint;

/// The longest time for the checks of one party: longer than a call to Stripe with all its retries.
const CHECK_TIMEOUT: Duration = Duration::from_secs(15);

/// Runs all checks of the installation. They take at most half a minute, even if a party does not respond.
pub async fn examine(config: &Config, stripe: &StripeSettings, clock: Arc<dyn Clock>) -> Vec<Check> {
    let now = clock.now();
    let missing_file = new_database::check_missing_file(&config.database);
    let database = async {
        match missing_file {
            Some(missing) => vec![missing],
            None => check_database_and_sessions(config, stripe, clock).await,
        }
    };
    let (database, stripe_api, webhook_endpoint) = tokio::join!(
        database,
        with_timeout("stripe", stripe::check_stripe(stripe, now)),
        with_timeout(
            "webhook delivery",
            webhook_endpoint::check_webhook_endpoint(config.listen, stripe, now)
        ),
    );
    let configuration = configuration::check_configuration(config, stripe);
    [configuration, database, stripe_api, webhook_endpoint].concat()
}

async fn check_database_and_sessions(
    config: &Config,
    stripe: &StripeSettings,
    clock: Arc<dyn Clock>,
) -> Vec<Check> {
    let database = database::check_database(config, stripe, clock.clone());
    let (database, sessions) = tokio::join!(
        with_timeout("database", database),
        with_timeout("sessions", sessions::check_sessions(config, stripe, clock)),
    );
    [database, sessions].concat()
}

async fn with_timeout(check: &'static str, checks: impl Future<Output = Vec<Check>>) -> Vec<Check> {
    let checks = tokio::time::timeout(CHECK_TIMEOUT, checks).await;
    checks.unwrap_or_else(|_| {
        let found = format!("no result within {} s", CHECK_TIMEOUT.as_secs());
        let remedy = "something accepts the connection and does not respond: check it, and the network";
        vec![flag(check, Verdict::Fault, found, remedy)]
    })
}
