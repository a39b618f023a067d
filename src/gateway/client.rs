//! What we say to Stripe: each question of [`Gateway`] as one of async-stripe's typed requests, sent by our transport.
//!
//! Every request that changes something has an idempotency key: the hold's id makes a session once, the command's a
//! refund once. Expiring has a fresh key for each call, shared by that call's retries, since a later call wants a new
//! verdict. Answers are read by `wire`; how calls are timed, repeated and bounded is left to `transport`.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use stripe_checkout::checkout_session::{
    CreateCheckoutSession, CreateCheckoutSessionAdaptivePricing,
    CreateCheckoutSessionAllowedPaymentMethodTypes, CreateCheckoutSessionLineItems,
    CreateCheckoutSessionLineItemsPriceData, CreateCheckoutSessionPaymentIntentData, ExpireCheckoutSession,
    ProductData, RetrieveCheckoutSession,
};
use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest};
use stripe_core::refund::CreateRefund;
use stripe_shared::CheckoutSessionMode;
use stripe_types::Currency;
use url::Url;
use uuid::Uuid;

use super::limits::Endpoint;
use super::transport::{Call, Transport};
use super::{Gateway, GatewayError, INSTALLATION_KEY, METADATA_KEY, Probe, Refusal, wire};
use crate::domain::ids::{IntentId, SessionId};
use crate::domain::money::Money;
use crate::domain::payment_method::PaymentMethod;
use crate::domain::session::{NewSession, SessionReport, SessionTerms};

pub use super::limits::StripeRateLimits;

/// Stripe's own address.
pub const STRIPE_API: &str = "https://api.stripe.com";

/// How to reach Stripe, and how long to wait for it.
#[derive(Clone, Debug)]
pub struct StripeConfig {
    /// The account's secret (or restricted) key.
    pub secret_key: SecretString,
    /// Where the API is, without `/v1`.
    pub api_base: Url,
    /// How long one request may take, its answer included.
    pub attempt_timeout: Duration,
    /// How long one call may take, with all its retries and waits.
    pub budget: Duration,
    /// Requests a second; `None` sends without a limit, as to a simulator.
    pub limits: Option<StripeRateLimits>,
}

impl StripeConfig {
    /// The defaults for an API at `api_base`: 6 s for a request, since making a session takes Stripe seconds on a bad
    /// day, 10 s for a call, and Stripe's limits for the key's mode.
    pub fn new(secret_key: SecretString, api_base: Url) -> Self {
        let limits = if is_live_key(&secret_key) {
            StripeRateLimits::LIVE
        } else {
            StripeRateLimits::TEST
        };
        Self {
            secret_key,
            api_base,
            attempt_timeout: Duration::from_secs(6),
            budget: Duration::from_secs(10),
            limits: Some(limits),
        }
    }
}

/// Whether a key moves real money, by the prefix that Stripe gives it.
pub fn is_live_key(key: &SecretString) -> bool {
    let key = key.expose_secret();
    key.starts_with("sk_live_") || key.starts_with("rk_live_")
}

/// Why a gateway could not be set up. Never says what the key is.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The key holds characters that no HTTP header may.
    #[error("the Stripe key is not visible ASCII")]
    Key,
    /// The API version that the typed requests are made for cannot be sent.
    #[error("the Stripe API version cannot be sent")]
    Version,
    /// TLS.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    /// The HTTP client.
    #[error("the HTTP client cannot be set up")]
    Http(#[from] reqwest::Error),
}

/// Stripe, over HTTPS.
pub struct StripeGateway {
    transport: Transport,
}

impl StripeGateway {
    /// Sets up the client; connects to nothing yet.
    ///
    /// # Errors
    /// [`SetupError`] where the configuration cannot work at all.
    pub fn new(config: &StripeConfig) -> Result<Self, SetupError> {
        let transport = Transport::new(config)?;
        Ok(Self { transport })
    }
}

#[async_trait]
impl Gateway for StripeGateway {
    async fn create_session(&self, terms: &SessionTerms) -> Result<NewSession, GatewayError> {
        let call = Call {
            endpoint: Endpoint::CreateSession,
            request: in_one_order(create_request(terms).build()),
            key: Some(&terms.hold.to_string()),
            read: |answer| wire::new_session(&answer.json),
        };
        self.transport.send(&call).await
    }

    async fn expire_session(&self, id: &SessionId) -> Result<SessionReport, GatewayError> {
        let call = Call {
            endpoint: Endpoint::ExpireSession,
            request: ExpireCheckoutSession::new(path_part(id)?).build(),
            key: Some(&Uuid::new_v4().to_string()),
            read: |answer| wire::session_report(&answer.json),
        };
        self.transport.send(&call).await
    }

