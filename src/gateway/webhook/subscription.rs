//! The events that Stripe must send us, and which of them an endpoint does not send.

use crate::gateway::WebhookEndpoint;

/// The events that every endpoint must send.
const ALWAYS: [&str; 16] = [
    "checkout.session.completed",
    "checkout.session.expired",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "payment_intent.created",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "charge.refunded",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
];
/// The events that report changes of refunds since [`REFUND_EVENTS_SINCE`].
const REFUNDS: [&str; 3] = ["refund.created", "refund.updated", "refund.failed"];
/// The event that reports them before.
const REFUNDS_BEFORE: [&str; 1] = ["charge.refund.updated"];
/// The first API version that sends `refund.*` for refunds of charges
/// (docs.stripe.com/changelog/acacia/2024-10-28/refund-webhook-update).
const REFUND_EVENTS_SINCE: &str = "2024-10-28";

/// Returns the events that we read and this endpoint does not send, by its API version. An endpoint without a version has
/// the account's, which is unknown: it needs what any version needs.
pub fn find_missing_events(endpoint: &WebhookEndpoint) -> Vec<&'static str> {
    let version = endpoint.api_version.as_deref();
    let is_old = version.is_none_or(|version| version < REFUND_EVENTS_SINCE);
    let is_new = version.is_none_or(|version| version >= REFUND_EVENTS_SINCE);
    let needed = ALWAYS
        .iter()
        .chain(REFUNDS.iter().filter(|_| is_new))
        .chain(REFUNDS_BEFORE.iter().filter(|_| is_old));
    let is_sent = |event: &str| {
        let mut enabled = endpoint.enabled_events.iter();
        enabled.any(|enabled| enabled == event || enabled == "*")
    };
    needed.copied().filter(|event| !is_sent(event)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::gateway::webhook::{EventContent, IgnoreReason, parse_event};

    fn endpoint(version: Option<&str>, events: &[&str]) -> WebhookEndpoint {
        WebhookEndpoint {
            url: "https://shop.example/webhooks/stripe".into(),
            is_enabled: true,
            enabled_events: events.iter().map(|event| (*event).to_owned()).collect(),
            api_version: version.map(str::to_owned),
        }
    }

    #[test]
    fn version_decides_which_refund_events_are_missing() {
        let all = [&ALWAYS[..], &REFUNDS, &REFUNDS_BEFORE].concat();
        for version in [None, Some("2022-11-15"), Some("2024-10-28.acacia")] {
            assert!(find_missing_events(&endpoint(version, &["*"])).is_empty());
            assert!(find_missing_events(&endpoint(version, &all)).is_empty());
        }
        let missing = |version| find_missing_events(&endpoint(version, &ALWAYS));
        assert_eq!(missing(Some("2023-10-16")), REFUNDS_BEFORE);
        assert_eq!(missing(Some("2024-10-28.acacia")), REFUNDS);
        assert_eq!(missing(None), [&REFUNDS[..], &REFUNDS_BEFORE].concat());
        let without_disputes = &all[..11];
        let missing = find_missing_events(&endpoint(Some("2026-09-30.endive"), without_disputes));
        assert!(missing.contains(&"charge.dispute.funds_withdrawn"), "{missing:?}");
    }

    #[test]
    fn every_event_of_the_list_is_read() {
        for event in [&ALWAYS[..], &REFUNDS, &REFUNDS_BEFORE].concat() {
            let body = json!({"id": "evt_1", "type": event, "livemode": false, "data": {"object": {}}});
            let content = parse_event(body.to_string().as_bytes()).unwrap().content;
            assert_ne!(
                content,
                EventContent::Irrelevant(IgnoreReason::UnknownType),
                "{event}"
            );
        }
    }
}
