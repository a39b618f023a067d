//! A verdict and a remedy for each thing that can be wrong, for an operator at three in the morning. Never a secret.
//!
//! What is away is a fault, and not waited for: each room of checks has a bound. What is checked, and how, is in the
//! files below.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::config::{Config, StripeSettings};
use crate::domain::time::Clock;

mod configuration;
mod database;
mod stripe;
mod webhook_endpoint;

/// How long checks may take that ask one other party. Longer than a call to Stripe may, with all its retries.
const CHECK_TIMEOUT: Duration = Duration::from_secs(15);

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Works, and yet look at it.
    Warning,
    /// Does not work, or money is where it should not be.
    Fault,
}

/// One check and its verdict.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// What was checked.
    pub check: &'static str,
    /// How it came out.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Ok => "ok  ",
            Verdict::Warning => "WARN",
            Verdict::Fault => "FAIL",
        };
        write!(f, "{verdict}  {:<24} {}", self.check, self.found)?;
        match &self.remedy {
            Some(remedy) => write!(f, "\n      → {remedy}"),
            None => Ok(()),
        }
    }
}

fn pass(check: &'static str, found: impl Into<String>) -> Check {
    Check {
        check,
        verdict: Verdict::Ok,
        found: found.into(),
        remedy: None,
    }
}

fn fail(check: &'static str, verdict: Verdict, found: impl Into<String>, remedy: &str) -> Check {
    Check {
        check,
        verdict,
        found: found.into(),
        remedy: Some(remedy.to_owned()),
    }
}

/// Checks everything that a configuration leads to; in half a minute at most, whoever is away.
pub async fn examine(config: &Config, stripe: &StripeSettings, clock: Arc<dyn Clock>) -> Vec<Check> {
    let now = clock.now();
    let (database, stripe_api, webhook_endpoint) = tokio::join!(
        with_timeout("database", database::check_database(config, stripe, clock)),
        with_timeout("stripe", stripe::check_stripe(stripe, now)),
        with_timeout(
            "webhook delivery",
            webhook_endpoint::check_webhook_endpoint(config.listen, stripe, now)
        ),
    );
    let configuration = configuration::check_configuration(config, stripe);
    [configuration, database, stripe_api, webhook_endpoint].concat()
}

async fn with_timeout(check: &'static str, checks: impl Future<Output = Vec<Check>>) -> Vec<Check> {
    let checks = tokio::time::timeout(CHECK_TIMEOUT, checks).await;
    checks.unwrap_or_else(|_| {
        let found = format!("no result within {} s", CHECK_TIMEOUT.as_secs());
        let remedy = "something accepts the connection and does not respond: check it, and the network";
        vec![fail(check, Verdict::Fault, found, remedy)]
    })
}
