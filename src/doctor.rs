//! A verdict and a remedy for each thing that can be wrong, for an operator at three in the morning. Never a secret.

use std::fmt;
use std::sync::Arc;

use chrono::Duration;
use secrecy::ExposeSecret;
use serde::Serialize;

use crate::app;
use crate::config::{Config, Database, Stripe};
use crate::domain::books::Figures;
use crate::domain::time::Clock;
use crate::gateway::Probe;
use crate::workflow::{Context, Trouble, inspect, one_line};

/// More than this between our clock and Stripe's breaks webhook signatures (300 s) before long.
const MAX_SKEW: Duration = Duration::seconds(60);
/// An overdue hold older than this means that no sweep comes by.
const MAX_OVERDUE_MS: i64 = 5 * 60 * 1000;

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

fn ok(check: &'static str, found: impl Into<String>) -> Check {
    Check {
        check,
        verdict: Verdict::Ok,
        found: found.into(),
        remedy: None,
    }
}

fn bad(check: &'static str, verdict: Verdict, found: impl Into<String>, remedy: &str) -> Check {
    Check {
        check,
        verdict,
        found: found.into(),
        remedy: Some(remedy.to_owned()),
    }
}

/// Checks everything that a configuration leads to.
pub async fn examine(config: &Config, stripe: &Stripe, clock: Arc<dyn Clock>) -> Vec<Check> {
    let mut checks = vec![
        ok("configuration", "complete"),
        admin_key(config),
        pages(config),
        webhook_secret(stripe),
    ];
    match app::build_context(config, stripe, clock).await {
        Ok(context) => {
            checks.extend(books(&config.database, &context).await);
            checks.extend(at_stripe(stripe, &context).await);
        }
        Err(error) => {
            checks.push(bad(
                "database",
                Verdict::Fault,
                one_line(&error),
                "see DATABASE_URL",
            ));
        }
    }
    checks
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
    match &config.success_url {
        Some(_) => ok("return pages", "the shop's own"),
        None if config.listen.ip().is_loopback() => bad(
            "return pages",
            Verdict::Warning,
            "ours, on this machine's loopback: guests elsewhere cannot reach them",
            "set HOLDFAST_SUCCESS_URL and HOLDFAST_CANCEL_URL to pages of the shop",
        ),
        None => ok("return pages", "ours"),
    }
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

async fn books(database: &Database, context: &Context) -> Vec<Check> {
    let mut checks = vec![];
    match inspect::is_ready(context).await {
        Ok(true) => checks.push(ok(
            "database",
            format!("{database:?} answers, its schema is this program's"),
        )),
        Ok(false) => {
            let remedy = "run `holdfast migrate`, or start `holdfast serve`, which does it";
            checks.push(bad(
                "database",
                Verdict::Fault,
                "answers, but its schema is not this program's",
                remedy,
            ));
            return checks;
        }
        Err(error) => {
            checks.push(bad(
                "database",
                Verdict::Fault,
                one_line(&error),
                "is it running, and is DATABASE_URL right?",
            ));
            return checks;
        }
    }
    match inspect::figures(context).await {
        Ok(figures) => checks.extend(figures_checks(&figures)),
        Err(error) => checks.push(bad(
            "figures",
            Verdict::Fault,
            one_line(&error),
            "see the log of the database",
        )),
    }
    checks
}

fn figures_checks(figures: &Figures) -> [Check; 5] {
    let none_or = |check, count: i64, what: &str, verdict, remedy: &str| match count {
        0 => ok(check, "none"),
        n => bad(check, verdict, format!("{n} {what}"), remedy),
    };
    let late = figures.oldest_overdue_ms > MAX_OVERDUE_MS;
    let overdue = if late { figures.overdue } else { 0 };
    [
        none_or(
            "overdue holds",
            overdue,
            "holds wait for a sweep",
            Verdict::Fault,
            "is `holdfast serve` or a cron with `holdfast sweep` running, and does Stripe answer?",
        ),
        none_or(
            "stuck commands",
            figures.commands_stuck,
            "orders to Stripe are stuck",
            Verdict::Fault,
            "GET /v1/admin/commands?state=stuck says why; then POST …/{id}/retry",
        ),
        none_or(
            "money without slot",
            figures.money_without_slot,
            "payments have no slot",
            Verdict::Fault,
            "GET /v1/admin/holds?status=released shows their payments",
        ),
        none_or(
            "slot without money",
            figures.slot_without_money,
            "confirmed holds have no payment",
            Verdict::Fault,
            "GET /v1/admin/holds?status=confirmed shows their payments",
        ),
        none_or(
            "failed refunds",
            figures.refunds_failed,
            "refunds were refused by Stripe",
            Verdict::Fault,
            "give the money back in the Stripe dashboard",
        ),
    ]
}

async fn at_stripe(stripe: &Stripe, context: &Context) -> Vec<Check> {
    let remedy = "is STRIPE_SECRET_KEY right and not revoked, and does the network let us out?";
    match context.gateway.probe().await {
        Ok(probe) => vec![mode(stripe, &probe), skew(context, &probe)],
        Err(error) => vec![bad(
            "stripe",
            Verdict::Fault,
            one_line(&Trouble::from(error)),
            remedy,
        )],
    }
}

fn mode(stripe: &Stripe, probe: &Probe) -> Check {
    let name = |live| if live { "live" } else { "test" };
    if probe.livemode == stripe.livemode() {
        return ok("stripe", format!("answers, {} mode", name(probe.livemode)));
    }
    let found = format!(
        "the key looks like {} mode, Stripe says {}",
        name(stripe.livemode()),
        name(probe.livemode)
    );
    bad(
        "stripe",
        Verdict::Fault,
        found,
        "use a key that starts with sk_live_, sk_test_, rk_live_ or rk_test_",
    )
}

fn skew(context: &Context, probe: &Probe) -> Check {
    let Some(date) = probe.date else {
        return ok("clock", "Stripe did not say its time");
    };
    let skew = context.now() - date;
    if skew.abs() <= MAX_SKEW {
        return ok("clock", format!("{} s from Stripe's", skew.num_seconds()));
    }
    let found = format!("{} s from Stripe's", skew.num_seconds());
    bad(
        "clock",
        Verdict::Fault,
        found,
        "set this machine's clock (NTP): webhook signatures are judged by it",
    )
}
