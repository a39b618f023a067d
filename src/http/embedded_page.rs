//! Payment pages that Stripe.js shows within the shop's own page.

use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;

use super::field_errors::FieldErrors;
use crate::domain::booking::Booking;
use crate::domain::hold::Status;
use crate::domain::session::{CheckoutUi, PaymentPage};
use crate::gateway::stripe_config::StripeJs;

/// Where the guest sees Stripe's payment page.
#[derive(Clone, Copy, Debug, Deserr, ToSchema)]
#[serde(rename_all = "snake_case")]
#[deserr(error = FieldErrors, rename_all = lowercase)]
#[schema(as = CheckoutUi)]
pub(super) enum CheckoutUiView {
    /// At Stripe: the shop sends the guest to `checkout_url`.
    Hosted,
    /// Within the shop's page: Stripe.js shows it with `client_secret`.
    Embedded,
}

impl CheckoutUiView {
    /// Returns where the page is to be. An embedded one needs a publishable key.
    pub(super) fn parse(
        requested: Option<Self>,
        stripe_js: Option<&StripeJs>,
    ) -> Result<CheckoutUi, &'static str> {
        match (requested, stripe_js) {
            (None | Some(Self::Hosted), _) => Ok(CheckoutUi::Hosted),
            (Some(Self::Embedded), Some(_)) => Ok(CheckoutUi::Embedded),
            (Some(Self::Embedded), None) => Err("embedded needs STRIPE_PUBLISHABLE_KEY, which is not set"),
        }
    }
}

/// What a page needs to show an embedded payment page: all members, or none.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
#[schema(as = EmbeddedPage)]
pub(super) struct EmbeddedPageView {
    /// The client secret of the session, for Stripe.js; only while an embedded hold is `held`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    client_secret: Option<String>,
    /// The account's publishable key, for Stripe.js; only with `client_secret`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "pk_test_simulator")]
    publishable_key: Option<String>,
    /// The URL of Stripe.js, which the page must load from there; only with `client_secret`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "https://js.stripe.com/endive/stripe.js")]
    stripe_js: Option<String>,
}

impl EmbeddedPageView {
    /// Shows the embedded page of a hold that can still be paid. The secret without the script would be of no use.
    pub(super) fn new(booking: &Booking, stripe_js: Option<&StripeJs>) -> Self {
        match (&booking.payment_page, stripe_js) {
            (Some(PaymentPage::Embedded(secret)), Some(stripe_js)) if booking.hold.status == Status::Held => {
                Self {
                    client_secret: Some(secret.clone()),
                    publishable_key: Some(stripe_js.publishable_key.clone()),
                    stripe_js: Some(stripe_js.url.to_string()),
                }
            }
            _ => Self::default(),
        }
    }
}
