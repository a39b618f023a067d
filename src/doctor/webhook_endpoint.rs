//! Checks the running instance: sends it an event as Stripe would, signed with each configured secret.
//!
//! The event has a type that the instance ignores. If the instance accepts it, it has these secrets and a clock like
//! ours. Whether Stripe has the same secret and reaches the instance, only Stripe's dashboard can say.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use chrono::{DateTime, Utc};
use secrecy::SecretString;

use super::check::{Check, Verdict, flag, pass};
use crate::config::StripeSettings;
use crate::gateway::endpoint_probe::{TestEventOutcome, send_test_event};
use crate::gateway::webhook;
use crate::workflow::format_error_chain;

const NAME: &str = "webhook delivery";
const TEST_EVENT: &str = r#"{"id":"evt_holdfast_doctor","object":"event","type":"holdfast.doctor","livemode":false,"data":{"object":{}}}"#;

pub(super) async fn check_webhook_endpoint(
    listen: SocketAddr,
    stripe: &StripeSettings,
    now: DateTime<Utc>,
) -> Vec<Check> {
    if listen.port() == 0 {
        let found = "not tried: HOLDFAST_LISTEN has port 0, so the instance's port is unknown";
        return vec![flag(
            NAME,
            Verdict::Warning,
            found,
            "set a port in HOLDFAST_LISTEN",
        )];
    }
    let to = to_reachable_address(listen);
    for secret in &stripe.webhook_secrets {
        let check = check_webhook_delivery(to, secret, now).await;
        if check.verdict != Verdict::Ok {
            return vec![check];
        }
    }
    vec![pass(
        NAME,
        "the running instance accepts events signed with our secret",
    )]
}

/// Returns the address to call. An instance that listens on all addresses is called on this machine.
fn to_reachable_address(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, listen.port())
}

async fn check_webhook_delivery(to: SocketAddr, secret: &SecretString, now: DateTime<Utc>) -> Check {
    let signature = webhook::sign_payload(TEST_EVENT.as_bytes(), secret, now);
    match send_test_event(&format!("http://{to}/webhooks/stripe"), TEST_EVENT, &signature).await {
        Ok(outcome) => to_check(to, outcome),
        Err(error) => flag(
            NAME,
            Verdict::Fault,
            format_error_chain(&error),
            "see the check of Stripe above",
        ),
    }
}

fn to_check(to: SocketAddr, outcome: TestEventOutcome) -> Check {
    let fault = |found: String, remedy| flag(NAME, Verdict::Fault, found, remedy);
    match outcome {
        TestEventOutcome::Answered { status: 200, outcome } if outcome == "ignored" => pass(NAME, ""),
        TestEventOutcome::Answered { status: 400, outcome } if outcome == "bad_signature" => fault(
            format!("{to} refuses events signed with our secret"),
            "give the instance the same STRIPE_WEBHOOK_SECRET, restart it, and check its clock",
        ),
        TestEventOutcome::Answered { status, .. } => fault(
            format!("{to} returns {status} to an event that it should ignore"),
            "check that Holdfast listens there, and read its log",
        ),
        TestEventOutcome::Unreachable => flag(
            NAME,
            Verdict::Warning,
            format!("not tried: nothing listens at {to}"),
            "run doctor where `holdfast serve` runs, with the same environment",
        ),
        TestEventOutcome::NoResponse => fault(
            format!("{to} accepts the connection and does not respond"),
            "check whether the instance is overloaded, or another program listens on its address",
        ),
    }
}
