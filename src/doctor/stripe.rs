//! Checks Stripe: whether it accepts our key, in which mode, and what time it has. `stripe_account` checks the rest.

use chrono::{DateTime, Duration, Utc};

use super::check::{Check, Verdict, flag, pass};
use super::stripe_account;
use crate::app;
use crate::config::StripeSettings;
use crate::gateway::{Gateway, Probe};
use crate::workflow::{WorkflowError, format_error_chain};

/// The most that our clock may differ from Stripe's. Webhook signatures fail at 300 s.
const MAX_SKEW: Duration = Duration::seconds(60);

pub(super) async fn check_stripe(stripe: &StripeSettings, now: DateTime<Utc>) -> Vec<Check> {
    let fault = |found: String| {
        let remedy =
            "check that STRIPE_SECRET_KEY is right and not revoked, and that the network reaches Stripe";
        vec![flag("stripe", Verdict::Fault, found, remedy)]
    };
    let gateway = match app::build_gateway(stripe) {
        Ok(gateway) => gateway,
        Err(error) => return fault(format_error_chain(&error)),
    };
    match gateway.probe_account().await {
        Ok(probe) => {
            let mut checks = vec![check_mode(stripe, &probe), check_clock(now, &probe)];
            checks.extend(stripe_account::check_account(&gateway, now).await);
            checks
        }
        Err(error) => fault(format_error_chain(&WorkflowError::from(error))),
    }
}

fn check_mode(stripe: &StripeSettings, probe: &Probe) -> Check {
    let name = |live| if live { "live" } else { "test" };
    if probe.livemode == stripe.is_live() {
        return pass("stripe", format!("responds, {} mode", name(probe.livemode)));
    }
    let found = format!(
        "the key looks like {} mode, but Stripe says {}",
        name(stripe.is_live()),
        name(probe.livemode)
    );
    flag(
        "stripe",
        Verdict::Fault,
        found,
        "use a key that starts with sk_live_, sk_test_, rk_live_ or rk_test_",
    )
}

fn check_clock(now: DateTime<Utc>, probe: &Probe) -> Check {
    let Some(date) = probe.date else {
        return pass("clock", "Stripe did not send its time");
    };
    let skew = now - date;
    if skew.abs() <= MAX_SKEW {
        return pass(
            "clock",
            format!("differs from Stripe's by {} s", skew.num_seconds()),
        );
    }
    let found = format!("differs from Stripe's by {} s", skew.num_seconds());
    flag(
        "clock",
        Verdict::Fault,
        found,
        "set this machine's clock (NTP): the check of webhook signatures uses it",
    )
}
