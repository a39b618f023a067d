//! Connections to external services: calls to Stripe ([`Gateway`]), Stripe's webhooks ([`webhook`]), other people's
//! calendar feeds ([`calendar_feed`]) and the shop's endpoints ([`event_post`]).
//!
//! This layer turns each response into a few fields of our own, and each failure into a [`GatewayError`] that says
//! whether the call had an effect. Each call that changes something carries an idempotency key. Each call has a timeout
//! that includes all its retries. What to do with a response is left to `workflow`.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::domain::ids::{CommandId, DisputeId, IntentId, RefundId, SessionId};
use crate::domain::ledger::snapshots::{DisputeSnapshot, RefundSnapshot};
use crate::domain::money::Money;
use crate::domain::refusal_code::RefusalCode;
use crate::domain::session::{NewSession, SessionReport, SessionTerms};

mod addresses;
pub mod calendar_feed;
mod circuit_breaker;
pub mod client;
pub mod endpoint_probe;
pub mod event_post;
mod http_client;
mod ledger_calls;
mod ledger_objects;
mod outside_address;
mod page_request;
mod response;
mod retry;
pub mod stripe_config;
mod stripe_json;
mod stripe_objects;
mod stripe_rate_limit;
mod transport;
pub mod webhook;

/// The metadata key that carries the hold's id. Sessions and intents have it, so that events lead back to the hold.
pub const METADATA_KEY: &str = "holdfast_hold";
/// The metadata key that carries the id of the installation.
pub const INSTALLATION_KEY: &str = "holdfast_installation";
/// The metadata key of a refund that carries the id of the command that ordered it.
pub const COMMAND_KEY: &str = "holdfast_command";

/// A call to Stripe failed, and this is what is known of its effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// Stripe refused the request and did nothing. The same request will be refused again.
    #[error("Stripe refused: {0}")]
    Refused(Refusal),
    /// Nothing was done: Stripe could not be reached, refused because of load, or we did not send the request.
    #[error("Stripe is unavailable")]
    Unavailable {
        /// How long the caller should wait before it tries again, if that is known.
        retry_after: Option<Duration>,
    },
    /// The request was sent and no usable response came. It may or may not have had its effect.
    #[error("Stripe gave no usable answer")]
    Unknown,
}

impl GatewayError {
    /// Tells whether Stripe refused because the key lacks a permission.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.is_forbidden())
    }
}

/// A refusal in Stripe's own terms, without its message: a message may repeat what the guest typed (I9).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status of the response.
    pub status: u16,
    /// Stripe's `error.type`, such as `invalid_request_error`.
    pub kind: String,
    /// Stripe's `error.code`, such as `resource_missing`.
    pub code: Option<String>,
    /// Stripe's `error.param`, such as `customer_email`.
    pub param: Option<String>,
    /// Stripe's `Request-Id`, which its support asks for.
    pub request_id: Option<String>,
}

impl Refusal {
    /// Tells whether the key lacks a permission.
    pub fn is_forbidden(&self) -> bool {
        self.status == 403
    }
}

impl Refusal {
    /// Returns why Stripe refused, as one of few words.
    pub fn classify(&self) -> RefusalCode {
        RefusalCode::classify(self.status, self.code.as_deref(), self.param.as_deref())
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.status, self.kind)?;
        for part in [&self.code, &self.param, &self.request_id].into_iter().flatten() {
            write!(f, " {part}")?;
        }
        Ok(())
    }
}

/// What a call without any effect tells about the Stripe account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Whether the secret key is a live key, as Stripe reports it.
    pub livemode: bool,
    /// The time on Stripe's clock, from the `Date` header.
    pub date: Option<DateTime<Utc>>,
}

/// Which refunds or disputes to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListFilter {
    /// Those of one payment.
    OfIntent(IntentId),
    /// Those of the whole account that were made between two instants, both included, on Stripe's clock.
    Created {
        /// The earliest time of creation.
        from: DateTime<Utc>,
        /// The latest time of creation.
        to: DateTime<Utc>,
    },
}

