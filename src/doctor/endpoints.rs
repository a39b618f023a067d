//! Checks whether the shop's endpoints take events.

use super::check::{Check, Verdict, flag, pass};
use crate::domain::event_endpoint::EventEndpoint;
use crate::workflow::{Context, event_endpoints};

const NAME: &str = "endpoints";

/// Names the endpoints whose last attempt failed. If the database does not respond, the check of the figures says so.
pub(super) async fn check_endpoints(context: &Context) -> Option<Check> {
    let endpoints = event_endpoints::list_endpoints(context).await.ok()?;
    let failing = endpoints
        .iter()
        .filter(|endpoint| endpoint.failing_since.is_some());
    let found: Vec<String> = failing.map(describe).collect();
    if found.is_empty() {
        return Some(pass(NAME, "each takes events, or none is set"));
    }
    let remedy = "GET /v1/admin/webhook-endpoints/{id}/deliveries shows what they answered; correct them, and send again \
                  what has failed with POST …/replay";
    Some(flag(NAME, Verdict::Warning, found.join("; "), remedy))
}

fn describe(endpoint: &EventEndpoint) -> String {
    let fault = endpoint.last_fault.as_deref().unwrap_or("it failed");
    let disabled = if endpoint.is_gone { ", and is disabled" } else { "" };
    format!("{}: {fault}{disabled}", endpoint.id)
}
