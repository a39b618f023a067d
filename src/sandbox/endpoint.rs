//! The endpoints of the simulated API, and the number of calls to each.
//!
//! One enum serves routing, counting and fault injection, so all three know the same endpoints.

use axum::http::Method;
use serde::{Deserialize, Serialize};

/// An endpoint of Stripe's API that the simulator supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// Creates a session: `POST /v1/checkout/sessions`.
    CreateSession,
    /// Lists sessions: `GET /v1/checkout/sessions`.
    ListSessions,
    /// Returns one session: `GET /v1/checkout/sessions/{id}`.
    RetrieveSession,
    /// Expires an open session: `POST /v1/checkout/sessions/{id}/expire`.
    ExpireSession,
    /// Creates a refund: `POST /v1/refunds`.
    CreateRefund,
    /// Returns one refund: `GET /v1/refunds/{id}`.
    RetrieveRefund,
    /// Lists refunds: `GET /v1/refunds`.
    ListRefunds,
    /// Returns one dispute: `GET /v1/disputes/{id}`.
    RetrieveDispute,
    /// Lists disputes: `GET /v1/disputes`.
    ListDisputes,
    /// Lists the webhook endpoint: `GET /v1/webhook_endpoints`.
    ListWebhookEndpoints,
    /// Returns one intent: `GET /v1/payment_intents/{id}`.
    RetrieveIntent,
    /// Returns the balance: `GET /v1/balance`.
    Balance,
    /// Returns the account: `GET /v1/account`.
    Account,
}

impl Endpoint {
    /// Returns the endpoint and the id in its path, which is empty if the endpoint has none.
    pub(super) fn parse_route(method: &Method, path: &str) -> Option<(Endpoint, String)> {
        let mut segments = path.strip_prefix("/v1/")?.trim_end_matches('/').split('/');
        let parts = [
            segments.next(),
            segments.next(),
            segments.next(),
            segments.next(),
            segments.next(),
        ];
        let (endpoint, id) = match (method.as_str(), parts) {
            ("POST", [Some("checkout"), Some("sessions"), None, ..]) => (Endpoint::CreateSession, ""),
            ("GET", [Some("checkout"), Some("sessions"), None, ..]) => (Endpoint::ListSessions, ""),
            ("GET", [Some("checkout"), Some("sessions"), Some(id), None, _]) => {
                (Endpoint::RetrieveSession, id)
            }
            ("POST", [Some("checkout"), Some("sessions"), Some(id), Some("expire"), None]) => {
                (Endpoint::ExpireSession, id)
            }
            ("POST", [Some("refunds"), None, ..]) => (Endpoint::CreateRefund, ""),
            ("GET", [Some("refunds"), Some(id), None, ..]) => (Endpoint::RetrieveRefund, id),
            ("GET", [Some("refunds"), None, ..]) => (Endpoint::ListRefunds, ""),
            ("GET", [Some("disputes"), Some(id), None, ..]) => (Endpoint::RetrieveDispute, id),
            ("GET", [Some("disputes"), None, ..]) => (Endpoint::ListDisputes, ""),
            ("GET", [Some("webhook_endpoints"), None, ..]) => (Endpoint::ListWebhookEndpoints, ""),
            ("GET", [Some("payment_intents"), Some(id), None, ..]) => (Endpoint::RetrieveIntent, id),
            ("GET", [Some("balance"), None, ..]) => (Endpoint::Balance, ""),
            ("GET", [Some("account"), None, ..]) => (Endpoint::Account, ""),
            _ => return None,
        };
        Some((endpoint, id.to_owned()))
    }
}

/// The number of authenticated API calls since the start, including refused and failed ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CallCounts {
    /// Counts `POST /v1/checkout/sessions`, including replays.
    pub create: u64,
    /// Counts those calls in `create` that replayed the response saved under their idempotency key.
    pub create_replayed: u64,
    /// Counts calls of `GET /v1/checkout/sessions/{id}`.
    pub retrieve: u64,
    /// Counts calls of `GET /v1/checkout/sessions`.
    pub list: u64,
    /// Counts calls of `POST /v1/checkout/sessions/{id}/expire`.
    pub expire: u64,
    /// Counts `POST /v1/refunds`, including replays.
    pub refund: u64,
    /// Counts calls of `GET /v1/refunds/{id}`.
    pub refund_retrieve: u64,
    /// Counts calls of `GET /v1/refunds`.
    pub refund_list: u64,
    /// Counts calls of `GET /v1/disputes` and of `GET /v1/disputes/{id}`.
    pub dispute: u64,
    /// Counts calls of `GET /v1/payment_intents/{id}`.
    pub intent_retrieve: u64,
    /// Counts `GET /v1/balance`, `GET /v1/account` and `GET /v1/webhook_endpoints`.
    pub other: u64,
}

impl CallCounts {
    /// Returns the number of all calls.
    pub fn total(&self) -> u64 {
        self.create
            + self.retrieve
            + self.list
            + self.expire
            + self.refund
            + self.refund_retrieve
            + self.refund_list
            + self.dispute
            + self.intent_retrieve
            + self.other
    }

    pub(super) fn add_call(&mut self, endpoint: Endpoint) {
        *match endpoint {
            Endpoint::CreateSession => &mut self.create,
            Endpoint::ListSessions => &mut self.list,
            Endpoint::RetrieveSession => &mut self.retrieve,
            Endpoint::ExpireSession => &mut self.expire,
            Endpoint::CreateRefund => &mut self.refund,
            Endpoint::RetrieveRefund => &mut self.refund_retrieve,
            Endpoint::ListRefunds => &mut self.refund_list,
            Endpoint::RetrieveDispute | Endpoint::ListDisputes => &mut self.dispute,
            Endpoint::RetrieveIntent => &mut self.intent_retrieve,
            Endpoint::Balance | Endpoint::Account | Endpoint::ListWebhookEndpoints => &mut self.other,
        } += 1;
    }
}