/// One page of a list of Stripe's, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListPage<T> {
    /// The objects of the page.
    pub items: Vec<T>,
    /// Whether there are objects after the last one of the page.
    pub has_more: bool,
}

/// The calls to Stripe about refunds and disputes. Each returns snapshots, to be merged like those in events.
#[async_trait]
pub trait LedgerGateway: Send + Sync + 'static {
    /// Refunds this amount of a payment once for each `key`. The refund carries the command's id in its metadata, so that
    /// it is found again when Stripe has forgotten the key. Its status may be any, `failed` too.
    async fn create_refund(
        &self,
        intent: &IntentId,
        money: Money,
        command: CommandId,
        key: &str,
    ) -> Result<RefundSnapshot, GatewayError>;
    /// Lists a page of refunds: the first one, or the one after this refund. Fails as a whole if Stripe's answer has a
    /// refund that cannot be read, because the caller relies on it being complete.
    async fn list_refund_page(
        &self,
        filter: &ListFilter,
        after: Option<&RefundId>,
    ) -> Result<ListPage<RefundSnapshot>, GatewayError>;
    /// Lists a page of disputes, as [`list_refund_page`](Self::list_refund_page) does refunds.
    async fn list_dispute_page(
        &self,
        filter: &ListFilter,
        after: Option<&DisputeId>,
    ) -> Result<ListPage<DisputeSnapshot>, GatewayError>;

    /// Lists all refunds of a payment, from all pages.
    async fn list_refunds(&self, intent: &IntentId) -> Result<Vec<RefundSnapshot>, GatewayError> {
        let filter = ListFilter::OfIntent(intent.clone());
        let mut refunds: Vec<RefundSnapshot> = Vec::new();
        loop {
            let after = refunds.last().map(|refund| &refund.id);
            let page = self.list_refund_page(&filter, after).await?;
            refunds.extend(page.items);
            if !page.has_more {
                return Ok(refunds);
            }
        }
    }

    /// Lists all disputes of a payment, from all pages.
    async fn list_disputes(&self, intent: &IntentId) -> Result<Vec<DisputeSnapshot>, GatewayError> {
        let filter = ListFilter::OfIntent(intent.clone());
        let mut disputes: Vec<DisputeSnapshot> = Vec::new();
        loop {
            let after = disputes.last().map(|dispute| &dispute.id);
            let page = self.list_dispute_page(&filter, after).await?;
            disputes.extend(page.items);
            if !page.has_more {
                return Ok(disputes);
            }
        }
    }
}

/// A webhook endpoint of the account, as Stripe has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookEndpoint {
    /// Where Stripe sends events.
    pub url: String,
    /// Whether Stripe sends events there at all.
    pub is_enabled: bool,
    /// The types of events that Stripe sends there; `*` is nearly all.
    pub enabled_events: Vec<String>,
    /// The API version in which events are rendered; `None` is the account's default.
    pub api_version: Option<String>,
}

/// The calls that we make to Stripe.
#[async_trait]
pub trait Gateway: LedgerGateway {
    /// Creates a Checkout Session. The hold's id is the idempotency key: the same terms again return the same session.
    async fn create_session(&self, terms: &SessionTerms) -> Result<NewSession, GatewayError>;
    /// Expires an open session. Stripe refuses with 400 if the session is not open (then retrieve it), and with 404 if
    /// there is no such session.
    async fn expire_session(&self, id: &SessionId) -> Result<SessionReport, GatewayError>;
    /// Retrieves a session from Stripe.
    async fn retrieve_session(&self, id: &SessionId) -> Result<SessionReport, GatewayError>;
    /// Makes a call without any effect, to learn whether Stripe answers and accepts the key.
    async fn probe_account(&self) -> Result<Probe, GatewayError>;
    /// Lists the webhook endpoints of the account, at most 100. A restricted key may lack the permission.
    async fn list_webhook_endpoints(&self) -> Result<Vec<WebhookEndpoint>, GatewayError>;
}
