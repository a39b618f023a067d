//! Sends a test event to a webhook endpoint as Stripe does, so that `doctor` can check our own endpoint.

use std::time::Duration;

use super::stripe_config::SetupError;
use super::{http_client, stripe_objects};

/// How long the endpoint may take to respond. Stripe itself waits longer.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);

/// What happened to a test event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// The endpoint sent an HTTP response.
    Answered {
        /// The HTTP status of the response.
        status: u16,
        /// The `outcome` of a success or the `code` of a problem. Empty if the body has neither.
        word: String,
    },
    /// No connection could be made.
    NobodyThere,
    /// The connection was made, but no usable response came.
    NoAnswer,
}

/// Sends `body` with this `Stripe-Signature` once, without retries.
///
/// # Errors
/// [`SetupError`] if no HTTP client can be built.
pub async fn send_test_event(
    url: &str,
    body: &'static str,
    signature: &str,
) -> Result<DeliveryOutcome, SetupError> {
    let http = http_client::build_plain_client(RESPONSE_TIMEOUT)?;
    Ok(match post_event(&http, url, body, signature).await {
        Ok(outcome) => outcome,
        Err(error) if error.is_connect() => DeliveryOutcome::NobodyThere,
        Err(_) => DeliveryOutcome::NoAnswer,
    })
}

async fn post_event(
    http: &reqwest::Client,
    url: &str,
    body: &'static str,
    signature: &str,
) -> reqwest::Result<DeliveryOutcome> {
    let request = http
        .post(url)
        .header("content-type", "application/json")
        .header("stripe-signature", signature)
        .body(body);
    let response = request.send().await?;
    let status = response.status().as_u16();
    let json = serde_json::from_str(&response.text().await?).unwrap_or_default();
    let word =
        stripe_objects::parse_text(&json, "outcome").or_else(|| stripe_objects::parse_text(&json, "code"));
    Ok(DeliveryOutcome::Answered {
        status,
        word: word.unwrap_or_default().to_owned(),
    })
}