    async fn session(&self, id: &SessionId) -> Result<SessionReport, GatewayError> {
        let call = Call {
            endpoint: Endpoint::Session,
            // The intent says whether a delayed payment that has not come is still to be waited for.
            request: RetrieveCheckoutSession::new(path_part(id)?)
                .expand(["payment_intent".to_owned()])
                .build(),
            key: None,
            read: |answer| wire::session_report(&answer.json),
        };
        self.transport.send(&call).await
    }

    async fn refund(&self, intent: &IntentId, money: Money, key: &str) -> Result<(), GatewayError> {
        let all = CreateRefund::new().payment_intent(intent.as_str());
        let done = match self.give_back(all.clone().amount(money.amount), key).await {
            // Someone gave a part back by hand meanwhile. Without an amount Stripe gives back what is left.
            Err(GatewayError::Refused(refusal)) if is_more_than_is_left(&refusal) => {
                self.give_back(all, &format!("{key}-rest")).await
            }
            done => done,
        };
        match done {
            Err(GatewayError::Refused(refusal)) if is_refunded(&refusal) => Ok(()),
            done => done,
        }
    }

    async fn probe(&self) -> Result<Probe, GatewayError> {
        let call = Call {
            endpoint: Endpoint::Probe,
            request: RequestBuilder::new(StripeMethod::Get, "/balance"),
            key: None,
            read: |answer| {
                Some(Probe {
                    livemode: answer.json.get("livemode").and_then(Value::as_bool)?,
                    date: answer.date,
                })
            },
        };
        self.transport.send(&call).await
    }
}

impl StripeGateway {
    async fn give_back(&self, order: CreateRefund, key: &str) -> Result<(), GatewayError> {
        let call = Call {
            endpoint: Endpoint::Refund,
            request: order.build(),
            key: Some(key),
            read: |answer| wire::text(&answer.json, "id").map(|_| ()),
        };
        self.transport.send(&call).await
    }
}

/// The amount is the only parameter of a refund of ours that Stripe could mind, and it is never too small.
fn is_more_than_is_left(refusal: &Refusal) -> bool {
    refusal.status == 400 && refusal.param.as_deref() == Some("amount")
}

fn is_refunded(refusal: &Refusal) -> bool {
    refusal.code.as_deref() == Some("charge_already_refunded")
}

/// Ids go into paths as they are. One that would change the path is not of Stripe's making, and so names nothing.
fn path_part(id: &SessionId) -> Result<&str, GatewayError> {
    let id = id.as_str();
    let plain = id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if plain && !id.is_empty() {
        return Ok(id);
    }
    Err(GatewayError::Refused(Refusal {
        status: 404,
        kind: "invalid_request_error".to_owned(),
        code: Some("resource_missing".to_owned()),
        ..Refusal::default()
    }))
}

/// Metadata comes out of a map in any order; a repeated call must send the very same body, or its key does not fit.
fn in_one_order(mut request: RequestBuilder) -> RequestBuilder {
    request.body = request.body.map(|body| {
        let mut parameters: Vec<&str> = body.split('&').collect();
        parameters.sort_unstable();
        parameters.join("&")
    });
    request
}

/// Both metadata maps carry the hold: intent, charge and refund events know only the intent's (I9: nothing else).
fn create_request(terms: &SessionTerms) -> CreateCheckoutSession {
    let hold = terms.hold.to_string();
    let metadata = HashMap::from([
        (METADATA_KEY.to_owned(), hold.clone()),
        (INSTALLATION_KEY.to_owned(), terms.installation.clone()),
    ]);
    let mut intent = CreateCheckoutSessionPaymentIntentData::new();
    intent.metadata = Some(metadata.clone());
    // I8: the price is the catalogue's, also in its currency; Stripe would offer the guest's own by the account's default.
    let mut one_currency = CreateCheckoutSessionAdaptivePricing::new();
    one_currency.enabled = Some(false);
    let request = CreateCheckoutSession::new()
        .mode(CheckoutSessionMode::Payment)
        .adaptive_pricing(one_currency)
        .line_items([line_item(terms)])
        .customer_email(&terms.email)
        .client_reference_id(hold)
        .metadata(metadata)
        .payment_intent_data(intent)
        .success_url(&terms.success_url)
        .cancel_url(&terms.cancel_url)
        .expires_at(terms.expires_at.timestamp());
    match terms.payment_methods.as_slice() {
        [] => request,
        methods => request.allowed_payment_method_types(methods.iter().map(method).collect::<Vec<_>>()),
    }
}

