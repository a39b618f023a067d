//! The calls to Stripe: builds each call of [`Gateway`] from async-stripe's typed requests, and sends it through a
//! circuit breaker, with retries.
//!
//! Every request that changes something has an idempotency key. The hold's id creates a session once; the command's key
//! makes a refund once. Each expire call has a new key, which its retries share, because a later call needs a new
//! answer: Stripe replays the saved answer of a used key.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use stripe_checkout::checkout_session::{
    CreateCheckoutSession, CreateCheckoutSessionAdaptivePricing,
    CreateCheckoutSessionAllowedPaymentMethodTypes, CreateCheckoutSessionLineItems,
    CreateCheckoutSessionLineItemsPriceData, CreateCheckoutSessionPaymentIntentData, ExpireCheckoutSession,
    RetrieveCheckoutSession,
};
use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest};
use stripe_shared::{CheckoutSessionMode, CheckoutSessionUiMode};
use stripe_types::Currency;
use tokio::time::Instant;
use uuid::Uuid;

use super::circuit_breaker::CircuitBreaker;
use super::response::{StripeHealth, unavailable};
use super::retry::send_with_retries;
use super::stripe_config::{SetupError, StripeConfig};
use super::stripe_json::Kept;
use super::stripe_rate_limit::StripeEndpoint;
use super::transport::{StripeCall, Transport};
use super::{
    Gateway, GatewayError, INSTALLATION_KEY, METADATA_KEY, Probe, Refusal, WebhookEndpoint, page_request,
    stripe_objects,
};
use crate::domain::ids::SessionId;
use crate::domain::payment_method::PaymentMethod;
use crate::domain::session::{CheckoutUi, NewSession, SessionReport, SessionTerms};

/// Calls Stripe over HTTPS.
pub struct StripeGateway {
    transport: Transport,
    breaker: CircuitBreaker,
    call_timeout: Duration,
}

impl StripeGateway {
    /// Builds the client for Stripe. It does not connect yet.
    ///
    /// # Errors
    /// [`SetupError`] if no client can be built from this configuration.
    pub fn new(config: &StripeConfig) -> Result<Self, SetupError> {
        Ok(Self {
            transport: Transport::new(config)?,
            breaker: CircuitBreaker::new(),
            call_timeout: config.call_timeout,
        })
    }

    /// Makes a call, with all its retries, within the call timeout, and records its duration and outcome.
    pub(super) async fn send_call<T>(&self, call: &StripeCall<'_, T>) -> Result<T, GatewayError> {
        let started = Instant::now();
        let result = self.send_through_breaker(call, started + self.call_timeout).await;
        let outcome = match &result {
            Ok(_) => "ok",
            Err(GatewayError::Refused(_)) => "refused",
            Err(GatewayError::Unavailable { .. }) => "unavailable",
            Err(GatewayError::Unknown) => "unknown",
        };
        let name = call.endpoint.name();
        metrics::histogram!("holdfast_stripe_call_seconds", "call" => name, "outcome" => outcome)
            .record(started.elapsed());
        result
    }

    async fn send_through_breaker<T>(
        &self,
        call: &StripeCall<'_, T>,
        deadline: Instant,
    ) -> Result<T, GatewayError> {
        let permit = match self.breaker.acquire_permit(Instant::now()) {
            Ok(permit) => permit,
            Err(wait) => return Err(unavailable(Some(wait))),
        };
        let result = send_with_retries(&self.transport, call, deadline).await;
        let health = result
            .as_ref()
            .map_or_else(|failure| failure.health, |_| StripeHealth::Healthy);
        match health {
            StripeHealth::Healthy => permit.record_success(),
            StripeHealth::Unhealthy => permit.record_failure(Instant::now()),
            StripeHealth::NotContacted => drop(permit),
        }
        let open = if self.breaker.is_open() { 1.0 } else { 0.0 };
        metrics::gauge!("holdfast_stripe_circuit_open").set(open);
        result.map_err(|failure| failure.error)
    }
}

#[async_trait]
impl Gateway for StripeGateway {
    async fn create_session(&self, terms: &SessionTerms) -> Result<NewSession, GatewayError> {
        let call = StripeCall {
            endpoint: StripeEndpoint::CreateSession,
            request: with_sorted_body(build_session_request(terms).build()),
            idempotency_key: Some(&terms.hold.to_string()),
            kept: Kept::Members(&stripe_objects::NEW_SESSION_MEMBERS),
            parse_response: |response| stripe_objects::parse_new_session(&response.json),
        };
        self.send_call(&call).await
    }

    async fn expire_session(&self, id: &SessionId) -> Result<SessionReport, GatewayError> {
        let call = StripeCall {
            endpoint: StripeEndpoint::ExpireSession,
            request: ExpireCheckoutSession::new(checked_path_segment(id.as_str())?).build(),
            idempotency_key: Some(&Uuid::new_v4().to_string()),
            kept: Kept::All,
            parse_response: |response| stripe_objects::parse_session_report(&response.json),
        };
        self.send_call(&call).await
    }

    async fn retrieve_session(&self, id: &SessionId) -> Result<SessionReport, GatewayError> {
        let call = StripeCall {
            endpoint: StripeEndpoint::Session,
            // The intent's status tells whether a delayed payment is still pending or has failed for good.
            request: RetrieveCheckoutSession::new(checked_path_segment(id.as_str())?)
                .expand(["payment_intent".to_owned()])
                .build(),
            idempotency_key: None,
            kept: Kept::All,
            parse_response: |response| stripe_objects::parse_session_report(&response.json),
        };
        self.send_call(&call).await
    }

