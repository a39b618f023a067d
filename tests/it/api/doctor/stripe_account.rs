//! Tests that `doctor` names the events that Stripe does not send to our endpoint, by the endpoint's API version, and the
//! permissions that a restricted key lacks. Neither is a fault.

use holdfast::sandbox::{Endpoint, FaultKind, Faults, WebhookEndpointSettings};

use super::{examine_with, paid_hold};
use crate::support::app::TestApp;
use crate::support::on_both_engines;

const READ_EVENTS: &str = "checkout.session.completed checkout.session.expired checkout.session.async_payment_succeeded \
    checkout.session.async_payment_failed payment_intent.created payment_intent.processing \
    payment_intent.requires_action payment_intent.succeeded payment_intent.payment_failed payment_intent.canceled \
    charge.refunded charge.refund.updated refund.created refund.updated refund.failed charge.dispute.created \
    charge.dispute.updated charge.dispute.closed charge.dispute.funds_withdrawn charge.dispute.funds_reinstated";

on_both_engines! {
    async fn event_that_the_endpoint_lacks_is_named(engine) {
        let app = TestApp::start(engine).await;
        let subscribe = |version: &str, without: &str| {
            let settings = WebhookEndpointSettings {
                api_version: version.to_owned(),
                enabled_events: READ_EVENTS.split_whitespace().filter(|event| *event != without).map(str::to_owned).collect(),
            };
            app.simulator.set_webhook_endpoint(settings).unwrap();
        };
        for (version, without, is_missed) in [
            ("2023-10-16", "charge.refund.updated", true),
            ("2023-10-16", "refund.failed", false),
            ("2024-10-28.acacia", "refund.failed", true),
            ("2024-10-28.acacia", "charge.refund.updated", false),
            ("2024-10-28.acacia", "charge.dispute.funds_withdrawn", true),
            ("2024-10-28.acacia", "", false),
        ] {
            subscribe(version, without);
            let report = examine_with(&app, &[]).await;
            let failed: &[&str] = if is_missed { &["warning stripe events"] } else { &[] };
            assert_eq!(report.failed_checks(), failed, "{version} {without}");
            let check = report.0.iter().find(|check| check["check"] == "stripe events").unwrap();
            assert_eq!(check["found"].as_str().unwrap().ends_with(&format!(": {without}")), is_missed, "{check}");
        }
    }

    async fn permission_that_the_key_lacks_is_named(engine) {
        let app = TestApp::start(engine).await;
        for (endpoint, name) in [
            (Endpoint::ListRefunds, "Refunds"),
            (Endpoint::ListDisputes, "Disputes"),
            (Endpoint::ListWebhookEndpoints, "Webhook Endpoints"),
        ] {
            app.simulator.set_faults(Faults::default().next(endpoint, FaultKind::Forbidden, 1));
            let report = examine_with(&app, &[]).await;
            assert_eq!(report.failed_checks(), ["warning stripe permissions"], "{name}");
            let check = report.0.iter().find(|check| check["check"] == "stripe permissions").unwrap();
            assert_eq!(check["found"], format!("the key may not read {name}"));
        }
    }

    async fn counters_of_an_earlier_version_are_a_warning(engine) {
        let app = TestApp::start(engine).await;
        paid_hold(&app).await;
        app.database.execute("UPDATE payments SET refunded = 2000, keep = NULL, keep_reason = NULL").await;
        let report = examine_with(&app, &[]).await;
        assert_eq!(report.failed_checks(), ["warning unverified money"]);
        holdfast::workflow::reconcile::read_counted(&app.context).await.unwrap();
        assert_eq!(examine_with(&app, &[]).await.failed_checks(), [""; 0]);
    }
}
