//! Checks what the account gives us beyond payments: the events that its webhook endpoint sends, and the permissions of
//! a restricted key. Both only limit what is known of refunds and disputes, so what is missing is a warning.

use chrono::{DateTime, Utc};

use super::check::{Check, Verdict, flag, pass};
use crate::gateway::client::StripeGateway;
use crate::gateway::webhook::find_missing_events;
use crate::gateway::{Gateway, GatewayError, LedgerGateway, ListFilter, WebhookEndpoint};

const EVENTS: &str = "stripe events";
const PERMISSIONS: &str = "stripe permissions";
/// The route that receives events. What a proxy puts before it is unknown here.
const ROUTE: &str = "/webhooks/stripe";

pub(super) async fn check_account(gateway: &StripeGateway, now: DateTime<Utc>) -> Vec<Check> {
    let none = ListFilter::Created { from: now, to: now };
    let (endpoints, refunds, disputes) = tokio::join!(
        gateway.list_webhook_endpoints(),
        gateway.list_refund_page(&none, None),
        gateway.list_dispute_page(&none, None),
    );
    let permissions = check_permissions([
        ("Refunds", refunds.err()),
        ("Disputes", disputes.err()),
        ("Webhook Endpoints", endpoints.as_ref().err().cloned()),
    ]);
    [
        permissions,
        endpoints.ok().map(|endpoints| check_events(&endpoints)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Names what the key may not read. `None` if Stripe did not answer: the check of Stripe reports that.
fn check_permissions(calls: [(&str, Option<GatewayError>); 3]) -> Option<Check> {
    let is_refused = |error: &Option<GatewayError>| matches!(error, Some(GatewayError::Refused(_)));
    let missing: Vec<&str> = calls
        .iter()
        .filter(|(_, error)| is_refused(error))
        .map(|(name, _)| *name)
        .collect();
    if missing.is_empty() {
        let is_known = calls.iter().all(|(_, error)| error.is_none());
        return is_known.then(|| {
            pass(
                PERMISSIONS,
                "the key may read refunds, disputes and webhook endpoints",
            )
        });
    }
    let found = format!("the key may not read {}", missing.join(", "));
    let remedy = "give the restricted key these permissions in Stripe's dashboard: without them lost answers about \
                  refunds are not found again";
    Some(flag(PERMISSIONS, Verdict::Warning, found, remedy))
}

/// Names the events that no endpoint of ours sends.
fn check_events(endpoints: &[WebhookEndpoint]) -> Check {
    let is_ours = |endpoint: &&WebhookEndpoint| endpoint.is_enabled && endpoint.url.ends_with(ROUTE);
    let ours: Vec<&WebhookEndpoint> = endpoints.iter().filter(is_ours).collect();
    if ours.is_empty() {
        let found = format!("Stripe has no enabled webhook endpoint whose address ends in {ROUTE}");
        let remedy = "add the endpoint in Stripe's dashboard, in the mode of the key, or ignore this if a proxy \
                      changes the path";
        return flag(EVENTS, Verdict::Warning, found, remedy);
    }
    // Another installation may have an endpoint of its own, so each is examined by itself.
    let missing = ours
        .iter()
        .map(|endpoint| (endpoint, find_missing_events(endpoint)));
    match missing.into_iter().find(|(_, missing)| !missing.is_empty()) {
        None => pass(EVENTS, "Stripe sends all events that are read"),
        Some((endpoint, missing)) => flag(
            EVENTS,
            Verdict::Warning,
            format!("Stripe does not send to {}: {}", endpoint.url, missing.join(", ")),
            "subscribe the endpoint to them in Stripe's dashboard",
        ),
    }
}