fn method(method: &PaymentMethod) -> CreateCheckoutSessionAllowedPaymentMethodTypes {
    // The conversion cannot fail: what async-stripe does not know is passed on as it is.
    let Ok(method) = method.as_str().parse();
    method
}

fn line_item(terms: &SessionTerms) -> CreateCheckoutSessionLineItems {
    // The conversion cannot fail: what async-stripe does not know is passed on as it is.
    let Ok(currency) = terms.price.currency.code().parse::<Currency>();
    let mut price = CreateCheckoutSessionLineItemsPriceData::new(currency);
    price.unit_amount = Some(terms.price.amount);
    price.product_data = Some(ProductData::new(&terms.name));
    let mut item = CreateCheckoutSessionLineItems::new();
    item.price_data = Some(price);
    item.quantity = Some(terms.quantity.into());
    item
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chrono::DateTime;

    use super::*;
    use crate::domain::ids::HoldId;
    use crate::domain::money;

    fn terms() -> SessionTerms {
        SessionTerms {
            hold: HoldId(Uuid::from_u128(7)),
            name: "Cut & colour, 60′".into(),
            price: Money {
                amount: 5000,
                currency: money::Currency::parse("eur").unwrap(),
            },
            quantity: 1,
            email: "ada+1@example.com".into(),
            success_url: "https://shop.example/paid?session={CHECKOUT_SESSION_ID}&a=b c".into(),
            cancel_url: "https://shop.example/back".into(),
            expires_at: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
            payment_methods: vec![PaymentMethod::parse("card").unwrap()],
            installation: "here".into(),
        }
    }

    #[test]
    fn a_session_is_asked_for_with_exactly_these_parameters() {
        let request = create_request(&terms()).build();
        assert_eq!(request.path, "/checkout/sessions");
        let body = request.body.unwrap();
        let sent: BTreeMap<String, String> = url::form_urlencoded::parse(body.as_bytes())
            .into_owned()
            .collect();
        let hold = "00000000-0000-0000-0000-000000000007";
        let expected = [
            ("adaptive_pricing[enabled]", "false"),
            ("allowed_payment_method_types[0]", "card"),
            ("cancel_url", "https://shop.example/back"),
            ("client_reference_id", hold),
            ("customer_email", "ada+1@example.com"),
            ("expires_at", "1800000000"),
            ("line_items[0][price_data][currency]", "eur"),
            (
                "line_items[0][price_data][product_data][name]",
                "Cut & colour, 60′",
            ),
            ("line_items[0][price_data][unit_amount]", "5000"),
            ("line_items[0][quantity]", "1"),
            ("metadata[holdfast_hold]", hold),
            ("metadata[holdfast_installation]", "here"),
            ("mode", "payment"),
            ("payment_intent_data[metadata][holdfast_hold]", hold),
            ("payment_intent_data[metadata][holdfast_installation]", "here"),
            (
                "success_url",
                "https://shop.example/paid?session={CHECKOUT_SESSION_ID}&a=b c",
            ),
        ];
        let expected = expected.map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(sent, BTreeMap::from(expected), "{body}");
    }

    #[test]
    fn the_same_terms_make_the_same_body_so_that_the_key_fits() {
        let body = || in_one_order(create_request(&terms()).build()).body;
        assert_eq!(body(), body());
    }

    #[test]
    fn an_id_that_would_change_the_path_names_no_session() {
        for bad in ["", "cs_1/../cs_2", "..", "cs_1?expand=x", "cs 1", "cs_ä"] {
            assert!(path_part(&SessionId::new(bad)).is_err(), "{bad}");
        }
        assert_eq!(path_part(&SessionId::new("cs_test_a1B2")), Ok("cs_test_a1B2"));
    }

    #[test]
    fn a_key_is_live_by_its_prefix_and_sets_the_limits() {
        let base = || Url::parse(STRIPE_API).unwrap();
        for (key, live) in [
            ("sk_live_1", true),
            ("rk_live_1", true),
            ("sk_test_1", false),
            ("x", false),
        ] {
            assert_eq!(is_live_key(&key.into()), live, "{key}");
            let limits = if live {
                StripeRateLimits::LIVE
            } else {
                StripeRateLimits::TEST
            };
            assert_eq!(StripeConfig::new(key.into(), base()).limits, Some(limits));
        }
    }

    #[test]
    fn a_key_that_no_header_can_carry_is_a_fault_of_the_configuration() {
        let config = StripeConfig::new("sk_test\n1".into(), Url::parse(STRIPE_API).unwrap());
        assert!(matches!(StripeGateway::new(&config), Err(SetupError::Key)));
    }
}
