//! The running instance, asked as Stripe would ask it: an event of a type that nobody listens to, signed with each
//! configured secret. Taken and ignored means that the instance has these secrets and a clock like ours. Whether Stripe
//! knows the same secret, and reaches the instance, is for Stripe's dashboard to say.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use chrono::{DateTime, Utc};
use secrecy::SecretString;

use super::{Check, Verdict, bad, ok};
use crate::config::Stripe;
use crate::gateway::endpoint_probe::{DeliveryOutcome, send_test_event as deliver};
use crate::gateway::webhook;
use crate::workflow::one_line;

const CHECK: &str = "webhook delivery";
const EVENT: &str = r#"{"id":"evt_holdfast_doctor","object":"event","type":"holdfast.doctor","livemode":false,"data":{"object":{}}}"#;

pub(super) async fn checks(listen: SocketAddr, stripe: &Stripe, now: DateTime<Utc>) -> Vec<Check> {
    if listen.port() == 0 {
        let found = "not tried: HOLDFAST_LISTEN leaves the port open, so the instance may be anywhere";
        return vec![bad(
            CHECK,
            Verdict::Warning,
            found,
            "name a port in HOLDFAST_LISTEN",
        )];
    }
    let to = reachable(listen);
    for secret in &stripe.webhook_secrets {
        let check = try_door(to, secret, now).await;
        if check.verdict != Verdict::Ok {
            return vec![check];
        }
    }
    vec![ok(
        CHECK,
        "the running instance takes what is signed with our secret",
    )]
}

/// Where an instance is reached that listens everywhere: on this machine.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, listen.port())
}

async fn try_door(to: SocketAddr, secret: &SecretString, now: DateTime<Utc>) -> Check {
    let signature = webhook::sign(EVENT.as_bytes(), secret, now);
    match deliver(&format!("http://{to}/webhooks/stripe"), EVENT, &signature).await {
        Ok(reception) => judge(to, reception),
        Err(error) => bad(
            CHECK,
            Verdict::Fault,
            one_line(&error),
            "see the line above about Stripe",
        ),
    }
}

fn judge(to: SocketAddr, reception: DeliveryOutcome) -> Check {
    let fault = |found: String, remedy| bad(CHECK, Verdict::Fault, found, remedy);
    match reception {
        DeliveryOutcome::Answered { status: 200, word } if word == "ignored" => ok(CHECK, ""),
        DeliveryOutcome::Answered { status: 400, word } if word == "bad_signature" => fault(
            format!("{to} refuses what is signed with our secret"),
            "give the instance the same STRIPE_WEBHOOK_SECRET, restart it, and look at its clock",
        ),
        DeliveryOutcome::Answered { status, .. } => fault(
            format!("{to} answers {status}, which is not what an event of no interest is answered"),
            "is it Holdfast that listens there? Then see its log",
        ),
        DeliveryOutcome::NobodyThere => bad(
            CHECK,
            Verdict::Warning,
            format!("not tried: nobody listens at {to}"),
            "run doctor where `holdfast serve` runs, with the same environment",
        ),
        DeliveryOutcome::NoAnswer => fault(
            format!("{to} takes the connection and does not answer"),
            "is the instance overloaded, or something else at its address?",
        ),
    }
}
