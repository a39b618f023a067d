//! The account's webhook endpoint: the API version in which it renders events, and the events it is subscribed to.
//!
//! Stripe renders an event in the version of its endpoint. Of the differences between versions, those that the objects
//! here show are simulated: which events report a refund, whether a charge lists its refunds, and how a session names
//! the hosted page.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::object_json::API_VERSION;

/// The first version whose endpoints receive `refund.created`, `.updated` and `.failed` of refunds of a charge
/// (docs.stripe.com/changelog/acacia/2024-10-28/refund-webhook-update).
const REFUND_EVENTS_SINCE: &str = "2024-10-28";
/// The first version in which a charge does not list its refunds unless it is asked to (docs.stripe.com/upgrades).
const NO_REFUND_LIST_SINCE: &str = "2022-11-15";
/// The first version in which a session names the hosted page `hosted_page` instead of `hosted`.
const PAGE_NAMES_SINCE: &str = "2026-03-25";

/// The settings of the webhook endpoint, as an operator makes them in Stripe's dashboard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookEndpointSettings {
    /// The API version of the events: a date, and since 2024-09-30 a name after it.
    pub api_version: String,
    /// The types of events that are sent; `*` is all of them.
    pub enabled_events: Vec<String>,
}

impl Default for WebhookEndpointSettings {
    fn default() -> WebhookEndpointSettings {
        WebhookEndpointSettings {
            api_version: API_VERSION.to_owned(),
            enabled_events: vec!["*".to_owned()],
        }
    }
}

impl WebhookEndpointSettings {
    /// Returns the settings of an endpoint of this version that receives all events.
    pub fn of_version(api_version: &str) -> WebhookEndpointSettings {
        WebhookEndpointSettings {
            api_version: api_version.to_owned(),
            ..WebhookEndpointSettings::default()
        }
    }

    /// Returns why the settings are invalid, if they are.
    pub(super) fn find_fault(&self) -> Option<&'static str> {
        let date = self.api_version.get(..10).unwrap_or_default();
        let is_date = date
            .bytes()
            .enumerate()
            .all(|(place, byte)| matches!(place, 4 | 7) && byte == b'-' || byte.is_ascii_digit());
        if date.is_empty() || !is_date || Some(date) > API_VERSION.get(..10) {
            return Some("api_version must be a date like 2024-10-28, not later than the simulator's own");
        }
        None
    }

    fn is_before(&self, date: &str) -> bool {
        self.api_version.as_str() < date
    }

    /// Whether the endpoint receives the events that are about any refund.
    pub(super) fn receives_refund_events(&self) -> bool {
        !self.is_before(REFUND_EVENTS_SINCE)
    }

    /// Whether a charge lists its newest refunds.
    pub(super) fn lists_refunds_of_charge(&self) -> bool {
        self.is_before(NO_REFUND_LIST_SINCE)
    }

    pub(super) fn is_subscribed_to(&self, event_type: &str) -> bool {
        let mut enabled = self.enabled_events.iter();
        enabled.any(|enabled| enabled == "*" || enabled == event_type)
    }

    /// Renders an object of today's version in the endpoint's version.
    pub(super) fn render(&self, mut object: Value) -> Value {
        if object["object"] == "checkout.session" && self.is_before(PAGE_NAMES_SINCE) {
            let mode = object["ui_mode"].as_str().unwrap_or_default();
            object["ui_mode"] = json!(mode.trim_end_matches("_page"));
        }
        object
    }

    /// Renders the endpoint as the API does (docs.stripe.com/api/webhook_endpoints/object).
    pub(super) fn to_json(&self, url: &str) -> Value {
        json!({
            "id": "we_1Simulated", "object": "webhook_endpoint", "api_version": self.api_version,
            "application": null, "created": 0, "description": null, "enabled_events": self.enabled_events,
            "livemode": false, "metadata": {}, "status": "enabled", "url": url,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_a_date_up_to_todays() {
        for (version, is_valid) in [
            ("2022-11-15", true),
            ("2024-10-28.acacia", true),
            (API_VERSION, true),
            ("2027-01-01", false),
            ("acacia", false),
            ("20241028", false),
            ("2024-10-2é", false),
            ("", false),
        ] {
            let fault = WebhookEndpointSettings::of_version(version).find_fault();
            assert_eq!(fault.is_none(), is_valid, "{version}");
        }
    }

    #[test]
    fn differences_begin_with_their_versions() {
        let differences = |version| {
            let settings = WebhookEndpointSettings::of_version(version);
            let session = settings.render(json!({"object": "checkout.session", "ui_mode": "hosted_page"}));
            (
                settings.lists_refunds_of_charge(),
                settings.receives_refund_events(),
                session["ui_mode"] == "hosted",
            )
        };
        assert_eq!(differences("2022-08-01"), (true, false, true));
        assert_eq!(differences("2022-11-15"), (false, false, true));
        assert_eq!(differences("2024-10-28.acacia"), (false, true, true));
        assert_eq!(differences(API_VERSION), (false, true, false));
    }
}