    async fn probe_account(&self) -> Result<Probe, GatewayError> {
        let call = StripeCall {
            endpoint: StripeEndpoint::Probe,
            request: RequestBuilder::new(StripeMethod::Get, "/balance"),
            idempotency_key: None,
            kept: Kept::All,
            parse_response: |response| {
                Some(Probe {
                    livemode: response.json.get("livemode").and_then(Value::as_bool)?,
                    date: response.date,
                })
            },
        };
        self.send_call(&call).await
    }

    async fn list_webhook_endpoints(&self) -> Result<Vec<WebhookEndpoint>, GatewayError> {
        let call = StripeCall {
            endpoint: StripeEndpoint::ListWebhookEndpoints,
            request: RequestBuilder::new(StripeMethod::Get, "/webhook_endpoints")
                .query(&BTreeMap::from([("limit", 100)])),
            idempotency_key: None,
            kept: Kept::All,
            parse_response: |response| {
                stripe_objects::parse_list(&response.json, stripe_objects::parse_webhook_endpoint)
                    .map(|page| page.items)
            },
        };
        self.send_call(&call).await
    }
}

/// Returns an id for use in a path.
///
/// # Errors
/// The refusal of an unknown id, if the id would change the path: Stripe never makes such an id.
fn checked_path_segment(id: &str) -> Result<&str, GatewayError> {
    let is_plain = id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if is_plain && !id.is_empty() {
        return Ok(id);
    }
    Err(GatewayError::Refused(Refusal {
        status: 404,
        kind: "invalid_request_error".to_owned(),
        code: Some("resource_missing".to_owned()),
        ..Refusal::default()
    }))
}

/// Sorts the parameters of a body. Metadata comes from a map in any order, but Stripe accepts a used idempotency key
/// only with the same parameters.
pub(super) fn with_sorted_body(mut request: RequestBuilder) -> RequestBuilder {
    request.body = request.body.map(|body| {
        let mut parameters: Vec<&str> = body.split('&').collect();
        parameters.sort_unstable();
        parameters.join("&")
    });
    request
}

fn build_session_request(terms: &SessionTerms) -> CreateCheckoutSession {
    let hold = terms.hold.to_string();
    // Opaque ids only (I9).
    let metadata = HashMap::from([
        (METADATA_KEY.to_owned(), hold.clone()),
        (INSTALLATION_KEY.to_owned(), terms.installation.clone()),
    ]);
    let mut intent = CreateCheckoutSessionPaymentIntentData::new();
    // Both metadata maps carry the hold: by Stripe's documentation, events of intents, charges and refunds have only
    // the intent's map.
    intent.metadata = Some(metadata.clone());
    let suffix = terms.page.options.statement_descriptor_suffix.as_ref();
    intent.statement_descriptor_suffix = suffix.map(|suffix| suffix.as_str().to_owned());
    // The catalogue sets the currency too (I8). By the account's default Stripe may offer the guest's own currency.
    let mut one_currency = CreateCheckoutSessionAdaptivePricing::new();
    one_currency.enabled = Some(false);
    let request = CreateCheckoutSession::new()
        .mode(CheckoutSessionMode::Payment)
        .adaptive_pricing(one_currency)
        .line_items([build_line_item(terms)])
        .customer_email(&terms.email)
        .client_reference_id(hold)
        .metadata(metadata)
        .payment_intent_data(intent)
        .expires_at(terms.expires_at.timestamp());
    let request = match terms.ui {
        CheckoutUi::Hosted => request
            .success_url(&terms.success_url)
            .cancel_url(&terms.cancel_url),
        // An embedded page has one way out. Stripe refuses the two others.
        CheckoutUi::Embedded => request
            .ui_mode(CheckoutSessionUiMode::EmbeddedPage)
            .return_url(&terms.success_url),
    };
    let request = match terms.payment_methods.as_slice() {
        [] => request,
        methods => request
            .allowed_payment_method_types(methods.iter().map(to_payment_method_type).collect::<Vec<_>>()),
    };
    page_request::add_page_terms(request, &terms.page)
}

fn to_payment_method_type(method: &PaymentMethod) -> CreateCheckoutSessionAllowedPaymentMethodTypes {
    // This conversion cannot fail: async-stripe passes on a value that it does not know.
    let Ok(method) = method.as_str().parse();
    method
}

fn build_line_item(terms: &SessionTerms) -> CreateCheckoutSessionLineItems {
    // This conversion cannot fail: async-stripe passes on a value that it does not know.
    let Ok(currency) = terms.price.currency.code().parse::<Currency>();
    let mut price = CreateCheckoutSessionLineItemsPriceData::new(currency);
    price.unit_amount = Some(terms.price.amount);
    price.product_data = Some(page_request::build_product(&terms.name, &terms.page));
    price.tax_behavior = page_request::to_tax_behavior(&terms.page.options);
    let mut item = CreateCheckoutSessionLineItems::new();
    item.price_data = Some(price);
    item.quantity = Some(terms.quantity.into());
    item
}

#[cfg(test)]
mod tests;
