//! Stripe: does it answer to our key, in which mode, and what time is it there?

use chrono::{DateTime, Duration, Utc};

use super::{Check, Verdict, fail, pass};
use crate::app;
use crate::config::StripeSettings;
use crate::gateway::{Gateway, Probe};
use crate::workflow::{WorkflowError, one_line};

/// More than this between our clock and Stripe's breaks webhook signatures (300 s) before long.
const MAX_SKEW: Duration = Duration::seconds(60);

pub(super) async fn check_stripe(stripe: &StripeSettings, now: DateTime<Utc>) -> Vec<Check> {
    let fault = |found: String| {
        let remedy = "is STRIPE_SECRET_KEY right and not revoked, and does the network let us out?";
        vec![fail("stripe", Verdict::Fault, found, remedy)]
    };
    let gateway = match app::build_gateway(stripe) {
        Ok(gateway) => gateway,
        Err(error) => return fault(one_line(&error)),
    };
    match gateway.probe().await {
        Ok(probe) => vec![check_mode(stripe, &probe), check_clock(now, &probe)],
        Err(error) => fault(one_line(&WorkflowError::from(error))),
    }
}

fn check_mode(stripe: &StripeSettings, probe: &Probe) -> Check {
    let name = |live| if live { "live" } else { "test" };
    if probe.livemode == stripe.is_live() {
        return pass("stripe", format!("answers, {} mode", name(probe.livemode)));
    }
    let found = format!(
        "the key looks like {} mode, Stripe says {}",
        name(stripe.is_live()),
        name(probe.livemode)
    );
    fail(
        "stripe",
        Verdict::Fault,
        found,
        "use a key that starts with sk_live_, sk_test_, rk_live_ or rk_test_",
    )
}

fn check_clock(now: DateTime<Utc>, probe: &Probe) -> Check {
    let Some(date) = probe.date else {
        return pass("clock", "Stripe did not say its time");
    };
    let skew = now - date;
    if skew.abs() <= MAX_SKEW {
        return pass("clock", format!("{} s from Stripe's", skew.num_seconds()));
    }
    let found = format!("{} s from Stripe's", skew.num_seconds());
    fail(
        "clock",
        Verdict::Fault,
        found,
        "set this machine's clock (NTP): webhook signatures are judged by it",
    )
}
