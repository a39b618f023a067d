//! Delivering an event to an endpoint as Stripe does, to see how it is received: for `doctor`, which tries our own.
//!
//! Once, and bounded; an outcome is a value. What it means is left to the caller.

use std::time::Duration;

use super::client::SetupError;
use super::{transport, wire};

/// How long the endpoint may take. Stripe itself waits longer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How a delivery was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// With an HTTP answer.
    Answered {
        /// Its status.
        status: u16,
        /// `outcome` of a good answer, `code` of a problem; empty where there is neither.
        word: String,
    },
    /// The connection was not taken.
    NobodyThere,
    /// The connection was taken, and no usable answer came.
    NoAnswer,
}

/// Delivers `body` with this signature.
///
/// # Errors
/// [`SetupError`] where there can be no HTTP client.
pub async fn deliver(url: &str, body: &'static str, signature: &str) -> Result<DeliveryOutcome, SetupError> {
    let http = transport::plain_client(PATIENCE)?;
    Ok(match send(&http, url, body, signature).await {
        Ok(reception) => reception,
        Err(error) if error.is_connect() => DeliveryOutcome::NobodyThere,
        Err(_) => DeliveryOutcome::NoAnswer,
    })
}

async fn send(
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
    let said = serde_json::from_str(&response.text().await?).unwrap_or_default();
    let word = wire::text(&said, "outcome").or_else(|| wire::text(&said, "code"));
    Ok(DeliveryOutcome::Answered {
        status,
        word: word.unwrap_or_default().to_owned(),
    })
}
