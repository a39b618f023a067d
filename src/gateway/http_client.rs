//! The HTTP clients of this layer, all with the same TLS configuration.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use rustls::RootCertStore;
use secrecy::ExposeSecret as _;

use super::stripe_config::{SetupError, StripeConfig};

/// Builds the pooled client for Stripe, which sends the key and the API version with every request.
pub(super) fn build_stripe_client(config: &StripeConfig) -> Result<reqwest::Client, SetupError> {
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(build_tls_config()?)
        .default_headers(stripe_headers(config)?)
        .user_agent(concat!("holdfast/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        // Shorter than an attempt: if no connection was made, Stripe surely did nothing.
        .connect_timeout(config.attempt_timeout / 2)
        // Idle connections stay open between rushes, because a new TLS connection costs three round trips.
        .pool_idle_timeout(Duration::from_secs(300))
        .tcp_keepalive(Duration::from_secs(30))
        .http2_keep_alive_interval(Duration::from_secs(30))
        .http2_keep_alive_while_idle(true)
        .build()?;
    Ok(client)
}

/// Builds a client without a key and without retries, for one request to an address of our own.
pub(super) fn build_plain_client(timeout: Duration) -> Result<reqwest::Client, SetupError> {
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(build_tls_config()?)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(timeout)
        .build()?;
    Ok(client)
}

/// Builds the TLS configuration with the linked-in root certificates.
pub(super) fn build_tls_config() -> Result<rustls::ClientConfig, SetupError> {
    // Passed in, not installed for the process: building a client must not depend on which provider is linked or was
    // installed first.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(tls)
}

fn stripe_headers(config: &StripeConfig) -> Result<HeaderMap, SetupError> {
    let key = format!("Bearer {}", config.secret_key.expose_secret());
    let mut key = HeaderValue::from_str(&key).map_err(|_| SetupError::Key)?;
    // Keeps the key out of debug output (I9).
    key.set_sensitive(true);
    let version =
        HeaderValue::from_str(stripe_client_core::VERSION.as_str()).map_err(|_| SetupError::Version)?;
    Ok(HeaderMap::from_iter([
        (AUTHORIZATION, key),
        (HeaderName::from_static("stripe-version"), version),
    ]))
}
