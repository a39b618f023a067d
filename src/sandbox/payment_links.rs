//! Purchases through a Payment Link: sessions on the same account that the service did not make.
//!
//! The shop makes the link, with its price and metadata. The buyer can append `client_reference_id` to the link's URL
//! (docs.stripe.com/payment-links/url-parameters), with any text in it.

use serde::Deserialize;

use super::event_log::ChangeContext;
use super::object_views::SessionView;
use super::objects::{LineItem, Metadata, SessionParams};
use super::simulator::Simulator;
use super::{currencies, ids};

/// How long a session of a Payment Link can be paid.
const LIFETIME_SECONDS: i64 = 24 * 60 * 60;

/// A Payment Link that a buyer opens, with the parameters that the buyer adds.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaymentLinkVisit {
    /// The price of the link, in the currency's minor unit.
    pub amount: i64,
    /// The currency's lower-case ISO code.
    pub currency: String,
    /// The parameter that the buyer appends to the URL of the link.
    #[serde(default)]
    pub client_reference_id: Option<String>,
    /// The metadata of the link, which its sessions get.
    #[serde(default)]
    pub metadata: Metadata,
    /// The metadata in the link's `payment_intent_data`, which the intents of its sessions get.
    #[serde(default)]
    pub intent_metadata: Metadata,
}

impl PaymentLinkVisit {
    /// Returns what is wrong with the values, if anything is.
    pub(super) fn find_fault(&self) -> Option<&'static str> {
        if self.amount < 1 {
            Some("the amount must be at least 1")
        } else if !currencies::is_supported(&self.currency) {
            Some("unknown currency")
        } else {
            None
        }
    }

    fn into_session_params(self, host: &str, now: i64) -> SessionParams {
        SessionParams {
            line_items: vec![LineItem {
                id: ids::generate_line_item_id(),
                name: "Something else".to_owned(),
                description: None,
                unit_amount: self.amount,
                quantity: 1,
                images: Vec::new(),
            }],
            currency: self.currency,
            amount_subtotal: self.amount,
            success_url: format!("http://{host}/"),
            cancel_url: None,
            return_url: None,
            payment_link: Some(ids::generate_payment_link_id()),
            client_reference_id: self.client_reference_id,
            customer_email: None,
            metadata: self.metadata,
            intent_metadata: self.intent_metadata,
            intent_description: None,
            allowed_payment_method_types: Vec::new(),
            locale: None,
            submit_type: None,
            page: Default::default(),
            expires_at: now + LIFETIME_SECONDS,
        }
    }
}

impl Simulator {
    /// Opens a session as a buyer does who follows a Payment Link. It is paid and expired like any other session.
    pub fn visit_payment_link(&self, visit: PaymentLinkVisit) -> SessionView {
        self.visit_payment_link_at(visit, "127.0.0.1")
    }

    /// Opens the session, whose payment page is served under `host`.
    pub(super) fn visit_payment_link_at(&self, visit: PaymentLinkVisit, host: &str) -> SessionView {
        let now = self.now().timestamp();
        let params = visit.into_session_params(host, now);
        let context = ChangeContext::without_request(now);
        self.change_state(|state| SessionView::from(state.create_session(params, host, &context)))
    }
}
