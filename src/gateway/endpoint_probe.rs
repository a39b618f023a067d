//! Sends a test event to a webhook endpoint as Stripe does, so that `doctor` can check our own endpoint.

use std::time::Duration;

use super::stripe_config::SetupError;
use super::{http_client, stripe_objects};

/// How long the endpoint may take to respond. Stripe itself waits longer.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);

/// What happened to a test event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TestEventOutcome {
    /// The endpoint sent an HTTP response.
    Answered {
        /// The HTTP status of the response.
        status: u16,
        /// The `outcome` of a success or the `code` of a problem. Empty if the body has neither.
        outcome: String,
    },
    /// No connection could be made.
    Unreachable,
    /// The connection was made, but no usable response came.
    NoResponse,
}

/// Sends `body` with this `Stripe-Signature` once, without retries.
///
/// # Errors
/// [`SetupError`] if no HTTP client can be built.
pub async fn send_test_event(
    url: &str,
    body: &'static str,
    signature: &str,
) -> Result<TestEventOutcome, SetupError> {
    let http = http_client::build_plain_client(RESPONSE_TIMEOUT)?;
    Ok(match post_event(&http, url, body, signature).await {
        Ok(outcome) => outcome,
        Err(error) if error.is_connect() => TestEventOutcome::Unreachable,
        Err(_) => TestEventOutcome::NoResponse,
    })
}

async fn post_event(
    http: &reqwest::Client,
    url: &str,
    body: &'static str,
    signature: &str,
) -> reqwest::Result<TestEventOutcome> {
    let request = http
        .post(url)
        .header("content-type", "application/json")
        .header("stripe-signature", signature)
        .body(body);
    let response = request.send().await?;
    let status = response.status().as_u16();
    let json = serde_json::from_str(&response.text().await?).unwrap_or_default();
    let outcome =
        stripe_objects::parse_text(&json, "outcome").or_else(|| stripe_objects::parse_text(&json, "code"));
    Ok(TestEventOutcome::Answered {
        status,
        outcome: outcome.unwrap_or_default().to_owned(),
    })
}
