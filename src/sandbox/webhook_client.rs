//! The HTTP client that sends webhooks with the headers and limits of Stripe's.

use std::sync::Arc;
use std::time::Duration;

const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);

/// The client, or the reason why it could not be built, which every delivery then reports.
pub(super) struct WebhookClient(Result<reqwest::Client, String>);

impl WebhookClient {
    pub(super) fn new() -> WebhookClient {
        // Webhooks go to loopback over plain HTTP. An empty root store avoids loading the machine's certificates.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map(|tls| {
                tls.with_root_certificates(rustls::RootCertStore::empty())
                    .with_no_client_auth()
            });
        let client = tls.map_err(|error| error.to_string()).and_then(|tls| {
            let builder = reqwest::Client::builder()
                .tls_backend_preconfigured(tls)
                .timeout(RESPONSE_TIMEOUT);
            // A proxy from the environment cannot reach loopback, and Stripe follows no redirects.
            let builder = builder.no_proxy().redirect(reqwest::redirect::Policy::none());
            builder.build().map_err(|error| error.to_string())
        });
        WebhookClient(client)
    }

    /// Sends one webhook and returns the status and body of the receiver's response.
    pub(super) async fn post_webhook(
        &self,
        url: &str,
        signature: String,
        payload: String,
    ) -> Result<(u16, String), String> {
        let response = self
            .0
            .as_ref()
            .map_err(Clone::clone)?
            .post(url)
            .header("content-type", "application/json; charset=utf-8")
            .header("user-agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
            .header("stripe-signature", signature)
            .body(payload)
            .send()
            .await
            .map_err(|error| error.to_string())?;
        let status = response.status().as_u16();
        response
            .text()
            .await
            .map(|body| (status, body))
            .map_err(|error| error.to_string())
    }
}
