//! The routes of the simulated API, and how often each was called.
//!
//! One enum, so that routing, counting and ordering faults cannot speak of different sets.

use axum::http::Method;
use serde::{Deserialize, Serialize};

/// A route of Stripe's API that the simulator speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// `POST /v1/checkout/sessions`
    CreateSession,
    /// `GET /v1/checkout/sessions`
    ListSessions,
    /// `GET /v1/checkout/sessions/{id}`
    RetrieveSession,
    /// `POST /v1/checkout/sessions/{id}/expire`
    ExpireSession,
    /// `POST /v1/refunds`
    CreateRefund,
    /// `GET /v1/refunds/{id}`
    RetrieveRefund,
    /// `GET /v1/payment_intents/{id}`
    RetrieveIntent,
    /// `GET /v1/balance`
    Balance,
    /// `GET /v1/account`
    Account,
}

impl Endpoint {
    /// The route, and the id in its path where it has one.
    pub(super) fn of(method: &Method, path: &str) -> Option<(Endpoint, String)> {
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
            ("GET", [Some("payment_intents"), Some(id), None, ..]) => (Endpoint::RetrieveIntent, id),
            ("GET", [Some("balance"), None, ..]) => (Endpoint::Balance, ""),
            ("GET", [Some("account"), None, ..]) => (Endpoint::Account, ""),
            _ => return None,
        };
        Some((endpoint, id.to_owned()))
    }
}

/// Authenticated API calls received since the start, refused and failed ones included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CallCounts {
    /// `POST /v1/checkout/sessions`, replays included.
    pub create: u64,
    /// Of these, the ones that were answered from what was kept under their idempotency key.
    pub create_replayed: u64,
    /// `GET /v1/checkout/sessions/{id}`
    pub retrieve: u64,
    /// `GET /v1/checkout/sessions`
    pub list: u64,
    /// `POST /v1/checkout/sessions/{id}/expire`
    pub expire: u64,
    /// `POST /v1/refunds`, replays included.
    pub refund: u64,
    /// `GET /v1/refunds/{id}`
    pub refund_retrieve: u64,
    /// `GET /v1/payment_intents/{id}`
    pub intent_retrieve: u64,
    /// `GET /v1/balance` and `GET /v1/account`
    pub other: u64,
}

impl CallCounts {
    /// All calls together.
    pub fn total(&self) -> u64 {
        self.create
            + self.retrieve
            + self.list
            + self.expire
            + self.refund
            + self.refund_retrieve
            + self.intent_retrieve
            + self.other
    }

    pub(super) fn count(&mut self, endpoint: Endpoint) {
        *match endpoint {
            Endpoint::CreateSession => &mut self.create,
            Endpoint::ListSessions => &mut self.list,
            Endpoint::RetrieveSession => &mut self.retrieve,
            Endpoint::ExpireSession => &mut self.expire,
            Endpoint::CreateRefund => &mut self.refund,
            Endpoint::RetrieveRefund => &mut self.refund_retrieve,
            Endpoint::RetrieveIntent => &mut self.intent_retrieve,
            Endpoint::Balance | Endpoint::Account => &mut self.other,
        } += 1;
    }
}
